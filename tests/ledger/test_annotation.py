"""Annotations survive, are durable, and keep their time."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from heedful.ledger.annotation import Annotations
from heedful.ledger.database import Database

AT = datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=2)))


def test_nothing_written_makes_no_file(tmp_path):
    assert Annotations(Database(tmp_path)).all() == []
    assert not list(tmp_path.iterdir())


def test_comes_back_in_time_order_with_its_instant(tmp_path):
    Annotations(Database(tmp_path)).add("later", AT + timedelta(days=1), "incident", "retention")
    Annotations(Database(tmp_path)).add("earlier", AT)
    found = Annotations(Database(tmp_path)).all()
    assert [a.text for a in found] == ["earlier", "later"]
    assert found[0].at == AT
    assert found[0].at.tzinfo is UTC
    assert (found[1].kind, found[1].stage) == ("incident", "retention")


def test_the_same_twice_is_one_and_another_stage_is_another(tmp_path):
    book = Annotations(Database(tmp_path))
    for stage in (None, None, "retention", "retention"):
        book.add("chatbot 2", AT, "release", stage)
    assert [a.stage for a in book.all()] == [None, "retention"]


def test_a_time_without_a_timezone_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no timezone"):
        Annotations(Database(tmp_path)).add("x", datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_schema_is_what_the_migrations_make(tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database(tmp_path)
    with database.begin() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, database.tables.metadata) == []


def test_two_processes_write_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC, timedelta\n"
        "from heedful.ledger.annotation import Annotations\n"
        "from heedful.ledger.database import Database\n"
        "book = Annotations(Database(Path(sys.argv[1])))\n"
        "for i in range(20): book.add(f'{sys.argv[2]} {i}', datetime(2026, 1, 1, tzinfo=UTC))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(Annotations(Database(tmp_path)).all()) == 40
