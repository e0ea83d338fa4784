"""Submissions in every state: what is repaired is repaired and said, what cannot be read has a name and a sentence."""

from __future__ import annotations

import copy
import io
import json
import os
import pathlib
import zipfile
from typing import Any

import nbformat
import pytest
from nbgrader.preprocessors import CheckCellMetadata

from photgrader.coursedir.settings import Limits, Settings
from photgrader.grading.answers import grade_id_of
from photgrader.grading.finding import Unreadable, find_notebook, read_bounded, read_files
from photgrader.grading.intake import Intake, read_submission, take_in, written_files
from support import RIGHT, check_cell, code_cell, solution_cell, tiny_notebook

NAME = "ps1_psf_photometry"
LIMITS = Limits(submission_mb=1)


def skeleton() -> nbformat.NotebookNode:
    """The notebook as handed out."""
    notebook = tiny_notebook()
    for cell in notebook.cells:
        if grade_id_of(cell) in RIGHT:
            cell.source = "# YOUR CODE HERE\nraise NotImplementedError"
    return notebook


def handed_in() -> dict[str, Any]:
    """A right submission as plain JSON."""
    notebook = skeleton()
    for cell in notebook.cells:
        cell.source = RIGHT.get(grade_id_of(cell), cell.source)
    return json.loads(nbformat.writes(notebook))


def cell_of(body: dict[str, Any], grade_id: str) -> dict[str, Any]:
    return next(c for c in body["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def taken(body: Any) -> Intake:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return take_in(content, skeleton())


def kinds(intake: Intake) -> list[str]:
    return [r.kind for r in intake.repairs]


def in_order(intake: Intake) -> bool:
    """Tell whether every graded cell is there once, as handed out, and nbgrader takes the notebook."""
    nbformat.validate(intake.notebook)
    CheckCellMetadata().preprocess(copy.deepcopy(intake.notebook), {})
    ours = {grade_id_of(c): c for c in intake.notebook.cells if grade_id_of(c)}
    assert len(ours) == sum(bool(grade_id_of(c)) for c in intake.notebook.cells)
    for original in skeleton().cells:
        marks = original.metadata.get("nbgrader")
        if not marks or not marks["grade"]:
            continue
        cell = ours[marks["grade_id"]]
        assert cell.metadata == original.metadata
        assert cell.cell_type == original.cell_type
        assert not marks["locked"] or cell.source == original.source
    return True


def code_of(intake: Intake) -> str:
    return "\n".join(c.source for c in intake.notebook.cells if c.cell_type == "code")


def test_a_notebook_as_handed_out_is_taken_as_it_is():
    intake = taken(handed_in())
    assert intake.state == "ok" and intake.repairs == [] and in_order(intake)
    assert RIGHT["centroid"] in code_of(intake)


def test_an_answer_in_a_split_cell_stays_whole():
    body = handed_in()
    position = body["cells"].index(cell_of(body, "centroid"))
    first, *rest = RIGHT["centroid"].splitlines(keepends=True)
    cell_of(body, "centroid")["source"] = "import math"
    body["cells"].insert(
        position + 1,
        {"cell_type": "code", "metadata": {}, "source": [first, *rest], "outputs": [], "execution_count": None},
    )
    intake = taken(body)
    assert in_order(intake) and code_of(intake).index("def centroid") < code_of(intake).index("check(centroid)")


def test_a_duplicated_answer_counts_once_and_the_last_edited_one_counts():
    body = handed_in()
    twin = copy.deepcopy(cell_of(body, "centroid"))
    twin["source"] = "def centroid(c, x, y): return 'the later one'"
    body["cells"].append(twin)
    intake = taken(body)
    assert kinds(intake) == ["duplicated cell"] and in_order(intake)
    kept = next(c for c in intake.notebook.cells if grade_id_of(c) == "centroid")
    assert "the later one" in kept.source
    assert "is there 2 times" in intake.repairs[0].student


def test_a_duplicated_check_cell_earns_its_points_once():
    body = handed_in()
    body["cells"] += [copy.deepcopy(cell_of(body, "check-centroid")) for _ in range(5)]
    intake = taken(body)
    assert in_order(intake) and kinds(intake) == ["duplicated cell"]
    assert (
        sum(float(c.metadata["nbgrader"].get("points", 0)) for c in intake.notebook.cells if grade_id_of(c))
        == 4 + 3 + 2
    )


def test_moved_cells_are_taken_where_they_are():
    body = handed_in()
    body["cells"].reverse()
    intake = taken(body)
    assert intake.state == "ok" and in_order(intake)


def test_an_answer_pasted_into_a_notebook_without_marks_is_recognised_by_its_check():
    body = handed_in()
    for cell in body["cells"]:
        cell["metadata"] = {}
    intake = taken(body)
    assert in_order(intake) and "marks restored" in kinds(intake)
    assert RIGHT["centroid"] in code_of(intake)


def test_a_deleted_check_cell_is_put_back_behind_what_it_checks():
    body = handed_in()
    body["cells"].remove(cell_of(body, "check-centroid"))
    intake = taken(body)
    assert kinds(intake) == ["missing cell restored"] and in_order(intake)
    ids = [grade_id_of(c) for c in intake.notebook.cells]
    assert ids.index("check-centroid") == ids.index("centroid") + 1


def test_a_deleted_answer_stays_away_and_the_rest_is_graded():
    body = handed_in()
    body["cells"].remove(cell_of(body, "centroid"))
    intake = taken(body)
    assert in_order(intake) and "def centroid" not in code_of(intake) and "def second_moment" in code_of(intake)


def test_all_cells_deleted_gives_the_graded_cells_back():
    body = handed_in()
    body["cells"] = []
    assert in_order(taken(body))


@pytest.mark.parametrize(
    "change",
    [
        {"points": 1000},
        {"grade": False},
        {"locked": False},
        {"solution": True, "grade": False},
        {"points": "many"},
        {"schema_version": 99},
        {"task": True},
        {"cell_type": "markdown"},
        {"points": float("nan")},
    ],
    ids=str,
)
def test_edited_marks_are_those_of_the_handed_out_notebook(change):
    body = handed_in()
    cell_of(body, "check-centroid")["metadata"]["nbgrader"].update(change)
    assert in_order(taken(body))


def test_another_notebook_of_the_assignment_is_not_taken_for_an_untouched_or_missing_one(tmp_path):
    other = handed_in()
    for number, cell in enumerate(other["cells"]):
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] = f"part-{number}"
    (tmp_path / "problem2.ipynb").write_text(json.dumps(other))
    missing, _, _ = read_submission(tmp_path, NAME, skeleton(), Settings())
    assert missing.state == "missing"
    (tmp_path / f"{NAME}.ipynb").write_text(nbformat.writes(skeleton()))
    untouched, _, _ = read_submission(tmp_path, NAME, skeleton(), Settings())
    assert (untouched.state, untouched.repairs) == ("ok", []) and RIGHT["centroid"] not in code_of(untouched)


def test_another_notebook_with_marks_of_the_same_names_is_not_taken_for_this_one_either_but_a_wrong_name_is_seen(
    tmp_path,
):
    (tmp_path / "problem2.ipynb").write_text(json.dumps(handed_in()))
    marks = frozenset(filter(None, map(grade_id_of, skeleton().cells)))
    fits_as_well, fits_less = {"problem2": marks}, {"problem2": frozenset({"centroid", "elsewhere"})}

    def found(others: dict[str, frozenset[str]]) -> Intake:
        return read_submission(tmp_path, NAME, skeleton(), Settings(), others=others)[0]

    assert found(fits_as_well).state == "missing"
    assert kinds(found(fits_less)) == kinds(found({})) == ["notebook found elsewhere"]
    (tmp_path / f"{NAME}.ipynb").write_text(nbformat.writes(skeleton()))
    assert kinds(found(fits_as_well)) == [] and RIGHT["centroid"] not in code_of(found(fits_as_well))
    assert kinds(found(fits_less)) == ["work in another notebook"]


@pytest.mark.parametrize("version", [None, 0, 2])
def test_marks_of_an_older_nbgrader_are_replaced_and_it_is_said(version):
    body = handed_in()
    marks = cell_of(body, "check-centroid")["metadata"]["nbgrader"]
    marks |= {"schema_version": version}
    if version is None:
        del marks["schema_version"]
    intake = taken(body)
    assert kinds(intake) == ["old marks"] and in_order(intake)


@pytest.mark.parametrize(
    "other", ["centroid", "written-why", "no-such-cell", "", "x" * 5000, 17, None, ["centroid"], {"a": 1}], ids=repr
)
def test_a_mark_changed_for_another_makes_no_second_cell_of_that_mark(other):
    body = handed_in()
    cell_of(body, "check-centroid")["metadata"]["nbgrader"]["grade_id"] = other
    assert in_order(taken(body))


def test_a_locked_cell_that_was_edited_is_restored_and_it_is_said():
    body = handed_in()
    cell_of(body, "check-centroid")["source"] = "4.0"
    intake = taken(body)
    assert kinds(intake) == ["locked cell edited"] and in_order(intake)


def test_a_cell_turned_into_another_kind_is_turned_back():
    body = handed_in()
    cell = cell_of(body, "check-centroid")
    cell["cell_type"] = "raw"
    del cell["outputs"], cell["execution_count"]
    intake = taken(body)
    assert "cell type" in kinds(intake) and in_order(intake)


@pytest.mark.parametrize(
    "metadata", [None, [], "text", 5, {"nbgrader": None}, {"nbgrader": []}, {"nbgrader": {"grade_id": None}}], ids=repr
)
def test_a_cell_with_metadata_of_no_agreed_form_is_read(metadata):
    body = handed_in()
    for cell in body["cells"]:
        cell["metadata"] = metadata
    assert in_order(taken(body))


def test_a_cell_without_metadata_source_or_outputs_is_read():
    body = handed_in()
    body["cells"].insert(0, {"cell_type": "code"})
    assert in_order(taken(body))


def test_kernel_widgets_attachments_and_outputs_of_the_student_are_not_taken_over():
    body = handed_in()
    body["metadata"] = {"kernelspec": {"name": "evil", "display_name": "x"}, "widgets": {"state": "<script>"}}
    body["cells"][0]["attachments"] = {"a.svg": {"image/svg+xml": "<svg onload=evil()>"}}
    cell_of(body, "check-centroid")["outputs"] = [
        {"output_type": "execute_result", "data": {"text/plain": "4.0"}, "metadata": {}, "execution_count": 1}
    ]
    intake = taken(body)
    assert in_order(intake) and intake.notebook.metadata == skeleton().metadata
    text = nbformat.writes(intake.notebook)
    assert "evil" not in text and '"4.0"' not in text


def test_a_notebook_of_format_3_is_converted_and_it_is_said():
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": [RIGHT["centroid"]],
                        "language": "python",
                        "metadata": {},
                        "outputs": [],
                    },
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": ["check(centroid)"],
                        "language": "python",
                        "metadata": {},
                        "outputs": [],
                    },
                ],
            }
        ],
    }
    intake = taken(old)
    assert "old format" in kinds(intake) and in_order(intake) and RIGHT["centroid"] in code_of(intake)


def test_of_an_old_notebook_with_cells_without_end_the_first_are_read(monkeypatch):
    converted = []
    real = nbformat.convert
    monkeypatch.setattr(
        nbformat,
        "convert",
        lambda nb, to: (converted.append(sum(len(w["cells"]) for w in nb["worksheets"])), real(nb, to))[1],
    )
    cell = {
        "cell_type": "code",
        "collapsed": False,
        "input": ["1"],
        "language": "python",
        "metadata": {},
        "outputs": [],
    }
    sheets = [{"metadata": {}, "cells": [dict(cell) for _ in range(2000)]} for _ in range(4)]
    intake = taken({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets})
    assert converted == [2500] and "too many cells" in kinds(intake)


@pytest.mark.parametrize("version", [99, "4", None, 4.5, -1, 0, True, [], 10**300], ids=repr)
def test_a_notebook_of_an_unknown_format_is_read_or_has_a_sentence(version):
    intake = taken({**handed_in(), "nbformat": version})
    assert in_order(intake)
    assert intake.repairs or intake.sentence
    if version == 99:
        assert RIGHT["centroid"] in code_of(intake)


def test_bytes_that_are_no_text_are_replaced_and_it_is_said():
    content = json.dumps(handed_in()).encode().replace(b"Your answer here.", b"Your \xff\xfe answer \xc3\x28")
    intake = taken(content)
    assert kinds(intake) == ["text encoding"] and in_order(intake)


def test_null_bytes_lone_surrogates_and_a_byte_order_mark_cost_nothing():
    body = handed_in()
    body["cells"][0]["source"] = "a\x00b \ud800 c"
    intake = taken(b"\xef\xbb\xbf" + json.dumps(body).encode())
    assert in_order(intake) and intake.notebook.cells[0].source == "ab ? c"
    nbformat.writes(intake.notebook).encode("utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_notebook_in_another_encoding_has_a_named_state_or_is_read(encoding):
    intake = taken(json.dumps(handed_in()).encode(encoding))
    assert intake.state in ("ok", "repaired", "not a notebook") and in_order(intake)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{}",
        b"[]",
        b"null",
        b"17",
        b'"text"',
        b"{",
        b'{"cells": {}}',
        b'{"cells": null, "nbformat": 4}',
        b"\x00" * 100,
        b"\x89PNG\r\n",
        b"<html>",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"nbformat": 3}',
        b'{"nbformat": 3, "worksheets": 7}',
        b"1" * 10_000,
    ],
    ids=lambda c: repr(c[:20]),
)
def test_what_is_no_notebook_has_a_named_state_and_a_sentence(content):
    intake = taken(content)
    assert intake.state == "not a notebook" and len(intake.sentence) > 20 and in_order(intake)


@pytest.mark.parametrize(
    "cells",
    [
        [None, 1, "x", [], {}],
        [{"cell_type": "code", "source": {"a": 1}}],
        [{"cell_type": ["code"], "source": ""}],
        [{"cell_type": "markdown", "source": [1, None, ["x"]]}],
        [[[]]] * 50,
    ],
    ids=repr,
)
def test_cells_of_no_agreed_form_are_left_out_or_read_as_text(cells):
    body = handed_in()
    body["cells"] = cells + body["cells"]
    intake = taken(body)
    assert in_order(intake) and RIGHT["centroid"] in code_of(intake)


def test_too_many_and_too_long_cells_are_cut_and_the_graded_ones_stay():
    body = handed_in()
    body["cells"] = [{"cell_type": "markdown", "metadata": {}, "source": "x"}] * 30_000 + body["cells"]
    body["cells"][0] = {"cell_type": "markdown", "metadata": {}, "source": "y" * 3_000_000}
    intake = taken(body)
    assert "too many cells" in kinds(intake) and in_order(intake)
    assert len(intake.notebook.cells) < 2100 and max(len(c.source) for c in intake.notebook.cells) == 1_000_000


# ------------------------------------------------------------------------------------------------ files
def write(path: pathlib.Path, content: bytes | None = None) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(handed_in()).encode() if content is None else content)
    return path


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_renamed_notebook_is_found_and_it_is_said(tmp_path):
    write(tmp_path / "ps1_psf_photometry_final (2).ipynb")
    write(tmp_path / "scratch.ipynb", b"{}")
    content, repairs = find_notebook(tmp_path, NAME, LIMITS)
    assert repairs[0].kind == "notebook found elsewhere" and "final (2)" in repairs[0].student
    assert take_in(content, skeleton(), repairs).state == "repaired"


def test_a_nested_notebook_is_found(tmp_path):
    write(tmp_path / "my work" / "week 1" / f"{NAME}.ipynb")
    content, repairs = find_notebook(tmp_path, NAME, LIMITS)
    assert "week 1" in repairs[0].grader and take_in(content, skeleton(), repairs).readable


def test_a_zipped_notebook_is_found(tmp_path):
    write(tmp_path / "homework.zip", zipped({f"../../{NAME}.ipynb": json.dumps(handed_in()).encode(), "a.txt": b"x"}))
    content, repairs = find_notebook(tmp_path, NAME, LIMITS)
    assert repairs[0].kind == "notebook in a zip file" and take_in(content, skeleton(), repairs).readable
    assert not (tmp_path.parent / f"{NAME}.ipynb").exists(), "nothing is unpacked"


def test_a_zip_bomb_a_broken_and_an_encrypted_looking_zip_are_no_notebook(tmp_path):
    write(tmp_path / "bomb.zip", zipped({f"{NAME}.ipynb": b" " * 5_000_000}))
    write(tmp_path / "broken.zip", b"PK\x03\x04 nothing")
    with pytest.raises(Unreadable) as problem:
        find_notebook(tmp_path, NAME, LIMITS)
    assert problem.value.state == "missing"


def test_a_zip_that_lies_about_its_size_is_bounded(tmp_path):
    content = bytearray(zipped({f"{NAME}.ipynb": b" " * 5_000_000}))
    central = content.rindex(b"PK\x01\x02")
    content[central + 24 : central + 28] = (10).to_bytes(4, "little")
    write(tmp_path / "liar.zip", bytes(content))
    try:
        found, _ = find_notebook(tmp_path, NAME, LIMITS)
    except Unreadable:
        return
    assert len(found) <= 1_000_000


def test_a_huge_file_is_not_read_and_the_student_is_told_how_to_make_it_small(tmp_path):
    with (tmp_path / f"{NAME}.ipynb").open("wb") as stream:
        stream.truncate(100_000_000_000)
    with pytest.raises(Unreadable) as problem:
        find_notebook(tmp_path, NAME, LIMITS)
    assert problem.value.state == "too large" and "Clear" in problem.value.sentence
    assert take_in(None, skeleton(), [], problem.value).state == "too large"


def test_an_empty_folder_is_a_named_state(tmp_path):
    with pytest.raises(Unreadable) as problem:
        find_notebook(tmp_path, NAME, LIMITS)
    assert problem.value.state == "missing" and NAME in problem.value.sentence


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "pipe", "folder", "dangling link", "loop"])
def test_links_pipes_and_folders_in_place_of_the_notebook_are_not_followed_and_do_not_hang(tmp_path, kind):
    folder, secret = tmp_path / "in", write(tmp_path / "secret.ipynb", b'{"cells": [], "secret": 1}')
    folder.mkdir()
    path = folder / f"{NAME}.ipynb"
    {
        "link to a file": lambda: path.symlink_to(secret),
        "link to a folder": lambda: path.symlink_to(tmp_path),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "dangling link": lambda: path.symlink_to("nowhere"),
        "loop": lambda: path.symlink_to(path),
    }[kind]()
    with pytest.raises(Unreadable) as problem:
        find_notebook(folder, NAME, LIMITS)
    assert problem.value.state == "missing"
    with pytest.raises(Unreadable):
        read_bounded(path, 1000)


def test_a_pipe_beside_a_good_notebook_costs_nothing(tmp_path):
    write(tmp_path / "final.ipynb")
    os.mkfifo(tmp_path / f"{NAME}.ipynb")
    (tmp_path / "loop").symlink_to(tmp_path)
    content, repairs = find_notebook(tmp_path, NAME, LIMITS)
    assert repairs and take_in(content, skeleton(), repairs).readable


def test_further_files_are_read_without_links_pipes_and_hidden_folders(tmp_path):
    folder, secret = tmp_path / "in", write(tmp_path / "secret.txt", b"secret")
    write(folder / "data" / "a.txt", b"a")
    write(folder / ".ipython" / "profile_default" / "startup" / "evil.py", b"x")
    write(folder / "checks" / "centroid.json", b"{}")
    (folder / "link.txt").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    with (folder / "huge.bin").open("wb") as stream:
        stream.truncate(50_000_000_000)
    assert read_files(folder, Settings(), f"{NAME}.ipynb") == {"data/a.txt": b"a"}


def test_file_names_with_odd_bytes_do_not_stop_the_intake(tmp_path):
    for name in (b"..\\..\\up.txt", b"\xff\xfe.txt", b"-rf", b"a\nb.txt", "e\u0301\u202e.txt".encode()):
        (pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(b"x")
    found = read_files(tmp_path, Settings(), f"{NAME}.ipynb")
    assert len(found) == 4 and all(".." not in pathlib.PurePosixPath(n).parts and n.encode() for n in found)


@pytest.mark.parametrize("mark", ["check-centroid", "check-second_moment"])
def test_a_check_hidden_in_an_own_cell_is_not_taken_for_the_graded_one_twice(mark):
    body = handed_in()
    extra = json.loads(
        nbformat.writes(
            nbformat.v4.new_notebook(
                cells=[check_cell("centroid", 99), solution_cell("other", "x = 1"), code_cell("check(centroid)")]
            )
        )
    )
    body["cells"] = extra["cells"] + body["cells"]
    intake = taken(body)
    assert in_order(intake)
    assert next(c for c in intake.notebook.cells if grade_id_of(c) == mark).metadata["nbgrader"]["points"] in (4, 3)


def test_the_secret_of_a_hand_in_is_not_what_its_notebook_wrote(tmp_path):
    (tmp_path / "submission_secret.txt").write_text("another")
    (tmp_path / "made.txt").write_text("made")
    kept = written_files(tmp_path, Settings(), {"submission_secret.txt": b"its own"}, "ps1.ipynb")
    assert kept == {"made.txt": b"made"}
