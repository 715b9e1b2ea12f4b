"""KPIs of journeys and messages, from rows whose values can be counted by hand."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import heedful

Row = dict[str, object]
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JOURNEYS = (
    *("task_success", "path_efficiency", "backtracks", "promise_match", "contact_pressure"),
    *("offer_overlap", "key_section_reach", "frustration", "repeat_visits", "reply_rate"),
    *("qualified_click_rate", "unsubscribe_rate", "content_saves", "demo_attendance"),
    *("onboarding_completion", "feature_adoption"),
)
ANSWERS = ("confidence", "relevance", "trust", "reason_understood", "intrusiveness")


class Shop:
    """A project in a folder, and rows that are yet to be imported."""

    def __init__(self, root: Path, kpis: tuple[str, ...]) -> None:
        self.root = root
        self.kpis = kpis
        self.parts = 0
        for folder in ("sources", "kpis", "playbooks", "in"):
            (root / folder).mkdir(parents=True)
        (root / "heedful.yaml").write_text(
            "name: Test\ntimezone: UTC\ncurrency: EUR\nteams: {a: {name: A}}\n"
        )
        (root / "rules.yaml").write_text("lapsed_after_days: 400\ncontact_limit: 2\n")
        (root / "playbooks/p.md").write_text("# Do it\n")
        for name in kpis:
            (root / f"kpis/{name}.yaml").write_text("owner: a\nplaybook: p\n")

    def bring(self, **tables: list[Row]) -> None:
        """Import rows and refresh."""
        self.parts += 1
        for table, rows in tables.items():
            names = list(dict.fromkeys(name for row in rows for name in row))
            source = self.root / f"sources/{table}.yaml"
            source.write_text(
                f"table: {table}\npath: in/{table}-*.csv\nobserved_until: 2026-05-01\n"
            )
            with (self.root / f"in/{table}-{self.parts}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, names, restval="")
                writer.writeheader()
                writer.writerows(rows)
        opened = heedful.open(self.root)
        for done in opened.tables.import_():
            assert done.rejected == 0, done
        self.done = {one.fact: one.state for one in opened.refresh()}

    def values(self, full: bool = False) -> dict[str, tuple[float, int]]:
        """Value and rows of each KPI over all time."""
        opened = heedful.open(self.root)
        if full:
            opened.refresh(full=True)
        rows = opened.kpis.log.read(self.kpis, grain="all", stages=False).to_pylist()
        return {
            row["kpi"]: (round(row["value"], 6), row["n"])
            for row in rows
            if row["dimension"] is None
        }


def event(nr: int, who: str, name: str, hours: float, **more: object) -> Row:
    return {
        "event_id": f"{who}-{nr}",
        "customer_id": who,
        "event": name,
        "occurred_at": START + hours * HOUR,
        **more,
    }


VIEWS = [
    # a comes by a campaign to its page and looks around, back after a day; b leaves at once.
    event(1, "a", "Page Viewed", 0, page="/gifts", campaign_id="k", depth=0.9, key_depth=0.5),
    event(2, "a", "Page Viewed", 0.1, page="/x", depth=0.1, key_depth=0.5),
    event(3, "a", "Page Viewed", 24, page="/", depth=0.1),
    event(1, "b", "Page Viewed", 0, page="/gifts", campaign_id="k"),
    # c lands elsewhere than the campaign leads to.
    event(1, "c", "Page Viewed", 0, page="/", campaign_id="k"),
]
SENT = [
    {"delivery_id": f"d{n}", "customer_id": who, "sent_at": START + at, "delivered_at": START + at}
    for n, (who, at) in enumerate(
        [("a", -HOUR), ("a", DAY), ("a", 2 * DAY), ("b", 0 * DAY), ("c", 0 * DAY)]
    )
]


def test_journeys_and_messages(tmp_path):
    shop = Shop(tmp_path / "p", JOURNEYS)
    # What no row tells has no value.
    shop.bring(
        events=[*VIEWS, event(4, "a", "Task Started", 30), event(5, "a", "Demo Booked", 31)],
        deliveries=SENT,
        campaigns=[{"campaign_id": "k", "creative": "ribbon", "landing_page": "/gifts"}],
    )
    assert shop.values() == {
        "promise_match": (0.5, 2),
        "contact_pressure": (round(1 / 3, 6), 3),
        "key_section_reach": (0.5, 2),
        "repeat_visits": (round(1 / 3, 6), 3),
    }
    # A first row of its kind makes everything known.
    clicked = {**SENT[0], "clicked_at": START, "replied_at": START + HOUR, "offer": "pot"}
    later = {**SENT[1], "unsubscribed_at": START + 3 * DAY, "offer": "box"}
    shop.bring(
        events=[
            event(6, "a", "Rage Clicked", 24.1),
            event(7, "a", "Task Step Viewed", 30.1, step=1, steps=2),
            event(8, "a", "Task Step Viewed", 30.2, step=2, steps=2),
            event(9, "a", "Task Step Viewed", 30.3, step=1, steps=2),
            event(10, "a", "Task Step Viewed", 30.4, step=2, steps=2),
            event(11, "a", "Task Completed", 30.5),
            event(12, "a", "Demo Attended", 50),
            event(13, "a", "Feature Used", 51),
            event(14, "a", "Content Viewed", 52),
            event(2, "b", "Content Viewed", 52),
            event(3, "b", "Content Shared", 53),
            event(4, "b", "Onboarding Started", 54),
            event(5, "b", "Onboarding Step Completed", 55, step=1, steps=1),
            event(2, "c", "Onboarding Started", 54),
            event(3, "c", "Onboarding Step Completed", 55, step=1, steps=2),
        ],
        deliveries=[clicked, later],
    )
    assert shop.done["sessions"] == shop.done["messages"] == "full"
    found = shop.values()
    assert found == shop.values(full=True)
    assert found["task_success"] == (1.0, 1)
    assert found["path_efficiency"] == (0.5, 1)
    assert found["backtracks"] == (round(1 / 3, 6), 1)
    assert found["demo_attendance"] == (1.0, 1)
    assert found["onboarding_completion"] == (0.5, 2)
    assert found["content_saves"] == (0.5, 2)
    assert found["reply_rate"] == found["qualified_click_rate"] == (0.2, 5)
    assert found["unsubscribe_rate"] == (0.2, 5)
    assert found["offer_overlap"] == (1.0, 1)
    for name in ("frustration", "feature_adoption"):
        value, rows = found[name]
        assert value * rows == pytest.approx(1, abs=1e-4)
    # A changed campaign reaches visits of any day.
    campaign = {"campaign_id": "k", "creative": "ribbon", "started_at": START + 60 * DAY}
    shop.bring(campaigns=[{**campaign, "landing_page": "/"}])
    assert shop.values()["promise_match"] == (0.0, 1)


def test_questions_on_their_own_scales(tmp_path):
    shop = Shop(tmp_path / "p", ANSWERS)
    answers = [
        ("relevance", 4, ""), ("relevance", 3, ""), ("relevance", 3, 3), ("relevance", 1, 3),
        ("trust", 5, ""), ("confidence", 1, ""), ("understood", 5, ""), ("intrusive", 2, ""),
    ]  # fmt: skip
    shop.bring(
        responses=[
            {
                "response_id": n,
                "answered_at": START,
                "customer_id": f"c{n}",
                "instrument": name,
                "score": score,
                "scale_max": most,
            }
            for n, (name, score, most) in enumerate(answers)
        ]
    )
    assert shop.values() == {
        "relevance": (0.5, 4),
        "trust": (1.0, 1),
        "confidence": (0.0, 1),
        "reason_understood": (1.0, 1),
        "intrusiveness": (0.0, 1),
    }
