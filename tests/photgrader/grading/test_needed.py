"""What need not be run is not, and whatever anything builds on is."""

from __future__ import annotations

import pytest

from photgrader.grading.needed import needed

# Places of cells; those in `optional` came with their pictures.
CASES = {
    "a figure alone": (["a = 1", "fig, ax = plt.subplots()\nax.plot([a])"], {1}, {0}),
    "read later": (["a = 1", "b = a", "print(b)"], {0, 1}, {0, 1, 2}),
    "set anew before it is read": (["a = 1", "a = 2\nprint(a)"], {0}, {1}),
    "set anew after it is read": (["a = 1", "print(a)\na = 2"], {0}, {0, 1}),
    "set anew perhaps": (["a = 1", "if b:\n    a = 2\nprint(a)"], {0}, {0, 1}),
    "read where a loop sets it": (["a = 1", "for a in b:\n    print(a)"], {0}, {1}),
    "read behind a loop that may be empty": (["a = 1", "for a in b:\n    pass\nprint(a)"], {0}, {0, 1}),
    "read within a loop": (["a = 1", "for b in c:\n    print(a)"], {0}, {0, 1}),
    "read by a function, wherever that stands": (["def f():\n    return a", "a = 1", "f()"], {1}, {0, 1, 2}),
    "read by a function before it is set anew": (["def f():\n    return a", "a = 1", "f()\na = 2"], {1}, {0, 1, 2}),
    "read by a function within a function": (
        ["def f():\n    def g():\n        return a\n    return g", "a = 1"],
        {1},
        {0, 1},
    ),
    "a parameter of that name": (["def f(a):\n    return a", "a = 1"], {1}, {0}),
    "a function that is not called by what is run": (["a = 1", "def f():\n    return a\nf()"], {0, 1}, set()),
    "a default value": (["a = 1", "def f(x=a):\n    return x"], {0}, {0, 1}),
    "a lambda": (["a = 1", "f = lambda: a\na = 2"], {0}, {0, 1}),
    "a comprehension": (["a = 1", "b = [a for c in d]"], {0}, {0, 1}),
    "a class": (["a = 1", "class C:\n    x = a"], {0}, {0, 1}),
    "a method": (["class C:\n    def f(self):\n        return a", "a = 1"], {1}, {0, 1}),
    "in a string with braces": (["a = 1", "print(f'{a}')"], {0}, {0, 1}),
    "added to": (["a = 1", "a += 1\nprint(a)"], {0}, {0, 1}),
    "a definition": (["def f():\n    return 1", "f()"], {0}, {0, 1}),
    "an import": (["import numpy as np", "np.ones(3)"], {0}, {0, 1}),
    "an import of a module's part": (["import scipy.ndimage", "scipy.ndimage.label(3)"], {0}, {0, 1}),
    "a column": (["t = f()", "t['x'] = 1", "print(t)"], {1}, {0, 1, 2}),
    "an attribute": (["t = f()", "t.x.y = 1", "print(t)"], {1}, {0, 1, 2}),
    "a method that changes": (["t = f()", "t[0].append(1)", "print(t)"], {1}, {0, 1, 2}),
    "a method that leaves it as it is": (["t = f()", "t.head(3)", "print(t)"], {1}, {0, 2}),
    "a method of what a function gives": (["t = f()", "f(t).append(1)", "print(t)"], {1}, {0, 2}),
    "a function of a module": (["import numpy as np\na = f()", "np.sort(a)", "print(np.sum(a))"], {1}, {0, 2}),
    "a function of a module, into an array": (
        ["import numpy as np\na = f()", "np.sqrt(2, out=a)", "print(a)"],
        {1},
        {0, 1, 2},
    ),
    "by another name": (["t = f()", "u = t\nu.append(1)", "print(t)"], {1}, {0, 1, 2}),
    "a part by another name": (["t = f()", "u = t[2:4]\nu[0] = 1", "print(t)"], {1}, {0, 1, 2}),
    "a part added to": (["t = f()", "u = t[2:4]\nu += 1", "print(t)"], {1}, {0, 1, 2}),
    "a part that is not altered": (["t = f()", "u = t[2:4]\nprint(u)", "print(t)"], {1}, {0, 2}),
    "a part of a part, of another cell": (
        ["t = f()", "u, v = t, 1\nprint(u)", "u.x[0] = 1", "print(t)"],
        {2},
        {0, 1, 2, 3},
    ),
    "the rows of a table": (["t = f()", "for i, row in enumerate(t):\n    row['x'] = 1", "print(t)"], {1}, {0, 1, 2}),
    "what a function makes of it": (["t = f()", "u = g(t)\nu[0] = 1", "print(t)"], {1}, {0, 2}),
    "a module's own attribute": (["import m", "m.x = 1", "m.f()"], {1}, {0, 1, 2}),
    "a file": (["fig.savefig('a.png')"], {0}, {0}),
    "a file written by astropy": (["hdu.writeto('a.fits')"], {0}, {0}),
    "a file opened": (["open('a')"], {0}, {0}),
    "chance": (["import numpy as np", "np.random.seed(1)"], {1}, {0, 1}),
    "chance, by another name": (["from random import shuffle as mix\nmix(a)"], {0}, {0}),
    "settings": (["plt.rcParams['font.size'] = 20"], {0}, {0}),
    "warnings": (["warnings.simplefilter('ignore')"], {0}, {0}),
    "deleted": (["del a"], {0}, {0}),
    "all names of a module": (["from m import *"], {0}, {0}),
    "a magic": (["%matplotlib inline"], {0}, {0}),
    "a command": (["!ls"], {0}, {0}),
    "a slip": (["a = ("], {0}, {0}),
    "a global": (["def f():\n    global a\n    a = 1\nf()"], {0}, {0}),
    "whatever evaluates text": (["a = 1", "eval('a')"], {0}, {0, 1}),
    "whatever reads all names": (["a = 1", "globals()['a']"], {0}, {0, 1}),
    "whatever reads all names, run for its effect": (["a = 1", "exec('a')"], {0, 1}, {0, 1}),
    "a chain": (["a = 1", "b = a", "c = b", "print(c)", "d = c"], {0, 1, 2, 4}, {0, 1, 2, 3}),
    "a match": (["a = 1", "match b:\n    case 1:\n        print(a)"], {0}, {0, 1}),
    "a handler": (["a = 1", "try:\n    f()\nexcept E:\n    print(a)"], {0}, {0, 1}),
    "with": (["a = 1", "with a as b:\n    print(b)"], {0}, {0, 1}),
    "a variable that is called as a method is": (["use = 1\nsave = 2\nplt.plot(use)"], {0}, set()),
    "a module of a package, by another name": (["import a", "from a.b import c", "a.b.f()"], {0, 1}, {0, 1, 2}),
    "a function with an effect": (["def f(n):\n    open(n)", "g = 1", "f('a')"], {0, 1, 2}, {0, 2}),
    "a function that calls one": (["def f(n):\n    open(n)", "def g():\n    f(1)", "g()"], {0, 1, 2}, {0, 1, 2}),
    "a lambda that calls one": (["f = lambda n: open(n)", "f('a')"], {0, 1}, {0, 1}),
    "a function that keeps warnings off": (["def f():\n    warnings.simplefilter('ignore')", "f()"], {1}, {0}),
    "a module of Python's with effects": (["import sys", "sys.path.append('a')"], {0, 1}, {0, 1}),
    "a module of that name": (["from scipy import signal", "signal.f()"], {0, 1}, set()),
    "a module that is altered": (["import m", "m.x = 1", "print(2)"], {0, 1, 2}, {0, 1}),
    "a name got at through a function": (
        ["a = 1", "def h():\n    pass", "h.__globals__['a'] = 2"],
        {0, 1, 2},
        {0, 1, 2},
    ),
    "by words put together": (["a = 1", "getattr(h, '__glo' + 'bals__')['a'] = 2"], {1}, {0, 1}),
    "by a frame": (["a = 1", "(i for i in b).gi_frame.f_globals['a'] = 2"], {1}, {0, 1}),
    "by the shell": (["a = 1", "from IPython.core.interactiveshell import InteractiveShell as s"], {1}, {0, 1}),
    "a function's own parts": (["object.__setattr__(f, '__defaults__', (3,))"], {0}, {0}),
    "Python's own names": (["__builtins__['len'] = max"], {0}, {0}),
    "the class of an object": (["x = f()", "type(x).sum = None"], {0, 1}, {0, 1}),
    "the class of an object, as it says": (["x = f()", "x.__class__.sum = None"], {0, 1}, {0, 1}),
    "a module's class, by another name": (["import m", "C = m.sub.C", "C.sum = None"], {1, 2}, {0, 1, 2}),
    "an attribute by its name": (["a = 1", "getattr(b, 'value')\nprint(__name__)"], {1}, {0}),
    "a walrus": (["(a := 1)", "print(a)"], {0}, {0, 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_needed_is_run_and_nothing_else(name):
    sources, optional, run = CASES[name]
    assert needed(dict(enumerate(sources)), optional) == run


def test_where_nothing_is_optional_everything_is_run():
    assert needed({3: "a = 1", 7: "b = 1"}, set()) == {3, 7}


def test_deep_code_is_run():
    assert needed({0: "a = " + "(" * 500 + ")" * 500, 1: "+".join("a" * 30000)}, {0, 1}) == {0, 1}


def test_a_cell_that_may_stop_in_its_middle_leaves_what_stood_before_it():
    sources = {0: "a = 1", 1: "f()\na = 2", 2: "print(a)"}
    assert needed(sources, {0}) == {0, 1, 2}, "the cell in between was run by nobody yet"
    assert needed(sources, {0, 1}) == {0, 1, 2}, "it was handed in with an error"
    assert needed(sources, {0, 1}, {1}) == {1, 2}
    for sure in ("a = 2", "def a(x):\n    return x"):
        assert needed({**sources, 1: sure}, {0}) == {1, 2}
    for unsure in (
        "a = b",
        "def a(x=b):\n    return x",
        "@b\ndef a(x):\n    return x",
        "def a(x: b):\n    return x",
        "import a",
    ):
        assert needed({**sources, 1: unsure}, {0}) == {0, 1, 2}


def test_what_is_read_at_the_end_is_run():
    sources = {0: "a = 1", 1: "def f():\n    return a", 2: "b = 1"}
    assert needed(sources, {0, 1, 2}, asked=["f"]) == {0, 1}
