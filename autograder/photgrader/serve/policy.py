"""What the live service does and tells, assignment by assignment: ``live.toml`` at a course's root."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
from dataclasses import dataclass
from typing import Any

from photgrader.coursedir.deadlines import Deadline
from photgrader.coursedir.files import CourseError
from photgrader.coursedir.settings import read_toml

NAME = "live.toml"
CHOICES = {"tell": ("all", "states", "after due", "nothing"), "counts": ("last", "best")}
EXAMPLE = """\
# live.toml: what students are told at once, and which try counts. All of it may be left out; these are the defaults.
tell = "all"           # "all": points, states, hints, feedback; "states": which exercise is right, and nothing else;
                       # "after due": nothing before the last due date, extensions too; "nothing"
tries_a_day = 0        # so many tries are graded a day, the others wait for the next; 0: all are graded
counts = "last"        # or "best": the try that goes into the gradebook
fresh_cases = false    # true: each try has hidden cases of its own
hints_from_try = 1     # a hint is told from this try on
open = true            # false: hand-ins wait for the commands collect and grade

[assignments.ps1_psf_photometry]
tries_a_day = 5
"""


class PolicyError(CourseError):
    """Something in ``live.toml`` that cannot be used; the text says where and what it should be."""


@dataclass(frozen=True)
class Policy:
    """What is done with the hand-ins of an assignment, and what their students are told.

    Parameters
    ----------
    tell : str
        ``"all"``, ``"states"``, ``"after due"`` or ``"nothing"``.
    tries_a_day : int
        How many tries of a student are graded a day (in the deadlines' time zone, else UTC); 0 for all.
    counts : str
        ``"last"`` or ``"best"``: which try goes into the gradebook.
    fresh_cases : bool
        Whether each try has hidden cases of its own.
    hints_from_try : int
        From which try on hints are told.
    open : bool
        Whether the service grades what is handed in.
    """

    tell: str = "all"
    tries_a_day: int = 0
    counts: str = "last"
    fresh_cases: bool = False
    hints_from_try: int = 1
    open: bool = True

    def tells(self, deadline: Deadline | None, now: datetime.datetime) -> str:
        """Return what may be told now: ``"all"``, ``"states"`` or ``"nothing"``.

        The last due date of anybody counts: who has more time could learn from who has less.
        """
        if self.tell != "after due":
            return self.tell
        return (
            "all" if deadline is not None and now >= max([deadline.due, *deadline.extensions.values()]) else "nothing"
        )


_KINDS = {bool: "true or false, without quotation marks", int: "a whole number", str: "a text in quotation marks"}


def _read(base: Policy, body: dict[str, Any], where: str) -> Policy:
    known = {f.name: getattr(base, f.name) for f in dataclasses.fields(Policy)}
    for name, value in body.items():
        if name not in known:
            raise PolicyError(f"{where}: {name!r} is not a setting; known are {', '.join(known)}.")
        if name in CHOICES and value not in CHOICES[name]:
            raise PolicyError(
                f"{where}: {name} should be one of {', '.join(map(repr, CHOICES[name]))}; it is {value!r}."
            )
        if type(value) is not type(known[name]):
            raise PolicyError(f"{where}: {name} should be {_KINDS[type(known[name])]}; it is {value!r}.")
        if isinstance(value, int) and value < 0:
            raise PolicyError(f"{where}: {name} should not be negative; it is {value!r}.")
    return dataclasses.replace(base, **body)


@dataclass(frozen=True)
class Policies:
    """The policies of a course.

    Parameters
    ----------
    default : Policy
        Of assignments that are not named.
    named : dict
        Of those that are.
    """

    default: Policy = Policy()
    named: dict[str, Policy] = dataclasses.field(default_factory=dict)

    def of(self, assignment: str) -> Policy:
        """Return the policy of an assignment."""
        return self.named.get(assignment, self.default)


def load_policies(root: pathlib.Path, assignments: list[str], deadlines: dict[str, Deadline]) -> Policies:
    """Read ``live.toml`` of a course, or give the defaults where there is none.

    Parameters
    ----------
    root : Path
        The course.
    assignments : list of str
        Those that there are.
    deadlines : dict
        Of the course.

    Raises
    ------
    PolicyError
        One sentence: which line or which setting, and what it should be.
    """
    body = read_toml(root / NAME, PolicyError)
    sections = body.pop("assignments", {})
    if not isinstance(sections, dict) or not all(isinstance(s, dict) for s in sections.values()):
        raise PolicyError(f"{NAME}: assignments should be sections, as [assignments.ps1_psf_photometry].")
    default = _read(Policy(), body, NAME)
    for name in sections:
        if name not in assignments:
            raise PolicyError(f"{NAME}: there is no assignment {name!r}; there are {', '.join(assignments) or 'none'}.")
    found = Policies(
        default, {name: _read(default, section, f"{NAME}, [assignments.{name}]") for name, section in sections.items()}
    )
    for name in assignments:
        if found.of(name).tell == "after due" and name not in deadlines:
            raise PolicyError(
                f"{NAME}: {name} is told of after its due date, and deadlines.yaml has none for it; add one, or write another tell."
            )
    return found
