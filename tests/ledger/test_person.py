"""People have one role each, and somebody can always let others in."""

from __future__ import annotations

import threading

import pytest

from heedful.ledger.audit import Audit
from heedful.ledger.login import Logins
from heedful.ledger.person import People, address, known_role, lesser
from heedful.ledger.refusal import RefusedError
from heedful.ledger.token import Tokens


def add(people, email, role="viewer"):
    with people.database.begin() as connection:
        return people.add(email, email.split("@")[0].title(), role, "hash", connection)


def test_nobody_yet(people):
    assert people.all() == []
    assert people.find("ada@acme.example") is None
    assert people.password("ada@acme.example") is None


def test_found_however_the_address_is_typed(people):
    ada = add(people, "ada@acme.example", "admin")
    assert people.find("  ADA@Acme.example ") == ada
    assert people.password("ada@acme.example") == (ada, "hash")
    assert [each.email for each in people.all()] == ["ada@acme.example"]


def test_a_role_is_given_and_written_down(people, audit):
    add(people, "ada@acme.example", "admin")
    add(people, "bob@acme.example")
    assert people.give("Bob@acme.example", "analyst", "ada@acme.example").role == "analyst"
    people.give("bob@acme.example", "analyst", "ada@acme.example")
    assert people.find("bob@acme.example").role == "analyst"
    (entry,) = audit.all()
    assert (entry.who, entry.verb, entry.object, entry.detail) == (
        "ada@acme.example",
        "gave a role",
        "person bob@acme.example",
        "viewer → analyst",
    )


def test_the_last_admin_stays(people, audit):
    add(people, "ada@acme.example", "admin")
    add(people, "bob@acme.example", "analyst")
    for change in (
        lambda: people.give("ada@acme.example", "analyst", "x"),
        lambda: people.close("ada@acme.example", "x"),
    ):
        with pytest.raises(RefusedError, match="is the last admin"):
            change()
    assert people.find("ada@acme.example").role == "admin"
    assert people.find("ada@acme.example").closed_at is None
    assert audit.all() == []
    people.give("bob@acme.example", "admin", "x")
    people.close("ada@acme.example", "x")
    with pytest.raises(RefusedError, match="last admin"):
        people.close("bob@acme.example", "x")


@pytest.mark.parametrize("_round", range(3))
def test_two_admins_who_demote_each_other_at_once_leave_one(people, another, _round):
    pair = ["ada@acme.example", "bob@acme.example"]
    for email in pair:
        add(people, email, "admin")
    barrier = threading.Barrier(2)
    refused = []

    def demote(email):
        own = another()
        mine = People(own, Audit(own))
        mine.find(email)
        barrier.wait()
        try:
            mine.give(email, "viewer", "x")
        except RefusedError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=demote, args=(email,)) for email in pair]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len([each for each in people.all() if each.role == "admin"]) == len(refused) == 1


def test_who_is_shut_out_has_no_session_and_no_token(people, audit, database):
    add(people, "ada@acme.example", "admin")
    bob = add(people, "bob@acme.example", "analyst")
    tokens, logins = Tokens(database, audit), Logins(database)
    _, token = tokens.make(bob, "reports")
    with database.begin() as connection:
        cookie = logins.make(bob, connection)
    assert logins.person(cookie) == bob
    assert tokens.person(token) == bob
    people.close("bob@acme.example", "ada@acme.example")
    assert logins.person(cookie) is None
    assert tokens.person(token) is None
    assert people.password("bob@acme.example") is None
    assert [each.email for each in people.all()] == ["ada@acme.example"]
    assert len(people.all(closed=True)) == 2
    with pytest.raises(RefusedError, match="nobody has the e-mail"):
        people.close("bob@acme.example", "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@acme.example",
        "ada@",
        "a da@acme.example",
        "ada@acme.example\nBcc: x@y.z",
        "ada@acme.example,eve@evil.example",
        "<ada@acme.example>",
        "ada@.example",
        "a" * 320 + "@b",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(RefusedError, match="is no e-mail address"):
        address(text)


def test_roles():
    assert [lesser("admin", role) for role in ("viewer", "analyst", "admin")] == [
        "viewer",
        "analyst",
        "admin",
    ]
    with pytest.raises(RefusedError, match="allowed: viewer, analyst, admin"):
        known_role("root")
