"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: linear interpolation in a loop, filled in place
def align(cube, shifts):
    from scipy.ndimage import shift

    aligned = np.zeros(cube.shape)
    for k in range(len(cube)):
        aligned[k] = shift(cube[k].astype(float), (shifts[k][0], shifts[k][1]), order=1, mode="nearest")
    return aligned

# %% variant: phase ramp in Fourier space
def align(cube, shifts):
    from scipy.ndimage import fourier_shift

    return [np.fft.ifft2(fourier_shift(np.fft.fft2(frame), shift)).real for frame, shift in zip(cube, shifts)]

# %% variant: phase ramp by hand, single precision
def align(cube, shifts):
    ny, nx = cube.shape[1:]
    v, u = np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx)
    out = np.empty(cube.shape, dtype=np.float32)
    for k, (dy, dx) in enumerate(shifts):
        ramp = np.exp(-2j * np.pi * (u * dx + v * dy))
        out[k] = np.fft.irfft2(np.fft.rfft2(cube[k]) * ramp, s=(ny, nx))
    return out

# %% variant: scikit-image's warp
def align(cube, shifts):
    from skimage.transform import AffineTransform, warp

    aligned = []
    for frame, (dy, dx) in zip(cube, shifts):
        move = AffineTransform(translation=(dx, dy))
        aligned.append(warp(frame.astype(np.float64), move.inverse, order=3, preserve_range=True))
    return np.array(aligned)

# %% variant: map_coordinates, edges NaN
def align(cube: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    y, x = np.indices(cube.shape[1:], dtype=float)
    frames = [map_coordinates(frame.astype(float), [y - dy, x - dx], order=3, cval=np.nan)
              for frame, (dy, dx) in zip(cube, shifts)]
    return np.stack(frames)

# %% variant: four neighbours weighted by hand, wrapped edges
def align(cube, shifts):
    out = []
    for frame, (dy, dx) in zip(cube, shifts):
        frame = np.asarray(frame, dtype=float)
        iy, ix = int(np.floor(dy)), int(np.floor(dx))
        fy, fx = dy - iy, dx - ix
        moved = np.zeros(frame.shape)
        for sy, wy in ((iy, 1 - fy), (iy + 1, fy)):
            for sx, wx in ((ix, 1 - fx), (ix + 1, fx)):
                moved += wy * wx * np.roll(frame, (sy, sx), axis=(0, 1))
        out.append(moved)
    return np.array(out)

# %% variant: spline object, with a print and a figure
def align(cube, shifts):
    import matplotlib.pyplot as plt
    from scipy.interpolate import RectBivariateSpline

    ny, nx = cube[0].shape
    result = np.full(cube.shape, 0.0)
    for k, (dy, dx) in enumerate(shifts):
        spline = RectBivariateSpline(np.arange(ny), np.arange(nx), cube[k].astype(float))
        result[k] = spline(np.arange(ny) - dy, np.arange(nx) - dx)
        print("frame", k, "moved by", dy, dx)
    plt.imshow(result.sum(axis=0), origin="lower")
    return result

# %% variant: helper in another cell
import sys
from scipy import ndimage

def move(frame, dy, dx):
    return ndimage.shift(np.array(frame, float), [dy, dx], order=5, cval=0.0)
# %%
def align(cube, shifts):
    print("aligning", len(cube), file=sys.stderr)
    return np.array([move(f, *s) for f, s in zip(cube, shifts)])

# %% variant: lambda
import scipy.ndimage
align = lambda cube, shifts: np.array(list(map(
    lambda k: scipy.ndimage.shift(cube[k] * 1.0, shifts[k], order=3, mode="grid-wrap"), range(len(cube)))))

# %% variant: callable object with functools.partial, with a warning
import warnings
from functools import partial
from scipy import ndimage

class Aligner:
    def __init__(self, order):
        self.move = partial(ndimage.shift, order=order, mode="reflect", output=float)

    def __call__(self, cube, shifts):
        warnings.warn("edges are invented")
        return np.stack([self.move(frame, shift) for frame, shift in zip(cube, np.asarray(shifts))])

align = Aligner(4)
