"""Accounts: one's own tokens and sessions, and what admins look after."""

from __future__ import annotations

import re

import pytest

HOSTILE = '<script>alert("x")</script>'
PASSWORD = "a long enough password"


def text(answer):
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


@pytest.fixture
def post(csrf):
    """Sends a form as a browser does."""

    def send(client, path, **fields):
        return client.post(path, data={**csrf(client), **fields})

    return send


@pytest.mark.parametrize("path", ["/account/people", "/account/history", "/account/alerts"])
def test_what_only_admins_see(viewer, analyst, admin, browsers, path):
    assert viewer.get(path).status_code == 403
    assert analyst.get(path).status_code == 403
    assert admin.get(path).status_code == 200
    assert browsers.stranger().get(path).headers["location"].startswith("/login?next=")


@pytest.mark.parametrize(
    "path",
    [
        "/account/tokens",
        "/account/tokens/1/revoke",
        "/account/sessions/end",
        "/account/password",
        "/account/people",
        "/account/people/role",
        "/account/people/close",
        "/account/alerts/test",
    ],
)
def test_forms_of_elsewhere_change_nothing(admin, path):
    assert admin.post(path, data={"csrf": "x"}).status_code == 403
    assert admin.post(path).status_code == 403


def test_a_token_is_shown_once_and_works(own, post):
    client = own("analyst")
    answer = post(client, "/account/tokens", name=f"report {HOSTILE}", role="viewer")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert HOSTILE not in answer.text
    secret = re.search(r"heedful_[\w-]+", answer.text)[0]
    program = own.stranger()
    program.headers["Authorization"] = f"Bearer {secret}"
    assert program.get("/api/v1/me").json()["role"] == "viewer"
    again = client.get("/account")
    assert secret not in again.text
    assert "report &lt;script&gt;" in again.text
    number = re.search(r"/account/tokens/(\d+)/revoke", again.text)[1]
    # Someone else's token is not theirs to take back.
    assert post(own("viewer"), f"/account/tokens/{number}/revoke").status_code == 404
    assert program.get("/api/v1/me").status_code == 200
    assert post(client, f"/account/tokens/{number}/revoke").status_code == 303
    assert program.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "has no name"),
        ({"name": "x", "role": "admin"}, "cannot be admin"),
        ({"name": "x", "role": "king"}, "does not exist"),
    ],
)
def test_wrong_tokens(viewer, post, fields, said):
    answer = post(viewer, "/account/tokens", **fields)
    assert answer.status_code == 400
    assert said in text(answer)


def test_sessions_end(own, post):
    client = own("viewer")
    other = own.stranger()
    entered = other.post("/login", data={"email": "viewer@example.org", "password": PASSWORD})
    assert entered.status_code == 303
    assert other.get("/account").status_code == 200
    page = client.get("/account").text
    assert page.count("this browser") == 1
    session = re.search(r'name="session" value="(\w+)"', page)[1]
    assert post(own("analyst"), "/account/sessions/end", session=session).status_code == 404
    assert other.get("/account").status_code == 200
    assert post(client, "/account/sessions/end", session=session).status_code == 303
    assert other.get("/account").status_code == 303
    assert client.get("/account").status_code == 200


def test_a_new_password(own, post):
    client = own("viewer")
    asked = {"old": PASSWORD, "new": "another good password", "again": "another good password"}
    assert post(client, "/account/password", **{**asked, "again": "x"}).status_code == 400
    wrong = post(client, "/account/password", **{**asked, "old": "not this one at all"})
    assert wrong.status_code == 400
    assert "another one" in text(wrong)
    assert post(client, "/account/password", **asked).status_code == 303
    assert client.get("/account").status_code == 200
    other = own.stranger()
    given = {"email": "viewer@example.org", "password": "another good password"}
    assert other.post("/login", data=given).status_code == 303


def test_an_invitation(own, post):
    admin = own("admin")
    answer = post(admin, "/account/people", email="Bea@example.org", role="analyst")
    assert answer.status_code == 200
    link = re.search(r"http://testserver(/enter/[\w-]+)", answer.text)[1]
    assert link not in admin.get("/account/people").text
    bea = own.stranger()
    given = {"name": f"Bea {HOSTILE}", "email": "bea@example.org", "password": PASSWORD}
    assert bea.post(link, data=given).status_code == 303
    assert "analyst" in text(bea.get("/account"))
    people = admin.get("/account/people")
    assert HOSTILE not in people.text
    assert "bea@example.org" in people.text
    # Another role, then out.
    assert (
        post(admin, "/account/people/role", email="bea@example.org", role="viewer").status_code
        == 303
    )
    assert bea.get("/data/rejected").status_code == 403
    assert post(admin, "/account/people/close", email="bea@example.org").status_code == 303
    assert bea.get("/account").status_code == 303
    entries = own.site.edition.project.audit.all()
    mine = {e.verb for e in entries if e.who == "admin@example.org"}
    assert mine >= {"invited", "gave a role", "shut out"}


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/account/people", {"email": "nobody"}, "no e-mail address"),
        ("/account/people", {"email": "a@example.org", "role": "king"}, "does not exist"),
        ("/account/people/role", {"email": "x@example.org", "role": "viewer"}, "nobody has"),
        ("/account/people/role", {"email": "admin@example.org", "role": "viewer"}, "last admin"),
        ("/account/people/close", {"email": "admin@example.org"}, "last admin"),
    ],
)
def test_what_admins_cannot_do(admin, post, path, fields, said):
    answer = post(admin, path, **fields)
    assert answer.status_code == 400
    assert said in text(answer)


def test_history(own):
    admin = own("admin")
    audit = own.site.edition.project.audit
    for number in range(120):
        audit.add(
            "ann@example.org", "changed", f"action {number}", HOSTILE if number == 119 else None
        )
    answer = admin.get("/account/history")
    assert HOSTILE not in answer.text
    assert "action 119" in answer.text
    assert "action 19<" not in answer.text
    older = re.search(r'href="([^"]+)" rel="next"', answer.text)[1].replace("&amp;", "&")
    assert "action 19<" in admin.get(older).text
    only = admin.get("/account/history", params={"who": "ann@example.org", "about": "action 7"})
    assert only.text.count('<th scope="row">') == 1
    assert "Nothing of that" in admin.get("/account/history?since=2199-01-01").text
    assert admin.get("/account/history?since=soon").status_code == 400
    assert admin.get("/account/history?since=0001-01-01").status_code == 400
    assert admin.get("/account/history?before=99999999999999999999").status_code == 422


def test_alerts(own, post):
    admin = own("admin")
    answer = admin.get("/account/alerts")
    assert "Nobody was told of anything yet" in text(answer)
    assert "No channel" in text(answer)
    assert post(admin, "/account/alerts/test", channel="nope").status_code == 404


def test_a_test_that_does_not_arrive_says_why(own_site, browsers, post):
    (own_site.root / "alerts.yaml").write_text(
        "channels:\n  mail: {kind: email, host: 127.0.0.1, port: 9, security: none,"
        " from: a@example.org, to: [b@example.org]}\n",
        encoding="utf-8",
    )
    own_site.renew()
    assert own_site.problems == ()
    admin = type(browsers)(own_site)("admin")
    assert "b@example.org" in admin.get("/account/alerts").text
    answer = post(admin, "/account/alerts/test", channel="mail")
    assert answer.status_code == 502
    assert "did not arrive" in text(answer)
