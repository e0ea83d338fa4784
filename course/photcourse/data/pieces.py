"""Pieces of the course's files for `photcheck`, which finds this module by its entry point (`photcheck.plugins`)."""

from __future__ import annotations

import numpy as np

from photcourse import data
from photcourse.data.dataset import cached_plane


def read(dataset: str, plane: str, region: tuple[tuple[int, int], ...], origin: str) -> np.ndarray:
    """Return a piece of a dataset's plane; it is not to be written to.

    Parameters
    ----------
    dataset, plane : str
        As in `photcourse.data.load` and `photcourse.data.Dataset.planes`.
    region : tuple of (start, stop)
        One pair per axis, in numpy's order; empty for the whole plane.
    origin : str
        ``"embedded"`` or ``"archive"``.
    """
    values = cached_plane(data.load(dataset, prefer=origin).files, plane)
    return values[tuple(slice(a, b) for a, b in region)] if region else values


def has(sha256: str) -> bool:
    """Tell whether a file with this checksum is here."""
    return data.find_by_sha256(sha256) is not None


def origin(dataset: str) -> str:
    """Return where a dataset comes from here: ``"archive"``, its real files, or ``"embedded"``, their stand-in."""
    return data.load(dataset).origin


def files(dataset: str) -> dict[str, str]:
    """Return the names of a dataset's real files and their sha256."""
    return {f.path.name: f.sha256 for f in data.load(dataset, prefer="archive").files}


def warm_up() -> None:
    """Do once, for all kernels of a grading process, what is slow the first time: find this module, parse a unit, make a table, read the small images."""
    import pandas
    from astropy import units

    from photcheck.plugins import data_source

    data_source()
    units.Unit("mJy / pix2").to_string("latex")
    table = pandas.DataFrame(columns=["x", "flux"])
    table.loc[len(table)] = [1.0, 2.0]
    # Every notebook and many cases begin with one of them; what is read is kept.
    for name, entry in data.read_manifest().datasets.items():
        if "embedded" in entry.sources:
            list(data.load(name, prefer="embedded").planes)
