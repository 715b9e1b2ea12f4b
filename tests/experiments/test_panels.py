from __future__ import annotations

from dataclasses import replace

import pytest

from heedful.experiments import panels
from heedful.experiments.example import outcome
from heedful.experiments.naming import Names, interval_name
from heedful.experiments.tables import blocks, scale_of


@pytest.fixture
def shown(samples):
    """A readout with some outcomes in place of its own, and its names."""

    def build(*outcomes, **given):
        readout = replace(samples["say_why"](), outcomes=outcomes, **given)
        return readout, Names.of(readout)

    return build


def rows(panel):
    return [row for block in panel.blocks for row in block.rows]


def texts(row):
    return [cell.text for cell in (*row.before, *row.after)]


def test_the_primary_outcome_is_read_in_points(shown):
    (row,) = rows(panels.primary(*shown(outcome())))
    assert texts(row) == ["61.8%", "65.9%", "+4.1\u00a0pts", "better"]
    assert row.after[0].below == "+6.6% (+3.5\u00a0to\u00a0+9.8)"
    assert (row.picture.tone, row.after[1].tone) == ("good", "good")
    assert row.picture.zero < row.picture.low < row.picture.value < row.picture.high


def test_a_lower_number_that_is_better_lies_left(shown):
    better = outcome(better="lower", difference=-0.04, low=-0.06, high=-0.02)
    panel = panels.primary(*shown(better))
    assert panel.picture_head == "← variant better | control better →"
    (row,) = rows(panel)
    assert row.picture.high < row.picture.zero


def test_an_interval_that_holds_zero_has_no_colour(shown):
    (row,) = rows(panels.primary(*shown(outcome(verdict="inconclusive", low=-0.01))))
    assert (row.picture.tone, row.after[1].tone) == ("", "flat")


def test_an_interval_clear_of_zero_may_still_be_luck(shown):
    torn = outcome(role="secondary", verdict="inconclusive", p_value=0.03, p_adjusted=0.12)
    human = panels.sides(*shown(torn))[1]
    (row,) = rows(human)
    assert (row.after[0].below, row.picture.tone) == ("not clear, adjusted", "")
    (row,) = rows(panels.primary(*shown(replace(torn, role="primary"))))
    assert (row.after[1].text, row.after[1].below) == ("not clear, adjusted", "p = 0.12")


def test_a_relative_effect_is_not_shown_where_it_would_say_something_else(shown):
    """Its interval holds zero, that of the difference does not."""
    torn = outcome(unit="money", relative=0.04, relative_low=-0.01, relative_high=0.09)
    (row,) = rows(panels.primary(*shown(torn)))
    assert row.after[0].text == "+0.041\u00a0EUR"
    assert row.after[0].below == ""


@pytest.mark.parametrize(
    ("better", "kind", "text", "harm"),
    [
        ("higher", "relative", "−3%", "left"),
        ("lower", "relative", "+3%", "right"),
        ("higher", "absolute", "−3.0\u00a0pts", "left"),
        ("lower", "absolute", "+3.0\u00a0pts", "right"),
    ],
)
def test_guardrails_shade_the_side_of_harm(shown, better, kind, text, harm):
    one = outcome(role="guardrail", margin=0.03, margin_kind=kind, better=better)
    (row,) = rows(panels.guardrails(*shown(replace(one, verdict="non_inferior"))))
    assert row.after[1].text == text
    start, width = row.picture.harm
    edge = start + width if harm == "left" else start
    assert edge == row.picture.margin
    assert (row.picture.margin < row.picture.zero) == (harm == "left")
    assert row.after[2].text == "not harmed"
    assert row.picture.tone == ""


def test_a_harmed_guardrail_is_red(shown):
    one = outcome(role="guardrail", margin=0.03, margin_kind="relative", verdict="harmed")
    (row,) = rows(panels.guardrails(*shown(one)))
    assert (row.picture.tone, row.after[2].tone) == ("bad", "bad")


def test_guardrails_on_two_scales_have_two_axes(shown):
    some = (
        outcome(kpi="a", role="guardrail", margin=0.03, margin_kind="relative"),
        outcome(kpi="b", role="guardrail", margin=0.02, margin_kind="absolute"),
        outcome(kpi="c", role="guardrail", margin=0.05, margin_kind="relative"),
    )
    panel = panels.guardrails(*shown(*some))
    assert [(len(block.rows), block.axis.suffix) for block in panel.blocks] == [(2, "%"), (1, "")]


def test_a_guardrail_beside_others_is_read_two_sided(shown):
    """Not harmed, but worse; its margin is another question."""
    one = outcome(
        role="guardrail",
        margin=0.5,
        margin_kind="relative",
        verdict="non_inferior",
        layer="commercial",
        difference=-0.02,
        low=-0.03,
        high=-0.01,
        relative=-0.02,
        relative_low=-0.03,
        relative_high=-0.01,
    )
    commercial, _ = panels.sides(*shown(one))
    (row,) = rows(commercial)
    assert (row.after[0].below, row.after[0].tone, row.picture.tone) == ("worse", "bad", "bad")


def test_sides(shown):
    layers = ("commercial", "experience", "qualitative", "engagement", "operational", None)
    some = [outcome(kpi=f"k{i}", role="secondary", layer=layer) for i, layer in enumerate(layers)]
    found = panels.sides(*shown(*some))
    assert [(panel.title, len(rows(panel))) for panel in found] == [
        ("Commercial outcomes", 1),
        ("Human outcomes", 2),
        ("Other outcomes", 3),
    ]
    found = panels.sides(*shown(*some[:5]))
    assert found[-1].title == "Operations and engagement"
    assert [panel.note for panel in found] == [
        "relative effect",
        "effect, points",
        "effect, points",
    ]


def test_a_flat_file_has_no_sides(shown):
    some = [outcome(layer=None), outcome(kpi="b", layer=None, role="secondary")]
    (panel,) = panels.sides(*shown(*some))
    assert (panel.title, len(rows(panel))) == ("Secondary outcomes", 1)
    assert panels.sides(*shown(some[0])) == ()


def test_without_a_value_no_verdict_is_claimed(shown):
    nothing = outcome(
        role="secondary", verdict="inconclusive", why="no units", value=None, difference=None
    )
    human = panels.sides(*shown(nothing))[1]
    (row,) = rows(human)
    assert (row.after[0].text, row.after[0].below) == ("–", "no value")
    assert (row.picture, row.why) == (None, "no units")


def test_a_value_without_an_interval_is_a_dot(shown):
    one = outcome(low=None, high=None, verdict="inconclusive", why="fewer than 30 units")
    (row,) = rows(panels.primary(*shown(one)))
    assert row.after[0].small == "no interval"
    assert (row.picture.low, row.picture.high) == (None, None)
    assert row.picture.value is not None


def test_rows_without_a_picture_stay_in_their_place():
    drafts = []
    for number in range(3):
        one = outcome(kpi=f"k{number}", unit="money" if number == 1 else "share")
        scale = scale_of(one.unit, one.kpi)
        span = None if number == 1 else panels.Span(number + 1.0, number, number + 2.0)
        row = panels.Row(name=one.kpi)
        drafts.append(panels.Draft(row, scale, span))
    (block,) = blocks(drafts)
    assert [row.name for row in block.rows] == ["k0", "k1", "k2"]
    assert [row.picture is None for row in block.rows] == [False, True, False]


def test_a_confidence_sequence_is_dotted(shown):
    for sequential, dotted in (("confidence_sequence", True), ("none", False)):
        readout, names = shown(outcome(), sequential=sequential)
        panel = panels.primary(readout, names)
        assert rows(panel)[0].picture.dotted is dotted
        assert panel.note.startswith("dotted" if dotted else "solid")


def test_interval_names(samples):
    readout = samples["mails"]()
    assert interval_name(readout) == "95% interval"
    assert interval_name(replace(readout, alpha=0.025)) == "97.5% interval"
    assert interval_name(replace(readout, alpha=0.1, sequential="confidence_sequence")) == (
        "90% confidence sequence"
    )
