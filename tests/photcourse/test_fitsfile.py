"""Files that students write are judged from their bytes, whatever these are."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits

from photcheck.comparators import from_json, to_json
from photcourse.comparators import FitsFile
from photcourse.comparators.fitsfile import NotFits, read_fits

IMAGE = np.arange(6.0 * 11).reshape(6, 11)


def camera_header() -> fits.Header:
    header = fits.Header()
    header["EXPTIME"] = (5.0, "[s]")
    header["OBSERVER"] = "A. N. Other"
    header["COMMENT"] = "Thin clouds."
    header["HISTORY"] = "Dark subtracted."
    return header


def written(image: np.ndarray = IMAGE, header: fits.Header | None = None, *, remarks: bool = True) -> bytes:
    header = camera_header() if header is None else header.copy()
    if remarks:
        header["COMMENT"] = "Sum."
        header["HISTORY"] = "Summed."
    raw = io.BytesIO()
    fits.writeto(raw, image, header)
    return raw.getvalue()


JUDGE = FitsFile.keeping(camera_header(), rtol=1e-5, atol=1e-3, name="stack")


def test_the_same_file_is_right_and_so_is_single_precision():
    assert JUDGE.compare(written(), written()).ok
    assert JUDGE.compare(written(IMAGE.astype(np.float32)), written()).ok


def test_an_image_in_an_extension_is_right():
    header = camera_header()
    header["COMMENT"], header["HISTORY"] = "Sum.", "Summed."
    raw = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(IMAGE, header)]).writeto(raw)
    assert JUDGE.compare(raw.getvalue(), written()).ok


@pytest.mark.parametrize(
    ("answer", "score", "words"),
    [
        (written(IMAGE / 3), 0.166667, "0.3333 times the right one"),
        (written(IMAGE[:, :5]), 0.0, "should have shape (6, 11)"),
        (written(remarks=False), 0.7, "no COMMENT card was added"),
        (written(header=fits.Header()), 0.5, "has lost EXPTIME"),
    ],
)
def test_each_flaw_costs_its_share_and_is_named(answer, score, words):
    finding = JUDGE.compare(answer, written())
    assert finding.score == pytest.approx(score)
    assert words in finding.symptom


def test_a_changed_card_is_named_with_both_values():
    header = camera_header()
    header["EXPTIME"] = 25.0
    assert "EXPTIME should be 5.0; it is '25.0'" in JUDGE.compare(written(header=header), written()).symptom


def test_pixels_that_are_nan_in_the_right_answer_are_free():
    want = IMAGE.copy()
    want[0] = np.nan
    assert JUDGE.compare(written(IMAGE), written(want)).ok
    assert not JUDGE.compare(written(want), written(IMAGE)).ok


def damaged_bytes() -> dict[str, object]:
    good = written()
    card = good.index(b"NAXIS1")
    huge = good[: card + 10] + b"          900000000000" + good[card + 32 :]
    return {
        "nothing": None,
        "empty": b"",
        "text": b"hello" * 100,
        "half": good[:2900],
        "header only": good[:1000],
        "gzip": gzip.compress(good),
        "huge": huge,
        "negative": good[: card + 10] + b"                 -1100" + good[card + 32 :],
        "rubbish behind a good start": b"SIMPLE  =                    T" + bytes(range(256)) * 30,
        "a number": 3,
    }


@pytest.mark.parametrize("kind", sorted(damaged_bytes()))
def test_broken_bytes_give_a_sentence_and_no_exception(kind):
    finding = JUDGE.compare(damaged_bytes()[kind], written())
    assert finding.score == 0
    assert finding.kind == "file"
    assert finding.symptom


def test_reading_broken_bytes_raises_only_the_one_error():
    rng = np.random.default_rng(4)
    good = bytearray(written())
    for _ in range(60):
        spoiled = good.copy()
        for place in rng.integers(0, 2880, 12):
            spoiled[place] = rng.integers(0, 256)
        try:
            read_fits(bytes(spoiled))
        except NotFits as problem:
            assert str(problem)


def test_flaws_of_one_kind_are_alike_and_of_another_are_not():
    mean, median, bare = written(IMAGE / 3), written(IMAGE / 5), written(remarks=False)
    assert JUDGE.alike(written((IMAGE / 3).astype(np.float32)), mean, written())
    assert not JUDGE.alike(median, mean, written())
    assert not JUDGE.alike(mean, bare, written())
    assert JUDGE.alike(bare, bare, written())
    assert JUDGE.alike(None, None, written()) and not JUDGE.alike(None, mean, written())


def test_it_survives_the_journey_through_json():
    assert from_json(to_json(JUDGE)) == JUDGE


def test_it_describes_a_file_and_what_is_none():
    assert "6 x 11 pixels, sum 2145" in JUDGE.describe(written())
    assert JUDGE.describe(None) == "no file"
