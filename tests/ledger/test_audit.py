"""The audit log only grows."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError

from heedful.ledger.audit import Audit
from heedful.ledger.database import Database


def test_nothing_written_makes_no_file(tmp_path):
    assert Audit(Database(tmp_path)).all() == []
    assert not list(tmp_path.iterdir())


def test_comes_back_newest_first_and_page_by_page(audit):
    before = datetime.now(UTC)
    for number in range(5):
        audit.add("ada@acme.example" if number % 2 else "cli:ada", "made", f"action {number}", "x")
    found = audit.all(2)
    assert [each.object for each in found] == ["action 4", "action 3"]
    assert [each.object for each in audit.all(2, before=found[-1].id)] == ["action 2", "action 1"]
    assert [each.object for each in audit.all(who="ada@acme.example")] == ["action 3", "action 1"]
    assert [each.who for each in audit.all(object="action 0")] == ["cli:ada"]
    assert audit.all(since=datetime.now(UTC)) == []
    assert before <= found[0].at <= datetime.now(UTC)
    assert found[0].at.tzinfo is UTC


def test_what_failed_was_not_done(audit, database):
    with contextlib.suppress(RuntimeError), database.begin() as connection:
        audit.add("ada", "made", "x", connection=connection)
        raise RuntimeError
    assert audit.all() == []


def test_no_row_can_be_changed_or_removed(audit, database):
    audit.add("ada", "made", "x")
    rows = database.tables.audit
    statements = [update(rows).values(who="eve"), delete(rows)]
    if database.engine.dialect.name == "postgresql":
        statements.append(text("TRUNCATE audit"))
    for statement in statements:
        with (
            pytest.raises(IntegrityError, match="the audit log stays as it was written"),
            database.begin() as connection,
        ):
            connection.execute(statement)
    assert [each.who for each in audit.all()] == ["ada"]
