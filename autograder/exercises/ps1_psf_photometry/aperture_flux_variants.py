"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: whole pixels, with a mask
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    ny, nx = image_cutout.shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    inside = (x - centroid_x) ** 2 + (y - centroid_y) ** 2 <= radius**2
    return image_cutout[inside].sum()

# %% variant: two loops
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    total = 0
    for j in range(len(image_cutout)):
        for i in range(len(image_cutout[0])):
            distance = ((i + x_start - centroid_x) ** 2 + (j + y_start - centroid_y) ** 2) ** 0.5
            if distance < radius:
                total += image_cutout[j, i]
    print("flux", total)
    return total

# %% variant: sub-pixels by repetition
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    n = 7
    fine = np.repeat(np.repeat(image_cutout, n, axis=0), n, axis=1) / n**2
    y = (np.arange(fine.shape[0]) + 0.5) / n - 0.5 + y_start
    x = (np.arange(fine.shape[1]) + 0.5) / n - 0.5 + x_start
    return np.float32(np.sum(fine * (np.hypot(x[None, :] - centroid_x, y[:, None] - centroid_y) <= radius)))

# %% variant: photutils, the exact overlap
def aperture_flux(image_cutout: np.ndarray, centroid_x: float, centroid_y: float, radius: float,
                  x_start: int, y_start: int) -> float:
    from photutils.aperture import CircularAperture

    circle = CircularAperture([centroid_x - x_start, centroid_y - y_start], r=radius)
    return circle.do_photometry(np.asarray(image_cutout, dtype=float))[0]

# %% variant: photutils on sub-pixels, warning and an array of one
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    import warnings

    warnings.warn("edge pixels are divided into 5 x 5", UserWarning, stacklevel=2)
    position = [(centroid_x - x_start, centroid_y - y_start)]
    table = aperture_photometry(image_cutout, CircularAperture(position, radius), method="subpixel", subpixels=5)
    return table["aperture_sum"].value

# %% variant: linear fall-off over the pixel at the rim
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    jj, ii = np.indices(image_cutout.shape)
    r = np.sqrt((ii - (centroid_x - x_start)) ** 2 + (jj - (centroid_y - y_start)) ** 2)
    weight = np.clip(radius + 0.5 - r, 0, 1)
    return (weight * image_cutout).sum().item()

# %% variant: a helper for the mask in another cell, np.where and nansum
def circle_mask(shape, x, y, r):
    rows, columns = np.ogrid[:shape[0], :shape[1]]
    return (columns - x)**2 + (rows - y)**2 < r**2

# %%
def aperture_flux(image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
    mask = circle_mask(np.shape(image_cutout), centroid_x - x_start, centroid_y - y_start, radius)
    return [np.nansum(np.where(mask, image_cutout, 0.0))]

# %% variant: a lambda
import math
aperture_flux = lambda image_cutout, cx, cy, r, x0, y0: sum(
    float(value)
    for j, row in enumerate(image_cutout.tolist())
    for i, value in enumerate(row)
    if math.hypot(x0 + i - cx, y0 + j - cy) <= r)

# %% variant: a callable object that draws the aperture
import matplotlib.pyplot as plt

class Aperture:
    def __init__(self, method="exact"):
        self.method = method

    def __call__(self, image_cutout, centroid_x, centroid_y, radius, x_start, y_start):
        aperture = CircularAperture((centroid_x - x_start, centroid_y - y_start), radius)
        plt.imshow(image_cutout, origin="lower")
        aperture.plot(color="w")
        mask = aperture.to_mask(method=self.method)
        return float(np.sum(mask.multiply(image_cutout)))

aperture_flux = Aperture()
