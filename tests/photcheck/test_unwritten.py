"""One line in place of a traceback, for what is not written yet and for nothing else."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest
from IPython.core.interactiveshell import InteractiveShell

from photcheck import unwritten
from photgrader.gradebook.plugin import configure

STUB = 'raise NotImplementedError("Write your code here in place of this line, then run the cell again.")'


@pytest.fixture
def shell(monkeypatch):
    """A shell as a kernel has one, with the handler in place."""
    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    unwritten.install()
    yield shell
    shell.cleanup()
    InteractiveShell.clear_instance()


def shown(shell: InteractiveShell, source: str) -> str:
    with redirect_stdout(io.StringIO()) as out:
        result = shell.run_cell(source)
    assert not result.success, "the cell still fails"
    return out.getvalue().strip()


def test_a_stub_says_which_function_is_not_written(shell):
    shell.run_cell(f"def area(r):\n    {STUB}\ndef volume(r):\n    return r * area(r)")
    assert (
        shown(shell, "x = volume(2)")
        == "area is not written yet: write it in its own cell, run that, then run this one again."
    )


def test_a_cell_that_is_not_written_says_so(shell):
    assert shown(shell, f"# YOUR CODE HERE\n{STUB}").startswith("This cell is not written yet")


@pytest.mark.parametrize(
    "source", ["1 / 0", "raise NotImplementedError('no such shape')", "raise NotImplementedError", "undefined"]
)
def test_any_other_error_has_its_traceback(shell, source):
    text = shown(shell, source)
    assert "not written yet" not in text and "Traceback" in text


def test_an_exercise_that_is_not_defined_says_so_and_any_other_name_has_its_traceback(shell, tmp_path, monkeypatch):
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "area.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert shown(shell, "area(2)") == "area is not defined yet: run the cell that defines it, then run this one again."
    assert "Traceback" in shown(shell, "volume(2)")


def test_checks_are_found_after_a_change_of_folder(shell, tmp_path, monkeypatch):
    from photcheck import student

    (tmp_path / "course" / "checks").mkdir(parents=True)
    (tmp_path / "course" / "checks" / "area.json").write_text("{}")
    monkeypatch.setattr(student, "_user_namespace", lambda: {"_dh": [tmp_path / "course"]})
    monkeypatch.chdir(tmp_path)
    assert student.known_exercises() == ["area"]
    monkeypatch.setattr(student, "_user_namespace", lambda: {})
    assert student.known_exercises() == []


def test_a_handler_that_somebody_has_set_is_left_alone(shell):
    shell.set_custom_exc((KeyError,), lambda *words, **named: ["mine"])
    unwritten.install()
    assert shell.custom_exceptions == (KeyError,)


def test_figures_that_were_begun_are_not_shown_empty(shell):
    import matplotlib.pyplot as plt

    shown(shell, f"import matplotlib.pyplot as plt\nplt.subplots()\n{STUB}")
    assert plt.get_fignums() == []


def test_the_stub_of_a_release_is_the_one_that_is_known(tmp_path):
    from traitlets.config import Config

    c = Config()
    configure(c, tmp_path)
    assert f'NotImplementedError("{unwritten.STUB}' in c.ClearSolutions.code_stub["python"]
