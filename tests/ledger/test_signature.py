"""Signatures are kept: all of them, as they were given."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import delete, inspect, update
from sqlalchemy.exc import IntegrityError

from heedful.ledger.annotation import Annotations
from heedful.ledger.database import MIGRATIONS, Database
from heedful.ledger.signature import VERDICTS, Signature, Signatures

AT = datetime(2026, 4, 20, 9, tzinfo=timezone(timedelta(hours=2)))


def sign(book: Signatures, **other: object) -> Signature:
    values = {
        "experiment": "bundle-offer",
        "by": "Ines",
        "verdict": "ship anyway",
        "reason": "Refunds can be borne until June",
        "decision": "needs_review",
        "candidate": "treatment",
        "at": AT,
    }
    return book.add(**{**values, **other})


def test_nothing_signed_makes_no_file(tmp_path):
    book = Signatures(Database(tmp_path))
    assert book.all() == []
    assert book.of("bundle-offer") == []
    assert not list(tmp_path.iterdir())


def test_comes_back_as_it_was_given(tmp_path):
    given = sign(Signatures(Database(tmp_path)))
    (found,) = Signatures(Database(tmp_path)).all()
    assert found == given
    assert found.at.tzinfo is UTC
    without = sign(Signatures(Database(tmp_path)), candidate=None)
    assert without in Signatures(Database(tmp_path)).all()


def test_is_signed_now_unless_a_time_is_given(tmp_path):
    before = datetime.now(UTC)
    given = sign(Signatures(Database(tmp_path)), at=None)
    assert before <= given.at <= datetime.now(UTC)


def test_a_second_opinion_stands_beside_the_first(tmp_path):
    book = Signatures(Database(tmp_path))
    later = AT + timedelta(days=1)
    sign(book, verdict="stop anyway", reason="Refunds doubled", at=later)
    sign(book)
    sign(book, experiment="other")
    assert [each.verdict for each in book.of("bundle-offer")] == ["ship anyway", "stop anyway"]
    assert len(book.all()) == 3


@pytest.mark.parametrize("candidate", ["treatment", None])
def test_the_same_twice_is_one_and_another_word_is_another(tmp_path, candidate):
    book = Signatures(Database(tmp_path))
    for reason in ("We can bear it", "We can bear it", "We can bear it now"):
        sign(book, reason=reason, candidate=candidate)
    assert [each.reason for each in book.all()] == ["We can bear it", "We can bear it now"]


def test_no_row_can_be_changed_or_removed(tmp_path):
    database = Database(tmp_path)
    book = Signatures(database)
    given = sign(book)
    rows = database.tables.signatures
    for statement in (update(rows).values(by="Tobias"), delete(rows)):
        with (
            pytest.raises(IntegrityError, match="a signature stays as it was given"),
            database.begin() as connection,
        ):
            connection.execute(statement)
    assert book.all() == [given]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"at": datetime(2026, 1, 1)}, "has no timezone"),  # noqa: DTZ001
        ({"verdict": "ship"}, 'verdict "ship" is not known; allowed: ship anyway, stop anyway'),
        ({"by": " "}, "by is empty"),
        ({"reason": ""}, "reason is empty"),
        ({"experiment": ""}, "experiment is empty"),
        ({"decision": ""}, "decision is empty"),
    ],
)
def test_what_says_too_little_is_refused(tmp_path, wrong, says):
    book = Signatures(Database(tmp_path))
    with pytest.raises(ValueError, match=says):
        sign(book, **wrong)
    assert book.all() == []


def test_every_verdict_can_be_signed(tmp_path):
    book = Signatures(Database(tmp_path))
    for verdict in VERDICTS:
        sign(book, verdict=verdict)
    assert {each.verdict for each in book.all()} == set(VERDICTS)


def test_a_ledger_of_before_gets_the_table_and_keeps_its_annotations(tmp_path):
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(Database(tmp_path).url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        assert inspect(connection).get_table_names() == ["alembic_version", "annotations"]
        values = {"at": AT, "made_at": AT, "kind": "release", "text": "Bundles"}
        connection.execute(Database.tables.annotations.insert().values(**values))
    engine.dispose()

    database = Database(tmp_path)
    sign(Signatures(database))
    assert [each.text for each in Annotations(database).all()] == ["Bundles"]
    assert len(Signatures(database).all()) == 1


def test_two_processes_sign_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from heedful.ledger.database import Database\n"
        "from heedful.ledger.signature import Signatures\n"
        "book = Signatures(Database(Path(sys.argv[1])))\n"
        "for i in range(20):\n"
        "    book.add('x', sys.argv[2], 'ship anyway', f'reason {i}', decision='invalid')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(Signatures(Database(tmp_path)).all()) == 40
