"""The whole site in Debian's Chromium, over a simulated company: what a person sees and does."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heedful.demo import simulate

PAGES = (
    "/",
    "/?grain=week&against=year&segment=device:mobile",
    "/stages",
    "/stages/onboarding",
    "/stages/retention",
    "/kpis",
    "/kpis/form_abandonment?grain=week",
    "/kpis/retention",
    "/kpis/reopen_rate/sql",
    "/findings",
    "/findings?state=closed",
    "/actions",
    "/actions/new",
    "/experiments",
    "/experiments/shorter-match",
    "/drivers",
    "/drivers?outcome=revenue&sort=money",
    "/cohorts",
    "/cohorts?of=again&cohorts=quarter&by=start",
    "/data",
    "/reconcile",
    "/audit",
    "/sql",
    "/sql?q=SELECT+kpi,+count(*)+FROM+readings+GROUP+BY+1+ORDER+BY+1",
    "/definitions",
    "/account",
    "/nothing",
)
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """A year of a small company, measured, with its findings."""
    import heedful
    from heedful.cli.demonstration import annotate

    root = tmp_path_factory.mktemp("company") / "demo"
    simulate(root, customers=5_000, seed=7)
    project = heedful.open(root)
    list(project.tables.import_())
    annotate(project)
    project.refresh()
    project.findings.refresh()
    return root


@pytest.fixture(scope="module")
def address(company):
    """Where it is served, and the link for the first login."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "heedful", "serve", "-p", str(company), "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    link = next(line.strip() for line in server.stdout if "/enter/" in line)
    yield f"http://127.0.0.1:{port}", link
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="module")
def inside(browser, address):
    """The storage of a browser whose person came in by the first link."""
    base, link = address
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(link)
    tab.fill("#name", "Ida")
    tab.fill("#email", "ida@fernandferry.example")
    tab.fill("#password", "a window sill of ferns")
    tab.click("button.button-main")
    assert tab.url.rstrip("/") == base
    assert "Ida" in tab.locator(".nav-foot").inner_text()
    state = context.storage_state()
    context.close()
    return state


class Tab:
    """A page, with all that it asked for and complained about."""

    def __init__(self, browser, state, base, **options) -> None:
        self.context = browser.new_context(storage_state=state, accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.base = base
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.said.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )

    def open(self, path):
        answer = self.page.goto(self.base + path)
        if path.startswith("/drivers"):  # takes seconds, and comes back by itself
            self.page.locator("main [data-progress]").wait_for(state="detached", timeout=120_000)
        self.page.wait_for_load_state("networkidle")
        if self.page.locator("figure[data-chart]").count():
            self.page.wait_for_function(
                "() => [...document.querySelectorAll('figure[data-chart]')]"
                ".every(one => 'drawn' in one.dataset)"
            )
        return answer


@pytest.fixture
def tab(browser, inside, address):
    opened = []

    def new(**options):
        one = Tab(
            browser, inside, address[0], **{"viewport": {"width": 1440, "height": 900}, **options}
        )
        opened.append(one)
        return one

    yield new
    for one in opened:
        one.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_is_sound(tab, axe, address, width, scheme):
    mine = tab(viewport={"width": width, "height": 900}, color_scheme=scheme)
    first = mine.open("/findings")
    assert first.status == 200
    details = mine.page.locator(".findings h3 a").first.get_attribute("href")
    trouble = []
    for path in (*PAGES, details):
        mine.said.clear()
        answer = mine.open(path)
        expected = 404 if path == "/nothing" else 200
        if answer.status != expected:
            trouble.append(f"{path}: status {answer.status}")
        wide = mine.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            trouble.append(f"{path}: {wide} pixels wide")
        # Chromium logs the 404 itself.
        said = [one for one in mine.said if not (path == "/nothing" and "404" in one)]
        trouble += [f"{path}: {one}" for one in said]
        mine.page.evaluate(axe)
        found = mine.page.evaluate(
            "() => axe.run({resultTypes: ['violations']}).then(r => r.violations"
            ".map(v => [v.impact, v.id, v.nodes[0].html]))"
        )
        trouble += [f"{path}: {one}" for one in found if one[0] in SERIOUS]
    away = {one for one in mine.asked if not one.startswith((address[0], "data:"))}
    assert not away
    assert trouble == []


def test_monday_morning(tab):
    """From the overview to the planted truth, to an action, to its end."""
    mine = tab()
    page = mine.page
    mine.open("/")
    assert re.search(r"The empathy score (is|rose|fell)", page.locator("h1").inner_text())
    titles = page.locator(".findings h3").all_inner_texts()
    planted = [one for one in titles if "29 Jun" in one or "27 Apr" in one or "speed over" in one]
    assert planted, titles
    page.get_by_role("link", name=planted[0]).first.click()
    page.wait_for_load_state("networkidle")
    text = page.locator("main").inner_text()
    for question in ("What changed?", "Where?", "Who?", "Because of what?", "What now?"):
        assert question in text
    assert re.search(r"Twig 4|Plant match asks", text)
    assert "not proof" in text
    page.fill("[name=title]", "Read ten of the talks aloud")
    page.fill("[name=due]", f"{datetime.now(UTC).date() + timedelta(days=10)}")
    page.get_by_role("button", name="Make the action").click()
    page.wait_for_load_state("networkidle")
    assert "Read ten of the talks aloud" in page.locator("main").inner_text()
    made = page.url
    mine.open("/")
    assert "Read ten of the talks aloud" in page.locator("main").inner_text()
    page.goto(made)
    page.fill("[name=note] >> nth=0", "Read twelve")
    page.get_by_role("button", name="It is done").click()
    page.wait_for_load_state("networkidle")
    text = page.locator("main").inner_text()
    assert "Read twelve" in text
    assert re.search(r"Waiting until|weeks after", text)
    assert mine.said == []


def test_who_waits_for_a_readout_sees_it_come(tab):
    mine = tab()
    page = mine.page
    page.goto(mine.base + "/experiments/bundle-offer")
    # Whether it says first that it is being read out depends on the machine; it comes by itself.
    page.wait_for_selector("article.readout", timeout=60_000)
    # All widths of a drawing are there; the sheet shows one of them.
    for figure in page.locator(".readout .figure").all():
        assert sum(one.is_visible() for one in figure.locator("svg.chart").all()) == 1
    assert page.locator(".readout .decision").is_visible()
    assert mine.said == []
    mine.open("/experiments")
    assert page.locator("tbody tr b").count() >= 1


def test_filters_and_comparison_are_in_the_address(tab):
    mine = tab()
    page = mine.page
    mine.open("/kpis/form_abandonment")
    all_ = page.locator(".headline .big").inner_text()
    with page.expect_navigation():
        page.select_option("select[name=segment]", "device:mobile")
    assert "segment=device" in page.url
    mobile = page.locator(".headline .big").inner_text()
    assert float(mobile.rstrip("%")) > float(all_.rstrip("%"))
    with page.expect_navigation():
        page.select_option("select[name=grain]", "quarter")
    assert "grain=quarter" in page.url
    assert "segment=device" in page.url
    with page.expect_navigation():
        page.select_option("select[name=against]", "year")
    assert "against=year" in page.url
    again = tab()
    again.page.goto(page.url)
    assert again.page.locator(".headline").inner_text() == page.locator(".headline").inner_text()


def test_what_is_shown_can_be_taken_along(tab, address):
    mine = tab()
    page = mine.page
    mine.open("/kpis/csat?grain=week")
    shown = page.locator(".headline .big").inner_text()
    page.get_by_text("Readings:").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))
    whole = [r for r in rows if not r["dimension"] and not r["stage"] and r["complete"] == "true"]
    newest = max(whole, key=lambda row: row["period_start"])
    assert f"{100 * float(newest['value']):.1f}%" == shown
    answer = page.request.get(f"{address[0]}/api/v1/readings?kpi=csat&grain=week")
    found = json.loads(answer.body())
    held = found["readings"] if isinstance(found, dict) else found
    assert any(abs(one["value"] - float(newest["value"])) < 1e-12 for one in held if one["value"])
    pdf = page.pdf()
    assert pdf[:4] == b"%PDF"


def test_without_a_mouse(tab):
    mine = tab()
    page = mine.page
    mine.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    mine.open("/")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()").startswith("Findings"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.split("?")[0].endswith("/findings")


def test_without_javascript_everything_is_there_but_charts(tab):
    mine = tab(java_script_enabled=False)
    page = mine.page
    for path in ("/", "/kpis/csat", "/findings", "/sql?q=SELECT+1+AS+one"):
        page.goto(mine.base + path)
        assert page.locator("h1").count() == 1
    page.goto(mine.base + "/kpis/csat")
    page.select_option("select[name=grain]", "week")
    page.get_by_role("button", name="Show").click()
    assert "grain=week" in page.url


def test_paper_has_no_menu(tab):
    mine = tab()
    mine.open("/")
    mine.page.emulate_media(media="print")
    for hidden in (".nav", ".filters"):
        assert not mine.page.locator(hidden).first.is_visible()
    assert mine.page.locator("h1").is_visible()
