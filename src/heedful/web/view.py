"""A view: what a page's address asks for. All state of a page is in its URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar, cast, get_args
from urllib.parse import urlencode

from heedful.kpis import periods

if TYPE_CHECKING:
    from heedful.kpis.periods import Grain
    from heedful.kpis.shelf import Shelf

T = TypeVar("T", bound=str)
Against = Literal["previous", "year"]
GRAINS: tuple[Grain, ...] = ("week", "month", "quarter")
MOST_PERIODS = 60
NOT_KNOWN = "(not known)"


class ViewError(ValueError):
    """An address that asks for what does not exist; the message says what does."""


@dataclass(frozen=True, slots=True)
class Period:
    """A period as people choose it."""

    start: date
    end: date
    title: str


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at.

    Attributes:
        grain: week, month or quarter.
        period: The period; None without any completed reading.
        against: What it is compared with; None where that does not exist.
        versus: previous: the period before. year: the same a year before.
        dimension: Only customers of one segment: the dimension. None: all.
        segment: Its value.
        stage: Only this stage; None: all.
        choices: Periods to choose from, the newest first.
        usual: First day of the period that is shown when an address names none.
    """

    grain: Grain
    period: Period | None
    against: Period | None
    versus: Against
    dimension: str | None = None
    segment: str | None = None
    stage: str | None = None
    choices: tuple[Period, ...] = ()
    usual: date | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], shelf: Shelf, stages: tuple[str, ...]) -> View:
        """The view that an address asks for; what it leaves out has a default.

        Args:
            query: The address's parameters.
            shelf: All readings.
            stages: The project's stages.

        Raises:
            ViewError: It asks for what does not exist.
        """
        offered = [grain for grain in GRAINS if shelf.periods(grain)]
        usual: Grain = "month" if "month" in offered or not offered else offered[0]
        grain = _one_of("grain", query.get("grain") or usual, GRAINS)
        versus = _one_of("against", query.get("against") or "previous", get_args(Against))
        known = dict(shelf.periods(grain))
        choices = tuple(_period(grain, start) for start in sorted(known, reverse=True))
        period = _usual(choices, shelf.usual(grain))
        if query.get("period"):
            wanted = _date(query["period"])
            period = next((one for one in choices if one.start == wanted), None)
            if period is None:
                begin = periods.start(grain, wanted)
                period = _period(grain, begin)
        stage = query.get("stage") or None
        if stage is not None:
            _one_of("stage", stage, stages)
        dimension, _, segment = (query.get("segment") or "").partition(":")
        return cls(
            grain=grain,
            period=period,
            against=other(grain, period.start, versus) if period else None,
            versus=versus,
            dimension=dimension or None,
            segment=None if segment == NOT_KNOWN else segment or None,
            stage=stage,
            choices=choices[:MOST_PERIODS],
            usual=shelf.usual(grain),
        )

    @property
    def filtered(self) -> bool:
        """Whether only some customers are looked at."""
        return self.dimension is not None

    @property
    def segment_key(self) -> str:
        """The segment as addresses have it; empty for all customers."""
        if self.dimension is None:
            return ""
        return f"{self.dimension}:{self.segment if self.segment is not None else NOT_KNOWN}"

    @property
    def part(self) -> tuple[str, str] | None:
        """Dimension and value of the segment; None for all customers, and for the unknown."""
        if self.dimension is None or self.segment is None:
            return None
        return self.dimension, self.segment

    def query(self) -> dict[str, str]:
        """The parameters that bring this view back; defaults are left out."""
        found: dict[str, str] = {}
        if self.grain != "month":
            found["grain"] = self.grain
        if self.period and self.period.start != self.usual:
            found["period"] = self.period.start.isoformat()
        if self.versus != "previous":
            found["against"] = self.versus
        if self.dimension is not None:
            found["segment"] = self.segment_key
        return found

    def link(self, path: str, **more: str | None) -> str:
        """An address that keeps this view.

        Args:
            path: Where to.
            more: Parameters to set; None takes one away.
        """
        query = {**self.query(), **more}
        text = urlencode({name: value for name, value in query.items() if value is not None})
        return f"{path}?{text}" if text else path


def _period(grain: Grain, start: date) -> Period:
    end = periods.end(grain, start)
    return Period(start, end, periods.shown(grain, start, end))


def other(grain: str, start: date, versus: Against) -> Period:
    """The period that one is compared with.

    Args:
        grain: Grain of both.
        start: First day of the later one.
        versus: previous, or year: the same a year before.
    """
    each: Grain = cast("Grain", grain)
    if versus == "previous":
        return _period(each, periods.start(each, start - timedelta(days=1)))
    if each == "week":
        # The week a year before that has the same weekdays: 52 weeks.
        return _period(each, start - timedelta(weeks=52))
    return _period(each, start.replace(year=start.year - 1))


def _usual(choices: tuple[Period, ...], start: date | None) -> Period | None:
    return next((one for one in choices if one.start == start), None)


def _one_of(name: str, value: str, allowed: tuple[T, ...]) -> T:
    for one in allowed:
        if one == value:
            return one
    raise ViewError(f'{name} "{value}" does not exist; allowed: {", ".join(allowed)}')


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ViewError(f'period "{text}" is no day; allowed: such as 2026-08-01') from None
