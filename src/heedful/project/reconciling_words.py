"""What came of comparing two sources, in sentences for people, the most important first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from heedful.experiments.wording import amount, decimals_of, difference, interval_of
from heedful.reconciliation.rows import labels, listed
from heedful.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.reconciliation.reconciliation import Compared, Reconciliation
    from heedful.reconciliation.rows import Column

HOUR = 3600.0


def sentences(found: Reconciliation, kpi: CatalogueKpi, currency: str) -> tuple[str, ...]:
    """What came of it.

    Args:
        found: It.
        kpi: The KPI.
        currency: The project's.
    """
    first, *others = _agreement(found)
    # Names of sources are names of files; a sentence begins with a capital all the same.
    return (first[:1].upper() + first[1:], *others, *_columns(found), *_value(found, kpi, currency))


def notes(found: Reconciliation) -> tuple[str, ...]:
    """What a reader should know about how it was compared."""
    return tuple(_notes(found))


def _agreement(found: Reconciliation) -> Iterator[str]:
    a, b, coverage = found.a.source, found.b.source, found.coverage
    what = _ids(found)
    if found.agreement is None:
        yield f"Neither {a} nor {b} has any {labels(schema.table(found.table))} to compare."
        return
    if found.agreeing == coverage.all:
        yield f"{a} and {b} agree on all {coverage.all:,} {what}."
        return
    share = _floored(found.agreement)
    yield f"{a} and {b} agree on {share} of {what}: {found.agreeing:,} of {coverage.all:,}."
    parts = []
    for count, name in ((coverage.a_only, a), (coverage.b_only, b)):
        if count:
            parts.append(f"{count:,} {'is' if count == 1 else 'are'} only in {name}")
    if found.differing:
        verb = "is" if found.differing == 1 else "are"
        parts.append(f"{found.differing:,} {verb} in both with other values")
    yield f"{listed(parts)}."


def _ids(found: Reconciliation) -> str:
    if found.match == "key":
        return labels(schema.table(found.table))
    return "customers" if found.grain == "all" else f"customers by {found.grain}"


def _floored(share: float) -> str:
    """A share that is not all never looks like all.

    >>> _floored(0.99999), _floored(0.982)
    ('99.9%', '98.2%')
    """
    return f"{int(1000 * share + 1e-9) / 10:.1f}%"


def _columns(found: Reconciliation) -> Iterator[str]:
    for one in found.columns:
        yield f"{one.column} differs on {one.differing:,}{shared(one, found.b.source)}."


def shared(one: Column, b: str) -> str:
    """What the differences of a column have in common, as the end of a sentence."""
    of = "all of them" if one.usual == one.differing else f"{one.usual:,} of them"
    if one.shift_seconds is not None:
        way = "later" if one.shift_seconds > 0 else "earlier"
        zone = ", as a timezone would" if one.shift_seconds % (HOUR / 4) == 0 else ""
        return f": {_span(abs(one.shift_seconds))} {way} in {b} on {of}{zone}"
    if one.factor is not None:
        return f": {one.factor:g} times as much in {b} on {of}"
    return ""


def _span(seconds: float) -> str:
    """A length of time.

    >>> _span(7200), _span(90), _span(86400)
    ('2 h', '90 s', '1 day')
    """
    if seconds % timedelta(days=1).total_seconds() == 0:
        days = int(seconds // 86400)
        return "1 day" if days == 1 else f"{days} days"
    return f"{seconds / HOUR:g} h" if seconds % (HOUR / 4) == 0 else f"{seconds:g} s"


def _value(found: Reconciliation, kpi: CatalogueKpi, currency: str) -> Iterator[str]:
    one = found.whole or (found.periods[-1] if found.periods else None)
    if one is None:
        yield f"{kpi.title} has no reading by either source."
        return
    by = [
        f"{amount(value.value, found.unit, currency=currency)} by {given.source}"
        for given, value in ((found.a, one.a), (found.b, one.b))
        if value is not None and value.value is not None
    ]
    without = [
        given.source
        for given, value in ((found.a, one.a), (found.b, one.b))
        if value is None or value.value is None
    ]
    over = "" if found.whole else f" in the last {found.grain}"
    said = f"is {listed(by)}" if by else "has no value"
    rest = f"; {listed(without)} gives no value" if by and without else ""
    yield f"{kpi.title} {said}{over}{_gap(one, found.unit, currency)}{rest}."


def _gap(one: Compared, unit: str | None, currency: str) -> str:
    if one.difference is None:
        return ""
    if one.difference == one.low == one.high == 0:
        return ": no difference"
    places = decimals_of(unit, one.difference, one.low, one.high)
    gap = difference(one.difference, unit, decimals=places, currency=currency)
    if one.low is None and one.high is None:
        return f": {gap}"
    return f": {gap} ({interval_of(one.low, one.high, unit, decimals=places)})"


def _notes(found: Reconciliation) -> Iterator[str]:
    coverage = found.coverage
    if found.match == "customer":
        key = schema.table(found.table).key
        each = "customer" if found.grain == "all" else f"customer and {found.grain}"
        yield f"Rows are matched by {each}, not by {key}: numbers are added up."
    for given, nameless in ((found.a, coverage.a_nameless), (found.b, coverage.b_nameless)):
        if nameless:
            yield f"{nameless:,} rows of {given.source} name no customer and are left out of that."
    for given in (found.a, found.b):
        if given.rejected:
            rows = "row was" if given.rejected == 1 else "rows were"
            yield f"{given.rejected:,} {rows} rejected from {given.source}, and count as missing."
        if given.gone:
            rows = "row is" if given.gone == 1 else "rows are"
            yield (
                f"{given.gone:,} stored {rows} no longer in {given.source}, and still"
                f" {'counts' if given.gone == 1 else 'count'}."
            )
    if not found.again:
        yield (
            "These are the rows that are stored, and a key is stored once: where both sources have"
            " it, the later import took the place of the other's row, which is missing here."
        )
    for given, names in ((found.a, found.a_fills), (found.b, found.b_fills)):
        if names:
            yield f"Only {given.source} fills {listed(names)}; not compared."


def where(row: Mapping[str, str | None], found: Reconciliation) -> str:
    """What is different about a row of `differences`: a column, or where it is missing."""
    if row["column"] is not None:
        return row["column"]
    return f"only in {(found.a if row['difference'] == 'a_only' else found.b).source}"
