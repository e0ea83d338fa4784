"""FITS files as the world writes them: the picture is kept, and what was left out is said."""

from __future__ import annotations

import gzip
import pathlib

import astropy
import numpy as np
import photutils
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty
from astropy.wcs import WCS

from photcourse.data import DataError
from photcourse.fits_image import read_fits_image
from photcourse.visit import load_visit_image

SHAPE = (60, 80)


@pytest.fixture
def scene():
    """An even sky of 500 with noise 10 and one star, rows and columns unlike."""
    image = np.random.default_rng(7).normal(500, 10, SHAPE)
    image[20:23, 50:53] += 900
    return image.astype(np.float32)


def tan(**cards):
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"], header["CRPIX1"], header["CRPIX2"] = 150.1, 2.2, 40.0, 30.0
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -2e-4, 0.0, 0.0, 2e-4
    for key, value in cards.items():
        header[key] = value
    return header


def write(path: pathlib.Path, *hdus) -> pathlib.Path:
    fits.HDUList(list(hdus)).writeto(path)
    return path


def with_card(path: pathlib.Path, image: np.ndarray, card: bytes) -> pathlib.Path:
    """Write a file one of whose cards is the given bytes, whatever the standard says."""
    header = tan(PLACE=1.5)
    write(path, fits.PrimaryHDU(image, header=header))
    content = path.read_bytes()
    assert content.count(b"PLACE   =") == 1
    at = content.index(b"PLACE   =")
    path.write_bytes(content[:at] + card.ljust(80)[:80] + content[at + 80 :])
    return path


# ------------------------------------------------------------------------------------------------------ cards
@pytest.mark.parametrize(
    ("card", "key", "kept"),
    [
        (b"EXPTIME = 12,5               / a comma locale", "EXPTIME", "12,5"),
        (b"CCDTEMP =                  nan", "CCDTEMP", "nan"),
        (b"GAIN    =                  inf / e-/ADU", "GAIN", "inf"),
        (b"DATE-OBS= '2017/02/13-16:51:38 / no closing quote", "DATE-OBS", "2017/02/13-16:51:38"),
        (b"OBJCTRA = 12 34 56.7         / unquoted", "OBJCTRA", "12 34 56.7"),
        (b"AIRMASS = 1.2.3", "AIRMASS", "1.2.3"),
        (b"OBSERVER= 'Ren\xe9 '", "OBSERVER", "Ren"),
    ],
)
def test_a_card_that_nobody_can_parse_is_kept_as_text_and_costs_nothing_else(tmp_path, scene, card, key, kept):
    exposure = load_visit_image(with_card(tmp_path / "x.fits", scene, card))
    assert np.array_equal(exposure.image, scene.astype(float))
    assert exposure.wcs.wcs_pix2world([[39, 29]], 0)[0] == pytest.approx([150.1, 2.2])
    assert str(exposure.header[key]).startswith(kept)
    # A header that was mended can be written again.
    fits.PrimaryHDU(exposure.image, header=exposure.header).writeto(tmp_path / "again.fits")


@pytest.mark.parametrize("value", ["n/a", 0.0, -1.5, True])
def test_a_width_that_is_no_width_is_unknown(tmp_path, scene, value):
    path = write(tmp_path / "x.fits", fits.PrimaryHDU(scene, header=fits.Header({"PSFSIGMA": value})))
    assert load_visit_image(path).psf_sigma is None


def test_a_good_width_is_taken(tmp_path, scene):
    path = write(tmp_path / "x.fits", fits.PrimaryHDU(scene, header=fits.Header({"PSFSIGMA": 2})))
    assert load_visit_image(path).psf_sigma == 2.0


@pytest.mark.parametrize(
    ("named", "unit"),
    [("ELECTRONS", u.electron), ("ELECTRONS/S", u.electron / u.s), ("counts", u.ct), ("adu", u.adu),
     ("MJy/sr", u.MJy / u.sr), ("no unit", None), (3, None), ("", None)],
)  # fmt: skip
def test_units_are_read_as_people_write_them(tmp_path, scene, named, unit):
    path = write(tmp_path / "x.fits", fits.PrimaryHDU(scene, header=fits.Header({"BUNIT": named})))
    assert load_visit_image(path).unit == unit


# ------------------------------------------------------------------------------------------------ coordinates
@pytest.mark.parametrize(
    "header",
    [
        pytest.param(tan(CD1_1=0.0, CD2_2=0.0), id="singular"),
        pytest.param(tan(CD1_1=1e-4, CD1_2=1e-4, CD2_1=1e-4, CD2_2=1e-4), id="singular, not zero"),
        pytest.param(tan(CUNIT1="hh:mm:ss", CUNIT2="dd"), id="units"),
        pytest.param(tan(CTYPE2="LINEAR"), id="one axis on the sky"),
        pytest.param(tan(CTYPE1="RA---XYZ", CTYPE2="DEC--XYZ"), id="no such projection"),
        pytest.param(tan(CTYPE1="RA---TAN", CTYPE2="RA---TAN"), id="the same axis twice"),
    ],
)
def test_coordinates_that_do_not_work_are_left_out_with_a_sentence(tmp_path, scene, header):
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(scene, header=header)))
    assert np.array_equal(exposure.image, scene.astype(float)) and exposure.wcs is None
    assert exposure.sentence.count("world coordinates cannot be read and were left out") == 1
    assert "\n" not in exposure.sentence and "cextern" not in exposure.sentence


def table(values: np.ndarray, version: int) -> fits.ImageHDU:
    """A lookup table over the whole image, as the Hubble telescope's files hold."""
    hdu = fits.ImageHDU(values.astype(np.float32), name="WCSDVARR", ver=version)
    hdu.header["CRVAL1"], hdu.header["CRVAL2"], hdu.header["CRPIX1"], hdu.header["CRPIX2"] = 1.0, 1.0, 1.0, 1.0
    hdu.header["CDELT1"], hdu.header["CDELT2"] = 20.0, 15.0
    return hdu


def lookup_header(axes=(1, 2)) -> fits.Header:
    header = tan()
    for axis in axes:
        header[f"CPDIS{axis}"] = "LOOKUP"
        for card in (f"EXTVER: {axis}.0", "NAXES: 2.0", "AXIS.1: 1.0", "AXIS.2: 2.0"):
            header.append((f"DP{axis}", card), end=True)
    return header


def test_a_distortion_by_lookup_tables_moves_the_coordinates(tmp_path, scene):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(scene, name="SCI", header=lookup_header())]
    hdus += [table(np.full((6, 6), 3.0), 1), table(np.full((6, 6), -2.0), 2)]
    exposure = load_visit_image(write(tmp_path / "flc.fits", *hdus))
    # Both tables are even: every pixel lies where the plain coordinates put the pixel 3 to the right and 2 below.
    plain = WCS(tan())
    expected = plain.all_pix2world([[33.0, 18.0], [63.0, 8.0]], 0)
    assert exposure.wcs.all_pix2world([[30.0, 20.0], [60.0, 10.0]], 0) == pytest.approx(expected, abs=1e-9)
    assert "cannot be read" not in exposure.sentence


def test_without_its_lookup_table_the_plain_coordinates_are_given_and_it_is_said(tmp_path, scene):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(scene, name="SCI", header=lookup_header())]
    exposure = load_visit_image(write(tmp_path / "flc.fits", *hdus))
    assert exposure.wcs.all_pix2world([[30.0, 20.0]], 0) == pytest.approx(WCS(tan()).all_pix2world([[30.0, 20.0]], 0))
    assert "its distortion cannot be read and was left out" in exposure.sentence


def test_half_a_sip_distortion_is_left_out_and_it_is_said(tmp_path, scene):
    header = tan(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, A_0_2=1e-6)
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(scene, header=header)))
    assert exposure.wcs.all_pix2world([[5.0, 9.0]], 0) == pytest.approx(WCS(tan()).all_pix2world([[5.0, 9.0]], 0))
    assert "its distortion cannot be read and was left out" in exposure.sentence and "B_ORDER" in exposure.sentence


def test_pv_terms_on_tan_are_the_polynomial_that_scamp_meant(tmp_path, scene):
    terms = {"PV1_0": 1e-3, "PV1_1": 1.01, "PV1_2": 2e-3, "PV1_4": 0.8, "PV2_0": -2e-3, "PV2_1": 0.99, "PV2_2": 3e-3,
             "PV2_4": 0.5}  # fmt: skip
    header = tan(CD1_1=-2e-3, CD2_2=2e-3, **terms)
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(scene, header=header)))
    x, y = np.array([2.0, 70.0]), np.array([55.0, 11.0])
    xi, eta = -2e-3 * (x - 39), 2e-3 * (y - 29)
    # Along right ascension x comes first, along declination y does (Calabretta et al. 2004, TPV).
    bent_xi = terms["PV1_0"] + terms["PV1_1"] * xi + terms["PV1_2"] * eta + terms["PV1_4"] * xi**2
    bent_eta = terms["PV2_0"] + terms["PV2_1"] * eta + terms["PV2_2"] * xi + terms["PV2_4"] * eta**2
    plain = WCS(tan(CD1_1=-2e-3, CD2_2=2e-3))
    expected = plain.wcs_pix2world(np.column_stack([39 - bent_xi / 2e-3, 29 + bent_eta / 2e-3]), 0)
    assert exposure.wcs.wcs_pix2world(np.column_stack([x, y]), 0) == pytest.approx(expected, abs=1e-9)


def test_terms_that_the_projection_does_not_know_are_left_out_and_it_is_said(tmp_path, scene):
    header = tan(CTYPE1="RA---SIN", CTYPE2="DEC--SIN", PV1_7=0.3, PV1_39=2.0)
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(scene, header=header)))
    assert exposure.wcs is not None and np.array_equal(exposure.image, scene.astype(float))
    assert "further terms of its projection cannot be read" in exposure.sentence


# ------------------------------------------------------------------------------------------------ damaged files
def test_a_file_that_is_cut_short_is_one_sentence(tmp_path, scene):
    whole = write(tmp_path / "whole.fits", fits.PrimaryHDU(scene)).read_bytes()
    (tmp_path / "x.fits").write_bytes(whole[:-6000])
    with pytest.raises(DataError, match="ends before its image does .* get it again") as caught:
        load_visit_image(tmp_path / "x.fits")
    assert "\n" not in str(caught.value)


def test_a_packed_file_that_is_cut_short_is_one_sentence(tmp_path, scene):
    whole = write(tmp_path / "whole.fits", fits.PrimaryHDU(scene)).read_bytes()
    (tmp_path / "x.fits.gz").write_bytes(gzip.compress(whole)[:-3000])
    with pytest.raises(DataError, match="ends before its image does"):
        load_visit_image(tmp_path / "x.fits.gz")


def test_a_compressed_image_that_is_cut_short_is_one_sentence(tmp_path, scene):
    hdu = fits.CompImageHDU(np.rint(scene).astype(np.int16), compression_type="RICE_1")
    whole = write(tmp_path / "whole.fits", fits.PrimaryHDU(), hdu).read_bytes()
    (tmp_path / "x.fits").write_bytes(whole[: len(whole) - 5760])
    with pytest.raises(DataError) as caught:
        load_visit_image(tmp_path / "x.fits")
    assert "\n" not in str(caught.value) and "x.fits" in str(caught.value)


def test_what_is_cut_off_behind_the_image_does_not_cost_the_image(tmp_path, scene):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(scene, name="SCI"), fits.ImageHDU(np.full(SHAPE, 81.0), name="VAR")]
    whole = write(tmp_path / "whole.fits", *hdus).read_bytes()
    (tmp_path / "x.fits").write_bytes(whole[:-20000])
    exposure = load_visit_image(tmp_path / "x.fits")
    assert np.array_equal(exposure.image, scene.astype(float))
    assert np.sqrt(exposure.variance[0, 0]) == pytest.approx(10, rel=0.05)
    assert "VAR cannot be read and was left out" in exposure.sentence


@pytest.mark.parametrize("values", [np.full(SHAPE, np.nan), np.zeros((1, 1)), np.zeros(50)])
def test_what_holds_no_picture_is_refused(tmp_path, values):
    with pytest.raises(DataError, match=r"holds no (image|pixel with a value)\.$"):
        load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(values)))


def test_names_that_are_no_files_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for source, said in (
        ("embeded", "did you mean 'embedded'"),
        ("my_image.fits", f"no file my_image.fits in {tmp_path}"),
        (str(tmp_path), "is a folder"),
        ("https://example.org/x.fits", "download the file"),
    ):
        with pytest.raises(DataError, match=said):
            load_visit_image(source)


# ------------------------------------------------------------------------------------------------------ numbers
@pytest.mark.parametrize("make", [fits.PrimaryHDU, fits.CompImageHDU])
def test_blank_unsigned_pixels_are_no_data_and_not_zero(tmp_path, scene, make):
    stored = (np.rint(scene) - 32768).astype(np.int16)
    stored[3, 9] = -32768
    hdus = [make(stored)] if make is fits.PrimaryHDU else [fits.PrimaryHDU(), make(stored)]
    path = write(tmp_path / "x.fits", *hdus)
    with fits.open(path, mode="update", do_not_scale_image_data=True) as opened:
        opened[-1].header["BZERO"], opened[-1].header["BSCALE"], opened[-1].header["BLANK"] = 32768, 1, -32768
    exposure = load_visit_image(path)
    good = np.ones(SHAPE, bool)
    good[3, 9] = False
    assert np.array_equal(exposure.image[good], np.rint(scene)[good]) and np.isnan(exposure.image[3, 9])
    assert np.argwhere(exposure.flagged("NO_DATA")).tolist() == [[3, 9]]
    assert np.argwhere(np.isinf(exposure.variance)).tolist() == [[3, 9]]
    assert not {"BZERO", "BSCALE", "BLANK"} & set(exposure.header)


def test_scaled_whole_numbers_are_scaled(tmp_path):
    stored = np.arange(SHAPE[0] * SHAPE[1], dtype=np.int32).reshape(SHAPE)
    path = write(tmp_path / "x.fits", fits.PrimaryHDU(stored))
    with fits.open(path, mode="update", do_not_scale_image_data=True) as opened:
        opened[0].header["BZERO"], opened[0].header["BSCALE"], opened[0].header["BLANK"] = 10.0, 0.5, 7
    exposure = load_visit_image(path)
    assert exposure.image[0, 3] == 11.5 and np.isnan(exposure.image[0, 7]) and exposure.image[1, 0] == 50.0


def test_large_unsigned_numbers_come_back_as_they_were(tmp_path):
    values = np.full(SHAPE, 4_000_000_000, np.uint32)
    values[0, 0] = 5
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(values)))
    assert exposure.image[0, 0] == 5 and exposure.image[1, 1] == 4e9


# ------------------------------------------------------------------------------------------------ error planes
@pytest.mark.parametrize("bad", [np.nan, 0.0, -4.0, np.inf])
def test_a_pixel_whose_variance_is_no_variance_is_no_data(tmp_path, scene, bad):
    variance = np.full(SHAPE, 100.0, np.float32)
    variance[5, 70] = bad
    mask = np.zeros(SHAPE, np.int32)
    mask[1, 2] = 1
    mask_hdu = fits.ImageHDU(mask, name="MASK", header=fits.Header({"MP_BAD": 0}))
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(scene, name="IMAGE"), mask_hdu, fits.ImageHDU(variance, name="VARIANCE")]
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert np.argwhere(exposure.flagged("NO_DATA")).tolist() == [[5, 70]] and np.isinf(exposure.variance[5, 70])
    assert np.argwhere(exposure.flagged("BAD")).tolist() == [[1, 2]]
    assert np.median(exposure.variance) == 100


def test_a_variance_plane_of_zeros_is_no_variance(tmp_path, scene):
    hdus = [fits.PrimaryHDU(scene), fits.ImageHDU(np.zeros(SHAPE, np.float32), name="VAR")]
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert np.sqrt(exposure.variance[0, 0]) == pytest.approx(10, rel=0.05) and not exposure.mask.any()
    assert "VAR holds no positive number" in exposure.sentence


@pytest.mark.parametrize(
    ("name", "values"),
    [("VARIANCE", 144.0), ("VAR", 144.0), ("STAT", 144.0), ("ERR", 12.0), ("RMS", 12.0), ("IVAR", 1 / 144)],
)
def test_errors_are_variances_whatever_they_are_called(tmp_path, scene, name, values):
    plane = fits.ImageHDU(np.full(SHAPE, values), name=name)
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(), fits.ImageHDU(scene, name="SCI"), plane))
    assert exposure.variance == pytest.approx(np.full(SHAPE, 144.0))


def test_the_planes_of_another_detector_are_not_taken(tmp_path, scene):
    hdus = [fits.PrimaryHDU()]
    for version in (1, 2):
        hdus.append(fits.ImageHDU(scene + version, name="SCI", ver=version))
        hdus.append(fits.ImageHDU(np.full(SHAPE, 1 << version, np.int16), name="DQ", ver=version))
    for version, error in ((2, 5.0), (1, 3.0)):
        hdus.append(fits.ImageHDU(np.full(SHAPE, error), name="ERR", ver=version))
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert np.array_equal(exposure.image, (scene + 1).astype(float))
    assert np.all(exposure.variance == 9) and np.all(exposure.mask == 2)


def test_what_ccddata_wrote_is_read(tmp_path, scene):
    bad = np.zeros(SHAPE, bool)
    bad[7, 33] = True
    CCDData(scene, unit="adu", uncertainty=StdDevUncertainty(np.full(SHAPE, 7.0)), mask=bad).write(tmp_path / "x.fits")
    exposure = load_visit_image(tmp_path / "x.fits")
    assert exposure.unit == u.adu and np.all(exposure.variance == 49)
    assert np.argwhere(exposure.flagged("BAD")).tolist() == [[7, 33]]


def test_where_most_pixels_have_one_value_there_is_a_variance_all_the_same(tmp_path):
    counts = (np.random.default_rng(1).random(SHAPE) < 0.3).astype(np.int16)
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(counts)))
    assert exposure.variance[0, 0] == pytest.approx(0.21, abs=0.02) and not exposure.mask.any()
    exposure = load_visit_image(write(tmp_path / "y.fits", fits.PrimaryHDU(counts * 0)))
    assert exposure.flagged("NO_DATA").all() and "noise cannot be estimated" in exposure.sentence


# ------------------------------------------------------------------------------------------------------- masks
def rubin_mask(bits: dict[str, int], set_at: dict[tuple[int, int], str], start: int = 0) -> fits.ImageHDU:
    """A mask as Rubin's newer software writes it: each plane's name, its value and what it means."""
    mask = np.zeros(SHAPE, np.int32)
    header = fits.Header()
    for number, (name, bit) in enumerate(bits.items(), start):
        header[f"MSKN{number:04d}"], header[f"MSKM{number:04d}"] = name, 1 << bit
        header[f"MSKD{number:04d}"] = f"What {name} means."
    for at, name in set_at.items():
        mask[at] |= 1 << bits[name]
    return fits.ImageHDU(mask, name="MASK", header=header)


@pytest.mark.parametrize("start", [0, 1])
def test_rubin_s_newer_masks_have_their_names(tmp_path, scene, start):
    bits = {"NO_DATA": 0, "SAT": 3, "DETECTED": 5}
    mask = rubin_mask(bits, {(4, 5): "SAT", (6, 7): "DETECTED", (8, 9): "NO_DATA"}, start)
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(scene, name="IMAGE"), mask]
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert exposure.mask_planes == bits
    for name, at in (("SAT", [[4, 5]]), ("DETECTED", [[6, 7]]), ("NO_DATA", [[8, 9]])):
        assert np.argwhere(exposure.flagged(name)).tolist() == at


def test_a_mask_of_more_planes_than_bits_goes_on_in_the_next_extension(tmp_path, scene):
    first = rubin_mask({f"PLANE{bit}": bit for bit in range(31)}, {(1, 1): "PLANE30"})
    second = rubin_mask({"LATE": 0, "LATER": 1}, {(2, 2): "LATER"})
    second.header["EXTVER"] = 2
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(scene, name="IMAGE"), first, second]
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert np.argwhere(exposure.flagged("PLANE30")).tolist() == [[1, 1]]
    assert np.argwhere(exposure.flagged("LATER")).tolist() == [[2, 2]] and not exposure.flagged("LATE", "PLANE0").any()


def test_bits_without_a_name_get_one_and_no_list_of_names_means_all_of_them(tmp_path, scene):
    mask = np.zeros(SHAPE, np.int32)
    mask[:, 3], mask[9, :] = 1 << 5, 1 << 11
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(scene, name="SCI")]
    hdus.append(fits.ImageHDU(mask, name="MASK", header=fits.Header({"HIERARCH MP_DETECTED": 5})))
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert set(exposure.mask_planes) == {"DETECTED", "BIT11", "NO_DATA"}
    others = exposure.flagged(*(name for name in exposure.mask_planes if name != "DETECTED"))
    assert others.sum() == SHAPE[1] and others[9].all()
    assert not exposure.flagged().any()


@pytest.mark.parametrize(
    ("telescope", "value", "name"),
    [("HST", 256, "SAT"), ("HST", 8192, "CR"), ("JWST", 2, "SAT"), ("JWST", 4, "CR"), ("SALT", 256, "BIT8")],
)
def test_the_bits_of_well_known_telescopes_have_their_names(tmp_path, scene, telescope, value, name):
    quality = np.zeros(SHAPE, np.uint32)
    quality[40, 60] = value
    hdus = [fits.PrimaryHDU(header=fits.Header({"TELESCOP": telescope})), fits.ImageHDU(scene, name="SCI")]
    hdus += [fits.ImageHDU(np.full(SHAPE, 2.0), name="ERR"), fits.ImageHDU(quality, name="DQ")]
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert np.argwhere(exposure.flagged(name)).tolist() == [[40, 60]] and np.all(exposure.variance == 4)
    assert exposure.mask_planes["NO_DATA"] not in (exposure.mask_planes[name],)


# --------------------------------------------------------------------------------------------- which image it is
@pytest.mark.parametrize("name", ["SCI", "IMAGE", "", "CHIP1.SCI"])
@pytest.mark.parametrize("small", [(10, 12), (3, 10, 12), (10, 12, 3)])
def test_a_thumbnail_before_the_science_image_is_passed_over(tmp_path, scene, name, small):
    hdus = [fits.PrimaryHDU(np.ones(small)), fits.ImageHDU(scene, header=tan(), name=name)]
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert np.array_equal(exposure.image, scene.astype(float)) and exposure.wcs is not None


def test_a_preview_is_passed_over_even_where_it_is_called_the_image(tmp_path, scene):
    hdus = [fits.PrimaryHDU(scene), fits.ImageHDU(np.ones((10, 12)), name="IMAGE")]
    assert load_visit_image(write(tmp_path / "x.fits", *hdus)).image.shape == SHAPE


def test_an_error_plane_before_the_image_is_not_the_image(tmp_path, scene):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.full(SHAPE, 3.0), name="ERR"), fits.ImageHDU(scene, name="SCI")]
    exposure = load_visit_image(write(tmp_path / "x.fits", *hdus))
    assert np.array_equal(exposure.image, scene.astype(float)) and np.all(exposure.variance == 9)


@pytest.mark.parametrize("last", [True, False])
def test_a_colour_picture_gives_its_first_colour(tmp_path, scene, last):
    colours = np.stack([scene, scene * 2, scene * 3], axis=-1 if last else 0)
    exposure = load_visit_image(write(tmp_path / "x.fits", fits.PrimaryHDU(colours)))
    assert np.array_equal(exposure.image, scene.astype(float)) and "first of 3 planes" in exposure.sentence


# --------------------------------------------------------------------------------------------------------- sky
def test_the_sky_is_taken_away_when_asked_for(tmp_path, scene):
    y, x = np.mgrid[:300, :340]
    image = np.random.default_rng(4).normal(800 + 0.06 * x - 0.02 * y, 6.0)
    image[5, 6] = np.nan
    path = write(tmp_path / "x.fits", fits.PrimaryHDU(image))
    kept, taken = load_visit_image(path), load_visit_image(path, subtract_sky=True)
    assert np.nanmedian(kept.image) == pytest.approx(807, abs=2)
    corners = [np.median(taken.image[rows, columns]) for rows in (slice(20, 60), slice(-60, -20))
               for columns in (slice(20, 60), slice(-60, -20))]  # fmt: skip
    assert np.abs(corners).max() < 1.5
    # A slope is no noise.
    assert np.sqrt(taken.variance[0, 0]) == pytest.approx(6.0, rel=0.04)
    assert np.sqrt(kept.variance[0, 0]) > 7
    assert "Its sky, 807" in taken.sentence and "sky" not in kept.sentence


def test_an_image_without_sky_and_a_small_one_are_treated_alike(tmp_path, scene):
    small = load_visit_image(write(tmp_path / "a.fits", fits.PrimaryHDU(scene)), subtract_sky=True)
    assert np.median(small.image) == pytest.approx(0, abs=0.5)
    path = write(tmp_path / "b.fits", fits.PrimaryHDU(scene - 500))
    none = load_visit_image(path, subtract_sky=True)
    assert np.array_equal(none.image, (scene - 500).astype(float)) and "zero already" in none.sentence


# --------------------------------------------------------------------------- files that others wrote, and keep
def test_every_fits_file_of_astropy_s_and_photutils_own_tests_loads_or_says_why_not():
    found, loaded = 0, 0
    for package in (astropy, photutils):
        for path in sorted(pathlib.Path(package.__path__[0]).rglob("*")):
            if not path.is_file() or ".fit" not in path.name:
                continue
            found += 1
            try:
                image = read_fits_image(path)
            except DataError as problem:
                assert "\n" not in str(problem) and path.name in str(problem)
                continue
            loaded += 1
            assert image.image.ndim == 2 and np.isfinite(image.image).any()
            assert image.variance.shape == image.mask.shape == image.image.shape
    assert found > 40 and loaded > 20
