"""What a course says of its packages: what kernels import, what students get, what a verdict depends on."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import pytest

from photgrader.coursedir import packages
from photgrader.coursedir.settings import Packages, SettingsError, load_settings
from photgrader.grading import hashes
from photgrader.sandbox import jail
from support import ROOT


@pytest.fixture
def in_use(monkeypatch):
    """Use other packages for the time of a test."""
    monkeypatch.setenv(packages.VARIABLE, os.environ.get(packages.VARIABLE, "{}"))
    return packages.use_packages


def course(folder: pathlib.Path, text: str) -> Packages:
    (folder / "photgrader.toml").write_text(text)
    return load_settings(folder).packages


def test_a_course_that_says_nothing_has_the_defaults_and_one_may_say_a_part(tmp_path):
    assert load_settings(tmp_path).packages == Packages()
    found = course(tmp_path, '[packages]\nown = ["bank"]\nversions = ["scikit-learn", "ruamel.yaml"]\n')
    assert found == Packages(own=("bank",), versions=("scikit-learn", "ruamel.yaml"))


def test_a_kernel_has_imported_what_the_code_names_and_the_courses_own(in_use):
    in_use(
        Packages(own=("bank",), imports=("numpy", "scipy", "scipy.stats", "astropy.io.fits", "bank.books", "banking"))
    )
    assert packages.imports_for("x = 1") == ("bank.books",)
    code = "import numpy as np\nfrom scipy import ndimage\nfrom astropy.io import fits"
    assert packages.imports_for(code) == ("numpy", "scipy", "astropy.io.fits", "bank.books")
    assert packages.imports_for(code.replace("ndimage", "stats")) == (
        "numpy", "scipy", "scipy.stats", "astropy.io.fits", "bank.books",
    )  # fmt: skip
    # By another name it is the same part, and what others named has no say in whether it is there.
    assert packages.imports_for("import scipy as sp\nsp.stats.norm") == ("scipy", "scipy.stats", "bank.books")
    assert packages.imports_for("from astropy.io import (\n    fits,\n)") == ("astropy.io.fits", "bank.books")
    assert packages.imports_for("scipy_stats = astropy.fits") == ("bank.books",)
    for reached in ("sp.stats", "sp. stats", "getattr(sp, 'stats')", 'eval("sp.stats")', "if sp: import scipy.stats"):
        assert "scipy.stats" in packages.imports_for(f"import scipy as sp\n{reached}")
    assert "scipy.stats" in packages.imports_for("if True:\n    from scipy import (\n        stats as s, signal)")
    # Half a second is not spent on a part because another package has one of that name, or a variable has it.
    for not_reached in ("from astropy.stats import sigma_clip", "stats = 1", "def f(stats): 'The stats.'"):
        assert packages.imports_for(f"import scipy\n{not_reached}") == ("scipy", "bank.books")


@pytest.mark.parametrize(
    "text",
    ['[packages]\nown = "bank"', "[packages]\nown = [1]", '[packages]\nimports = ["../bank"]', '[packages]\nown = [""]',
     '[packages]\nlibraries = ["bank"]', "packages = 3", "limits = 3"],
)  # fmt: skip
def test_a_slip_is_one_sentence_that_names_the_place(tmp_path, text):
    with pytest.raises(SettingsError, match=r"photgrader\.toml, \[(packages|limits)\]"):
        course(tmp_path, text)


@pytest.mark.parametrize("value", ["0", "-1", '"20"', "true"])
def test_a_limit_is_a_number_above_zero(tmp_path, value):
    with pytest.raises(SettingsError, match=r"photgrader\.toml, \[limits\]: cell_seconds should be"):
        course(tmp_path, f"[limits]\ncell_seconds = {value}")


def test_versions_and_code_of_the_course_count_and_a_change_of_them_shows(in_use, tmp_path, monkeypatch):
    in_use(load_settings(ROOT).packages)
    assert {"photgrader", "photcheck", "photcourse", "numpy", "astropy", "photutils"} <= set(packages.versions())
    ours = hashes.judge_hash()
    in_use(Packages())
    assert "photcourse" not in packages.versions() and "astropy" not in packages.versions()
    plain = hashes.judge_hash()
    assert plain != ours
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for body in ("RATE = 3", "RATE = 4"):
        (tmp_path / "bankrules").mkdir(exist_ok=True)
        (tmp_path / "bankrules" / "__init__.py").write_text(body)
        in_use(Packages(own=("bankrules",)))
        hashes._judge_hash.cache_clear()
        found.append(hashes.judge_hash())
    assert len({plain, *found}) == 3


def test_of_a_module_its_own_file_counts_and_of_a_package_all_of_it(in_use):
    in_use(Packages(own=("photcourse",), judging=("photcourse.challenge", "photcourse.comparators")))
    names = {p.relative_to(ROOT / "course" / "photcourse").as_posix() for p in packages.judging_files()}
    assert {"challenge.py", "comparators/catalogue.py"} <= names and "display.py" not in names
    assert {n.partition("/")[0] for n in names} == {"challenge.py", "comparators"}


def test_what_is_not_installed_is_said_in_a_sentence(in_use):
    in_use(Packages(versions=("no-such-distribution",)))
    with pytest.raises(SettingsError, match="no-such-distribution is not installed here"):
        packages.versions()
    in_use(Packages(own=("no_such_package",), judging=("no_such_package.rules",)))
    with pytest.raises(SettingsError, match="no_such_package.rules cannot be imported here"):
        packages.judging_files()


def test_what_a_kernel_imports_is_no_matter_of_a_verdict():
    plain = load_settings(ROOT)
    other = dataclasses.replace(plain, packages=Packages(imports=("json",)))
    assert hashes.grading_key("c", "none", "{}", plain) == hashes.grading_key("c", "none", "{}", other)


def test_the_jail_shows_packages_of_the_course_and_no_others(in_use, tmp_path):
    place = jail.RunFolders(tmp_path / "w", tmp_path / "s")
    in_use(load_settings(ROOT).packages)
    assert any(word.endswith("/photcourse") for word in jail._mounts(place, "", ""))
    in_use(Packages())
    mounts = jail._mounts(place, "", "")
    assert not any(word.endswith("/photcourse") for word in mounts) and any(w.endswith("/photcheck") for w in mounts)


def test_a_course_of_another_subject_imports_none_of_ours(tmp_path):
    """The grader of a fresh course, its exercises loaded and judged, and what its warm kernels have imported."""
    code = """
import json, pathlib, sys
from photgrader.release.scaffold import new_course
from photgrader.exercise import load_assignment, use_course
from photgrader.coursedir.packages import packages_in_use
from photgrader.quality.authoring import judge_here
from photgrader.quality.naming import cheap
from photgrader.grading.hashes import exercises_hash
root = pathlib.Path(sys.argv[1])
new_course(root)
use_course(root)
exercise = load_assignment("hw1").exercises["scaled"]
verdict = judge_here(exercise, exercise.spec(4.0, 7), next(iter(exercise.variants.values())))
assert verdict.right and list(cheap(exercise)) and exercises_hash("hw1")
from photgrader.sandbox.warm_parent import warm_up
warm_up(list(packages_in_use().imports))
import photgrader.cli, photgrader.runs.run, photgrader.release.build
print(json.dumps(sorted({n.partition(".")[0] for n in sys.modules})))
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PHOTGRADER_")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bank")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"numpy", "matplotlib", "ipykernel", "photcheck"} <= found
    assert not found & {"photcourse", "astropy", "photutils", "skimage"}
