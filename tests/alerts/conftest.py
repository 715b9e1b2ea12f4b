"""Findings to tell of, and real servers that listen."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from heedful.alerts.sending import Sending
from heedful.alerts.watching import Watch
from heedful.definitions import template
from heedful.definitions.alert import AlertsDefinition
from heedful.findings.finding import Finding, Leg, Onset, Segment
from heedful.ledger.alert import Alerts
from heedful.project import Project

NOW = datetime(2026, 9, 7, 6, 30, tzinfo=UTC)
"""A Monday, 08:30 in Berlin, where the project is."""
MONDAY = date(2026, 9, 7)
NEWEST = {"week": {"": MONDAY, "csat": MONDAY}, "month": {"": date(2026, 9, 1)}}


def leg_of(**more: Any) -> Leg:
    values: dict[str, Any] = {
        "kpi": "csat",
        "title": "Satisfaction",
        "unit": "share",
        "role": "main",
        "before": 0.80,
        "now": 0.70,
        "low": 0.68,
        "high": 0.72,
        "n": 900,
        "customers": 700,
        "difference": -0.10,
        "difference_low": -0.13,
        "difference_high": -0.07,
        "relative": False,
        "verdict": "worse",
    }
    return Leg(**{**values, **more})


def finding_of(id: str = "f1", **more: Any) -> Finding:  # noqa: A002
    """A finding that opened on Monday."""
    segment = Segment(
        "device", "mobile", 0.5, 0.5, 0.8, 0.6, 0.55, 0.65, 400, 0.0, -0.1, -0.1, 1.0,
        -0.2, -0.25, -0.15, 0.001, True,
    )  # fmt: skip
    leg = more.pop("leg", leg_of())
    values: dict[str, Any] = {
        **dict.fromkeys(Finding.__dataclass_fields__),
        "id": id,
        "key": f"change csat {id}",
        "kind": "change",
        "state": "open",
        "severity": "watch",
        "better": False,
        "kpi": "csat",
        "rule": "change",
        "grain": "week",
        "period_start": MONDAY - timedelta(days=7),
        "period_end": MONDAY,
        "title": f"Satisfaction fell ({id})",
        "says": "Satisfaction was 70%, 10 points below the weeks before.",
        "value": leg.now,
        "previous": leg.before,
        "relative": False,
        "onset": Onset(MONDAY - timedelta(days=14), MONDAY, MONDAY, sure=True),
        "legs": (leg,),
        "where": (),
        "who": (segment,),
        "alike": (),
        "candidates": (),
        "owner": "cx",
        "opened_at": datetime(2026, 9, 6, 22, tzinfo=UTC),
        "seen_at": NOW,
    }
    return Finding(**{**values, **more})


@dataclass
class Desk:
    """A project with alerts, and the findings that it has."""

    project: Project
    environment: dict[str, str]
    findings: list[Finding] = field(default_factory=list)
    gone: dict[str, Finding] = field(default_factory=dict)
    newest: dict[str, dict[str, date]] = field(default_factory=lambda: dict(NEWEST))

    @property
    def queue(self) -> Alerts:
        return Alerts(self.project.ledger)

    @property
    def sending(self) -> Sending:
        return Sending(self.queue, self.project.definitions, self.environment)

    def look(self, now: datetime = NOW) -> int:
        watch = Watch(self.queue, self.project.definitions, asdict, lambda: self.newest)
        return watch.look(self.findings, self.gone.get, now)

    def run(self, now: datetime = NOW) -> int:
        """What happens after a refresh."""
        self.look(now)
        return self.sending.deliver(now)

    def close(self, id: str, **more: Any) -> None:  # noqa: A002
        self.findings = [each for each in self.findings if each.id != id]
        more = {"state": "closed", "closed_at": NOW, "closed_because": "recovered", **more}
        self.gone[id] = finding_of(id, **more)

    def events(self, channel: str = "team") -> list[tuple[str, str, str]]:
        return [
            (each.finding, each.event, each.state)
            for each in self.queue.log()[::-1]
            if each.channel == channel
        ]


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose ledger is made; copying it is quicker than making it."""
    root = tmp_path_factory.mktemp("projects") / "shop"
    template.create(root, "saas")
    settings = root / "heedful.yaml"
    settings.write_text(settings.read_text().replace("name: Shop", "name: Acme & Söhne"))
    Project(root).ledger.engine.dispose()
    return root


@pytest.fixture
def desk_of(empty: Path, tmp_path: Path) -> Callable[..., Desk]:
    """Makes a project with this alerts.yaml."""

    def made(definition: dict[str, Any], environment: dict[str, str] | None = None) -> Desk:
        root = tmp_path / "shop"
        if not root.exists():
            shutil.copytree(empty, root)
        project = Project(root)
        alerts = AlertsDefinition.model_validate(definition, strict=False)
        object.__setattr__(project.definitions, "alerts", alerts)
        zone = project.definitions.settings.model_copy(update={"timezone": "Europe/Berlin"})
        object.__setattr__(project.definitions, "settings", zone)
        return Desk(project, environment or {})

    return made


@dataclass
class Post:
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """A real HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.before: Callable[[], None] = lambda: None
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                listener.posts.append(Post(self.path, dict(self.headers), body))
                listener.before()
                status, headers, text = (
                    listener.answers.pop(0) if listener.answers else (200, {}, b"ok")
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/services/T0/SECRETPATH"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.stop()


class Office(Controller):
    """An SMTP server on whichever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mailbox:
    """Keeps letters, and refuses whom it is told to."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.refused: set[str] = set()
        self.answer = "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refused:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        if self.answer.startswith("250"):
            self.letters.append(
                SimpleNamespace(
                    sender=envelope.mail_from,
                    to=list(envelope.rcpt_tos),
                    content=envelope.content,
                    encrypted=session.ssl is not None,
                )
            )
        return self.answer


@pytest.fixture
def post_office() -> Iterator[Callable[..., tuple[Mailbox, int]]]:
    """Starts real SMTP servers."""
    running: list[Controller] = []

    def start(**options: Any) -> tuple[Mailbox, int]:
        mailbox = Mailbox()
        controller = Office(mailbox, hostname="127.0.0.1", port=0, **options)
        controller.start()
        running.append(controller)
        return mailbox, controller.port

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture(scope="session")
def given() -> SimpleNamespace:
    """What tests are made of."""
    return SimpleNamespace(finding=finding_of, leg=leg_of, now=NOW, monday=MONDAY)
