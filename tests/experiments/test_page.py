from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from heedful.experiments.page import body, render, styles

NAMES = (
    "say_why",
    "mails",
    "invalid",
    "empty",
    "factorial",
    "holdout",
    "hostile",
    "bare",
    "crowded",
)
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Elements, attributes and text, and whether every element is closed in its turn."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    @property
    def said(self):
        return re.sub(r"\s+", " ", " ".join(self.text).replace("\u00a0", " "))


@pytest.fixture(scope="module")
def read(pages):
    from functools import cache

    return cache(lambda name: Reader(pages(name)))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_one_whole_file(pages, read, name):
    html, page = pages(name), read(name)
    assert page.open == []
    assert html.startswith("<!doctype html>")
    assert page.tags.count("style") == page.tags.count("h1") == page.tags.count("title") == 1
    assert not {"script", "img", "iframe", "object", "form"} & set(page.tags)
    for tag, attribute, value in page.attributes:
        assert attribute != "style"
        assert not attribute.startswith("on"), (tag, attribute)
        if attribute in ("href", "src", "srcset", "action"):
            assert value.startswith("data:"), value
    assert not re.search(r"@import|url\((?!#)", html)
    ids = [value for _, attribute, value in page.attributes if attribute == "id"]
    assert len(set(ids)) == len(ids)
    labelled = {v for _, attribute, v in page.attributes if attribute == "aria-labelledby"}
    assert labelled <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_it_weighs_little(pages, name):
    assert len(pages(name).encode()) < 400_000


def test_only_its_own_sheet_is_allowed(pages):
    html = pages("say_why")
    sheet = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1].replace("&#39;", "'")
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert sheet == styles()


def test_the_body_stands_alone(pages, samples):
    part = body(samples["say_why"]())
    assert part in pages("say_why")
    assert part.lstrip().startswith('<article class="readout">')
    assert Reader(part).open == []


def test_the_same_readout_gives_the_same_page(pages, samples):
    assert render(samples["holdout"]()) == pages("holdout")


def test_a_leader_finds_question_decision_reason_price_and_worth(read):
    said = read("say_why").said
    order = [
        "Say why this plan",
        "Does a reason under each recommended plan",
        "13 Jul – 23 Aug 2026 42 days",
        "visitor, 50 : 50",
        "Decision: Ship",
        "Rule: primary better, no guardrail harmed.",
        "Confidence in the choice is up 4.1 points (+2.2 to +6.0), p < 0.001.",
        "Trade-off: People take 7.0 seconds longer",
        "Sample ratio holds 88,412 and 88,367, planned 50 : 50, p = 0.91",
        "Surveys answered alike 5.6% and 5.7% answered, p = 0.44",
        "Enough people all planned units came; could see ±2.7 pts; power 91%",
        "Looks allowed for",
        "Windows still open 1,804 visitors (1%) wait for orders refunded in 30 days",
        "Primary outcome dotted: 95% confidence sequence",
        "61.8% n 4,940 65.9% n 5,012",
        "+4.1 pts (+2.2 to +6.0) +6.6% (+3.5 to +9.8) better p < 0.001",
        "Guardrails",
        "Visitor conversion higher is better 3.83% n 88,412 3.98% n 88,367",
        "−3% not harmed",
        "Commercial outcomes",
        "Human outcomes",
        "Operations and engagement",
        "What it is worth",
        "Visitor conversion: +1.5 (−0.3 to +3.3)",
        "Segments: Confidence in the choice",
        "Device difference between segments p = 0.67, adjusted 0.67",
        "this is a hint, not a finding",
        "Day by day",
        "To check it",
        "Comments were coded by the codebook",
        "day 4 to day 33 after the exposure; 1,804 still wait",
        "SELECT unit, variant, MIN(at) AS exposed",
    ]
    places = [said.find(text) for text in order]
    assert -1 not in places, [text for text, at in zip(order, places, strict=True) if at < 0]
    assert places == sorted(places)


def test_several_variants_stand_under_their_outcome(read):
    said = read("mails").said
    assert "Needs review Men's mail" in said
    assert re.search(
        r"Spend a customer higher is better .*Men's mail .*Women's mail .*All vari", said
    )
    assert "p adjusted for the variants (Holm)" in said
    assert "214 customers met several variants and were left out" in said
    assert "Signed: accepted by Mara Lindqvist on Wed 1 Apr 2026." in said
    assert "not known" in said
    assert "The effect differs by “bought_before”" in said


def test_what_is_void_says_why_and_shows_no_effect(read):
    said = read("invalid").said
    assert "Sample ratio broken" in said
    assert "The figures below are there to find the fault" in said
    void = re.search(r"Satisfaction higher is better 68.0% n 1,100 71.0% n 900 (.{80})", said)[1]
    assert void.startswith("the variants answer differently: 9.0% and 12.2% (p = 1e-07) – void")
    assert re.search(
        r"Refunds higher is better – n 0 – n 0 no units whose window .* no value", said
    )


def test_without_units_there_are_no_figures(read, pages):
    said = read("empty").said
    assert "No units yet" in said
    assert "heedful experiment readout quiet-start" in said
    assert "runs 1 – 28 Dec 2026 28 days" in said.replace("Runs", "runs")
    assert '<table class="forest' not in pages("empty")
    assert not re.search(r"\b0(\.0+)?%", said)


def test_what_is_missing_is_never_zero(read):
    said = read("bare").said
    assert "confidence higher is better – n 0 – n 0 – no value" in said
    rest = said.replace("n 0", "").replace("no value 0 0 ", "")
    assert not re.search(r"(?<![\d.,])[+−]?0(\.0+)?(?![\d.,])", rest), rest
    assert "nan" not in rest.lower().replace("name", "")
    assert "None" not in rest


def test_factors_have_levels_and_interactions(read):
    said = read("factorial").said
    assert "Base Level ← base better | level better →" in said
    assert "tone: warm against plain" in said
    assert "Interactions what two factors do together" in said
    assert "tone: warm × reason: yes −0.4 pts (−4.6 to +3.8) no clear interaction p = 0.85" in said
    assert "+0.40 pts (+0.08 to +0.72) better together p = 0.03" in said


def test_a_holdout_has_curves_and_claims(read):
    said = read("holdout").said
    assert "Customers who stay 180 days over time" in said
    assert "axis from 50 to 100%" in said
    assert "Held out 100.0% n 4,000 83.1% (81.9–84.2%) n 3,323" in said
    assert "say-why ship +2.1 pts (+0.8 to +3.4) +1.5 pts 71% of the claim" in said
    assert "Together they claim +6.5 pts (+3.3 to +9.7)" in said
    assert "against those who got none: +2.9 pts (+1.3 to +4.5)" in said


def test_what_people_wrote_stays_text(read, pages):
    assert "script" not in read("hostile").tags
    assert read("hostile").said.count("<script>alert(1)</script>") > 20
    assert "&lt;/pre&gt;&lt;/details&gt;" in pages("hostile")


def test_one_sided_tests_say_that_the_other_side_is_not_seen(samples):
    readout = samples["say_why"]()
    only = [one for one in readout.outcomes if one.layer == "commercial"]
    said = Reader(body(replace(readout, outcomes=(readout.outcomes[0], *only)))).said
    assert "Human outcomes" in said
    rest = replace(readout, outcomes=tuple(only))
    said = Reader(body(rest)).said
    assert "A test that looks at one side only cannot see what it costs." in said
    assert "There is no primary outcome." in said


def test_a_planned_end_before_any_unit_is_no_negative_length(samples):
    readout = samples["say_why"]()
    said = Reader(body(replace(readout, end=readout.start))).said
    assert "13 Jul 2026 1 day" in said
