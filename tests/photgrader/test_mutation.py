"""Mutants: the mistakes of the field are made, each once, and nothing that is no mistake."""

from __future__ import annotations

import ast

import numpy as np

from photgrader.exercise import load_assignment
from photgrader.quality.mutation import rewritten, spread, wrapped

CENTROID = """
def centroid(image, x_start, y_start):
    ny, nx = image.shape
    x, y = np.meshgrid(np.arange(nx) + x_start, np.arange(ny) + y_start)
    return (image * x).sum() / image.sum(), (image * y).sum() / image.sum()
"""


def texts(name: str, code: str) -> dict[str, list[str]]:
    """Return the changed lines by operator."""
    found: dict[str, list[str]] = {}
    for mutant in rewritten(name, code):
        found.setdefault(mutant.operator, []).append(mutant.diff)
    return found


def test_the_mistakes_of_the_field_are_among_the_mutants():
    made = texts("centroid", CENTROID)
    assert any("nx, ny = image.shape" in d for d in made["x and y exchanged"])
    assert any("np.arange(nx) + 0," in d for d in made["start offset"]) and any(
        "2 * x_start" in d for d in made["start offset"]
    )
    assert any("np.arange(nx) + 0.5 + x_start" in d for d in made["half a pixel"])
    assert any("image.mean()" in d for d in made["mean and median"])
    code = "def f(values, sigma, radius, level, area):\n    return np.sqrt(np.sum(values[values > sigma] ** 2)) - np.log10(radius) * level.area\n"
    made = texts("f", code)
    assert any(">= sigma" in d for d in made["> and >="])
    assert any("np.log(radius)" in d for d in made["ln and log10"])
    assert any("2.3548 * sigma" in d for d in made["sigma and FWHM"]) and any(
        "2 * radius" in d for d in made["radius and diameter"]
    )
    assert any("* 1.0" in d for d in made["missing area"])
    roots = made["missing square or root"]
    assert any("np.sqrt" not in d.splitlines()[1] for d in roots) and any(
        "** 2" not in d.splitlines()[1] for d in roots
    )


def test_every_mutant_can_be_compiled_differs_from_the_reference_and_from_every_other():
    for exercise in load_assignment("ps1_psf_photometry").exercises.values():
        mutants = rewritten(exercise.name, exercise.reference_code)
        forms = [ast.dump(ast.parse(m.code)) for m in mutants]
        assert len(set(forms)) == len(forms) > 5 and ast.dump(ast.parse(exercise.reference_code)) not in forms
        assert all(m.diff for m in mutants)


def test_what_cannot_matter_is_left_alone():
    code = "def f(x, a):\n    print('never', 3 + a)\n    plt.plot(x, lw=3)\n    return np.hypot(x - a, a) + (x - a) ** 2 + x.sum(axis=(1, 2))\n"
    diffs = [d for made in texts("f", code).values() for d in made]
    assert not any("print" in d or "lw=" in d and "lw=3" not in d or "axis=(2, 1)" in d or "a - x" in d for d in diffs)
    assert len(diffs) > 5


def run(code: str, name: str):
    space: dict = {"np": np}
    for part in code.split("# %%\n"):
        exec(part, space)
    return space[name]


def test_a_leftover_stands_for_the_argument_and_an_input_is_written_into():
    image = np.arange(12.0).reshape(3, 4)
    from photcheck import wire

    made = {
        line: (operator, code)
        for operator, code, line in wrapped(
            "total",
            ("image", "factor"),
            "def total(image, factor):\n    return float(image.sum() * factor)\n",
            [image, 2.0],
            [wire.encode(image), 2.0],
            132.0,
        )
    }
    leftover = run(made["+ image is that of the first provided case, whatever is given"][1], "total")
    assert leftover(np.zeros((2, 2)), 3.0) == 198.0
    other = np.ones((2, 3))
    assert run(made["+ image is written into"][1], "total")(other, 1.0) == 6.0
    assert other[0, 0] == 77
    assert run(made["+ image = image % 65536"][1], "total")(np.array([[-1.0, 1.0]]), 1.0) == 65536.0
    assert run(made["+ answer = answer / 2"][1], "total")(image, 2.0) == 66.0


def test_a_sample_of_many_mutants_is_taken_evenly_and_is_always_the_same():
    mutants = rewritten("centroid", CENTROID)
    few = spread(mutants, 7)
    assert len(few) == 7 and few == spread(mutants, 7) and few[0] == mutants[0] and few[-1] in mutants[-8:]
    assert spread(mutants, 1000) == mutants
