"""A dataset that is on this machine: its arrays, headers, coordinates, tables and truth."""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections import UserDict
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS

from .errors import DataError
from .files import checksum
from .headers import read_wcs
from .manifest import Source

if TYPE_CHECKING:
    from astropy.table import QTable

__all__ = ["DataFile", "Dataset", "as_float"]

_TABLE_FORMATS = {".xml": "votable", ".vot": "votable", ".cat": "ascii.sextractor", ".csv": "ascii.csv",
                  ".ecsv": "ascii.ecsv"}  # fmt: skip
#: Files that are together no larger than this are read once in a process.
KEPT_BYTES = 1_000_000


@dataclass(frozen=True)
class DataFile:
    """A file of a dataset.

    Attributes
    ----------
    name : str
        In the manifest.
    path : Path
        Where it is.
    sha256 : str
        Its checksum.
    """

    name: str
    path: Path
    sha256: str


@dataclass
class _Contents:
    """What the files of a dataset hold."""

    planes: MutableMapping[str, np.ndarray] = field(default_factory=dict)
    raw: MutableMapping[str, np.ndarray] = field(default_factory=dict)
    headers: MutableMapping[str, fits.Header] = field(default_factory=dict)
    tables: MutableMapping[str, QTable] = field(default_factory=dict)


class _Copies(UserDict[str, Any]):
    """What another mapping holds, each value copied when it is first asked for."""

    def __init__(self, kept: Mapping[str, Any]) -> None:
        super().__init__(kept)
        self._shared = set(kept)

    def __getitem__(self, name: str) -> Any:
        if name in self._shared:
            self._shared.discard(name)
            self.data[name] = self.data[name].copy()
        return self.data[name]


@dataclass
class Dataset:
    """One thing to look at, with where it comes from.

    Arrays are fresh at every load, so a notebook may change them without harm to anyone else.

    Attributes
    ----------
    name : str
        Name in the manifest.
    origin : {"embedded", "archive"}
        A simulated stand-in, or the real files.
    files : tuple of DataFile
        Name, path and sha256 of each file.
    sentence : str
        Says what is shown; a notebook prints it.
    """

    name: str
    origin: str
    files: tuple[DataFile, ...]
    sentence: str
    _source: Source

    @cached_property
    def _contents(self) -> _Contents:
        if not _small(self.files):
            return _read_files(self.files)
        kept = _cached_contents(self.files)
        return _Contents(_Copies(kept.planes), _Copies(kept.raw), _Copies(kept.headers), _Copies(kept.tables))

    @property
    def planes(self) -> Mapping[str, np.ndarray]:
        """float64 arrays by name: ``image`` always where there is one, ``cube``, ``variance``, ``mask``, ...

        Bit masks keep their integer type.
        """
        return self._contents.planes

    @property
    def raw(self) -> Mapping[str, np.ndarray]:
        """The same arrays in the type that the file holds (native byte order), integers as integers."""
        return self._contents.raw

    @property
    def image(self) -> np.ndarray:
        """The image, ``[y, x]``, float64; of a cube the first frame."""
        return self._plane("image")

    @property
    def cube(self) -> np.ndarray:
        """The frames, ``[frame, y, x]``, float64."""
        return self._plane("cube")

    def _plane(self, name: str) -> np.ndarray:
        if name not in self.planes:
            have = ", ".join(self.planes) or "none"
            raise DataError(f"The dataset {self.name!r} has no plane {name!r} (it has: {have}).")
        return self.planes[name]

    @property
    def header(self) -> fits.Header:
        """Header of the image (of a cube made of files, of the first one); primary cards are included."""
        return self.headers["image"] if "image" in self.headers else fits.Header()

    @property
    def headers(self) -> Mapping[str, fits.Header]:
        """Headers by plane; of frames in files of their own, also by file name."""
        return self._contents.headers

    @cached_property
    def wcs(self) -> WCS | None:
        """World coordinates of the image, or None where the header gives none."""
        return read_wcs(self.header)

    @property
    def unit(self) -> u.UnitBase | None:
        """Unit of the image: from the header's BUNIT, else from the manifest, else None."""
        named = str(self.header.get("BUNIT", "")).strip() or self._source.unit
        return u.Unit(named) if named else None

    @property
    def truth(self) -> QTable | None:
        """What was put into a simulated image, or None for real data."""
        return self._contents.tables.get("truth")

    @property
    def tables(self) -> Mapping[str, QTable]:
        """All tables, by lower-case extension name or by file name without its ending."""
        return self._contents.tables

    def table(self, name: str) -> QTable:
        """Return one table; raises `DataError` where the dataset has none of this name."""
        if name not in self.tables:
            have = ", ".join(self.tables) or "none"
            raise DataError(f"The dataset {self.name!r} has no table {name!r} (it has: {have}).")
        return self.tables[name]

    @property
    def sha256(self) -> str:
        """Key of the data in use: the file's sha256, or for several files the sha256 of theirs, in order."""
        if len(self.files) == 1:
            return self.files[0].sha256
        return hashlib.sha256("\n".join(f.sha256 for f in self.files).encode()).hexdigest()

    def __repr__(self) -> str:
        names = ", ".join(f.name for f in self.files)
        return f"<Dataset {self.name!r} ({self.origin}): {names}>"


def as_float(array: np.ndarray) -> np.ndarray:
    """Return a float64 copy in native byte order (FITS stores big-endian numbers).

    Parameters
    ----------
    array : ndarray
        Of any shape and kind of number.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    return np.array(array, dtype=np.float64)


def data_files(paths: Mapping[str, Path]) -> tuple[DataFile, ...]:
    """Pair names with paths and checksums."""
    return tuple(DataFile(name, path, checksum(path)) for name, path in paths.items())


@functools.lru_cache(maxsize=16)
def cached_plane(files: tuple[DataFile, ...], name: str) -> np.ndarray:
    """Return one plane of a dataset, read once in a process and kept; it is not to be written to.

    The cases of an exercise ask for pieces of the same plane many times. A file that changed has another checksum
    and is read again.

    Raises
    ------
    KeyError
        The files have no such plane.
    """
    values = (_cached_contents if _small(files) else _read_files)(files).planes[name].view()
    values.flags.writeable = False
    return values


def _small(files: tuple[DataFile, ...]) -> bool:
    return sum(file.path.stat().st_size for file in files) <= KEPT_BYTES


@functools.lru_cache(maxsize=16)
def _cached_contents(files: tuple[DataFile, ...]) -> _Contents:
    """Return what small files hold, as the course's own are, read once in a process; it is not to be written to.

    To decompress an exposure and to parse its headers takes longer than most of what a cell then does with it.
    """
    return _read_files(files)


def _read_files(files: tuple[DataFile, ...]) -> _Contents:
    contents = _Contents()
    images = []
    for file in files:
        if file.path.suffix.lower() in (".fits", ".fit"):
            images.append(_read_fits(file, contents))
        elif file.path.suffix.lower() in _TABLE_FORMATS:
            contents.tables[file.path.stem] = _read_table(file.path)
    frames = [i for i in images if i is not None and i.ndim == 2]
    if len(frames) > 1 and len({f.shape for f in frames}) == 1:
        contents.raw["cube"] = np.stack(frames)
        contents.planes["cube"] = as_float(contents.raw["cube"])
    if "cube" in contents.planes and "image" not in contents.planes:
        contents.raw["image"] = contents.raw["cube"][0].copy()
        contents.planes["image"] = contents.planes["cube"][0].copy()
        contents.headers.setdefault("image", contents.headers["cube"])
    return contents


def _read_fits(file: DataFile, contents: _Contents) -> np.ndarray | None:
    """Add the planes and tables of one file; return its main image as stored."""
    from astropy.table import QTable

    main = None
    with warnings.catch_warnings():
        # Real headers hold cards that no standard knows; astropy says so at length.
        warnings.simplefilter("ignore", AstropyUserWarning)
        with fits.open(file.path, memmap=False) as hdus:
            primary = hdus[0].header
            for hdu in hdus:
                if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)) and not isinstance(hdu, fits.CompImageHDU):
                    if hdu.name.lower() not in ("", "er.mask"):
                        contents.tables[hdu.name.lower()] = QTable(QTable.read(hdu), copy=True)
                elif hdu.data is not None:
                    raw = _native(hdu.data)
                    header = _with_primary(hdu.header, primary)
                    contents.headers[file.name] = contents.headers.get(file.name, header)
                    name = _plane_name(file, hdu.name, raw, main is None)
                    if main is None:
                        main = raw
                    # The first file that has a plane of this name gives it; further frames go to the cube.
                    if name not in contents.planes:
                        contents.raw[name] = raw
                        contents.planes[name] = raw.copy() if name == "mask" else as_float(raw)
                        contents.headers[name] = header
    return main


def _native(array: np.ndarray) -> np.ndarray:
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def _plane_name(file: DataFile, extension: str, array: np.ndarray, first: bool) -> str:
    """``image`` or ``cube`` for a file's first array, else the extension's name; 1-D: the file's."""
    if array.ndim < 2:
        return file.path.stem
    if first:
        return "cube" if array.ndim == 3 else "image"
    return extension.lower() or "image"


def _with_primary(header: fits.Header, primary: fits.Header) -> fits.Header:
    """Header of an extension with the cards of the primary header that it lacks, as Rubin's files mean it."""
    merged = header.copy(strip=False)
    for card in _inherited(primary):
        if card.keyword in ("COMMENT", "HISTORY", ""):
            if header is not primary and merged.get("XTENSION"):
                merged.append(card, end=True)
        elif card.keyword not in merged:
            merged.append(card, end=True)
    return merged


def _inherited(primary: fits.Header) -> Iterator[Any]:
    structural = ("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "BSCALE", "BZERO", "CHECKSUM", "DATASUM", "XTENSION")
    return (card for card in primary.cards if not card.keyword.startswith(structural))


def _read_table(path: Path) -> QTable:
    from astropy.table import QTable

    with warnings.catch_warnings():
        # Old VOTables name units in ways that today's standard does not.
        warnings.simplefilter("ignore", u.UnitsWarning)
        if _TABLE_FORMATS[path.suffix.lower()] == "votable":
            from astropy.io.votable import parse_single_table

            return _unmasked(QTable(parse_single_table(path, verify="ignore").to_table(use_names_over_ids=True)))
        return QTable.read(path, format=_TABLE_FORMATS[path.suffix.lower()])


def _unmasked(table: QTable) -> QTable:
    """Make plain columns of those in which nothing is masked; VOTables mask every column to be safe."""
    for name in table.colnames:
        column = table[name]
        if hasattr(column, "unmasked") and not np.any(column.mask):
            table[name] = column.unmasked
    return table
