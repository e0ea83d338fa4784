"""Noise of a detector, and the variance that goes with it."""

from __future__ import annotations

import numpy as np

__all__ = ["expected_variance", "observe"]


def observe(rng: np.random.Generator, light: np.ndarray, *, gain: float = 1.0, read_noise: float = 0.0) -> np.ndarray:
    """Expose: photon (Poisson) noise and Gaussian read noise.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    light : ndarray
        Expected signal with the sky, in image units; negative values count as none.
    gain : float
        Electrons per image unit.
    read_noise : float
        Standard deviation of the read noise, electrons.

    Returns
    -------
    ndarray
        Image with noise, in image units, the sky still in it.
    """
    electrons = rng.poisson(np.maximum(light, 0) * gain).astype(float)
    if read_noise:
        electrons += rng.normal(0.0, read_noise, size=electrons.shape)
    return electrons / gain


def expected_variance(light: np.ndarray, *, gain: float = 1.0, read_noise: float = 0.0) -> np.ndarray:
    """Variance of what `observe` gives, in image units squared: ``(light gain + read_noise^2) / gain^2``.

    Parameters
    ----------
    light : ndarray
        Expected values, in image units.
    gain : float
        Electrons per image unit.
    read_noise : float
        Electrons.

    Returns
    -------
    ndarray
        Of the shape of `light`.
    """
    return (np.maximum(light, 0) * gain + read_noise**2) / gain**2
