"""ps1 on a file of one's own: the sky is taken away, every given cell runs with the right functions; a bad path is one sentence."""

from __future__ import annotations

import json
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.io import fits

from support import ROOT

NOTEBOOK = ROOT / "source" / "ps1_psf_photometry" / "ps1_psf_photometry.ipynb"


def cells(source: str) -> list[str]:
    """Return the code cells of ps1, solved, on another file."""
    texts = ["".join(c["source"]) for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]
    assert sum('SOURCE = "embedded"' in text for text in texts) == 1
    return [t.replace('SOURCE = "embedded"', f"SOURCE = {source!r}") for t in texts if not t.startswith("check")]


@pytest.fixture
def own(tmp_path: pathlib.Path) -> pathlib.Path:
    """A frame in electrons with a sky of 500, stars of sigma 1.8, no variance, no mask, no coordinates."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:240, :300]
    light = np.full((240, 300), 500.0)
    for cx, cy, flux in zip(
        rng.uniform(8, 292, 60), rng.uniform(8, 232, 60), 10 ** rng.uniform(3.2, 5, 60), strict=True
    ):
        light += flux / (2 * np.pi * 1.8**2) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 1.8**2))
    path = tmp_path / "mine.fits"
    fits.PrimaryHDU(rng.poisson(light).astype(np.float32)).writeto(path)
    return path


@pytest.mark.filterwarnings("ignore")
def test_every_cell_runs_on_a_file_with_a_sky_of_its_own(own, capsys):
    names: dict[str, object] = {"__name__": "__main__"}
    for text in cells(str(own)):
        exec(compile(text, "cell", "exec"), names)
        plt.close("all")
    assert abs(float(np.median(names["image"]))) < 2.0, "the sky is gone"  # type: ignore[call-overload]
    assert len(names["table"]) > 20  # type: ignore[arg-type]
    assert "mine.fits" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"no picture at all", b""])
def test_a_bad_path_is_one_sentence(tmp_path, content):
    path = tmp_path / "absent.fits"
    if content is not None:
        path.write_bytes(content)
    first = [t for t in cells(str(path)) if "SOURCE" in t or t.startswith("import")]
    names: dict[str, object] = {"__name__": "__main__"}
    with pytest.raises(Exception, match=r"absent\.fits") as told:
        for text in first:
            exec(compile(text, "cell", "exec"), names)
    assert str(told.value).count("\n") == 0 and len(str(told.value)) < 300
