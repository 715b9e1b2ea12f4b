"""Planted differences are told exactly, and nothing that is stored is touched."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import heedful
from heedful.definitions.problem import ProjectError
from heedful.project import NotFoundError
from heedful.project.reconciling import reconcile
from heedful.project.reconciling_words import notes

BERLIN = ZoneInfo("Europe/Berlin")


def rows(project, name):
    with (project.root / "in" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def by_month(given):
    """Mean order value a month: rows, sum of amounts, customers."""
    found = defaultdict(lambda: [0, 0.0, set()])
    for row in given:
        at = datetime.fromisoformat(row["ordered_at"]).astimezone(BERLIN)
        month = found[date(at.year, at.month, 1)]
        month[0] += 1
        month[1] += float(row["amount"])
        month[2].add(row["customer_id"])
    return found


def files(root):
    found = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path: path.stat().st_mtime_ns for path in found if path.suffix != ".lock"}


@pytest.fixture(scope="module")
def found(shop):
    data = shop.definitions.data
    before = files(data)
    found = reconcile(shop, "order_value", "shop", "warehouse")
    assert files(data) == before
    assert list((data / "staging").iterdir()) == []
    return found


def test_ids_are_told_apart(found, planted):
    told = defaultdict(set)
    for row in found.differences.to_pylist():
        told[row["column"] or row["difference"]].add(row["id"])
    assert told == planted
    both = 600 - 41 - 3
    coverage = found.coverage
    assert (coverage.both, coverage.a_only, coverage.b_only) == (both, 41, 3)
    assert (coverage.a_rows, coverage.b_rows) == (597, 559)
    assert found.differing == 128
    assert found.agreeing == both - 128
    assert found.agreement == (both - 128) / 600
    assert found.match == "key"
    assert not found.limited


def test_customers_are_told_apart(shop, found):
    a, b = ({row["customer_id"] for row in rows(shop, name)} for name in ("shop", "warehouse"))
    coverage = found.coverage
    assert coverage.customers_both == len(a & b)
    assert coverage.customers_a_only == len(a - b)
    assert coverage.customers_b_only == len(b - a)


def test_columns_are_told_with_what_they_share(found):
    columns = {one.column: one for one in found.columns}
    assert set(columns) == {"ordered_at", "amount"}
    assert (columns["ordered_at"].differing, columns["ordered_at"].usual) == (120, 120)
    assert columns["ordered_at"].shift_seconds == 3600
    assert (columns["amount"].differing, columns["amount"].factor) == (8, None)
    assert found.compared == ("ordered_at", "customer_id", "amount")
    assert found.a_fills == ("channel", "region")
    assert found.b_fills == ("status",)


def test_both_values_of_a_row_are_shown(found):
    by_id = {(r["id"], r["column"]): r for r in found.differences.to_pylist()}
    row = by_id["o0200", "ordered_at"]
    assert (row["a"], row["b"]) == ("2026-01-31 02:00:00+01", "2026-01-31 03:00:00+01")
    row = by_id["o0100", "amount"]
    assert float(row["b"]) - float(row["a"]) == pytest.approx(10)
    assert by_id["o0599", None]["difference"] == "a_only"


def test_values_are_those_of_each_source_alone(shop, found):
    """Though one overwrote the other's rows in the table that both fill."""
    a, b = by_month(rows(shop, "shop")), by_month(rows(shop, "warehouse"))
    assert [one.period_start for one in found.periods] == sorted(a) == sorted(b)
    for one in found.periods:
        for value, (n, amount, who) in (
            (one.a, a[one.period_start]),
            (one.b, b[one.period_start]),
        ):
            assert value.value == pytest.approx(amount / n)
            assert (value.n, value.customers) == (n, len(who))
        assert one.difference == pytest.approx(one.b.value - one.a.value)
    whole = found.whole
    assert whole.difference == pytest.approx(whole.b.value - whole.a.value)
    assert whole.low < whole.difference < whole.high
    # The same customers stand behind both, so that the difference is known far better than they.
    assert whole.high - whole.low < 0.5 * (whole.a.high - whole.a.low)


def test_the_interval_of_the_difference_is_a_paired_jackknife(shop, found):
    """Leaving out each bucket of customers from both at once."""
    import hashlib

    import numpy as np
    from scipy import stats

    sums = np.zeros((2, 2, 64))
    for side, name in enumerate(("shop", "warehouse")):
        for row in rows(shop, name):
            digest = hashlib.md5(row["customer_id"].encode()).hexdigest()
            bucket = int(digest[0], 16) % 4 * 16 + int(digest[1], 16)
            sums[side, :, bucket] += float(row["amount"]), 1
    left = sums.sum(axis=2)[:, :, None] - sums
    leave = left[1, 0] / left[1, 1] - left[0, 0] / left[0, 1]
    se = np.sqrt(63 / 64 * ((leave - leave.mean()) ** 2).sum())
    width = stats.t.ppf(0.975, 63) * se
    whole = found.whole
    assert (whole.high - whole.low) / 2 == pytest.approx(width, rel=0.02)


def test_the_stored_rows_are_fewer(shop):
    found = reconcile(shop, "order_value", "shop", "warehouse", again=False)
    # What the warehouse brought later took the place of the shop's rows.
    assert (found.coverage.a_rows, found.coverage.b_rows) == (41, 559)
    assert (found.a.kept, found.a.read) == (41, None)
    # No key can be in both, so customers are compared, and what that misses is said.
    assert found.match == "customer"


def test_a_part_of_time_is_whole_periods(shop, planted):
    found = reconcile(
        shop,
        "order_value",
        "shop",
        "warehouse",
        since=date(2026, 2, 10),
        until=date(2026, 2, 20),
        limit=5,
    )
    assert (found.since, found.until) == (date(2026, 2, 1), date(2026, 3, 1))
    assert [one.period_start for one in found.periods] == [date(2026, 2, 1)]
    month = by_month(rows(shop, "shop"))[date(2026, 2, 1)]
    assert found.coverage.a_rows == found.whole.a.n == month[0]
    assert found.limited
    assert found.differences.num_rows == 5


def test_a_source_against_itself_agrees(shop, tmp_path):
    (shop.root / "sources" / "again.yaml").write_text("table: orders\npath: in/shop.csv\n")
    try:
        project = heedful.open(shop.root)
        found = reconcile(project, "order_value", "shop", "again", grain="week")
    finally:
        (shop.root / "sources" / "again.yaml").unlink()
    assert found.agreement == 1
    assert found.columns == ()
    assert found.differences.num_rows == 0
    assert len(found.periods) == 14
    for one in (found.whole, *found.periods):
        assert (one.difference, one.low, one.high, one.why) == (0, 0, 0, None)


def test_sources_with_keys_of_their_own_are_matched_by_customer(shop):
    found = reconcile(shop, "order_value", "shop", "till", grain="quarter")
    assert found.match == "customer"
    a = {row["customer_id"] for row in rows(shop, "shop")}
    assert found.coverage.a_only == len(a & {"c7", "c8"})
    assert found.coverage.both == len(a - {"c7", "c8"})
    assert (found.differing, found.coverage.b_only) == (0, 0)
    assert {row["customer"] for row in found.differences.to_pylist()} == {"c7", "c8"}
    found = reconcile(shop, "order_value", "shop", "warehouse", grain="all", match="customer")
    a, b = (defaultdict(list) for _ in "ab")
    for each, name in ((a, "shop"), (b, "warehouse")):
        for row in rows(shop, name):
            each[row["customer_id"]].append(round(float(row["amount"]) * 100))
    wrong = {c for c in a if c in b and sum(a[c]) != sum(b[c])}
    told = [r for r in found.differences.to_pylist() if r["column"] == "amount"]
    assert {row["id"] for row in told} == wrong
    for row in told:
        assert round(float(row["a"]) * 100) == sum(a[row["id"]])
        assert round(float(row["b"]) * 100) == sum(b[row["id"]])
    counts = {r["id"] for r in found.differences.to_pylist() if r["column"] == "rows"}
    assert counts == {c for c in a if c in b and len(a[c]) != len(b[c])}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("order_valu", "shop", "warehouse"), r'did you mean "order_value"\?'),
        (("order_value", "shp", "warehouse"), r'source "shp" does not exist.*"shop"\?'),
        (("order_value", "shop", "people"), "shop fills orders, and people fills customers"),
        (("order_value", "shop", "shop"), '"shop" is given twice.*orders: shop, till, warehouse'),
        (("csat", "shop", "warehouse"), "csat does not come from orders.*reads responses.*no two"),
    ],
)
def test_what_cannot_be_compared_is_said(shop, given, says):
    with pytest.raises(NotFoundError, match=says):
        reconcile(shop, *given)


def test_other_words_that_do_not_exist(shop):
    with pytest.raises(NotFoundError, match="grain"):
        reconcile(shop, "order_value", "shop", "warehouse", grain="year")
    with pytest.raises(NotFoundError, match='match "id" does not exist'):
        reconcile(shop, "order_value", "shop", "warehouse", match="id")


def test_a_source_that_cannot_be_read_again(shop):
    file = Path(shop.root / "in" / "shop.csv")
    hidden = file.rename(file.with_suffix(".gone"))
    try:
        with pytest.raises(ProjectError) as error:
            reconcile(shop, "order_value", "shop", "warehouse")
        (problem,) = error.value.problems
        assert str(problem).startswith('sources/shop.yaml:2: no file matches "in/shop.csv"')
        assert "--stored" in str(problem)
        assert list((shop.definitions.data / "staging").iterdir()) == []
    finally:
        hidden.rename(file)


def test_who_was_erased_does_not_come_back(shop, tmp_path):
    import shutil

    root = shutil.copytree(shop.root, tmp_path / "shop")
    project = heedful.open(root)
    gone = rows(project, "shop")[5]["customer_id"]
    file = root / "in" / "shop.csv"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    assert gone not in lines[9]
    assert lines[9].startswith("o0011")
    file.write_text("".join([*lines[:9], *lines[10:]]), "utf-8")
    project.erasure.forget([gone], who="test")
    found = reconcile(project, "order_value", "shop", "warehouse")
    kept = {row["customer_id"] for row in rows(project, "shop")} - {gone}
    assert found.coverage.customers_both + found.coverage.customers_a_only == len(kept)
    assert gone not in found.differences["customer"].to_pylist()
    # What the export no longer holds is still stored, and said.
    assert (found.a.gone, found.b.gone) == (1, 0)
    assert "o0011" in found.differences["id"].to_pylist()
    assert "1 stored row is no longer in shop, and still counts." in notes(found)
