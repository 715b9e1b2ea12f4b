"""A link lets one person in, once, for a while."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from heedful.ledger.link import FIRST, INVITATION, Links

NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)


def made(database, email="ada@acme.example", role="admin"):
    links = Links(database)
    with database.begin() as connection:
        return links, links.make(email, role, connection, NOW)


def use(links, secret, now=NOW):
    with links.database.begin() as connection:
        return links.use(secret, connection, now)


@pytest.mark.parametrize(("email", "lasts"), [(None, FIRST), ("a@b.example", INVITATION)])
def test_works_once_and_for_its_time(database, email, lasts):
    links, secret = made(database, email)
    just_before, just_after = NOW + lasts - timedelta(seconds=1), NOW + lasts
    assert links.find(secret, just_before).email == email
    assert links.find(secret, just_after) is None
    assert use(links, secret, just_after) is None
    assert use(links, secret, just_before).role == "admin"
    assert use(links, secret) is None
    assert links.find(secret, NOW) is None


def test_the_first_link_lasts_a_day_and_an_invitation_three():
    assert (timedelta(hours=24), timedelta(hours=72)) == (FIRST, INVITATION)


def test_a_newer_link_for_the_same_person_ends_the_older(database):
    links, old = made(database)
    _, other = made(database, "bob@acme.example", "viewer")
    _, new = made(database)
    assert links.find(old, NOW) is None
    assert links.find(new, NOW) is not None
    assert links.find(other, NOW).role == "viewer"


def test_a_link_whose_use_fails_still_works(database):
    links, secret = made(database)
    with contextlib.suppress(RuntimeError), database.begin() as connection:
        assert links.use(secret, connection, NOW) is not None
        raise RuntimeError
    assert links.find(secret, NOW) is not None


def test_of_many_at_once_one_gets_in(database, another):
    _, secret = made(database)
    barrier = threading.Barrier(8)
    got = []

    def enter():
        links = Links(another())
        links.find(secret, NOW)
        barrier.wait()
        got.append(use(links, secret))

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(each is not None for each in got) == 1


def test_the_ledger_cannot_tell_the_secret(database):
    links, secret = made(database)
    with database.begin() as connection:
        rows = connection.execute(select(database.tables.links)).all()
    assert len(secret) == 43
    assert secret not in repr(rows)
    assert links.find("x" * 43, NOW) is None
    assert links.find(rows[0].hash, NOW) is None
