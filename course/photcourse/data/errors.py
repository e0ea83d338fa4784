"""What can go wrong with a data file: one class and one sentence each."""

from __future__ import annotations

__all__ = [
    "ChecksumError",
    "DataError",
    "DownloadError",
    "ManifestError",
    "MissingFileError",
    "NoNetworkError",
    "TruncatedFileError",
    "UnknownNameError",
]


class DataError(Exception):
    """A data file cannot be had; the message is one sentence for the person at the keyboard."""


class UnknownNameError(DataError):
    """The manifest has no file or dataset of this name."""


class ManifestError(DataError):
    """The manifest cannot be read, or an entry of it lacks what it must have."""


class MissingFileError(DataError):
    """The file is known but is neither embedded, nor in the shared folder, nor in the cache."""


class ChecksumError(DataError):
    """The bytes are not those the manifest describes."""


class DownloadError(DataError):
    """The server answered, but not with the file."""


class NoNetworkError(DownloadError):
    """The server could not be reached."""


class TruncatedFileError(DownloadError):
    """The transfer stopped before the file was complete."""
