"""People come in by a link, log in with a password, and everything they do is written down."""

from __future__ import annotations

import threading
import time

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, text

from heedful.ledger import password
from heedful.ledger.person import ThrottledError
from heedful.ledger.refusal import RefusedError
from heedful.ledger.throttle import FREE
from heedful.project import NotFoundError, Project

PASSWORD = "correct horse battery"


REAL = {
    "test_the_answer_and_its_time_do_not_tell_who_exists",
    "test_a_weak_hash_is_made_anew_when_its_owner_logs_in",
}
QUICK = PasswordHasher(time_cost=1, memory_cost=512, parallelism=1)


@pytest.fixture(autouse=True)
def settings(request, monkeypatch):
    """Argon2 with settings that take no time, where a test is not about them."""
    if request.function.__name__ not in REAL:
        monkeypatch.setattr(password, "_hasher", lambda: QUICK)
    password._nobodys.cache_clear()
    yield
    password._nobodys.cache_clear()


@pytest.fixture
def people(project):
    return project.people


@pytest.fixture
def ada(people):
    """The cookie of the first admin."""
    return people.enter(people.first_link(), "Ada", "ada@acme.example", PASSWORD)


def verbs(project):
    return [f"{each.who} {each.verb} {each.object}" for each in project.audit.all()][::-1]


def test_the_first_one_is_admin_and_then_there_is_no_first_link(people, project):
    link = people.first_link()
    assert people.invited(link).role == "admin"
    cookie = people.enter(link, " Ada\x1b  L ", "Ada@Acme.example", PASSWORD)
    person = people.session(cookie)
    assert (person.name, person.email, person.role) == ("Ada L", "ada@acme.example", "admin")
    assert people.first_link() is None
    assert people.invited(link) is None
    assert verbs(project) == [
        "heedful made the first link",
        "ada@acme.example came in person ada@acme.example",
    ]


def test_of_two_first_links_only_the_newest_works(people):
    old, new = people.first_link(), people.first_link()
    assert people.invited(old) is None
    with pytest.raises(RefusedError, match="was used, or is too old"):
        people.enter(old, "Eve", "eve@evil.example", PASSWORD)
    assert people.enter(new, "Ada", "ada@acme.example", PASSWORD)


def test_a_first_link_is_dead_as_soon_as_there_is_an_admin_in_another_way(people):
    link = people.first_link()
    invitation = people.link("ada@acme.example", "admin", "cli:ada")
    people.enter(invitation, "Ada", "ada@acme.example", PASSWORD)
    assert people.invited(link) is None
    with pytest.raises(RefusedError, match="was used, or is too old"):
        people.enter(link, "Eve", "eve@evil.example", PASSWORD)
    assert [each.email for each in people.all()] == ["ada@acme.example"]


@pytest.mark.parametrize(
    ("name", "email", "password", "says"),
    [
        (" ", "bob@acme.example", PASSWORD, "name is empty"),
        ("Bob", "bob", PASSWORD, "is no e-mail address"),
        ("Bob", "bob@acme.example", "short", "too short"),
        ("Bob", "eve@evil.example", PASSWORD, "this link is for bob@acme.example"),
    ],
)
def test_a_slip_does_not_use_the_link_up(people, ada, name, email, password, says):
    link = people.link("bob@acme.example", "viewer", "ada@acme.example")
    with pytest.raises(RefusedError, match=says):
        people.enter(link, name, email, password)
    assert people.session(people.enter(link, "Bob", "bob@acme.example", PASSWORD)).role == "viewer"


def test_of_two_with_the_same_link_one_comes_in(project, people, ada):
    link = people.link("bob@acme.example", "viewer", "ada@acme.example")
    barrier = threading.Barrier(4)
    cookies, refused = [], []

    def enter(number):
        mine = Project(project.root).people
        mine.invited(link)
        barrier.wait()
        try:
            cookies.append(mine.enter(link, f"Bob {number}", "bob@acme.example", PASSWORD))
        except RefusedError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=enter, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(cookies), len(refused)) == (1, 3)
    assert people.session(cookies[0]).email == "bob@acme.example"


def test_who_forgot_the_password_gets_a_new_one_and_loses_old_sessions(people, ada):
    link = people.link("ada@acme.example", "viewer", "cli:ada")
    new = people.enter(link, "Ada", "ada@acme.example", "another long password")
    assert people.session(ada) is None
    assert people.session(new).role == "admin"
    assert people.log_in("ada@acme.example", PASSWORD) is None
    assert people.log_in("ada@acme.example", "another long password")


def test_a_link_made_before_a_demotion_does_not_undo_it(people, ada):
    people.enter(people.link("bob@acme.example", "admin", "x"), "Bob", "bob@acme.example", PASSWORD)
    link = people.link("bob@acme.example", "admin", "x")
    people.role("bob@acme.example", "viewer", "ada@acme.example")
    cookie = people.enter(link, "Bob", "bob@acme.example", "another long password")
    assert people.session(cookie).role == "viewer"


def test_who_was_shut_out_comes_back_by_an_invitation(people, ada, project):
    people.enter(people.link("bob@acme.example", "admin", "x"), "Bob", "bob@acme.example", PASSWORD)
    people.close("bob@acme.example", "ada@acme.example")
    assert people.log_in("bob@acme.example", PASSWORD) is None
    link = people.link("bob@acme.example", "viewer", "ada@acme.example")
    cookie = people.enter(link, "Bob", "bob@acme.example", "another long password")
    assert people.session(cookie).role == "viewer"
    assert verbs(project)[-1] == "bob@acme.example came back person bob@acme.example"


def test_log_in_and_out(people, ada, project):
    cookie = people.log_in(" Ada@acme.example", PASSWORD)
    assert people.session(cookie).email == "ada@acme.example"
    assert len(people.logins(people.session(cookie))) == 2
    people.log_out(cookie)
    people.log_out(cookie)
    people.log_out("nonsense")
    assert people.session(cookie) is None
    assert people.session(ada) is not None
    assert verbs(project)[-2:] == [
        "ada@acme.example logged in person ada@acme.example",
        "ada@acme.example logged out person ada@acme.example",
    ]


def test_sessions_are_ended_by_name_or_all_but_one(people, ada, project):
    person = people.session(ada)
    other = people.log_in("ada@acme.example", PASSWORD)
    newest = people.logins(person)[0]
    assert people.end_logins(person, "ada@acme.example", id=newest.id) == 1
    assert people.session(other) is None
    other = people.log_in("ada@acme.example", PASSWORD)
    assert people.end_logins(person, "ada@acme.example", but=ada) == 1
    assert people.session(other) is None
    assert people.session(ada) == person


def test_the_answer_and_its_time_do_not_tell_who_exists(people, ada):
    people.log_in("nobody@acme.example", PASSWORD)

    def took(email):
        began = time.perf_counter()
        assert people.log_in(email, "a wrong password") is None
        return time.perf_counter() - began

    known = min(took("ada@acme.example") for _ in range(4))
    unknown = min(took(f"nobody{n}@acme.example") for n in range(4))
    assert 0.5 < unknown / known < 2  # not looking at all would be a hundred times as quick


@pytest.mark.parametrize("email", ["ada@acme.example", "nobody@acme.example"])
def test_who_guesses_waits_and_does_not_learn_whether_anyone_is_there(people, ada, email):
    for _ in range(FREE):
        assert people.log_in(email, "a wrong password") is None
    with pytest.raises(ThrottledError, match=r"Too many wrong passwords\. Try again in a minute\."):
        people.log_in(email, PASSWORD)


def test_being_held_up_is_written_down_for_those_who_exist_only(people, ada, project):
    for email in ("ada@acme.example", "my password in the wrong field"):
        for _ in range(FREE):
            people.log_in(email, "a wrong password")
    assert verbs(project)[-1] == "heedful held up person ada@acme.example"
    assert "wrong field" not in repr(project.audit.all())


def test_the_right_password_forgets_the_wrong_ones(people, ada):
    for _ in range(3):
        for _ in range(FREE - 1):
            people.log_in("ada@acme.example", "a wrong password")
        assert people.log_in("ada@acme.example", PASSWORD)


def test_a_weak_hash_is_made_anew_when_its_owner_logs_in(people, ada, project):
    rows = project.ledger.tables.people
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with project.ledger.begin() as connection:
        connection.execute(rows.update().values(password=weak))
    assert people.log_in("ada@acme.example", PASSWORD)
    with project.ledger.begin() as connection:
        kept = connection.execute(select(rows.c.password)).scalar_one()
    assert kept != weak
    assert not PasswordHasher().check_needs_rehash(kept)
    assert people.log_in("ada@acme.example", PASSWORD)


def test_a_new_password_takes_the_old_one(people, ada):
    person = people.session(ada)
    other = people.log_in("ada@acme.example", PASSWORD)
    with pytest.raises(RefusedError, match="is another one"):
        people.new_password(person, "not the old one", "another long password")
    with pytest.raises(RefusedError, match="too short"):
        people.new_password(person, PASSWORD, "short")
    people.new_password(person, PASSWORD, "another long password", keep=ada)
    assert people.session(ada) is not None
    assert people.session(other) is None
    assert people.log_in("ada@acme.example", "another long password")


def test_a_token_speaks_for_its_person(people, ada):
    token, secret = people.tokens.make(people.get("ada@acme.example"), "reports", "viewer")
    assert people.tokens.person(secret).role == "viewer"
    people.tokens.revoke(token.id, "ada@acme.example")
    assert people.tokens.person(secret) is None


def test_who_is_not_there_is_named_with_who_is(people, ada):
    with pytest.raises(NotFoundError, match="did you mean"):
        people.get("adda@acme.example")


def test_no_secret_is_in_the_ledger(project, people, ada):
    link = people.link("bob@acme.example", "viewer", "ada@acme.example")
    _, token = people.tokens.make(people.get("ada@acme.example"), "reports")
    cookie = people.log_in("ada@acme.example", PASSWORD)
    with project.ledger.begin() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    held = b"".join(path.read_bytes() for path in project.ledger.file.parent.glob("ledger*"))
    assert b"ada@acme.example" in held
    for secret in (link, token, cookie, ada, PASSWORD):
        assert secret.encode() not in held
