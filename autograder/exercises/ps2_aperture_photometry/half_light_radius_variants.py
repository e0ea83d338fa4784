"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: nearest sample
def half_light_radius(radii, fluxes):
    return radii[np.argmin(np.abs(fluxes - fluxes[-1] / 2))]

# %% variant: first sample at or above half
def half_light_radius(radii, fluxes):
    for radius, flux in zip(radii, fluxes):
        if flux >= 0.5 * fluxes[-1]:
            return radius

# %% variant: interpolated by hand
def half_light_radius(radii, fluxes):
    half = fluxes[-1] / 2
    k = np.flatnonzero(fluxes >= half)[0]
    slope = (fluxes[k] - fluxes[k - 1]) / (radii[k] - radii[k - 1])
    return radii[k - 1] + (half - fluxes[k - 1]) / slope

# %% variant: encircled energy first, array answer
def half_light_radius(radii: np.ndarray, fluxes: np.ndarray) -> np.ndarray:
    energy = np.array(fluxes) / fluxes[-1]
    return np.array([np.interp(0.5, energy[: energy.argmax() + 1], radii[: energy.argmax() + 1])])

# %% variant: searchsorted on the rising part, float32
def half_light_radius(radii, fluxes):
    rising = fluxes[: np.argmax(fluxes) + 1]
    return np.float32(radii[np.searchsorted(rising, 0.5 * fluxes[-1])])

# %% variant: scipy root
def half_light_radius(radii, fluxes):
    from scipy.interpolate import interp1d
    from scipy.optimize import brentq

    line = interp1d(radii, fluxes - 0.5 * fluxes[-1])
    top = radii[np.argmax(fluxes)]
    print("searching up to", top)
    return brentq(line, radii[0], top)

# %% variant: boolean index, smallest radius
def half_light_radius(radii, fluxes):
    good = np.asarray(fluxes) >= np.asarray(fluxes)[-1] * 0.5
    return min(np.asarray(radii)[good])

# %% variant: lambda
half_light_radius = lambda r, f: float(r[(abs(f - 0.5 * f[-1])).argmin()])

# %% variant: a helper that normalises, with a warning
import warnings

TARGET = 0.5

def encircled(fluxes):
    warnings.warn("normalising by the last value")
    return fluxes / fluxes[-1]
# %%
def half_light_radius(radii, fluxes):
    difference = np.abs(encircled(fluxes) - TARGET)
    return radii[np.where(difference == difference.min())][0]

# %% variant: callable object
class RadiusOf:
    def __init__(self, share):
        self.share = share

    def __call__(self, radii, fluxes):
        wanted = self.share * fluxes[-1]
        index = next(k for k, f in enumerate(fluxes) if f >= wanted)
        return float(radii[index])

half_light_radius = RadiusOf(0.5)

# %% variant: last sample below half
def half_light_radius(radii, fluxes):
    return max(r for r, f in zip(radii, fluxes) if f < 0.5 * fluxes[-1])
