"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: aperture_photometry in a loop
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture, aperture_photometry

    fluxes = []
    for r in radii:
        table = aperture_photometry(image, CircularAperture(position, r=r))
        fluxes.append(table["aperture_sum"][0])
    return fluxes

# %% variant: many apertures, one table
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture, aperture_photometry

    if len(radii) == 0:
        return np.array([])
    apertures = [CircularAperture(position, r) for r in radii]
    table = aperture_photometry(image, apertures)
    return np.array([table[f"aperture_sum_{k}"][0] for k in range(len(apertures))])

# %% variant: CurveOfGrowth, sorted and put back
def growth_curve(image, position, radii):
    from photutils.profiles import CurveOfGrowth

    radii = np.asarray(radii, dtype=float)
    if radii.size == 0:
        return radii
    if radii.size == 1:
        from photutils.aperture import CircularAperture

        return CircularAperture(position, radii[0]).do_photometry(image)[0]
    order = np.argsort(radii)
    fluxes = np.empty(len(radii))
    fluxes[order] = CurveOfGrowth(image, position, radii[order]).profile
    return fluxes

# %% variant: ApertureStats, tuple
def growth_curve(image: np.ndarray, position: tuple, radii) -> tuple:
    from photutils.aperture import ApertureStats, CircularAperture

    return tuple(float(ApertureStats(image, CircularAperture(position, r)).sum) for r in radii)

# %% variant: aperture masks
def growth_curve(image, position, radii):
    from photutils.aperture import CircularAperture

    def one(r):
        weighted = CircularAperture(position, r).to_mask(method="exact").multiply(image)
        return np.sum(weighted)

    return np.fromiter((one(r) for r in radii), dtype=np.float64)

# %% variant: fine sub-pixels by hand
def growth_curve(image, position, radii):
    n = 60
    x0, y0 = position
    ny, nx = image.shape
    fine = (np.arange(n) + 0.5) / n - 0.5
    answer = []
    for r in radii:
        total = 0.0
        for j in range(max(0, int(y0 - r - 1)), min(ny, int(y0 + r + 2))):
            for i in range(max(0, int(x0 - r - 1)), min(nx, int(x0 + r + 2))):
                far = np.hypot(abs(i - x0), abs(j - y0))
                if far < r - 0.75:
                    total += image[j, i]
                elif far < r + 0.75:
                    inside = (i + fine[None, :] - x0) ** 2 + (j + fine[:, None] - y0) ** 2 <= r**2
                    total += image[j, i] * inside.mean()
        answer.append(total)
    return np.array(answer)

# %% variant: float32, with prints and a figure
def growth_curve(image, position, radii):
    import matplotlib.pyplot as plt
    from photutils.aperture import CircularAperture

    fluxes = np.zeros(len(radii), dtype=np.float32)
    for k, r in enumerate(radii):
        fluxes[k] = CircularAperture(position, r).do_photometry(image)[0][0]
        print(r, fluxes[k])
    plt.plot(radii, fluxes)
    plt.show()
    return fluxes

# %% variant: lambda with an import above
from photutils.aperture import CircularAperture as Circle
# %%
growth_curve = lambda image, position, radii: [
    Circle(position, r).do_photometry(image)[0].item() for r in radii]

# %% variant: partial of a helper, with a warning
import functools
import warnings

def fluxes(method, image, position, radii):
    from photutils.aperture import CircularAperture
    if len(radii) > 10:
        warnings.warn("many radii")
    circles = [CircularAperture(position, r) for r in radii]
    return np.array([c.do_photometry(image, method=method)[0][0] for c in circles])
# %%
growth_curve = functools.partial(fluxes, "exact")
