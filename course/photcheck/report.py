"""What is known of a call: what the process that made it says (`Report`), and what the one who asked knows himself (`Facts`).

The two are never mixed: a report comes from the student's process and may say anything, facts are the asker's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Longest texts that are taken from a report.
_NAME, _WORDS, _LISTED = 80, 400, 8


@dataclass(frozen=True)
class Failure:
    """How a call stopped: the error's type, its message, the line of the notebook and the function that it was in."""

    type: str = ""
    message: str = ""
    line: str = ""
    where: str = ""

    @classmethod
    def read(cls, form: Any) -> Failure:
        """Take what is asked for from a plain form, whatever else it holds."""
        form = form if isinstance(form, dict) else {}
        return cls(
            str(form.get("type", "Error"))[:_NAME],
            str(form.get("message", ""))[:_WORDS],
            str(form.get("line", ""))[:_WORDS],
            str(form.get("where", ""))[:_NAME],
        )


@dataclass(frozen=True)
class Report:
    """What a kernel says of one call; made from an allow-list by `read`.

    Parameters
    ----------
    ok : bool
        Whether the function gave an answer.
    value : object
        The answer's plain form (`photcheck.wire`).
    error : Failure
        How it stopped, where it did.
    changed, warnings, leftovers : tuple of str
        Parameters that were modified, warnings, and variables of the notebook that the function reads.
    again : Report or None
        The second call, with the leftovers rebound to rubbish.
    absent : bool
        Whether there is no such function.
    """

    ok: bool = False
    value: Any = None
    error: Failure = Failure()
    changed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    again: Report | None = None
    absent: bool = False

    @classmethod
    def read(cls, form: Any) -> Report:
        """Take what is asked for from a plain form; of a second call's form no third is read."""
        if not isinstance(form, dict):
            return cls(error=Failure("Error", "the kernel gave no report"))
        again = form.get("again")
        return cls(
            bool(form.get("ok")),
            form.get("value"),
            Failure.read(form.get("error")),
            _texts(form.get("changed")),
            _texts(form.get("warnings")),
            _texts(form.get("leftovers")),
            cls.read({k: v for k, v in again.items() if k != "again"}) if isinstance(again, dict) else None,
            bool(form.get("absent")),
        )


@dataclass(frozen=True)
class Facts:
    """What the one who asked for a call knows of it without asking the kernel.

    Parameters
    ----------
    seconds, cpu : float
        How long it took, by the clock and of the processor.
    file : bytes or None
        What the call has written where a file is its answer; None where there is none.
    again : Facts or None
        The same of the second call: each call is judged by the file that it wrote itself.
    waited : float
        Where there was no answer: how many seconds it was waited for.
    state : str
        Where the kernel is there no more: how it ended.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    file: bytes | None = None
    again: Facts | None = None
    waited: float = 0.0
    state: str = ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(v[:_WORDS] for v in value[:_LISTED] if isinstance(v, str)) if isinstance(value, list) else ()
