"""SQL of a project that would not be the same on Spark is told by file and line."""

from __future__ import annotations

import pytest
from sqlglot import parse_one

from heedful.definitions.kpi_files import read_catalogue
from heedful.definitions.problem import ProjectError
from heedful.engines.portable import unportable
from heedful.facts import relations
from heedful.facts.catalogue import facts
from heedful.project import Project
from heedful.project.project import CATALOGUE, check

FACT = """/*
says: Calls.
grain: one row a call
key: [customer, at]
reads: [events]
lookback: 1 day
*/
SELECT
  e.customer,
  e.occurred_at AS at,
  CAST(2.7 AS INT) AS seconds
FROM events AS e
WHERE e.customer IS NOT NULL
  AND HASH(e.event_id) > 0
"""
SAYS = ["facts/calls.sql:11", "facts/calls.sql:14", "kpis/far.yaml:4", "segments.yaml:3"]


@pytest.fixture
def own(project):
    (project.root / "facts").mkdir(exist_ok=True)
    (project.root / "facts" / "calls.sql").write_text(FACT)
    (project.root / "kpis" / "far.yaml").write_text(
        "like: nps\nowner: cx\nplaybook: nps\nwhere: LOG(score) > 1\n"
    )
    (project.root / "segments.yaml").write_text(
        "big:\n  of: customer\n  cases: {big: UPPER(plan) = 'PRO'}\n"
    )
    return project.root


def engine(root, name):
    with (root / "heedful.yaml").open("a") as file:
        file.write(f"\nengine: {name}\n")


def places(problems):
    return [f"{one.file}:{one.line}" for one in problems if "heedful.yaml" not in one.file]


def test_on_duckdb_it_is_a_warning(own):
    found = check(own)
    assert found.problems == ()
    assert [one for one in places(found.warnings) if one in SAYS] == SAYS


def test_on_spark_it_is_refused(own):
    engine(own, "spark")
    assert places(check(own).problems) == SAYS
    with pytest.raises(ProjectError, match="HASH is not portable"):
        Project(own).refresh()


def test_what_ships_has_no_warning(project):
    said = " ".join(map(str, check(project.root).warnings))
    assert "portable" not in said
    assert "Spark" not in said


@pytest.mark.parametrize(
    "name", ["duckdb", "spark", "local", "local[2]", "local[*]", "spark://h-1:7077,h2:7077"]
)
def test_engines_that_there_are(project, name):
    engine(project.root, f'"{name}"')
    assert Project(project.root).definitions.settings.engine == name


def test_all_sql_that_ships_is_portable():
    texts = [fact.sql for fact in facts().values()]
    texts += [relations.relation(n).sql for n in relations.names() if n != relations.MONTHS]
    for raw in read_catalogue(CATALOGUE).values():
        parts = [raw.get("where"), *(raw.get("measure") or {}).values()]
        texts += [part for part in parts if isinstance(part, str)]
    assert len(texts) > 100
    found = [
        (text, f.found) for text in texts for f in unportable(parse_one(text, dialect="duckdb"))
    ]
    assert not found


@pytest.mark.parametrize("name", ["local[0]", "spark:", "spark://me:secret@h:7077", "spark://h"])
def test_engines_that_there_are_not(project, name):
    engine(project.root, f'"{name}"')
    with pytest.raises(ProjectError, match=r"heedful\.yaml:\d+: ") as error:
        Project(project.root)
    assert "spark://" in str(error.value)
    assert "secret" not in str(error.value)
