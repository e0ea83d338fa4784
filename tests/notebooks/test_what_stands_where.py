"""The table of topics against cells: each topic is where the table says."""

from __future__ import annotations

import json
import re

import pytest

from support import ROOT

PAGE = ROOT / "docs" / "what-stands-where.md"
ROWS = re.findall(r"^\| ([^|]+) \| (\d+[a-z]?\.\d+) \| `([^|]+)` \|$", PAGE.read_text(encoding="utf-8"), re.M)
#: What the course's seeds ask for; each has to stand in the table, in these words.
ASKED = """imagers, spectrographs · star in one dimension · star in two dimensions · gain, read noise, bias · flat, dark · taken apart
why 31.4 · image viewer · histogram with logarithmic counts · mask · percentile · pick a star · cut it out · meshgrid · centroid
lines through the centroid, on the image · PSF image and its normalisation · PSF flux against aperture flux · detection image · peaks
flip through cut-outs · the table · size histogram · size against flux · galaxies' cut-outs · measured width back into the pipeline
profiles of a bright and a faint real star · Spitzer field drawn with its WCS · M13: pedestal and Poisson errors · name resolution
growth curve · comparison with the catalogue · apertures and rings on the Horsehead · credits · a PSF that varies · brighter-fatter
masks in the centroid functions · errors in the centroid functions · M13 by centre of mass, and what clipping at zero does
airmass and colour term · light curve · forced photometry"""


def cells_of(section: str) -> list[str]:
    """The cells of a section, text and code; a text cell with several headings is cut at them."""
    (path,) = (
        p
        for p in (ROOT / "course" / "lectures").glob("*.ipynb")
        if re.match(rf"0*{section.partition('.')[0]}_", p.name)
    )
    here, found = False, []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        pieces = re.split(r"^(?=## )", source, flags=re.M) if cell["cell_type"] == "markdown" else [source]
        for piece in pieces:
            if cell["cell_type"] == "markdown" and (heading := re.match(r"## (\d+[a-z]?\.\d+) ", piece)):
                here = heading[1] == section
            if here:
                found.append(piece)
    return found


@pytest.mark.parametrize(("topic", "section", "piece"), ROWS, ids=[row[0] for row in ROWS])
def test_a_topic_stands_where_the_table_says(topic: str, section: str, piece: str) -> None:
    cells = cells_of(section)
    assert cells, f"no section {section}"
    assert any(" ".join(piece.split()) in " ".join(cell.split()) for cell in cells)


def test_every_topic_of_the_seeds_is_in_the_table() -> None:
    topics = " / ".join(row[0] for row in ROWS)
    assert [item for item in re.split(r"[·\n]", ASKED) if item.strip() not in topics] == []


def test_every_line_of_the_table_is_read() -> None:
    lines = [
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| topic")
    ]
    assert len(lines) == len(ROWS) > 50
