"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: median filter, no phase normalisation
def shifts_from_correlation(cube, upsample_factor=100):
    from scipy.ndimage import median_filter
    from skimage.registration import phase_cross_correlation

    cleaned = median_filter(cube, size=(1, 3, 3))
    shifts = np.zeros((len(cube), 2))
    for k in range(1, len(cube)):
        shift, error, phase = phase_cross_correlation(cleaned[0], cleaned[k], upsample_factor=upsample_factor,
                                                      normalization=None)
        shifts[k] = shift
    return shifts

# %% variant: wide smoothing, list of arrays
def shifts_from_correlation(cube, upsample_factor=100):
    from scipy import ndimage as ndi
    from skimage import registration

    shifts = [np.zeros(2)]
    reference = ndi.gaussian_filter(cube[0], sigma=2.5)
    for frame in cube[1:]:
        moving = ndi.gaussian_filter(frame, sigma=2.5)
        result = registration.phase_cross_correlation(reference, moving, normalization=None,
                                                      upsample_factor=upsample_factor)
        shifts.append(result[0])
    return shifts

# %% variant: slight smoothing, single precision, prints
def shifts_from_correlation(cube, upsample_factor=100):
    import sys

    import skimage.filters
    from skimage.registration import phase_cross_correlation

    soft = [skimage.filters.gaussian(f, sigma=0.85, preserve_range=True) for f in cube]
    out = []
    for f in soft:
        out.append(phase_cross_correlation(soft[0], f, upsample_factor=upsample_factor, normalization=None)[0])
        print("shift", out[-1])
        print("done", file=sys.stderr)
    return np.array(out, dtype=np.float32)

# %% variant: plain call, and where that finds nothing a mask
def shifts_from_correlation(cube, upsample_factor=100):
    from skimage.registration import phase_cross_correlation

    stars = (cube > 50).any(axis=0)
    rows = []
    for frame in cube:
        shift = phase_cross_correlation(cube[0], frame, upsample_factor=upsample_factor)[0]
        if np.abs(shift).max() < 0.5:
            shift = phase_cross_correlation(cube[0], frame, reference_mask=stars, moving_mask=stars)[0]
        rows.append(tuple(float(s) for s in shift))
    return rows

# %% variant: a mask for the whole pixels, then the rest on the frame moved back
def shifts_from_correlation(cube: np.ndarray, upsample_factor: int = 100) -> np.ndarray:
    from scipy import ndimage
    from skimage.registration import phase_cross_correlation

    stars = ndimage.binary_dilation((ndimage.median_filter(cube, (1, 3, 3)) > 40).any(axis=0), iterations=2)
    smooth = ndimage.gaussian_filter(cube, (0, 1, 1))
    shifts = []
    for frame, soft in zip(cube, smooth):
        whole = phase_cross_correlation(cube[0], frame, reference_mask=stars, moving_mask=stars)[0]
        moved = np.roll(soft, whole.astype(int), axis=(0, 1))
        rest = phase_cross_correlation(smooth[0], moved, upsample_factor=upsample_factor, normalization=None)[0]
        shifts.append(whole + rest)
    return np.array(shifts)

# %% variant: binned two by two, in finer steps, with a warning
def shifts_from_correlation(cube, upsample_factor=100):
    import warnings

    from scipy.ndimage import median_filter
    from skimage.measure import block_reduce
    from skimage.registration import phase_cross_correlation

    warnings.warn("binning", stacklevel=2)
    ny, nx = cube.shape[1] // 2 * 2, cube.shape[2] // 2 * 2
    binned = [block_reduce(median_filter(f[:ny, :nx], 3), (2, 2), np.sum) for f in cube]
    return np.stack([2 * phase_cross_correlation(binned[0], b, upsample_factor=2 * upsample_factor,
                                                 normalization=None)[0] for b in binned])

# %% variant: own Fourier transform and a parabola through the peak
def shifts_from_correlation(cube, upsample_factor=100):
    from scipy import ndimage

    ny, nx = cube.shape[1:]
    first = np.fft.fft2(ndimage.gaussian_filter(cube[0], 2.0))

    def vertex(left, middle, right):
        # A Gaussian peak is a parabola in its logarithm.
        left, middle, right = np.log([left, middle, right])
        return 0.5 * (left - right) / (left - 2 * middle + right)

    shifts = []
    for frame in cube:
        image = np.fft.ifft2(first * np.conj(np.fft.fft2(ndimage.gaussian_filter(frame, 2.0)))).real
        image = image - np.median(image)
        py, px = np.unravel_index(image.argmax(), image.shape)
        dy = py + vertex(image[py - 1, px], image[py, px], image[(py + 1) % ny, px])
        dx = px + vertex(image[py, px - 1], image[py, px], image[py, (px + 1) % nx])
        shifts.append([dy - ny if dy > ny / 2 else dy, dx - nx if dx > nx / 2 else dx])
    return np.array(shifts)

# %% variant: helper in another cell, with a figure
from skimage.registration import phase_cross_correlation
from scipy.ndimage import gaussian_filter
import matplotlib.pyplot as plt

def one_shift(first, other, factor):
    return phase_cross_correlation(gaussian_filter(first, 1), gaussian_filter(other, 1),
                                   upsample_factor=factor, normalization=None)[0]
# %%
def shifts_from_correlation(cube, upsample_factor=100):
    shifts = np.empty((cube.shape[0], 2))
    for k, frame in enumerate(cube):
        shifts[k] = one_shift(cube[0], frame, upsample_factor)
    plt.plot(shifts[:, 1], shifts[:, 0], "o")
    plt.xlabel("dx (pixel)")
    return shifts

# %% variant: lambda
import scipy.ndimage, skimage.registration
shifts_from_correlation = lambda cube, upsample_factor=100: [
    skimage.registration.phase_cross_correlation(
        scipy.ndimage.gaussian_filter(cube[0], 2), scipy.ndimage.gaussian_filter(frame, 2),
        upsample_factor=upsample_factor, normalization=None)[0].tolist()
    for frame in cube]

# %% variant: callable object and functools.partial
from functools import partial
from scipy.ndimage import gaussian_filter
from skimage.registration import phase_cross_correlation

class Register:
    def __init__(self, sigma):
        self.soften = partial(gaussian_filter, sigma=sigma)

    def __call__(self, cube, upsample_factor=100):
        find = partial(phase_cross_correlation, self.soften(cube[0]), upsample_factor=upsample_factor,
                       normalization=None)
        return np.array([find(self.soften(frame))[0] for frame in cube])

shifts_from_correlation = Register(1.8)
