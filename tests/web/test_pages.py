"""Pages of a real project: who may see them, what they say, and what they never do."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

PAGES = (
    "/",
    "/?grain=week",
    "/?against=year",
    "/?segment=device:mobile",
    "/?segment=device:nobody",
    "/stages",
    "/stages/awareness",
    "/stages/retention?grain=week",
    "/stages/consideration",
    "/kpis",
    "/kpis?group=stage",
    "/kpis?group=owner",
    "/kpis?dimension=experience",
    "/kpis/csat",
    "/kpis/csat?sort=value&stage=retention",
    "/kpis/csat?sort=n&grain=quarter",
    "/kpis/nps?segment=device:mobile",
    "/kpis/resolution_time?grain=week",
    "/kpis/retention",
    "/kpis/csat/sql",
)
WRONG = (
    ("/nothing", 404, "There is no page /nothing"),
    ("/kpis/csatt", 404, "csat"),
    ("/kpis/theme_tone", 404, "kpis/theme_tone.yaml"),
    ("/kpis/csat?sort=colour", 400, "allowed: change, value, n"),
    ("/kpis?group=colour", 400, "allowed: layer, stage, timing, owner"),
    ("/kpis?dimension=colour", 404, "experience"),
    ("/stages/heaven", 404, "awareness"),
    ("/?grain=year", 400, "allowed: week, month, quarter"),
    ("/?period=soon", 400, "such as 2026-08-01"),
    ("/kpis/csat/readings.exe", 422, "form"),
)
VOID = {"meta", "link", "input", "br", "path", "circle", "line", "rect", "img", "hr"}


class Shape(HTMLParser):
    """Whether every element is closed where it should be, and what a page asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.inline: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if given.get("id") else []
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        for name in ("src", "href", "action"):
            if given.get(name):
                self.addresses.append(given[name])
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.inline.append("script")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def shape(text):
    found = Shape()
    found.feed(text)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_it_is_whole_and_asks_for_nothing_from_elsewhere(viewer, page):
    answer = viewer.get(page)
    assert answer.status_code == 200, answer.text[:500]
    found = shape(answer.text)
    assert found.wrong == []
    assert found.open == []
    assert found.inline == []
    assert len(found.ids) == len(set(found.ids))
    away = [one for one in found.addresses if not one.startswith(("/", "#", "mailto:"))]
    assert away == []


@pytest.mark.parametrize("page", PAGES)
def test_what_customers_wrote_is_never_markup(viewer, page):
    text = viewer.get(page).text
    assert '<script>alert("x")' not in text
    assert "<i>&</i>" not in text


@pytest.mark.parametrize("page", PAGES)
def test_no_naked_number_and_no_nonsense(viewer, page):
    text = re.sub(r"<[^>]+>", " ", viewer.get(page).text)
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b|Undefined", text)


@pytest.mark.parametrize(("page", "status", "said"), WRONG)
def test_what_cannot_be_is_said_in_a_sentence(viewer, page, status, said):
    answer = viewer.get(page)
    assert answer.status_code == status
    assert said in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_strangers_are_sent_to_the_login_and_back(browsers, page):
    answer = browsers.stranger().get(page)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2F")


def test_every_answer_forbids_what_is_not_ours(browsers, viewer):
    for client, page in ((viewer, "/"), (browsers.stranger(), "/login"), (viewer, "/nothing")):
        headers = client.get(page).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_assets_are_named_by_their_content_and_kept(browsers):
    from heedful.web.assets import address

    client = browsers.stranger()
    for name in ("heedful.css", "heedful.js", "charts.js", "icon.svg"):
        answer = client.get(address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
    for wrong in ("heedful-000000000000.css", "nothing-0.js", "..%2f..%2fapp.py", "heedful.css"):
        assert client.get(f"/static/{wrong}").status_code == 404


def test_the_overview_says_the_score_and_what_it_is_made_of(viewer, site):
    text = viewer.get("/").text
    assert re.search(r"The empathy score (is|rose|fell)", text)
    view = re.search(r'<span class="big">([\d.]+)</span>', text)
    score = [s for s in site.edition.scores("month") if s.stage is None and s.score is not None]
    assert view.group(1) == f"{score[-1].score:.1f}"
    for word in ("Experience", "Friction", "Business", "Together", "Help that pays"):
        assert word in text


def test_a_kpi_says_where_its_number_comes_from(viewer):
    text = viewer.get("/kpis/csat").text
    for said in ("80.0%", "Help desk", "clustered by customer", "survey_answers", "customers"):
        assert said in text
    sql = viewer.get("/kpis/csat/sql").text
    assert "GROUPING SETS" in sql
    assert re.search(r"<dt>responses</dt><dd>version \d", sql)


def test_segments_are_sorted_as_the_address_says(viewer):
    def rows(sort):
        text = viewer.get(f"/kpis/csat?sort={sort}").text
        board = text[text.index('id="segments"') :]
        board = board[: board.index("</section>")]
        return [int(n.replace(",", "")) for n in re.findall(r'data-l="n">([\d,]+)<', board)]

    assert rows("n") == sorted(rows("n"), reverse=True)
    assert sorted(rows("value")) == sorted(rows("n"))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_readings_come_as_files(viewer, form):
    import io

    import pyarrow.csv
    import pyarrow.parquet

    answer = viewer.get(f"/kpis/csat/readings.{form}?grain=week")
    assert answer.headers["content-disposition"] == f'attachment; filename="csat-week.{form}"'
    reader = {"csv": pyarrow.csv.read_csv, "parquet": pyarrow.parquet.read_table}[form]
    found = reader(io.BytesIO(answer.content))
    assert set(found["kpi"].to_pylist()) == {"csat"}
    assert set(found["grain"].to_pylist()) == {"week"}
    assert {"value", "low", "high", "n", "customers", "definition_hash"} <= set(found.column_names)


def test_a_form_that_loses_people_is_shown_step_by_step(viewer):
    text = viewer.get("/stages/consideration").text
    if "Steps:" not in text:
        text = viewer.get("/stages/awareness").text
    assert "Step 1 finished" in text
    assert "Submitted" in text


def test_an_empty_project_says_what_it_waits_for(empty_site, entered):
    client = entered(empty_site)
    for page in ("/", "/stages", "/stages/retention", "/kpis", "/kpis/csat"):
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert not re.search(r'class="(val|big)">0', answer.text)
    assert "heedful import &amp;&amp; heedful refresh" in client.get("/").text
    assert "no data" in client.get("/kpis/csat").text
