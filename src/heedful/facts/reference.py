"""The reference of facts, written from their headers: `python -m heedful.facts.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta

from heedful.definitions.rules import Rules
from heedful.facts import relations
from heedful.facts.catalogue import facts
from heedful.facts.model import ADDED, GRAINS, Fact

INTRODUCTION = """\
# Facts

A fact is one SELECT over the tables, with a header that says what a row is. KPIs are measured
over facts. The built-in ones are listed below; each is a file in
[`src/heedful/facts/models`](../src/heedful/facts/models). This page is made from their headers
by `python -m heedful.facts.reference > docs/facts.md`.

## A fact of your own

A project adds a fact by a file `facts/<name>.sql`; one with the name of a built-in fact takes its
place.

```sql
/*
says: Complaints that were settled within a day.
grain: one row a complaint
key: ticket_id                      # the column or columns that identify a row
reads: [tickets]                    # every table that the SQL uses
lookback: 0 days                    # how far from a row's own time its inputs may lie, both ways
grains: [day, week, month]          # default: day, week, month, quarter, all
dimensions: [topic, device]         # columns to break it down by
attributes: tickets                 # carry what `attributes:` of a source added to this table
columns:
  settled: Whether it was resolved within 24 hours.
*/
SELECT
  t.ticket_id,
  COALESCE(t.customer, 'ticket:' || t.ticket_id) AS customer,
  t.opened_at AS at,
  COALESCE(EPOCH_US(t.resolved_at) - EPOCH_US(t.opened_at) <= 86400000000, FALSE) AS settled,
  t.topic,
  t.device,
  ATTRIBUTES(t)
FROM tickets AS t
WHERE t.is_complaint
```

- In `heedful sql` a fact is `facts.<name>`. `at` is a word of DuckDB's SQL: write `"at"` or `f.at`.
- Every fact gives its key, `customer` (never null: a row that nobody can be found for is a unit
  of its own) and `at`, the time that decides the period.
- `lookback` is `all`, or amounts of minutes, hours or days joined by `+`; an amount may be a
  number of `rules.yaml`, such as `1 day + $session_gap_minutes minutes`. When days change, only
  rows so near to them are read again. With `all` the fact is always built whole.
- `$name` is a value of `rules.yaml`; lists stand inside `IN ($name)`, and the lists under
  `activities` are called `$activity_resolved` and so on. There are also `$timezone`;
  `$tickets_until` and so on, until when the data of a table is known, and `$observed_until`, the
  newest of them; `$any_value_events` and so on, whether a list names anything;
  `$seen_value_events` and so on, whether the data has any event that a list names, and
  `$told_deliveries_replied_at` and so on, whether any row of a table has a time: what never
  happens in the data may be what its source does not know, and then is no zero; and
  `$orders_convert` and `$orders_active`, whether an order is as good as a conversion event or as
  activity. Values are put into the syntax tree, never into the text.
- `ATTRIBUTES(t)` stands for the attribute columns of the tables under `attributes`;
  `ATTRIBUTES(t, tickets)` for those of one of them.
- Differences between times are differences of `EPOCH_US(...)`, in microseconds.

## What facts read

Rows for which a condition under `exclude` in `rules.yaml` is true are left out, and so are all rows
of the customers that `exclude: customers` names. Tables with a `customer_id` have two more columns:
`customer`, who it is after all links in `identities` have been followed (else the customer's id,
else the anonymous one), and `known`, whether it is more than an anonymous id. `customers` has one
row a customer after that. In `responses` an answer that names no scale has that of its instrument
([instruments.md](instruments.md)), `scale_reversed` answers are turned, and `boxes` says how many
of the highest answers count as top boxes. Tables with a `touchpoint` have its `stage` and `ai`; an
event that names no touchpoint belongs to the first in `heedful.yaml` one of whose `pages` matches
its page (`*` stands for any text, `?` for one character).

Facts may also read these relations:
"""


def reference() -> str:
    """The page, in Markdown."""
    return "\n".join([*_head(), *(line for fact in facts().values() for line in _fact(fact))])


def _head() -> Iterator[str]:
    yield INTRODUCTION
    for name in relations.names():
        if name == relations.MONTHS:
            yield "### `months`\n"
            yield "The months from the first data to the last, in the project's timezone.\n"
            yield from _columns(
                {
                    "month": "Its first day.",
                    "starts_at": "When it begins.",
                    "ends_at": "When the next begins.",
                }
            )
        else:
            header = relations.relation(name).header
            yield f"### `{name}`\n"
            yield f"{header.says} Reads {_names(header.reads)}.\n"
            yield from _columns(header.columns)
    yield "## Built-in facts\n"
    yield "Beside its own columns every built fact has these:\n"
    yield from _columns(ADDED)


def _fact(fact: Fact) -> Iterator[str]:
    yield f"### `{fact.name}`\n"
    yield f"{fact.says}\n"
    yield f"- {fact.grain[0].upper()}{fact.grain[1:]}; key: {_names(fact.key)}."
    yield f"- Reads {_names(fact.reads)}; lookback: {fact.lookback.text}{_spelled(fact)}."
    if fact.grains != GRAINS:
        yield f"- Grains: {', '.join(fact.grains)}."
    carried = f", and the attributes of {_names(fact.attributes)}" if fact.attributes else ""
    yield f"- Dimensions: {_names(fact.dimensions)}{carried}.\n"
    yield from _columns(fact.columns)


def _spelled(fact: Fact) -> str:
    """The span that the default rules give, where the text does not say it."""
    if not fact.lookback.parameters:
        return ""
    span = fact.lookback.span(Rules().parameters()) or timedelta()
    hours = span / timedelta(hours=1)
    return f" ({hours:g} hours by default)"


def _columns(columns: Mapping[str, str]) -> Iterator[str]:
    yield "| column | meaning |"
    yield "|---|---|"
    for name, meaning in columns.items():
        yield f"| `{name}` | {meaning} |"
    yield ""


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(reference())
