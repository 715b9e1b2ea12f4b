"""Small companies, made of rows, whose facts can be built."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from heedful.definitions.rules import Rules
from heedful.definitions.settings import Settings, Touchpoint
from heedful.engines.duckdb import DuckDB
from heedful.facts.build import Built, build
from heedful.facts.catalogue import facts
from heedful.facts.model import Fact
from heedful.facts.prepared import Prepared
from heedful.store import schema
from heedful.store.lake import Lake

Row = dict[str, Any]
UTC = dt.UTC
TOUCHPOINTS = {
    "pricing": Touchpoint(stage="consideration", pages=("/pricing", "/pricing/*")),
    "help": Touchpoint(stage="retention", pages=("/help/?", "/pricing/help")),
    "chatbot": Touchpoint(stage="retention", ai=True),
    "lobby": Touchpoint(),
}


def settings(timezone: str = "Europe/Berlin") -> Settings:
    return Settings(name="Acme", timezone=timezone, currency="EUR", touchpoints=TOUCHPOINTS)


class Company:
    """Tables in a folder, and the facts built from them."""

    def __init__(self, root: Path, timezone: str = "Europe/Berlin") -> None:
        self.tables = Lake(root / "tables")
        self.facts = Lake(root / "facts")
        self.settings = settings(timezone)
        self._state: Any = None
        self._prepared: Any = None

    def put(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows; keys that the table does not have are attributes."""
        rows = list(rows)
        known = schema.table(table)
        extra = tuple(sorted({name for row in rows for name in row} - set(known.columns)))
        arrow = known.arrow(extra)
        full = []
        for row in rows:
            month = row[known.time].strftime("%Y-%m") if known.partitioned else None
            full.append({**dict.fromkeys(arrow.names), **row, "_month": month})
        by = ("_month",) if known.partitioned else ()
        self.tables.append(table, pa.Table.from_pylist(full, schema=arrow), partition_by=by)

    def prepared(self, rules: Rules | None = None, **options: Any) -> Prepared:
        return Prepared(DuckDB(), self.tables, self.settings, rules or Rules(), **options)

    def build(self, name: str | Fact, rules: Rules | None = None, **days: dt.date | None) -> Built:
        fact = facts()[name] if isinstance(name, str) else name
        state = (self.versions(), rules)
        if self._state != state:
            self._prepared, self._state = self.prepared(rules), state
        return build(fact, self._prepared, self.facts, **days)

    def versions(self) -> dict[str, int | None]:
        return {name: self.tables.version(name) for name in self.tables.names()}

    def stored(self, name: str) -> list[Row]:
        """The rows of a fact in the order of their keys, without the partition."""
        key = facts()[name].key if name in facts() else ("customer",)
        rows = self.facts.open(name).to_pyarrow_table().to_pylist()
        for row in rows:
            row.pop("_month")
            row["at"] = row["at"].astimezone(UTC)
        return sorted(rows, key=lambda row: [row[one] for one in key])

    def rows(self, name: str, rules: Rules | None = None) -> list[Row]:
        self.build(name, rules)
        return self.stored(name)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def at() -> Any:
    """Makes a time in UTC of text."""
    return moment


def _agree(found: list[Row], expected: list[Row]) -> None:
    """Compare rows in the columns that the expectation speaks of."""
    names = list(expected[0])
    keys = [[row[name] for name in names[:2]] for row in expected]
    assert [[row[name] for name in names[:2]] for row in found] == keys
    wrong = [
        f"{keys[n]} {name}: {got[name]!r}, not {want[name]!r}"
        for n, (got, want) in enumerate(zip(found, expected, strict=True))
        for name in names
        if got[name] != want[name]
    ]
    assert not wrong, "\n".join(wrong[:10])


@pytest.fixture
def agree() -> Any:
    """Asserts that rows agree."""
    return _agree


EVENTS = (
    *("Page Viewed",) * 6,
    *("Form Started",) * 3,
    "Form Step Completed",
    *("Form Submitted",) * 2,
    *("Checkout Started",) * 2,
    "Order Completed",
    "Signed Up",
    "Value Reached",
    *("Help Article Viewed",) * 2,
    "Help Searched",
    "Video Played",
)
BURSTS = (
    ("Form Started", "Form Step Completed", "Form Submitted"),
    ("Checkout Started", "Order Completed", "Page Viewed"),
)
JOURNEYS = (
    ("Task Started", *("Task Step Viewed",) * 5, "Task Completed", "Task Completed"),
    ("Onboarding Started", *("Onboarding Step Completed",) * 4, "Onboarding Completed"),
    ("Content Viewed", "Content Viewed", "Content Saved", "Content Shared"),
    ("Demo Booked", "Demo Booked", "Demo Attended", "Demo Attended"),
    ("Rage Clicked", *("Form Error Shown",) * 4, "Page Viewed"),
    ("Feature Used", "Page Viewed"),
)
PAGES = ("/", "/pricing", "/pricing/help", "/help/a", "/help/ab", "/x'y", None)


class World:
    """A random company: many ties, chains of ids, anonymous rows and a change of clocks."""

    def __init__(self, seed: int, *, days: int = 4, events: int = 260) -> None:
        self.random = random.Random(seed)
        # The clocks in Berlin go forward on 31 March 2024.
        self.start = moment("2024-03-29")
        self.days = days
        some = self.random
        self.tables: dict[str, list[Row]] = {
            "identities": [
                {"alias_id": "a0", "customer_id": "c0", "seen_at": self.start},
                {"alias_id": "a1", "customer_id": "a0", "seen_at": self.start},
                {"alias_id": "c4", "customer_id": "c5", "seen_at": self.start},
                {"alias_id": "z1", "customer_id": "z2"},
                {"alias_id": "z2", "customer_id": "z1"},
            ],
            "customers": [
                {
                    "customer_id": f"c{n}",
                    "signed_up_at": self.time() if some.random() < 0.7 else None,
                    "country": some.choice(["de", "fr", None]),
                    "plan": some.choice(["pro", None]),
                    "channel": some.choice(["ads", None]),
                    "device": some.choice(["mobile", None]),
                    "is_staff": n == 3,
                }
                for n in range(7)
            ],
            "events": [self.event(n) for n in range(events)] + self.bursts(events, 30),
            "orders": [self.order(n) for n in range(40)],
            "tickets": [self.ticket(n) for n in range(40)],
            "invitations": [
                {
                    "invitation_id": f"i{n:02}",
                    "shown_at": self.time(),
                    "instrument": "csat",
                    **self.who(),
                    **self.place(),
                }
                for n in range(30)
            ],
            "responses": [self.response(n) for n in range(40)],
            "leads": [self.lead(n) for n in range(25)],
            "subscriptions": [],
            "ai_outputs": [self.output(n) for n in range(25)],
            "conversations": [self.talk(n) for n in range(40)],
            "opportunities": [self.deal(n) for n in range(30)],
        }
        self.some = random.Random(seed + 1000)
        self.tables["events"] += self.journeys(len(self.tables["events"]), events // 6)
        for event in self.tables["events"]:
            event |= self.origin()
        self.tables["deliveries"] = [self.delivery(n) for n in range(events // 2)]
        self.tables["campaigns"] = [
            {"campaign_id": "k1", "creative": "leaf", "landing_page": "/pricing"},
            {"campaign_id": "k2", "creative": "it's", "landing_page": None},
            {"campaign_id": "k3", "creative": None, "landing_page": "/"},
        ]
        for ticket in self.tables["tickets"]:
            ticket |= self.handling()
        for lead in self.tables["leads"]:
            lead |= {
                "account_id": some.choice(["x1", "x2", None]),
                "asked_for_quote": some.choice([True, False, None]),
                "quality": some.choice([0.0, 0.5, 1.0, 1.5, None]),
            }
        for output in self.tables["ai_outputs"]:
            output |= {
                name: some.choice(["x", "x", "x", " ", None])
                for name in ("model", "model_version", "inputs", "reviewer")
            }

    def time(self) -> dt.datetime:
        return self.start + dt.timedelta(minutes=5 * self.random.randrange(self.days * 288))

    def later(self, time: dt.datetime, hours: int) -> dt.datetime | None:
        if self.random.random() < 0.3:
            return None
        return time + dt.timedelta(minutes=5 * self.random.randrange(-6, hours * 12))

    def who(self) -> Row:
        some = self.random
        draw = some.random()
        if draw < 0.5:
            return {"customer_id": some.choice(["c0", "c1", "c2", "c3", "c4", "c5", "z1", "z2"])}
        if draw < 0.65:
            return {"customer_id": some.choice(["c0", "c1"]), "anonymous_id": "a9"}
        if draw < 0.95:
            return {"anonymous_id": some.choice(["a0", "a1", "a2", "a3"])}
        return {}

    def place(self) -> Row:
        some = self.random
        return {
            "touchpoint": some.choice([None, None, "chatbot", "lobby", "nowhere", "it's"]),
            "device": some.choice(["mobile", "desktop", None]),
            "channel": some.choice(["email", None]),
        }

    def event(self, n: int) -> Row:
        some = self.random
        return {
            "event_id": f"e{n:04}",
            "occurred_at": self.time(),
            **self.who(),
            **self.place(),
            "event": some.choice(EVENTS),
            "page": some.choice(PAGES),
            "country": some.choice(["de", None]),
            "form": some.choice(["f", "g", None]),
            "step": some.choice([1, 2, 3, None]),
            "steps": some.choice([3, None]),
            "depth": some.choice([0.0, 0.25, 1.0, None, None]),
            "seconds": some.choice([3.0, 12.5, -1.0, None, None, None]),
            "topic": some.choice(["bill", "login", None]),
            "is_bot": some.choice([True, False, False, None, None, None]),
            "experiment_arm": some.choice(["A", "B", None]),
        }

    def bursts(self, n: int, times: int) -> list[Row]:
        """Forms and checkouts in which one person does several things soon after each other."""
        some = self.random
        found = []
        for _ in range(times):
            begun, who, form = self.time(), self.who(), some.choice(["f", None])
            kind = some.choice(BURSTS)
            for _ in range(some.randrange(2, 6)):
                row = self.event(n + len(found))
                begun += dt.timedelta(minutes=5 * some.randrange(8))
                event = {"occurred_at": begun, "event": some.choice(kind), "form": form}
                found.append({**row, "customer_id": None, "anonymous_id": None, **who, **event})
        return found

    def journeys(self, n: int, times: int) -> list[Row]:
        """Tasks, onboarding and the like, in which one person does several things in a row."""
        some = self.some
        found = []
        for _ in range(times):
            begun, who, form = self.time(), self.who(), some.choice(["f", None])
            kinds, steps = some.choice(JOURNEYS), some.choice([2, 3, 3, None])
            for nth in range(some.randrange(2, 8)):
                begun += dt.timedelta(minutes=5 * some.choice([0, 1, 1, 2, 60]))
                event = kinds[0] if nth == 0 else some.choice(kinds)
                row = {"occurred_at": begun, "event": event, "form": form}
                row |= {"step": some.choice([1, 2, 2, 3, 3, None]), "steps": steps}
                blank = {"customer_id": None, "anonymous_id": None}
                found.append({**self.event(n + len(found)), **blank, **who, **row})
        return found

    def origin(self) -> Row:
        some = self.some
        return {
            "campaign_id": some.choice(["k1", "k2", "k3", "k4", None, None]),
            "key_depth": some.choice([0.25, 0.5, None]),
        }

    def delivery(self, n: int) -> Row:
        some = self.some
        sent = self.time()

        def after(*odds: Any) -> dt.datetime | None:
            hours = some.choice(odds)
            return (
                None
                if hours is None
                else sent + dt.timedelta(hours=hours, minutes=some.choice([0, 5]))
            )

        return {
            "delivery_id": f"d{n:04}",
            "sent_at": sent,
            **self.who(),
            **self.place(),
            "channel": some.choice(["email", "push", None]),
            "campaign_id": some.choice(["k1", "k2", None]),
            "offer": some.choice(["box", "box", "pot", None]),
            "delivered_at": after(0, 0, 0, 1, None),
            "clicked_at": after(1, 2, 20, 200, -1, None),
            "replied_at": after(1, 100, 168, 200, -1, None, None),
            "unsubscribed_at": after(3, 200, None, None, None),
            "complained_at": after(3, 200, None, None, None),
        }

    def order(self, n: int) -> Row:
        some = self.random
        time = self.time()
        return {
            "order_id": f"o{n:03}",
            "ordered_at": time,
            **self.who(),
            **self.place(),
            "amount": Decimal(some.choice(["-5", "0", "10.5", "99.9999"])),
            "refunded_amount": some.choice([None, Decimal(0), Decimal("2.5")]),
            "promised_at": self.later(time, 24),
            "delivered_at": self.later(time, 24),
            "is_test": some.choice([True, None, None, None]),
        }

    def ticket(self, n: int) -> Row:
        some = self.random
        time = self.time()
        first = self.later(time, 24)
        return {
            "ticket_id": f"t{n:03}",
            "opened_at": time,
            **self.who(),
            **self.place(),
            "first_response_at": self.later(time, 12),
            "first_resolved_at": first,
            "resolved_at": some.choice([first, self.later(first or time, 12), None]),
            "reopens": some.choice([0, 1, None, None]),
            "escalated": some.choice([True, False, None]),
            "is_spam": some.choice([True, False, None, None, None]),
            "merged_into": some.choice(["t000", None, None, None, None]),
        }

    def response(self, n: int) -> Row:
        some = self.random
        return {
            "response_id": f"r{n:03}",
            "answered_at": self.time(),
            **self.who(),
            **self.place(),
            "instrument": some.choice(["nps", "csat", "ces", "trust"]),
            "score": some.choice([None, 1.0, 5.0]),
            "scale_max": some.choice([None, 3.0]),
            "invitation_id": f"i{some.randrange(40):02}" if some.random() < 0.6 else None,
        }

    def lead(self, n: int) -> Row:
        some = self.random
        time = self.time()
        return {
            "lead_id": f"l{n:03}",
            "created_at": time,
            **self.who(),
            **self.place(),
            "origin": some.choice(["fair", None]),
            "qualified_at": self.later(time, 24),
            "won_at": self.later(time, 48),
        }

    def output(self, n: int) -> Row:
        some = self.random
        return {
            "output_id": f"u{n:03}",
            "produced_at": self.time(),
            **self.who(),
            **self.place(),
            "kind": "reply",
            "rationale": some.choice([None, "", "  ", "because"]),
            "policy": some.choice([None, "p1"]),
            "confidence": some.choice([None, 0.0, 0.9]),
            "explanation_shown": some.choice([True, False, None]),
            "overridden": some.choice([True, False, None]),
            "review_passed": some.choice([True, False, None]),
        }

    def handling(self) -> Row:
        some = self.random
        return {
            "topic": some.choice(["bill", "bill", "login", "login", None]),
            "replies": some.choice([0, 1, 1, 2, None]),
            "transfers": some.choice([0, 0, 1, None]),
            "agent_minutes": some.choice([0.0, 7.5, 30.0, None]),
            "is_complaint": some.choice([True, False, None]),
        }

    def talk(self, n: int) -> Row:
        some = self.random
        time = self.time()
        return {
            "conversation_id": f"v{n:03}",
            "started_at": time,
            **self.who(),
            **self.place(),
            "touchpoint": some.choice(["chatbot", "chatbot", "lobby", None]),
            "turns": some.choice([1, 4, None]),
            "rephrases": some.choice([0, 2, None, None]),
            "fallbacks": some.choice([0, 1, None, None]),
            "corrections": some.choice([0, 1, None, None]),
            "handed_over_at": some.choice([time, None, None]),
            "handed_over": some.choice([True, False, None, None]),
            "resolved": some.choice([True, False, None]),
            "topic": some.choice(["bill", None]),
        }

    def deal(self, n: int) -> Row:
        some = self.random
        time = self.time()
        return {
            "opportunity_id": f"p{n:03}",
            "opened_at": time,
            "customer_id": some.choice(["c0", "c1", "c2", "c3", None, None]),
            "account_id": some.choice(["x1", "x2", None]),
            "origin": some.choice(["fair", None]),
            "pipeline_stage": some.choice(["demo", None]),
            "amount": some.choice([Decimal("10.5"), Decimal(400), None]),
            "won_at": some.choice([self.later(time, 48), None]),
            "lost_at": some.choice([self.later(time, 48), None]),
        }

    def into(self, company: Company) -> World:
        self.company = company
        for name, rows in self.tables.items():
            if rows:
                company.put(name, rows)
        return self

    # What facts should see, found row by row.

    def person(self, one: str) -> str:
        links = {row["alias_id"]: row["customer_id"] for row in self.tables["identities"]}
        path = [one]
        while path[-1] in links:
            following = links[path[-1]]
            if following in path:
                return min(path[path.index(following) :])
            path.append(following)
        return path[-1]

    def seen(self, table: str) -> list[Row]:
        """The rows of a table after exclusion, with customer, known, touchpoint, stage, ai."""
        gone = {self.person(c["customer_id"]) for c in self.tables["customers"] if c["is_staff"]}
        found = []
        for row in self.tables[table]:
            if row.get("is_bot") or row.get("is_test") or row.get("is_spam"):
                continue
            if row.get("merged_into") is not None:
                continue
            given = row.get("customer_id") or row.get("anonymous_id")
            customer = self.person(given) if given else None
            if customer in gone:
                continue
            linked = given in {r["alias_id"] for r in self.tables["identities"]} and (
                customer != given
            )
            place = row.get("touchpoint") or self.place_of(row.get("page"))
            known = TOUCHPOINTS.get(place or "")
            found.append(
                {
                    **row,
                    "customer": customer,
                    "known": row.get("customer_id") is not None or linked,
                    "touchpoint": place,
                    "stage": known.stage if known else None,
                    "ai": known.ai if known else False,
                }
            )
        return found

    @staticmethod
    def place_of(page: str | None) -> str | None:
        if page is None:
            return None
        if page == "/pricing" or page.startswith("/pricing/"):
            return "pricing"
        return "help" if page.startswith("/help/") and len(page) == len("/help/?") else None

    def people(self) -> dict[str, Row]:
        """One row a resolved customer."""
        found: dict[str, Row] = {}
        for row in self.seen("customers"):
            kept = found.get(row["customer"])
            times = [r["signed_up_at"] for r in (row, kept) if r and r["signed_up_at"]]
            best = row if kept is None or row["customer_id"] == row["customer"] else kept
            found[row["customer"]] = {**best, "signed_up_at": min(times, default=None)}
        return found

    def until(self, table: str, *columns: str) -> dt.datetime:
        """The newest time of a table, bots and staff included: they too prove it was seen."""
        return max(row[c] for row in self.tables[table] for c in columns if row.get(c))


@pytest.fixture(params=range(2), scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A random company; tests leave its tables as they are."""
    root = tmp_path_factory.mktemp("world")
    return World(request.param).into(Company(root))


@pytest.fixture(scope="session")
def long_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A random company of many weeks; tests leave its tables as they are."""
    root = tmp_path_factory.mktemp("long_world")
    return World(5, days=75, events=900).into(Company(root))
