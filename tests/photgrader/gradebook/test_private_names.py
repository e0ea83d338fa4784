"""What of nbgrader's insides this grader leans on."""

from __future__ import annotations

import functools
import importlib

import pytest

from photgrader.gradebook.plugin import PRIVATE


@pytest.mark.parametrize(("module", "name"), PRIVATE, ids=[name for _, name in PRIVATE])
def test_nbgrader_has_still_what_is_leant_on(module, name):
    functools.reduce(getattr, name.split("."), importlib.import_module(module))
