"""Exposures from the course, from FITS files of all sorts, and from a Butler that imitates Rubin's."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits

from photcourse.data import DataError
from photcourse.simulate import tan_wcs, visit_image, write_fits
from photcourse.visit import estimate_variance, load_visit_image


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.delenv("PHOTCOURSE_DATA", raising=False)
    monkeypatch.setenv("PHOTCOURSE_CACHE", str(tmp_path / "cache"))


# --------------------------------------------------------------------------------------------- embedded
def test_the_embedded_exposure_has_everything():
    exposure = load_visit_image()
    assert exposure.image.shape == exposure.shape == (480, 560)
    assert exposure.image.dtype == np.float64 and exposure.image.dtype.isnative
    assert exposure.variance.shape == exposure.mask.shape == exposure.shape
    assert exposure.mask.dtype.kind == "i" and exposure.mask_planes["SAT"] == 1
    assert exposure.unit == u.nJy and exposure.psf_sigma == 2.0
    assert exposure.header["DETECTOR"] == 0 and exposure.header["VISIT"]
    assert len(exposure.truth) > 80 and "simulated" in exposure.sentence
    assert exposure.wcs.pixel_to_world(280, 240).ra.deg == pytest.approx(53.13, abs=0.01)


def test_the_embedded_exposure_is_the_simulated_one_but_for_rounding():
    shipped, made = load_visit_image(), visit_image((480, 560), seed=20241108)
    # The image is kept in steps of 1 nJy, a fifteenth of the noise.
    assert np.abs(shipped.image - made.image).max() <= 0.51
    assert np.array_equal(shipped.mask, made.mask)


def test_words_that_choose_in_a_butler_are_refused_elsewhere(tmp_path):
    with pytest.raises(TypeError, match="takes no visit"):
        load_visit_image("embedded", visit=3)
    with pytest.raises(TypeError, match="takes no detector"):
        load_visit_image(tmp_path / "x.fits", detector=3)


# ------------------------------------------------------------------------------------------- FITS files
def test_a_visit_image_s_own_file_comes_back_whole(tmp_path):
    made = visit_image((200, 230), seed=4)
    planes = {"image": made.image, "mask": made.mask, "variance": made.variance}
    wcs = {"image": made.wcs.to_header()}
    write_fits(tmp_path / "v.fits", planes, header=made.header, headers=wcs, tables={"truth": made.truth})
    back = load_visit_image(str(tmp_path / "v.fits"))
    assert np.abs(back.image - made.image).max() < 2 and np.array_equal(back.mask, made.mask)
    assert np.abs(back.variance / made.variance - 1).max() < 0.1
    assert back.mask_planes == made.mask_planes and back.psf_sigma == 2.0 and back.unit == u.nJy
    assert len(back.truth) == len(made.truth) and back.header["VISIT"] == made.header["VISIT"]
    assert np.array_equal(back.flagged("SAT"), made.flagged("SAT"))


def test_rubin_s_own_layout_is_read_with_its_mask_names(tmp_path):
    """An afw file: an empty primary HDU, then IMAGE, MASK (bits named MP_*) and VARIANCE."""
    image = np.random.default_rng(3).normal(0, 4, (40, 55)).astype(np.float32)
    mask = np.zeros((40, 55), dtype=np.int32)
    mask[5, 6] = 1 << 5
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header({"DETECTOR": 7}))])
    hdus.append(fits.ImageHDU(image, name="IMAGE", header=fits.Header({"BUNIT": "nJy"})))
    bits = fits.Header({"MP_EDGE": 4, "HIERARCH MP_DETECTED": 5})
    hdus.append(fits.ImageHDU(mask, name="MASK", header=bits))
    hdus.append(fits.ImageHDU(np.full((40, 55), 16, np.float32), name="VARIANCE"))
    hdus.writeto(tmp_path / "calexp.fits")
    exposure = load_visit_image(tmp_path / "calexp.fits")
    assert np.argwhere(exposure.flagged("DETECTED")).tolist() == [[5, 6]]
    assert np.all(exposure.variance == 16) and exposure.header["DETECTOR"] == 7
    assert exposure.unit == u.nJy and exposure.wcs is None and exposure.psf_sigma is None


def test_a_bare_image_gets_the_sky_s_variance_and_a_mask_of_its_blind_pixels(tmp_path):
    rng = np.random.default_rng(5)
    image = rng.normal(0, 12.0, (150, 190))
    image[70:75, 80:85] += 3000
    image[3, 9] = np.nan
    fits.PrimaryHDU(image.astype(">f4")).writeto(tmp_path / "bare.fits")
    exposure = load_visit_image(tmp_path / "bare.fits")
    # 28 500 pixels: the deviation's error is under 1 %; clipping at 3 sigma lowers the scatter by 1.4 % more.
    assert np.sqrt(exposure.variance[0, 0]) == pytest.approx(12.0, rel=0.03)
    assert np.isinf(exposure.variance[3, 9])
    assert np.argwhere(exposure.flagged("NO_DATA")).tolist() == [[3, 9]]
    assert exposure.unit is None and exposure.truth is None and "bare.fits" in exposure.sentence


def test_the_first_image_is_found_behind_tables_and_empty_units_and_a_cube_gives_its_first_frame(tmp_path):
    cube = np.arange(3 * 4 * 6, dtype=np.int16).reshape(3, 4, 6)
    table = fits.BinTableHDU.from_columns([fits.Column("a", "D", array=[1.0])])
    header = tan_wcs((4, 6), 30.0, 40.0).to_header()
    header["BUNIT"] = "no unit at all"
    hdus = [fits.PrimaryHDU(), table, fits.ImageHDU(cube, header=header)]
    fits.HDUList(hdus).writeto(tmp_path / "c.fits")
    exposure = load_visit_image(tmp_path / "c.fits")
    assert np.array_equal(exposure.image, cube[0]) and exposure.unit is None
    assert exposure.wcs.pixel_to_world(2.5, 1.5).ra.deg == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "There is no file"), (b"not fits at all" * 300, "cannot be read as a FITS file"), ("empty", "no image")],
)
def test_what_is_no_image_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "x.fits"
    if content == "empty":
        fits.PrimaryHDU().writeto(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        load_visit_image(path)
    assert "\n" not in str(caught.value)


def test_the_estimated_variance_is_little_moved_by_stars():
    rng = np.random.default_rng(8)
    image = rng.normal(100, 7.0, (200, 260))
    image.ravel()[rng.choice(image.size, 1500, replace=False)] += 1e4
    assert np.sqrt(estimate_variance(image)[4, 5]) == pytest.approx(7.0, rel=0.03)


# ----------------------------------------------------------------------------------------------- Butler
class Box:
    """Like lsst.geom.Box2I: a cut-out need not start at zero."""

    def __init__(self, x0, y0, width, height):
        self.x0, self.y0, self.width, self.height = x0, y0, width, height

    def getMinX(self):
        return self.x0

    def getMinY(self):
        return self.y0

    def getWidth(self):
        return self.width

    def getHeight(self):
        return self.height

    def getCenter(self):
        return (self.x0 + (self.width - 1) / 2, self.y0 + (self.height - 1) / 2)


class SkyWcs:
    """A tangent plane with a distortion that FITS cannot write, in the parent's pixel coordinates."""

    plane = tan_wcs((4000, 4072), 53.0, -28.0, rotation=-40.0)

    def pixelToSkyArray(self, x, y, degrees=False):
        assert degrees and np.asarray(x).dtype == np.float64
        u_, v_ = (x - 2036) / 2036, (y - 2000) / 2000
        return self.plane.pixel_to_world_values(x + 1.5 * np.sin(2 * u_) * v_, y - 0.8 * np.cos(u_ + v_))


class Exposure:
    """What the calls of lsst.afw.image.ExposureF that we make return."""

    def __init__(self, box, psf=True, wcs=True):
        rng = np.random.default_rng(1)
        shape = (box.height, box.width)
        self.box, self._psf, self._wcs = box, psf, wcs
        self.image = types.SimpleNamespace(array=rng.normal(0, 15, shape).astype(np.float32))
        self.variance = types.SimpleNamespace(array=np.full(shape, 225, np.float32))
        mask = np.zeros(shape, np.int32)
        mask[2, 3] = 1 << 1
        self.mask = types.SimpleNamespace(array=mask, getMaskPlaneDict=lambda: {"BAD": 0, "SAT": 1, "INJECTED": 17})
        self.filter = types.SimpleNamespace(bandLabel="i")

    def getBBox(self):
        return self.box

    def getWcs(self):
        return SkyWcs() if self._wcs else None

    def getPsf(self):
        if not self._psf:
            return None
        shape = types.SimpleNamespace(getDeterminantRadius=lambda: 1.87)
        return types.SimpleNamespace(computeShape=lambda point: shape if point == self.box.getCenter() else None)


@pytest.fixture
def rubin(monkeypatch):
    """A stack whose Butler knows one exposure; `asked` is what it was asked for."""
    asked = types.SimpleNamespace(exposure=Exposure(Box(0, 0, 64, 48)))

    class Butler:
        def __init__(self, repo, collections=None):
            asked.repo, asked.collections = repo, collections

        def get(self, dataset_type, data_id):
            asked.dataset_type, asked.data_id = dataset_type, data_id
            if data_id["visit"] != 2024110800246:
                raise LookupError("Dataset visit_image could not be found")
            return asked.exposure

    modules = {name: types.ModuleType(name) for name in ("lsst", "lsst.daf", "lsst.daf.butler")}
    modules["lsst.daf.butler"].Butler = Butler
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return asked


def test_the_butler_is_asked_for_the_course_s_exposure(rubin):
    exposure = load_visit_image("butler")
    assert (rubin.repo, rubin.collections, rubin.dataset_type) == ("dp1", "LSSTComCam/DP1", "visit_image")
    assert rubin.data_id == {"instrument": "LSSTComCam", "visit": 2024110800246, "detector": 0}
    assert exposure.shape == (48, 64) and exposure.image.dtype == np.float64
    assert np.all(exposure.variance == 225) and exposure.unit == u.nJy and exposure.truth is None
    assert exposure.mask_planes["INJECTED"] == 17 and np.argwhere(exposure.flagged("SAT")).tolist() == [[2, 3]]
    assert exposure.psf_sigma == 1.87
    assert exposure.header["VISIT"] == 2024110800246 and exposure.header["BAND"] == "i"
    assert "visit 2024110800246" in exposure.sentence


def test_another_repository_collection_and_detector_can_be_chosen(rubin):
    load_visit_image("butler:/repo/main", detector=4, collection="u/me")
    assert (rubin.repo, rubin.collections) == ("/repo/main", "u/me") and rubin.data_id["detector"] == 4
    with pytest.raises(TypeError, match="not by 'tract'"):
        load_visit_image("butler", tract=3)


@pytest.mark.parametrize("start", [(0, 0), (1200, 700)])
def test_rubin_s_distorted_coordinates_are_followed_also_on_a_cut_out(rubin, start):
    rubin.exposure = Exposure(Box(*start, 2000, 1500))
    exposure = load_visit_image("butler")
    x, y = np.random.default_rng(9).uniform([0, 0], [1999, 1499], (300, 2)).T
    ra, dec = SkyWcs().pixelToSkyArray(x + start[0], y + start[1], degrees=True)
    errors = exposure.wcs.pixel_to_world(x, y).separation(SkyCoord(ra, dec, unit="deg")).arcsec
    assert errors.max() < 0.02


def test_an_exposure_without_coordinates_and_psf_is_still_an_exposure(rubin):
    rubin.exposure = Exposure(Box(0, 0, 64, 48), psf=False, wcs=False)
    exposure = load_visit_image("butler")
    assert exposure.wcs is None and exposure.psf_sigma is None and exposure.shape == (48, 64)


def test_an_exposure_that_the_butler_lacks_is_one_sentence(rubin):
    with pytest.raises(DataError, match="gave no visit_image for visit 5, detector 0 .*LookupError"):
        load_visit_image("butler", visit=5)


def test_without_rubin_s_software_the_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "lsst", None)
    with pytest.raises(DataError, match="not installed here; use load_visit_image"):
        load_visit_image("butler")
