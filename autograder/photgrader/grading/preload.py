"""What the server of grading processes imports last: the exercises of the assignment that it was started for, once for all of them."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys

from photgrader.exercise import exercises_of
from photgrader.grading.processes import VARIABLE

if os.environ.get(VARIABLE):
    # A slip in them, or one that ends whoever imports them, is told by whoever needs them.
    with contextlib.suppress(BaseException):
        exercises_of(os.environ[VARIABLE])
# What comparators import only where they need it, too: each process that is forked would import it anew.
if "scipy" in sys.modules or not os.environ.get(VARIABLE):
    importlib.import_module("scipy.spatial")
# Nothing of this is garbage, and what is never looked through is shared with every process that is forked.
gc.collect()
gc.freeze()
