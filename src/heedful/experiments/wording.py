"""Numbers as people read them: true minus, points for shares, no-break space before a unit.

An estimate and its interval share their decimals, and there are as many of them as the interval
deserves: rounding moves an end by at most a tenth of the half-width. The unit says how many there
are at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, isfinite, log10
from typing import NamedTuple, TypeGuard

NOTHING = "–"
"""Stands where there is no value."""

_SPACE = "\u00a0"
_MOST = 8
_UNITS_WIDE = 5


class _Style(NamedTuple):
    """How a unit is written: its usual decimals, its suffix, that of a difference, its factor."""

    decimals: int
    suffix: str = ""
    points: str = ""
    factor: float = 1.0


_STYLES = {
    "share": _Style(1, "%", _SPACE + "pts", 100.0),
    "nps": _Style(1, "", _SPACE + "pts"),
    "score": _Style(1, "", _SPACE + "pts"),
    "hours": _Style(1, _SPACE + "h", _SPACE + "h"),
    "minutes": _Style(1, _SPACE + "min", _SPACE + "min"),
    "seconds": _Style(1, _SPACE + "s", _SPACE + "s"),
    "days": _Style(1, _SPACE + "d", _SPACE + "d"),
    "money": _Style(2),
    "count": _Style(2),
}
_RELATIVE = _Style(1, "%", "%", 100.0)
_PLAIN = _Style(0)
_LONG = {"pts": "points", "h": "hours", "min": "minutes", "s": "seconds", "d": "days"}


def decimals_of(
    unit: str | None, value: float | None, low: float | None = None, high: float | None = None
) -> int:
    """Decimals that an effect, its interval and the values it compares share.

    Args:
        unit: A KPI's unit, "relative" for a relative effect, None where it is not known.
        value: The effect.
        low: Lower end of its interval.
        high: Upper end.

    >>> decimals_of("share", 0.041, 0.022, 0.060), decimals_of("share", 0.0068, 0.0050, 0.0086)
    (1, 2)
    >>> decimals_of("hours", -212.0, -400.0, -24.0), decimals_of(None, 0.0452, 0.0407, 0.0497)
    (0, 4)
    """
    style = _style(unit)
    width = (high - low) / 2 if _known(low) and _known(high) else value
    size = abs(width) * style.factor if width is not None and isfinite(width) else 0.0
    if size == 0:
        return style.decimals
    if size >= 100 and style.factor == 1:
        return 0
    return min(_MOST, max(style.decimals, ceil(log10(_UNITS_WIDE) - log10(size) - 1e-9)))


def amount(
    value: float | None,
    unit: str | None,
    *,
    decimals: int | None = None,
    currency: str | None = None,
) -> str:
    r"""A value of a KPI; a dash where there is none.

    Args:
        value: The value, in the KPI's unit: a share is a fraction.
        unit: The KPI's unit; None where it is not known.
        decimals: How many; without, what is usual for the unit.
        currency: Written behind money.

    >>> amount(0.8207, "share"), amount(-2.04, "nps"), amount(5.94, "hours")
    ('82.1%', '−2.0', '5.9\xa0h')
    >>> amount(0.0125, "share", decimals=2), amount(1204.5, "money", currency="EUR")
    ('1.25%', '1,204.50\xa0EUR')
    >>> amount(None, "share"), amount(0.10617, None), amount(1234.5, None)
    ('–', '0.106', '1,234')
    """
    if value is None or not isfinite(value):
        return NOTHING
    style = _style(unit)
    scaled = style.factor * value
    places = _usual(scaled, unit) if decimals is None else decimals
    return _fixed(scaled, places) + style.suffix + _money(unit, currency)


def interval_of(
    low: float | None, high: float | None, unit: str | None, *, decimals: int | None = None
) -> str:
    r"""An interval of values.

    >>> interval_of(0.81, 0.83, "share"), interval_of(None, 3.0, "hours")
    ('81.0–83.0%', '… – 3.0\xa0h')
    >>> interval_of(-0.02, 4.0, "nps"), interval_of(None, None, "nps")
    ('0.0 to 4.0', '–')
    """
    if low is None and high is None:
        return NOTHING
    if low is None or high is None:
        ends = ["…" if end is None else amount(end, unit, decimals=decimals) for end in (low, high)]
        return " – ".join(ends)
    first, last = amount(low, unit, decimals=decimals), amount(high, unit, decimals=decimals)
    if low < 0 or high < 0:
        return f"{first} to {last}"
    suffix = last.lstrip("0123456789.,")
    return f"{first.removesuffix(suffix) if suffix else first}–{last}"


def difference(
    value: float | None,
    unit: str | None,
    *,
    decimals: int | None = None,
    currency: str | None = None,
) -> str:
    r"""A difference with its sign; shares, NPS and scores in points.

    >>> difference(0.041, "share"), difference(-7, "seconds"), difference(0.0, "nps")
    ('+4.1\xa0pts', '−7.0\xa0s', '0.0\xa0pts')
    >>> difference(0.42, "money", currency="USD"), difference(None, "share")
    ('+0.42\xa0USD', '–')
    """
    if value is None or not isfinite(value):
        return NOTHING
    places = decimals_of(unit, value) if decimals is None else decimals
    style = _style(unit)
    return _signed(style.factor * value, places) + style.points + _money(unit, currency)


def differences(
    low: float | None, high: float | None, unit: str | None, *, decimals: int | None = None
) -> str:
    """The interval of a difference, without the unit; an open end is an ellipsis.

    >>> differences(0.022, 0.06, "share"), differences(None, 0.06, "share")
    ('+2.2 to +6.0', '… to +6.0')
    >>> differences(None, None, "share")
    '–'
    """
    if not _known(low) and not _known(high):
        return NOTHING
    middle = (low + high) / 2 if _known(low) and _known(high) else None
    places = decimals_of(unit, middle, low, high) if decimals is None else decimals
    factor = _style(unit).factor
    ends = (
        _signed(factor * end, places) if end is not None and isfinite(end) else "…"
        for end in (low, high)
    )
    return " to ".join(ends)


def relative(value: float | None, *, decimals: int | None = None) -> str:
    """A relative difference with its sign.

    >>> relative(0.038), relative(-0.177), relative(None)
    ('+3.8%', '−17.7%', '–')
    """
    return difference(value, "relative", decimals=decimals)


def relatives(low: float | None, high: float | None, *, decimals: int | None = None) -> str:
    """The interval of a relative difference, without the percent sign.

    >>> relatives(-0.009, 0.087)
    '−0.9 to +8.7'
    """
    return differences(low, high, "relative", decimals=decimals)


def effect(
    value: float | None,
    low: float | None,
    high: float | None,
    unit: str | None,
    *,
    currency: str | None = None,
) -> str:
    r"""A difference with its interval; unit "relative" for a relative one.

    >>> effect(0.041, 0.022, 0.06, "share"), effect(0.038, -0.009, 0.087, "relative")
    ('+4.1\xa0pts (+2.2 to +6.0)', '+3.8% (−0.9 to +8.7)')
    >>> effect(0.041, None, None, "share"), effect(None, None, None, "share")
    ('+4.1\xa0pts', '–')
    """
    places = decimals_of(unit, value, low, high)
    point = difference(value, unit, decimals=places, currency=currency)
    if point == NOTHING or not (_known(low) or _known(high)):
        return point
    return f"{point} ({differences(low, high, unit, decimals=places)})"


def moved(
    value: float,
    low: float | None,
    high: float | None,
    unit: str | None,
    *,
    currency: str | None = None,
) -> str:
    r"""The same as part of a sentence.

    >>> moved(-0.022, -0.039, -0.005, "share"), moved(0.031, 0.004, 0.059, "relative")
    ('down 2.2\xa0points (−3.9 to −0.5)', 'up 3.1% (+0.4 to +5.9)')
    """
    places = decimals_of(unit, value, low, high)
    style = _style(unit)
    size = _fixed(abs(style.factor * value), places)
    suffix = style.points
    if suffix.startswith(_SPACE):
        suffix = _SPACE + _LONG[suffix[1:]]
    way = "up" if value > 0 else "down" if value < 0 else "unchanged at a difference of"
    text = f"{way} {size}{suffix}{_money(unit, currency)}"
    if not (_known(low) or _known(high)):
        return text
    return f"{text} ({differences(low, high, unit, decimals=places)})"


def p_value(p: float | None) -> str:
    """A p value: two decimals, three where two would not say on which side of a limit it is.

    >>> p_value(0.912), p_value(0.0481), p_value(0.0042), p_value(0.0001), p_value(None)
    ('0.91', '0.048', '0.004', '< 0.001', '–')
    """
    if p is None or not isfinite(p):
        return NOTHING
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.01 or 0.045 <= p < 0.055 else f"{p:.2f}"


def p_equals(p: float | None) -> str:
    """A p value as part of a sentence.

    >>> p_equals(0.912), p_equals(0.0001), p_equals(None)
    ('p = 0.91', 'p < 0.001', 'no p value')
    """
    text = p_value(p)
    if text == NOTHING:
        return "no p value"
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def counted(count: float) -> str:
    """A whole number.

    >>> counted(88412)
    '88,412'
    """
    return _fixed(count, 0)


def percent(share: float, decimals: int = 0) -> str:
    """A share of units, such as a weight or a power.

    >>> percent(0.5), percent(0.3333, 1)
    ('50%', '33.3%')
    """
    return _fixed(100 * share, decimals) + "%"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names in a row.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def of_them(count: int, one: str, many: str | None = None) -> str:
    """How many of a thing.

    >>> of_them(1, "unit"), of_them(2400, "unit"), of_them(2, "has", "have")
    ('1 unit', '2,400 units', '2 have')
    """
    return f"{counted(count)} {one if count == 1 else many or one + 's'}"


def _style(unit: str | None) -> _Style:
    return _RELATIVE if unit == "relative" else _STYLES.get(unit or "", _PLAIN)


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and isfinite(value)


def _usual(scaled: float, unit: str | None) -> int:
    style = _style(unit)
    if style is _PLAIN:
        size = abs(scaled)
        return 0 if size == 0 or size >= 100 else min(_MOST, 2 - floor(log10(size)))
    if unit in ("hours", "minutes", "seconds", "days", "count") and abs(scaled) >= 100:
        return 0
    return style.decimals


def _money(unit: str | None, currency: str | None) -> str:
    return _SPACE + currency if unit == "money" and currency else ""


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    # What rounds to zero has no sign.
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    return text.replace("-", "−")


def _signed(value: float, decimals: int) -> str:
    text = _fixed(value, decimals)
    return text if text.startswith("−") or not text.strip("0.,") else "+" + text
