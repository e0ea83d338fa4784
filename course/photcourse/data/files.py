"""Find a file, check it, fetch it: the shared folder, the cache, the network."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from .errors import ChecksumError, DataError, DownloadError, MissingFileError, NoNetworkError, TruncatedFileError
from .manifest import FileEntry, Manifest

__all__ = ["cache_folder", "checksum", "download", "embedded_folder", "locate", "shared_folder"]

#: Seconds without an answer after which a server counts as unreachable.
TIMEOUT = 30


def embedded_folder() -> Path:
    """Return the folder of the files that ship with the course.

    Returns
    -------
    Path
        In the installed package.
    """
    return Path(__file__).resolve().parent.parent / "embedded"


def shared_folder() -> Path | None:
    """Return the folder named by the environment variable ``PHOTCOURSE_DATA``, or None.

    Returns
    -------
    Path or None
        None where the variable is not set, or names no folder.
    """
    named = os.environ.get("PHOTCOURSE_DATA", "").strip()
    return Path(named).expanduser() if named else None


def cache_folder() -> Path:
    """Return the folder of fetched files: ``PHOTCOURSE_CACHE``, or the user's cache for ``photcourse``.

    Returns
    -------
    Path
        It need not be there yet.
    """
    named = os.environ.get("PHOTCOURSE_CACHE", "").strip()
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("photcourse"))


def checksum(path: str | Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file as hex digits.

    Parameters
    ----------
    path : path-like
        The file.
    algorithm : {"sha256", "gitblob"}
        ``gitblob`` is the name git gives to a file's content: sha1 of ``"blob <size>\\0"`` and the bytes.

    Returns
    -------
    str
        In lower case.
    """
    path = Path(path).resolve()
    status = path.stat()
    return _checksum(path, algorithm, status.st_size, status.st_mtime_ns)


# A file that has not changed is hashed once a process: a notebook loads the same frames many times.
@lru_cache(maxsize=256)
def _checksum(path: Path, algorithm: str, size: int, mtime_ns: int) -> str:
    if algorithm == "gitblob":
        # git uses sha1 to name content; here it recognises a file and protects against damage only.
        digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    elif algorithm == "sha256":
        digest = hashlib.sha256()
    else:
        raise ValueError(f"unknown checksum {algorithm!r}")
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def matches(entry: FileEntry, path: Path) -> bool:
    """Whether the file at `path` has the bytes that the manifest describes."""
    algorithm, _, expected = entry.checksum.partition(":")
    return path.is_file() and checksum(path, algorithm) == expected


def require_match(entry: FileEntry, path: Path, remedy: str) -> Path:
    """Return `path`, or raise `ChecksumError` with both checksums and a remedy."""
    algorithm, _, expected = entry.checksum.partition(":")
    got = checksum(path, algorithm)
    if got != expected:
        raise ChecksumError(f"{path} has a wrong checksum ({algorithm} expected {expected}, got {got}); {remedy}.")
    return path


def in_shared(entry: FileEntry) -> Path | None:
    folder = shared_folder()
    if folder is None:
        return None
    if not folder.is_dir():
        raise DataError(f"PHOTCOURSE_DATA names {folder}, which is not a folder.")
    exact = folder / entry.name
    if exact.is_file():
        return require_match(entry, exact, "put the right file there or remove it")
    base = Path(entry.name).name
    # A file of that name in another subfolder may be a different file: only its checksum says.
    return next((p for p in _by_name(folder, base) if matches(entry, p)), None)


def _by_name(folder: Path, base: str) -> Iterator[Path]:
    yield from sorted(p for p in folder.rglob(base) if p.is_file())


def locate(entry: FileEntry) -> Path | None:
    """Return the checked path of a file on this machine, or None where it is not here.

    Looks, for an archive file, in the shared folder and then in the cache; never downloads.

    Parameters
    ----------
    entry : FileEntry
        Of the manifest.

    Returns
    -------
    Path or None
        Of a file whose bytes are right.

    Raises
    ------
    ChecksumError
        A file of that name is there and its bytes are wrong.
    """
    if entry.kind == "embedded":
        path = embedded_folder() / entry.name
        if not path.is_file():
            return None
        return require_match(entry, path, "install the course package again")
    found = in_shared(entry)
    if found is not None:
        return found
    cached = cache_folder() / entry.name
    if cached.is_file():
        return require_match(entry, cached, f"fetch it again with `photcourse data fetch {entry.name}`")
    return None


def require(entry: FileEntry) -> Path:
    """Return the checked path of a file, or raise `MissingFileError` that says how to get it."""
    path = locate(entry)
    if path is not None:
        return path
    if entry.kind == "embedded":
        raise MissingFileError(f"{entry.name} ships with the course but is not there; install it again.")
    raise MissingFileError(
        f"{entry.name} is not on this machine; fetch it with `photcourse data fetch {entry.name}` "
        "or put it into the folder that PHOTCOURSE_DATA names."
    )


def download(entry: FileEntry) -> Path:
    """Fetch an archive file into the cache and return its path; a good copy that is there already is kept.

    The bytes go to a temporary file beside the target, are checked there, and only a right file is
    renamed into place.

    Parameters
    ----------
    entry : FileEntry
        Of the manifest.

    Returns
    -------
    Path
        In the cache.

    Raises
    ------
    NoNetworkError, TruncatedFileError, DownloadError, ChecksumError
    """
    target = cache_folder() / entry.name
    if matches(entry, target):
        return target
    temporary = _temporary_beside(target)
    try:
        _transfer(entry, temporary)
        _check_transfer(entry, temporary)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _temporary_beside(target: Path) -> Path:
    """An empty file in the same folder: only there is the final renaming one step."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", dir=target.parent)
    except OSError as error:
        raise DownloadError(f"The cache {target.parent} cannot be written: {error.strerror}.") from error
    os.close(handle)
    return Path(name)


def _transfer(entry: FileEntry, path: Path) -> None:
    import pooch
    import requests

    try:
        pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=1 << 16)(entry.url, str(path), None)
    except requests.exceptions.ChunkedEncodingError as error:
        raise TruncatedFileError(
            f"The transfer of {entry.name} from {entry.url} stopped before the file was complete; try again."
        ) from error
    except requests.exceptions.HTTPError as error:
        answer = ""
        if error.response is not None:
            answer = f" {error.response.status_code}"
            error.response.close()
        raise DownloadError(f"The server answered{answer} when asked for {entry.url}.") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise NoNetworkError(
            f"{entry.url} cannot be reached; check the network, or work with the embedded stand-in."
        ) from error
    except requests.exceptions.RequestException as error:
        raise DownloadError(f"{entry.url} could not be fetched: {type(error).__name__}.") from error
    except OSError as error:
        raise DownloadError(f"{entry.name} could not be written into the cache: {error.strerror}.") from error


def _check_transfer(entry: FileEntry, path: Path) -> None:
    size = path.stat().st_size
    if entry.size is not None and size < entry.size:
        raise TruncatedFileError(
            f"The transfer of {entry.name} from {entry.url} stopped after {size} of {entry.size} bytes; try again."
        )
    algorithm, _, expected = entry.checksum.partition(":")
    got = checksum(path, algorithm)
    if got != expected:
        raise ChecksumError(
            f"What {entry.url} sent has a wrong checksum ({algorithm} expected {expected}, got {got}), "
            "so it was not kept; the file there may have changed."
        )


def find_by_sha256(manifest: Manifest, sha256: str) -> Path | None:
    """Return the path of the course file with these bytes, if it is on this machine."""
    for entry in manifest.files.values():
        if entry.sha256 not in (None, sha256):
            continue
        try:
            path = locate(entry)
        except DataError:
            # A damaged file is not the one that is looked for.
            continue
        if path is not None and checksum(path) == sha256:
            return path
    return None
