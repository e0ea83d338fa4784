"""Pixel of an image's maximum, whatever NaN pixels there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from photcheck.comparators import Numbers
from photcheck.values import DataRef
from photgrader.exercise import Case, Exercise

from ._scenes import two_stars

exercise = Exercise(
    "peak_position",
    params=("image",),
    title="Position of the brightest pixel",
    # Whole pixels: right or not. The tolerance only forgives how a number is stored.
    compare=Numbers(("x", "y"), atol=1e-3, unit="pixel"),
    picture="position",
)


@exercise.reference
def peak_position(image):
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return int(x), int(y)


#: A star in the middle of rows of one NaN pixel each, brighter than anything else.
SMALL = np.array([[3.0, 1.0, 2.0, 0.0, 1.0], [2.0, np.nan, 4.0, 9.0, 2.0], [1.0, 2.0, 3.0, 4.0, np.nan]])


@exercise.provided
def provided() -> Iterator[Case]:
    yield Case("the star behind adaptive optics", (DataRef("sphere_psf"),), tests="the star of the lecture")
    yield Case("a small image with NaN", (SMALL,), tests="15 pixels that you can look at, two of them NaN")
    yield Case("the real star", (DataRef("sphere_psf", origin="archive"),), dataset="sphere_psf",
               tests="the real SPHERE image")  # fmt: skip


@exercise.hidden
def hidden(rng: np.random.Generator) -> Iterator[Case]:
    shape = (int(rng.integers(45, 55)), int(rng.integers(70, 90)))
    x, y = int(rng.integers(46, 55)), int(rng.integers(8, 17))
    image = two_stars(rng, shape, x, y)
    # One dead pixel, deeper than the peak is high, above and to the left of it.
    image[y + 7, x - 21] = -9000.0
    yield Case(
        "a sharp star beside a wide one",
        (image,),
        tests="a wide image with two stars and a dead pixel",
        points=2,
    )
    shape = shape[::-1]
    x, y = int(rng.integers(8, 17)), int(rng.integers(47, 58))
    image = two_stars(rng, shape, x, y)
    image[int(rng.integers(2, 6)), int(rng.integers(23, 30))] = np.nan
    image[y + 3, x + 1] = np.nan
    yield Case("pixels without a value", (image,), tests="a tall image in which some pixels are NaN")
    image = two_stars(rng, (31, 44), 30, 9) - 50000.0
    image[17, 3 + int(rng.integers(0, 5))] = np.nan
    yield Case("below zero", (image,), tests="an image with every value below zero, and one pixel NaN")
    image = rng.normal(0, 1.0, (26, 37))
    image[25, int(rng.integers(28, 35))] = 80.0
    yield Case("in the last row", (image,), tests="a peak on the image's edge", points=0.5)
    image = rng.normal(0, 1.0, (29, 41))
    image[0, 40] = 80.0
    yield Case("in the corner", (image,), tests="a peak in a corner of the image", points=0.5)
    image = rng.normal(0, 1.0, (33, 24))
    image[int(rng.integers(19, 27)), 0] = 80.0
    yield Case("in the first column", (image,), tests="a peak on another edge of the image", points=0.5)


@exercise.variant("loops")
def peak_position(image):
    best, where = -np.inf, None
    for j in range(image.shape[0]):
        for i in range(image.shape[1]):
            if image[j, i] > best:
                best, where = image[j, i], (i, j)
    return where


@exercise.variant("where it equals the maximum")
def peak_position(image):
    rows, columns = np.where(image == np.nanmax(image))
    return [columns[0], rows[0]]


@exercise.variant("divmod, floats")
def peak_position(image: np.ndarray) -> tuple[float, float]:
    filled = np.where(np.isnan(image), -np.inf, image)
    y, x = divmod(filled.argmax(), image.shape[1])
    print("peak", x, y)
    return float(x), float(y)


@exercise.variant("profiles of maxima")
def peak_position(image):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([np.nanargmax(np.nanmax(image, axis=0)), np.nanargmax(np.nanmax(image, axis=1))])


@exercise.variant("scipy")
def peak_position(image):
    from scipy import ndimage

    row, column = ndimage.maximum_position(np.nan_to_num(image, nan=np.nanmin(image)))
    return column, row


@exercise.variant("masked array, float32 answer")
def peak_position(image):
    masked = np.ma.masked_invalid(image)
    return np.array(np.unravel_index(masked.argmax(), masked.shape)[::-1], dtype=np.float32)


@exercise.variant("reversed index and a figure")
def peak_position(image):
    import matplotlib.pyplot as plt

    index = np.unravel_index(np.nanargmax(image), image.shape)
    plt.imshow(image)
    plt.plot(*index[::-1], "rx")
    return index[::-1]


exercise.variant_source(
    "lambda", "peak_position = lambda image: tuple(np.argwhere(image == np.nanmax(image))[0][::-1])\n"
)

exercise.variant_source(
    "a helper in another cell, with a warning",
    """
    import sys
    import warnings

    def brightest(image):
        return np.nanargmax(image.ravel())
    # %%
    def peak_position(image):
        warnings.warn("looking for the peak")
        print("looking", file=sys.stderr)
        flat = brightest(image)
        ny, nx = image.shape
        return flat % nx, flat // nx
""",
)

exercise.variant_source(
    "callable object",
    '''
    class Peak:
        """Finds the brightest pixel."""

        def __call__(self, image):
            order = np.argsort(np.where(np.isfinite(image), image, -1e300), axis=None)
            y, x = np.unravel_index(order[-1], image.shape)
            return x, y

    peak_position = Peak()
''',
)


@exercise.misconception(
    "swapped",
    "Row and column are returned as x and y",
    idea=(
        "numpy counts rows first: the first number that unravel_index or argwhere gives is the row, "
        "which is y. The answer asked for is (x, y)."
    ),
    contrast="image[7, 3] is the pixel in row 7 and column 3, at x = 3, y = 7.",
)
def peak_position(image):
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return int(y), int(x)


@exercise.misconception(
    "nan-wins",
    "A NaN pixel is taken for the maximum",
    idea=(
        "A comparison with NaN is never true, and numpy's argmax and max let NaN win. Such pixels "
        "hold no measurement and have to be left out."
    ),
    contrast="np.argmax([3, nan, 5]) is 1, where the NaN is; the largest number stands at 2.",
    fails=("a small*", "pixels without*", "below zero"),
)
def peak_position(image):
    y, x = np.unravel_index(np.argmax(image), image.shape)
    return int(x), int(y)


@exercise.misconception(
    "nan-zero",
    "NaN pixels are turned into zeros, and zero is the largest value",
    idea=(
        "Zero is a value like any other. In an image that lies below zero (its background was taken "
        "off too high, say) it is the largest of all."
    ),
    contrast="[-5, NaN, -3] with the NaN made 0 has its maximum at the NaN.",
    fails=("below zero",),
)
def peak_position(image):
    filled = np.nan_to_num(image)
    y, x = np.unravel_index(np.argmax(filled), image.shape)
    return int(x), int(y)


@exercise.misconception(
    "one-based",
    "Pixels are counted from 1",
    idea=(
        "FITS headers and image viewers count pixels from 1, numpy and photutils from 0. Positions "
        "in this course are numpy's."
    ),
    contrast="The first pixel is (1, 1) in a viewer and image[0, 0] in numpy.",
)
def peak_position(image):
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    return int(x) + 1, int(y) + 1


@exercise.misconception(
    "flat-index",
    "The index into the flattened image is used as a coordinate",
    idea=(
        "argmax without an axis counts through all rows one after the other. Its answer is one "
        "number for two coordinates and has to be turned back into a row and a column."
    ),
    contrast="In an image 100 pixels wide, index 250 is row 2, column 50.",
    fails=("the star*", "a small*", "a sharp*", "pixels without*", "below zero", "in the last*", "in the first*"),
)
def peak_position(image):
    i = int(np.nanargmax(image))
    return i, 0


@exercise.misconception(
    "wrong-width",
    "The flattened index is divided by the number of rows",
    idea=(
        "A row is as long as the image is wide: the index grows by the number of columns from one "
        "row to the next. The mistake is invisible on a square image."
    ),
    contrast="In an image of 50 rows and 80 columns, row 1 starts at index 80, not at 50.",
)
def peak_position(image):
    y, x = divmod(int(np.nanargmax(image)), image.shape[0])
    return x, y


@exercise.misconception(
    "sums",
    "The brightest row and column are taken instead of the brightest pixel",
    idea=(
        "The row with the largest sum need not hold the brightest pixel: a wide source with much "
        "light in it wins over a sharp one with a higher peak."
    ),
    contrast="[[9, 0, 0], [4, 4, 4]]: the brightest pixel is in row 0, the brightest row is row 1.",
    fails=("a sharp*", "pixels without*", "below zero"),
)
def peak_position(image):
    return int(np.nanargmax(np.nansum(image, axis=0))), int(np.nanargmax(np.nansum(image, axis=1)))


@exercise.misconception(
    "centre-of-mass",
    "The centre of mass is returned instead of the peak",
    idea=(
        "The flux-weighted mean lies where all the light of the image balances, between sources and "
        "towards the image's middle. The peak is one pixel."
    ),
    contrast="[0, 9, 0, 0, 1]: the peak is at 1, the centre of mass at 1.3.",
)
def peak_position(image):
    weights = np.nan_to_num(image)
    y, x = np.indices(image.shape)
    return float((x * weights).sum() / weights.sum()), float((y * weights).sum() / weights.sum())


@exercise.misconception(
    "middle",
    "The image's middle is returned",
    idea=(
        "The brightest pixel is looked for, and nothing says that the star stands in the middle of the image."
    ),
    contrast="An image of 20 x 30 pixels has its middle at x = 15, y = 10 whatever is in it.",
)
def peak_position(image):
    return image.shape[1] // 2, image.shape[0] // 2


@exercise.misconception(
    "absolute",
    "The largest absolute value is taken",
    idea="A dead pixel far below zero is not bright. The maximum is the largest value, with its sign.",
    contrast="max of [-900, 20, 300] is 300; the largest absolute value belongs to -900.",
    fails=("a sharp*", "below zero"),
)
def peak_position(image):
    y, x = np.unravel_index(np.nanargmax(np.abs(image)), image.shape)
    return int(x), int(y)


@exercise.misconception(
    "another-shape",
    "The shape of another image is used",
    idea=(
        "The index is turned into a row and a column with the shape of an image of the notebook, not "
        "of the image that was given. It works for that image and no other."
    ),
    contrast=(
        "def width(image): return psf.shape[1]     # the notebook's psf\ndef width(image): return "
        "image.shape[1]   # its argument"
    ),
    fails=("a small*", "a sharp*", "pixels without*", "below zero", "in the last*", "in the first*"),
)
def peak_position(image):
    psf_shape = (121, 149)
    y, x = np.unravel_index(np.nanargmax(image), psf_shape)
    return int(x), int(y)


@exercise.misconception(
    "value",
    "The largest value is returned, not its place",
    idea="max gives how bright the brightest pixel is; argmax says where it is.",
    contrast="np.max([3, 8, 5]) is 8; np.argmax([3, 8, 5]) is 1.",
    raises="type",
)
def peak_position(image):
    return float(np.nanmax(image))


# Mutants that are as right as the reference: each was looked at.
exercise.equivalent_mutants = [
    ("if image[j, i] >= best:", "which of two equal pixels is the maximum is free"),
]
