"""Trouble with the data, each kind on a small shop; and text that means harm."""

from __future__ import annotations

import csv
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heedful.project import Project

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAYS = 84
HOSTILE = "<script>alert('x')</script> '; DROP TABLE findings; -- \u202e"
SETTINGS = """\
name: Corner shop
timezone: UTC
currency: EUR
touchpoints:
  till: {stage: conversion}
teams:
  shop: {name: Shop floor}
"""


def write(
    root: Path,
    *,
    orders: int = DAYS,
    factor: float = 1.0,
    known: float = 1.0,
    tickets: bool = False,
    mobile: float | None = None,
) -> Project:
    """A shop with 40 orders a day, and answers; its last week is otherwise.

    With `mobile` it asks people, too; so many of those on a phone answer in the last five weeks.
    """
    files = {
        "heedful.yaml": SETTINGS,
        "kpis/csat.yaml": "owner: shop\nplaybook: listen\ntarget: 80%\n",
        "kpis/order_value.yaml": "owner: shop\nplaybook: listen\n",
        "playbooks/listen.md": "# Read the comments\n",
        "sources/answers.yaml": "table: responses\npath: in/answers.csv\n",
        "sources/customers.yaml": "table: customers\npath: in/customers.csv\n",
        "sources/orders.yaml": "table: orders\npath: in/orders.csv\n",
        "sources/tickets.yaml": "table: tickets\npath: in/tickets.csv\n",
    }
    if tickets:
        files["kpis/resolution_time.yaml"] = "owner: shop\nplaybook: listen\n"
    if mobile is not None:
        files["kpis/response_rate.yaml"] = "owner: shop\nplaybook: listen\n"
        files["sources/asked.yaml"] = "table: invitations\npath: in/asked.csv\n"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    rng = random.Random(3)
    bought, said, asked = [], [], []
    for day in range(DAYS):
        last = day >= DAYS - 7
        if day < orders:
            for _ in range(round(40 * (factor if last else 1.0))):
                who = rng.randrange(300)
                stranger = rng.random() > (known if last else 1.0)
                at = FIRST + timedelta(days=day, minutes=rng.randrange(600))
                name = f"stranger{who}" if stranger else f"c{who}"
                bought.append([len(bought), at.isoformat(), name, rng.randrange(10, 90)])
        for _ in range(20):
            at = FIRST + timedelta(days=day, minutes=rng.randrange(600))
            pleased = rng.random() < (0.3 if day >= DAYS - 28 else 0.85)
            score = 5 if pleased else 2
            text = HOSTILE if not pleased else "fine, thank you"
            who = f"c{rng.randrange(300)}"
            said.append([len(said), at.isoformat(), who, "csat", score, "till", text, ""])
    for day in range(DAYS if mobile is None else -14, DAYS):
        for number in range(40):
            device = "mobile" if number % 2 else "desktop"
            share = mobile if number % 2 and day >= DAYS - 35 else 0.5
            at = FIRST + timedelta(days=day, minutes=number)
            who = f"c{rng.randrange(300)}"
            asked.append([len(asked), at.isoformat(), who, "ces", device])
            if rng.random() < (share or 0):
                name = asked[-1][0]
                said.append([len(said), at.isoformat(), who, "ces", 6, "till", "", name])
    head = ["response_id", "answered_at", "customer_id", "instrument", "score", "touchpoint"]
    table(root / "in/answers.csv", [*head, "comment", "invitation_id"], said)
    table(root / "in/customers.csv", ["customer_id"], [[f"c{n}"] for n in range(300)])
    table(root / "in/orders.csv", ["order_id", "ordered_at", "customer_id", "amount"], bought)
    head = ["invitation_id", "shown_at", "customer_id", "instrument", "device"]
    table(root / "in/asked.csv", head, asked)
    table(root / "in/tickets.csv", ["ticket_id", "opened_at", "customer_id"], [])
    project = Project(root)
    assert list(project.tables.import_())
    project.refresh()
    return project


def table(path: Path, head: list[str], rows: list[list[object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


def troubles(project: Project) -> dict[str, str]:
    project.findings.refresh(FIRST + timedelta(days=DAYS))
    return {
        f"{one.pattern}:{one.key.rsplit(':', 1)[1]}": one.title
        for one in project.findings.open()
        if one.kind == "data"
    }


def test_a_shop_in_order_has_no_trouble(tmp_path: Path) -> None:
    assert troubles(write(tmp_path)) == {}


@pytest.mark.parametrize(
    ("what", "key", "says"),
    [
        ({"orders": DAYS - 9}, "late:orders", "late"),
        ({"factor": 3.0}, "volume:orders", "As many as 840 rows in orders last week"),
        ({"factor": 0.3}, "volume:orders", "Only 84 rows in orders last week"),
        ({"tickets": True}, "missing:tickets", "No rows in tickets yet"),
        ({"known": 0.6}, "join_rate:orders", "Fewer orders match a known customer"),
    ],
)
def test_trouble_is_told(tmp_path: Path, what: dict[str, float], key: str, says: str) -> None:
    found = troubles(write(tmp_path, **what))  # type: ignore[arg-type]
    assert list(found) == [key]
    assert says in found[key]


def test_other_people_answer_than_before(tmp_path: Path) -> None:
    assert troubles(write(tmp_path / "same", mobile=0.5)) == {}
    project = write(tmp_path / "shifted", mobile=0.2)
    found = troubles(project)
    assert list(found) == ["response_shift:responses"]
    assert found["response_shift:responses"].startswith("Fewer answer surveys on mobile: 50% to")
    (one,) = [each for each in project.findings.open() if each.pattern == "response_shift"]
    assert (one.who[0].dimension, one.who[0].segment) == ("device", "mobile")
    assert one.kpi == "response_rate"


def test_trouble_ends_when_it_is_gone(tmp_path: Path) -> None:
    late = write(tmp_path / "late", orders=DAYS - 9)
    assert "late:orders" in troubles(late)
    again = write(tmp_path / "late")
    assert troubles(again) == {}
    closed = [one for one in again.findings.all() if one.kind == "data"]
    assert [one.closed_because for one in closed] == ["recovered"]


def test_words_that_mean_harm_stay_words(tmp_path: Path) -> None:
    project = write(tmp_path)
    project.annotations.add(HOSTILE, FIRST + timedelta(days=DAYS - 28), "release", None)
    project.findings.refresh()
    one = next(each for each in project.findings.all() if each.kpi == "csat" and not each.better)
    assert one.candidates[0].title == HOSTILE
    # A headline never repeats what anybody may write.
    assert "script" not in one.title
    texts = [each.text for each in project.findings.comments(one)]
    assert HOSTILE in texts
    project.findings.close(one.id, HOSTILE, HOSTILE)
    assert project.findings.get(one.id).closed_because == HOSTILE
    project.findings.refresh()
    assert project.findings.get(one.id).closed_by == HOSTILE
    project.ledger.engine.dispose()
    with sqlite3.connect(project.definitions.data / "ledger.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM findings").fetchone()[0] >= 1


def test_a_projects_own_pattern_takes_the_place_of_one_built_in(tmp_path: Path) -> None:
    write(tmp_path)
    own = (
        "title: Ours\nsays: Ours.\n"
        "legs: [{kpi: order_value, moves: better}, {kpi: csat, moves: worse}]\n"
    )
    (tmp_path / "patterns").mkdir()
    (tmp_path / "patterns/coercive_growth.yaml").write_text(own, encoding="utf-8")
    patterns = Project(tmp_path).findings.patterns
    assert patterns["coercive_growth"].title == "Ours"
    assert patterns["speed_over_understanding"].title == "Speed over understanding"
    lacking = dict(Project(tmp_path).findings.untested())
    assert "Ours" not in lacking
    assert "resolution_time" in lacking["Speed over understanding"]
