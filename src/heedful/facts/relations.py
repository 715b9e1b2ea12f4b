"""Relations that facts may read beside the tables; several facts share them.

Each is one SQL file in `facts/relations/` with the header of a fact; it is never stored.
`months` is made by `Prepared`: `month` (its first day), `starts_at` and `ends_at`, in the
project's timezone, from the first data to the last.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from heedful.definitions.problem import ProjectError
from heedful.facts.model import Header, read_header

FOLDER = Path(__file__).parent / "relations"
MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Relation:
    """A shared part of facts.

    Attributes:
        name: The stem of its file.
        header: What it says about itself.
        sql: Its query.
    """

    name: str
    header: Header
    sql: str


@functools.cache
def names() -> tuple[str, ...]:
    """Names of the relations, sorted.

    >>> names()
    ('activity', 'months', 'spells', 'stays')
    """
    return tuple(sorted([MONTHS, *(path.stem for path in FOLDER.glob("*.sql"))]))


@functools.cache
def relation(name: str) -> Relation:
    """The relation of that name, any but `months`."""
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    head, problems = read_header(text, f"heedful/facts/relations/{name}.sql")
    if head is None:
        raise ProjectError(problems)
    return Relation(name, head.header, head.sql.strip())


def tables(reads: Iterable[str]) -> tuple[str, ...]:
    """The canonical tables behind tables and relations, each once.

    >>> tables(["tickets", "spells"])
    ('tickets', 'subscriptions', 'events', 'orders')
    """
    reads = tuple(reads)
    found = [name for name in reads if name not in names()]
    for one in behind(reads):
        found += [name for name in relation(one).header.reads if name not in names()]
    return tuple(dict.fromkeys(found))


def behind(reads: Iterable[str]) -> tuple[str, ...]:
    """The relations of a folder that a query needs, each once; without `months`.

    >>> behind(["tickets", "spells"])
    ('spells', 'activity')
    """
    found: list[str] = []
    for name in reads:
        if name in names() and name != MONTHS:
            found += [name, *behind(relation(name).header.reads)]
    return tuple(dict.fromkeys(found))
