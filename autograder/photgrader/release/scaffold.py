"""A new course, a new exercise: files that build and grade at once, to be written over."""

from __future__ import annotations

import json
import keyword
import pathlib
import re

import nbformat

from photgrader.coursedir import CourseError, as_before, write_atomically

CONFIG = '''"""Makes this folder an nbgrader course whose autograding is the safe one."""

import os
import pathlib

from photgrader.gradebook.plugin import configure

c = get_config()  # noqa: F821 - given by traitlets

configure(c, pathlib.Path(__file__).resolve().parent)
c.CourseDirectory.course_id = os.environ.get("PHOTCOURSE_COURSE_ID", "{course}")
c.Exchange.root = os.environ.get("PHOTCOURSE_EXCHANGE", "/srv/nbgrader/exchange")
'''
SETTINGS = """# What a submission may use, and the label of the grading run; `photgrader doctor` shows everything that is not named here.
run = "1"

[limits]
cell_seconds = 20.0
call_seconds = 10.0
notebook_seconds = 120.0

# What the notebooks are written with, beside photcheck.
[packages]
# Packages of the course's own, which students get with their notebooks; what judges answers counts towards what makes a grade stale.
own = []
# What a kernel has imported before a submission comes: whatever most notebooks import.
imports = ["numpy", "numpy.random", "scipy", "pandas", "matplotlib.pyplot"]
# Whose versions a record names; another version makes graded submissions stale.
versions = ["scipy"]
"""
EXERCISE = '''"""Values times a factor: the smallest exercise that proves itself. Write yours over it, piece by piece."""

import numpy as np

from photcheck.comparators import ClosedArray
from photgrader.exercise import Case, Exercise

# A closed formula: only rounding may differ, in single precision too.
exercise = Exercise("{title}", compare=ClosedArray(rtol=1e-5, name="value"))


@exercise.reference
def {name}(values, factor):
    return np.asarray(values, float) * factor


@exercise.provided
def provided():
    yield Case("three values", [1.0, 2.5, 4.0], 3.0, tests="a short list")
    yield Case("a negative factor", [7.0, 11.0], -2.0, tests="a factor below zero")


@exercise.hidden
def hidden(rng):
    yield Case("fresh values", rng.uniform(5, 9, 6), float(rng.uniform(3, 5)), tests="an array of six values", points=2)
    yield Case("a fresh negative factor", rng.uniform(20, 30, 4), float(-rng.uniform(3, 5)), tests="a factor below zero", points=2)


exercise.mistake(
    "added", "The factor is added", edit={{" * factor": " + factor"}},
    idea="A factor multiplies: it says how many times larger each value becomes.", contrast="2 with a factor of 3 is 6, not 5.")
exercise.mistake(
    "divided", "The values are divided by the factor", edit={{" * factor": " / factor"}},
    idea="To divide undoes what multiplying does.", contrast="6 with a factor of 3 is 18, not 2.")
exercise.mistake(
    "squared", "The factor is applied twice", edit={{" * factor": " * factor**2"}},
    idea="Once is enough: the second time multiplies what is multiplied already.", contrast="2 with a factor of 3 is 6, not 18.")
exercise.mistake(
    "unsigned", "The factor's sign is lost", edit={{" * factor": " * abs(factor)"}}, fails=("a negative*", "a fresh negative*"),
    idea="A negative factor turns the sign of every value.", contrast="2 with a factor of -3 is -6, not 6.")
exercise.mistake(
    "first-only", "Only the first value is multiplied",
    edit={{"return np.asarray(values, float) * factor": "result = np.array(values, float)\\n    result[0] *= factor\\n    return result"}},
    idea="Every value is to be multiplied; an index picks one out.", contrast="[1, 2] with a factor of 3 is [3, 6], not [3, 2].")
exercise.mistake(
    "sum", "The sum is multiplied", edit={{"values, float) * factor": "values, float).sum() * factor + 0 * np.asarray(values, float)"}},
    idea="Each value keeps its place; a sum makes one number of all of them.", contrast="[1, 2] with a factor of 3 is [3, 6], not 9.")
'''
VARIANTS = '''"""Right in other ways: what students write, read by the exercise beside and run for nobody else."""

# %% variant: a list
def {name}(values, factor):
    return [float(value) * factor for value in values]

# %% variant: a loop
def {name}(values, factor):
    result = []
    for k in range(len(values)):
        result.append(values[k] * factor)
    return result

# %% variant: single precision
{name} = lambda values, factor: np.float32(factor) * np.array(values, dtype=np.float32)
'''


def new_course(folder: pathlib.Path) -> None:
    """Write a small course into a folder: one assignment with one exercise.

    Raises
    ------
    CourseError
        Where the folder is there and not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder} is there already, and not empty; name a folder that is new.")
    course = re.sub(r"\W+", "-", folder.resolve().name).strip("-") or "course"
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(
                "# hw1\n\nWrite each function, run its check, read what it says, try again.", id="title"
            ),
            nbformat.v4.new_code_cell("import numpy as np\n\nimport photcheck as check", id="imports"),
        ]
    )
    with as_before(folder):
        write_atomically(folder / "nbgrader_config.py", CONFIG.format(course=course))
        write_atomically(folder / "photgrader.toml", SETTINGS)
        write_atomically(folder / ".gitignore", "gradebook.db*\nsubmitted/\nautograded/\nfeedback/\n.photgrader/\n")
        _write_notebook(folder / "source" / "hw1" / "hw1.ipynb", notebook)
        new_exercise(folder, "hw1", "scaled")


def new_exercise(root: pathlib.Path, assignment: str, name: str) -> list[pathlib.Path]:
    """Add an exercise to a course: its module, its variants and the three cells of the notebook.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    CourseError
        Where the name is none, the exercise is there, or the assignment has no notebook.
    """
    from photgrader.coursedir.settings import load_settings

    # A cell's id in a notebook has no other letters.
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        raise CourseError(
            f"{name!r} cannot be the name of a function; choose letters, digits and underscores, such as mean_flux."
        )
    if not re.fullmatch(r"[A-Za-z]\w*", assignment, re.ASCII):
        raise CourseError(
            f"{assignment!r} cannot be the name of an assignment; choose letters, digits and underscores, such as hw1."
        )
    source = root / "source" / assignment / f"{assignment}.ipynb"
    if not source.is_file():
        raise CourseError(
            f"There is no notebook source/{assignment}/{assignment}.ipynb to ask for it in; make the assignment first."
        )
    package = root / load_settings(root).exercises / assignment
    module = package / f"{name}.py"
    try:
        notebook = nbformat.reads(source.read_text(encoding="utf-8"), as_version=4)
    except OSError:
        raise
    except Exception as problem:
        # nbformat raises many kinds.
        raise CourseError(
            f"source/{assignment}/{assignment}.ipynb cannot be read as a notebook ({' '.join(str(problem).split())[:120]}); mend it, or take it from a backup."
        ) from problem
    if module.exists() or any(c.metadata.get("nbgrader", {}).get("grade_id") == name for c in notebook.cells):
        raise CourseError(
            f"There is an exercise {name} in {assignment} already; choose another name, or edit {module.relative_to(root)}."
        )
    title = name.replace("_", " ").capitalize()
    marks = {"schema_version": 3, "task": False}
    notebook.cells += [
        nbformat.v4.new_markdown_cell(
            f"## {title} (4 points)\n\n`{name}(values, factor)` returns every one of `values` (numbers, in a list or an array) multiplied by `factor`, in the "
            "same order.",
            id=f"text-{name}",
        ),
        nbformat.v4.new_code_cell(
            f"def {name}(values, factor):\n    ### BEGIN SOLUTION\n    return np.asarray(values, float) * factor\n    ### END SOLUTION",
            id=name,
            metadata={"nbgrader": {**marks, "grade": False, "solution": True, "locked": False, "grade_id": name}},
        ),
        nbformat.v4.new_code_cell(
            f"check({name})",
            id=f"check-{name}",
            metadata={
                "nbgrader": {
                    **marks,
                    "grade": True,
                    "solution": False,
                    "locked": True,
                    "points": 4,
                    "grade_id": f"check-{name}",
                }
            },
        ),
    ]
    with as_before(package):
        if not (package / "__init__.py").exists():
            write_atomically(package / "__init__.py", f'"""Exercises of {assignment}."""\n')
        write_atomically(module, EXERCISE.format(name=name, title=title))
        write_atomically(package / f"{name}_variants.py", VARIANTS.format(name=name))
        _write_notebook(source, notebook)
    return [module, package / f"{name}_variants.py", source]


def _write_notebook(path: pathlib.Path, notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    write_atomically(path, json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
