"""The SQL of a fact as a project runs it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from heedful.definitions.parameters import substitute
from heedful.facts import relations
from heedful.facts.inspection import is_attributes, outputs
from heedful.facts.model import ADDED, Fact
from heedful.facts.prepared import Prepared

if TYPE_CHECKING:
    from sqlglot import exp


def attributes(fact: Fact, prepared: Prepared) -> tuple[str, ...]:
    """The attribute columns that a fact carries beside its own; they are dimensions too."""
    found = {name for table in fact.attributes for name in prepared.attributes(table)}
    return tuple(sorted(found - {*fact.columns, *ADDED}))


def render(fact: Fact, prepared: Prepared) -> exp.Expr:
    """The query of a fact with the project's parameters and attributes in it.

    Args:
        fact: The fact.
        prepared: The project's tables.
    """
    from sqlglot import exp, parse_one

    query = parse_one(fact.sql, dialect="duckdb")
    if not isinstance(query, exp.Query):
        raise TypeError(fact.name)
    query.comments = None
    taken = {*outputs(query), *ADDED}
    for node in [one for one in query.selects if is_attributes(one)]:
        alias, *tables = (each.name for each in node.expressions)
        names = {n for t in tables or fact.attributes for n in prepared.attributes(t)} - taken
        taken |= names
        columns = [exp.column(name, table=alias, quoted=True) for name in sorted(names)]
        if columns:
            node.replace(columns)
        else:
            node.pop()
    return substitute(query, prepared.parameters)


def signature(fact: Fact, prepared: Prepared) -> str:
    """A short hash of all that decides a fact's rows except the rows of its tables.

    Where it differs from the one at the last build, a part is not enough: the definition, a rule
    it uses, the timezone, touchpoints, exclusions, attribute columns, or who is who have changed.
    Until when data is known is no part of it.
    """
    from sqlglot import exp, parse_one

    queries = [fact.sql, *(relations.relation(one).sql for one in relations.behind(fact.relations))]
    used = {
        node.name
        for sql in queries
        for node in parse_one(sql, dialect="duckdb").find_all(exp.Placeholder, exp.Parameter)
    } | set(fact.lookback.parameters)
    parts = [
        fact.definition_hash,
        {name: prepared.parameters[name] for name in sorted(used) if not name.endswith("_until")},
        prepared.settings.timezone,
        prepared.people,
        [prepared.rows(table) for table in fact.reads],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
