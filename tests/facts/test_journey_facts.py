"""Facts of messages, tasks and journeys against row-by-row implementations."""

from __future__ import annotations

import datetime as dt
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from heedful.definitions.rules import Rules

Row = dict[str, Any]
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
GAP = 30 * MINUTE
PLACE = ("touchpoint", "stage", "ai", "device", "channel")
BERLIN = ZoneInfo("Europe/Berlin")
# One set for all, so that the tables are prepared once.
RULES = Rules(
    contact_limit=2,
    return_window_days=4,
    task_window_hours=3,
    demo_window_days=3,
    onboarding_window_days=10,
    lapsed_after_days=2,
)


def chosen(row: Row, *columns: str) -> Row:
    return {one: row.get(one) for one in (*columns, *PLACE)}


def by_customer(rows: list[Row], time: str = "occurred_at", key: str = "event_id") -> list[Any]:
    rows = [row for row in rows if row["customer"] is not None]
    rows.sort(key=lambda row: (row["customer"], row[time], row[key]))
    return [list(group) for _, group in groupby(rows, key=lambda row: row["customer"])]


def stays(world: Any) -> list[list[Row]]:
    """Visits as lists of events."""
    found = []
    for rows in by_customer(world.seen("events")):
        visit: list[Row] = []
        last = begun = dt.datetime.min.replace(tzinfo=dt.UTC)
        for row in rows:
            if row["occurred_at"] - last >= GAP:
                visit, begun = [], row["occurred_at"]
                found.append(visit)
            last = row["occurred_at"]
            if last - begun <= DAY:
                visit.append(row)
    return found


def landing(visit: list[Row]) -> Row:
    return next((e for e in visit if e["event"] == "Page Viewed"), visit[0])


def converted(visit: list[Row], orders: list[Row]) -> bool:
    begun, last = visit[0]["occurred_at"], visit[-1]["occurred_at"]
    return any(e["event"] == "Order Completed" for e in visit) or any(
        o["customer"] == visit[0]["customer"]
        and o["amount"] >= 0
        and begun <= o["ordered_at"] < last + GAP
        for o in orders
    )


def spent(visit: list[Row]) -> float:
    ends = [e["occurred_at"] for e in visit]
    ends += [
        e["occurred_at"] + dt.timedelta(seconds=e["seconds"])
        for e in visit
        if e["seconds"] is not None and e["seconds"] >= 0
    ]
    return (max(ends) - visit[0]["occurred_at"]).total_seconds()


def pages(visit: list[Row]) -> int:
    return sum(e["event"] == "Page Viewed" for e in visit)


def test_click_throughs(world, agree):
    orders = world.seen("orders")
    campaigns = {one["campaign_id"]: one for one in world.tables["campaigns"]}
    expected = []
    for visit in stays(world):
        first = landing(visit)
        if first["campaign_id"] is None:
            continue
        campaign = campaigns.get(first["campaign_id"], {})
        creative, meant = campaign.get("creative"), campaign.get("landing_page")
        page = first["page"]
        bounced = pages(visit) == 1 and not converted(visit, orders) and spent(visit) < 10
        expected.append(
            {
                "click_id": first["event_id"],
                "customer": first["customer"],
                "at": visit[0]["occurred_at"],
                "bounced": bounced,
                "creative": creative,
                "landing_page": page,
                "creative_on_page": f"{creative} on {page}" if creative and page else None,
                "on_its_page": page == meant if page and meant else None,
                **chosen(first, "campaign_id", "country", "experiment_arm"),
            }
        )
    expected.sort(key=lambda row: row["click_id"])
    assert {row["bounced"] for row in expected} == {True, False}
    assert {row["on_its_page"] for row in expected} == {True, False, None}
    agree(world.company.rows("click_throughs"), expected)


def test_messages(world, agree):
    orders = world.seen("orders")
    engaged = [
        (visit[0]["customer"], visit[0]["occurred_at"], visit[-1]["occurred_at"])
        for visit in stays(world)
        if pages(visit) >= 2 or converted(visit, orders) or spent(visit) >= 10
    ]
    expected = []
    for d in world.seen("deliveries"):
        if d["delivered_at"] is None:
            continue

        def in_time(*names: str, d: Row = d) -> bool:
            times = [d[name] for name in names if d[name] is not None]
            return any(d["sent_at"] <= time <= d["sent_at"] + 7 * DAY for time in times)

        clicked = in_time("clicked_at")
        qualified = clicked and any(
            who == d["customer"] and last >= d["clicked_at"] and begun <= d["clicked_at"] + GAP
            for who, begun, last in engaged
        )
        expected.append(
            {
                "delivery_id": d["delivery_id"],
                "customer": d["customer"] or f"delivery:{d['delivery_id']}",
                "at": d["sent_at"],
                "clicked": clicked,
                "qualified_click": qualified if d["customer"] else None,
                "replied": in_time("replied_at"),
                "unsubscribed": in_time("unsubscribed_at", "complained_at"),
                **chosen(d, "offer", "campaign_id"),
            }
        )
    assert {row["qualified_click"] for row in expected} == {True, False, None}
    expected.sort(key=lambda row: row["delivery_id"])
    agree(world.company.rows("messages"), expected)


def test_contacts(long_world, agree):
    arrived = [d for d in long_world.seen("deliveries") if d["delivered_at"] is not None]
    expected = []
    for rows in by_customer(arrived, "sent_at", "delivery_id"):

        def monday(row: Row) -> dt.date:
            day = row["sent_at"].astimezone(BERLIN).date()
            return day - dt.timedelta(days=day.weekday())

        def before(row: Row, rows: list[Row] = rows) -> list[Row]:
            """The row, and messages of the 7 days before it."""
            since = row["sent_at"] - 7 * DAY
            return [o for o in rows[: rows.index(row) + 1] if o["sent_at"] > since]

        for week, group in groupby(rows, key=monday):
            of_week = list(group)
            offers = [d for d in of_week if d["offer"] is not None]
            other = any(o["offer"] not in {None, d["offer"]} for d in offers for o in before(d))
            expected.append(
                {
                    "customer": of_week[0]["customer"],
                    "at": of_week[0]["sent_at"],
                    "week": week,
                    "messages": len(of_week),
                    "channels": len({d["channel"] for d in of_week} - {None}),
                    "pressed": any(len(before(d)) > 2 for d in of_week),
                    "overlapping": other if offers else None,
                }
            )
    expected.sort(key=lambda row: (row["customer"], row["week"]))
    assert {row["pressed"] for row in expected} == {True, False}
    assert {row["overlapping"] for row in expected} == {True, False, None}
    agree(long_world.company.rows("contacts", RULES), expected)


def test_return_visits(long_world, agree):
    until = long_world.until("events", "occurred_at")
    expected = []
    for _, group in groupby(stays(long_world), key=lambda visit: visit[0]["customer"]):
        visits = list(group)
        begun = visits[0][0]["occurred_at"]
        first = landing(visits[0])
        expected.append(
            {
                "customer": first["customer"],
                "at": begun,
                "came_back": any(v[0]["occurred_at"] <= begun + 4 * DAY for v in visits[1:]),
                "matured": begun + 4 * DAY <= until,
                "landing_page": first["page"],
                **chosen(first, "country", "experiment_arm"),
            }
        )
    agree(long_world.company.rows("return_visits", RULES), expected)


def attempts(rows: list[Row], window: dt.timedelta) -> list[Row]:
    """Attempts at one task by one customer."""
    rank = {"Task Started": 0, "Task Step Viewed": 1, "Task Completed": 2}
    rows = sorted(rows, key=lambda e: (e["occurred_at"], rank[e["event"]], e["event_id"]))
    found: list[Row] = []
    latest = None
    for e in rows:
        now, open_ = e["occurred_at"], found[-1] if found else None
        if e["event"] == "Task Started":
            if not (open_ and not open_["ended"] and now - latest <= window):
                open_ = {"first": e, "steps": [], "ended": False, "completed": None, "needed": []}
                found.append(open_)
            latest = now
        if open_ is None:
            continue
        if now - open_["first"]["occurred_at"] <= DAY + window:
            open_["needed"].append(e["steps"])
            if e["event"] == "Task Step Viewed":
                open_["steps"].append(e)
            done = e["event"] == "Task Completed" and now - latest <= window
            if done and open_["completed"] is None:
                open_["completed"] = now
        open_["ended"] |= e["event"] == "Task Completed"
    return found


def test_tasks(long_world, agree):
    names = {"Task Started", "Task Step Viewed", "Task Completed"}
    events = [e for e in long_world.seen("events") if e["event"] in names and e["customer"]]
    events.sort(key=lambda e: (e["customer"], e["form"] or ""))
    expected = []
    for _, group in groupby(events, key=lambda e: (e["customer"], e["form"])):
        for one in attempts(list(group), 3 * HOUR):
            first, done = one["first"], one["completed"]
            steps = [e for e in one["steps"] if done is None or e["occurred_at"] <= done]
            moves = [
                (a["step"], b["step"])
                for a, b in pairwise(steps)
                if a["step"] is not None and b["step"] is not None
            ]
            needed = max((n for n in one["needed"] if n), default=None)
            expected.append(
                {
                    "attempt_id": first["event_id"],
                    "customer": first["customer"],
                    "at": first["occurred_at"],
                    "task": first["form"],
                    "completed": done is not None,
                    "seconds": done and (done - first["occurred_at"]).total_seconds(),
                    "steps_taken": len(steps) or None,
                    "steps_needed": min(needed, len(steps)) if needed and steps else None,
                    "numbered_steps": len(moves) or None,
                    "steps_back": sum(b < a for a, b in moves) if moves else None,
                    **chosen(first, "experiment_arm"),
                }
            )
    expected.sort(key=lambda row: row["attempt_id"])
    assert {row["completed"] for row in expected} == {True, False}
    assert any(row["steps_back"] for row in expected)
    assert any(row["steps_needed"] for row in expected)
    agree(long_world.company.rows("tasks", RULES), expected)


def test_demos(long_world, agree):
    names = {"Demo Booked": 0, "Demo Attended": 1}
    acts = [e for e in long_world.seen("events") if e["event"] in names and e["customer"]]
    acts.sort(key=lambda e: (e["customer"], e["occurred_at"], names[e["event"]], e["event_id"]))
    expected = []
    for e, following in zip(acts, [*acts[1:], None], strict=True):
        if e["event"] == "Demo Booked":
            expected.append(
                {
                    "booking_id": e["event_id"],
                    "customer": e["customer"],
                    "at": e["occurred_at"],
                    "attended": following is not None
                    and following["customer"] == e["customer"]
                    and following["event"] == "Demo Attended"
                    and following["occurred_at"] <= e["occurred_at"] + 3 * DAY,
                    **chosen(e, "country", "experiment_arm"),
                }
            )
    expected.sort(key=lambda row: row["booking_id"])
    assert {row["attended"] for row in expected} == {True, False}
    agree(long_world.company.rows("demos", RULES), expected)


def test_onboarding(long_world, agree):
    names = {"Onboarding Started", "Onboarding Step Completed", "Onboarding Completed"}
    until = long_world.until("events", "occurred_at")
    expected = []
    for rows in by_customer([e for e in long_world.seen("events") if e["event"] in names]):
        first = rows[0]
        begun = first["occurred_at"]
        soon = [e for e in rows if e["occurred_at"] <= begun + 10 * DAY]
        done = {e["step"] for e in soon if e["event"] == "Onboarding Step Completed"} - {None}
        steps = max((e["steps"] for e in soon if e["steps"]), default=None)
        ended = any(e["event"] == "Onboarding Completed" for e in soon)
        expected.append(
            {
                "customer": first["customer"],
                "at": begun,
                "steps_done": len(done),
                "steps": steps,
                "finished": ended or (steps is not None and len(done) >= steps),
                "matured": begun + 10 * DAY <= until,
                **chosen(first, "country", "experiment_arm"),
            }
        )
    assert {row["finished"] for row in expected} == {True, False}
    agree(long_world.company.rows("onboarding", RULES), expected)


def test_content_readers(long_world, agree):
    names = {"Content Viewed", "Content Saved", "Content Shared"}
    expected = []
    for rows in by_customer([e for e in long_world.seen("events") if e["event"] in names]):
        for month, group in groupby(
            rows, key=lambda e: e["occurred_at"].astimezone(BERLIN).date().replace(day=1)
        ):
            of_month = list(group)
            views = [e for e in of_month if e["event"] == "Content Viewed"]
            if views:
                expected.append(
                    {
                        "customer": views[0]["customer"],
                        "at": views[0]["occurred_at"],
                        "month": month,
                        "views": len(views),
                        "saved": len(views) < len(of_month),
                    }
                )
    assert {row["saved"] for row in expected} == {True, False}
    agree(long_world.company.rows("content_readers", RULES), expected)


@pytest.mark.parametrize("name", ["messages", "contacts", "content_readers"])
def test_parts_of_long_windows(long_world, name):
    """A part of a long history is read anew, and nothing changes."""
    company = long_world.company
    company.build(name, RULES)
    expected = company.stored(name)
    for since, until in (("2024-04-10", "2024-04-20"), ("2024-05-01", "2024-05-01")):
        days = dt.date.fromisoformat(since), dt.date.fromisoformat(until)
        empty = company.facts.open(name).to_pyarrow_table().schema.empty_table()
        where = f"day >= DATE '{since}' AND day <= DATE '{until}'"
        company.facts.replace(name, empty, where=where)
        built = company.build(name, RULES, since=days[0], until=days[1])
        first, last = days
        assert built.rows == sum(first <= row["day"] <= last for row in expected)
        assert company.stored(name) == expected


def test_used_features(long_world):
    """Whether a customer used a key feature in a month, beside who was a customer in it."""
    used = {
        (e["customer"], e["occurred_at"].astimezone(BERLIN).date().replace(day=1))
        for e in long_world.seen("events")
        if e["event"] == "Feature Used"
    }
    rows = long_world.company.rows("memberships", RULES)
    found = {(row["customer"], row["day"]) for row in rows if row["used_feature"]}
    members = {(row["customer"], row["day"]) for row in rows}
    assert found == used & members
    assert found < members


def test_what_never_happens_is_not_known(company, at):
    """Without a single reply, click or completion the source does not know them."""
    event = {"occurred_at": at("2024-01-01"), "customer_id": "a"}
    names = ("Page Viewed", "Task Started", "Demo Booked", "Onboarding Started", "Content Viewed")
    company.put("events", [{**event, "event_id": name, "event": name} for name in names])
    sent = {"sent_at": at("2024-01-01"), "delivered_at": at("2024-01-01"), "customer_id": "a"}
    company.put("deliveries", [{**sent, "delivery_id": "1"}])
    company.put(
        "orders",
        [{"order_id": "1", "ordered_at": at("2024-01-01"), "amount": 1, "customer_id": "a"}],
    )
    unknown = {
        "messages": ("clicked", "qualified_click", "replied", "unsubscribed"),
        "tasks": ("completed", "steps_taken", "steps_needed", "numbered_steps", "steps_back"),
        "demos": ("attended",),
        "onboarding": ("finished",),
        "content_readers": ("saved",),
        "sessions": ("frustrated",),
        "memberships": ("used_feature",),
        "contacts": ("overlapping",),
    }
    for name, columns in unknown.items():
        (row,) = company.rows(name)
        assert {row[column] for column in columns} == {None}, name
    company.put("deliveries", [{**sent, "delivery_id": "2", "replied_at": at("2024-01-02")}])
    assert [row["replied"] for row in company.rows("messages")] == [False, True]
    company.put("events", [{**event, "event_id": "0", "event": "Dead Clicked"}])
    assert company.rows("sessions")[0]["frustrated"] is True


def test_a_message_that_did_not_arrive_is_none(company, at):
    company.put(
        "deliveries", [{"delivery_id": "1", "sent_at": at("2024-01-01"), "customer_id": "a"}]
    )
    assert company.rows("messages") == company.rows("contacts") == []
