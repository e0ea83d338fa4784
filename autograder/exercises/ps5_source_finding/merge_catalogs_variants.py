"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: two loops
def merge_catalogs(first, second, radius):
    from astropy.table import Table

    x = [row["x_centroid"] for row in first]
    y = [row["y_centroid"] for row in first]
    number = len(x)
    for row in second:
        is_new = True
        for i in range(number):
            if (row["x_centroid"] - x[i]) ** 2 + (row["y_centroid"] - y[i]) ** 2 <= radius ** 2:
                is_new = False
                break
        if is_new:
            x.append(row["x_centroid"])
            y.append(row["y_centroid"])
    print("merged", len(x))
    return Table({"x_centroid": np.array(x, dtype=float), "y_centroid": np.array(y, dtype=float)})

# %% variant: a tree
def merge_catalogs(first, second, radius):
    from astropy.table import QTable
    from scipy.spatial import cKDTree

    a = np.column_stack([first["x_centroid"], first["y_centroid"]])
    b = np.column_stack([second["x_centroid"], second["y_centroid"]])
    if len(a) and len(b):
        distance, _ = cKDTree(a).query(b)
        b = b[distance > radius]
    both = np.concatenate([a, b])
    return QTable([both[:, 0], both[:, 1]], names=("x_centroid", "y_centroid"))

# %% variant: pandas
def merge_catalogs(first, second, radius):
    import pandas as pd

    a = pd.DataFrame({"x_centroid": np.array(first["x_centroid"]), "y_centroid": np.array(first["y_centroid"])})
    b = pd.DataFrame({"x_centroid": np.array(second["x_centroid"]), "y_centroid": np.array(second["y_centroid"])})
    keep = [not (((a.x_centroid - r.x_centroid) ** 2 + (a.y_centroid - r.y_centroid) ** 2) < radius**2).any()
            for r in b.itertuples()]
    return pd.concat([a, b[np.array(keep, dtype=bool)]], ignore_index=True)

# %% variant: rows added to a copy
def merge_catalogs(first, second, radius):
    merged = first["x_centroid", "y_centroid"].copy()
    x0 = np.array(first["x_centroid"])
    y0 = np.array(first["y_centroid"])
    for x, y in zip(second["x_centroid"], second["y_centroid"]):
        if not np.any(np.hypot(x0 - x, y0 - y) <= radius):
            merged.add_row((x, y))
    return merged

# %% variant: a helper in another cell
def distances(x, y, table):
    return np.sqrt((table["x_centroid"] - x) ** 2 + (table["y_centroid"] - y) ** 2)
# %%
from astropy.table import vstack, Table

def merge_catalogs(first, second, radius=3.0):
    new_rows = [k for k in range(len(second))
                if len(first) == 0 or min(distances(second["x_centroid"][k], second["y_centroid"][k], first)) > radius]
    return vstack([Table(first), Table(second[new_rows])], metadata_conflicts="silent")

# %% variant: a lambda
from astropy.table import vstack
from scipy.spatial.distance import cdist

xy = lambda t: np.array([t["x_centroid"], t["y_centroid"]], dtype=float).T.reshape(-1, 2)
merge_catalogs = lambda first, second, radius: vstack(
    [first, second[~(cdist(xy(second), xy(first)) <= radius).any(axis=1)]], join_type="inner")

# %% variant: a class, in single precision
import sys
from astropy.table import QTable

class Merger:
    def __init__(self, x="x_centroid", y="y_centroid"):
        self.x, self.y = x, y

    def positions(self, table):
        return np.stack([np.asarray(table[self.x], np.float32), np.asarray(table[self.y], np.float32)], axis=-1)

    def __call__(self, first, second, radius):
        a, b = self.positions(first), self.positions(second)
        print(len(a), len(b), file=sys.stderr)
        squared = ((b[:, np.newaxis, :] - a[np.newaxis, :, :]) ** 2).sum(axis=2)
        all_of_them = np.vstack((a, b[np.all(squared > radius**2, axis=1)]))
        return QTable(all_of_them, names=[self.x, self.y])

merge_catalogs = Merger()

# %% variant: a search with complex numbers and a figure
import matplotlib.pyplot as plt
from astropy.table import Table
import warnings

def merge_catalogs(first: Table, second: Table, radius: float) -> Table:
    a = np.asarray(first["x_centroid"]) + 1j * np.asarray(first["y_centroid"])
    b = np.asarray(second["x_centroid"]) + 1j * np.asarray(second["y_centroid"])
    fresh = np.array([z for z in b if not np.any(abs(a - z) <= radius)], dtype=complex)
    both = np.concatenate([a, fresh])
    plt.plot(both.real, both.imag, "o")
    warnings.warn(f"{len(fresh)} new stars")
    return Table({"number": np.arange(len(both)), "x_centroid": both.real, "y_centroid": both.imag})
