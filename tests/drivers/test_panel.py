"""Who met what before a landmark, and what followed: as plain Python has it, row for row."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import heedful
from heedful.drivers.panel import dimensions_of, panel
from heedful.kpis.refresh import Refresh

ZONE = ZoneInfo("Europe/Berlin")
DAYS = timedelta(days=90)


@pytest.fixture(scope="module")
def made(company):
    project = heedful.open(company)
    refresh = Refresh(
        project.definitions,
        project.facts,
        project.lake("tables"),
        project.lake("facts"),
        project.books,
    )
    with project.bench() as bench:
        held = dimensions_of(project.definitions, bench.who)
        found = panel(
            bench,
            project.facts,
            lambda fact: refresh.built(bench, fact),
            days=90,
            dimensions=held,
        )
        names = bench.engine.query("SELECT customer FROM driver_people ORDER BY key")
    return found, names["customer"].to_pylist()


@pytest.fixture(scope="module")
def rows(company):
    def read(name):
        with (company / f"in/{name}.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return {
        name: read(name) for name in ("subscriptions", "orders", "responses", "tickets", "events")
    }


def moment(text):
    return datetime.fromisoformat(text) if text else None


def month(at):
    local = at.astimezone(ZONE)
    return local.year * 12 + local.month - 1


def begin(number):
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=ZONE).astimezone(UTC)


def naive_met(rows, kpi):
    """(customer, month of the landmark) to good, of the last row of each month."""
    found = []  # customer, known, good
    if kpi in {"csat", "nps"}:
        for one in rows["responses"]:
            if one["instrument"] == kpi and one["customer_id"]:
                score = int(one["score"])
                good = score >= 4
                if kpi == "nps":
                    good = True if score >= 9 else False if score <= 6 else None
                found.append((one["customer_id"], moment(one["answered_at"]), good))
    else:
        until = max(
            moment(one[name])
            for one in rows["tickets"]
            for name in ("opened_at", "resolved_at")
            if one[name]
        )
        took = [
            (one, (moment(one["resolved_at"]) or until) - moment(one["opened_at"]))
            for one in rows["tickets"]
        ]
        middle = timedelta(
            hours=median(span.total_seconds() / 3600 for one, span in took if one["resolved_at"])
        )
        for one, span in took:
            at = moment(one["opened_at"])
            if kpi == "reopen_rate":
                if one["resolved_at"]:
                    good = one["reopens"] == "0"
                    found.append((one["customer_id"], at + timedelta(days=30), good))
            elif span > middle:
                found.append((one["customer_id"], at + middle, False))
            elif one["resolved_at"]:
                found.append((one["customer_id"], at + span, True))
    return last_ones(found)


def last_ones(found):
    """Of rows of one moment the worse counts; who was neither then is left out."""
    last = defaultdict(list)
    for who, known, good in found:
        last[who, month(known) + 1].append((known, good))
    chosen = {}
    for key, several in last.items():
        newest = max(known for known, _ in several)
        goods = [good for known, good in several if known == newest]
        if False in goods or True in goods:
            chosen[key] = False not in goods
    return chosen


@pytest.fixture(scope="module")
def known_people(rows):
    bought = {one["customer_id"] for one in rows["orders"] if float(one["amount"]) >= 0}
    return bought | {one["customer_id"] for one in rows["subscriptions"]}


@pytest.mark.parametrize("kpi", ["csat", "nps", "resolution_time", "reopen_rate"])
def test_experiences(made, rows, known_people, kpi):
    found, names = made
    met = next(one for one in found.met if one.kpi.id == kpi)
    assert not met.why
    mine = {}
    for place, good in zip(met.place, met.good, strict=True):
        day = found.dates[found.landmark[place]]
        mine[names[found.key[place]], day.year * 12 + day.month - 1] = bool(good)
    end = month(datetime(2026, 9, 20, tzinfo=UTC))
    expected = {
        key: good
        for key, good in naive_met(rows, kpi).items()
        if key[0] in known_people and key[1] <= end
    }
    assert len(expected) > 300
    assert len(mine) == len(met.place)
    assert mine == expected


def test_what_is_no_experience(made):
    assert {one.kpi.id for one in made[0].met} == {"csat", "nps", "resolution_time", "reopen_rate"}


def test_outcomes(made, rows):
    found, names = made
    contracts, orders = defaultdict(list), defaultdict(list)
    for one in rows["subscriptions"]:
        contracts[one["customer_id"]].append((moment(one["started_at"]), moment(one["ended_at"])))
    for one in rows["orders"]:
        orders[one["customer_id"]].append((moment(one["ordered_at"]), float(one["amount"])))
    until = max(at for some in orders.values() for at, _ in some)
    counted = defaultdict(int)
    for place in range(len(found.key)):
        who, day = names[found.key[place]], found.dates[found.landmark[place]]
        at = begin(day.year * 12 + day.month - 1)
        over = at + DAYS <= until
        member = [end for start, end in contracts[who] if start <= at and (not end or end > at)]
        bought = [one for one in orders[who] if one[0] < at and one[1] >= 0]
        after = [one for one in orders[who] if at <= one[0] < at + DAYS]
        expected = {
            "retention": (
                bool(member),
                float(bool(member) and (member[0] is None or member[0] > at + DAYS)),
            ),
            "repeat_purchase": (bool(bought), float(any(money >= 0 for _, money in after))),
            "revenue": (bool(bought or member), sum(money for _, money in after)),
        }
        for name, (could, value) in expected.items():
            mine = found.outcomes[name]
            assert mine.known[place] == (could and over), (who, day, name)
            assert mine.waiting[place] == (could and not over), (who, day, name)
            counted[name] += could and over
            if could and over:
                assert mine.value[place] == pytest.approx(value), (who, day, name)
    assert min(counted.values()) > 500


def test_the_past_ends_before_the_experience_begins(made, rows):
    found, names = made
    did = defaultdict(lambda: [0, 0, 0.0])
    slots = defaultdict(list)
    for one in rows["orders"]:
        at, money = moment(one["ordered_at"]), float(one["amount"])
        cell = did[one["customer_id"], month(at)]
        cell[1] += money >= 0
        cell[2] += money
        if money >= 0:
            slots[one["customer_id"], at.date()].append(at)
    for one in rows["events"]:
        at = moment(one["occurred_at"])
        slots[one["customer_id"], at.date()].append(at)
    for (who, _), moments in slots.items():
        did[who, month(min(moments))][0] += 1
    for lag in (0, 1):
        expected = np.zeros((3, len(found.key)))
        for place in range(len(found.key)):
            who, day = names[found.key[place]], found.dates[found.landmark[place]]
            experience = day.year * 12 + day.month - 2
            for back in range(1 + lag, 4 + lag):
                expected[:, place] += did[who, experience - back]
        for mine, other in zip(found.past[lag], expected, strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-9)


def test_segments_are_what_the_project_breaks_down_by(made, company):
    found, names = made
    assert set(found.segments) == {"plan", "country", "channel", "device"}  # as breakdowns name
    codes, labels = found.segments["plan"]
    with (company / "in/customers.csv").open(encoding="utf-8") as file:
        plans = {one["customer_id"]: one["plan"] for one in csv.DictReader(file)}
    assert [labels[code] for code in codes] == [plans.get(name) for name in names]


def test_landmarks_are_the_first_of_months_in_the_projects_timezone(made):
    dates = made[0].dates
    assert all(day.day == 1 for day in dates)
    assert dates[-1].isoformat() == "2026-09-01"
