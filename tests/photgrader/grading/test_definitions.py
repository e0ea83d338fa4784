"""Of a cell that ended a kernel, what it defines is run again: nothing that hangs on the rest of it, and all of the others."""

from __future__ import annotations

import ast
import time

import pytest

from photgrader.grading.definitions import MAX_CELL, definitions

STOP = "\nimport os; os._exit(1)\n"


@pytest.mark.parametrize(
    "source, kept",
    [
        ("N = 2 * 3\ndef f(x, n=N):\n    return n", {"N", "f"}),
        ("import math\nWIDTH = 2 * math.sqrt(2 * math.log(2))\ndef f(x):\n    return WIDTH", {"WIDTH", "f"}),
        ("def g(x):\n    return x\nf = g", {"f", "g"}),
        ("f = lambda x: 2 * x", {"f"}),
        ("class P:\n    k = [1, (2, -3)]\n    def f(self):\n        return self.k\nP().f()", {"P"}),
        # Another x and y than the function's own.
        ("def f(x):\n    y = x\n    return y\nx, y = f(image)", {"f"}),
        ("def f(x):\n    return x.copy()\nf(image).sort()", {"f"}),
        ("import numpy as np\nnp.zeros(3)\ndef f(x):\n    return np.sum(x)", {"f"}),
        ("sky = median(image)\ndef f(x):\n    return x - sky\ndef g(x):\n    return x", {"g"}),
        ("sky = median(image)\ndef f(x, s=sky):\n    return x - s\ndef g(x):\n    return x", {"g"}),
        ("def f(x):\n    return g(x)\ndef g(x):\n    return h\nh = median(image)", set()),
        ("N = 1\nN += 1\ndef f(x):\n    return N", set()),
        ("table = {}\ntable['a'] = median(image)\ndef f(x):\n    return table", set()),
        ("names = []\nnames.append(median(image))\ndef f(x):\n    return names", set()),
        ("def f(x):\n    return x\nf = faster(f)", set()),
        ("def f(x):\n    return x\ndel f", set()),
        ("def f(x):\n    return x\nif image:\n    def f(x):\n        return 2 * x", set()),
        ("import os", set()),
        ("%matplotlib inline\ndef f(x):\n    return x", {"f"}),
        ("%%writefile f.py\ndef f(x):\n    return x", set()),
        ("x = 'a' * " + "(" * 500 + "2" + ")" * 500, set()),
        ("def f(x):\n    return x\n" + "#" * MAX_CELL, set()),
    ],
)
def test_what_hangs_on_what_is_not_run_again_is_no_part_of_it(source, kept):
    tree = ast.parse(definitions(source + STOP))
    defined = {n.name for n in tree.body if hasattr(n, "name")}
    defined |= {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets}
    assert defined == kept


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_stands_on_its_line_whatever_stands_there_too(end):
    lines = [
        "\x0cimport math; print(1); ö = 'é'; é = 2",
        "@print(1,",
        "  2)",
        "@print",
        "def f(x: int = é) -> 'float':",
        "\tt = '''ü",
        "  x'''",
        "\treturn t  # the end",
        "os._exit(1); β: float = math.pi / 2",
    ]
    found = definitions(end.join(lines)).split("\n")
    assert found == ["import math; ö = 'é'; é = 2", *lines[1:7], "\treturn t", "β: float = math.pi / 2"]


def test_a_cell_of_many_definitions_takes_no_time():
    many = "".join(f"def f{k}(): return f{k + 1}()\n" for k in range(2500))
    began = time.process_time()
    assert definitions(many).count("def") == 2500 and definitions(f"{many}f2500 = median(image)") == ""
    assert time.process_time() - began < 2.0
