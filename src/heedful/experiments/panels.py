"""Outcomes of a readout as panels: which rows stand together, on which scale, in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.experiments.forest import Span
from heedful.experiments.naming import Names, interval_name
from heedful.experiments.sentences import VERDICTS, in_points, known, margin_of, name_of
from heedful.experiments.tables import (
    RELATIVE,
    Cell,
    Draft,
    Panel,
    Row,
    Scale,
    blocks,
    scale_of,
)
from heedful.experiments.wording import (
    NOTHING,
    amount,
    counted,
    decimals_of,
    difference,
    differences,
    p_equals,
)

if TYPE_CHECKING:
    from heedful.experiments.readout import OutcomeResult, Readout

COMMERCIAL = frozenset({"commercial"})
HUMAN = frozenset({"experience", "qualitative"})
_TONES = {
    "better": "good",
    "non_inferior": "good",
    "worse": "bad",
    "harmed": "bad",
    "void": "care",
}
_TOGETHER = {"better": "better together", "worse": "worse together"}
UNCLEAR = "no clear effect"
ADJUSTED = "not clear, adjusted"
"""Where an interval by itself stays clear of zero, but its p value was adjusted for others."""
NO_VALUE = "no value"
_HARD = "\u00a0"


def primary(readout: Readout, names: Names) -> Panel:
    """The primary outcome against the control, each variant a row."""
    rows = _compared(readout.outcomes, "primary") + _compared(readout.pooled, "primary")
    drafts = [_wide(readout, names, one, Builder(_own_scale, False)) for one in rows]
    unit = rows[0].unit if rows else None
    line = "dotted" if _dotted(readout) else "solid"
    wide = ", as wide as the looks demand" if readout.sequential == "alpha_spending" else ""
    family = ", p adjusted for the variants (Holm)" if names.several else ""
    return Panel(
        key="primary",
        title="Primary outcome",
        note=f"{line}: {interval_name(readout)}{wide}{family}",
        blocks=blocks(drafts),
        heads=("Outcome", names.base, names.treated),
        picture_head=_ends(rows, names),
        after_heads=(f"Effect{_in(unit)}", "Verdict"),
        empty="There is no primary outcome.",
    )


def guardrails(readout: Readout, names: Names) -> Panel:
    """Outcomes that may not get worse, with the side of harm."""
    rows = _compared(readout.outcomes, "guardrail") + _compared(readout.pooled, "guardrail")
    drafts = [_wide(readout, names, one, Builder(_own_scale, True)) for one in rows]
    return Panel(
        key="guardrails",
        title="Guardrails",
        note="non-inferiority: the whole interval must stay out of the shaded side",
        blocks=blocks(drafts),
        heads=("Outcome", names.base, names.treated),
        picture_head="Shaded: harm beyond the margin",
        after_heads=("Effect", "Margin", "Verdict"),
        empty="No guardrail was named, so nothing says what may not get worse.",
    )


def sides(readout: Readout, names: Names) -> tuple[Panel, ...]:
    """Commercial outcomes beside human ones, then what belongs to neither.

    A flat file knows of no layers: its further outcomes are one panel.
    """
    rows = [one for one in readout.outcomes if one.control is not None]
    if all(one.layer is None for one in rows):
        return _further(readout, names, [one for one in rows if one.role == "secondary"])
    commercial = [one for one in rows if one.layer in COMMERCIAL]
    human = [one for one in rows if one.layer in HUMAN]
    rest = [one for one in rows if one.layer not in COMMERCIAL | HUMAN]
    panels = [
        _side(readout, names, "commercial", "Commercial outcomes", commercial, _relative_scale),
        _side(readout, names, "human", "Human outcomes", human, _own_scale),
    ]
    if rest:
        title = "Operations and engagement" if all(one.layer for one in rest) else "Other outcomes"
        panels.append(_side(readout, names, "operations", title, rest, _own_scale))
    return tuple(panels)


def interactions(readout: Readout, names: Names) -> Panel:
    """Whether two factors together do more, or less, than each of them adds."""
    rows = [one for one in readout.outcomes if one.control is None]
    several = len({one.variant for one in rows}) > 1
    drafts = []
    for one in rows:
        scale = scale_of(one.unit, one.kpi)
        verdict = _TOGETHER.get(one.verdict, "no clear interaction")
        row = Row(
            name=names.variant(one.variant) if several else name_of(one),
            note=one.why or "" if several else names.variant(one.variant),
            after=(
                _effect(readout, one, scale),
                Cell(verdict, below=_p(one), tone=_TONES.get(one.verdict, "flat")),
            ),
            why=one.why or "",
        )
        block = name_of(one) if several else ""
        drafts.append(Draft(row, scale, _span(readout, one, scale), block))
    return Panel(
        key="interactions",
        title="Interactions",
        note="what two factors do together, less what each does alone; 0: they simply add up",
        blocks=blocks(drafts),
        heads=("Factors",),
        picture_head="← less together | more together →",
        after_heads=("Difference", "Verdict"),
    )


@dataclass(frozen=True, slots=True)
class Builder:
    """How rows of a panel are made: on which scale, and whether they show a margin."""

    scale: Callable[[OutcomeResult], Scale]
    margin: bool


def value_cells(
    readout: Readout, one: OutcomeResult, names: Names, variant: str
) -> tuple[Cell, Cell]:
    """Values of both sides, with the decimals that their difference deserves."""
    places = decimals_of(one.unit, one.difference, one.low, one.high)
    cells = []
    for value, n, label in (
        (one.control_value, one.control_n, names.base),
        (one.value, one.n, variant),
    ):
        text = amount(value, one.unit, decimals=places, currency=readout.currency)
        cells.append(Cell(text, below=f"n {counted(n)}", label=label))
    return cells[0], cells[1]


def effect_cell(
    value: float | None,
    low: float | None,
    high: float | None,
    unit: str | None,
    currency: str | None = None,
    below: str = "",
) -> Cell:
    """An effect with its interval; a dash where there is none."""
    places = decimals_of(unit, value, low, high)
    text = difference(value, unit, decimals=places, currency=currency)
    small = ""
    if text != NOTHING:
        ends = differences(low, high, unit, decimals=places)
        small = "no interval" if ends == NOTHING else f"({ends})".replace(" ", _HARD)
    return Cell(text, small=small, below=below, strong=True)


def side_of(low: float | None, high: float | None) -> int:
    """1 where an interval lies above zero, -1 below, 0 where it holds zero or has no end.

    >>> side_of(0.1, 0.2), side_of(-0.1, 0.2), side_of(None, 0.2)
    (1, 0, 0)
    """
    if low is None or high is None:
        return 0
    return (low > 0) - (high < 0)


def _compared(outcomes: Iterable[OutcomeResult], role: str) -> list[OutcomeResult]:
    return [one for one in outcomes if one.role == role and one.control is not None]


def _dotted(readout: Readout) -> bool:
    return readout.sequential == "confidence_sequence"


def _ends(rows: Sequence[OutcomeResult], names: Names) -> str:
    """What lies on either side of zero."""
    control, variant = (
        ("base better", "level better") if names.levels else ("control better", "variant better")
    )
    higher = not rows or rows[0].better == "higher"
    left, right = (control, variant) if higher else (variant, control)
    return f"← {left} | {right} →"


def _in(unit: str | None) -> str:
    words = {"share": ", points", "nps": ", points", "score": ", points"}
    return words.get(unit or "", "")


def _own_scale(one: OutcomeResult) -> Scale:
    return scale_of(one.unit, one.kpi) if in_points(one) else RELATIVE


def _relative_scale(one: OutcomeResult) -> Scale:
    """Relative where that is possible and says the same as the difference does."""
    agree = side_of(one.low, one.high) == side_of(one.relative_low, one.relative_high)
    return RELATIVE if one.relative is not None and agree else scale_of(one.unit, one.kpi)


def _numbers(one: OutcomeResult, scale: Scale) -> tuple[float | None, float | None, float | None]:
    if scale.unit == "relative":
        return one.relative, one.relative_low, one.relative_high
    return one.difference, one.low, one.high


def _effect(readout: Readout, one: OutcomeResult, scale: Scale, *, other: bool = False) -> Cell:
    """The effect on a scale, and on the other scale under it."""
    if one.verdict == "void":
        return Cell(NOTHING)
    value, low, high = _numbers(one, scale)
    below = ""
    if other and scale.unit == "relative":
        cell = effect_cell(one.difference, one.low, one.high, one.unit, readout.currency)
        below = f"{cell.text} {cell.small}"
    elif other and _relative_scale(one) is RELATIVE:
        cell = effect_cell(one.relative, one.relative_low, one.relative_high, "relative")
        below = f"{cell.text} {cell.small}"
    unit = one.unit if scale.unit != "relative" else "relative"
    return effect_cell(value, low, high, unit, readout.currency, below)


def _span(
    readout: Readout, one: OutcomeResult, scale: Scale, *, margin: bool = False
) -> Span | None:
    value, low, high = _numbers(one, scale)
    if value is None or one.verdict == "void":
        return None
    limit = None
    if margin and one.margin is not None:
        same = (one.margin_kind == "relative") == (scale.unit == "relative")
        limit = scale.times(one.margin if one.better == "lower" else -one.margin) if same else None
    tone = _TONES.get(one.verdict, "") if one.verdict != "non_inferior" else ""
    return Span(
        value=scale.times(value),
        low=scale.times(low),
        high=scale.times(high),
        margin=limit,
        dotted=_dotted(readout),
        tone=tone,
    )


def _wide(readout: Readout, names: Names, one: OutcomeResult, builder: Builder) -> Draft:
    """A row with the values of both sides."""
    scale = builder.scale(one)
    title, note = _called(names, one)
    verdict = Cell(_word(one), below=_p(one), tone=_TONES.get(one.verdict, "flat"))
    effect = _effect(readout, one, scale, other=True)
    after: tuple[Cell, ...] = (effect, verdict)
    if builder.margin:
        after = (effect, Cell(margin_of(one, readout.currency), label="margin"), verdict)
    row = Row(
        name=title,
        note=note,
        before=value_cells(readout, one, names, names.variant(one.variant)),
        after=after,
        why=one.why or "",
    )
    span = _span(readout, one, scale, margin=builder.margin)
    block = name_of(one) if names.several else ""
    return Draft(row, scale, span, block, _direction(one) if block else "")


def _side(
    readout: Readout,
    names: Names,
    key: str,
    title: str,
    rows: Sequence[OutcomeResult],
    scale_for: Callable[[OutcomeResult], Scale],
) -> Panel:
    """A narrow panel: name, picture, effect with its verdict."""
    drafts = []
    for one in rows:
        scale = scale_for(one)
        effect = _effect(readout, one, scale)
        word, tone = _plainly(one)
        n = f"n {counted(one.n + one.control_n)}"
        name = names.variant(one.variant) if names.several else name_of(one)
        span = _span(readout, one, scale)
        if span is not None:
            span = Span(span.value, span.low, span.high, dotted=span.dotted, tone=tone)
        row = Row(name, n, after=(Cell(effect.text, effect.small, word, "", tone, True),))
        row = Row(row.name, row.note, (), row.after, None, one.why or "")
        drafts.append(Draft(row, scale, span, name_of(one) if names.several else ""))
    made = blocks(drafts, most=3)
    scales = {draft.scale.unit for draft in drafts}
    note = "relative effect" if scales == {"relative"} else "effect"
    if scales and scales <= {"share", "nps", "score"}:
        note = "effect, points"
    return Panel(
        key=key,
        title=title,
        note=note if drafts else "",
        blocks=made,
        heads=("Outcome",),
        after_heads=("Effect",),
        empty="None was measured. A test that looks at one side only cannot see what it costs.",
        side=True,
    )


def _further(readout: Readout, names: Names, rows: Sequence[OutcomeResult]) -> tuple[Panel, ...]:
    if not rows:
        return ()
    drafts = [_wide(readout, names, one, Builder(_relative_scale, False)) for one in rows]
    panel = Panel(
        key="secondary",
        title="Secondary outcomes",
        note="p adjusted for all of them (Benjamini-Hochberg)",
        blocks=blocks(drafts),
        heads=("Outcome", names.base, names.treated),
        picture_head="← less | more →",
        after_heads=("Effect", "Verdict"),
    )
    return (panel,)


def _called(names: Names, one: OutcomeResult) -> tuple[str, str]:
    """Name and note of a row: the variant where there are several, else the KPI."""
    if not names.several:
        return name_of(one), _direction(one)
    base = (one.control or "").split("=")[-1]
    level = "=" in one.variant and "=" in (one.control or "")
    return names.variant(one.variant), f"against {base}" if level else ""


def _direction(one: OutcomeResult) -> str:
    return f"{one.better} is better"


def _plainly(one: OutcomeResult) -> tuple[str, str]:
    """What a two-sided interval says; a guardrail's own verdict is about its margin."""
    if one.verdict == "void":
        return VERDICTS["void"], "care"
    if not known(one):
        return NO_VALUE, ""
    if one.role != "guardrail":
        word = _word(one)
        plain = VERDICTS["inconclusive"]
        return UNCLEAR if word == plain else word, _TONES.get(one.verdict, "")
    side = side_of(one.low, one.high) * (1 if one.better == "higher" else -1)
    if side == 0:
        return UNCLEAR, ""
    return ("better", "good") if side > 0 else ("worse", "bad")


def _word(one: OutcomeResult) -> str:
    """The verdict in a word or two."""
    if not known(one) and one.verdict != "void":
        return NO_VALUE
    torn = one.verdict == "inconclusive" and side_of(one.low, one.high) != 0
    if torn and one.role != "guardrail":
        return ADJUSTED
    return VERDICTS[one.verdict]


def _p(one: OutcomeResult) -> str:
    if one.verdict == "void" or one.difference is None:
        return ""
    p = one.p_value if one.p_adjusted is None else one.p_adjusted
    if p is None:
        return ""
    return f"harm ruled out: {p_equals(p)}" if one.margin is not None else p_equals(p)
