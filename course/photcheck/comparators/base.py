"""What every comparator is and gives."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from photcheck.plugins import load_all
from photcheck.values import FigureData, Opaque

#: An answer counts as a misconception's where it lies within this share of the misconception's own number, or of its
#: distance to the truth where that is smaller: near zero everything is far from the truth, and nothing is alike.
LIKENESS = 0.05
#: What a contract leaves free may be more than that, but never so much that the truth is not much further away.
APART = 0.25


@dataclass(frozen=True)
class Finding:
    """The outcome of one comparison.

    Parameters
    ----------
    score : float
        Share of the case's points earned, 0 to 1.
    symptom : str
        What is off, in words and numbers; empty where nothing is.
    kind : str
        ``"ok"``, ``"value"`` (right kind of answer, wrong numbers), ``"type"``, ``"shape"``, ``"nan"``,
        ``"none"``, or a kind of the comparator's own.
    """

    score: float
    symptom: str = ""
    kind: str = "ok"

    @property
    def ok(self) -> bool:
        """Whether the whole case is right."""
        return self.score >= 1.0


RIGHT = Finding(1.0)


def fault(symptom: str, kind: str = "value", score: float = 0.0) -> Finding:
    """Return a finding that something is off."""
    return Finding(score, symptom, kind)


@dataclass(frozen=True)
class Comparator:
    """Base class. A subclass gives `compare`, and `vector` where answers can be laid out as numbers."""

    registry: ClassVar[dict[str, type[Comparator]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Comparator.registry[cls.__name__] = cls

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """Compare an answer with what is expected.

        Parameters
        ----------
        answer : object
            What the student's function returned, through `photcheck.wire`.
        expected : object
            The right answer.
        named : dict, optional
            The call's arguments by name, so that a symptom can say "exactly x_start".

        Returns
        -------
        Finding
            Never an exception, whatever the answer is.
        """
        raise NotImplementedError

    def vector(self, value: Any) -> np.ndarray | None:
        """Lay a value out as a flat float array, or None where it is not of the right kind."""
        return None

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """Return by how much each of some right numbers may differ where the contract leaves a choice free."""
        return np.zeros_like(values)

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """Tell whether an answer is the one that a misconception gives on the same input.

        True where every number of the answer is near the misconception's: within `LIKENESS` of that number or of its
        distance to the truth, whichever is less, or within what the contract leaves free.
        """
        a, f = self.vector(answer), self.vector(fingerprint)
        if a is None or f is None or a.shape != f.shape:
            return False
        e = self.vector(expected)
        gap = np.abs(f - e) if e is not None and e.shape == f.shape else np.zeros_like(f)
        with np.errstate(invalid="ignore"):
            near = nearness(f, gap, self.freedom(f))
            close = np.abs(a - f) <= near
        close |= np.isnan(a) & np.isnan(f)
        close |= np.isinf(a) & (a == f)
        return bool(close.all())

    def same(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """Tell whether an answer is a misconception's but for rounding: it tells two apart that are both near."""
        mine, its = self.vector(answer), self.vector(fingerprint)
        return mine is not None and its is not None and np.allclose(mine, its, rtol=1e-6, atol=1e-9, equal_nan=True)

    def faults_of(self, answer: Any, expected: Any) -> frozenset[Any]:
        """Return the single things that are wrong, where an answer can have several at once; empty where it cannot.

        Two mistakes whose faults differ and that are both seen in an answer are both there: neither stands in for the other.
        """
        return frozenset()

    def from_positions(self) -> str:
        """Return the lines of code that make an answer of its kind of positions ``x`` and ``y``; empty where answers are none.

        With these, a course's quality is measured on positions that anybody can write down without any work.
        """
        return ""

    def describe(self, value: Any) -> str:
        """Return a short text for a value, for the table of expected against got."""
        return brief(value)


def nearness(fingerprint: np.ndarray, gap: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return how far an answer may lie from a misconception's numbers and still be its.

    Parameters
    ----------
    fingerprint, gap : array
        The misconception's numbers, and how far each is from the truth.
    free : array
        What the contract leaves free.
    """
    gap = np.nan_to_num(gap, posinf=0.0)
    own = np.maximum(LIKENESS * np.minimum(gap, np.abs(fingerprint)), 1e-6 * np.abs(fingerprint) + 1e-9)
    # Where the mistake leaves a number right, the student's may be any right one.
    return np.where(gap <= free, np.maximum(free, own), np.maximum(own, np.minimum(free, APART * gap)))


def to_json(comparator: Comparator) -> dict[str, Any]:
    """Return a comparator's plain form.

    Parameters
    ----------
    comparator : Comparator
        Any.

    Returns
    -------
    dict
        Its class and its fields, as JSON holds them.
    """
    body: dict[str, Any] = {}
    for field in dataclasses.fields(comparator):
        value = getattr(comparator, field.name)
        body[field.name] = to_json(value) if isinstance(value, Comparator) else value
    return {"kind": type(comparator).__name__, **body}


def from_json(form: dict[str, Any]) -> Comparator:
    """Rebuild a comparator from its plain form.

    Parameters
    ----------
    form : dict
        As `to_json` gives it.

    Returns
    -------
    Comparator
        Of the class that the form names.

    Raises
    ------
    ValueError
        Where the form names no comparator known here.
    """
    # Comparators register themselves on import.
    import photcheck.comparators  # noqa: F401

    kind = form.get("kind")
    if kind not in Comparator.registry:
        load_all("photcheck.comparators")
    if kind not in Comparator.registry:
        raise ValueError(
            f"{kind!r} is not a comparator that is installed here; bring the course's packages to the release's version"
        )
    body = {
        k: (from_json(v) if isinstance(v, dict) and "kind" in v else tuple(v) if isinstance(v, list) else v)
        for k, v in form.items()
        if k != "kind"
    }
    return Comparator.registry[kind](**body)


def number_text(value: float, digits: int = 6) -> str:
    """Return a number as a reader wants it: few digits, no exponent where it is not needed."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else ("infinity" if value > 0 else "-infinity")
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e7:
        text = f"{value:.{max(0, digits - 1 - int(np.floor(np.log10(abs(value)))))}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{digits - 1}g}"


def brief(value: Any) -> str:
    """Return a short text for any value."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    if isinstance(value, FigureData):
        return f"a figure with {len(value.axes)} axes"
    if isinstance(value, dict):
        return f"a dictionary with {', '.join(str(key)[:30] for key in list(value)[:6]) or 'nothing in it'}"
    if isinstance(value, str):
        return repr(value if len(value) < 60 else value[:57] + "...")
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if hasattr(value, "colnames"):
        return f"a table of {len(value)} row{'s' * (len(value) != 1)} with columns {', '.join(value.colnames[:8])}"
    if hasattr(value, "unit") and np.ndim(value) == 0:
        return f"{number_text(float(value.value))} {value.unit}"
    if hasattr(value, "unit") and hasattr(value, "to_value"):
        return f"{array_text(np.asarray(value.value))} {value.unit}"
    if isinstance(value, (list, tuple)):
        inside = ", ".join(brief(v) for v in list(value)[:6])
        more = ", ..." if len(value) > 6 else ""
        return f"[{inside}{more}]" if isinstance(value, list) else f"({inside}{more})"
    if isinstance(value, np.ndarray) and value.ndim > 0:
        return array_text(value)
    if isinstance(value, (complex, np.complexfloating)):
        return "a complex number"
    if isinstance(value, (int, float, np.number)):
        return number_text(float(value))
    return f"an object of type {type(value).__name__}"


def array_text(array: np.ndarray) -> str:
    """Return a short text for an array."""
    if array.size <= 6 and array.ndim == 1 and array.dtype.kind in "biuf":
        return "[" + ", ".join(number_text(float(v)) for v in array) + "]"
    shape = " x ".join(str(n) for n in array.shape)
    return f"an array of shape {shape}" if array.ndim > 1 else f"an array of {array.size} values"


def as_floats(value: Any) -> np.ndarray | None:
    """Return a value as a float array, or None where it is no plain numbers.

    Quantities keep their number (the unit is looked at where it matters); masked values become NaN; text,
    complex numbers, booleans of size one and ragged lists are no numbers.
    """
    if value is None or isinstance(value, (str, bytes, bool, np.bool_, Opaque, FigureData, dict)):
        return None
    if hasattr(value, "colnames"):
        return None
    try:
        if isinstance(value, np.ma.MaskedArray):
            return np.ma.filled(value.astype(float), np.nan)
        plain = np.asarray(getattr(value, "value", value)) if hasattr(value, "unit") else np.asarray(value)
        if plain.dtype.kind not in "biuf":
            return None
        return plain.astype(float)
    except (TypeError, ValueError, OverflowError):
        return None
