"""What an analyst checks: definitions, every figure, downloads."""

from __future__ import annotations

import csv
import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from gzip import compress
from io import StringIO
from typing import TYPE_CHECKING, Any

from heedful.experiments.breakdowns import segment_verdict
from heedful.experiments.contract import as_contract
from heedful.experiments.naming import Names
from heedful.experiments.sentences import VERDICTS, known, margin_of, name_of
from heedful.experiments.wording import (
    NOTHING,
    amount,
    counted,
    decimals_of,
    difference,
    effect,
    interval_of,
    of_them,
    p_value,
    percent,
)

if TYPE_CHECKING:
    from heedful.experiments.readout import CurvePoint, Look, OutcomeResult, Readout


_LARGE = 80_000
"""Bytes from which on a file inside the page is compressed."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plain table; columns after the first `texts` hold numbers."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1


@dataclass(frozen=True, slots=True)
class Download:
    """A file inside the page."""

    name: str
    words: str
    href: str


def definitions(readout: Readout) -> Sheet:
    """How each outcome is defined: part, direction, window, margin, method."""
    seen: dict[tuple[str, str], OutcomeResult] = {}
    for one in readout.outcomes:
        seen.setdefault((one.kpi, one.role), one)
    rows = tuple(
        (
            name_of(one),
            one.kpi,
            one.role,
            one.layer or NOTHING,
            one.better,
            _window(one),
            margin_of(one, readout.currency),
            one.method,
        )
        for one in seen.values()
    )
    heads = ("Outcome", "KPI", "Part", "Layer", "Better", "Counts", "Margin", "Method")
    return Sheet(heads, rows, texts=len(heads))


def figures(readout: Readout, names: Names) -> Sheet:
    """Every figure of every comparison, also of those that are void."""
    rows = []
    for one in (*readout.outcomes, *readout.pooled):
        places = decimals_of(one.unit, one.difference, one.low, one.high)
        currency = readout.currency
        against = f" against {names.variant(one.control)}" if one.control is not None else ""
        rows.append(
            (
                name_of(one),
                names.variant(one.variant) + against,
                VERDICTS[one.verdict] if known(one) or one.verdict == "void" else "no value",
                counted(one.control_n),
                counted(one.n),
                amount(one.control_value, one.unit, decimals=places, currency=currency),
                amount(one.value, one.unit, decimals=places, currency=currency),
                effect(one.difference, one.low, one.high, one.unit, currency=currency),
                effect(one.relative, one.relative_low, one.relative_high, "relative"),
                p_value(one.p_value),
                p_value(one.p_adjusted),
                difference(one.unadjusted, one.unit, decimals=places, currency=currency),
                NOTHING if one.variance_reduction is None else percent(one.variance_reduction),
                _seen(one, currency),
            )
        )
    heads = (
        "Outcome",
        "Compared",
        "Verdict",
        "n control",
        "n variant",
        "Control",
        "Variant",
        "Difference",
        "Relative",
        "p",
        "p adjusted",
        "Without covariates",
        "Variance they took",
        "Could see",
    )
    return Sheet(heads, tuple(rows), texts=3)


@dataclass(frozen=True, slots=True)
class Watched:
    """Values of curves at a few days, each with how many are still watched."""

    days: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def other_segments(readout: Readout, names: Names) -> Sheet:
    """Effects on other KPIs than the primary one within segments."""
    known = {one.kpi: one for one in readout.outcomes if one.control is not None}
    between = {
        (one.kpi, one.dimension, one.variant): one.p_adjusted for one in readout.heterogeneity
    }
    rows = []
    for one in readout.segments:
        outcome = known.get(one.kpi)
        if outcome is None or outcome.role == "primary":
            continue
        places = decimals_of(outcome.unit, one.difference, one.low, one.high)
        currency = readout.currency
        rows.append(
            (
                name_of(outcome),
                f"{one.dimension}: {'not known' if one.segment is None else one.segment}",
                names.variant(one.variant),
                segment_verdict(one, readout.alpha, outcome.better)[0],
                counted(one.control_n),
                counted(one.n),
                amount(one.control_value, outcome.unit, decimals=places, currency=currency),
                amount(one.value, outcome.unit, decimals=places, currency=currency),
                effect(one.difference, one.low, one.high, outcome.unit, currency=currency),
                p_value(one.p_adjusted),
                p_value(between.get((one.kpi, one.dimension, one.variant))),
            )
        )
    heads = (
        *("Outcome", "Segment", "Compared", "Verdict", "n control", "n variant", "Control"),
        *("Variant", "Difference", "p adjusted", "p between segments"),
    )
    return Sheet(heads, tuple(rows), texts=4)


def watched(points: Sequence[CurvePoint], names: dict[str, str], most: int = 6) -> Watched:
    """Curves at a few days: share, interval, and how many are still watched."""
    days = sorted({point.day for point in points})
    step = max(1, -(-(len(days) - 1) // max(1, most - 1)))
    chosen = sorted({*days[::step], days[-1]})
    rows = []
    for variant, name in names.items():
        by_day = {point.day: point for point in points if point.variant == variant}
        cells = [_still(by_day.get(day)) for day in chosen]
        rows.append((name, tuple(cells)))
    return Watched(tuple(f"day {day}" for day in chosen), tuple(rows))


def downloads(readout: Readout) -> tuple[Download, ...]:
    """The JSON contract and the outcomes as a spreadsheet.

    Day-by-day results of other outcomes than the primary one are left out: they would be most of
    the page's weight.
    """
    main = {one.kpi for one in readout.outcomes if one.role == "primary"}
    looks = tuple(look for look in readout.looks if look.kpi in main)
    contract = _short(as_contract(replace(readout, looks=looks)))
    text = json.dumps(contract, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    less = len(readout.looks) - len(looks)
    words = "everything on this page, as the JSON contract has it"
    if less:
        words += f"; without {of_them(less, 'day-by-day figure')} of other outcomes"
    plain = [_flat(one) for one in contract["outcomes"]]
    return (
        _download(f"{readout.name}.json", words, "application/json", text),
        _download(
            f"{readout.name}.csv", "all outcomes, a row each comparison", "text/csv", _csv(plain)
        ),
    )


def days_csv(looks: Iterable[Look], name: str) -> Download:
    """Day-by-day results as a spreadsheet."""
    rows = [
        {
            "date": look.date.isoformat(),
            "kpi": look.kpi,
            "variant": look.variant,
            "difference": look.difference,
            "low": look.low,
            "high": look.high,
            "n": look.n,
        }
        for look in looks
    ]
    return _download(f"{name}-days.csv", "day by day as CSV", "text/csv", _csv(rows))


def _download(name: str, words: str, kind: str, text: str) -> Download:
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    data, head = text.encode(), f"{kind};charset=utf-8"
    if len(data) > _LARGE:
        safe, words, head = f"{safe}.gz", f"{words}; compressed by gzip", "application/gzip"
        # Without a time, the same readout gives the same page.
        data = compress(data, mtime=0)
    return Download(safe, words, f"data:{head};base64,{b64encode(data).decode()}")


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    file = StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _guarded(value) for key, value in row.items()} for row in rows)
    return file.getvalue()


def _guarded(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is marked as text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _short(value: Any) -> Any:
    """Numbers with the digits that could ever matter, which is half the weight.

    >>> _short({"value": [0.1 + 0.2, 1e-300, 7]})
    {'value': [0.3, 1e-300, 7]}
    """
    if isinstance(value, dict):
        return {key: _short(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_short(one) for one in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not isinstance(value, (list, dict))}


def _window(one: OutcomeResult) -> str:
    if one.window_days is None:
        return NOTHING
    first = f"day {one.delay_days + 1} to day {one.delay_days + one.window_days}"
    said = f"{first} after the exposure"
    return f"{said}; {counted(one.waiting)} still wait" if one.waiting else said


def _seen(one: OutcomeResult, currency: str | None) -> str:
    if one.detectable is None:
        return NOTHING
    return difference(abs(one.detectable), one.unit, currency=currency).replace("+", "±")


def _still(point: CurvePoint | None) -> tuple[str, str]:
    if point is None:
        return NOTHING, ""
    ends = interval_of(point.low, point.high, "share") if point.low != point.high else ""
    said = f"({ends}) " if ends else ""
    return amount(point.value, "share"), f"{said}n {counted(point.at_risk)}"
