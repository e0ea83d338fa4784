"""What a student's notebook needs to check a function, and a grader to judge it: calling, wire, comparators, verdicts, hints, pictures.

In a notebook: ``import photcheck as check`` (or, in the course in photometry, ``from photcourse import check``), then
``check(centroid)``. ``check(centroid, rehearse=True)`` takes fresh cases, ``check.case("centroid", 2)`` gives the arguments
of one, ``check.all()`` and ``check.progress()`` show how far along one is. The module is itself callable, so that the package can hold the machinery as well (`photcheck.wire`,
`photcheck.comparators`, ...). It knows no course: what a course brings is found by entry points (`photcheck.plugins`).
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

__version__ = "1.1.0"

if TYPE_CHECKING:
    from photcheck.student import CheckProblem, CheckResult, Progress


class _CallableModule(types.ModuleType):
    """A module that can be called: Python lets a module change its class for this."""

    def __call__(
        self, function: Any = None, name: str | None = None, rehearse: bool = False
    ) -> CheckResult | CheckProblem:
        from photcheck.student import check_function

        return check_function(function, name, rehearse)

    def case(self, name: Any, number: int = 1, rehearse: bool = False) -> tuple[Any, ...]:
        """Return the arguments of one case: ``centroid(*check.case("centroid", 2))``."""
        from photcheck.student import arguments_of

        return arguments_of(name, number, rehearse)

    def all(self) -> Progress | CheckProblem:
        """Check every exercise of the assignment."""
        from photcheck.student import check_all

        return check_all()

    #: The same, for who asks how far along he is.
    progress = all


sys.modules[__name__].__class__ = _CallableModule

from photcheck import unwritten  # noqa: E402 - beside the rest of what an import does in a notebook

unwritten.install()
