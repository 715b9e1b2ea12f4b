"""What is told: what opened, what got worse, what ended; and nothing twice, nothing old."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

SLACK = {"kind": "slack", "url_env": "URL"}
WEEK = timedelta(days=7)


@pytest.fixture
def desk(desk_of):
    return desk_of({"channels": {"team": SLACK}})


def tell(desk, *findings):
    """Findings that were told."""
    desk.findings = list(findings)
    desk.look()
    now = findings[0].seen_at
    desk.queue.sent(desk.queue.claim(desk.queue.waiting(now), now), now)


def test_switched_on_over_a_long_history_only_the_newest_are_told(desk, given):
    years = [
        given.finding(f"old{n}", opened_at=given.now - (n + 1) * WEEK, period_end=given.monday)
        for n in range(100)
    ]
    desk.findings = [*years, given.finding("new")]
    assert desk.look() == 1
    assert desk.events() == [("new", "open", "waiting")]
    assert desk.look() == 0


def test_newest_is_by_grain(desk, given):
    monthly = {"grain": "month", "period_start": date(2026, 8, 1), "period_end": date(2026, 9, 1)}
    first = datetime.fromisoformat("2026-08-31T22:00:00+00:00")
    desk.findings = [
        given.finding("month", **monthly, opened_at=first),
        given.finding("older month", **monthly, opened_at=first - timedelta(days=31)),
        given.finding("last week", opened_at=given.now - WEEK),
    ]
    desk.look()
    assert desk.events() == [("month", "open", "waiting")]


def test_a_kpi_that_is_known_weeks_later_has_a_newest_of_its_own(desk, given):
    late = given.monday - 13 * WEEK
    desk.newest = {"week": {"": given.monday, "csat": given.monday, "retention": late}}
    then = given.now - 13 * WEEK
    desk.findings = [
        given.finding("retention", leg=given.leg(kpi="retention"), opened_at=then),
        given.finding("older", leg=given.leg(kpi="retention"), opened_at=then - WEEK),
        given.finding("csat", opened_at=then),
        replace(
            given.finding("both", opened_at=then),
            legs=(given.leg(), given.leg(kpi="retention", role="against")),
        ),
    ]
    desk.look()
    assert [event[0] for event in desk.events()] == ["retention", "both"]


def test_what_a_late_refresh_brings_at_once_is_told_all(desk, given):
    desk.newest = {"week": {"": given.monday - 3 * WEEK}}
    desk.look()
    desk.findings = [given.finding(f"w{n}", opened_at=given.now - n * WEEK) for n in range(3)]
    assert desk.look(given.now + timedelta(hours=1)) == 3


def test_an_old_finding_that_turns_up_later_by_a_recomputation_is_not_told(desk, given):
    desk.look()
    desk.findings = [given.finding("old", opened_at=given.now - 9 * WEEK)]
    assert desk.look(given.now + timedelta(days=1)) == 0
    assert desk.events() == []


def test_a_channel_that_comes_later_has_a_beginning_of_its_own(desk, desk_of, given):
    tell(desk, given.finding())
    more = desk_of({"channels": {"team": SLACK, "board": SLACK}})
    more.findings = [given.finding(), given.finding("f2", opened_at=given.now - 5 * WEEK)]
    more.look()
    assert more.events("board") == [("f1", "open", "waiting")]
    assert more.events("team") == [("f1", "open", "sent")]


def test_graver_is_worse_and_told_once(desk, given):
    tell(desk, given.finding())
    desk.findings = [given.finding(severity="act")]
    assert desk.look() == 1
    assert desk.look() == 0
    desk.findings = [given.finding(severity="watch", period_start=given.monday)]
    assert desk.look() == 0
    assert desk.events()[1][:2] == ("f1", "worse 2026-08-31")


@pytest.mark.parametrize(
    ("now", "low", "high", "told"),
    [
        (0.64, 0.62, 0.66, 1),
        (0.64, 0.57, 0.71, 0),  # the interval still holds what was told
        (0.69, 0.685, 0.695, 0),  # clear, but a small step beside the finding itself
        (0.76, 0.74, 0.78, 0),  # better
        (None, None, None, 0),
    ],
)
def test_a_value_that_goes_on_falling_is_worse(desk, given, now, low, high, told):
    tell(desk, given.finding())
    leg = given.leg(now=now, low=low, high=high)
    desk.findings = [given.finding(leg=leg, period_start=given.monday)]
    assert desk.look() == told


def test_upward_where_more_is_worse(desk, given):
    hours = {"kpi": "resolution_time", "unit": "hours", "before": 5.0}
    tell(desk, given.finding(leg=given.leg(**hours, now=7.0, low=6.8, high=7.2)))
    later = given.finding(
        leg=given.leg(**hours, now=8.0, low=7.8, high=8.2), period_start=given.monday
    )
    desk.findings = [later]
    assert desk.look() == 1
    desk.findings = [replace(later, period_start=given.monday + WEEK)]
    assert desk.look() == 0


def test_good_news_does_not_get_worse(desk, given):
    good = given.leg(now=0.85, low=0.84, high=0.86, verdict="better")
    tell(desk, given.finding(better=True, leg=good))
    more = given.leg(now=0.95, low=0.94, high=0.96, verdict="better")
    desk.findings = [given.finding(better=True, leg=more, period_start=given.monday)]
    assert desk.look() == 0


def test_what_was_known_when_the_channel_came_is_told_if_it_gets_worse(desk, given):
    old = given.now - 9 * WEEK
    # Not even routed at first: information goes nowhere here.
    desk.findings = [given.finding(opened_at=old, severity="info")]
    assert desk.look() == 0
    desk.findings = [given.finding(opened_at=old, severity="act")]
    assert desk.look() == 1
    assert desk.events() == [("f1", "worse 2026-08-31", "waiting")]


def test_ended_is_told_with_the_digest_to_whom_it_was_told(desk, given):
    tell(desk, given.finding())
    desk.close("f1")
    assert desk.look(given.now) == 1
    assert desk.look(given.now) == 0
    closed = desk.queue.log()[0]
    assert closed.event == "closed"
    assert closed.payload["digest"]
    assert ["Ended because", "recovered"] in closed.payload["facts"]
    assert closed.due_at.isoformat() == "2026-09-08T06:00:00+00:00"


def test_what_ended_before_it_was_told_is_not_told_at_all(desk, given):
    desk.findings = [given.finding()]
    desk.look()
    desk.close("f1")
    assert desk.look() == 0
    assert desk.events() == [("f1", "open", "withdrawn")]


def test_what_was_only_seen_ends_in_silence(desk, given):
    desk.findings = [given.finding(opened_at=given.now - 9 * WEEK)]
    desk.look()
    desk.close("f1")
    assert desk.look() == 0


def test_a_finding_that_is_gone_is_no_error(desk, given):
    tell(desk, given.finding())
    desk.findings = []
    assert desk.look() == 0


ROUTES = [
    ({"severities": ["act"]}, {"severity": "act"}, {"severity": "watch"}),
    ({"kinds": ["mismatch"]}, {"kind": "mismatch"}, {"kind": "change"}),
    ({"owners": ["cx"]}, {"owner": "cx"}, {"owner": "growth"}),
    ({"stages": ["retention"]}, {"stage": "retention"}, {"stage": "awareness"}),
    ({"stages": ["retention"]}, {"stage": None}, {"stage": "awareness"}),
    ({}, {"severity": "watch"}, {"severity": "info"}),
]


@pytest.mark.parametrize(("route", "goes", "stays"), ROUTES)
def test_routes(desk_of, given, route, goes, stays):
    channels = {"team": SLACK, "other": SLACK}
    desk = desk_of({"channels": channels, "routes": [{"channels": ["team"], **route}]})
    desk.findings = [given.finding("goes", **goes), given.finding("stays", **stays)]
    desk.look()
    assert [event[0] for event in desk.events()] == ["goes"]
    assert desk.events("other") == []


def test_of_two_routes_the_one_at_once_wins(desk_of, given):
    routes = [{"send": "digest"}, {"severities": ["act"]}]
    desk = desk_of({"channels": {"team": SLACK}, "routes": routes})
    desk.findings = [given.finding("a", severity="act"), given.finding("b")]
    desk.look()
    digests = {each.finding: each.payload["digest"] for each in desk.queue.log()}
    assert digests == {"a": False, "b": True}


def test_customers_words_are_never_kept(desk, given):
    from dataclasses import asdict

    from heedful.alerts.watching import Watch

    def contract(finding):
        return {**asdict(finding), "comments": [{"text": "my name is Ada", "theme": None}]}

    watch = Watch(desk.queue, desk.project.definitions, contract, lambda: desk.newest)
    watch.look([given.finding()], lambda _: None, given.now)
    (alert,) = desk.queue.log()
    assert alert.payload["contract"]["comments"] == []
    assert "Ada" not in repr(alert)


def test_what_is_no_number_is_told_as_nothing(desk, given):
    from dataclasses import asdict

    from heedful.alerts.watching import Watch

    def contract(finding):
        return {**asdict(finding), "low": float("nan"), "high": float("inf")}

    watch = Watch(desk.queue, desk.project.definitions, contract, lambda: desk.newest)
    watch.look([given.finding()], lambda _: None, given.now)
    (alert,) = desk.queue.log()
    assert (alert.payload["contract"]["low"], alert.payload["contract"]["high"]) == (None, None)
    assert alert.payload["contract"]["period_start"] == "2026-08-31"
