"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: calls center_of_mass in a loop
def shifts_from_centers(cube):
    x0, y0 = center_of_mass(cube[0])
    shifts = []
    for frame in cube:
        x, y = center_of_mass(frame)
        shifts.append((y0 - y, x0 - x))
    return shifts

# %% variant: photutils, array filled row by row
def shifts_from_centers(cube):
    from photutils.centroids import centroid_com

    shifts = np.zeros((len(cube), 2))
    first = None
    for k, frame in enumerate(cube):
        x, y = centroid_com(np.clip(np.nan_to_num(frame), 0, None))
        first = (y, x) if first is None else first
        shifts[k] = first[0] - y, first[1] - x
    return shifts

# %% variant: scipy, which gives (row, column) already
def shifts_from_centers(cube):
    from scipy import ndimage

    rows = np.array([ndimage.center_of_mass(np.where(f > 0, f, 0)) for f in cube])
    return rows[0] - rows

# %% variant: all frames at once
def shifts_from_centers(cube: np.ndarray) -> np.ndarray:
    light = np.where(cube > 0, cube, 0).astype(float)
    total = light.sum(axis=(1, 2))
    y = (light.sum(axis=2) * np.arange(cube.shape[1])).sum(axis=1) / total
    x = (light.sum(axis=1) * np.arange(cube.shape[2])).sum(axis=1) / total
    return np.column_stack([y[0] - y, x[0] - x])

# %% variant: negative noise kept, which at this noise changes nothing
def shifts_from_centers(cube):
    light = np.nan_to_num(cube)
    y, x = np.indices(cube.shape[1:])
    norm = light.sum(axis=(1, 2))
    cy, cx = (light * y).sum(axis=(1, 2)) / norm, (light * x).sum(axis=(1, 2)) / norm
    return np.stack([cy[0] - cy, cx[0] - cx], axis=-1).astype(np.float32)

# %% variant: nested lists, with a print and a figure
def shifts_from_centers(cube):
    import matplotlib.pyplot as plt

    centers = [center_of_mass(frame) for frame in cube]
    plt.plot([c[0] for c in centers], [c[1] for c in centers], "o-")
    plt.xlabel("x (pixel)")
    print(centers)
    return [[float(centers[0][1] - y), float(centers[0][0] - x)] for x, y in centers]

# %% variant: helper in another cell
def both(frame):
    x, y = center_of_mass(frame)
    return np.array([y, x])
# %%
import sys
def shifts_from_centers(cube):
    reference = both(cube[0])
    print("reference", reference, file=sys.stderr)
    return np.vstack([reference - both(frame) for frame in cube])

# %% variant: lambda
shifts_from_centers = lambda cube: np.array(
    [np.subtract(center_of_mass(cube[0]), center_of_mass(f))[::-1] for f in cube])

# %% variant: callable object that warns
import warnings

class Shifts:
    def __call__(self, cube):
        warnings.warn("centres of mass want the background gone")
        c = np.array([center_of_mass(f) for f in cube])
        return np.flip(c[:1] - c, axis=1)

shifts_from_centers = Shifts()

# %% variant: functools.partial, masked brightest light only
from functools import partial

def relative(cube, part):
    out = []
    for f in cube:
        f = np.nan_to_num(f)
        w = np.where(f > part * f.max(), f, 0)
        yy, xx = np.indices(f.shape)
        out.append([(w * yy).sum() / w.sum(), (w * xx).sum() / w.sum()])
    out = np.array(out)
    return out[0] - out

shifts_from_centers = partial(relative, part=1e-4)
