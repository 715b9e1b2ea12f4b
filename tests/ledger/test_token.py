"""Tokens do what their person may, at most, until they are taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from heedful.ledger.refusal import RefusedError
from heedful.ledger.token import NOTED, PREFIX, Tokens


@pytest.fixture
def tokens(database, audit):
    return Tokens(database, audit)


@pytest.fixture
def bob(people, database):
    with database.begin() as connection:
        people.add("ada@acme.example", "Ada", "admin", "hash", connection)
        return people.add("bob@acme.example", "Bob", "analyst", "hash", connection)


def test_is_told_once_and_kept_as_a_hash(tokens, bob, database):
    token, secret = tokens.make(bob, "  weekly\x1b   report ", "viewer")
    assert (token.name, token.role, token.email) == ("weekly report", "viewer", bob.email)
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43
    assert tokens.all() == [token]
    with database.begin() as connection:
        assert secret not in repr(connection.execute(select(database.tables.tokens)).all())
        assert secret not in repr(connection.execute(select(database.tables.audit)).all())


def test_asks_with_its_own_role_and_never_more_than_its_persons(tokens, bob, people):
    _, viewer = tokens.make(bob, "a", "viewer")
    _, own = tokens.make(bob, "b")
    assert tokens.person(viewer).role == "viewer"
    assert tokens.person(own).role == "analyst"
    people.give(bob.email, "viewer", "x")
    assert tokens.person(own).role == "viewer"
    people.give(bob.email, "admin", "x")
    assert tokens.person(own).role == "analyst"


@pytest.mark.parametrize(
    ("name", "role", "says"),
    [
        ("x", "admin", "cannot be admin, which is more"),
        ("x", "root", "does not exist"),
        (" ", "viewer", "has no name"),
        ("x" * 201, "viewer", "has no name"),
    ],
)
def test_what_cannot_be_made(tokens, bob, name, role, says):
    with pytest.raises(RefusedError, match=says):
        tokens.make(bob, name, role)
    assert tokens.all() == []


def test_use_is_written_down_now_and_then(tokens, bob):
    _, secret = tokens.make(bob, "x")
    now = datetime(2026, 9, 7, 9, tzinfo=UTC)
    assert tokens.all()[0].seen_at is None
    tokens.person(secret, now)
    tokens.person(secret, now + NOTED)
    assert tokens.all()[0].seen_at == now
    tokens.person(secret, now + NOTED + timedelta(seconds=1))
    assert tokens.all()[0].seen_at > now


def test_taken_back_once_and_by_whom_it_is_for(tokens, bob, people, audit):
    token, secret = tokens.make(bob, "x")
    ada = people.find("ada@acme.example")
    with pytest.raises(RefusedError, match="does not exist"):
        tokens.revoke(token.id, ada.email, of=ada)
    assert tokens.person(secret) is not None
    tokens.revoke(token.id, ada.email)
    assert tokens.person(secret) is None
    assert tokens.all() == []
    assert tokens.all(revoked=True)[0].revoked_at is not None
    with pytest.raises(RefusedError, match="taken back before"):
        tokens.revoke(token.id, ada.email)
    assert [entry.verb for entry in audit.all()] == ["revoked", "made"]


def test_what_is_no_token_is_nobody(tokens, bob):
    _, secret = tokens.make(bob, "x")
    for wrong in ("", "x", PREFIX, secret.removeprefix(PREFIX), secret + "x", secret.upper()):
        assert tokens.person(wrong) is None
