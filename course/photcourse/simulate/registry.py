"""Builders of the embedded files, by name, and the one way in which they are written."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

__all__ = ["builder", "builders", "make", "write_fits"]

Builder = Callable[[Path], None]
_BUILDERS: dict[str, tuple[str, Builder]] = {}


def builder(name: str, file_name: str) -> Callable[[Builder], Builder]:
    """Register a function that writes an embedded file.

    Parameters
    ----------
    name : str
        What ``python -m photcourse.simulate.build NAME`` calls it; also the manifest's ``builder``.
    file_name : str
        Name of the file in ``photcourse/embedded``.

    Returns
    -------
    callable
        A decorator that gives its function back.
    """

    def register(function: Builder) -> Builder:
        if name in _BUILDERS and _BUILDERS[name][1].__module__ != function.__module__:
            raise ValueError(f"two builders are named {name!r}")
        _BUILDERS[name] = (file_name, function)
        return function

    return register


def builders() -> Mapping[str, str]:
    """Return the file name of every builder, by the builder's name; imports all of `photcourse.simulate`.

    Returns
    -------
    mapping of str to str
        To be looked at, not changed.
    """
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "build":
            importlib.import_module(f"{__package__}.{module.name}")
    return {name: file_name for name, (file_name, _) in sorted(_BUILDERS.items())}


def make(name: str, folder: str | Path) -> Path:
    """Make one embedded file in `folder` and return its path.

    Parameters
    ----------
    name : str
        Of a builder.
    folder : path-like
        Where the file is written.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    KeyError
        No builder has this name.
    """
    known = builders()
    if name not in known:
        raise KeyError(f"no builder is named {name!r}; known are {', '.join(known)}")
    path = Path(folder) / known[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    _BUILDERS[name][1](path)
    return path


def write_fits(
    path: str | Path,
    planes: Mapping[str, np.ndarray],
    *,
    header: fits.Header | None = None,
    headers: Mapping[str, fits.Header] | None = None,
    tables: Mapping[str, Table] | None = None,
    steps: Mapping[str, float] | None = None,
) -> None:
    """Write a tile-compressed FITS file whose bytes depend on its contents alone.

    Parameters
    ----------
    path : path-like
        The file; replaced if it is there.
    planes : mapping of str to ndarray
        Images (or cubes) by extension name, the main one first. Integers are kept exactly; floats are
        quantised with subtractive dithering (so that means, and with them fluxes, stay unbiased).
    header : Header, optional
        Cards of the primary header.
    headers : mapping of str to Header, optional
        Cards of single planes (WCS, BUNIT).
    tables : mapping of str to Table, optional
        Binary tables by extension name; ``truth`` is the one that `photcourse.data` shows as `truth`.
    steps : mapping of str to float, optional
        Quantisation step of a float plane in its unit; the default is 1/16 of the plane's noise as
        measured by the compressor. A step adds ``step**2 / 12`` to the variance. A step of 0 keeps the
        plane as float32, losslessly.
    """
    hdus = fits.HDUList([fits.PrimaryHDU(header=header)])
    for number, (name, plane) in enumerate(planes.items()):
        hdus.append(_compressed(name, np.asarray(plane), number, (headers or {}).get(name), (steps or {}).get(name)))
    for name, table in (tables or {}).items():
        # Table meta would become header cards with the order of a dictionary: only columns are written.
        hdu = fits.table_to_hdu(Table(table, meta={}))
        hdu.name = name.upper()
        hdus.append(hdu)
    hdus.writeto(path, overwrite=True)


def _compressed(
    name: str, plane: np.ndarray, number: int, header: fits.Header | None, step: float | None
) -> fits.CompImageHDU:
    header = fits.Header() if header is None else header.copy()
    if plane.dtype.kind in "iu":
        return fits.CompImageHDU(plane, header=header, name=name.upper(), compression_type="RICE_1")
    plane = plane.astype(np.float32)
    if step == 0:
        # quantize_level 0 means no quantising, which only the gzip compressors can follow.
        return fits.CompImageHDU(plane, header=header, name=name.upper(), compression_type="GZIP_2", quantize_level=0)
    return fits.CompImageHDU(
        plane,
        header=header,
        name=name.upper(),
        compression_type="RICE_1",
        tile_shape=_tile(plane.shape),
        quantize_level=16.0 if step is None else -float(step),
        quantize_method=fits.hdu.compressed.SUBTRACTIVE_DITHER_1,
        dither_seed=number + 1,
    )


def _tile(shape: Sequence[int]) -> tuple[int, ...]:
    """Tiles of 16 rows: small enough to follow the noise, large enough to measure it."""
    return (*(1,) * (len(shape) - 2), min(16, shape[-2]), shape[-1])
