"""Spark, on a cluster, gives the numbers that DuckDB gives: every fact, every KPI."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

from heedful.facts.catalogue import facts
from heedful.project import Project

Row = dict[str, Any]
KEY = ("kpi", "grain", "period_start", "stage", "dimension", "segment")


def rows(project: Any, fact: str) -> list[Row]:
    found = project.lake("facts").open(fact).to_pyarrow_table().to_pylist()
    return sorted(found, key=lambda row: [str(row[name]) for name in facts()[fact].key])


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def differences(duck: list[Row], spark: list[Row], key: tuple[str, ...]) -> list[str]:
    return [
        f"{[row[k] for k in key]} {name}: DuckDB {row[name]!r}, Spark {other.get(name)!r}"
        for row, other in zip(duck, spark, strict=True)
        for name in row
        if not same(row[name], other.get(name))
    ]


def check_facts(pair: Any) -> None:
    """All rows and columns of every fact, and their types."""
    wrong = {}
    for name, fact in facts().items():
        kinds = [dict(p.lake("facts").snapshot(name).columns) for p in pair]
        duck, spark = (rows(project, name) for project in pair)
        found = [] if kinds[0] == kinds[1] else [f"types: DuckDB {kinds[0]}, Spark {kinds[1]}"]
        if len(duck) != len(spark):
            found.append(f"DuckDB {len(duck)} rows, Spark {len(spark)}")
        else:
            found += differences(duck, spark, fact.key)
        if found:
            wrong[name] = found[:5]
    assert not wrong, wrong


def readings(project: Any) -> list[Row]:
    found = project.kpis.log.read(totals=False, replicates=True).to_pylist()
    for row in found:
        row.pop("reported_at")
    return sorted(found, key=lambda row: [str(row[name]) for name in KEY])


def check_readings(pair: Any) -> list[Row]:
    """Every reading with its interval, its counts and its replicates, which are bucket sums."""
    duck, spark = (readings(project) for project in pair)
    keys = [{tuple(str(row[name]) for name in KEY) for row in found} for found in (duck, spark)]
    assert not keys[0] ^ keys[1], sorted(keys[0] ^ keys[1])[:10]
    wrong: dict[str, list[str]] = {}
    for text, row in zip(
        [differences([d], [s], KEY) for d, s in zip(duck, spark, strict=True)], duck, strict=True
    ):
        if text:
            wrong.setdefault(row["kpi"], text[:3])
    assert not wrong, wrong
    return duck


def test_everything_is_equal(pair):
    check_facts(pair)
    known = check_readings(pair)
    measured = {row["kpi"] for row in known}
    assert len(measured) >= 0.75 * len(pair.duck.definitions.kpis), "the company is too poor"


def test_more_days_touch_the_same_days_on_both(grown):
    """As a schedule has it: a process of its own brings up to date what another one built."""
    done = {one.state for one in Project(grown.duck.root).refresh()}
    assert "part" in done, done
    command = [sys.executable, "-m", "heedful", "refresh", "-p", str(grown.spark.root)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert found.returncode == 0, found.stderr[-2000:]
    check_facts(grown)
    check_readings(grown)


def test_engines_may_take_turns(pair):
    """What one built the other finds up to date, whoever is who."""
    main = pair.spark.root / "heedful.yaml"
    main.write_text(main.read_text().replace("engine: spark:", "# engine: spark:"))
    assert {done.state for done in Project(pair.spark.root).refresh()} <= {"unchanged", "no data"}
