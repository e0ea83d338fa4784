"""Read the manifest: what every file is, where it comes from, and which files make a dataset."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from .errors import ManifestError, UnknownNameError

__all__ = ["DatasetEntry", "FileEntry", "Manifest", "Source", "read_manifest"]

#: The manifest that is installed with the package.
MANIFEST = Path(__file__).with_name("manifest.yaml")

Origin = Literal["embedded", "archive"]
_CHECKSUM_DIGITS = {"sha256": 64, "gitblob": 40}
_FILE_KEYS = ("kind", "what", "checksum", "size", "license", "citation", "used_by")


@dataclass(frozen=True)
class FileEntry:
    """One file of the manifest.

    Parameters
    ----------
    name : str
        File name, with its subfolder where it has one (``sep/image.fits``).
    kind : {"embedded", "archive"}
        Shipped with the course, or fetched from `url`.
    what : str
        One line that says what the file holds.
    checksum : str
        ``sha256:<64 hex digits>`` or ``gitblob:<40 hex digits>`` (see `photcourse.data.checksum`).
    size : int or None
        Bytes; None where only the checksum is known.
    license, citation : str
        What is known of the terms of use, and what to cite.
    used_by : tuple of str
        Assignments and lectures that use the file.
    url : str
        Public address of an archive file; empty for an embedded one.
    builder : str
        Name under which `photcourse.simulate` makes an embedded file; empty for an archive file.
    """

    name: str
    kind: Origin
    what: str
    checksum: str
    size: int | None
    license: str
    citation: str
    used_by: tuple[str, ...]
    url: str = ""
    builder: str = ""

    @property
    def sha256(self) -> str | None:
        """Hex digits of the sha256, or None where the manifest gives another kind of checksum."""
        algorithm, _, digits = self.checksum.partition(":")
        return digits if algorithm == "sha256" else None


@dataclass(frozen=True)
class Source:
    """The files of a dataset of one origin.

    Attributes
    ----------
    files : tuple of str
        Names in the manifest.
    sentence : str
        What they show.
    unit : str
        Of their numbers, where no header says it.
    """

    files: tuple[str, ...]
    sentence: str
    unit: str = ""


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset: one thing to look at, as real files, as an embedded stand-in, or both.

    Attributes
    ----------
    name, what : str
        Its name, and what it shows.
    sources : mapping of str to Source
        By origin, ``"embedded"`` or ``"archive"``.
    """

    name: str
    what: str
    sources: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """All files and datasets of the course.

    Attributes
    ----------
    files : mapping of str to FileEntry
        By name.
    datasets : mapping of str to DatasetEntry
        By name.
    """

    files: Mapping[str, FileEntry]
    datasets: Mapping[str, DatasetEntry]

    def file(self, name: str) -> FileEntry:
        """Return the entry of a file, given its name with or without its subfolder.

        Raises
        ------
        UnknownNameError
            No file, or more than one, has this name.
        """
        if name in self.files:
            return self.files[name]
        same = [entry for key, entry in self.files.items() if Path(key).name == name]
        if len(same) == 1:
            return same[0]
        raise UnknownNameError(_unknown("file", name, self.files))

    def dataset(self, name: str) -> DatasetEntry:
        """Return the entry of a dataset; raises `UnknownNameError` with a suggestion."""
        if name not in self.datasets:
            raise UnknownNameError(_unknown("dataset", name, self.datasets))
        return self.datasets[name]

    def files_of(self, name: str, origin: str | None = None) -> tuple[FileEntry, ...]:
        """Return the files that a dataset name or a file name stands for, of one origin or of both."""
        if name in self.datasets:
            sources = self.datasets[name].sources
            wanted = [sources[o] for o in sources if origin in (None, o)]
            return tuple(self.files[f] for source in wanted for f in source.files)
        try:
            return (self.file(name),)
        except UnknownNameError:
            known = [*self.datasets, *self.files]
            raise UnknownNameError(_unknown("dataset or file", name, known)) from None


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    known = list(known)
    by_lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=2, cutoff=0.5)
    if close:
        hint = "did you mean " + " or ".join(repr(by_lower[c]) for c in close) + "?"
    else:
        hint = "known are " + ", ".join(sorted(known)) + "."
    return f"There is no {kind} named {name!r} in the manifest; {hint}"


@lru_cache(maxsize=8)
def _read(path: Path, mtime_ns: int) -> Manifest:
    import yaml

    try:
        # The loader in C, where PyYAML has it, is ten times as fast; every notebook waits for this.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" near line {line + 1}"
        raise ManifestError(f"The manifest {path} is damaged: it is not valid YAML{where}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise ManifestError(f"The manifest {path} is damaged: it has no list of files.")
    files = {name: _file_entry(path, name, raw) for name, raw in content["files"].items()}
    datasets = content.get("datasets") or {}
    return Manifest(files, {name: _dataset_entry(path, name, raw, files) for name, raw in datasets.items()})


def read_manifest(path: str | Path | None = None) -> Manifest:
    """Read and check a manifest.

    Parameters
    ----------
    path : path-like, optional
        Another manifest than the installed one.

    Returns
    -------
    Manifest
        Checked.

    Raises
    ------
    ManifestError
        The file is missing or not YAML, or an entry lacks a key or has an impossible one.
    """
    path = Path(path) if path is not None else MANIFEST
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise ManifestError(f"The manifest {path} is missing; install the course package again.") from error
    return _read(path, stamp)


def _file_entry(path: Path, name: str, raw: Any) -> FileEntry:
    def damaged(what: str) -> ManifestError:
        return ManifestError(f"The manifest {path} is damaged: the entry of file {name!r} {what}.")

    if not isinstance(raw, dict):
        raise damaged("is not a mapping")
    for key in _FILE_KEYS:
        if key not in raw:
            raise damaged(f"has no {key!r}")
    if raw["kind"] not in ("embedded", "archive"):
        raise damaged(f"has the kind {raw['kind']!r}, which is neither 'embedded' nor 'archive'")
    algorithm, _, digits = str(raw["checksum"]).partition(":")
    if len(digits) != _CHECKSUM_DIGITS.get(algorithm, -1) or set(digits) - set("0123456789abcdef"):
        raise damaged(f"has the checksum {raw['checksum']!r}, which is neither sha256 nor gitblob")
    if raw["kind"] == "archive" and not str(raw.get("url", "")).startswith(("http://", "https://")):
        raise damaged("is of kind 'archive' and has no address")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise damaged("has a name that leaves the data folder")
    return FileEntry(
        name=name, kind=raw["kind"], what=str(raw["what"]).strip(), checksum=str(raw["checksum"]),
        size=None if raw["size"] is None else int(raw["size"]), license=str(raw["license"]).strip(),
        citation=str(raw["citation"]).strip(), used_by=tuple(raw["used_by"]),
        url=str(raw.get("url", "")), builder=str(raw.get("builder", "")),
    )  # fmt: skip


def _dataset_entry(path: Path, name: str, raw: Any, files: Mapping[str, FileEntry]) -> DatasetEntry:
    def damaged(what: str) -> ManifestError:
        return ManifestError(f"The manifest {path} is damaged: the dataset {name!r} {what}.")

    if not isinstance(raw, dict) or "what" not in raw:
        raise damaged("has no 'what'")
    sources = {}
    for origin in ("embedded", "archive"):
        if origin not in raw:
            continue
        part = raw[origin]
        if not isinstance(part, dict) or not part.get("files") or not part.get("sentence"):
            raise damaged(f"has no files or no sentence under {origin!r}")
        for file in part["files"]:
            if file not in files:
                raise damaged(f"names the file {file!r}, which has no entry")
            if files[file].kind != origin:
                raise damaged(f"lists {file!r} under {origin!r}, but the file is {files[file].kind}")
        sources[origin] = Source(tuple(part["files"]), str(part["sentence"]).strip(), str(part.get("unit", "")))
    if not sources:
        raise damaged("has neither embedded nor archive files")
    return DatasetEntry(name, str(raw["what"]).strip(), sources)
