"""A small shop with a site over it, and browsers of people of each role.

The shop has thirty weeks of data, a fall that was planted (answers at the helpline, from 23
February on), an experiment, rows that were rejected, and names that try to be HTML or formulas.
Its session-wide site is for tests that only look; who changes something takes `own_site`.
"""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import heedful
from heedful.web.app import create_app
from heedful.web.site import Site

ROLES = ("viewer", "analyst", "admin")
PASSWORD = "a long enough password"
FIRST = datetime(2025, 9, 1, tzinfo=UTC)
WEEKS = 30
FALL = datetime(2026, 2, 23, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script>'
FORMULA = "=1+1"

FILES = {
    "heedful.yaml": """\
name: Corner & shop
timezone: Europe/Berlin
currency: EUR
touchpoints:
  shop: {stage: consideration}
  till: {stage: conversion}
  helpline: {stage: retention}
  robot: {stage: retention, ai: true}
teams:
  shop: {name: "Shop floor <i>&</i> till", email: shop@example.org}
  help: {name: Help desk}
""",
    "kpis/csat.yaml": (
        "owner: help\nplaybook: listen\ntarget: 80%\nscale: {worst: 40%, best: 90%}\n"
    ),
    "kpis/csat_ai.yaml": "owner: help\nplaybook: listen\ntarget: 70%\n",
    "kpis/nps.yaml": "owner: shop\nplaybook: listen\nscale: {worst: -20, best: 60}\n",
    "kpis/resolution_time.yaml": (
        "owner: help\nplaybook: listen\nbreakdowns: [priority]\nscale: {worst: 40, best: 5}\n"
    ),
    "kpis/reopen_rate.yaml": "owner: help\nplaybook: listen\nscale: {worst: 30%, best: 2%}\n",
    "kpis/order_value.yaml": "owner: shop\nplaybook: listen\nscale: {worst: 10, best: 60}\n",
    "kpis/refund_rate.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/bounce_rate.yaml": "owner: shop\nplaybook: listen\nscale: {worst: 80%, best: 20%}\n",
    "kpis/form_abandonment.yaml": "owner: shop\nplaybook: listen\nscale: {worst: 80%, best: 10%}\n",
    "kpis/retention.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/response_rate.yaml": "owner: shop\nplaybook: listen\n",
    "rules.yaml": "lapsed_after_days: 60\n",
    "scorecard.yaml": (
        "dimensions:\n"
        "  experience: {weight: 50%, layers: [experience]}\n"
        "  friction: {weight: 30%, layers: [operational, engagement]}\n"
        "  business: {weight: 20%, layers: [commercial]}\n"
        "weights: {nps: 2}\n"
        "triads:\n"
        "  - {title: Help that pays, empathy: csat, business: order_value,"
        " diagnostic: resolution_time}\n"
    ),
    "playbooks/listen.md": (
        f"# Read the comments first {HOSTILE}\n\n1. Read twenty.\n2. Call **three**.\n\n"
        "<img src=x onerror=alert(1)>\n\n[here](javascript:alert(1)) and"
        " [there](https://example.org/a?b=1&c=2)\n"
    ),
    "hypotheses.yaml": (
        "- id: warm_words\n"
        "  friction: The robot answers before it has listened.\n"
        "  behaviour: People read its answer.\n"
        "  outcome: More are satisfied.\n"
        "  stage: retention\n"
        "  kpi: csat_ai\n"
        "  owner: help\n"
    ),
    "experiments/warm-words.yaml": """\
title: Warm words
question: Are people more satisfied if the robot reassures them first?
hypothesis: warm_words
owner: help
approver: shop
stage: retention
start: 2026-01-12
end: 2026-03-09
variants:
  - {name: control, title: Answer at once}
  - {name: treatment, title: Reassurance first}
primary: {kpi: csat_ai}
smallest_effect: 10%
guardrails:
  - {kpi: reopen_rate, margin_absolute: 5%, window_days: 14}
  - {kpi: csat, margin_absolute: 5%, window_days: 14}
""",
    "sources/answers.yaml": "table: responses\npath: in/answers.csv\n",
    "sources/tickets.yaml": (
        'table: tickets\npath: in/tickets.csv\nread: {delimiter: ";", dates: "%d.%m.%Y %H:%M"}\n'
    ),
    "sources/orders.yaml": "table: orders\npath: in/orders.csv\n",
    "sources/events.yaml": "table: events\npath: in/events.csv\n",
    "sources/people.yaml": "table: customers\npath: in/customers.csv\n",
    "sources/seen.yaml": "table: exposures\npath: in/exposures.csv\n",
}


def write(root: Path) -> Path:
    """The shop's project and its exports."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "in").mkdir(exist_ok=True)
    rng = random.Random(11)
    names = [f"c{number}" for number in range(400)]
    devices = {name: rng.choices(["mobile", "desktop", HOSTILE], (6, 5, 2))[0] for name in names}
    _customers(root, rng, names, devices)
    _answers(root, rng, names, devices)
    _tickets(root, rng, names, devices)
    _orders(root, rng, names, devices)
    _events(root, rng, names, devices)
    _exposures(root, rng, names)
    return root


def _csv(path: Path, rows: list[list[object]], delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def _times(rng: random.Random, many: int) -> list[datetime]:
    """Moments over all weeks, in order."""
    minutes = WEEKS * 7 * 1440
    return sorted(FIRST + timedelta(minutes=rng.randrange(minutes)) for _ in range(many))


def _customers(root: Path, rng: random.Random, names: list[str], devices: dict[str, str]) -> None:
    head = ["customer_id", "signed_up_at", "country", "plan", "device"]
    rows = [
        [
            name,
            (FIRST + timedelta(days=rng.randrange(-200, 150))).isoformat(),
            rng.choice(["DE", "AT", "CH"]),
            rng.choice(["small", "large"]),
            devices[name],
        ]
        for name in names
    ]
    _csv(root / "in/customers.csv", [head, *rows])


def _answers(root: Path, rng: random.Random, names: list[str], devices: dict[str, str]) -> None:
    head = [
        "response_id",
        "answered_at",
        "customer_id",
        "instrument",
        "score",
        "touchpoint",
        "device",
        "comment",
    ]
    rows: list[list[object]] = []
    for number, at in enumerate(_times(rng, 2400)):
        place = rng.choice(["till", "helpline", "robot"])
        bad = 0.8 if place == "helpline" and at >= FALL else 0.2
        name = rng.choice(names)
        if number % 5 == 0:
            instrument, score = "nps", rng.choices([3, 7, 8, 9, 10], (3, 2, 2, 3, 3))[0]
        else:
            instrument = "csat"
            score = rng.choice([1, 2, 3]) if rng.random() < bad else rng.choice([4, 5])
        said = ""
        if number % 7 == 0:
            said = f"{HOSTILE} the line was engaged" if score < 4 else "quick and kind"
        rows.append([number, at.isoformat(), name, instrument, score, place, devices[name], said])
    wrong = [[9000, FORMULA, "c1", "csat", 5, "till", "mobile", ""]]
    wrong += [[9001 + n, "yesterday", f"c{n}", "csat", 5, "till", "mobile", ""] for n in range(3)]
    wrong += [[9010, HOSTILE, "c4", "csat", 5, "till", "mobile", ""]]
    _csv(root / "in/answers.csv", [head, *rows, *wrong])


def _tickets(root: Path, rng: random.Random, names: list[str], devices: dict[str, str]) -> None:
    head = [
        "ticket_id",
        "opened_at",
        "customer_id",
        "resolved_at",
        "reopens",
        "priority",
        "touchpoint",
        "device",
    ]
    rows: list[list[object]] = []
    last = FIRST + timedelta(weeks=WEEKS)
    for number, at in enumerate(_times(rng, 1200)):
        solved = at + timedelta(hours=rng.randrange(1, 50))
        ended = f"{solved:%d.%m.%Y %H:%M}" if rng.random() < 0.9 and solved < last else ""
        # Every tenth is of someone whom the customers do not hold.
        name = rng.choice(names) if number % 10 else f"x{number}"
        rows.append(
            [
                number,
                f"{at:%d.%m.%Y %H:%M}",
                name,
                ended,
                int(rng.random() < 0.1),
                rng.choice(["low", "high"]),
                "helpline",
                devices.get(name, "mobile"),
            ]
        )
    _csv(root / "in/tickets.csv", [head, *rows], ";")


def _orders(root: Path, rng: random.Random, names: list[str], devices: dict[str, str]) -> None:
    head = ["order_id", "ordered_at", "customer_id", "amount", "touchpoint", "device"]
    rows: list[list[object]] = []
    for number, at in enumerate(_times(rng, 1500)):
        name = rng.choice(names)
        amount = rng.randrange(500, 8000) / 100
        rows.append([number, at.isoformat(), name, amount, "till", devices[name]])
    # The newest orders have not come for ten days.
    last = (FIRST + timedelta(weeks=WEEKS, days=-10)).isoformat()
    _csv(root / "in/orders.csv", [head, *(row for row in rows if str(row[1]) < last)])


def _events(root: Path, rng: random.Random, names: list[str], devices: dict[str, str]) -> None:
    head = [
        "event_id",
        "occurred_at",
        "customer_id",
        "event",
        "page",
        "touchpoint",
        "device",
        "form",
        "step",
        "steps",
    ]
    rows: list[list[object]] = []
    for at in _times(rng, 2000):
        name = rng.choice(names)

        def add(what: str, page: str, after: int, form: str = "", step: int | str = "") -> None:
            moment = (at + timedelta(seconds=after)).isoformat()  # noqa: B023 - called at once
            rows.append(
                [len(rows), moment, name, what, page, "shop", devices[name], form, step, 3]  # noqa: B023
            )

        add("Page Viewed", "/", 0)
        if rng.random() < 0.5:
            add("Page Viewed", "/prices", 40)
            if rng.random() < 0.5:
                add("Form Started", "/form", 60, "join")
                reached = rng.randrange(0, 4)
                for step in range(1, reached + 1):
                    add("Form Step Completed", "/form", 60 + 20 * step, "join", step)
                if reached == 3:
                    add("Form Submitted", "/form", 130, "join")
    _csv(root / "in/events.csv", [head, *rows])


def _exposures(root: Path, rng: random.Random, names: list[str]) -> None:
    head = ["exposure_id", "exposed_at", "experiment", "variant", "customer_id"]
    start = datetime(2026, 1, 12, 8, tzinfo=UTC)
    rows = [
        [
            number,
            (start + timedelta(minutes=rng.randrange(56 * 1440))).isoformat(),
            "warm-words",
            rng.choice(["control", "treatment"]),
            name,
        ]
        for number, name in enumerate(names)
    ]
    _csv(root / "in/exposures.csv", [head, *rows])


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop, imported and measured; never written to again: it is copied."""
    root = write(tmp_path_factory.mktemp("web") / "shop")
    project = heedful.open(root)
    list(project.tables.import_())
    project.refresh()
    project.annotations.add("New phone system", datetime(2026, 2, 23, 9, tzinfo=UTC), "release")
    project.findings.refresh()
    return root


@pytest.fixture(scope="session")
def shop(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the session-wide site."""
    return Path(shutil.copytree(built, tmp_path_factory.mktemp("web") / "shared"))


@pytest.fixture(scope="session")
def site(shop: Path) -> Site:
    """The session-wide site: look, do not change."""
    return Site(shop)


@pytest.fixture
def own_site(built: Path, tmp_path: Path) -> Site:
    """A site of the test's own, which it may change."""
    return Site(Path(shutil.copytree(built, tmp_path / "shop")))


@pytest.fixture
def empty_site(tmp_path: Path) -> Site:
    """The shop before anything was imported."""
    return Site(write(tmp_path / "shop"))


class Browsers:
    """Browsers of people of a site; redirects are not followed.

    Args:
        site: The site.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.app = create_app(site)
        self._kept: dict[str, TestClient] = {}

    def stranger(self) -> TestClient:
        """A browser of someone who is not logged in."""
        return TestClient(self.app, follow_redirects=False, raise_server_exceptions=False)

    def __call__(self, role: str) -> TestClient:
        """A browser of someone logged in, with the field `csrf` that their forms must send."""
        if role not in self._kept:
            self._kept[role] = self._entered(role)
        return self._kept[role]

    def program(self, role: str) -> TestClient:
        """A program that sends a token of someone with a role."""
        self(role)
        people = self.site.edition.project.people
        _, secret = people.tokens.make(people.get(f"{role}@example.org"), "a program")
        client = self.stranger()
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

    def _entered(self, role: str) -> TestClient:
        people = self.site.edition.project.people
        email = f"{role}@example.org"
        link = people.link(email, role, by="test")
        client = self.stranger()
        answer = client.post(
            f"/enter/{link}", data={"name": role.title(), "email": email, "password": PASSWORD}
        )
        assert answer.status_code == 303, answer.text
        return client


@pytest.fixture(scope="session")
def browsers(site: Site) -> Browsers:
    """Browsers of the session-wide site, by role."""
    return Browsers(site)


@pytest.fixture(scope="session")
def viewer(browsers: Browsers) -> TestClient:
    """A browser of a viewer."""
    return browsers("viewer")


@pytest.fixture(scope="session")
def analyst(browsers: Browsers) -> TestClient:
    """A browser of an analyst."""
    return browsers("analyst")


@pytest.fixture(scope="session")
def admin(browsers: Browsers) -> TestClient:
    """A browser of an admin."""
    return browsers("admin")


@pytest.fixture
def own(own_site: Site) -> Browsers:
    """Browsers of the test's own site."""
    return Browsers(own_site)


@pytest.fixture
def entered() -> Callable[[Site], TestClient]:
    """A browser of an admin of any site."""
    return lambda site: Browsers(site)("admin")


@pytest.fixture
def csrf() -> Callable[[TestClient], dict[str, str]]:
    """What forms of a browser send along."""
    from heedful.web.guest import COOKIE, csrf_of

    def found(client: TestClient) -> dict[str, str]:
        secret = client.cookies.get(COOKIE)
        return {"csrf": csrf_of(secret)} if secret else {}

    return found


@pytest.fixture(autouse=True)
def _no_ledger_elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shop's ledger lies in its own folder, whatever the machine says."""
    monkeypatch.delenv("HEEDFUL_LEDGER_URL", raising=False)
    return None
