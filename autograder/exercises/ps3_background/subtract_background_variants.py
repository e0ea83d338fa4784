"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: by hand, three rounds
def subtract_background(image, sigma=3.0):
    pixels = image[np.isfinite(image)].astype(float)
    for _ in range(3):
        middle, width = np.median(pixels), np.std(pixels)
        pixels = pixels[np.abs(pixels - middle) < sigma * width]
    level = np.median(pixels)
    print("level", level, "from", pixels.size, "pixels")
    return image.astype(float) - level, level

# %% variant: sigma_clip and a masked median
def subtract_background(image, sigma=3.0):
    from astropy.stats import sigma_clip

    clipped = sigma_clip(np.array(image, float), sigma=sigma, maxiters=None)
    level = np.ma.median(clipped)
    return [image - level, level]

# %% variant: photutils MedianBackground
def subtract_background(image: np.ndarray, sigma: float = 3.0) -> tuple[np.ndarray, float]:
    from astropy.stats import SigmaClip
    from photutils.background import MedianBackground

    estimator = MedianBackground(sigma_clip=SigmaClip(sigma=sigma))
    level = estimator(image[~np.isnan(image)].astype("float64"))
    return image - level, np.array([level])

# %% variant: until nothing changes, single precision
def subtract_background(image, sigma=3.0):
    kept = image.ravel()[~np.isnan(image.ravel())].astype(np.float32)
    before = -1
    while len(kept) != before:
        before = len(kept)
        kept = kept[abs(kept - np.median(kept)) <= sigma * kept.std()]
    level = np.median(kept)
    return image.astype(np.float32) - level, level

# %% variant: percentile of what is kept, with a warning
def subtract_background(image, sigma=3.0):
    import sys
    import warnings
    warnings.warn("estimating the sky", stacklevel=2)
    work = image.astype(float).copy()
    for _ in range(5):
        far = np.abs(work - np.nanmedian(work)) > sigma * np.nanstd(work)
        work[far] = np.nan
    level = np.nanpercentile(work, 50)
    sys.stderr.write(f"{far.sum()} pixels clipped\n")
    return np.subtract(image, level, dtype=float), level

# %% variant: helper function in another cell
from astropy.stats import sigma_clipped_stats

def sky_level(pixels, threshold):
    return sigma_clipped_stats(pixels, mask=~np.isfinite(pixels), sigma=threshold, maxiters=10)[1]
# %%
def subtract_background(image, sigma=3.0):
    level = sky_level(image, sigma)
    return image - level, level

# %% variant: lambda, helpers and one round of clipping
import functools
from scipy.stats import sigmaclip

def subtract(image, level):
    return 1.0 * image - level, level

def level_of(image, sigma):
    values = image[np.isfinite(image)].astype(float)
    # One round about the median.
    return np.median(values[np.abs(values - np.median(values)) < sigma * values.std()])
# %%
subtract_background = lambda image, sigma=3.0: functools.partial(subtract, image)(level_of(image, sigma))

# %% variant: callable object that draws
import matplotlib.pyplot as plt
from astropy.stats import SigmaClip

class Background:
    def __call__(self, image, sigma=3.0):
        clip = SigmaClip(sigma=sigma, maxiters=2)
        kept = clip(np.asarray(image, dtype=float), masked=False)
        self.level = float(np.nanmedian(kept))
        plt.hist(kept[np.isfinite(kept)], bins=30)
        plt.axvline(self.level)
        return np.asarray(image, dtype=float) - self.level, self.level
# %%
subtract_background = Background()

# %% variant: named arguments and a named tuple
from collections import namedtuple
from astropy.stats import sigma_clipped_stats

Result = namedtuple("Result", "subtracted level")
# %%
def subtract_background(image, sigma=3.0):
    finite = np.ma.masked_invalid(image.astype(float))
    mean, median, std = sigma_clipped_stats(finite, sigma=sigma, maxiters=5)
    return Result(subtracted=image - np.float64(median), level=np.float32(median))

# %% variant: clipped about the mean
def subtract_background(image, sigma=3.0):
    from astropy.stats import sigma_clip

    pixels = np.asarray(image, dtype=float)
    kept = sigma_clip(pixels[~np.isnan(pixels)], sigma, cenfunc="mean", masked=False)
    return pixels - np.median(kept), np.median(kept)
