"""Pictures in tables and cards: drawn here, in percent, so that they fit any column."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from heedful.kpis.shelf import Series

SPARK_WIDTH, SPARK_HEIGHT = 132, 34
SPARK_PERIODS = 26
_SIGNS = {
    "mismatch": "M0 0h6v6h-6zM7 7h6v6h-6zM7 0h6v2h-6zM0 11h6v2h-6z",
    "threshold": "M0 5.5h13v2h-13zM5 0h3v4h-3zM5 9h3v4h-3z",
    "change": "M0 9h6v-6h7v2.2h-4.8v6h-8.2z",
    "better": "M0 11h4.5v-4h4v-4h4.5v2.2h-2.3v4h-4v4h-6.7z",
    "worse": "M0 2h4.5v4h4v4h4.5v-2.2h-2.3v-4h-4v-4h-6.7z",
    "data": "M6.5 0a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zm0 1.8v9.4a4.7 4.7 0 0 1 0-9.4z",
    "ok": "M5 11.5L0 6.8l1.6-1.6L5 8.4L11.4 1.5L13 3.1z",
    "ship": "M5 11.5L0 6.8l1.6-1.6L5 8.4L11.4 1.5L13 3.1z",
    "stop": "M1.6 0L6.5 4.9 11.4 0 13 1.6 8.1 6.5 13 11.4 11.4 13 6.5 8.1 1.6 13 0 11.4 4.9 6.5 0 1.6z",  # noqa: E501
    "wait": "M1 0h4v13h-4zM8 0h4v13h-4z",
    "invalid": "M6.5 0L13 12.5H0zM5.7 4.5v4h1.6v-4zM5.7 9.6v1.6h1.6v-1.6z",
    "plain": "M1 5.5h11v2h-11z",
}


def sign(kind: str, word: str, tone: str | None = None) -> Markup:
    """A sign: a shape and a word, with a colour that never stands alone.

    >>> print(sign("data", "Data"))
    <span class="sign data"><svg ... aria-hidden="true">...</svg>Data</span>
    """
    shape = _SIGNS.get(kind, _SIGNS["plain"])
    return Markup(
        '<span class="sign {}"><svg viewBox="0 0 13 13" aria-hidden="true"><path d="{}"/></svg>'
        "{}</span>"
    ).format(tone or kind, shape, word)


def letter(text: str, kind: str) -> Markup:
    """A lettered mark, as it stands on a chart, for the list below it."""
    from heedful.web.chart_marks import SHAPES

    return Markup(
        '<svg class="letter" viewBox="-1.5 -1.5 3 3" aria-hidden="true"><path d="{}"/>'
        '<text y="0.45">{}</text></svg>'
    ).format(SHAPES.get(kind, SHAPES["note"]), text)


def _place(value: float, low: float, high: float) -> float:
    if high <= low:
        return 50.0
    return 100 * (min(max(value, low), high) - low) / (high - low)


def ruler(
    value: float | None,
    low: float | None,
    high: float | None,
    domain: tuple[float, float],
    *,
    before: float | None = None,
    target: float | None = None,
    tone: str = "",
) -> Markup:
    """An interval on a scale: dot = value, hollow = the period before, upright bar = target.

    Args:
        value: The value; without one only the scale is drawn.
        low: Lower end of its interval.
        high: Upper end.
        domain: What the scale spans.
        before: The value before.
        target: The target.
        tone: good, bad or nothing.
    """
    first, last = domain
    parts = ['<line class="r-scale" x1="0" x2="100%" y1="8" y2="8"/>']

    def at(number: float) -> str:
        return f"{_place(number, first, last):.2f}%"

    if value is not None:
        begin, end = (value if x is None else x for x in (low, high))
        parts.append(f'<line class="r-iv" x1="{at(begin)}" x2="{at(end)}" y1="8" y2="8"/>')
    if before is not None and isfinite(before):
        parts.append(f'<circle class="r-prev" cx="{at(before)}" cy="8" r="3.5"/>')
    if target is not None:
        parts.append(f'<line class="r-target" x1="{at(target)}" x2="{at(target)}" y1="2" y2="14"/>')
    if value is not None:
        parts.append(f'<circle class="r-dot {tone}" cx="{at(value)}" cy="8" r="3.5"/>')
    return _svg("ruler", 16, parts)


def bars(
    pieces: Sequence[tuple[float, str]], domain: tuple[float, float], *, height: int = 16
) -> Markup:
    """Bars from one zero, one under the other.

    Args:
        pieces: Length and class of each bar.
        domain: What the axis spans; holds zero.
        height: In pixels.
    """
    first, last = min(domain[0], 0.0), max(domain[1], 0.0)
    zero = _place(0, first, last)
    tall = (height - 2) / max(1, len(pieces))
    parts = []
    for number, (length, kind) in enumerate(pieces):
        end = _place(length, first, last)
        width = max(abs(end - zero), 0.4)
        parts.append(
            f'<rect class="b-fill {kind}" x="{min(zero, end):.2f}%" y="{1 + number * tall:.1f}"'
            f' width="{width:.2f}%" height="{max(tall - 1, 2):.1f}"/>'
        )
    parts.append(f'<line class="zero" x1="{zero:.2f}%" x2="{zero:.2f}%" y1="0" y2="{height}"/>')
    return _svg("bar", height, parts)


def bar(share: float, kind: str = "") -> Markup:
    """A bar from zero on a ground: a share of a whole, 0 to 1."""
    width = 100 * min(max(share, 0.0), 1.0)
    return _svg(
        "bar",
        14,
        [
            '<rect class="b-back" x="0" y="2" width="100%" height="10"/>',
            f'<rect class="b-fill {kind}" x="0" y="2" width="{width:.2f}%" height="10"/>',
        ],
    )


def step(reached: float, before: float) -> Markup:
    """A step of a funnel: reached (filled), lost since the step before (outlined); shares of 1."""
    parts = [f'<rect class="b-fill" x="0" y="2.5" width="{100 * reached:.2f}%" height="11"/>']
    if before > reached:
        parts.append(
            f'<rect class="b-lost" x="{100 * reached:.2f}%" y="3"'
            f' width="{100 * (before - reached):.2f}%" height="10"/>'
        )
    return _svg("bar", 16, parts)


def days(counts: Sequence[int | None]) -> Markup:
    """A bar a day; a day without rows is a foot under the line, a day to come is nothing."""
    most = max((one for one in counts if one), default=0)
    size = max(1, len(counts))
    parts = ['<line class="base" x1="0" x2="100%" y1="15" y2="15"/>']
    for number, one in enumerate(counts):
        x, width = 100 * number / size + 0.4, max(100 / size - 0.9, 0.3)
        if one is None:
            continue
        if one:
            tall = 14 * one / most
            parts.append(
                f'<rect class="b-fill" x="{x:.2f}%" y="{15 - tall:.1f}" width="{width:.2f}%"'
                f' height="{tall:.1f}"/>'
            )
        else:
            parts.append(
                f'<rect class="b-care" x="{x:.2f}%" y="15.5" width="{width:.2f}%" height="3"/>'
            )
    return _svg("bar", 19, parts)


def _svg(kind: str, height: int, parts: Sequence[str]) -> Markup:
    # Drawn by us from numbers; no text of anyone is in it.
    return Markup(  # noqa: S704
        f'<svg class="{kind}" width="100%" height="{height}" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def spark(series: Series | None, upto: int | None, said: str, marks: Sequence[int] = ()) -> Markup:
    """The last periods of a series with their band; nothing where there are fewer than three.

    Args:
        series: The readings.
        upto: Where the last one to draw stands; None: all.
        said: What it shows, in a few words.
        marks: Places of the series at which something happened.
    """
    if series is None:
        return Markup("")
    last = len(series) if upto is None else upto + 1
    first = max(0, last - SPARK_PERIODS)
    values = series.estimates.value[first:last]
    lows, highs = series.estimates.low[first:last], series.estimates.high[first:last]
    known = [n for n in range(len(values)) if isfinite(values[n])]
    if len(known) < 3:
        return Markup("")
    low = [float(lows[n]) if isfinite(lows[n]) else float(values[n]) for n in known]
    high = [float(highs[n]) if isfinite(highs[n]) else float(values[n]) for n in known]
    # A single wild interval must not flatten the line.
    spread = sorted(b - a for a, b in zip(low, high, strict=True))[len(known) // 2]
    least = min(float(values[n]) for n in known) - 1.5 * spread
    most = max(float(values[n]) for n in known) + 1.5 * spread
    least, most = max(least, min(low)), min(most, max(high))
    span = most - least or 1.0

    def x(n: int) -> float:
        return 2 + (SPARK_WIDTH - 8) * n / max(1, len(values) - 1)

    def y(number: float) -> float:
        inside = min(max(number, least), most)
        return 3 + (SPARK_HEIGHT - 6) * (most - inside) / span

    def path(points: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points)

    band = [(x(n), y(end)) for n, end in zip(known, high, strict=True)]
    band += [(x(n), y(end)) for n, end in reversed(list(zip(known, low, strict=True)))]
    line = [(x(n), y(float(values[n]))) for n in known]
    parts = [f'<path class="band" d="{path(band)}Z"/>']
    for mark in marks:
        if first <= mark < last:
            at = x(mark - first)
            parts.append(
                f'<line class="markline" x1="{at:.1f}" x2="{at:.1f}" y1="1"'
                f' y2="{SPARK_HEIGHT - 1}"/>'
            )
    parts.append(f'<path class="line thin" d="{path(line)}"/>')
    parts.append(f'<circle class="dot" cx="{line[-1][0]:.1f}" cy="{line[-1][1]:.1f}" r="2.5"/>')
    return Markup(
        '<svg class="chart spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(
        SPARK_WIDTH,
        SPARK_HEIGHT,
        SPARK_WIDTH,
        SPARK_HEIGHT,
        said,
        Markup("".join(parts)),  # noqa: S704 - numbers only
    )
