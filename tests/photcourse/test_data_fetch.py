"""Fetching from a server on this machine that behaves well, and badly in every way we know."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading
from pathlib import Path

import pytest
import yaml

from photcourse import data
from photcourse.data import files as data_files

CONTENT = bytes(range(256)) * 400


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path: what goes wrong is the path's first part."""

    def do_GET(self):
        self.server.asked.append(self.path)
        answer = getattr(self, "answer_" + self.path.strip("/").split("/")[0])
        answer()

    def _send(self, body: bytes, length: int | None) -> None:
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def answer_good(self):
        self._send(CONTENT, len(CONTENT))

    def answer_cut(self):
        self._send(CONTENT[:5000], len(CONTENT))

    def answer_silentcut(self):
        # No length is promised: only the manifest knows that bytes are missing.
        self._send(CONTENT[:5000], None)

    def answer_wrong(self):
        self._send(CONTENT[::-1], len(CONTENT))

    def answer_gone(self):
        self.send_error(404)

    def answer_slow(self):
        self.server.release.wait(10)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        running.release = threading.Event()
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.release.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("PHOTCOURSE_DATA", raising=False)
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def offer(monkeypatch, tmp_path, cache):
    """A function that writes a manifest of one file, ``sep/star.fits``, at an address."""

    def write(url: str, **changes) -> None:
        entry = {
            "kind": "archive", "what": "A file.", "url": url, "size": len(CONTENT), "license": "None.",
            "citation": "None.", "used_by": ["a test"],
            "checksum": "sha256:" + hashlib.sha256(CONTENT).hexdigest(), **changes,
        }  # fmt: skip
        source = {"files": ["sep/star.fits"], "sentence": "A star."}
        content = {"files": {"sep/star.fits": entry}, "datasets": {"star": {"what": "x", "archive": source}}}
        path = tmp_path / "manifest.yaml"
        path.write_text(yaml.safe_dump(content))
        monkeypatch.setattr("photcourse.data.manifest.MANIFEST", path)

    return write


def address(server, what: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{what}/star.fits"


def left_in(cache: Path) -> list[Path]:
    return [p for p in cache.rglob("*") if p.is_file()]


def test_a_fetched_file_is_checked_kept_and_not_fetched_again(server, offer, cache):
    offer(address(server, "good"))
    (path,) = data.fetch("star")
    assert path == cache / "sep" / "star.fits" and path.read_bytes() == CONTENT
    assert data.fetch("sep/star.fits") == [path]
    assert len(server.asked) == 1 and left_in(cache) == [path]
    assert data.path("star.fits") == path
    assert path.stat().st_mode & 0o400


def test_nothing_is_downloaded_by_loading(server, offer):
    offer(address(server, "good"))
    with pytest.raises(data.MissingFileError, match="photcourse data fetch"):
        data.load("star")
    assert server.asked == []


def test_a_file_in_the_shared_folder_is_not_fetched(server, offer, cache, tmp_path, monkeypatch):
    offer(address(server, "good"))
    (tmp_path / "shared" / "sep").mkdir(parents=True)
    (tmp_path / "shared" / "sep" / "star.fits").write_bytes(CONTENT)
    monkeypatch.setenv("PHOTCOURSE_DATA", str(tmp_path / "shared"))
    assert data.fetch("star") == [tmp_path / "shared" / "sep" / "star.fits"]
    assert server.asked == [] and left_in(cache) == []


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("cut", data.TruncatedFileError, "stopped before the file was complete"),
        ("silentcut", data.TruncatedFileError, f"stopped after 5000 of {len(CONTENT)} bytes"),
        ("wrong", data.ChecksumError, hashlib.sha256(CONTENT[::-1]).hexdigest()),
        ("gone", data.DownloadError, "answered 404"),
    ],
)
def test_a_bad_answer_is_one_sentence_and_leaves_nothing_behind(server, offer, cache, what, error, said):
    offer(address(server, what))
    with pytest.raises(error) as caught:
        data.fetch("star")
    assert type(caught.value) is error
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert left_in(cache) == []


def test_a_wrong_checksum_shows_both(server, offer):
    offer(address(server, "wrong"))
    with pytest.raises(data.ChecksumError, match=f"expected {hashlib.sha256(CONTENT).hexdigest()}, got "):
        data.fetch("star")


def test_a_refused_connection_says_to_check_the_network(offer, cache):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        offer(f"http://127.0.0.1:{closed.getsockname()[1]}/star.fits")
        with pytest.raises(data.NoNetworkError, match="cannot be reached; check the network"):
            data.fetch("star")
    assert left_in(cache) == []


def test_an_address_that_does_not_resolve_says_to_check_the_network(offer, cache):
    offer("http://no-such-host.invalid/star.fits")
    with pytest.raises(data.NoNetworkError, match="cannot be reached"):
        data.fetch("star")
    assert left_in(cache) == []


def test_a_server_that_never_answers_is_given_up(server, offer, cache, monkeypatch):
    monkeypatch.setattr(data_files, "TIMEOUT", 0.2)
    offer(address(server, "slow"))
    with pytest.raises(data.NoNetworkError):
        data.fetch("star")
    assert left_in(cache) == []


def test_a_bad_answer_does_not_harm_a_good_copy_and_a_damaged_copy_is_replaced(server, offer, cache):
    offer(address(server, "good"))
    (path,) = data.fetch("star")
    path.write_bytes(b"damaged")
    with pytest.raises(data.ChecksumError, match="fetch it again with `photcourse data fetch sep/star.fits`"):
        data.path("star.fits")
    assert data.fetch("star") == [path] and path.read_bytes() == CONTENT
    offer(address(server, "wrong"))
    assert data.fetch("star") == [path] and path.read_bytes() == CONTENT


def test_a_git_checksum_protects_as_well(server, offer, cache):
    git = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    offer(address(server, "wrong"), checksum="gitblob:" + git, size=None)
    with pytest.raises(data.ChecksumError, match=f"gitblob expected {git}"):
        data.fetch("star")
    assert left_in(cache) == []
    offer(address(server, "good"), checksum="gitblob:" + git, size=None)
    assert data.fetch("star")[0].read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written_is_one_sentence(server, offer, cache, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(tmp_path / "file" / "cache"))
    offer(address(server, "good"))
    with pytest.raises(data.DownloadError, match="cache .*cannot be written"):
        data.fetch("star")
