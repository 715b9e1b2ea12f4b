"""Coming in: links that work once, passwords, sessions; and nothing for who came from elsewhere."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from heedful.web.app import create_app
from heedful.web.guest import COOKIE

PASSWORD = "a window sill of ferns"


@pytest.fixture
def fresh(own_site):
    """A site that nobody has entered, a browser, and the first link."""
    app = create_app(own_site)
    client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
    return client, own_site.edition.project.people.first_link()


def enter(client, link, **more):
    form = {"name": "Ida", "email": "ida@example.org", "password": PASSWORD, **more}
    return client.post(f"/enter/{link}", data=form)


def test_the_first_link_makes_an_admin_and_works_once(fresh, own_site):
    client, link = fresh
    assert "admin" in client.get(f"/enter/{link}").text
    answer = enter(client, link)
    assert answer.status_code == 303
    assert client.get("/").status_code == 200
    assert own_site.edition.project.people.get("ida@example.org").role == "admin"
    again = client.get(f"/enter/{link}")
    assert again.status_code == 404
    assert "does not work any more" in again.text
    assert enter(client, link, email="eve@example.org").status_code == 400


def test_a_cookie_is_for_this_site_only_and_not_for_scripts(fresh, own_site):
    client, link = fresh
    said = enter(client, link).headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "secure" not in said
    secure = TestClient(create_app(own_site, secure=True), follow_redirects=False)
    answer = secure.post("/login", data={"email": "ida@example.org", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


def test_what_is_wrong_is_said_and_the_link_still_works(fresh):
    client, link = fresh
    answer = enter(client, link, password="short")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'value="ida@example.org"' in answer.text
    assert PASSWORD not in answer.text
    assert enter(client, link).status_code == 303


def test_out_is_out_and_in_goes_where_one_wanted_to(fresh, csrf):
    client, link = fresh
    enter(client, link)
    secret = client.cookies[COOKIE]
    assert client.post("/logout").status_code == 403
    assert client.post("/logout", data=csrf(client)).status_code == 303
    client.cookies.set(COOKIE, secret)
    assert client.get("/kpis").headers["location"] == "/login?next=%2Fkpis"
    client.cookies.clear()
    form = {"email": "IDA@example.org ", "password": PASSWORD, "next": "/kpis/csat?grain=week"}
    answer = client.post("/login", data=form)
    assert answer.headers["location"] == "/kpis/csat?grain=week"


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example/", "\\\\evil", "/\\evil", "javascript:1", ""]
)
def test_nobody_is_sent_away(fresh, path):
    client, link = fresh
    enter(client, link)
    client.cookies.clear()
    form = {"email": "ida@example.org", "password": PASSWORD, "next": path}
    assert client.post("/login", data=form).headers["location"] == "/"
    assert client.get("/theme/dark", params={"back": path}).headers["location"] == "/"


def test_wrong_passwords_get_one_answer_and_then_a_pause(fresh):
    client, link = fresh
    enter(client, link)
    client.cookies.clear()
    texts = set()
    for email in ("ida@example.org", "nobody@example.org"):
        answer = client.post("/login", data={"email": email, "password": "wrong and long"})
        assert answer.status_code == 401
        texts.add(answer.text.replace(email, ""))
    assert len(texts) == 1
    for _ in range(30):
        last = client.post("/login", data={"email": "ida@example.org", "password": "wrong"})
    assert last.status_code == 401
    assert "do not go together" not in last.text
    right = client.post("/login", data={"email": "ida@example.org", "password": PASSWORD})
    assert right.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_forms_of_other_sites_are_refused(fresh, headers):
    client, link = fresh
    enter(client, link)
    client.cookies.clear()
    form = {"email": "ida@example.org", "password": PASSWORD}
    assert client.post("/login", data=form, headers=headers).status_code == 403


def test_the_theme_is_remembered_and_can_be_forgotten(fresh):
    client, link = fresh
    enter(client, link)
    assert client.get("/theme/dark", params={"back": "/kpis"}).headers["location"] == "/kpis"
    assert 'data-theme="dark"' in client.get("/").text
    assert 'data-theme="light"' in client.get("/?theme=light").text
    client.get("/theme/auto")
    assert "data-theme" not in client.get("/").text
