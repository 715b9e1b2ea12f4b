"""A readout in the terminal: the decision first, then what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from heedful.cli import readout_tables as tables
from heedful.cli.printing import out, paragraph
from heedful.experiments.decision import in_words
from heedful.experiments.readout import Decision, Readout, SrmState
from heedful.experiments.sentences import inner
from heedful.experiments.wording import (
    NOTHING,
    counted,
    difference,
    listed,
    of_them,
    p_equals,
    percent,
)
from heedful.kpis.periods import shown

DECISIONS: dict[Decision, tuple[str, str]] = {
    "ship": ("Ship", "bold blue"),
    "do_not_ship": ("Do not ship", "bold red"),
    "keep_running": ("Keep running", "bold"),
    "needs_review": ("Needs review", "bold yellow"),
    "invalid": ("Invalid", "bold magenta"),
}
"""Decisions as people read them, and their colour."""

_RATIO: dict[SrmState, str] = {
    "ok": "holds",
    "caution": "is doubtful",
    "fail": "does not hold",
}
_DESIGNS = {"ab": "A/B test", "holdout": "holdout", "factorial": "factorial test"}
_SEQUENTIAL = {
    "none": "read once",
    "confidence_sequence": "read on any day (confidence sequence)",
    "alpha_spending": "read at planned looks (alpha spending)",
}


def print_readout(readout: Readout, console: Console = out) -> None:
    """Print a readout.

    Args:
        readout: An analysed experiment.
        console: Where to; its width decides how much stands on a line.
    """
    _head(console, readout)
    _decision(console, readout)
    _listed(console, "Read with care", readout.warnings)
    _listed(console, "Trade-offs", readout.trade_offs)
    _listed(console, "Signed", _signed(readout))
    _variants(console, readout)
    tables.outcomes(console, readout)
    _listed(console, "What it is worth", [one.words for one in readout.worth])
    tables.segments(console, readout)
    tables.looks(console, readout)
    tables.curves(console, readout)
    tables.claims(console, readout)
    _listed(console, "Notes", _notes(readout))


def _head(console: Console, readout: Readout) -> None:
    title = Text(readout.title or readout.name, style="bold")
    if readout.title and readout.title != readout.name:
        title.append(f" ({readout.name})", style="not bold")
    console.print(title)
    if readout.question:
        paragraph(readout.question, console=console)
    facts = [_DESIGNS.get(readout.design, readout.design)]
    if readout.start and readout.end and readout.start < readout.end:
        facts.append(shown("run", readout.start, readout.end))
    facts += [
        f"{name} {value}"
        for name, value in (
            ("stage", readout.stage),
            ("owner", readout.owner),
            ("approver", readout.approver),
        )
        if value
    ]
    facts.append(_SEQUENTIAL.get(readout.sequential, readout.sequential))
    if not readout.ended:
        facts.append("still running")
    paragraph(", ".join(facts), console=console)


def _decision(console: Console, readout: Readout) -> None:
    word, style = DECISIONS[readout.decision]
    line = Text("\n")
    line.append(word, style=style)
    if readout.candidate:
        line.append(f" – {tables.variant_name(readout, readout.candidate)}", style="bold")
    line.append(f": {in_words(readout.rule)}.")
    console.print(line)
    _items(console, readout.reasons)


def _signed(readout: Readout) -> Iterable[str]:
    for one in readout.signatures:
        ruled = DECISIONS[one.decision][0].lower()
        at = f"{one.at.day} {one.at:%b %Y}"
        reason = one.reason.strip().rstrip(".")
        yield f"{one.by}, {at}: {one.verdict}. {reason}. The rules said: {ruled}."


def _variants(console: Console, readout: Readout) -> None:
    units = sum(variant.units for variant in readout.variants)
    words = f"{_RATIO[readout.srm.state]}, {p_equals(readout.srm.p_value)}"
    if readout.srm.p_value is None:
        words = "not tested"
    _heading(console, "Units", f"sample ratio {words}")
    rows = [
        [
            tables.titled(variant),
            counted(variant.units),
            percent(variant.units / units, 1) if units else NOTHING,
            percent(variant.weight, 1),
            "control" if variant.name == readout.control else "",
        ]
        for variant in readout.variants
    ]
    heads = ("variant", f"{readout.unit}s", "share", "planned", "")
    tables.plain_table(console, rows, heads, right=(1, 2, 3))
    for text in _enough(readout, units):
        paragraph(text, console=console)


def _enough(readout: Readout, units: int) -> Iterator[str]:
    """Who is missing, and what could have been seen."""
    if readout.planned_units:
        yield f"{counted(units)} of {counted(readout.planned_units)} planned."
    if readout.crossovers:
        yield f"{of_them(readout.crossovers, readout.unit)} met several variants: left out."
    for one in readout.outcomes:
        if one.role == "primary" and one.detectable is not None:
            could = difference(abs(one.detectable), one.unit, currency=readout.currency)
            yield (
                f"A difference of {could.removeprefix('+')} in {inner(one)} would have been seen "
                f"with a probability of {percent(readout.power)}"
                + (f" ({one.variant})." if len(readout.variants) > 2 else ".")
            )
    for asked in readout.answered:
        shares = listed([f"{percent(share, 1)} ({name})" for name, share in asked.shares])
        yield f"{asked.title or asked.kpi}: {shares} answered, {p_equals(asked.p_value)}."


def _notes(readout: Readout) -> Sequence[str]:
    stated = []
    if readout.as_of:
        stated.append(f"Data up to {readout.as_of.day} {readout.as_of:%b %Y}.")
    if readout.definition:
        stated.append(f"Definition {readout.definition}.")
    return [*readout.notes, *([" ".join(stated)] if stated else [])]


def _listed(console: Console, heading: str, sentences: Iterable[str]) -> None:
    texts = list(sentences)
    if texts:
        _heading(console, heading)
        _items(console, texts)


def _items(console: Console, sentences: Iterable[str]) -> None:
    for text in sentences:
        paragraph(text, "  - ", "    ", console)


def _heading(console: Console, heading: str, note: str = "") -> None:
    tables.heading(console, heading, note)
