"""The ledger on a real PostgreSQL: older ledgers come up to date, many write at once."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, delete, text, update
from sqlalchemy.exc import IntegrityError

from heedful.ledger.annotation import Annotations
from heedful.ledger.database import MIGRATIONS, URL, Database, LedgerError, driven
from heedful.ledger.run import Runs
from heedful.ledger.signature import Signatures

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at_revision(url, revision):
    """An engine of a ledger as an older version of Heedful left it."""
    engine = create_engine(driven(url))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return engine


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    return request.getfixturevalue("server").fresh()


def test_a_ledger_of_revision_0002_comes_up_to_date_with_its_rows(url):
    engine = at_revision(url, "0002")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO annotations (at, kind, text, made_at) VALUES (:a, 'release', 'a', :a)"
            ),
            {"a": AT},
        )
        connection.execute(
            text(
                'INSERT INTO signatures (experiment, "by", at, verdict, reason, decision)'
                " VALUES ('e', 'Ines', :at, 'ship anyway', 'r', 'needs_review')"
            ),
            {"at": AT},
        )
    engine.dispose()
    database = Database(Path("/nowhere"), url)
    (annotation,) = Annotations(database).all()
    assert (annotation.text, annotation.at, annotation.made_at) == ("a", AT, AT)
    (signature,) = Signatures(database).all()
    assert (signature.by, signature.at, signature.candidate) == ("Ines", AT, None)
    with database.begin() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, database.tables.metadata) == []
    database.engine.dispose()


def test_a_ledger_of_revision_0003_keeps_its_actions(url):
    engine = at_revision(url, "0003")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO actions (title, owner, due, grain, state, made_by, made_at)"
                " VALUES ('t', 'cx', :due, 'week', 'open', 'ada', :at)"
            ),
            {"due": date(2026, 9, 14), "at": AT},
        )
    engine.dispose()
    from heedful.ledger.action import Actions
    from heedful.ledger.audit import Audit

    database = Database(Path("/nowhere"), url)
    (action,) = Actions(database, Audit(database)).all()
    assert (action.title, action.due, action.started_at) == ("t", date(2026, 9, 14), None)
    database.engine.dispose()


def test_and_back_again(url):
    engine = at_revision(url, "head")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        command.upgrade(config, "head")
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Database.tables.metadata) == []
    engine.dispose()


def test_a_signature_stays_as_it_was_given(database):
    Signatures(database).add("e", "Ines", "ship anyway", "r", decision="ship", at=AT)
    rows = database.tables.signatures
    statements = [update(rows).values(by="Eve"), delete(rows)]
    if database.engine.dialect.name == "postgresql":
        statements.append(text("TRUNCATE signatures"))
    for statement in statements:
        with (
            pytest.raises(IntegrityError, match="a signature stays as it was given"),
            database.begin() as connection,
        ):
            connection.execute(statement)
    assert [each.by for each in Signatures(database).all()] == ["Ines"]


def test_annotations_and_runs(database):
    book = Annotations(database)
    for stage in (None, None, "retention"):
        book.add("chatbot 2", AT, "release", stage)
    assert [(each.stage, each.at) for each in book.all()] == [(None, AT), ("retention", AT)]
    runs = Runs(database)
    first, second = runs.begin("schedule"), runs.begin("cli:ada")
    runs.end(first, "120 readings")
    runs.end(second, "disk full", failed=True)
    assert [(each.who, each.state, each.detail) for each in runs.all()] == [
        ("cli:ada", "failed", "disk full"),
        ("schedule", "done", "120 readings"),
    ]
    assert runs.all()[0].ended_at.tzinfo is UTC


CODE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from heedful.ledger.annotation import Annotations
from heedful.ledger.audit import Audit
from heedful.ledger.database import Database
database = Database(Path("/nowhere"))
book, audit = Annotations(database), Audit(database)
for number in range(20):
    book.add(f"{sys.argv[1]} {number}", datetime(2026, 1, 1, tzinfo=UTC))
    audit.add(sys.argv[1], "annotated", str(number))
"""


def test_three_first_writers_at_once(server):
    url = server.fresh()
    environment = {URL: url, "PATH": "/usr/bin:/bin"}
    writers = [
        subprocess.Popen([sys.executable, "-c", CODE, name], env=environment) for name in "abc"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    database = Database(Path("/nowhere"), url)
    assert len(Annotations(database).all()) == 60
    with database.begin() as connection:
        rows = connection.execute(text("SELECT who, count(*) FROM audit GROUP BY who")).all()
    assert sorted(map(tuple, rows)) == [("a", 20), ("b", 20), ("c", 20)]
    database.engine.dispose()


def test_a_connection_that_the_server_closed_is_made_anew(server):
    url = server.fresh()
    book = Annotations(Database(Path("/nowhere"), url))
    book.add("before", AT)
    with create_engine(driven(server.url("postgres"))).connect() as other:
        other.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": url.split("/")[3].split("?")[0]},
        )
    assert [each.text for each in book.all()] == ["before"]
    book.database.engine.dispose()


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path):
    url = f"postgresql://heedful:geheim@/ledger?host={tmp_path}"
    with pytest.raises(LedgerError, match="cannot be used") as error:
        Annotations(Database(tmp_path, url)).all()
    assert "geheim" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_what_is_no_address_is_said_without_it(tmp_path):
    with pytest.raises(LedgerError, match="is no address of a database") as error:
        Annotations(Database(tmp_path, "geheim")).all()
    assert "geheim" not in str(error.value)


def test_a_missing_driver_is_said_with_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path\n"
        "from heedful.ledger.annotation import Annotations\n"
        "from heedful.ledger.database import Database\n"
        "Annotations(Database(Path('/nowhere'), 'postgresql://me:geheim@db/x')).all()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert "pip install 'heedful[postgresql]'" in last
    assert "geheim" not in done.stderr
