"""Check your own functions: ``from photcourse import check``, then ``check(centroid)``.

The module is itself callable, so that the package can hold the machinery as well (`photcourse.check.wire`,
`photcourse.check.comparators`, ...).
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photcourse.check.student import CheckProblem, CheckResult


class _CallableModule(types.ModuleType):
    """A module that can be called: Python lets a module change its class for this."""

    def __call__(self, function: Any, name: str | None = None) -> CheckResult | CheckProblem:
        from photcourse.check.student import check_function

        return check_function(function, name)


sys.modules[__name__].__class__ = _CallableModule
