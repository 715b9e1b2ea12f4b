"""The tables of a readout in the terminal: outcomes, segments, days, curves, claims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from heedful.cli.printing import paragraph
from heedful.experiments.readout import (
    Look,
    OutcomeResult,
    Readout,
    SegmentResult,
    VariantCount,
    Verdict,
)
from heedful.experiments.sentences import (
    SIDES,
    VERDICTS,
    in_points,
    inner,
    margin_of,
    name_of,
    side_of,
)
from heedful.experiments.wording import (
    amount,
    counted,
    decimals_of,
    effect,
    interval_of,
    listed,
    of_them,
    p_equals,
    p_value,
    percent,
)

WIDE = 150
"""Columns from which on an outcome stands on one line."""
LAST_LOOKS = 5
"""So many looks are shown; all are in the JSON."""

_COLOURS: dict[Verdict, str] = {
    "better": "blue",
    "non_inferior": "blue",
    "worse": "red",
    "harmed": "red",
    "void": "magenta",
}

Cell = str | Text | Padding


def heading(console: Console, text: str, note: str = "") -> None:
    """A heading with a note behind it, after an empty line."""
    line = Text("\n")
    line.append(text, style="bold")
    if note:
        line.append(f"  {note}")
    console.print(line)


def plain_table(
    console: Console,
    rows: Iterable[Sequence[Cell]],
    heads: Sequence[str],
    *,
    right: Iterable[int] = (),
    wrapping: Iterable[int] = (),
) -> None:
    """Print a table; numbers and names stay whole, only the columns in `wrapping` wrap."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    texts = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    for place, head in enumerate(heads):
        whole = place not in set(wrapping)
        cells = [row[place] for row in texts] if whole else []
        lines = (cell.plain.split("\n") for cell in cells if isinstance(cell, Text))
        least = max([len(head), *(len(line) for cell in lines for line in cell)])
        side = "right" if place in set(right) else "left"
        table.add_column(Text(head), justify=side, no_wrap=whole, min_width=least if whole else 12)  # type: ignore[arg-type]
    for row in texts:
        table.add_row(*row)
    console.print(table)


def titled(variant: VariantCount) -> str:
    """A variant as people call it, with its name."""
    if not variant.title or variant.title == variant.name:
        return variant.name
    return f"{variant.title} ({variant.name})"


def variant_name(readout: Readout, name: str) -> str:
    """The same by its name; a level of a factor stays as it is."""
    return next((titled(one) for one in readout.variants if one.name == name), name)


def outcomes(console: Console, readout: Readout) -> None:
    """Print all outcomes: primary, guardrails, then commercial beside human ones."""
    if not readout.outcomes:
        return
    level = percent(1 - readout.alpha)
    money = f", money in {readout.currency}" if readout.currency else ""
    note = f"{level} intervals{money}; p adjusted, a small one of a guardrail rules harm out"
    if readout.decision == "invalid":
        note = "not to be believed: the sample ratio failed; shown to find the fault"
    heading(console, "Outcomes", note)
    wide = console.width >= WIDE
    several = len({one.variant for one in readout.outcomes}) > 1
    rows: list[list[Cell]] = []
    for title, group in _grouped(readout):
        if rows:
            rows.append([])
        rows.append([Text(title, style="bold")])
        for one in group:
            cells = _outcome(one, wide=wide, several=several or title == _POOLED)
            rows.append([*cells[:-1], one.why or ""] if readout.decision == "invalid" else cells)
    names = {one.variant for one in readout.outcomes}
    treated = names.pop() if len(names) == 1 else "variant"
    control = readout.control or "control"
    if readout.design == "factorial":
        control = "control"
    heads = ["outcome", control, treated, "effect", "relative", "p", "margin", "verdict"]
    if not wide:
        heads.remove("relative")
    filled = [[*row, *[""] * (len(heads) - len(row))] for row in rows]
    last = len(heads) - 1
    plain_table(console, filled, heads, right=range(1, last), wrapping=(0, last))
    for text in _methods(readout.outcomes):
        paragraph(text, console=console)


def _methods(of: Sequence[OutcomeResult]) -> Iterator[str]:
    """How values were estimated; a method that all share needs no names."""
    by_method: dict[str, dict[str, None]] = {}
    for one in of:
        by_method.setdefault(one.method, {})[inner(one)] = None
    for method, names in by_method.items():
        which = "" if len(by_method) == 1 else f" ({listed(list(names))})"
        yield f"By {method}{which}."


_POOLED = "All variants as one"


def _grouped(readout: Readout) -> Iterator[tuple[str, list[OutcomeResult]]]:
    everything = readout.outcomes
    primaries = [one for one in everything if one.role == "primary"]
    if primaries:
        yield "Primary", primaries
    guardrails = [one for one in everything if one.role == "guardrail"]
    if guardrails:
        yield "Guardrails", guardrails
    secondary = [one for one in everything if one.role == "secondary"]
    for side, title in SIDES.items():
        group = [one for one in secondary if side_of(one) == side]
        if group:
            yield title, group
    if readout.pooled:
        yield _POOLED, list(readout.pooled)


def _outcome(one: OutcomeResult, *, wide: bool, several: bool) -> list[Cell]:
    places = decimals_of(one.unit, one.difference, one.low, one.high)
    between = " " if wide else "\n"
    sides = [
        f"{amount(value, one.unit, decimals=places)}{between}n {counted(n)}"
        for value, n in ((one.control_value, one.control_n), (one.value, one.n))
    ]
    absolute = effect(one.difference, one.low, one.high, one.unit)
    relative = effect(one.relative, one.relative_low, one.relative_high, "relative")
    effects = [absolute, relative] if wide else ["\n".join(_on_lines(one, absolute, relative))]
    p = p_value(one.p_value if one.p_adjusted is None else one.p_adjusted)
    margin = "" if one.margin is None else margin_of(one)
    name = name_of(one)
    if several:
        levelled = one.control is not None and "=" in one.control and "=" in one.variant
        which = f"{one.variant} against {one.control}" if levelled else one.variant
        name += f": {which}" if wide else f"\n{which}"
    return [_indented(name), *sides, *effects, p, margin, _verdict(one)]


def _indented(text: str) -> Padding:
    return Padding(Text(text), (0, 0, 0, 2))


def _on_lines(one: OutcomeResult, absolute: str, relative: str) -> list[str]:
    """Both scales of an effect, first that on which it is read."""
    if one.relative is None:
        return [absolute]
    return [absolute, relative] if in_points(one) else [relative, absolute]


def _verdict(one: OutcomeResult) -> Text:
    word = Text(VERDICTS[one.verdict], style=_COLOURS.get(one.verdict, ""))
    apart = one.low is not None and one.high is not None and (one.low > 0 or one.high < 0)
    if one.verdict == "inconclusive" and apart and one.role != "guardrail":
        return Text("not after adjusting")
    return word.append(f": {one.why}", style="") if one.why else word


def segments(console: Console, readout: Readout) -> None:
    """Print the effect on the primary KPI within segments, and any other that stands out."""
    if not readout.segments:
        return
    known = {(one.kpi, one.variant): one for one in readout.outcomes}
    first = {one.kpi for one in readout.outcomes if one.role == "primary"}
    note = "p adjusted over the segments of the primary KPI, and over all others"
    heading(console, "Segments", note)
    shown = [
        one
        for one in readout.segments
        if one.kpi in first or (one.p_adjusted is not None and one.p_adjusted < readout.alpha)
    ]
    rows: list[list[Cell]] = []
    place = None
    for one in sorted(shown, key=lambda each: _place(readout, each)):
        if place != (one.dimension, one.kpi, one.variant):
            rows += [[""] * 5] if rows else []
            place = (one.dimension, one.kpi, one.variant)
            outcome = known.get((one.kpi, one.variant))
            title = name_of(outcome) if outcome else one.kpi
            head = Text(f"{one.dimension}: {title}, {one.variant}", style="bold")
            rows.append([head, "", "", "", ""])
        rows.append(_segment(one, known.get((one.kpi, one.variant))))
    heads = ("segment", "control", "variant", "effect", "p")
    plain_table(console, rows, heads, right=range(1, 5), wrapping=(0,))
    left = len(readout.segments) - len(shown)
    for test in readout.heterogeneity:
        if test.kpi in first and test.p_value is not None:
            adjusted = "" if test.p_adjusted is None else f", adjusted {p_value(test.p_adjusted)}"
            variant = f" of {test.variant}" if test.variant else ""
            told = f"Whether the effect{variant} differs by {test.dimension}: "
            console.print(told + p_equals(test.p_value) + adjusted, markup=False)
    if left:
        more = of_them(left, "more effect")
        console.print(f"{more} within segments: --format json", markup=False)


def _place(readout: Readout, one: SegmentResult) -> tuple[int, ...]:
    dimensions = list(dict.fromkeys(each.dimension for each in readout.segments))
    kpis = list(dict.fromkeys(each.kpi for each in readout.outcomes))
    variants = list(dict.fromkeys(each.variant for each in readout.segments))
    kpi = kpis.index(one.kpi) if one.kpi in kpis else len(kpis)
    return kpi, dimensions.index(one.dimension), variants.index(one.variant)


def _segment(one: SegmentResult, outcome: OutcomeResult | None) -> list[Cell]:
    unit = outcome.unit if outcome else None
    places = decimals_of(unit, one.difference, one.low, one.high)
    sides = [
        f"{amount(value, unit, decimals=places)} n {counted(n)}"
        for value, n in ((one.control_value, one.control_n), (one.value, one.n))
    ]
    name = one.segment if one.segment is not None else "(not known)"
    found = effect(one.difference, one.low, one.high, unit)
    return [_indented(name), *sides, found, p_value(one.p_adjusted)]


def looks(console: Console, readout: Readout) -> None:
    """Print the last looks at the primary KPI, and since when its interval excludes zero."""
    primary = {(one.kpi, one.variant): one for one in readout.outcomes if one.role == "primary"}
    mine = [one for one in readout.looks if (one.kpi, one.variant) in primary]
    if not mine:
        return
    days = sorted({one.date for one in mine})
    heading(console, "Day by day", f"the last {min(LAST_LOOKS, len(days))} of {len(days)} looks")
    late = [one for one in mine if one.date in days[-LAST_LOOKS:]]
    rows = [
        [
            f"{one.date.day} {one.date:%b %Y}",
            one.variant,
            counted(one.n),
            effect(one.difference, one.low, one.high, primary[one.kpi, one.variant].unit),
            p_value(one.p_value),
        ]
        for one in sorted(late, key=lambda each: (each.variant, each.date))
    ]
    plain_table(
        console, rows, ("day", "variant", f"{readout.unit}s", "effect", "p"), right=(2, 3, 4)
    )
    for variant in dict.fromkeys(one.variant for one in mine):
        since = _since([one for one in mine if one.variant == variant])
        if since:
            day = f"{since.date.day} {since.date:%b %Y}"
            console.print(f"The interval of {variant} excludes zero since {day}.", markup=False)


def _since(of_one: Sequence[Look]) -> Look | None:
    """The first look from which on every interval lies on the same side of zero."""
    first = None
    side = 0
    for one in sorted(of_one, key=lambda each: each.date, reverse=True):
        here = 0
        if one.low is not None and one.high is not None:
            here = (one.low > 0) - (one.high < 0)
        if here == 0 or (first and here != side):
            break
        first, side = one, here
    return first


def curves(console: Console, readout: Readout) -> None:
    """Print survival curves at their last day."""
    in_order = sorted(readout.curves, key=lambda point: point.day)
    last = {(point.kpi, point.variant): point for point in in_order}
    if not last:
        return
    titles = {one.kpi: name_of(one) for one in readout.outcomes}
    heading(console, "Curves at the horizon", "share still there, with those who could still leave")
    rows = [
        [
            titles.get(point.kpi, point.kpi),
            point.variant,
            str(point.day),
            amount(point.value, "share"),
            interval_of(point.low, point.high, "share"),
            counted(point.at_risk),
        ]
        for point in last.values()
    ]
    heads = ("outcome", "variant", "day", "share", "interval", "at risk")
    plain_table(console, rows, heads, right=(2, 3, 4, 5), wrapping=(0,))


def claims(console: Console, readout: Readout) -> None:
    """Print what experiments under a standing holdout claimed, and what is left of it."""
    if not readout.claims:
        return
    units = {one.kpi: one.unit for one in readout.outcomes}
    heading(console, "Claims", "what is left once the luck of the winners is taken out")
    rows = [
        [
            one.experiment,
            one.kpi,
            effect(one.difference, one.low, one.high, units.get(one.kpi)),
            effect(one.shrunk, None, None, units.get(one.kpi)),
            one.decision.replace("_", " "),
        ]
        for one in readout.claims
    ]
    plain_table(console, rows, ("experiment", "kpi", "claimed", "left", "decision"), right=(2, 3))
