"""The command ``photcourse``: what it prints, and its exit codes."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from photcourse import __version__, cli, data

REAL = os.environ.get("PHOTCOURSE_DATA")


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.delenv("PHOTCOURSE_DATA", raising=False)
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(tmp_path / "cache"))


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_version_is_the_package_s(capsys):
    assert run(capsys, "version") == (0, f"photcourse {__version__}\n", "")


def test_the_installed_command_runs():
    command = Path(sys.executable).parent / "photcourse"
    done = subprocess.run([command, "version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"photcourse {__version__}\n")


@pytest.mark.parametrize("words", [["--help"], ["data", "--help"], ["data", "fetch", "--help"]])
def test_every_help_shows_examples_and_exit_codes(capsys, words):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert "photcourse data fetch m13" in out and "exit codes: 0 done; 1" in out and "PHOTCOURSE_DATA" in out


@pytest.mark.parametrize("words", [[], ["data"], ["data", "lost"], ["nothing"]])
def test_a_wrong_command_exits_with_two(capsys, words):
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_the_list_shows_every_file_and_whether_it_is_here(capsys):
    code, out, _ = run(capsys, "data", "list")
    assert code == 0
    assert re.search(r"^good +embedded +visit_image.fits +0\.\d\d MB", out, re.M)
    assert re.search(r"^absent +archive +HorseHead.fits +1\.65 MB  The Horsehead", out, re.M)
    assert re.search(r"^absent +archive +tailored_dss\S+ +\? MB", out, re.M)
    assert f"of {len(data.read_manifest().files)} files are here." in out


def test_a_dataset_s_files_can_be_listed_alone(capsys):
    _, out, _ = run(capsys, "data", "list", "emmi")
    assert "sep/image.cat" in out and "HorseHead" not in out and "of 3 files" in out


def test_an_unknown_name_exits_with_two_and_a_suggestion(capsys):
    for action in ("list", "fetch", "verify"):
        code, _, err = run(capsys, "data", action, "horsehed")
        assert code == 2 and "did you mean" in err and "horsehead" in err and err.count("\n") == 1


def test_verify_counts_the_good_and_the_absent(capsys):
    code, out, _ = run(capsys, "data", "verify", "visit_image", "emmi")
    assert (code, out) == (0, "1 good, 0 damaged, 3 not here.\n")


@pytest.fixture
def one_file(monkeypatch, tmp_path):
    """A manifest of one file whose server is not there; its cached path."""
    entry = {
        "kind": "archive", "what": "A file.", "url": "http://127.0.0.1:9/f.fits",
        "size": 4, "license": "None.", "citation": "None.", "used_by": [],
        "checksum": "sha256:" + hashlib.sha256(b"good").hexdigest(),
    }  # fmt: skip
    (tmp_path / "m.yaml").write_text(yaml.safe_dump({"files": {"f.fits": entry}}))
    monkeypatch.setattr("photcourse.data.manifest.MANIFEST", tmp_path / "m.yaml")
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache" / "f.fits"


def test_a_damaged_file_is_named_and_exits_with_one(capsys, one_file):
    one_file.write_bytes(b"bad!")
    for action in ("verify", "list"):
        code, _, err = run(capsys, "data", action)
        assert code == 1 and "f.fits has a wrong checksum" in err and err.count("\n") == 1


def test_a_fetch_that_fails_says_why_and_exits_with_one(capsys, one_file):
    code, out, err = run(capsys, "data", "fetch")
    assert (code, out) == (1, "")
    assert "cannot be reached" in err and "1 of 1 files could not be had." in err


def test_a_file_that_is_here_is_not_fetched_again(capsys, one_file):
    one_file.write_bytes(b"good")
    assert run(capsys, "data", "fetch", "f.fits") == (0, f"f.fits: {one_file}\n", "")


def test_a_damaged_manifest_exits_with_one_sentence(capsys, monkeypatch, tmp_path):
    (tmp_path / "m.yaml").write_text("files: [")
    monkeypatch.setattr("photcourse.data.manifest.MANIFEST", tmp_path / "m.yaml")
    code, _, err = run(capsys, "data", "list")
    assert code == 1 and "damaged" in err and err.count("\n") == 1


@pytest.mark.real
def test_the_real_files_verify(capsys, monkeypatch):
    if REAL is None:
        pytest.skip("PHOTCOURSE_DATA names no folder of real files")
    monkeypatch.setenv("PHOTCOURSE_DATA", REAL)
    code, out, err = run(capsys, "data", "verify", "m13", "horsehead", "spitzer", "emmi")
    assert (code, err) == (0, "") and "0 damaged" in out
