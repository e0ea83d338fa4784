"""The manifest, and finding and loading files; nothing here touches a network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from photcourse import data
from photcourse.data import files as data_files
from photcourse.data.manifest import MANIFEST

REPOSITORY = Path(__file__).resolve().parents[2]

#: The folder of real files that the test run was given, if any; a fixture hides it from the other tests.
REAL = os.environ.get("PHOTCOURSE_DATA")


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No shared folder, an empty cache."""
    monkeypatch.delenv("PHOTCOURSE_DATA", raising=False)
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(tmp_path / "cache"))


def entry_of(content: bytes, kind: str = "archive", **changes) -> dict:
    entry = {
        "kind": kind, "what": "A file.", "size": len(content), "license": "None.", "citation": "None.",
        "used_by": ["a test"], "checksum": "sha256:" + hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    if kind == "archive":
        entry["url"] = "http://127.0.0.1:9/nothing"
    return {**entry, **changes}


@pytest.fixture
def write_manifest(monkeypatch, tmp_path):
    """A function that puts another manifest in the place of the installed one."""

    def write(content) -> Path:
        path = tmp_path / "manifest.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        monkeypatch.setattr("photcourse.data.manifest.MANIFEST", path)
        return path

    return write


@pytest.fixture
def frames(tmp_path, monkeypatch, write_manifest):
    """Two real frames of 5 x 7 unsigned counts in a shared folder's subfolder, and their dataset."""
    shared = tmp_path / "shared"
    (shared / "night").mkdir(parents=True)
    files = {}
    for number in (1, 2):
        counts = (np.arange(35).reshape(5, 7) + 40_000 * number).clip(0, 65535).astype(np.uint16)
        path = shared / "night" / f"frame_{number}.fits"
        fits.PrimaryHDU(counts, header=fits.Header({"FRAME": number})).writeto(path)
        files[path.name] = entry_of(path.read_bytes())
    source = {"files": list(files), "sentence": "Two real frames.", "unit": "adu"}
    write_manifest({"files": files, "datasets": {"pair": {"what": "Two frames.", "archive": source}}})
    monkeypatch.setenv("PHOTCOURSE_DATA", str(shared))
    return shared


# ------------------------------------------------------------------------------------------- the manifest
def test_every_file_says_what_it_is_where_it_comes_from_its_terms_and_its_users():
    for entry in data.read_manifest().files.values():
        assert entry.what and entry.license and entry.citation and entry.used_by, entry.name
        assert (entry.kind == "archive") == bool(entry.url), entry.name
        assert (entry.kind == "embedded") == bool(entry.builder), entry.name


def test_the_manifest_lists_every_real_file_the_course_uses():
    names = set(data.read_manifest().files)
    assert {f"M13_blue_000{i}.fits" for i in range(1, 6)} <= names
    assert {"HorseHead.fits", "spitzer_example_image.fits", "spitzer_example_catalog.xml", "M6707HH.fits"} <= names
    assert {"sphere_v471tau_psf.fits", "sphere_v471tau_wl.fits", "NGC6819-DSS-r.fits", "w5.fits"} <= names
    assert {"sep/image.fits", "sep/image.cat", "sep/default.sex", "sep/galaxies.fits"} <= names
    helix = data.read_manifest().file("tailored_dss.22.29.38.50-20.50.13_60arcmin.fits")
    assert helix.checksum.startswith("gitblob:") and helix.sha256 is None


def test_the_manifest_at_the_top_of_the_course_is_the_installed_one():
    top = REPOSITORY / "data_manifest.yaml"
    assert top.read_bytes() == MANIFEST.read_bytes()
    assert top.is_symlink() and not top.readlink().is_absolute()


def test_no_embedded_file_is_unlisted_or_above_a_megabyte():
    listed = {e.name for e in data.read_manifest().files.values() if e.kind == "embedded"}
    shipped = {p.name for p in data.embedded_folder().iterdir() if p.suffix != ".py" and p.is_file()}
    assert shipped == listed
    assert all((data.embedded_folder() / name).stat().st_size < 1_000_000 for name in listed)


def test_a_file_is_known_with_or_without_its_folder():
    manifest = data.read_manifest()
    assert manifest.file("galaxies.fits") is manifest.file("sep/galaxies.fits")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m["files"]["a.fits"].pop("license"), "has no 'license'"),
        (lambda m: m["files"]["a.fits"].update(kind="rented"), "'rented'"),
        (lambda m: m["files"]["a.fits"].update(checksum="md5:123"), "md5:123"),
        (lambda m: m["files"]["a.fits"].update(checksum="sha256:" + "x" * 64), "neither sha256 nor gitblob"),
        (lambda m: m["files"]["a.fits"].update(url="ftp://x/y"), "has no address"),
        (lambda m: m["files"].update({"../a.fits": dict(m["files"]["a.fits"])}), "leaves the data folder"),
        (lambda m: m["files"].update(b="text"), "is not a mapping"),
        (lambda m: m["datasets"]["d"]["archive"].update(files=["b.fits"]), "'b.fits', which has no entry"),
        (lambda m: m["datasets"]["d"]["archive"].pop("sentence"), "no sentence"),
        (lambda m: m["datasets"].update(d={"what": "x"}), "neither embedded nor archive"),
        (lambda m: m["datasets"].update(d={"what": "x", "embedded": m["datasets"]["d"]["archive"]}), "is archive"),
    ],
)
def test_a_damaged_entry_is_named_in_one_sentence(write_manifest, change, said):
    source = {"files": ["a.fits"], "sentence": "A."}
    content = {"files": {"a.fits": entry_of(b"a")}, "datasets": {"d": {"what": "x", "archive": source}}}
    write_manifest(content)
    data.read_manifest()
    change(content)
    write_manifest(yaml.safe_load(yaml.safe_dump(content)))
    with pytest.raises(data.ManifestError, match="damaged") as caught:
        data.read_manifest()
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_manifest_that_is_not_yaml_names_the_line(write_manifest):
    write_manifest("files:\n  a: {\n")
    with pytest.raises(data.ManifestError, match="not valid YAML near line"):
        data.load("visit_image")


def test_a_missing_manifest_is_one_sentence(tmp_path):
    with pytest.raises(data.ManifestError, match="is missing"):
        data.read_manifest(tmp_path / "none.yaml")


def test_an_unknown_name_brings_a_suggestion():
    with pytest.raises(data.UnknownNameError, match="did you mean 'visit_image'"):
        data.load("visit_imgae")
    with pytest.raises(data.UnknownNameError, match="did you mean .*'HorseHead.fits'"):
        data.path("horsehed.fits")
    with pytest.raises(data.UnknownNameError, match="known are"):
        data.load("zzzzzzzz")


# -------------------------------------------------------------------------------------------- checksums
def test_the_git_checksum_is_the_one_git_computes(tmp_path):
    # `printf 'hello\n' | git hash-object --stdin` answers this.
    (tmp_path / "f").write_bytes(b"hello\n")
    assert data.checksum(tmp_path / "f", "gitblob") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_changed_file_is_hashed_again(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"one")
    first = data.checksum(path)
    path.write_bytes(b"three")
    assert (first, data.checksum(path)) == tuple(hashlib.sha256(t).hexdigest() for t in (b"one", b"three"))


# ----------------------------------------------------------------------------------------- finding files
def test_a_file_in_a_subfolder_of_the_shared_folder_is_found(frames):
    assert data.path("frame_2.fits") == frames / "night" / "frame_2.fits"


def test_a_file_of_the_same_name_and_other_bytes_elsewhere_is_not_taken(frames):
    other = frames / "another"
    other.mkdir()
    (other / "frame_1.fits").write_bytes(b"not this one")
    assert data.path("frame_1.fits").parent.name == "night"


def test_a_wrong_file_in_the_shared_folder_is_refused_with_both_checksums(frames):
    wrong = frames / "frame_1.fits"
    wrong.write_bytes(b"half a file")
    with pytest.raises(data.ChecksumError) as caught:
        data.path("frame_1.fits")
    text = str(caught.value)
    assert hashlib.sha256(b"half a file").hexdigest() in text
    assert data.read_manifest().file("frame_1.fits").sha256 in text and "\n" not in text


def test_a_shared_folder_that_is_not_there_is_said_so(frames, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOTCOURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(data.DataError, match="PHOTCOURSE_DATA names .*nowhere, which is not a folder"):
        data.path("frame_1.fits")


def test_a_file_that_is_not_here_says_how_to_get_it():
    with pytest.raises(data.MissingFileError, match="photcourse data fetch HorseHead.fits"):
        data.path("HorseHead.fits")


def test_a_file_is_found_by_its_bytes(frames):
    sha = data.checksum(frames / "night" / "frame_2.fits")
    assert data.find_by_sha256(sha) == frames / "night" / "frame_2.fits"
    assert data.find_by_sha256("0" * 64) is None
    (frames / "frame_2.fits").write_bytes(b"damaged")
    assert data.find_by_sha256(sha) is None


def test_a_file_known_by_its_git_name_only_is_found_by_its_sha256_too(tmp_path, monkeypatch, write_manifest):
    blob = b"blob"
    git = hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()
    write_manifest({"files": {"helix.bin": entry_of(blob, checksum="gitblob:" + git, size=None)}})
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "helix.bin").write_bytes(blob)
    monkeypatch.setenv("PHOTCOURSE_DATA", str(tmp_path / "shared"))
    assert data.find_by_sha256(hashlib.sha256(blob).hexdigest()) == tmp_path / "shared" / "helix.bin"


# ---------------------------------------------------------------------------------------------- loading
def test_frames_become_a_cube_of_native_floats_with_the_counts_kept(frames):
    pair = data.load("pair")
    assert (pair.name, pair.origin, pair.sentence) == ("pair", "archive", "Two real frames.")
    assert pair.cube.shape == (2, 5, 7) and pair.image.shape == (5, 7)
    assert pair.cube.dtype == np.dtype("float64") and pair.cube.dtype.isnative
    assert pair.raw["cube"].dtype == np.uint16
    assert pair.cube[0, 3, 2] == 40_023 and pair.image[3, 2] == 40_023 and pair.cube[1, 0, 0] == 65_535
    assert pair.unit == u.adu and pair.truth is None and pair.wcs is None
    assert pair.header["FRAME"] == 1 and pair.headers["frame_2.fits"]["FRAME"] == 2


def test_the_key_of_two_files_depends_on_both_and_on_their_order(frames):
    pair = data.load("pair")
    a, b = (f.sha256 for f in pair.files)
    assert pair.sha256 == hashlib.sha256(f"{a}\n{b}".encode()).hexdigest() and a != b


def test_changing_a_loaded_array_changes_nobody_elses(frames):
    data.load("pair").cube[:] = 0
    assert data.load("pair").cube.min() > 0
    loaded = data.load("pair")
    loaded.cube[0] += 1
    assert loaded.image[0, 0] == 40_000


def test_a_small_dataset_is_read_once_and_changing_it_changes_nobody_elses(monkeypatch):
    from photcourse.data import dataset

    dataset._cached_contents.cache_clear()
    read = []
    monkeypatch.setattr(
        dataset, "_read_files", lambda files, real=dataset._read_files: read.append(files) or real(files)
    )
    first, second = data.load("visit_image", prefer="embedded"), data.load("visit_image", prefer="embedded")
    first.image[:] = 0
    first.raw["variance"][:] = 0
    first.header["PSFSIGMA"] = 99.0
    first.truth["x"][0] = -1.0
    first.planes.get("mask")[:] = 7
    third = data.load("visit_image", prefer="embedded")
    for other in (second, third):
        assert other.image.max() > 0 and other.raw["variance"].min() > 0 and other.header["PSFSIGMA"] < 10
        assert other.truth["x"][0] > 0 and other.planes["mask"].min() == 0
    assert first.image.max() == 0 and first.header["PSFSIGMA"] == 99.0, "what is one's own stays changed"
    assert set(first.planes) == set(third.planes) and dict(third.planes)["image"] is third.image
    assert len(read) == 1


def test_missing_planes_and_tables_are_named(frames):
    with pytest.raises(data.DataError, match="no plane 'variance' .*it has: .*cube"):
        data.load("pair")._plane("variance")
    with pytest.raises(data.DataError, match="no table 'truth' .*none"):
        data.load("pair").table("truth")


def test_an_impossible_preference_is_refused(frames):
    with pytest.raises(ValueError, match="prefer is"):
        data.load("pair", prefer="real")
    with pytest.raises(data.MissingFileError, match="no embedded files"):
        data.load("pair", prefer="embedded")


@pytest.fixture
def both(frames, tmp_path, monkeypatch, write_manifest):
    """The pair of frames with an embedded stand-in beside it."""
    stand_in = tmp_path / "embedded" / "pair_standin.fits"
    stand_in.parent.mkdir()
    cube = fits.PrimaryHDU(np.ones((2, 4, 6), dtype=np.int16))
    truth = fits.table_to_hdu(QTable({"x": [1.5, 2.5], "flux": [3.0, 4.0] * u.nJy}))
    truth.name = "TRUTH"
    fits.HDUList([cube, truth]).writeto(stand_in)
    monkeypatch.setattr(data_files, "embedded_folder", lambda: stand_in.parent)
    content = yaml.safe_load((tmp_path / "manifest.yaml").read_text())
    content["files"][stand_in.name] = entry_of(stand_in.read_bytes(), kind="embedded", builder="none")
    content["datasets"]["pair"]["embedded"] = {"files": [stand_in.name], "sentence": "A stand-in."}
    write_manifest(content)
    return frames


def test_real_files_are_taken_where_all_of_them_are_there(both):
    assert data.load("pair").origin == "archive"


def test_the_stand_in_is_taken_where_one_real_file_is_missing(both):
    (both / "night" / "frame_2.fits").unlink()
    pair = data.load("pair")
    assert pair.origin == "embedded" and pair.cube.shape == (2, 4, 6) and pair.image.shape == (4, 6)
    assert pair.truth["flux"][1] == 4 * u.nJy
    with pytest.raises(data.MissingFileError, match="frame_2.fits is not on this machine"):
        data.load("pair", prefer="archive")


def test_the_stand_in_can_be_insisted_on(both):
    assert data.load("pair", prefer="embedded").origin == "embedded"


def test_a_damaged_embedded_file_is_never_shown(both, tmp_path):
    (tmp_path / "embedded" / "pair_standin.fits").write_bytes(b"x")
    with pytest.raises(data.ChecksumError, match="install the course package again"):
        data.load("pair", prefer="embedded")


def test_the_state_of_every_file_is_listed(both, tmp_path):
    (both / "night" / "frame_2.fits").unlink()
    (tmp_path / "embedded" / "pair_standin.fits").unlink()
    states = {s.entry.name: s.state for s in data.listing()}
    assert states == {"frame_1.fits": "good", "frame_2.fits": "absent", "pair_standin.fits": "damaged"}
    assert {s.entry.name for s in data.verify()} == {"frame_1.fits", "pair_standin.fits"}
    assert [s.entry.name for s in data.listing(["frame_1.fits"])] == ["frame_1.fits"]
    assert len(data.listing(["pair", "frame_1.fits"])) == 3


def test_every_embedded_dataset_loads_with_truth_unit_and_a_non_square_image():
    for name, entry in data.read_manifest().datasets.items():
        if "embedded" not in entry.sources:
            continue
        loaded = data.load(name, prefer="embedded")
        assert loaded.origin == "embedded" and loaded.sentence
        ny, nx = loaded.image.shape
        assert ny != nx, name
        assert loaded.image.dtype.isnative and np.isfinite(loaded.image).any()
        assert loaded.sha256 == data.read_manifest().file(loaded.files[0].name).sha256 or len(loaded.files) > 1


def test_importing_the_package_is_quick_and_brings_no_pandas_and_no_grader():
    code = "import sys, photcourse.data, photcourse.cli; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'photgrader'" not in loaded and "'pandas'" not in loaded and "'requests'" not in loaded


# ----------------------------------------------------------------------------------------- the real files
@pytest.mark.real
@pytest.mark.parametrize("name", ["m13", "horsehead", "spitzer", "m67", "sphere_psf", "ngc6819", "w5", "emmi"])
def test_the_real_files_open(name, monkeypatch):
    if REAL is None:
        pytest.skip("PHOTCOURSE_DATA names no folder of real files")
    monkeypatch.setenv("PHOTCOURSE_DATA", REAL)
    loaded = data.load(name, prefer="archive")
    assert loaded.origin == "archive" and loaded.image.ndim == 2
    assert np.isfinite(loaded.image).mean() > 0.5


@pytest.mark.real
def test_the_real_spitzer_field_has_its_unit_galactic_coordinates_and_catalogue(monkeypatch):
    if REAL is None:
        pytest.skip("PHOTCOURSE_DATA names no folder of real files")
    monkeypatch.setenv("PHOTCOURSE_DATA", REAL)
    field = data.load("spitzer", prefer="archive")
    assert field.unit == u.MJy / u.sr and field.wcs.wcs.ctype[0].startswith("GLON")
    assert len(field.table("spitzer_example_catalog")) == 224
    assert data.load("m13", prefer="archive").raw["cube"].dtype == np.uint16
