"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: Background2D
from astropy.stats import SigmaClip
from photutils.background import Background2D, MedianBackground

def background_map(image, box_size, filter_size):
    image = np.asarray(image, dtype=float)
    background = Background2D(image, box_size, filter_size=filter_size, sigma_clip=SigmaClip(sigma=3.0),
                              bkg_estimator=MedianBackground())
    return background.background

# %% variant: defaults
from photutils.background import Background2D
# %%
background_map = lambda image, box_size, filter_size: Background2D(image, box_size, filter_size=filter_size).background

# %% variant: mode estimator, looser clipping, single precision
def background_map(image: np.ndarray, box_size, filter_size) -> np.ndarray:
    import warnings

    from astropy.stats import SigmaClip
    from photutils.background import Background2D, SExtractorBackground

    warnings.warn("estimating", stacklevel=2)
    made = Background2D(image, box_size, filter_size=filter_size, sigma_clip=SigmaClip(2.5, maxiters=10),
                        bkg_estimator=SExtractorBackground())
    return made.background.astype(np.float32)

# %% variant: sources masked first
def background_map(image, box_size, filter_size):
    from astropy.stats import sigma_clipped_stats
    from photutils.background import Background2D
    from scipy import ndimage

    first = Background2D(image, box_size, filter_size=filter_size).background
    rest = image - first
    spread = sigma_clipped_stats(rest)[2]
    mask = ndimage.binary_dilation(ndimage.gaussian_filter(rest, 1.5) > 1.5 * spread, iterations=2)
    print("masked", mask.mean())
    return Background2D(image, box_size, mask=mask, filter_size=filter_size, exclude_percentile=70).background

# %% variant: boxes by hand, spline between them
def background_map(image, box_size, filter_size):
    from astropy.stats import sigma_clipped_stats
    from scipy import interpolate, ndimage

    by, bx = (box_size, box_size) if np.ndim(box_size) == 0 else box_size
    ny, nx = image.shape
    rows, columns = max(2, round(ny / by)), max(2, round(nx / bx))
    edges_y, edges_x = np.linspace(0, ny, rows + 1).astype(int), np.linspace(0, nx, columns + 1).astype(int)
    mesh = np.zeros((rows, columns))
    for j in range(rows):
        for i in range(columns):
            box = image[edges_y[j]:edges_y[j + 1], edges_x[i]:edges_x[i + 1]]
            mesh[j, i] = sigma_clipped_stats(box.astype(float), sigma=3)[1]
    mesh = ndimage.median_filter(mesh, size=filter_size, mode="nearest")
    y, x = (edges_y[:-1] + edges_y[1:] - 1) / 2, (edges_x[:-1] + edges_x[1:] - 1) / 2
    spline = interpolate.RectBivariateSpline(y, x, mesh, kx=1, ky=1)
    return spline(np.arange(ny), np.arange(nx))

# %% variant: a polynomial through the clipped pixels
def background_map(image, box_size, filter_size):
    y, x = np.mgrid[:image.shape[0], :image.shape[1]]
    u, v = x.ravel() / image.shape[1], y.ravel() / image.shape[0]
    terms = np.column_stack([np.ones_like(u), u, v, u * v, u**2, v**2, u * v**2])
    values = image.astype(float).ravel()
    good = np.ones(values.size, bool)
    for _ in range(12):
        fit, *_ = np.linalg.lstsq(terms[good], values[good], rcond=None)
        rest = values - terms @ fit
        good = np.abs(rest - np.median(rest[good])) < 2.5 * rest[good].std()
    return (terms @ fit).reshape(image.shape)

# %% variant: inverse-distance interpolation, helper in another cell
from photutils.background import Background2D, BkgIDWInterpolator, BiweightLocationBackground

def make(image, box, filt):
    box = (box, box) if isinstance(box, int) else tuple(box)
    filt = (filt, filt) if isinstance(filt, int) else tuple(filt)
    return Background2D(image, box, filter_size=filt, bkg_estimator=BiweightLocationBackground(),
                        interpolator=BkgIDWInterpolator())
# %%
def background_map(image, box_size, filter_size):
    return make(image, box_size, filter_size).background

# %% variant: callable object that draws
import sys
import matplotlib.pyplot as plt
from photutils.background import Background2D, MMMBackground

class Map:
    def __call__(self, image, box_size, filter_size):
        self.made = Background2D(np.array(image, dtype=float), box_size, filter_size=filter_size,
                                 bkg_estimator=MMMBackground())
        plt.figure()
        plt.imshow(self.made.background, origin="lower")
        sys.stderr.write("drawn\n")
        return self.made.background
# %%
background_map = Map()

# %% variant: partial
import functools
from astropy.stats import SigmaClip
from photutils.background import Background2D, MedianBackground

def with_settings(clip, estimator, image, box_size, filter_size):
    return np.ma.asarray(Background2D(image, box_size, filter_size=filter_size, sigma_clip=clip,
                                      bkg_estimator=estimator).background)
# %%
background_map = functools.partial(with_settings, SigmaClip(sigma=3.0), MedianBackground())
