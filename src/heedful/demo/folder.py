"""The project folder of the simulated company: exports, definitions, and what is known of it."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from heedful.demo import exports, planting
from heedful.demo.calendar import WAVE, Calendar
from heedful.demo.log import Frame
from heedful.demo.simulation import Progress, Year, play
from heedful.demo.truths import Truths
from heedful.demo.world import World

UNTIL = date(2026, 9, 7)
FEWEST = 200
_DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")

#: Source -> rows that no import may accept, in the words of its file.
BROKEN: dict[str, tuple[dict[str, str], ...]] = {
    "tickets": (
        {"number": "", "created": "12.03.2026 10:11:12", "subject": "billing"},
        {"number": "t900001", "created": "yesterday", "subject": "watering"},
        {"number": "t900002", "created": "31.02.2026 09:00:00", "subject": "light"},
    ),
    "orders": (
        {"order_id": "b9000001", "ordered_at": "04.05.2026 10:00:00", "amount": "on the house"},
        {"order_id": "b9000002", "ordered_at": "13/45/2026", "amount": "19,80"},
    ),
    "responses": (
        {"response_id": "r9000001", "answered_at": "n/a", "instrument": "csat", "score": "4"},
        {"response_id": "", "answered_at": "2026-02-03T10:00:00Z", "instrument": "csat"},
        {"response_id": "r9000002", "answered_at": "2026-02-03T10:00:00Z", "instrument": ""},
        {"response_id": "r9000003", "answered_at": "soon", "instrument": "nps", "score": "9"},
    ),
}
#: Column of the tickets -> the help desk's word for it.
DESK = {
    "ticket_id": "number",
    "opened_at": "created",
    "customer_id": "requester",
    "first_response_at": "first_reply",
    "first_resolved_at": "first_solved",
    "resolved_at": "solved",
    "topic": "subject",
    "handled_by": "agent_type",
    "agent_minutes": "minutes",
}


def simulate(
    directory: Path,
    *,
    customers: int = 20_000,
    seed: int = 7,
    planted: bool = True,
    until: date = UNTIL,
    progress: Progress | None = None,
) -> Truths:
    """Write one year of a simulated company, and a project around it.

    The same arguments give the same bytes.

    Args:
        directory: Where to; made if missing. Files of the same names are overwritten.
        customers: How many customers the company has had in all, staff and testers aside.
        seed: Where chance begins.
        planted: Whether releases change anything. Without, all expectations hold all year, and
            only the seasonal wave in volumes remains.
        until: The day before which the data end; a Monday.
        progress: Called with what is being done and the share of the whole that is done.

    Returns:
        What was planted, what was left alone, and what an import must reject.

    Raises:
        ValueError: `until` is not a Monday, or there are too few customers.
    """
    if customers < FEWEST:
        raise ValueError(
            f"customers: found {customers}, allowed: {FEWEST} or more, because fewer do not fill "
            "a year"
        )
    tell = progress or (lambda _step, _share: None)
    world = World(Calendar(until), customers, seed, planted)
    year = play(world, tell)
    directory.mkdir(parents=True, exist_ok=True)
    _copy(resources.files("heedful.demo") / "project", directory, until)
    tell("files", 0.75)
    write_exports(directory / "exports", world, year)
    found = describe(world, year)
    _annotations(directory / "annotations.csv", world, found)
    exports.csv(directory / "meant.csv", year.meant)
    found.write(directory / "truths.yaml")
    tell("done", 1.0)
    return found


def describe(world: World, year: Year) -> Truths:
    """What is known of a year."""
    calendar = world.calendar
    rows = {name: len(next(iter(getattr(year, name).values()))) for name in Year.__annotations__}
    return Truths(
        seed=world.seed,
        start=calendar.start,
        until=calendar.until,
        settled=planting.settled(world),
        planted=planting.planted(world),
        stable=planting.stable(world),
        experiments=planting.experiments(world),
        releases=planting.releases(world),
        wave={calendar.monday(week): fuller for week, fuller in WAVE.items()},
        rejected={source: len(broken) for source, broken in BROKEN.items()},
        left_out={"leads": int((year.leads["state"] == "duplicate").sum())},
        rows=rows,
    )


def write_exports(folder: Path, world: World, year: Year) -> None:
    """Write the files of the company's tools."""
    zone = world.calendar.zone
    exports.monthly(folder / "web", year.events, "occurred_at")
    exports.csv(folder / "web/experiments/exposures.csv", year.exposures)
    exports.csv(folder / "shop/customers.csv", year.customers)
    exports.csv(folder / "shop/subscriptions.csv", year.subscriptions)
    exports.parquet(folder / "shop/identities.parquet", year.identities)
    exports.local_csv(
        folder / "shop/orders.csv",
        year.orders,
        zone,
        BROKEN["orders"],
        money=("amount", "refunded_amount"),
    )
    desk: Frame = {DESK.get(name, name): column for name, column in year.tickets.items()}
    exports.local_csv(folder / "helpdesk/tickets.csv", desk, zone, BROKEN["tickets"])
    exports.parquet(folder / "chat/conversations.parquet", year.conversations)
    exports.parquet(folder / "machines/outputs.parquet", year.ai_outputs)
    exports.csv(folder / "surveys/invitations.csv", year.invitations)
    exports.csv(folder / "surveys/responses.csv", year.responses, BROKEN["responses"])
    exports.csv(folder / "feedback/reviews.csv", year.feedback)
    exports.parquet(folder / "mail/deliveries.parquet", year.deliveries)
    exports.csv(folder / "marketing/campaigns.csv", year.campaigns)
    exports.csv(folder / "marketing/spend.csv", year.spend)
    exports.csv(folder / "sales/accounts.csv", year.accounts)
    exports.csv(folder / "sales/leads.csv", year.leads)
    exports.csv(folder / "sales/opportunities.csv", year.opportunities)


def _copy(source: Traversable, target: Path, until: date) -> None:
    """Copy text files; their dates move with the end of the data."""
    late = until - UNTIL
    for entry in sorted(source.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            _copy(entry, target / entry.name, until)
        elif not entry.name.endswith((".py", ".pyc")):
            target.mkdir(parents=True, exist_ok=True)
            text = _DATE.sub(
                lambda day: (date.fromisoformat(day[0]) + late).isoformat(),
                entry.read_text("utf-8"),
            )
            (target / entry.name).write_text(text, encoding="utf-8")


def _annotations(path: Path, world: World, found: Truths) -> None:
    zone = world.calendar.zone
    at = [datetime.combine(r.day, time(0), zone).isoformat() for r in found.releases]
    columns: dict[str, list[str | None]] = {
        "at": list(at),
        "kind": [r.kind for r in found.releases],
        "stage": [r.stage for r in found.releases],
        "text": [r.text for r in found.releases],
    }
    exports.csv(path, {name: np.array(column, dtype=object) for name, column in columns.items()})
