"""Due dates, extensions and what being late costs, from ``deadlines.yaml`` at a course's root."""

from __future__ import annotations

import datetime
import json
import math
import pathlib
import re
import zoneinfo
from dataclasses import dataclass, field
from typing import Any

import yaml

from photgrader.coursedir.files import CourseError, text_if_there

NAME = "deadlines.yaml"
DAY = 86400.0
#: No length of time is longer, in seconds.
LONGEST = 3653 * DAY
#: What being late costs, and what it is where nothing is said.
RULES = {"grace": "0 minutes", "penalty_per_day": "0 %", "penalty_cap": "100 %"}
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": DAY, "week": 7 * DAY}
EXAMPLE = """\
# deadlines.yaml: due dates, extensions, late penalties. An assignment that is not named here has none of them.
# A time is a date and an hour of the day, 2026-10-12 23:59, in the time zone below; or with an offset of its own,
# 2026-10-12T23:59+02:00. A length of time is a number and minutes, hours, days or weeks.
time_zone: Europe/Paris

# For every assignment that does not say otherwise:
grace: 15 minutes         # nothing is taken for being late by no more than this
penalty_per_day: 10 %     # of the marks earned, for each day begun after the due date
penalty_cap: 50 %         # no more than this is taken

assignments:
  ps1_psf_photometry:
    due: 2026-10-12 23:59
    extensions:
      ada: 2026-10-15 12:00   # a due date of her own
      bob: 3 days             # that much later than the others
  ps2_aperture_photometry:
    due: 2026-10-26 23:59
    penalty_per_day: 0 %      # late work is welcome
"""


class DeadlinesError(CourseError):
    """Something in ``deadlines.yaml`` that cannot be used; the text says where and what it should be."""


@dataclass(frozen=True)
class Deadline:
    """When one assignment is due, and what being late costs.

    Parameters
    ----------
    assignment : str
        Its name.
    due : datetime
        For everybody without an extension; knows its time zone.
    grace : timedelta
        Being late by no more than this costs nothing. It moves no date: what is later counts from the due date.
    percent_per_day, cap_percent : float
        Share of the marks earned that each begun day costs, and the most that is taken.
    extensions : dict
        Students with a due date of their own.
    """

    assignment: str
    due: datetime.datetime
    grace: datetime.timedelta = datetime.timedelta()
    percent_per_day: float = 0.0
    cap_percent: float = 100.0
    extensions: dict[str, datetime.datetime] = field(default_factory=dict)

    def due_for(self, student: str) -> datetime.datetime:
        """Return when the assignment is due for a student."""
        return self.extensions.get(student, self.due)

    def percent(self, seconds_late: float) -> float:
        """Return the share of the marks, in per cent, that being late by so many seconds costs.

        Examples
        --------
        >>> rule = Deadline("ps1", datetime.datetime(2026, 10, 12), datetime.timedelta(minutes=15), 10.0, 25.0)
        >>> [rule.percent(s) for s in (900, 901, 86400, 86401, 3 * 86400)]
        [0.0, 10.0, 10.0, 20.0, 25.0]
        """
        if seconds_late <= max(0.0, self.grace.total_seconds()):
            return 0.0
        return min(self.cap_percent, self.percent_per_day * math.ceil(seconds_late / DAY))

    def percent_of(self, student: str, submitted: str) -> float:
        """Return what being late costs a student, in per cent of the marks.

        Parameters
        ----------
        student : str
            Whose.
        submitted : str
            When it was handed in, as ISO 8601 (UTC where it says no zone); empty where that is not known, which costs nothing.

        Examples
        --------
        >>> rule = Deadline("ps1", datetime.datetime(2026, 10, 12, 12, tzinfo=datetime.UTC), percent_per_day=10.0)
        >>> [rule.percent_of("ada", t) for t in ("2026-10-12T12:00:00", "2026-10-13T13:00:00+00:00", "")]
        [0.0, 20.0, 0.0]
        """
        if not submitted:
            return 0.0
        came = datetime.datetime.fromisoformat(submitted)
        return self.percent(
            (utc(came.replace(tzinfo=came.tzinfo or datetime.UTC)) - utc(self.due_for(student))).total_seconds()
        )

    def last_moment(self, student: str) -> datetime.datetime | None:
        """Return the last moment at which a student's work still earns something; None where it always does, or for longer than ten years.

        Examples
        --------
        >>> due = datetime.datetime(2026, 10, 12, 12, tzinfo=datetime.UTC)
        >>> Deadline("ps1", due, percent_per_day=40.0).last_moment("ada").isoformat()
        '2026-10-14T12:00:00+00:00'
        >>> Deadline("ps1", due, percent_per_day=40.0, cap_percent=50.0).last_moment("ada") is None
        True
        """
        if self.cap_percent < 100 or not self.percent_per_day:
            return None
        seconds = max((math.ceil(100 / self.percent_per_day) - 1) * DAY, self.grace.total_seconds())
        due = self.due_for(student)
        if seconds > LONGEST:
            return None
        # Counted in seconds, as lateness is, and not by the clock on the wall.
        return (due.astimezone(datetime.UTC) + datetime.timedelta(seconds=seconds)).astimezone(due.tzinfo)

    def penalty(self, score: float, seconds_late: float) -> float:
        """Return the points that are taken from a score."""
        return score * self.percent(seconds_late) / 100.0


# ------------------------------------------------------------------------------------------------ reading the file
class _Text(yaml.BaseLoader):
    """Everything is text: a student called 0123, no or 1e5 stays who they are; and no key comes twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return a mapping, refusing a key that comes twice (YAML would drop the first)."""
        keys = [k.value for k, _ in node.value]
        twice = next((k for k in keys if keys.count(k) > 1), None)
        if twice is not None:
            raise DeadlinesError(
                f"{NAME}, line {node.start_mark.line + 1}: {twice!r} is there twice; keep one of them."
            )
        return super().construct_mapping(node, deep)


def load_deadlines(root: pathlib.Path) -> dict[str, Deadline]:
    """Read ``deadlines.yaml`` of a course.

    Returns
    -------
    dict
        Deadlines by assignment; empty where there is no file.

    Raises
    ------
    DeadlinesError
        One sentence: where, and what it should be.
    """
    return parse_deadlines(read_text(root))


def read_text(root: pathlib.Path) -> str:
    """Return what stands in ``deadlines.yaml`` of a course; nothing where there is no file.

    Raises
    ------
    DeadlinesError
        Where it cannot be read.
    """
    try:
        return text_if_there(root / NAME)
    except (OSError, UnicodeDecodeError) as problem:
        raise DeadlinesError(f"{NAME} cannot be read: {problem}.") from problem


def _body(text: str) -> dict[str, Any]:
    """Return what a text of YAML holds, all of it as text.

    Raises
    ------
    DeadlinesError
        It is no YAML, or no mapping.
    """
    try:
        body = yaml.load(text, Loader=_Text)  # noqa: S506 - a subclass of BaseLoader, which makes text only
    except (yaml.YAMLError, RecursionError) as problem:
        raise DeadlinesError(
            f"{NAME} is not YAML: {' '.join(str(problem).split())[:300]}. `photgrader deadlines --example` shows one that is."
        ) from problem
    return _mapping(body, NAME) if body else {}


def parse_deadlines(text: str) -> dict[str, Deadline]:
    """Return the deadlines that a text in the format of ``deadlines.yaml`` gives; see `EXAMPLE`."""
    body = _body(text)
    _known(body, {"time_zone", "assignments", *RULES}, NAME)
    zone = _zone(body.get("time_zone"))
    defaults = {**RULES, **{k: body[k] for k in RULES if k in body}}
    assignments = _mapping(body.get("assignments") or {}, "assignments")
    return {name: _deadline(name, {**defaults, **_mapping(entry, name)}, zone) for name, entry in assignments.items()}


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DeadlinesError(f"{NAME}: {where} should hold lines of `name: value`; it is {value!r}.")
    return value


def _known(entry: dict[str, Any], names: set[str], where: str) -> None:
    wrong = next((k for k in entry if k not in names), None)
    if wrong is not None:
        raise DeadlinesError(
            f"{NAME}: {where} has {wrong!r}, which means nothing here; known are {', '.join(sorted(names))}."
        )


def _zone(name: Any) -> datetime.tzinfo | None:
    if name is None:
        return None
    try:
        return zoneinfo.ZoneInfo(str(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise DeadlinesError(f"{NAME}: there is no time zone {name!r}; write it as Europe/Paris or UTC.") from problem


def _deadline(name: str, entry: dict[str, Any], zone: datetime.tzinfo | None) -> Deadline:
    _known(entry, {"due", "extensions", *RULES}, name)
    if "due" not in entry:
        raise DeadlinesError(f"{NAME}: {name} has no due date; write `due: 2026-10-12 23:59`.")
    due = _time(entry["due"], zone, f"due of {name}")
    extensions = {
        student: _extension(value, due, zone, f"extension of {student} for {name}")
        for student, value in _mapping(entry.get("extensions") or {}, f"extensions of {name}").items()
    }
    return Deadline(
        name,
        due,
        _length(entry["grace"], f"grace of {name}"),
        _percent(entry["penalty_per_day"], f"penalty_per_day of {name}"),
        _percent(entry["penalty_cap"], f"penalty_cap of {name}"),
        extensions,
    )


def _extension(value: Any, due: datetime.datetime, zone: datetime.tzinfo | None, where: str) -> datetime.datetime:
    # Three days later is the same hour of the day, also where the clocks change in between.
    longer = due + _length(value, where) if re.search(r"[a-z]\s*$", str(value)) else _time(value, zone, where)
    if longer.timestamp() < due.timestamp():
        raise DeadlinesError(f"{NAME}: the {where} ends before the assignment is due for everybody.")
    return longer


def _time(value: Any, zone: datetime.tzinfo | None, where: str) -> datetime.datetime:
    text = str(value).strip()
    try:
        # A year of another millennium is a slip, and in its first and last days there is no time in other zones.
        if not re.match(r"2\d{3}-\d{2}-\d{2}[ T]+\d{1,2}:\d{2}", text, re.ASCII):
            raise ValueError
        found = datetime.datetime.fromisoformat(re.sub(r"[ T]+(\d):", r" 0\1:", text, count=1).replace("Z", "+00:00"))
    except ValueError:
        raise DeadlinesError(
            f"{NAME}: the {where} should be a date and a time of day, as 2026-10-12 23:59; it is {text!r}."
        ) from None
    if found.tzinfo is not None:
        return found
    if zone is None:
        raise DeadlinesError(f"{NAME}: the {where} has no time zone; add a line `time_zone: Europe/Paris` to the file.")
    # The hour that the clocks show twice: its second time, in the student's favour.
    there = found.replace(tzinfo=zone, fold=1)
    if there.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) != found:
        raise DeadlinesError(f"{NAME}: the {where}, {text}, does not exist: the clocks skip it in that night.")
    return there


def _length(value: Any, where: str) -> datetime.timedelta:
    found = re.fullmatch(r"\s*\+?(\d+(?:\.\d+)?)\s*(minute|hour|day|week)s?\s*", str(value))
    seconds = float(found[1]) * _UNITS[found[2]] if found is not None else math.inf
    if seconds > LONGEST:
        raise DeadlinesError(
            f"{NAME}: the {where} should be a number and minutes, hours, days or weeks, as `15 minutes`, and no more than ten years; it "
            f"is {str(value)[:100]!r}."
        )
    return datetime.timedelta(seconds=seconds)


def _percent(value: Any, where: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%?\s*", str(value))
    if found is None or float(found[1]) > 100:
        raise DeadlinesError(f"{NAME}: the {where} should be a percentage from 0 to 100, as `10 %`; it is {value!r}.")
    return float(found[1])


def in_words(deadline: Deadline, student: str = "") -> str:
    """Return when an assignment is due, for a student where one is named, and what being late costs."""
    due = deadline.due_for(student)
    words = f"Due {due.day} {due:%B %Y, %H:%M} ({due.tzname()})."
    if deadline.percent_per_day and deadline.cap_percent:
        grace = f" by more than {int(deadline.grace.total_seconds() // 60)} minutes" if deadline.grace else ""
        words += f" Being late{grace} takes {deadline.percent_per_day:g} % of the points for each day begun"
        words += f", at most {deadline.cap_percent:g} %." if deadline.cap_percent < 100 else "."
    return words


# ------------------------------------------------------------------------------------------------ changing the file
def zone_of(text: str) -> str:
    """Return the time zone that a text in the format of ``deadlines.yaml`` names; empty where it names none."""
    return str(_body(text).get("time_zone", ""))


def rules_in(text: str, assignment: str = "") -> dict[str, float]:
    """Return what a text in the format of ``deadlines.yaml`` itself says of being late: minutes of grace, shares in per cent.

    Parameters
    ----------
    text : str
        The file as it is.
    assignment : str
        Of which assignment; empty for what holds for each that does not say otherwise.

    Examples
    --------
    >>> text = "grace: 1 hour\\nassignments: {ps1: {due: 2026-10-12 23:59+02:00, penalty_cap: 50}}"
    >>> rules_in(text), rules_in(text, "ps1"), rules_in("", "ps1")
    ({'grace': 60.0}, {'penalty_cap': 50.0}, {})
    """
    body = _body(text)
    known_ones = _mapping(body.get("assignments") or {}, "assignments")
    entry = _mapping(known_ones.get(assignment) or {}, assignment) if assignment else body
    known = {name: entry[name] for name in RULES if name in entry}
    return {
        name: _length(value, name).total_seconds() / 60 if name == "grace" else _percent(value, name)
        for name, value in known.items()
    }


def changed(
    text: str,
    assignment: str,
    due: str = "",
    extensions: dict[str, str] | None = None,
    zone: str = "",
    rules: dict[str, str] | None = None,
) -> str:
    """Return the text of ``deadlines.yaml`` with another date, or another rule of being late; all else in it stays as a person wrote it.

    Parameters
    ----------
    text : str
        The file as it is; empty where there is none.
    assignment : str
        Which; empty for rules that hold for each that does not say otherwise.
    due : str
        When it is due, as ``2026-10-12 23:59``; empty for no change.
    extensions : dict
        Students and their due dates; an empty one takes the extension away. Who is not named keeps theirs.
    zone : str
        The time zone, for a file that names none.
    rules : dict
        Some of `RULES`: a number of minutes, or of per cent; an empty one takes the rule away. What is not named stays.

    Raises
    ------
    DeadlinesError
        One sentence: what of it cannot be, or that the file is written in a way that has to be changed by hand.

    Examples
    --------
    >>> print(changed("time_zone: UTC\\nassignments:\\n  ps1:\\n    due: 2026-10-12 23:59  # a Monday\\n", "ps1", extensions={"ada": "2026-10-14 12:00"}))
    time_zone: UTC
    assignments:
      ps1:
        due: 2026-10-12 23:59  # a Monday
        extensions:
          ada: 2026-10-14 12:00
    <BLANKLINE>
    """
    given = {"due": due, **(extensions or {})}
    for name, value in given.items():
        # What goes into the file is a date, whatever came.
        if value and not re.fullmatch(
            r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d([+-]\d\d:\d\d)?|\d{1,4} (minute|hour|day|week)s?", value
        ):
            raise DeadlinesError(
                f"{NAME}: the date for {name} should be a day and a time of day, as 2026-10-12 23:59; it is {value[:100]!r}."
            )
    for name, value in (rules or {}).items():
        what, pattern = (
            ("whole minutes, as 15", r"\d{1,7}") if name == "grace" else ("per cent, as 10", r"\d{1,3}(\.\d{1,2})?")
        )
        if value and not re.fullmatch(pattern, value, re.ASCII):
            raise DeadlinesError(f"{NAME}: {name} should be a number of {what}; it is {value[:100]!r}.")
    before = parse_deadlines(text)
    try:
        return _changed(text, before, assignment, due, extensions or {}, zone, rules or {})
    except yaml.YAMLError as problem:
        # Another document, a tag, a tab: with a line more it is no YAML.
        raise DeadlinesError(_BY_HAND) from problem


def _changed(
    text: str,
    before: dict[str, Deadline],
    assignment: str,
    due: str,
    extensions: dict[str, str],
    zone: str,
    rules: dict[str, str],
) -> str:
    if zone and not zone_of(text):
        text = f"time_zone: {json.dumps(zone)}\n{text}"
    if "assignments" not in _pairs(yaml.compose(text, Loader=_Text)):
        text = f"{text.rstrip()}\n" if text.strip() else ""
        text += "assignments:\n"
    where = ["assignments", assignment] if assignment else []
    if due:
        text = _with(text, [*where, "due"], due.replace("T", " "))
    elif assignment and assignment not in before:
        raise DeadlinesError(f"{NAME}: {assignment} has no due date yet; give it one first.")
    for student, until in extensions.items():
        text = _with(text, [*where, "extensions", student], until.replace("T", " "))
    for name, value in rules.items():
        text = _with(text, [*where, name], value and f"{value} {'minutes' if name == 'grace' else '%'}")
    after = parse_deadlines(text)
    now = after[assignment].extensions if assignment in after else {}
    there = before[assignment].extensions if assignment in before else {}
    wanted = {*there, *extensions} - {s for s, until in extensions.items() if not until}
    said = {name: float(value) for name, value in rules.items() if value}
    kept = {name: value for name, value in rules_in(text, assignment).items() if name in rules}
    if _others(after, assignment) != _others(before, assignment) or set(now) != wanted or kept != said:
        raise DeadlinesError(_BY_HAND)
    return text


def _others(known: dict[str, Deadline], assignment: str) -> Any:
    """Return what is to stay where an assignment is changed, or, with none named, the rule for all of them: dates."""
    if not assignment:
        return {name: (one.due, one.extensions) for name, one in known.items()}
    return {name: one for name, one in known.items() if name != assignment}


_BY_HAND = f"{NAME} is written in a way that is not changed here without changing more; change it by hand."


def _pairs(node: Any) -> dict[str, tuple[Any, Any]]:
    return {k.value: (k, v) for k, v in node.value} if isinstance(node, yaml.MappingNode) else {}


def _with(text: str, path: list[str], value: str) -> str:
    """Return a text of YAML with a value put where a path of names leads, or taken away where it is empty; by lines, so that the rest stays."""
    node = yaml.compose(text, Loader=_Text)
    for depth, name in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            raise DeadlinesError(_BY_HAND)
        outer, pairs = node, _pairs(node)
        # What is there and empty, ``{}`` apart, is no place to put more into.
        inner = pairs[name][1] if name in pairs else None
        if inner is None or (depth < len(path) - 1 and not inner.value and not isinstance(inner, yaml.MappingNode)):
            if not value:
                return text
            added = _flow_added if node.flow_style else _lines_added
            return added(text, node, pairs.get(name), path[depth:], value)
        key, node = pairs[name]
    if not isinstance(node, yaml.ScalarNode):
        raise DeadlinesError(_BY_HAND)
    if value:
        return text[: node.start_mark.index] + value + text[node.end_mark.index :]
    if not outer.flow_style:
        begin = text.rfind("\n", 0, key.start_mark.index) + 1
        return text[:begin] + text[_line_end(text, node.end_mark.index) :]
    keys = [k.start_mark.index for k, _ in outer.value]
    at = keys.index(key.start_mark.index)
    if at + 1 < len(keys):
        return text[: keys[at]] + text[keys[at + 1] :]
    return text[: outer.value[at - 1][1].end_mark.index if at else keys[at]] + text[node.end_mark.index :]


def _lines_added(text: str, mapping: Any, there: tuple[Any, Any] | None, names: list[str], value: str) -> str:
    """Return the text with lines for names within names below a mapping's last one, or below a name that is there and empty."""
    if there is not None and there[1].start_mark.index != there[1].end_mark.index:
        raise DeadlinesError(_BY_HAND)
    indent = mapping.value[0][0].start_mark.column
    at = _line_end(text, _last(there or mapping.value[-1]))
    lines = [f"{' ' * (indent + 2 * n)}{_key(name)}:" for n, name in enumerate(names)][there is not None :]
    lines[-1] += f" {value}\n"
    return text[:at] + "\n" * (not text[:at].endswith("\n")) + "\n".join(lines) + text[at:]


def _flow_added(text: str, mapping: Any, there: tuple[Any, Any] | None, names: list[str], value: str) -> str:
    """Return the text with a value added to a mapping in braces."""
    if there is not None:
        raise DeadlinesError(_BY_HAND)
    at = mapping.value[-1][1].end_mark.index if mapping.value else mapping.start_mark.index + 1
    inner = f"{_key(names[-1])}: {value}"
    for name in reversed(names[:-1]):
        inner = f"{_key(name)}: {{{inner}}}"
    return f"{text[:at]}{', ' if mapping.value else ''}{inner}{text[at:]}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z][\w.-]*", name) else json.dumps(name)


def _last(pair: tuple[Any, Any]) -> int:
    """Return where what a name stands for ends, without the empty lines and comments that YAML counts to a mapping."""
    key, value = pair
    if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
        return _last(value.value[-1])
    return int(max(key.end_mark.index + 1, value.end_mark.index))


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


# ------------------------------------------------------------------------------------------------ into the gradebook
def utc(moment: datetime.datetime) -> datetime.datetime:
    """Return a time as nbgrader keeps it: UTC without a time zone."""
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)
