"""Pages show the target and owner that count in the stage or for the segment they are about."""

from __future__ import annotations

import html
import re

import pytest

from heedful.definitions.kpi import Kpi
from heedful.web import cards
from heedful.web.pages.kpis import _override
from heedful.web.view import View

OVERRIDES = (
    {"stage": "retention", "target": 0.91, "owner": "shop"},
    {"segment": {"device": "mobile"}, "target": 0.33},
    {"stage": "retention", "segment": {"device": "mobile"}, "owner": "help"},
)


@pytest.fixture
def kpi(site):
    base = site.edition.definitions.kpis["csat"].model_dump(exclude_defaults=True, by_alias=True)
    return Kpi.model_validate({**base, "overrides": OVERRIDES})


@pytest.mark.parametrize(
    ("query", "stage", "target", "owner"),
    [
        ({}, None, "80.0%", "Help desk"),
        ({}, "retention", "91.0%", "Shop floor <i>&</i> till"),
        ({"segment": "device:mobile"}, None, "33.0%", "Help desk"),
        ({"segment": "device:mobile"}, "retention", "33.0%", "Help desk"),
        ({"segment": "device:desktop"}, "retention", "91.0%", "Shop floor <i>&</i> till"),
    ],
)
def test_a_card_goes_by_what_counts_there(site, kpi, query, stage, target, owner):
    edition = site.edition
    view = View.of(query, edition.shelf, edition.definitions.settings.stages)
    # Not `cards.card`: what it made of the same KPI without overrides is kept.
    found = cards._card(edition, view, kpi, stage)
    assert (found.target, found.owner) == (target, owner)
    if found.value is not None:
        assert found.met == cards.met(kpi.at(stage, view.part), *_reading(found))


def _reading(found):
    one = found.series.estimates[found.place]
    return one.value, one.low, one.high


def test_overrides_are_told_in_words(site, kpi):
    told = [_override(site.edition, kpi, one) for one in kpi.overrides]
    assert told == [
        ("Retention", "target 91.0%; owner Shop floor <i>&</i> till"),
        ("device Mobile", "target 33.0%"),
        ("Retention, device Mobile", "owner Help desk"),
    ]


def test_the_page_and_programs_hold_them(own_site, entered):
    root = own_site.edition.project.root
    file = root / "kpis" / "csat.yaml"
    text = file.read_text("utf-8")
    file.write_text(
        f"{text}overrides:\n  - {{stage: retention, target: 91%, owner: shop}}\n", encoding="utf-8"
    )
    own_site.renew()
    client = entered(own_site)
    answer = client.get("/kpis/csat", params={"stage": "retention"})
    said = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))
    assert "Target 91.0%" in said
    assert "Shop floor" in said
    found = client.get("/api/v1/kpis/csat").json()
    assert found["overrides"] == [{"stage": "retention", "target": 0.91, "owner": "shop"}]
    assert "Target 80.0%" in html.unescape(
        " ".join(re.sub(r"<[^>]+>", " ", client.get("/kpis/csat").text).split())
    )
