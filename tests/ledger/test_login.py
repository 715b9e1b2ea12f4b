"""Sessions end: after a month, after a week without use, or when someone ends them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from heedful.ledger.login import IDLE, LASTS, NOTED, Logins

NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def logins(database):
    return Logins(database)


@pytest.fixture
def ada(people, database):
    with database.begin() as connection:
        return people.add("ada@acme.example", "Ada", "admin", "hash", connection)


def begin(logins, person, now=NOW):
    with logins.database.begin() as connection:
        return logins.make(person, connection, now)


def test_a_session_tells_whose_it_is(logins, ada):
    secret = begin(logins, ada)
    assert logins.person(secret, NOW) == ada
    assert logins.person("x" * 43, NOW) is None
    assert logins.person("", NOW) is None


def test_ends_after_a_month_even_when_used(logins, ada):
    secret = begin(logins, ada)
    for day in range(0, 30, 3):
        assert logins.person(secret, NOW + day * DAY) == ada
    assert logins.person(secret, NOW + LASTS) is None
    assert timedelta(days=30) == LASTS


def test_ends_after_a_week_without_use(logins, ada):
    secret = begin(logins, ada)
    assert logins.person(secret, NOW + IDLE - timedelta(seconds=1)) == ada
    other = begin(logins, ada)
    assert logins.person(other, NOW + IDLE) is None
    assert timedelta(days=7) == IDLE


def test_use_is_written_down_now_and_then(logins, ada):
    secret = begin(logins, ada)
    logins.person(secret, NOW + NOTED)
    assert logins.of(ada, NOW)[0].seen_at == NOW
    later = NOW + NOTED + timedelta(seconds=1)
    logins.person(secret, later)
    assert logins.of(ada, NOW)[0].seen_at == later


def test_listed_and_ended_one_by_one(logins, ada):
    first, second, third = (begin(logins, ada, NOW + n * DAY) for n in range(3))
    listed = logins.of(ada, NOW + 3 * DAY)
    assert [each.made_at for each in listed] == [NOW + n * DAY for n in (2, 1, 0)]
    assert all(logins.person(each.id, NOW) is None for each in listed)
    with logins.database.begin() as connection:
        assert logins.end_all(ada, connection, id=listed[0].id) == 1
        assert logins.end(second, connection) == ada
        assert logins.end(second, connection) is None
    assert logins.person(third, NOW) is None
    assert logins.person(first, NOW) == ada


def test_all_but_this_one(logins, ada):
    mine, other = begin(logins, ada), begin(logins, ada)
    with logins.database.begin() as connection:
        assert logins.end_all(ada, connection, but=mine) == 1
    assert logins.person(mine, NOW) == ada
    assert logins.person(other, NOW) is None


def test_an_id_that_is_a_pattern_ends_nothing(logins, ada):
    secret = begin(logins, ada)
    with logins.database.begin() as connection:
        assert logins.end_all(ada, connection, id="%") == 0
        assert logins.end_all(ada, connection, id="_" * 16) == 0
    assert logins.person(secret, NOW) == ada


def test_what_has_ended_is_swept_away_and_secrets_are_not_kept(logins, ada, database):
    old = begin(logins, ada)
    new = begin(logins, ada, NOW + LASTS)
    with database.begin() as connection:
        rows = connection.execute(select(database.tables.logins)).all()
        count = connection.execute(select(func.count()).select_from(database.tables.logins))
        assert count.scalar() == 1
    assert old not in repr(rows)
    assert new not in repr(rows)
