"""Where on its axis a row of a forest plot draws value, interval and margin, in percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from statistics import median

from heedful.experiments.wording import difference

MOST_STEPS = 4
"""Steps of an axis; labels of more do not fit a narrow column."""
_EDGE = 2.0
_BEYOND_ZERO = 0.3
_LONG = 4.0
"""An interval that reaches so many times further than most is cut off, with an arrow."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one row draws, in the numbers of its axis.

    Attributes:
        value: The estimate.
        low: Lower end of its interval.
        high: Upper end.
        margin: Where harm begins; it lies on the side of harm.
        before: Another estimate to compare with, drawn hollow.
        dotted: Whether the interval is a confidence sequence.
        tone: good, bad or nothing.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    before: float | None = None
    dotted: bool = False
    tone: str = ""

    def ends(self) -> list[float]:
        """All numbers it holds, in no order."""
        numbers = (self.value, self.low, self.high, self.margin, self.before)
        return [number for number in numbers if number is not None and isfinite(number)]


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place of an axis."""

    at: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A row as drawn: places in percent of the column's width, None for what is not drawn.

    Attributes:
        zero: No difference.
        value: The estimate.
        low: Lower end of the interval, at the edge where it is cut off.
        high: Upper end.
        cut_low: Whether the lower end lies outside.
        cut_high: Whether the upper end lies outside.
        margin: Where harm begins.
        harm: Start and width of the side of harm.
        before: Another estimate.
        dotted: Whether the interval is a confidence sequence.
        tone: good, bad or nothing.
    """

    zero: float
    value: float | None
    low: float | None
    high: float | None
    cut_low: bool
    cut_high: bool
    margin: float | None
    harm: tuple[float, float] | None
    before: float | None
    dotted: bool
    tone: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The scale that rows of a forest plot share; it always holds 0.

    Attributes:
        low: Its left end.
        high: Its right end.
        step: Distance of its ticks.
        suffix: What stands behind the labels.
    """

    low: float
    high: float
    step: float
    suffix: str = ""

    def place(self, number: float) -> float:
        """Percent of the width at which a number lies; at the edge if it lies outside.

        >>> Axis(-2.0, 8.0, 2.0).place(3.0)
        50.0
        """
        share = (number - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    @property
    def zero(self) -> float:
        """Percent of the width at which no difference lies."""
        return self.place(0.0)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Its labelled places, from left to right."""
        first, last = ceil(self.low / self.step - 1e-9), floor(self.high / self.step + 1e-9)
        marks = []
        for number in range(first, last + 1):
            value = number * self.step
            at = self.place(value)
            anchor = "start" if at < _EDGE else "end" if at > 100 - _EDGE else "middle"
            marks.append(Tick(at, label(value, self.step) + self.suffix, anchor))
        return tuple(marks)

    def draw(self, span: Span) -> Picture:
        """Places of a row."""
        margin = None if span.margin is None else self.place(span.margin)
        harm = None
        if margin is not None and span.margin is not None:
            harm = (0.0, margin) if span.margin < 0 else (margin, round(100 - margin, 2))
        return Picture(
            zero=self.zero,
            value=self._known(span.value),
            low=self._known(span.low),
            high=self._known(span.high),
            cut_low=span.low is not None and span.low < self.low,
            cut_high=span.high is not None and span.high > self.high,
            margin=margin,
            harm=harm,
            before=self._known(span.before),
            dotted=span.dotted,
            tone=span.tone,
        )

    def _known(self, number: float | None) -> float | None:
        return None if number is None or not isfinite(number) else self.place(number)


def axis(spans: Sequence[Span], suffix: str = "", most: int = MOST_STEPS) -> Axis | None:
    """An axis that holds all of them and 0; None where there is nothing to draw.

    It ends at round numbers, or just beyond zero. Where there are at least three rows, an interval
    that reaches more than four times as far as most do is cut off: it would press the others flat.

    Args:
        spans: The rows.
        suffix: What stands behind the labels, such as a percent sign.
        most: How many steps it may have.

    >>> axis([Span(4.1, 2.2, 6.0)]).ticks[-1]
    Tick(at=100.0, label='+6', anchor='end')
    >>> axis([Span(None)]) is None
    True
    """
    known = [span for span in spans if span.ends()]
    if not known:
        return None
    firm = [n for span in known for n in (span.value, span.before) if n is not None]
    # Harm is seen as a side, so there is room behind its limit.
    firm += [1.25 * span.margin for span in known if span.margin is not None]
    reaches = [max(abs(end) for end in span.ends()) for span in known]
    limit = _LONG * median(reaches) if len(reaches) > 2 else max(reaches)
    limit = max([limit, *(abs(number) for number in firm if isfinite(number))])
    every = [0.0, *(n for n in firm if isfinite(n))]
    for span in known:
        every += [min(limit, max(-limit, end)) for end in span.ends()]
    low, high = min(every), max(every)
    if low == high:
        low, high = -1.0, 1.0
    step = step_of(high - low, most)
    while True:
        first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
        if last - first <= most:
            break
        step = step_of(most * step * 1.01, most)
    # Zero never lies at the edge: a line there reads as a frame.
    return Axis(
        round((first or -_BEYOND_ZERO) * step, 12),
        round((last or _BEYOND_ZERO) * step, 12),
        step,
        suffix,
    )


def step_of(width: float, most: int = 5) -> float:
    """The smallest round step that divides a width into at most so many.

    >>> step_of(9.0), step_of(60.0), step_of(0.013)
    (2.0, 20.0, 0.005)
    """
    size = 10.0 ** floor(log10(width / most))
    for round_number in (1.0, 2.0, 5.0):
        # A width that is so many steps but for floating point is so many steps.
        if width / (round_number * size) <= most * (1 + 1e-12):
            return round(round_number * size, 12)
    return round(10.0 * size, 12)


def label(value: float, step: float) -> str:
    """A signed number with as many decimals as its step has.

    >>> label(-2.0, 2.0), label(0.0, 0.5), label(0.25, 0.05), label(2000.0, 1000.0)
    ('−2', '0', '+0.25', '+2,000')
    """
    if abs(value) < step / 2:
        return "0"
    return difference(value, None, decimals=max(0, -floor(log10(step) + 1e-9)))
