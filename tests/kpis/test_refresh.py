"""Refresh recomputes what changed; the log keeps what was reported."""

from __future__ import annotations

import csv
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import heedful
from heedful.kpis.fingerprints import Fingerprints
from heedful.kpis.refresh import Refresh

KPIS = {
    "csat": "target: 80%\nbreakdowns: [device]\n",
    "nps": "",
    "resolution_time": "breakdowns: [priority]\n",
    "reopen_rate": "breakdowns: [priority]\n",
    "bounce_rate": "breakdowns: [device]\n",
    "order_value": "breakdowns: [channel]\n",
    "repeat_purchase": "",
}
TABLES = {
    "responses": ["response_id", "answered_at", "customer_id", "instrument", "score", "device"],
    "tickets": ["ticket_id", "opened_at", "customer_id", "resolved_at", "reopens", "priority"],
    "events": ["event_id", "occurred_at", "customer_id", "event", "page", "device", "seconds"],
    "orders": ["order_id", "ordered_at", "customer_id", "amount", "channel"],
}
FIRST = datetime(2026, 1, 5, tzinfo=UTC)


def project(root: Path, kpis: dict[str, str] = KPIS) -> Path:
    for folder in ("sources", "kpis", "playbooks", "in"):
        (root / folder).mkdir(parents=True)
    (root / "heedful.yaml").write_text(
        "name: Test\ntimezone: Europe/Berlin\ncurrency: EUR\nteams: {a: {name: A}}\n"
    )
    # Most tickets wait longer, so that what is no longer watched is part of every test.
    (root / "rules.yaml").write_text("ticket_watch_days: 1\n")
    (root / "playbooks/p.md").write_text("# Do it\n")
    for name, more in kpis.items():
        (root / f"kpis/{name}.yaml").write_text(f"owner: a\nplaybook: p\n{more}")
    for name in TABLES:
        (root / f"sources/{name}.yaml").write_text(f"table: {name}\npath: in/{name}-*.csv\n")
    return root


def write(root: Path, table: str, part: str, rows: list[dict[str, object]]) -> None:
    with (root / f"in/{table}-{part}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, TABLES[table], restval="")
        writer.writeheader()
        writer.writerows(rows)


def days(rng: random.Random, first: int, count: int) -> dict[str, list[dict[str, object]]]:
    """Rows of some days, as exports would have them."""
    found: dict[str, list[dict[str, object]]] = {name: [] for name in TABLES}
    for number in range(first, first + count):
        for nth in range(4):
            at = FIRST + timedelta(days=number, seconds=rng.randrange(86_400))
            who, key = f"c{rng.randrange(80)}", f"{number}-{nth}"
            device = rng.choice(["mobile", "desktop"])
            solved = at + timedelta(hours=rng.randrange(1, 60)) if rng.random() < 0.8 else ""
            found["responses"].append(
                {
                    "response_id": key,
                    "answered_at": at,
                    "customer_id": who,
                    "device": device,
                    "instrument": rng.choice(["csat", "nps"]),
                    "score": rng.randrange(1, 6),
                }
            )
            found["tickets"].append(
                {
                    "ticket_id": key,
                    "opened_at": at,
                    "customer_id": who,
                    "resolved_at": solved,
                    "reopens": rng.randrange(2),
                    "priority": rng.choice(["low", "high"]),
                }
            )
            found["events"].append(
                {
                    "event_id": key,
                    "occurred_at": at,
                    "customer_id": who,
                    "event": "Page Viewed",
                    "page": "/",
                    "device": device,
                    "seconds": rng.randrange(30),
                }
            )
            found["orders"].append(
                {
                    "order_id": key,
                    "ordered_at": at,
                    "customer_id": who,
                    "amount": rng.randrange(5, 90),
                    "channel": rng.choice(["web", "shop"]),
                }
            )
    return found


def bring(root: Path, part: str, found: dict[str, list[dict[str, object]]]) -> heedful.Project:
    for table, rows in found.items():
        write(root, table, part, rows)
    opened = heedful.open(root)
    list(opened.tables.import_())
    return opened


def everything(opened: heedful.Project) -> dict[tuple, tuple]:
    """All readings as they stand, without what differs by the time of reporting."""
    log = opened.kpis.log
    table = log.read(totals=False)
    keys = ("kpi", "grain", "period_start", "stage", "dimension", "segment")
    values = ("value", "low", "high", "n", "customers", "complete", "period_end", "why")

    def plain(value: object) -> object:
        return round(value, 9) if isinstance(value, float) else value

    return {
        tuple(row[k] for k in keys): tuple(plain(row[v]) for v in values)
        for row in table.to_pylist()
    }


@pytest.fixture
def root(tmp_path):
    return project(tmp_path / "p")


def test_the_second_refresh_finds_nothing_to_do(root):
    opened = bring(root, "a", days(random.Random(1), 0, 40))
    assert {one.state for one in opened.refresh()} == {"full"}
    before = opened.books.version("readings")
    again = opened.refresh()
    assert {one.state for one in again} == {"unchanged"}
    assert sum(one.rows + one.readings for one in again) == 0
    assert opened.books.version("readings") == before


@pytest.mark.parametrize("seed", [1, 2])
def test_parts_in_any_order_give_what_the_whole_gives(tmp_path, seed):
    rng = random.Random(seed)
    parts = [days(rng, first, count) for first, count in ((0, 30), (30, 20), (50, 1), (51, 30))]
    late = days(rng, 40, 1)
    for rows in late.values():
        for one in rows:
            key = next(iter(one))
            one[key] = f"late-{one[key]}"
    parts.append(late)
    rng.shuffle(parts)
    step = project(tmp_path / "steps")
    whole = project(tmp_path / "whole")
    for number, part in enumerate(parts):
        opened = bring(step, str(number), part)
        opened.refresh()
        bring(whole, str(number), part)
    at_once = heedful.open(whole)
    at_once.refresh(full=True)
    assert everything(opened) == everything(at_once)


def customers(root: Path, tiers: dict[str, str]) -> None:
    path = root / "in/customers.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id", "tier"])
        writer.writerows(tiers.items())
    (root / "sources/customers.yaml").write_text(
        "table: customers\npath: in/customers.csv\ncolumns: {customer_id: customer_id}\n"
        "attributes: {tier: tier}\n"
    )


def test_customers_that_come_and_change_touch_only_days_with_rows_of_theirs(tmp_path):
    kpis = {"csat": "target: 80%\nbreakdowns: [tier]\n", "resolution_time": "breakdowns: [tier]\n"}
    step, whole = project(tmp_path / "steps", kpis), project(tmp_path / "whole", kpis)
    rng = random.Random(11)
    found = days(rng, 0, 60)
    alone = (FIRST + timedelta(days=31)).date()
    for table in ("responses", "tickets"):
        for one in found[table]:
            at = one.get("answered_at", one.get("opened_at"))
            if at.date() == alone:
                one["customer_id"] = "c_alone"
    tiers = {f"c{number}": rng.choice(["gold", "silver"]) for number in range(70)}
    rated = [one["customer_id"] for one in found["responses"] if one["instrument"] == "csat"]
    busy = max(tiers, key=rated.count)
    customers(step, tiers)
    bring(step, "a", found).refresh()
    states = []
    # One nobody heard of, then one who was there on a single day, then one with many days.
    for change in ({"c_new": "gold"}, {"c_alone": "gold"}, {busy: "bronze"}):
        tiers = {**tiers, **change}
        customers(step, tiers)
        opened = heedful.open(step)
        list(opened.tables.import_())
        states.append({one.fact: one for one in opened.refresh()}["survey_answers"])
    customers(whole, tiers)
    bring(whole, "a", found).refresh(full=True)
    assert everything(opened) == everything(heedful.open(whole))
    assert [one.state for one in states] == ["unchanged", "part", "part"]
    assert (states[1].since, states[1].until) == (alone, alone)


def test_fingerprints_of_another_time_than_the_readings_are_not_trusted(root, monkeypatch):
    """A refresh that is cut off leaves them behind; then data goes back to what they say."""
    found = days(random.Random(12), 0, 30)
    opened = bring(root, "a", found)
    opened.refresh()
    before = everything(opened)
    was = [one["score"] for one in found["responses"]]
    for one in found["responses"]:
        one["score"] = 1
    opened = bring(root, "a", found)
    with monkeypatch.context() as patch:
        patch.setattr(Fingerprints, "save", _stop)
        with pytest.raises(KeyboardInterrupt):
            opened.refresh()
    assert everything(opened) != before
    for one, score in zip(found["responses"], was, strict=True):
        one["score"] = score
    opened = bring(root, "a", found)
    opened.refresh()
    assert everything(opened) == before


def test_one_more_day_touches_only_the_periods_around_it(root):
    rng = random.Random(3)
    bring(root, "a", days(rng, 0, 90)).refresh()
    opened = bring(root, "b", days(rng, 90, 1))
    done = {one.fact: one for one in opened.refresh()}
    day = (FIRST + timedelta(days=90)).date()
    answers = done["survey_answers"]
    assert answers.state == "part"
    assert answers.rows <= 8
    assert answers.since is not None
    log = opened.kpis.log.read(["csat"], grain="day", stages=False).to_pylist()
    fresh = [r for r in log if r["reported_at"] == max(r["reported_at"] for r in log)]
    assert {r["period_start"] for r in fresh} >= {day}
    assert min(r["period_start"] for r in fresh) >= day - timedelta(days=2)


def test_a_changed_row_changes_its_period_and_what_was_reported_stays(root):
    found = days(random.Random(4), 0, 40)
    opened = bring(root, "a", found)
    opened.refresh()
    before = {r["period_start"]: r["value"] for r in opened.kpis.readings("csat").to_pylist()}
    then = datetime.now(UTC)
    for one in found["responses"]:
        if one["instrument"] == "csat" and str(one["answered_at"]) < "2026-02":
            one["score"] = 5
    opened = bring(root, "a", found)
    opened.refresh()
    after = {r["period_start"]: r["value"] for r in opened.kpis.readings("csat").to_pylist()}
    assert after[date(2026, 1, 1)] == 1.0 != before[date(2026, 1, 1)]
    assert after[date(2026, 2, 1)] == before[date(2026, 2, 1)]
    reported = opened.kpis.readings("csat", as_of=then).to_pylist()
    assert {r["period_start"]: r["value"] for r in reported} == before


def test_readings_whose_rows_are_gone_are_not_shown_for_ever(root):
    found = days(random.Random(5), 0, 20)
    source = root / "sources/responses.yaml"
    source.write_text("table: responses\npath: in/responses-*.csv\nkey: generated\nreplace: all\n")
    opened = bring(root, "a", found)
    opened.refresh()
    assert opened.kpis.readings("nps").num_rows
    then = datetime.now(UTC)
    found["responses"] = [r for r in found["responses"] if r["instrument"] != "nps"]
    opened = bring(root, "a", found)
    opened.refresh()
    assert opened.kpis.log.read(["nps"]).num_rows == 0
    assert opened.kpis.readings("nps", as_of=then).num_rows
    assert opened.kpis.log.read(["csat"]).num_rows


def test_a_new_definition_recomputes_and_is_told_apart(root):
    opened = bring(root, "a", days(random.Random(6), 0, 40))
    opened.refresh()
    old = opened.kpis.readings("csat", "order_value").to_pylist()
    (root / "kpis/csat.yaml").write_text(
        "owner: a\nplaybook: p\ntarget: 80%\nmeasure: {top_box: score, of: scale_max, boxes: 1}\n"
    )
    opened = heedful.open(root)
    opened.refresh()
    new = opened.kpis.readings("csat", "order_value").to_pylist()
    for was, now in zip(old, new, strict=True):
        changed = was["kpi"] == "csat"
        assert (was["definition_hash"] != now["definition_hash"]) is changed
        assert (was["reported_at"] != now["reported_at"]) is changed


def test_periods_are_complete_once_their_window_is_known(root):
    (root / "kpis/csat.yaml").write_text("owner: a\nplaybook: p\ntarget: 80%\nwindow_days: 10\n")
    found = days(random.Random(7), 0, 40)  # until 13 February
    opened = bring(root, "a", found)
    opened.refresh()
    rows = opened.kpis.readings("csat", "nps").to_pylist()
    complete = {(r["kpi"], r["period_start"].month): r["complete"] for r in rows}
    assert complete == {("csat", 1): True, ("csat", 2): False, ("nps", 1): True, ("nps", 2): False}
    weeks = opened.kpis.readings("csat", grain="week").to_pylist()
    assert [r["period_start"] for r in weeks if r["complete"]][-1] == date(2026, 1, 26)


def test_a_period_becomes_complete_when_later_data_comes(root):
    rng = random.Random(8)
    bring(root, "a", days(rng, 0, 20)).refresh()
    opened = bring(root, "b", days(rng, 20, 20))
    opened.refresh()
    january = opened.kpis.readings("csat", "resolution_time").to_pylist()
    assert [r["complete"] for r in january if r["period_start"] == date(2026, 1, 1)] == [True] * 2


def test_no_data_is_no_reading_and_never_zero(root):
    opened = heedful.open(root)
    assert {one.state for one in opened.refresh()} == {"no data"}
    notes: list[str] = []
    assert opened.kpis.readings("csat", note=notes.append).num_rows == 0
    assert notes == ["csat: no data in responses"]
    assert opened.scorecard.scores() == []


def test_a_refresh_that_is_cut_off_is_made_good_by_the_next(root, monkeypatch):
    opened = bring(root, "a", days(random.Random(9), 0, 30))
    real = Refresh._remember
    monkeypatch.setattr(Refresh, "_remember", _stop)
    with pytest.raises(KeyboardInterrupt):
        opened.refresh()
    monkeypatch.setattr(Refresh, "_remember", real)
    opened.refresh()
    found = everything(opened)
    opened.refresh(full=True)
    assert everything(opened) == found
    # Nobody's 90 days have passed, so there is nothing to say of repeat purchases.
    assert {kpi for kpi, *_ in found} == set(KPIS) - {"repeat_purchase"}


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
