"""Comparators of numbers, arrays and quantities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from photcheck.comparators.base import (
    APART,
    LIKENESS,
    RIGHT,
    Comparator,
    Finding,
    array_text,
    as_floats,
    brief,
    fault,
    number_text,
)

_NONE = "the function returned nothing (None): its last line should be a `return`"


def not_a(what: str, answer: Any) -> Finding:
    """Return the finding for an answer of a wrong kind."""
    if answer is None:
        return fault(_NONE, "none")
    return fault(f"the answer should be {what}; it is {brief(answer)}", "type")


def _not_finite(count: int) -> str:
    return "1 value that is not finite" if count == 1 else f"{count} values that are not finite"


def _plain(value: Any) -> Any:
    """Open a container of one number: `[3.0]`, an array of one value."""
    floats = as_floats(value)
    return float(floats.ravel()[0]) if floats is not None and floats.size == 1 else None


def _unit_of(value: Any) -> str:
    """Return the unit that a value carries; empty for none."""
    return str(getattr(value, "unit", None) or "")


@dataclass(frozen=True)
class Number(Comparator):
    """One number within a tolerance.

    Parameters
    ----------
    rtol, atol : float
        Right where ``|answer - expected| <= atol + rtol |expected|``.
    unit : str
        For the words: ``"nJy"``, ``"pixel"``.
    name : str
        What the number is: ``"flux"``.
    sigma : float
        One standard deviation of the estimate, where the answer is one: symptoms are then told in sigma.
    unitless : bool
        Where true, a contract asks for a number without a unit, and a quantity in one is another answer.
    """

    rtol: float = 0.0
    atol: float = 0.0
    unit: str = ""
    name: str = "answer"
    sigma: float = 0.0
    unitless: bool = False

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        number = _plain(value)
        return None if number is None else np.array([number])

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`."""
        return self.atol + self.rtol * np.abs(values)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        got = _plain(answer)
        if got is None:
            return not_a("one number", answer)
        if self.unitless and (carried := _unit_of(answer)):
            return fault(f"the {self.name} should be a number without a unit; yours is in {carried}", "unit")
        want = float(_plain(expected) or 0.0)
        if np.isnan(want) and np.isnan(got):
            return RIGHT
        if not np.isfinite(got):
            return fault(f"the {self.name} is {number_text(got)}", "nan")
        if abs(got - want) <= self.atol + self.rtol * abs(want):
            return RIGHT
        return fault(difference_text(self.name, got, want, self.unit, self.sigma))

    def describe(self, value: Any) -> str:
        """See `Comparator.describe`."""
        return f"{brief(value)} {self.unit}".strip()


@dataclass(frozen=True)
class Numbers(Comparator):
    """A fixed, small number of named numbers, as a tuple, a list or an array.

    Parameters
    ----------
    names : tuple of str
        ``("x", "y")``.
    rtol, atol : float
        As in `Number`, for each of them.
    unit : str
        Of all of them.
    atols, rtols, units, sigmas : tuple, optional
        One per name, instead of `atol`, of `rtol`, of `unit`, of no sigma.
    """

    names: tuple[str, ...] = ("x", "y")
    rtol: float = 0.0
    atol: float = 0.0
    unit: str = ""
    atols: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    sigmas: tuple[float, ...] = ()
    rtols: tuple[float, ...] = ()

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        if isinstance(value, (list, tuple)) and len(value) == len(self.names):
            plain = [_plain(v) for v in value]
            return None if any(p is None for p in plain) else np.array(plain, dtype=float)
        floats = as_floats(value)
        if floats is None or floats.size != len(self.names):
            return None
        return floats.ravel()

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`."""
        return np.asarray(self.atols or self.atol) + np.asarray(self.rtols or self.rtol) * np.abs(values)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        what = f"{len(self.names)} numbers ({', '.join(self.names)})"
        got, want = self.vector(answer), self.vector(expected)
        if got is None:
            return not_a(what, answer)
        assert want is not None
        symptoms, kind = [], "value"
        for i, name in enumerate(self.names):
            one = Number(
                self.rtols[i] if self.rtols else self.rtol,
                self.atols[i] if self.atols else self.atol,
                self.units[i] if self.units else self.unit,
                name,
                self.sigmas[i] if self.sigmas else 0.0,
            )
            finding = one.compare(got[i], want[i], named)
            if not finding.ok:
                symptoms.append(finding.symptom)
                kind = finding.kind
        if not symptoms:
            return RIGHT
        if len(symptoms) == 2 == len(want) and kind == "value" and np.allclose(got[::-1], want, rtol=1e-6, atol=1e-6):
            symptoms.append(f"{self.names[0]} and {self.names[1]} are the right numbers, exchanged")
        return fault("; ".join(symptoms), kind)

    def describe(self, value: Any) -> str:
        """See `Comparator.describe`."""
        got = self.vector(value)
        if got is None:
            return brief(value)
        units = self.units or (self.unit,) * len(self.names)
        return ", ".join(f"{n} = {number_text(v)} {u}".strip() for n, v, u in zip(self.names, got, units, strict=True))


@dataclass(frozen=True)
class ArrayClose(Comparator):
    """An array, value for value.

    Parameters
    ----------
    rtol, atol : float
        As in `numpy.isclose`; `atol` may be relative to the largest expected value, see `scale`.
    unit, name : str
        For the words.
    scale : bool
        Where true, `atol` is in units of the largest absolute expected value.
    nan_is : str
        What a NaN expected means: ``"nan"`` (NaN is asked), ``"any"`` (not graded there), ``"nan or 0"``.
    margin : int
        Width in pixels of a border that is not graded (last two axes).
    labels : tuple of str
        Names of the axes, for the words.
    unitless : bool
        As in `Number`.
    """

    rtol: float = 0.0
    atol: float = 0.0
    unit: str = ""
    name: str = "array"
    scale: bool = False
    nan_is: str = "nan"
    margin: int = 0
    labels: tuple[str, ...] = ("y", "x")
    unitless: bool = False

    def _cut(self, array: np.ndarray) -> np.ndarray:
        m = self.margin
        return array[..., m:-m, m:-m] if m else array

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        floats = as_floats(value)
        return None if floats is None else self._cut(floats).ravel()

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`."""
        size = np.nanmax(np.abs(values), initial=0.0) if self.scale else 1.0
        return self.atol * size + self.rtol * np.abs(values)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        want = np.asarray(as_floats(expected))
        got = as_floats(answer)
        if got is None:
            return not_a(array_text(want) if want.ndim else "one number", answer)
        if got.shape != want.shape:
            return self._shape(got, want)
        if self.unitless and (carried := _unit_of(answer)):
            return fault(f"the {self.name} should be numbers without a unit; yours are in {carried}", "unit")
        got, want = self._cut(got), self._cut(want)
        if got.size == 0:
            return RIGHT
        scale = np.nanmax(np.abs(want)) if self.scale and np.isfinite(want).any() else 1.0
        with np.errstate(invalid="ignore"):
            good = np.abs(got - want) <= self.atol * scale + self.rtol * np.abs(want)
        good |= np.isnan(want) & (np.isnan(got) if self.nan_is != "any" else True)
        good |= np.isnan(want) & (got == 0) if self.nan_is == "nan or 0" else False
        good |= np.isinf(want) & (got == want)
        if good.all():
            return RIGHT
        return self._difference(got, want, good, named)

    def _shape(self, got: np.ndarray, want: np.ndarray) -> Finding:
        text = f"the {self.name} should have shape {want.shape}; it " + (
            f"has shape {got.shape}" if got.ndim else "is one number"
        )
        if got.ndim >= 2 and got.shape == want.shape[::-1]:
            text += ": its axes are exchanged"
        return fault(text, "shape")

    def _difference(self, got: np.ndarray, want: np.ndarray, good: np.ndarray, named: dict[str, Any] | None) -> Finding:
        unexpected = ~np.isfinite(got) & np.isfinite(want)
        if unexpected.any():
            return fault(f"the {self.name} has {_not_finite(int(unexpected.sum()))}", "nan")
        worst = np.unravel_index(int(np.argmax(np.where(good, -1.0, np.nan_to_num(np.abs(got - want))))), got.shape)
        share = 100 * float((~good).mean())
        where = ", ".join(str(int(i) + (self.margin if k >= got.ndim - 2 else 0)) for k, i in enumerate(worst))
        text = (
            f"{share:.3g} % of the {self.name} is off; at [{where}] it is "
            f"{number_text(float(got[worst]))} {self.unit}".rstrip()
            + f" where {number_text(float(want[worst]))} is right"
        )
        finite = np.isfinite(got) & np.isfinite(want) & (want != 0)
        if finite.any():
            ratio = got[finite] / want[finite]
            if ratio.size > 1 and np.ptp(ratio) <= 1e-6 * abs(ratio.mean()) and abs(ratio.mean() - 1) > 1e-6:
                times = number_text(float(ratio.mean()), 7)
                text += f"; every value is {times} times the right one" if ratio.any() else "; every value is 0"
        offset = got - want
        if got.size > 1 and np.isfinite(offset).all() and np.ptp(offset) <= 1e-9 * max(1.0, abs(offset.mean())):
            text += f"; every value is off by the same {number_text(float(offset.mean()))}"
        return fault(text)


@dataclass(frozen=True)
class ArrayRms(Comparator):
    """An array judged by the rms of what is left after the truth is taken away.

    Parameters
    ----------
    limit : float
        Largest rms of ``answer - expected`` that is right, in `unit`.
    unit, name : str
        For the words.
    offset_free : bool
        Where true a constant difference does not count.
    """

    limit: float = 0.0
    unit: str = ""
    name: str = "map"
    offset_free: bool = False

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        floats = as_floats(value)
        return None if floats is None else floats.ravel()

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`: the rms between the two is small beside that between the mistake and the truth."""
        a, f, e = (as_floats(v) for v in (answer, fingerprint, expected))
        if a is None or f is None or a.shape != f.shape or not a.size or not np.isfinite(a).all():
            return False
        if not a.ndim and e is not None and e.ndim:
            # One number for all, a level as the mistake's is: estimators of it differ by less than this.
            return bool(abs(a - f) <= APART * abs(f))
        between = float(np.sqrt(np.mean((a - f) ** 2)))
        gap = float(np.sqrt(np.mean((f - e) ** 2))) if e is not None and f.shape == e.shape else float(np.std(f))
        # Two small maps are both far from the truth, and need not be the same mistake.
        own = float(np.sqrt(np.mean(f**2)))
        scale = min(gap, own)
        # What is free may separate the two, as long as they stay much nearer to each other than to the truth.
        return between <= max(LIKENESS * scale, min(self.limit, 0.5 * scale))

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        want, got = np.asarray(as_floats(expected)), as_floats(answer)
        if got is None:
            return not_a(array_text(want), answer)
        if got.shape != want.shape:
            return ArrayClose(name=self.name)._shape(got, want)
        if not np.isfinite(got).all():
            return fault(f"the {self.name} has {_not_finite(int((~np.isfinite(got)).sum()))}", "nan")
        rest = got - want
        rest = rest - rest.mean() if self.offset_free else rest
        rms = float(np.sqrt(np.mean(rest**2)))
        if rms <= self.limit:
            return RIGHT
        return fault(
            f"the {self.name} is off by {number_text(rms, 3)} {self.unit} rms, {rms / max(self.limit, 1e-300):.3g} times what is allowed; "
            f"{self._where(got - want, rms)}"
        )

    def _where(self, off: np.ndarray, rms: float) -> str:
        """Say what most of a difference is: the same everywhere, a slope from side to side, or patches."""
        mean = float(off.mean())
        if abs(mean) > 0.8 * rms and not self.offset_free:
            return f"most of it is the same everywhere, {number_text(abs(mean), 3)} too {'low' if mean < 0 else 'high'}: a bias, not noise"
        grids = [
            np.linspace(-1, 1, n).reshape([-1 if k == axis else 1 for k in range(off.ndim)])
            for axis, n in enumerate(off.shape)
        ]
        # Least squares on a plane; the axes are orthogonal to each other and to the mean.
        slopes = [float(((off - mean) * g).sum() / (g**2 * np.ones(off.shape)).sum()) for g in grids if g.size > 1]
        plane = float(
            np.sqrt(sum(s**2 * (g**2).mean() for s, g in zip(slopes, [g for g in grids if g.size > 1], strict=True)))
        )
        if plane > 0.8 * rms:
            return "most of it is a slope from one side to the other"
        return f"it is patchy, with a mean of {number_text(mean, 3)}"


@dataclass(frozen=True)
class QuantityClose(Comparator):
    """A number or an array with a unit.

    Parameters
    ----------
    unit : str
        The unit that the answer must convert to, and in which it is compared.
    rtol, atol : float
        As in `Number`.
    name : str
        For the words.
    """

    unit: str = ""
    rtol: float = 0.0
    atol: float = 0.0
    name: str = "answer"

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        from astropy import units as u

        if not hasattr(value, "unit") or not hasattr(value, "to_value"):
            return None
        try:
            return np.atleast_1d(np.asarray(value.to_value(u.Unit(self.unit)), dtype=float)).ravel()
        except u.UnitConversionError:
            return None

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`."""
        return self.atol + self.rtol * np.abs(values)

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`; answers without the right unit are alike where unit and numbers agree."""
        a, f = self.vector(answer), self.vector(fingerprint)
        if a is not None and f is not None:
            # Factors of units differ by powers of ten: both may be near zero and still be different mistakes.
            return super().alike(answer, fingerprint, expected) and bool(np.allclose(a, f, rtol=0.1, atol=0))
        if a is not None or f is not None:
            return False
        mine, theirs = getattr(answer, "unit", None), getattr(fingerprint, "unit", None)
        if (mine is None) != (theirs is None) or (mine is not None and not mine.is_equivalent(theirs)):
            return False
        a = as_floats(answer if mine is None else answer.to(theirs))
        f = as_floats(fingerprint)
        return a is not None and f is not None and a.shape == f.shape and bool(np.allclose(a, f, rtol=1e-3, atol=0))

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        if answer is None:
            return fault(_NONE, "none")
        if not hasattr(answer, "unit"):
            return fault(
                f"the {self.name} should carry a unit that converts to {self.unit}; it is {brief(answer)}", "unit"
            )
        got, want = self.vector(answer), self.vector(expected)
        if got is None:
            return fault(
                f"the {self.name} has the unit {answer.unit or 'none'}, which does not convert to {self.unit}", "unit"
            )
        assert want is not None
        if got.shape != want.shape:
            return fault(f"the {self.name} should hold {want.size} numbers; it holds {got.size}", "shape")
        if got.size == 1:
            return Number(self.rtol, self.atol, self.unit, self.name).compare(got[0], want[0], named)
        return ArrayClose(self.rtol, self.atol, self.unit, self.name).compare(got, want, named)


@dataclass(frozen=True)
class OneOf(Comparator):
    """Several right answers: the spread of the choices that a contract leaves free.

    `expected` is a list of right answers, the preferred one first.

    Parameters
    ----------
    inner : Comparator
        How an answer is compared with each of them.
    """

    inner: Comparator = Number()

    def vector(self, value: Any) -> np.ndarray | None:
        """See `Comparator.vector`."""
        return self.inner.vector(value)

    def freedom(self, values: np.ndarray) -> np.ndarray:
        """See `Comparator.freedom`."""
        return self.inner.freedom(values)

    def compare(self, answer: Any, expected: Any, named: dict[str, Any] | None = None) -> Finding:
        """See `Comparator.compare`."""
        findings = [self.inner.compare(answer, one, named) for one in expected]
        best = max(findings, key=lambda f: f.score)
        return best if best.ok else findings[0]

    def alike(self, answer: Any, fingerprint: Any, expected: Any) -> bool:
        """See `Comparator.alike`."""
        return self.inner.alike(answer, fingerprint, expected[0])

    def describe(self, value: Any) -> str:
        """See `Comparator.describe`."""
        if isinstance(value, list) and value:
            value = value[0]
        return self.inner.describe(value)


def sigma_text(n_sigma: float) -> str:
    """Say how far an estimate is off in units of its own scatter, and what follows from that.

    Beyond 3 sigma chance is no explanation: it happens in one of 370 measurements with Gaussian errors.
    """
    words = (
        ": a bias, not noise"
        if abs(n_sigma) > 3
        else ": noise alone may do that now and then, so look at your method before your code"
    )
    size = f"{abs(n_sigma):.1f}" if abs(n_sigma) < 10 else f"{abs(n_sigma):.0f}"
    return f"{size} sigma too {'low' if n_sigma < 0 else 'high'}{words}"


def difference_text(name: str, got: float, want: float, unit: str, sigma: float) -> str:
    """Say how far a number is off."""
    text = f"your {name} is {number_text(got)}".rstrip()
    text += f" {unit}" if unit else ""
    difference = got - want
    if sigma > 0:
        text += f", {sigma_text(difference / sigma)}"
    else:
        side = "small" if difference < 0 else "large"
        text += f", {number_text(abs(difference), 4)} too {side} ({number_text(want)} is right)"
    return text
