"""Where what a graded function gives can hang on a cell that is not run, all cells are run."""

from __future__ import annotations

import nbformat
import pytest

from photgrader.grading.contained import contained
from photgrader.runs import parallel
from support import ASSIGNMENT, RIGHT, code_cell, submit

F = "def f(x):\n    return x * k"
NAMES = "def f(x):\n    y = [n for n in k if n in k]\n    return table(x, columns=k)[k][k[0]]"
TABLE = "from pandas import DataFrame as table"
CLASS = """class P:
    'A pipeline.'
    step = 2
    NAMES = ['a']

    def __init__(self, half, way=max):
        self.half = self.size = half
        self.way = way

    def measure(self, x):
        return self.way(x, self.half) * self.step

    def __call__(self, x):
        return [self.measure(x) for _ in self.NAMES]
"""
CONTAINED = {
    "nothing else": ["def f(x):\n    return x"],
    "a number": ["k = 2", F],
    "a number that is reckoned": ["import numpy as np\nk = 2 * np.sqrt(2 * np.log(2.0)) / -np.pi", F],
    "a number with its type": ["k: float = 2.0", F],
    "numbers": ["k = 2\nk = k = 3", "k = 4", F],
    "another function": ["def k(x=1, *, y=(2, 3)):\n    return 2", "def f(x):\n    return x * k()"],
    "functions that call each other": ["def k(x):\n    return f(x)", "def f(x):\n    return k(x)"],
    "another name of it": ["def k(x):\n    return x", "f = k"],
    "a partial function": ["from functools import partial\ndef g(k, x, y):\n    return k", "f = partial(g, 2, y=len)"],
    "a named tuple": [
        "from collections import namedtuple\nk = namedtuple('k', 'x y')",
        "def f(x):\n    return k(x, x)",
    ],
    "a lambda": ["k = 2", "f = lambda x, y=1: x * k"],
    "a module, with hints of its types": [
        "import numpy as np",
        "def f(x: np.ndarray) -> np.ndarray:\n    return np.sum(x)",
    ],
    "a part of a module": ["from numpy import sum as k", "def f(x):\n    return k(x)"],
    "what is its own": ["k = {}", "def f(x):\n    k = {}\n    k['x'] = x\n    return k"],
    "what is nowhere set": [F],
    "magics": ["%matplotlib inline\nk = 2\n!ls\nlen?", "%%time\n" + F],
    "a slip elsewhere": ["a = (", "k = 2", F],
    "what stands behind it": ["k = 2", F + "\nprint(f(image))"],
    "a list that is looked at": [TABLE, "k = ['a', 'b']", NAMES],
    "a list where another has its name": [TABLE, "k = ['a', 'b']", NAMES, "def g(k):\n    return k"],
    "an object that is called": [CLASS + "\nf = P(half=7)", "y = f(3)"],
    "what stands before it and ends well": ["import numpy as np\nnp.seterr(all='ignore')\nk = 2", F],
}
NOT_CONTAINED = {
    "a list": ["k = [2]", F],
    "an array": ["import numpy as np\nk = np.ones(3)", F],
    "a list with another name": [TABLE, "k = ['a']", NAMES, "other = k"],
    "a list that is given to a function": [TABLE, "k = ['a']", NAMES, "mend(k)"],
    "a list that is altered": [TABLE, "k = ['a']", NAMES, "k[0] = 'b'"],
    "a list that is added to": [TABLE, "k = ['a']", NAMES, "k.append('b')"],
    "a list of lists": [TABLE, "k = [['a']]", NAMES],
    **{
        f"an object that {what}": [CLASS.replace(old, new) + "\nf = P(7)", further]
        for what, old, new, further in (
            ("has its attribute set", "", "", "f.half = 3"),
            ("has another name", "", "", "g = f"),
            ("has its method called", "", "", "f.measure(3)"),
            ("is of a class that is altered", "", "", "P.step = 3"),
            ("is of a class that is given away", "", "", "mend(P)"),
            ("is of a class that stands twice", "", "", "class P:\n    pass"),
            ("counts", "return self.way", "self.half += 1\n        return self.way", ""),
            ("gives itself away", "return self.way", "mend(self)\n        return self.way", ""),
            ("gives its list away", "for _ in self.NAMES", "for _ in mend(self.NAMES)", ""),
            ("has attributes by name", "return self.way", "self.__dict__['half'] = 3\n        return self.way", ""),
            ("has another's methods", "class P:", "class P(Q):", ""),
            ("is decorated", "class P:", "@mend\nclass P:", ""),
            ("has a method that is", "def measure", "@mend\n    def measure", ""),
            ("has a table", "self.way = way", "self.way = table()", ""),
            ("reads one", "self.half)", "table)", "table = {}"),
            ("does more when it is made", "self.way = way", "self.way = way\n        mend(self)", ""),
            (
                "answers for attributes",
                "def measure",
                "def __getattr__(self, name):\n        return 3\n\n    def measure",
                "",
            ),
        )
    },
    "a function that is decorated": ["@mend\ndef f(x):\n    return x"],
    "a default that can be altered": ["def f(x, k=[]):\n    return x"],
    "a default that is a table": ["k = table()", "def f(x, k=k):\n    return x"],
    "a number that is added to": ["k = 2", "k += 1", F],
    "a number of a loop": ["for k in range(3):\n    pass", F],
    "perhaps": ["if image.any():\n    k = 2", F],
    "set by a function": ["k = 2", "def g():\n    global k\n    k = 3", F],
    "deleted": ["k = 2", "del k", F],
    "a class": ["class k:\n    half = 2", "def f(x):\n    return x * k.half"],
    "an attribute of a function": ["def f(x):\n    return x * f.k", "f.k = 2"],
    "a partial function": ["from functools import partial\nk = table()\nf = partial(max, k)"],
    "a partial function that is altered": [
        "from functools import partial\nf = partial(max, 2)",
        "f.keywords['key'] = len",
    ],
    "what was run": ["def f(x):\n    return x * len(In)"],
    "what is shown last": ["def f(x):\n    return x * _"],
    "all names of a module": ["from numpy import *", "def f(x):\n    return sum(x)"],
    "a module beside the notebook": ["import helpers", "def f(x):\n    return x"],
    "a module that is not installed": ["import made_here", "def f(x):\n    return x"],
    "a part of one": ["from helpers.parts import k", F],
    "a module from where it stands": ["from . import k", F],
    "a magic that runs something": ["%run more.py", "def f(x):\n    return x"],
    "what stands before it may not end well": ["tables = load()", "print(tables['a'])\nk = 2", F],
    "a number of something": ["k = float(table['k'])", F],
    "an attribute that a function is given elsewhere": [
        "def f(x):\n    return x * f.k",
        "def g(h):\n    h.k = 2",
        "g(f)",
    ],
    "a list that is a default value": [
        "k = [1]",
        "def g(x, k=k):\n    other = k\n    other[0] = x",
        "def f(x):\n    return x * k[0]",
    ],
    "a list that a function of the notebook is given": [
        "k = [1]",
        "def g(columns):\n    columns[0] = 2",
        "g(columns=k)",
        "def f(x):\n    return x * k[0]",
    ],
    "two parameters of one name": ["def f(x, x):\n    return x"],
    "a name from nowhere": ["def f(x):\n    nonlocal k\n    return k"],
    "too deep": ["k = " + "-" * 3000 + "1", F],
}


@pytest.mark.parametrize("name", CONTAINED)
def test_what_nothing_can_alter_is_told(name):
    assert contained(CONTAINED[name], ["f"], {"helpers"})


@pytest.mark.parametrize("name", NOT_CONTAINED)
def test_what_may_be_altered_is_not_taken_for_contained(name):
    assert not contained(NOT_CONTAINED[name], ["f"], {"helpers"})


CENTROID = RIGHT["centroid"]
#: Cells before the function, the function's cell, cells behind its check; a file beside the notebook.
NOTEBOOKS = {
    "defined below its check": ([], "# It is below.", [CENTROID], ""),
    "settings by a function": (["def fill(d):\n    d['k'] = 1", "settings = {}", "fill(settings)"], "settings['k']", [], ""),
    "an array altered by numpy": (["W = np.zeros(3)", "np.add.at(W, [1], 1)"], "W[1]", [], ""),
    "a global": (["K = 0", "def setup():\n    global K\n    K = 1", "setup()"], "K", [], ""),
    "a closure": (["def pair():\n    d = []\n    return d.append, lambda: d[0]", "put, get = pair()", "put(1)"], "get()", [], ""),
    "a module beside it": (["import sys\nsys.path.insert(0, 'parts')", "import mine", "mine.setup()"], "mine.k", [], "k = 0\ndef setup():\n    global k\n    k = 1\n"),
    "units": (["from astropy import units", "units.add_enabled_units([units.def_unit('blob', units.m)])"], "units.Unit('blob').to('m')", [], ""),
    "a name set by a function's globals": (["def h():\n    pass", "h.__globals__['K'] = 1"], "K", [], ""),
    "what is altered behind the check": (["D = {'k': 1}"], "D['k']", ["def spoil(d):\n    d['k'] = 7", "spoil(D)"], ""),
}  # fmt: skip


def test_marks_are_the_same_with_outputs_and_without(tiny_course, here):
    for name, (above, inside, below, beside) in NOTEBOOKS.items():
        for way in ("cleared", "kept"):
            factor = "" if inside.startswith("#") else f"    factor = {inside}\n"
            text = CENTROID.replace("    ny, nx", f"{factor}    ny, nx").replace(
                "return (", "return (factor * " if factor else "return ("
            )
            path = submit(
                tiny_course, f"{name.replace(' ', '-')}-{way}", {**RIGHT, "centroid": text if factor else inside}
            )
            notebook = nbformat.read(path, as_version=4)
            place = next(k for k, c in enumerate(notebook.cells) if c.source.startswith("check(centroid"))
            notebook.cells[place + 1 : place + 1] = map(code_cell, below)
            notebook.cells[place - 1 : place - 1] = map(code_cell, above)
            for cell in notebook.cells if way == "kept" else ():
                if cell.cell_type == "code" and not cell.source.startswith("check("):
                    cell.outputs = [nbformat.v4.new_output("stream", text="as handed in\n")]
            nbformat.write(notebook, path)
            if beside:
                (path.parent / "parts").mkdir()
                (path.parent / "parts" / "mine.py").write_text(beside)
    found: dict[str, dict[str, object]] = {}
    for one, result in parallel.run_here(parallel.submissions(tiny_course, ASSIGNMENT), 1):
        name, _, way = one.student.rpartition("-")
        found.setdefault(name, {})[way] = {
            n: (e["points"], e["state"]) for n, e in result["record"]["exercises"].items()
        }
    assert len(found) == len(NOTEBOOKS)
    for name, ways in found.items():
        assert ways["kept"] == ways["cleared"], name
        assert (ways["kept"]["centroid"] == (4, "right")) == ("behind" not in name), name
