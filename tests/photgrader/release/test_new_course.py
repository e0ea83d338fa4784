"""A course of one's own, of another subject, made by the commands and the page alone: compound interest."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from photgrader.coursedir import CourseError
from photgrader.release.scaffold import new_course, new_exercise

INTEREST = '''"""A sum after years of compound interest, and whether it has doubled."""

from photcheck.comparators import PlainData
from photgrader.exercise import Case, Exercise

# A closed formula: only rounding may differ.
exercise = Exercise("Compound interest", compare=PlainData(rtol=1e-9, noun="answer"))


@exercise.reference
def compound_interest(principal, rate, years):
    final = principal * (1 + rate) ** years
    return {"final": final, "doubled": final >= 2 * principal, "said": f"{years} years"}


@exercise.provided
def provided():
    yield Case("ten years", 100.0, 0.05, 10, tests="five per cent over ten years")


@exercise.hidden
def hidden(rng):
    yield Case("long", float(rng.uniform(500, 900)), float(rng.uniform(0.06, 0.09)), int(rng.integers(20, 30)), tests="a sum that doubles", points=2)
    yield Case("short", float(rng.uniform(50, 90)), float(rng.uniform(0.01, 0.02)), int(rng.integers(3, 6)), tests="a sum that does not")


exercise.mistake("simple", "Simple interest", edit={"(1 + rate) ** years": "(1 + rate * years)"},
                 idea="Interest earns interest.", contrast="Two years at 10 %: 1.21, not 1.20.")
exercise.mistake("percent", "The rate is taken as per cent", edit={"+ rate)": "+ rate / 100)"}, idea="The rate is a share already.")
exercise.mistake("one-year-more", "One year too many", edit={"** years": "** (years + 1)"}, idea="n years give interest n times.")
exercise.mistake("interest-only", "The interest alone", edit={"principal * (1 + rate) ** years": "principal * ((1 + rate) ** years - 1)"},
                 idea="The sum at the end holds what was paid in.")
exercise.mistake("rate-only", "The sum paid in takes no part", edit={"principal * (1": "(1"}, idea="The factor multiplies what was paid in.")
exercise.mistake("sums", "Years added to the factor", edit={"** years": "+ years"}, idea="Each year multiplies.")
'''
VARIANTS = '''"""Right in other ways."""

# %% variant: a loop
def compound_interest(principal, rate, years):
    total = principal
    for _ in range(years):
        total *= 1 + rate
    return dict(final=total, doubled=bool(total / principal >= 2), said="%d years" % years)

# %% variant: numpy
def compound_interest(principal, rate, years):
    final = np.float64(principal) * np.power(1 + rate, years)
    return {"said": str(years) + " years", "doubled": final >= 2 * principal, "final": final}

# %% variant: logarithms
def compound_interest(principal, rate, years):
    import math
    final = principal * math.exp(years * math.log1p(rate))
    return {"final": final, "doubled": final >= 2 * principal, "said": f"{years} years"}
'''


def photgrader(folder: pathlib.Path, *words: str, code: int = 0) -> str:
    """Run a command in a course; return what it says."""
    done = subprocess.run([sys.executable, "-m", "photgrader.cli", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def records(folder: pathlib.Path) -> dict[str, dict]:
    """Return the records of the assignment by student."""
    return {p.stem: json.loads(p.read_text()) for p in (folder / ".photgrader" / "records" / "hw1").glob("*.json")}


@pytest.mark.heavy
def test_a_course_in_another_subject_goes_the_whole_way(tmp_path):
    folder = tmp_path / "interest"
    photgrader(tmp_path, "new", "course", str(folder))
    photgrader(folder, "new", "exercise", "hw1", "compound_interest")
    module = folder / "exercises" / "hw1" / "compound_interest.py"
    module.write_text(INTEREST)
    module.with_name("compound_interest_variants.py").write_text(VARIANTS)
    source = folder / "source" / "hw1" / "hw1.ipynb"
    source.write_text(
        source.read_text().replace("compound_interest(values, factor)", "compound_interest(principal, rate, years)")
    )
    body = json.loads(source.read_text())
    for cell in body["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "compound_interest":
            cell["source"] = [
                "def compound_interest(principal, rate, years):\n    ### BEGIN SOLUTION\n    final = principal * (1 + rate) ** years\n"
                "    return {'final': final, 'doubled': final >= 2 * principal, 'said': f'{years} years'}\n    ### END SOLUTION"
            ]
    source.write_text(json.dumps(body))

    assert "compound_interest: 3 variants, 6 misconceptions, 3 cases (2 hidden): fine" in photgrader(
        folder, "try", "hw1"
    )
    assert "hw1/scaled: meets the targets" in photgrader(folder, "quality", "hw1", "--exercise", "scaled", "--save")
    assert json.loads((folder / "exercises" / "quality.json").read_text())["hw1/scaled"]["shortfalls"] == []
    assert "hw1: release made" in photgrader(folder, "build")
    photgrader(folder, "class", "hw1", "--students", "10")
    photgrader(folder, "grade", "hw1", "--workers", "2")
    graded = records(folder)
    assert len(graded) > 10 and any(r["points"] == r["max_points"] for r in graded.values())
    hints = {r["exercises"]["compound_interest"]["hint"] for r in graded.values()}
    assert hints & {"simple", "percent", "one-year-more", "interest-only", "rate-only", "sums"}
    said = json.dumps([r["exercises"] for r in graded.values()])
    assert not [word for word in ("1.0857", "ln 10", "magnitude", "pixel") if word in said], "nothing of astronomy"

    # An edited exercise is released again, and those whose marks hang on it are found.
    module.write_text(INTEREST.replace('"ten years", 100.0', '"eleven years", 200.0'))
    assert "hw1" in photgrader(folder, "build", "--check", code=1)
    photgrader(folder, "build")
    assert "eleven years" in (folder / "release" / "hw1" / "checks" / "compound_interest.json").read_text()
    photgrader(folder, "regrade", "hw1", "--dry-run")
    assert "hw1: 0 cases on real files" in photgrader(folder, "freeze-archive")
    photgrader(folder, "student-repo", str(tmp_path / "public"))
    assert (tmp_path / "public" / "assignments" / "hw1" / "checks" / "scaled.json").is_file()

    # A slip of syntax is one sentence that names the file, before anything is graded.
    module.write_text(INTEREST.replace("def provided():", "def provided()"))
    said = photgrader(folder, "grade", "hw1", "--force", code=2)
    assert "compound_interest.py, line" in said and "SyntaxError" in said and said.count("\n") <= 2


@pytest.mark.parametrize(
    ("assignment", "name", "words"),
    [
        ("hw1", "2nd", "cannot be the name of a function"),
        ("hw1", "class", "cannot be the name of a function"),
        ("hw1", "scaled", "already"),
        ("hw9", "mean", "no notebook"),
        ("../hw1", "mean", "cannot be the name of an assignment"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_sentence(tmp_path, assignment, name, words):
    new_course(tmp_path / "course")
    with pytest.raises(CourseError, match=words):
        new_exercise(tmp_path / "course", assignment, name)


def test_a_folder_that_holds_something_is_not_written_over(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CourseError, match="not empty"):
        new_course(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
