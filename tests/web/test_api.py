"""The API: the same figures as elsewhere, for who may have them, and never a 5xx."""

from __future__ import annotations

import csv
import io

import pyarrow.parquet as pq
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from heedful.web.pages.api import described, every

FUZZ = {"generation": {"mode": "all"}}
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def ask(browsers):
    """Asks with a token of an analyst."""
    return browsers.program("analyst")


def get(client, path, **params):
    answer = client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


# ---- who may ask


def test_strangers_get_nothing_but_the_description(browsers):
    client = browsers.stranger()
    found = described(browsers.app)
    asked = [(m, p) for m, p in every(found)]
    assert len(asked) > 14
    for method, path in asked:
        answer = client.request(method, path.format(id="x", name="x", number=1))
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert set(answer.json()) == {"error"}
    assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")
    assert client.get("/api/v1/").headers["location"] == "/login?next=/api/v1/"


def test_a_wrong_token_is_not_saved_by_a_session(viewer):
    answer = viewer.get("/api/v1/me", headers={"Authorization": "Bearer heedful_nope"})
    assert answer.status_code == 401
    assert "does not work" in answer.json()["error"]
    assert viewer.get("/api/v1/me").json()["role"] == "viewer"


def test_a_revoked_token_stops(own):
    client = own.program("analyst")
    people = own.site.edition.project.people
    assert client.get("/api/v1/me").json()["program"] is True
    people.tokens.revoke(people.tokens.all()[0].id, "test")
    assert client.get("/api/v1/me").status_code == 401


def test_a_session_changes_nothing(analyst):
    made = {"title": "x", "owner": "shop", "due": "2026-10-01"}
    assert analyst.post("/api/v1/actions", json=made).status_code == 401
    assert analyst.post("/api/v1/sql", json={"query": "SELECT 1"}).status_code == 401


def test_a_viewers_token_changes_nothing(browsers, viewer):
    client = browsers.program("viewer")
    for path, body in (
        ("actions", {"title": "x", "owner": "shop", "due": "2026-10-01"}),
        ("sql", {"query": "SELECT 1"}),
    ):
        answer = client.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == 403
        assert "analyst" in answer.json()["error"]


# ---- the same figures


def test_readings_are_those_of_the_project(ask, site):
    found = get(ask, "readings", kpi=["csat", "nps"], grain="week", **{"from": "2026-01-01"})
    from datetime import date

    project = site.edition.project
    told = project.kpis.readings("csat", "nps", grain="week", since=date(2026, 1, 1)).to_pylist()
    assert len(found["readings"]) == len(told) > 10
    for mine, theirs in zip(found["readings"], told, strict=True):
        assert mine["value"] == theirs["value"]
        assert mine["low"] == theirs["low"]
        assert mine["period_start"] == theirs["period_start"].isoformat()
        assert mine["kpi"] == theirs["kpi"]
    assert found["next"] is None


@pytest.mark.parametrize("by", ["touchpoint", "device", "stage", "priority"])
def test_readings_by_something(ask, site, by):
    name = "resolution_time" if by == "priority" else "csat"
    found = get(ask, "readings", kpi=name, by=by)["readings"]
    told = site.edition.project.kpis.readings(name, by=by).to_pylist()
    assert [(r["segment"], r["stage"], r["value"]) for r in found] == [
        (r["segment"], r["stage"], r["value"]) for r in told
    ]
    assert found


def test_readings_as_they_stood(ask):
    assert get(ask, "readings", kpi="csat", as_of="2020-01-01")["readings"] == []
    assert get(ask, "readings", kpi="csat", as_of="2199-01-01")["readings"]


def test_what_no_refresh_measured_is_computed(ask):
    found = get(ask, "readings", kpi="reopen_rate", by="country")
    assert {r["segment"] for r in found["readings"]} >= {"DE", "AT"}
    assert "computed now" in found["notes"][0]


def test_pages_of_readings_add_up(ask):
    whole = get(ask, "readings", grain="week", by="touchpoint")["readings"]
    parts, cursor, pages = [], None, 0
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = get(ask, "readings", grain="week", by="touchpoint", limit=50, **more)
        parts += page["readings"]
        cursor, pages = page["next"], pages + 1
        if cursor is None:
            break
    assert parts == whole
    assert pages == -(-len(whole) // 50)


def test_a_cursor_belongs_to_its_question(ask, own):
    first = get(ask, "readings", grain="week", limit=2)
    answer = ask.get("/api/v1/readings", params={"grain": "month", "cursor": first["next"]})
    assert answer.status_code == 400
    assert "another question" in answer.json()["error"]
    assert ask.get("/api/v1/readings", params={"cursor": "xx"}).status_code == 400


def test_a_cursor_ends_with_a_refresh(own):
    client = own.program("analyst")
    first = get(client, "readings", grain="week", limit=2)
    own.site.edition.shelf.version += 1
    answer = client.get(
        "/api/v1/readings", params={"grain": "week", "limit": 2, "cursor": first["next"]}
    )
    assert answer.status_code == 409
    assert "refresh" in answer.json()["error"]


def test_readings_as_files(ask):
    params = {"kpi": "csat", "by": "device", "grain": "week"}
    told = get(ask, "readings", **params)["readings"]
    answer = ask.get("/api/v1/readings", params={**params, "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="readings.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [r["segment"] for r in rows] == [r["segment"] for r in told]
    assert [float(r["value"]) for r in rows] == [r["value"] for r in told]
    answer = ask.get("/api/v1/readings", params={**params, "format": "parquet", "limit": 3})
    table = pq.read_table(io.BytesIO(answer.content))
    assert table["value"].to_pylist() == [r["value"] for r in told[:3]]
    assert 'rel="next"' in answer.headers["link"]


def test_scores_add_up(ask, site):
    found = get(ask, "score", grain="month")["scores"]
    told = site.edition.project.scorecard.scores()
    assert [r["score"] for r in found] == [r.score for r in told]
    whole = [r for r in found if r["score"] is not None]
    assert whole
    for one in whole:
        assert sum(c["contribution"] for c in one["contributions"]) == pytest.approx(one["score"])
    some = get(ask, "score", by="device", stage="retention")["scores"]
    assert {r["dimension"] for r in some} == {"device"}
    assert {r["stage"] for r in some} == {"retention"}


def test_the_score_compared(ask):
    found = get(ask, "score/comparison", grain="month")
    moved = found["comparison"]["moved"]
    assert moved["difference"] == pytest.approx(
        sum(part["moved"]["difference"] for part in found["comparison"]["parts"])
    )
    assert found["against_start"] < found["period_start"]


def test_kpis_and_one_of_them(ask, site):
    found = get(ask, "kpis")["kpis"]
    assert {k["kpi"] for k in found if k["state"] == "on"} == set(site.edition.definitions.kpis)
    assert {k["state"] for k in found} == {"on", "off", "planned"}
    one = get(ask, "kpis/csat")
    assert one["definition_hash"] == site.edition.project.kpis.definition_hash("csat")
    assert one["table_versions"] == {"customers": 0, "responses": 0}
    assert "SELECT" in one["sql"]
    assert one["team"] == "Help desk"


def test_experiments(ask):
    found = get(ask, "experiments")["experiments"]
    assert [e["experiment"] for e in found] == ["warm-words"]
    read = get(ask, "experiments/warm-words/readout")
    assert read["decision"] in {"ship", "do_not_ship", "keep_running", "needs_review", "invalid"}
    assert {o["role"] for o in read["outcomes"]} >= {"primary", "guardrail"}
    answer = ask.get("/api/v1/experiments/warm-words/readout", params={"as_of": "2020-01-01"})
    assert answer.status_code in {200, 409}


def test_data_says_what_is_late_and_empty(ask):
    found = {t["table"]: t for t in get(ask, "data")["tables"]}
    assert found["orders"]["state"] == "late"
    assert 9 <= found["orders"]["late_days"] <= 11
    assert found["invitations"]["state"] == "empty"
    assert found["invitations"]["waiting"] == ["response_rate"]
    assert found["responses"]["rejected"] == 5
    assert sum(found["events"]["days"]) > 0
    joins = {j["table"]: j for j in get(ask, "data")["joins"]}
    assert joins["tickets"]["known"] == 1080


def test_findings(ask, site):
    found = get(ask, "findings", state="all")["findings"]
    assert {f["id"] for f in found} == {f.id for f in site.edition.project.findings.all()}
    for one in found:
        assert get(ask, f"findings/{one['id']}")["kind"] == one["kind"]


# ---- actions


def test_an_action_from_beginning_to_end(own):
    client = own.program("analyst")
    given = {"title": f"Call {HOSTILE}", "owner": "help", "due": "2026-10-01", "kpi": "csat"}
    answer = client.post("/api/v1/actions", json={**given, "expected": 0.8})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/actions/{made['id']}"
    assert made["made_by"] == "analyst@example.org"
    assert made["value"] is not None
    path = f"/api/v1/actions/{made['id']}"
    changed = client.patch(path, json={"owner": "shop", "note": "half done"}).json()
    assert (changed["owner"], changed["note"]) == ("shop", "half done")
    assert client.patch(path, json={"state": "started"}).json()["started_at"]
    done = client.patch(path, json={"state": "done", "done_on": "2026-01-05", "note": "told"})
    assert done.json()["state"] == "done"
    assert done.json()["outcome"]["state"] in {"measured", "waiting", "not_measured"}
    assert get(client, "actions", state="done")["actions"][0]["note"] == "told"
    # Who changes what is over is told so.
    assert client.patch(path, json={"state": "dropped"}).status_code == 409
    audit = own.site.edition.project.audit.all()
    assert {e.verb for e in audit if e.object == f"action {made['id']}"} >= {"closed", "started"}


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"owner": "nobody"}, 404, 'team "nobody" does not exist; allowed: shop, help'),
        ({"title": ""}, 422, "title"),
        ({"due": "soon"}, 422, "due"),
        ({"kpi": "csta"}, 404, 'did you mean "csat"?'),
        ({"expected": 3.0}, 409, "name the KPI"),
        ({"finding": "nope"}, 404, "nope"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
def test_wrong_actions(ask, change, status, said):
    given = {"title": "Call", "owner": "help", "due": "2026-10-01", **change}
    answer = ask.post("/api/v1/actions", json=given)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert said in answer.json()["error"]


# ---- SQL


def test_sql(ask, site):
    answer = ask.post("/api/v1/sql", json={"query": "SELECT 1 AS a, 'nan'::DOUBLE AS b, NULL AS c"})
    assert answer.json()["rows"] == [{"a": 1, "b": None, "c": None}]
    assert [c["name"] for c in answer.json()["columns"]] == ["a", "b", "c"]
    entry = site.edition.project.audit.all(1)[0]
    assert (entry.who, entry.verb, entry.object) == ("analyst@example.org", "asked", "sql")
    assert "AS a" in entry.detail


def test_sql_is_limited(ask):
    answer = ask.post("/api/v1/sql", json={"query": "SELECT * FROM range(50)", "limit": 7}).json()
    assert (len(answer["rows"]), answer["cut"]) == (7, True)
    slow = "SELECT count(*) FROM range(100000000000) a, range(1000) b"
    answer = ask.post("/api/v1/sql", json={"query": slow, "seconds": 0.2})
    assert answer.status_code == 400
    assert "stopped after" in answer.json()["error"]
    wide = "SELECT repeat('x', 1000000) AS x FROM range(400)"
    assert "MB" in ask.post("/api/v1/sql", json={"query": wide}).json()["error"]


@pytest.mark.parametrize(
    "query",
    [
        "SELEC 1",
        "SELECT 1; SELECT 2",
        "DROP TABLE tickets",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT * FROM nowhere",
    ],
)
def test_sql_that_is_refused(ask, query):
    answer = ask.post("/api/v1/sql", json={"query": query})
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}


# ---- wrong questions


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("readings?grian=week", 422, "grian"),
        ("readings?grain=year", 422, "grain"),
        ("readings?kpi=csta", 404, 'did you mean "csat"?'),
        ("readings?kpi=csat&by=nope", 404, "nope"),
        ("readings?stage=nope", 404, "allowed: awareness"),
        ("readings?from=2026-02-01&to=2026-01-01", 400, "not after"),
        ("readings?as_of=9999-12-31", 422, "as_of"),
        ("readings?limit=0", 422, "limit"),
        ("readings?limit=1000001", 422, "limit"),
        ("score/comparison?stage=nope", 400, "allowed: awareness"),
        ("kpis/csta", 404, 'did you mean "csat"?'),
        ("findings/nope", 404, "nope"),
        ("experiments/nope/readout", 404, "nope"),
        ("actions/99", 404, "99"),
        ("actions/99999999999999999999", 422, "number"),
        ("nowhere", 404, "no page"),
    ],
)
def test_wrong_questions(ask, path, status, said):
    answer = ask.get(f"/api/v1/{path}")
    assert (answer.status_code, list(answer.json())) == (status, ["error"]), answer.text
    assert said in answer.json()["error"]


def test_wrong_methods_are_refused(ask):
    answer = ask.delete("/api/v1/readings")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert set(answer.json()) == {"error"}


def test_before_anything_was_imported(empty_site, browsers):
    client = type(browsers)(empty_site).program("analyst")
    assert get(client, "readings") == {"readings": [], "next": None, "notes": []}
    assert get(client, "score")["scores"] == []
    assert get(client, "score/comparison")["comparison"] is None
    assert {t["state"] for t in get(client, "data")["tables"]} == {"empty"}
    assert get(client, "kpis/csat")["sql"] is None
    assert client.get("/api/v1/experiments/warm-words/readout").status_code == 409


# ---- the description


def test_the_page_of_the_api(viewer, browsers):
    answer = viewer.get("/api/v1/")
    assert answer.status_code == 200
    found = described(browsers.app)
    for _, path in every(found):
        assert path in answer.text
    for name in found["components"]["schemas"]:
        assert f'id="model-{name}"' in answer.text
    assert "<script" not in answer.text.replace('<script src="/static/', "")


def test_every_error_is_described_as_it_is_told(browsers):
    found = described(browsers.app)
    for path, operations in found["paths"].items():
        for method, one in operations.items():
            schemes = {name for each in one["security"] for name in each}
            assert schemes == ({"token", "session"} if method == "get" else {"token"})
            for status, each in one["responses"].items():
                if int(status) >= 400:
                    schema = each["content"]["application/json"]["schema"]
                    assert schema["$ref"].endswith("/Said"), (path, status)


def test_no_question_breaks_it(own):
    """Schemathesis asks whatever the description allows, and what it does not."""
    secret = own.program("analyst").headers["Authorization"]
    schema = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", own.app, config=SchemathesisConfig.from_dict(FUZZ)
    )
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    asked = 0
    for operation in schema.get_all_operations():
        one = operation.ok()

        @settings(
            max_examples=8,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=one.as_strategy())
        def run(case):
            nonlocal asked
            asked += 1
            response = case.call(headers={"Authorization": secret})
            case.validate_response(response, checks=checks)

        run()
    assert asked > 100
