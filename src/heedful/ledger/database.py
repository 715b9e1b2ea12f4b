"""The ledger's database: SQLite beside the data unless a URL says otherwise."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Dialect,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
URL = "HEEDFUL_LEDGER_URL"
"""Environment variable with a SQLAlchemy URL; it may hold a password, so no file names it."""
LOCK = 4_739_201_155
"""Number of the lock under which the tables on a PostgreSQL server are made."""


class LedgerError(Exception):
    """The ledger's database cannot be used; it says why, without a password."""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; databases without timezones give it back as UTC too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse a moment without a timezone."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no timezone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the timezone back; PostgreSQL gives that of its session."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Tables:
    """The ledger's tables."""

    metadata = MetaData()
    annotations = Table(
        "annotations",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("at", Instant, nullable=False, index=True),
        Column("kind", String(20), nullable=False),
        Column("text", Text, nullable=False),
        Column("stage", String(100)),
        Column("made_at", Instant, nullable=False),
    )
    signatures = Table(
        "signatures",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("experiment", String(200), nullable=False, index=True),
        Column("by", String(200), nullable=False),
        Column("at", Instant, nullable=False),
        Column("verdict", String(40), nullable=False),
        Column("reason", Text, nullable=False),
        Column("decision", String(40), nullable=False),
        Column("candidate", String(200)),
    )
    findings = Table(
        "findings",
        metadata,
        Column("id", String(40), primary_key=True),
        Column("key", String(200), nullable=False, index=True),
        Column("kind", String(20), nullable=False),
        Column("state", String(20), nullable=False, index=True),
        Column("severity", String(20), nullable=False),
        Column("kpi", String(200)),
        Column("pattern", String(200)),
        Column("stage", String(100)),
        Column("grain", String(20), nullable=False),
        Column("period_start", Date, nullable=False),
        Column("opened_at", Instant, nullable=False),
        Column("seen_at", Instant, nullable=False),
        Column("closed_at", Instant),
        Column("closed_by", String(200)),
        Column("closed_because", Text),
        Column("payload", Text, nullable=False),
    )
    actions = Table(
        "actions",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("finding", String(40), index=True),
        Column("title", Text, nullable=False),
        Column("owner", String(100), nullable=False),
        Column("due", Date, nullable=False),
        Column("kpi", String(200)),
        Column("stage", String(100)),
        Column("dimension", String(200)),
        Column("segment", Text),
        Column("grain", String(20), nullable=False),
        Column("value", Float),
        Column("expected", Float),
        Column("state", String(20), nullable=False, index=True),
        Column("made_by", String(200), nullable=False),
        Column("made_at", Instant, nullable=False),
        Column("done_on", Date),
        Column("closed_at", Instant),
        Column("closed_by", String(200)),
        Column("note", Text),
        Column("outcome", Text),
        Column("pattern", String(200)),
        Column("playbook", String(200)),
        Column("started_at", Instant),
        Column("measured_at", Instant),
    )
    people = Table(
        "people",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("email", String(320), nullable=False, unique=True),
        Column("name", String(200), nullable=False),
        Column("role", String(20), nullable=False),
        Column("password", String(200)),
        Column("made_at", Instant, nullable=False),
        Column("closed_at", Instant),
    )
    links = Table(
        "links",
        metadata,
        Column("hash", String(64), primary_key=True),
        Column("email", String(320)),
        Column("role", String(20), nullable=False),
        Column("made_at", Instant, nullable=False),
        Column("expires_at", Instant, nullable=False),
        Column("used_at", Instant),
    )
    logins = Table(
        "logins",
        metadata,
        Column("hash", String(64), primary_key=True),
        Column("person", Integer, ForeignKey("people.id"), nullable=False, index=True),
        Column("made_at", Instant, nullable=False),
        Column("seen_at", Instant, nullable=False),
        Column("expires_at", Instant, nullable=False),
    )
    tokens = Table(
        "tokens",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("hash", String(64), nullable=False, unique=True),
        Column("person", Integer, ForeignKey("people.id"), nullable=False, index=True),
        Column("name", String(200), nullable=False),
        Column("role", String(20), nullable=False),
        Column("made_at", Instant, nullable=False),
        Column("seen_at", Instant),
        Column("revoked_at", Instant),
    )
    audit = Table(
        "audit",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("at", Instant, nullable=False, index=True),
        Column("who", String(320), nullable=False),
        Column("verb", String(60), nullable=False),
        Column("object", String(400), nullable=False),
        Column("detail", Text),
    )
    alerts = Table(
        "alerts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("finding", String(40), nullable=False, index=True),
        Column("event", String(20), nullable=False),
        Column("channel", String(100), nullable=False),
        Column("state", String(20), nullable=False, index=True),
        Column("made_at", Instant, nullable=False),
        Column("due_at", Instant, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("sent_at", Instant),
        Column("error", Text),
        Column("payload", Text, nullable=False),
        Column("message", String(40), index=True),
        Column("severity", String(20)),
        Column("value", Float),
        Index("alerts_once", "finding", "event", "channel", unique=True),
    )
    failures = Table(
        "failures",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("email", String(64), nullable=False, index=True),
        Column("at", Instant, nullable=False),
    )
    runs = Table(
        "runs",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("began_at", Instant, nullable=False, index=True),
        Column("ended_at", Instant),
        Column("state", String(20), nullable=False),
        Column("who", String(320), nullable=False),
        Column("detail", Text),
    )


class Database:
    """A connection to the ledger, brought up to the newest schema on first writing.

    Args:
        folder: The project's data folder.
        url: SQLAlchemy URL; the one in HEEDFUL_LEDGER_URL, else SQLite in the folder, where None.
    """

    tables = Tables

    def __init__(self, folder: Path, url: str | None = None) -> None:
        url = url or os.environ.get(URL) or None
        self.file = folder / "ledger.sqlite"
        self.url = driven(url) if url else f"sqlite:///{self.file}"
        self._own = url is None

    def exists(self) -> bool:
        """Whether anything was ever written."""
        return not self._own or self.file.exists()

    @cached_property
    def engine(self) -> Engine:
        """The engine, its schema up to date."""
        if self._own:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        engine = self._made()
        if self._own:
            event.listen(engine, "connect", _durable)
            # Two first writers at once would both make the tables.
            with FileLock(str(self.file.with_suffix(".lock"))):
                self._upgrade(engine)
        else:
            try:
                self._upgrade(engine)
            except OperationalError as error:
                said = " ".join(str(error.orig).split())
                where = engine.url.render_as_string(hide_password=True)
                raise LedgerError(f"the ledger at {where} cannot be used: {said}") from None
        return engine

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction: all of it or nothing."""
        return self.engine.begin()

    def _made(self) -> Engine:
        try:
            # A server may have closed a connection that lay idle; look before using it.
            return create_engine(self.url, pool_pre_ping=not self._own)
        except ModuleNotFoundError as error:
            raise LedgerError(
                f"{URL} asks for the Python package {error.name}, which is not installed; for "
                "PostgreSQL: pip install 'heedful[postgresql]'"
            ) from None
        except ArgumentError:
            raise LedgerError(
                f"{URL} is no address of a database; allowed: such as postgresql://host/heedful"
            ) from None

    @staticmethod
    def _upgrade(engine: Engine) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # Two first writers at once would both make the tables.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def driven(url: str) -> str:
    """A URL with the driver that Heedful comes with, where it names none.

    >>> driven("postgresql://me@db/heedful"), driven("postgresql+asyncpg://db/x")
    ('postgresql+psycopg://me@db/heedful', 'postgresql+asyncpg://db/x')
    """
    scheme, sign, rest = url.partition("://")
    return f"postgresql+psycopg{sign}{rest}" if scheme in {"postgresql", "postgres"} else url


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.close()
