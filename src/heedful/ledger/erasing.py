"""Takes people's names out of all that is written in the ledger, and out of its pages on disk."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from heedful.ledger.database import Database
    from heedful.ledger.mentions import Mentions

TEXTS = {
    "annotations": ("text",),
    "signatures": ("reason",),
    "findings": ("closed_because", "payload"),
    "actions": ("title", "segment", "note", "outcome"),
    "audit": ("object", "detail"),
    "alerts": ("error", "payload"),
    "runs": ("detail",),
}
"""Columns that hold words, by table. Who did something is staff, and stays."""


def erase(database: Database, mentions: Mentions) -> dict[str, int]:
    """Write all texts anew that name someone, in one transaction, and leave no old page behind.

    What is kept as it was written, such as the audit log, gives way to this too.

    Args:
        database: The ledger's.
        mentions: Whom not to name.

    Returns:
        Rows changed, by table.
    """
    from sqlalchemy import select, update

    if not database.exists():
        return {}
    changed: dict[str, int] = {}
    with database.begin() as connection, _unlocked(connection):
        for name, columns in TEXTS.items():
            table = getattr(database.tables, name)
            key = next(iter(table.primary_key.columns))
            for row in connection.execute(select(key, *(table.c[c] for c in columns))).all():
                old = dict(zip(columns, row[1:], strict=True))
                new = {c: mentions.struck_json(v) for c, v in old.items() if v is not None}
                put = {c: v for c, v in new.items() if v != old[c]}
                if put:
                    connection.execute(update(table).where(key == row[0]).values(**put))
                    changed[name] = changed.get(name, 0) + 1
    clean(database)
    return changed


def named(database: Database, mentions: Mentions) -> dict[str, list[dict[str, object]]]:
    """Rows whose words name someone, by table."""
    from sqlalchemy import select

    if not database.exists():
        return {}
    found: dict[str, list[dict[str, object]]] = {}
    with database.begin() as connection:
        for name, columns in TEXTS.items():
            table = getattr(database.tables, name)
            for row in connection.execute(select(table)).mappings():
                texts = [row[c] for c in columns if row[c] is not None]
                if any(mentions.struck_json(text) != text for text in texts):
                    found.setdefault(name, []).append(dict(row))
    return found


def clean(database: Database) -> None:
    """Leave nothing in free pages and journals: SQLite's file is written anew.

    PostgreSQL frees rows by its own vacuum, which is asked to run; its write-ahead log and
    backups are its administrator's.
    """
    from sqlalchemy import text

    with database.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        if database.engine.dialect.name == "sqlite":
            for statement in (
                "PRAGMA secure_delete = ON",
                "PRAGMA wal_checkpoint(TRUNCATE)",
                "VACUUM",
                "PRAGMA wal_checkpoint(TRUNCATE)",
            ):
                alone.execute(text(statement)).close()
        else:
            for name in TEXTS:
                alone.execute(text(f"VACUUM {name}"))


@contextlib.contextmanager
def _unlocked(connection: Connection) -> Iterator[None]:
    """Let rows be changed, for one transaction, that the database keeps as they are."""
    from sqlalchemy import text

    if connection.dialect.name == "sqlite":
        # Python's driver begins a transaction at the first change of a row, and not before.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = connection.execute(
            text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        ).all()
        kept = [row for row in found if row.tbl_name in TEXTS]
        for row in kept:
            connection.exec_driver_sql(f'DROP TRIGGER "{row.name}"')
        yield
        for row in kept:
            connection.exec_driver_sql(row.sql)
        return
    for name in TEXTS:
        connection.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
    yield
    for name in TEXTS:
        connection.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
