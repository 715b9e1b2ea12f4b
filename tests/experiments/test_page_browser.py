"""The page in a real browser: wide and narrow, light and dark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heedful.experiments.contract import as_contract

NAMES = ("say_why", "mails", "invalid", "empty", "factorial", "holdout", "bare", "crowded")
WIDTHS = (1440, 1024, 720, 390)

ALIGNED = """() => [...document.querySelectorAll('table.forest')].map(table => {
  const boxes = [...table.querySelectorAll('td.pic > svg')].map(svg => svg.getBoundingClientRect());
  return [...new Set(boxes.map(box => `${box.left.toFixed(1)} ${box.width.toFixed(1)}`))];
})"""
DRAWN = """() => [...document.querySelectorAll('figure')].map(
  figure => [...figure.querySelectorAll('svg.chart')].filter(svg => svg.clientWidth).length)"""
CUT = """() => [...document.querySelectorAll('svg text, h1, h2, td, th, li, p')].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && !one.closest('.wide-sheet, .at-risk, .unseen')
    && (box.left < 0 || box.right > innerWidth);
}).map(one => one.textContent)"""


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page from disk; what it asks for and complains about is kept."""
    contexts = []

    def show(html, scheme="light", width=1440):
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        seen = []
        page.on("console", lambda message: seen.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda asked: seen.append(asked.url))
        page.goto(file.as_uri())
        assert seen == [file.as_uri()]
        return page, seen

    yield show
    for context in contexts:
        context.close()


def fits(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    assert page.evaluate(CUT) == [], width
    assert all(len(places) <= 1 for places in page.evaluate(ALIGNED)), width
    assert all(drawn == 1 for drawn in page.evaluate(DRAWN)), width


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_every_width(opened, pages, name):
    page, seen = opened(pages(name))
    for width in WIDTHS:
        fits(page, width)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for width in WIDTHS:
        fits(page, width)
    assert len(seen) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(opened, pages, axe, name, scheme):
    page, _ = opened(pages(name), scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(axe)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        found, passes = page.evaluate(
            "axe.run().then(result => [result.violations, result.passes.length])"
        )
        assert passes > 10
        told = [
            (one["id"], one["impact"], [node["html"][:160] for node in one["nodes"]][:3])
            for one in found
        ]
        assert told == [], width


def test_light_and_dark_differ(opened, pages):
    html = pages("say_why")
    colours = {
        opened(html, scheme)[0].evaluate(
            "getComputedStyle(document.querySelector('svg.chart path[stroke]')).stroke"
        )
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


def test_a_download_is_the_contract(opened, pages, samples):
    page, _ = opened(pages("mails"))
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    with page.expect_download() as found:
        page.click("a[download='mails.json']")
    text = Path(found.value.path()).read_text(encoding="utf-8")
    contract = as_contract(samples["mails"]())
    assert list(json.loads(text)) == list(contract)


def test_what_people_wrote_is_text(opened, pages):
    page, seen = opened(pages("hostile"))
    assert page.evaluate("document.querySelectorAll('script, img, iframe').length") == 0
    assert page.title().startswith("Ship: <script>alert(1)</script>")
    for width in WIDTHS:
        fits(page, width)
    assert len(seen) == 1
