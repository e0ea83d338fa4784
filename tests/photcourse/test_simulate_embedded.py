"""Every embedded file is what its builder makes today; and the machinery that makes and records them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable, Table

from photcourse import data, simulate
from photcourse.data.dataset import Dataset, data_files
from photcourse.data.manifest import Source
from photcourse.simulate import build, registry

EMBEDDED = [e for e in data.read_manifest().files.values() if e.kind == "embedded"]


def opened(path) -> Dataset:
    return Dataset(path.stem, "embedded", data_files({path.name: path}), "", Source((path.name,), ""))


@pytest.mark.parametrize("entry", EMBEDDED, ids=lambda e: e.builder)
def test_the_shipped_file_is_what_its_builder_makes(entry, tmp_path):
    made = simulate.make(entry.builder, tmp_path)
    assert made.name == entry.name
    if made.suffix != ".fits":
        assert made.read_text() == (data.embedded_folder() / entry.name).read_text()
        return
    new, shipped = opened(made), opened(data.embedded_folder() / entry.name)
    assert set(new.planes) == set(shipped.planes) and set(new.tables) == set(shipped.tables)
    for name, plane in new.planes.items():
        assert_same_plane(plane, shipped.planes[name])
    for name, table in new.tables.items():
        assert_same_table(table, shipped.tables[name])


def assert_same_plane(new: np.ndarray, shipped: np.ndarray) -> None:
    """Equal but for float32 rounding; a rare pixel may fall on the other side of a quantisation step."""
    assert new.shape == shipped.shape
    finite = np.isfinite(shipped)
    assert np.array_equal(finite, np.isfinite(new))
    # float32 keeps 24 bits; the step of a quantised plane is far below its noise.
    close = np.isclose(new[finite], shipped[finite], rtol=2**-22, atol=1e-6 * np.ptp(shipped[finite]))
    assert close.mean() > 0.9999
    assert np.abs(new[finite] - shipped[finite]).max() <= 0.2 * np.std(shipped[finite]) + 1e-12


def assert_same_table(new: QTable, shipped: QTable) -> None:
    assert new.colnames == shipped.colnames and len(new) == len(shipped)
    for name in new.colnames:
        a, b = new[name], shipped[name]
        assert getattr(a, "unit", None) == getattr(b, "unit", None)
        if np.asarray(a).dtype.kind == "f":
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-9)
        else:
            assert list(a) == list(b)


def test_every_builder_has_its_entry_in_the_manifest_and_every_entry_its_builder():
    assert {(e.builder, e.name) for e in EMBEDDED} == set(simulate.builders().items())


# ------------------------------------------------------------------------------------------ writing a file
@pytest.fixture
def planes():
    rng = np.random.default_rng(6)
    image = rng.normal(100, 10, (70, 95))
    image[3, 4] = np.nan
    return {"image": image, "mask": rng.integers(0, 500, (70, 95)).astype(np.int32)}


def test_a_written_file_keeps_integers_units_truth_and_the_noise(tmp_path, planes):
    path = tmp_path / "f.fits"
    truth = QTable({"x": [1.25], "flux": [3.5] * u.nJy, "kind": ["star"]}, meta={"b": 1, "a": 2})
    simulate.write_fits(path, planes, header=fits.Header({"VISIT": 7}), tables={"truth": truth})
    back = opened(path)
    assert np.array_equal(back.planes["mask"], planes["mask"])
    assert np.isnan(back.image[3, 4]) and np.isnan(back.image).sum() == 1
    difference = (back.image - planes["image"])[np.isfinite(back.image)]
    # 1/16 of the noise of 10 is a step of 0.625, whose uniform error has a scatter of 0.18.
    assert 0.05 < difference.std() < 0.25 and abs(difference.mean()) < 0.02
    assert back.header["VISIT"] == 7
    assert back.truth["flux"][0] == 3.5 * u.nJy and back.truth["kind"][0] == "star"


def test_a_step_of_zero_keeps_float32_and_a_given_step_is_kept_to(tmp_path, planes):
    exact, coarse = tmp_path / "exact.fits", tmp_path / "coarse.fits"
    simulate.write_fits(exact, {"image": planes["image"]}, steps={"image": 0})
    simulate.write_fits(coarse, {"image": planes["image"]}, steps={"image": 4.0})
    np.testing.assert_array_equal(opened(exact).image, planes["image"].astype(np.float32).astype(float))
    difference = np.nan_to_num(opened(coarse).image - planes["image"])
    assert 1.9 < np.abs(difference).max() <= 2.0 + 1e-3


def test_counts_and_cubes_stay_what_they_are(tmp_path):
    cube = np.random.default_rng(1).integers(0, 65536, (3, 40, 55)).astype(np.uint16)
    simulate.write_fits(tmp_path / "c.fits", {"cube": cube})
    back = opened(tmp_path / "c.fits")
    assert back.raw["cube"].dtype == np.uint16 and np.array_equal(back.raw["cube"], cube)
    assert np.array_equal(back.image, cube[0]) and back.cube.shape == (3, 40, 55)


def test_the_same_contents_give_the_same_bytes(tmp_path, planes):
    for name in ("a.fits", "b.fits"):
        simulate.write_fits(tmp_path / name, planes, tables={"truth": Table({"x": [1.0]})})
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()


# ------------------------------------------------------------------------------------- making and recording
def test_two_builders_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two builders are named 'visit_image'"):
        registry.builder("visit_image", "other.fits")(lambda path: None)


def test_an_unknown_builder_is_named_with_the_known_ones(tmp_path):
    with pytest.raises(KeyError, match="no builder is named 'moon'; known are .*visit_image"):
        simulate.make("moon", tmp_path)


def test_recording_changes_one_entry_only(tmp_path):
    manifest = tmp_path / "m.yaml"
    manifest.write_text(
        "files:\n  a.fits:\n    checksum: sha256:old\n    size: 1\n\n  b.fits:\n    checksum: sha256:old\n"
        "    what: kept\n    size: 1\n\ndatasets:\n  d:\n    what: x\n"
    )
    made = tmp_path / "b.fits"
    made.write_bytes(b"12345")
    build.record("b.fits", made, manifest)
    text = manifest.read_text()
    assert f"  b.fits:\n    checksum: sha256:{data.checksum(made)}\n    what: kept\n    size: 5\n" in text
    assert "  a.fits:\n    checksum: sha256:old\n    size: 1\n" in text and text.endswith("    what: x\n")
    with pytest.raises(ValueError, match="no entry for c.fits"):
        build.record("c.fits", made, manifest)


def test_the_build_command_makes_a_file_elsewhere_and_leaves_the_manifest_alone(tmp_path, capsys):
    before = data.read_manifest()
    assert build.main(["visit_image", "--folder", str(tmp_path)]) == 0
    assert data.checksum(tmp_path / "visit_image.fits") in capsys.readouterr().out
    assert data.read_manifest() == before


@pytest.mark.parametrize("words", [[], ["moon"]])
def test_the_build_command_names_what_it_can_make(words, capsys):
    assert build.main(words) == 2
    assert "visit_image" in capsys.readouterr().err
