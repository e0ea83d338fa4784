"""Questions before answers: a guess that is drawn into the figure, and a figure that follows a slider.

A lecture asks before it tells. `guess` keeps a number that the reader expects, to be drawn where the answer appears;
`explore` lets a reader move a parameter and see the figure change. Where no kernel runs, or ipywidgets is absent,
`explore` leaves the same figure at a few values side by side. Answers in words are folded in the text itself, with
HTML's ``<details>``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photcourse import display

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["Guess", "explore", "guess"]

#: Pictures side by side where nothing can be moved: a page shows no more at a readable size.
STATIC_FORMS = 3
#: Their figures are drawn smaller, with letters of the same size: three in a row are shrunk, and letters with them.
SMALLER = 0.8


@dataclass(frozen=True)
class Guess:
    """What a reader expects.

    Attributes
    ----------
    question : str
        What was asked.
    value : float or None
        The number; None while nothing has been typed.
    unit : str
        Unit of the number, for reading.
    """

    question: str
    value: float | None
    unit: str = ""

    def draw(self, ax: Axes, along: str = "x", *, label: str = "your guess") -> Axes:
        """Draw the guess as a line across the axes; nothing if there is none.

        Parameters
        ----------
        ax : Axes
            Where the answer is drawn.
        along : {"x", "y"}
            The axis that carries the number.
        label : str
            Entry of the legend.

        Returns
        -------
        Axes
            The same axes.
        """
        if along not in ("x", "y"):
            raise ValueError(f"along is 'x' or 'y', not {along!r}")
        if self.value is not None:
            line = ax.axvline if along == "x" else ax.axhline
            line(self.value, color="#CC79A7", lw=2, ls=(0, (6, 2)), label=f"{label}: {self.value:g}")
        return ax

    def against(self, answer: float) -> str:
        """Say how far the guess is from the answer.

        Parameters
        ----------
        answer : float
            What came out, in the guess's unit.

        Returns
        -------
        str
            A sentence.

        Examples
        --------
        >>> Guess("How wide?", 3.0, "pixels").against(2.0)
        'You guessed 3 pixels; it is 2 pixels: 1.5 times too much.'
        """
        unit = f" {self.unit}" if self.unit else ""
        it_is = f"it is {_plain(answer)}{unit}"
        if self.value is None:
            return f"{it_is[0].upper()}{it_is[1:]}. (No guess this time.)"
        said = f"You guessed {self.value:g}{unit}; {it_is}"
        if math.isclose(self.value, answer, rel_tol=0.1):
            return f"{said}: within a tenth."
        if self.value * answer <= 0:
            return f"{said}: {'too much' if self.value > answer else 'too little'}, by {_plain(abs(self.value - answer))}{unit}."
        ratio = abs(self.value / answer)
        return f"{said}: {ratio:.2g} times too much." if ratio > 1 else f"{said}: {1 / ratio:.2g} times too little."

    def _repr_markdown_(self) -> str:
        if self.value is None:
            return (f"**Guess first.** {self.question} Type your number in place of `None`, run this cell, and go on: "
                    "your guess is drawn beside the answer.")  # fmt: skip
        return f"**Your guess**: {self.value:g} {self.unit}".rstrip() + ". Now run on."


def _plain(value: float) -> str:
    """Three digits, and no power of ten where a reader expects none."""
    return f"{float(f'{value:.3g}'):,.10g}"


def guess(question: str, value: float | None = None, unit: str = "") -> Guess:
    """Keep what the reader expects, before the answer is computed.

    Parameters
    ----------
    question : str
        What is asked, a full sentence.
    value : float, optional
        The reader's number; None draws nothing.
    unit : str
        Unit, for reading.

    Returns
    -------
    Guess
        To be drawn and compared where the answer appears.

    Raises
    ------
    TypeError
        The value is no number.

    Examples
    --------
    >>> expected = guess("How far off is the brightest pixel at most?", 0.5, "pixel")
    >>> expected.value
    0.5
    """
    if value is not None:
        try:
            value = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"a guess is one number, such as 0.5; this is {value!r}") from None
        if not math.isfinite(value):
            raise TypeError(f"a guess is a finite number; this is {value!r}")
    return Guess(question, value, unit)


def explore(draw: Callable[..., Figure], number: str = "", *, alt: str = "", **choices: Sequence[Any]) -> Figure | None:
    """Let the reader move parameters of a figure.

    Parameters
    ----------
    draw : callable
        Takes the parameters by name and returns a figure.
    number : str
        Number of a figure of the course, whose words are kept apart (`photcourse.display.figure_text`).
    alt : str
        For every other figure: what it shows and what changes in it, in words.
    **choices : sequence
        The values that each parameter can take, in order; the middle one is shown first. A parameter's name is the
        slider's label, with spaces for underscores.

    Returns
    -------
    Figure or None
        None in a notebook, where the figure is shown; elsewhere the figure at the first values shown.

    Raises
    ------
    ValueError
        A parameter has no values to choose from, or there is none.

    Notes
    -----
    The output holds two forms: the slider, which JupyterLab shows where ipywidgets and a kernel are there, and a
    picture of the figure at up to three values of the first parameter, for pages, printing and everything else.
    """
    if not choices or any(len(values) == 0 for values in choices.values()):
        raise ValueError("explore needs a parameter with its values: explore(draw, alt='...', window=[5, 9, 15])")
    text = display.figure_text(number) if number else display.own_text(alt)
    if display.unseen():
        return None
    start = {name: list(values)[len(values) // 2] for name, values in choices.items()}
    first = next(iter(choices))
    if not display._in_notebook():
        return display.publish(draw(**start), alt=text.alt)
    values = _spread(list(choices[first]), STATIC_FORMS)
    shown = _side_by_side([_picture(draw, {**start, first: value}, SMALLER) for value in values])
    words = display.FigureText(
        text.number, text.caption, f"{text.alt} Shown for {_label(first)} {', '.join(map(str, values))}."
    )
    bundle, metadata = display.as_output(shown, words)
    widget = _sliders(draw, text.alt, choices, start)
    if widget is not None:
        bundle["application/vnd.jupyter.widget-view+json"] = {
            "version_major": 2,
            "version_minor": 0,
            "model_id": widget.model_id,
        }  # type: ignore[assignment]
    from IPython.display import display as show

    show(bundle, raw=True, metadata=metadata)
    return None


def _label(name: str) -> str:
    return name.replace("_", " ")


def _spread(values: list[Any], count: int) -> list[Any]:
    """First, last and what lies between, `count` in all."""
    if len(values) <= count:
        return values
    return [values[round(k * (len(values) - 1) / (count - 1))] for k in range(count)]


def _picture(draw: Callable[..., Figure], chosen: dict[str, Any], scale: float = 1.0) -> Image:
    import matplotlib.pyplot as plt

    figure = draw(**chosen)
    try:
        width, height = figure.get_size_inches()
        figure.set_size_inches(scale * width, scale * height)
        return display.drawn(figure)
    finally:
        plt.close(figure)


def _side_by_side(pictures: list[Image]) -> Image:
    """One picture of several, no wider than a page: three figures in a row are shown smaller."""
    from PIL import Image

    strip = Image.new("RGB", (sum(p.width for p in pictures), max(p.height for p in pictures)), "white")
    left = 0
    for picture in pictures:
        strip.paste(picture, (left, 0))
        left += picture.width
    widest = display.PAGE_WIDTH * display.SHARPNESS
    return strip if strip.width <= widest else strip.resize((widest, round(strip.height * widest / strip.width)))


def _sliders(draw: Callable[..., Figure], alt: str, choices: dict[str, Sequence[Any]], start: dict[str, Any]) -> Any:
    """Sliders above the picture they move, or None where ipywidgets is absent."""
    try:
        import ipywidgets
    except ImportError:
        return None
    sliders = {name: ipywidgets.SelectionSlider(options=list(values), value=start[name], description=_label(name),
                                                continuous_update=False, style={"description_width": "initial"})
               for name, values in choices.items()}  # fmt: skip
    shown = ipywidgets.HTML()

    def redraw(_: Any = None) -> None:
        shown_now = _picture(draw, {name: slider.value for name, slider in sliders.items()})
        words = f"{alt} " + ", ".join(f"{_label(n)} {s.value}" for n, s in sliders.items())
        shown.value = display.as_html(shown_now, display.FigureText("", "", words))

    for slider in sliders.values():
        slider.observe(redraw, "value")
    redraw()
    return ipywidgets.VBox([*sliders.values(), shown])
