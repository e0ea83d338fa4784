"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: primary HDU, header of its own
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    hdu = fits.PrimaryHDU(data=aligned_cube.sum(axis=0), header=header.copy())
    hdu.header.add_comment("Stack of aligned frames (sum)")
    hdu.header.add_history("stacked")
    hdu.writeto(path, overwrite=True)

# %% variant: single precision, deep copy, path object
def write_stack(path, aligned_cube, header):
    import copy
    from pathlib import Path

    from astropy.io import fits

    new = copy.deepcopy(header)
    new["COMMENT"] = "The frames were aligned with the first frame"
    new["COMMENT"] = "and added."
    new["HISTORY"] = "align, sum"
    fits.writeto(Path(path), np.nansum(aligned_cube, axis=0).astype(np.float32), header=new, overwrite=True)

# %% variant: old file removed by hand, loop over the frames
def write_stack(path, aligned_cube, header):
    import os

    from astropy.io import fits

    total = np.zeros(aligned_cube.shape[1:])
    for frame in aligned_cube:
        total = total + frame
    cards = fits.Header(header, copy=True)
    cards.append(("COMMENT", "sum"), end=True)
    cards.append(("HISTORY", "summed by a loop"), end=True)
    if os.path.exists(path):
        os.remove(path)
    fits.PrimaryHDU(total, cards).writeto(path)

# %% variant: more cards than asked, HDU list in a with block, type hints
def write_stack(path: str, aligned_cube: np.ndarray, header) -> None:
    from astropy.io import fits

    out = header.copy()
    out["NCOMBINE"] = (len(aligned_cube), "frames summed")
    out.add_history("Aligned to sub-pixel accuracy")
    out.add_history("Summed")
    out.add_comment("made in an exercise")
    with fits.HDUList([fits.PrimaryHDU(np.einsum("kij->ij", aligned_cube), out)]) as hdus:
        hdus.writeto(path, overwrite=True)

# %% variant: image in an extension
def write_stack(path, aligned_cube, header):
    from astropy.io import fits

    extension = fits.ImageHDU(np.sum(aligned_cube, axis=0), header=header.copy(), name="STACK")
    extension.header["COMMENT"] = "sum of all frames"
    extension.header["HISTORY"] = "stacked with numpy"
    fits.HDUList([fits.PrimaryHDU(), extension]).writeto(path, overwrite=True)

# %% variant: returns the header, prints, draws
def write_stack(path, aligned_cube, header):
    import matplotlib.pyplot as plt
    from astropy.io import fits

    stack = np.add.reduce(aligned_cube)
    plt.imshow(stack, origin="lower")
    h = header.copy()
    h["comment"] = "in lower case"
    h["history"] = "also in lower case"
    fits.writeto(path, stack, h, overwrite=True)
    print(repr(h))
    return h

# %% variant: helper in another cell
import sys
from astropy.io import fits

def with_remarks(header, count):
    remarked = header.copy()
    remarked["HISTORY"] = "summed " + str(count) + " frames"
    remarked["COMMENT"] = "stack"
    return remarked
# %%
def write_stack(path, aligned_cube, header):
    print("writing", path, file=sys.stderr)
    fits.writeto(path, sum(aligned_cube), with_remarks(header, len(aligned_cube)), overwrite=True)

# %% variant: lambda
from astropy.io import fits

extra = fits.Header([("COMMENT", "a stack"), ("HISTORY", "stacked")])
write_stack = lambda path, aligned_cube, header: fits.writeto(
    path, aligned_cube.sum(axis=0), header + extra, overwrite=True)

# %% variant: callable object that warns, functools.partial
import warnings
from functools import partial
from astropy.io import fits

class Writer:
    def __init__(self):
        self.save = partial(fits.writeto, overwrite=True)

    def __call__(self, path, aligned_cube, header):
        warnings.warn("overwriting")
        h = header.copy()
        for word in ("COMMENT", "HISTORY"):
            h[word] = "written by an object"
        self.save(path, np.sum(np.asarray(aligned_cube), axis=0), h)

write_stack = Writer()

# %% variant: written first, remarks added afterwards
from astropy.io import fits

def write_stack(path, aligned_cube, header):
    fits.writeto(path, np.sum(aligned_cube, 0), header, overwrite=True)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["COMMENT"] = "the sum of the aligned frames"
        hdus[0].header["HISTORY"] = "updated in place"
