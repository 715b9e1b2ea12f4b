"""The one query of a fact against a naive row-by-row implementation."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.definitions.kpi import CatalogueKpi
from heedful.engines.duckdb import DuckDB
from heedful.kpis import coded, periods, tally
from heedful.kpis.cells import ALL, Cells, joined
from heedful.kpis.estimating import estimates
from heedful.kpis.sums import Plan, Query
from heedful.kpis.tally import Tally

COLUMNS = {
    "customer": "VARCHAR",
    "day": "DATE",
    "bucket": "INTEGER",
    "stage": "VARCHAR",
    "device": "VARCHAR",
    "flag": "BOOLEAN",
    "score": "DOUBLE",
    "scale_max": "DOUBLE",
    "amount": "DOUBLE",
    "weight": "DOUBLE",
    "hours": "DOUBLE",
    "done": "BOOLEAN",
}
COMMON = {
    "title": "t",
    "says": "s",
    "layer": "experience",
    "timing": "leading",
    "better": "higher",
    "fact": "t",
    "threshold": {"rule": "change"},
}


def kpi(name: str, measure: dict[str, object], **more: object) -> CatalogueKpi:
    return CatalogueKpi.model_validate(
        {"id": name, **COMMON, "measure": measure, **more}, context=None
    )


KPIS = (
    kpi("share", {"share": "flag"}),
    kpi("where", {"share": "flag"}, where="score > 3", stages=("retention",)),
    kpi("weighted", {"share": "flag"}, weighted=True),
    kpi("top_box", {"top_box": "score", "of": "scale_max", "boxes": 2}),
    kpi("nps", {"nps": "score"}, weighted=True),
    kpi("mean", {"mean": "amount", "in": "money"}, stages=("retention",)),
    kpi("ratio", {"ratio": "amount", "per": "score", "in": "money"}),
    kpi("total", {"total": "amount", "in": "money"}),
    kpi(
        "product",
        {"product": ({"of": "amount"}, {"of": "score", "per": "hours"}), "in": "money"},
        where="scale_max < 10",
    ),
    kpi("median", {"quantile": "amount", "q": 0.5, "in": "money"}),
    kpi("p90", {"quantile": "amount", "q": 0.9, "in": "money"}, stages=("retention",)),
    kpi("duration", {"duration": "hours", "event": "done", "q": 0.5, "in": "hours"}),
    kpi("retention", {"retention": "hours", "lost": "done", "after": 5}),
)
SETS = (
    ("day", None),
    ("week", "device"),
    ("month", None),
    ("quarter", "plan"),
    ("all", None),
    ("all", "device"),
)

rows = st.fixed_dictionaries(
    {
        "customer": st.sampled_from([f"c{number}" for number in range(9)]),
        "day": st.dates(date(2025, 12, 20), date(2026, 4, 10)),
        "stage": st.sampled_from([None, "retention", "conversion"]),
        "device": st.sampled_from([None, "mobile", "desk\x00top", "it's"]),
        "flag": st.sampled_from([None, True, False]),
        "score": st.sampled_from([None, 0.0, 3.0, 4.0, 6.0, 7.0, 9.0, 10.0]),
        "scale_max": st.sampled_from([5.0, 7.0, 10.0]),
        "amount": st.one_of(st.none(), st.integers(-500, 500).map(lambda x: x / 4)),
        "weight": st.sampled_from([None, 0.5, 1.0, 2.25]),
        "hours": st.one_of(st.none(), st.integers(0, 12).map(float)),
        "done": st.sampled_from([None, True, False]),
    }
)
PLANS = {f"c{number}": ["pro", "free", None][number % 3] for number in range(8)}


def bucket(customer: str) -> int:
    return int(hashlib.md5(customer.encode()).hexdigest()[:2], 16) % 64


def grouped(query: Query, engine: DuckDB) -> list[Cells]:
    """Cells that the engine groups."""
    values = {n: engine.query(query.values_sql(n)) for n in query.distributions()}
    return query.cells(engine.query(query.sums_sql()), values)


def tallied(query: Query, engine: DuckDB) -> list[Cells]:
    """Cells that are counted in arrays."""
    parts = [
        cells for together in Tally(query, engine).parts() for part in together for cells in part()
    ]
    return [
        joined([part for part in parts if part.kpi is kpi], kpi, measure)
        for kpi, measure in zip(query.plan.kpis, query.measures, strict=True)
    ]


def sliced(query: Query, engine: DuckDB) -> list[Cells]:
    """Counted in arrays of a few rows at a time, and without a place for every possible cell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coded, "SLICE", 3)
        patch.setattr(coded, "DENSE", 2)
        patch.setattr(tally, "BATCH", 2)
        return tallied(query, engine)


WAYS = (grouped, tallied, sliced)


def measured(
    data: list[dict[str, object]], way=tallied, kpis: tuple[CatalogueKpi, ...] = KPIS
) -> list[Cells]:
    """Each KPI's cells from the engine, by key."""
    engine = DuckDB()
    try:
        kinds = {"VARCHAR": pa.string(), "DATE": pa.date32(), "INTEGER": pa.int32()}
        kinds |= {"BOOLEAN": pa.bool_(), "DOUBLE": pa.float64()}
        schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
        table = pa.Table.from_pylist(
            [{**row, "bucket": bucket(str(row["customer"]))} for row in data], schema=schema
        )
        people = pa.table(
            {
                "customer": pa.array(list(PLANS), pa.string()),
                "account": pa.array([None] * len(PLANS), pa.string()),
                "plan": pa.array(list(PLANS.values()), pa.string()),
            }
        )
        engine.connection.register("t", table)
        engine.connection.register("who", people)
        plan = Plan("t", kpis, COLUMNS, frozenset({"plan"}), SETS)
        query = Query(plan)
        return way(query, engine)
    finally:
        engine.close()


def naive(data: list[dict[str, object]], one: CatalogueKpi) -> dict[tuple, list[dict]]:
    """The rows of each cell, one by one."""
    default = one.stages[0] if len(one.stages) == 1 else None
    cells: dict[tuple, list[dict]] = defaultdict(list)
    for row in data:
        if not counts(row, one):
            continue
        stage = row["stage"] or default
        broken = {None: None, "device": row["device"], "plan": PLANS.get(row["customer"])}
        for grain, dimension in SETS:
            segment = broken[dimension]
            begin = ALL if grain == "all" else periods.start(grain, row["day"])
            cells[grain, begin, None, dimension, segment].append(row)
            if stage is not None:
                cells[grain, begin, stage, dimension, segment].append(row)
    return cells


def counts(row: dict, one: CatalogueKpi) -> bool:
    needed = {
        "share": ["flag"],
        "where": ["flag"],
        "weighted": ["flag"],
        "top_box": ["score"],
        "nps": ["score"],
        "mean": ["amount"],
        "ratio": ["amount", "score"],
        "total": ["amount"],
        "product": [],
        "median": ["amount"],
        "p90": ["amount"],
        "duration": ["hours", "done"],
        "retention": ["hours", "done"],
    }[one.id]
    if one.id == "where" and not (row["score"] is not None and row["score"] > 3):
        return False
    if one.id == "product":
        paired = row["score"] is not None and row["hours"] is not None
        return row["scale_max"] < 10 and (row["amount"] is not None or paired)
    return all(row[name] is not None for name in needed)


def value(cell: list[dict], one: CatalogueKpi) -> float | None:
    weight = [1.0 if row["weight"] is None else row["weight"] for row in cell]
    if one.id in {"share", "where"}:
        return sum(row["flag"] for row in cell) / len(cell)
    if one.id == "weighted":
        held = sum(w for row, w in zip(cell, weight, strict=True) if row["flag"])
        return held / sum(weight)
    if one.id == "top_box":
        return sum(row["score"] >= row["scale_max"] - 1 for row in cell) / len(cell)
    if one.id == "nps":
        fans = sum(w for row, w in zip(cell, weight, strict=True) if row["score"] >= 9)
        critics = sum(w for row, w in zip(cell, weight, strict=True) if row["score"] <= 6)
        return 100 * (fans - critics) / sum(weight)
    if one.id == "mean":
        return sum(row["amount"] for row in cell) / len(cell)
    if one.id == "ratio":
        below = sum(row["score"] for row in cell)
        return sum(row["amount"] for row in cell) / below if below > 0 else None
    if one.id == "total":
        return float(sum(row["amount"] for row in cell))
    if one.id == "product":
        paired = [r for r in cell if r["score"] is not None and r["hours"] is not None]
        below = sum(row["hours"] for row in paired)
        above = sum(row["amount"] for row in cell if row["amount"] is not None)
        return above * sum(r["score"] for r in paired) / below if below > 0 else None
    if one.id in {"median", "p90"}:
        return float(np.quantile([r["amount"] for r in cell], 0.5 if one.id == "median" else 0.9))
    return kaplan_meier(cell, one.id)


def kaplan_meier(cell: list[dict], name: str) -> float | None:
    left, survival = 1.0, []
    for moment in sorted({row["hours"] for row in cell if row["done"]}):
        risk = sum(row["hours"] >= moment for row in cell)
        left *= 1 - sum(row["hours"] == moment and row["done"] for row in cell) / risk
        survival.append((moment, left))
    if name == "duration":
        return next((moment for moment, share in survival if share <= 0.5 + 1e-12), None)
    if all(row["hours"] < 5 for row in cell) and left > 1e-12:
        return None
    return next((share for moment, share in reversed(survival) if moment <= 5), 1.0)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=25, deadline=None)
@given(data=st.lists(rows, max_size=40))
def test_every_cell_of_every_measure_is_what_counting_by_hand_gives(way, data):
    for one, cells in zip(KPIS, measured(data, way), strict=True):
        expected = naive(data, one)
        keys = list(
            zip(cells.grain, cells.begin, cells.stage, cells.dimension, cells.segment, strict=True)
        )
        assert len(keys) == len(set(keys))
        assert set(keys) == set(expected), one.id
        if not keys:
            continue
        found = estimates(cells)
        for number, key in enumerate(keys):
            mine = expected[key]
            assert cells.n[number].sum() == len(mine)
            assert cells.customers[number].sum() == len({row["customer"] for row in mine})
            by_bucket = np.bincount([bucket(r["customer"]) for r in mine], minlength=64)
            np.testing.assert_array_equal(cells.n[number], by_bucket)
            wanted, got = value(mine, one), found[number].value
            if wanted is None:
                assert got is None, (one.id, key)
            else:
                assert got is not None, (one.id, key, wanted, found[number].why)
                assert math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-9), (one.id, key)


def row(**given: object) -> dict[str, object]:
    blank = dict.fromkeys(COLUMNS)
    blank.pop("bucket")
    return {**blank, "customer": "c1", "day": date(2026, 1, 1), "scale_max": 5.0, **given}


@pytest.mark.parametrize("way", WAYS)
def test_no_rows_and_only_nulls_have_no_cells(way):
    for data in ([], [row(), row(customer="c2")]):
        assert [len(cells) for cells in measured(data, way)] == [0] * len(KPIS)


def test_one_customer_has_a_value_and_says_why_it_has_no_interval():
    data = [row(amount=10.0, flag=True, day=date(2026, 1, d)) for d in range(1, 20)]
    found = {
        one.id: estimates(cells)[0]
        for one, cells in zip(KPIS, measured(data), strict=True)
        if len(cells)
    }
    assert found["mean"].value == 10.0
    assert (found["mean"].low, found["mean"].high) == (None, None)
    assert found["mean"].why == "fewer than 30 customers"
    assert found["share"].value == 1.0
    assert found["share"].low is not None


@pytest.mark.parametrize("way", WAYS)
def test_a_null_segment_is_a_segment_of_its_own_not_the_total(way):
    data = [row(flag=True), row(flag=False, device="mobile")]
    cells = measured(data, way)[0]
    by_device = {
        segment: cells.sums["y"][number].sum()
        for number, (grain, stage, dimension, segment) in enumerate(
            zip(cells.grain, cells.stage, cells.dimension, cells.segment, strict=True)
        )
        if grain == "all" and stage is None and dimension == "device"
    }
    assert by_device == {None: 1, "mobile": 0}


def test_the_days_asked_for_limit_the_rows():
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(10)]
    engine = DuckDB()
    table = pa.table(
        {
            "customer": ["a"] * 10,
            "day": pa.array(days, pa.date32()),
            "bucket": [1] * 10,
            "flag": [True] * 10,
        }
    )
    engine.connection.register("t", table)
    columns = {"customer": "VARCHAR", "day": "DATE", "bucket": "INTEGER", "flag": "BOOLEAN"}
    plan = Plan("t", (KPIS[0],), columns, frozenset(), (("all", None),), days[2], days[5])
    query = Query(plan)
    assert [way(query, engine)[0].n.sum() for way in WAYS] == [3, 3, 3]
    engine.close()


def test_accounts_are_the_clusters_where_the_kpi_says_so():
    engine = DuckDB()
    data = pa.table(
        {
            "customer": ["a", "b", "c"],
            "bucket": [1, 2, 3],
            "day": pa.array([date(2026, 1, 1)] * 3, pa.date32()),
            "flag": [True] * 3,
        }
    )
    who = pa.table({"customer": ["a", "b"], "account": ["acme", "acme"]})
    engine.connection.register("t", data)
    engine.connection.register("who", who)
    columns = {"customer": "VARCHAR", "day": "DATE", "bucket": "INTEGER", "flag": "BOOLEAN"}
    one = kpi("share", {"share": "flag"}, unit="account")
    query = Query(Plan("t", (one,), columns, frozenset(), (("all", None),)))
    cells = query.cells(engine.query(query.sums_sql()), {})[0]
    assert cells.customers.sum() == 2  # acme, and c who belongs to no account
    assert cells.n[0, bucket("acme")] == 2
    engine.close()


def by_account(data: list[dict], people: dict[str, str | None], one: CatalogueKpi):
    """The one cell of a KPI whose unit is the account, and its estimate."""
    engine = DuckDB()
    names = list(data[0])
    own = {"account": "VARCHAR"} if "account" in names else {}
    columns = {"customer": "VARCHAR", "day": "DATE", "bucket": "INTEGER", "amount": "DOUBLE"} | own
    kinds = {"VARCHAR": pa.string(), "DATE": pa.date32(), "DOUBLE": pa.float64()}
    fields = [(n, kinds.get(columns.get(n, ""), pa.int32())) for n in names]
    engine.connection.register("t", pa.Table.from_pylist(data, schema=pa.schema(fields)))
    who = {"customer": list(people), "account": pa.array(list(people.values()), pa.string())}
    engine.connection.register("who", pa.table(who))
    query = Query(Plan("t", (one,), columns, frozenset(), (("all", None),)))
    values = {n: engine.query(query.values_sql(n)) for n in query.distributions()}
    (cells,) = query.cells(engine.query(query.sums_sql()), values)
    engine.close()
    return cells, estimates(cells)[0]


def test_intervals_of_accounts_are_a_jackknife_over_accounts():
    """Every account alone in its bucket is left out once, and the mean computed anew by hand."""
    from scipy.stats import t

    rng = np.random.default_rng(7)
    alone = {bucket(name): name for name in (f"account {n}" for n in range(2000))}
    names = [alone[place] for place in range(64)]
    people, data = {}, []
    for number, name in enumerate(names):
        for place in range(1 + number % 4):
            people[f"{name}/{place}"] = name
            data += [
                {"customer": f"{name}/{place}", "day": date(2026, 1, 1), "amount": amount}
                for amount in number % 7 + rng.normal(10, 1, 3)
            ]
    rows_ = [{**row, "bucket": bucket(row["customer"])} for row in data]
    cells, found = by_account(rows_, people, kpi("m", MEAN, unit="account"))
    assert cells.customers.sum() == 64
    amounts = np.array([row["amount"] for row in data])
    owners = np.array([people[row["customer"]] for row in data])
    whole = amounts.mean()
    without = np.array([amounts[owners != name].mean() for name in names])
    np.testing.assert_allclose(found.replicates, without, rtol=1e-12)
    error = math.sqrt(63 / 64 * ((without - whole) ** 2).sum())
    assert found.value == pytest.approx(whole)
    width = 2 * t.ppf(0.975, 63) * error
    assert found.high - found.low == pytest.approx(width, rel=0.02)
    _, apart = by_account(rows_, dict.fromkeys(people), kpi("m", MEAN, unit="account"))
    # The customers of an account resemble each other: taken apart they seem to know more.
    assert apart.high - apart.low < 0.8 * width


MEAN = {"mean": "amount", "in": "money"}


def test_an_account_and_a_customer_of_one_name_are_two():
    rows_ = [
        {"customer": name, "day": date(2026, 1, 1), "bucket": 0, "amount": 1.0} for name in "78"
    ]
    cells, _ = by_account(rows_, {"8": "7"}, kpi("m", MEAN, unit="account"))
    assert cells.customers.sum() == 2
    assert cells.customers[0, bucket("7")] == 2


def test_what_a_fact_says_of_the_account_goes_before_that_of_the_customer():
    rows_ = [
        {"customer": "a", "account": "x", "day": date(2026, 1, 1), "bucket": 0, "amount": 1.0},
        {"customer": "a", "account": None, "day": date(2026, 1, 1), "bucket": 0, "amount": 1.0},
        {"customer": "b", "account": "x", "day": date(2026, 1, 1), "bucket": 0, "amount": 1.0},
    ]
    cells, _ = by_account(rows_, {"a": "y", "b": None}, kpi("m", MEAN, unit="account"))
    assert cells.customers.sum() == 2  # x and y
    assert (cells.n[0, bucket("x")], cells.n[0, bucket("y")]) == (2, 1)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=300), min_size=1, max_size=5))
@settings(max_examples=20, deadline=None)
def test_accounts_fall_into_buckets_as_customers_do(name):
    row_ = {"customer": "c", "day": date(2026, 1, 1), "bucket": 0, "amount": 1.0}
    cells, _ = by_account([row_], {"c": name}, kpi("m", MEAN, unit="account"))
    assert cells.n[0, bucket(name)] == 1


def test_customers_and_accounts_are_never_summed_together():
    pair = (KPIS[0], kpi("other", {"share": "flag"}, unit="account"))
    with pytest.raises(ValueError, match="apart"):
        Query(Plan("t", pair, COLUMNS, frozenset(), (("all", None),)))


def test_rules_enter_the_sql_of_a_kpi_as_values():
    one = kpi("share", {"share": "hours <= $limit"}, where="device IN ($devices)")
    plan = Plan(
        "t",
        (one,),
        COLUMNS,
        frozenset(),
        (("all", None),),
        parameters={"limit": 5, "devices": ["it's", "x"]},
    )
    sql = Query(plan).sums_sql()
    assert "hours <= CAST(5 AS BIGINT)" in sql
    assert "device IN ('it''s', 'x')" in sql


def test_a_planned_kpi_has_nothing_to_sum():
    planned = CatalogueKpi(
        id="x",
        title="t",
        says="s",
        layer="experience",
        timing="leading",
        better="higher",
        planned=True,
    )
    with pytest.raises(ValueError, match="planned"):
        Query(Plan("t", (planned,), COLUMNS, frozenset(), (("all", None),)))


def test_every_catalogue_kpi_compiles_to_sql_that_the_engine_and_spark_can_read():
    import sqlglot

    from heedful.definitions.project_files import load
    from heedful.facts.catalogue import facts
    from heedful.project import CATALOGUE

    root = Path(__file__).parent / "empty_project"
    loaded = load(root, CATALOGUE).valid()
    checked = 0
    for one in loaded.catalogue.values():
        if one.planned:
            continue
        fact = facts()[str(one.fact)]
        columns = dict.fromkeys([*fact.columns, "day", "bucket"], "VARCHAR")
        query = Query(Plan("t", (one,), columns, frozenset(), (("month", None), ("all", None))))
        for sql in [query.sums_sql(), *map(query.values_sql, query.distributions())]:
            tree = sqlglot.parse_one(sql, dialect="duckdb")
            sqlglot.transpile(
                sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
            )
            assert tree is not None
        checked += 1
    assert checked > 30


def test_small_codes_are_ordered_as_large_ones_are():
    codes = np.random.default_rng(4).integers(0, 200_000, 5_000).astype(np.uint32)
    codes = np.concatenate([codes, codes[::3], codes[::7]])
    np.testing.assert_array_equal(coded._stable(codes), np.argsort(codes, kind="stable"))
