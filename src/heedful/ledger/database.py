"""The ledger's database: SQLite beside the data unless a URL says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


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
        """Give the timezone back."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


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


class Database:
    """A connection to the ledger, brought up to the newest schema on first writing.

    Args:
        folder: The project's data folder.
        url: SQLAlchemy URL; SQLite in the folder where None.
    """

    tables = Tables

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.file = folder / "ledger.sqlite"
        self.url = url or f"sqlite:///{self.file}"
        self._own = url is None

    def exists(self) -> bool:
        """Whether anything was ever written."""
        return not self._own or self.file.exists()

    @cached_property
    def engine(self) -> Engine:
        """The engine, its schema up to date."""
        if self._own:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self.url)
        if self._own:
            event.listen(engine, "connect", _durable)
            # Two first writers at once would both make the tables.
            with FileLock(str(self.file.with_suffix(".lock"))):
                self._upgrade(engine)
        else:
            self._upgrade(engine)
        return engine

    def begin(self) -> AbstractContextManager[Connection]:
        """A transaction: all of it or nothing."""
        return self.engine.begin()

    @staticmethod
    def _upgrade(engine: Engine) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.close()
