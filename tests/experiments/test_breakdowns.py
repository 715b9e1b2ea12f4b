from __future__ import annotations

from dataclasses import replace

import pytest

from heedful.experiments import breakdowns
from heedful.experiments.naming import Names
from heedful.experiments.readout import Claim, Heterogeneity


@pytest.fixture
def readout(samples):
    return samples["say_why"]()


def only(readout):
    (panel,) = breakdowns.segments(readout, Names.of(readout))
    return panel


def test_segments_stand_under_their_dimension(readout):
    panel = only(readout)
    names = [(block.name, [row.name for row in block.rows]) for block in panel.blocks]
    assert names == [
        ("Device", ["Mobile", "Desktop", "Tablet"]),
        ("Visit", ["First visit", "Came before"]),
    ]
    assert panel.blocks[0].note == "difference between segments p = 0.67, adjusted 0.67"
    assert [block.axis is None for block in panel.blocks] == [True, False]


def test_a_verdict_rests_on_the_adjusted_p_value(readout):
    first = readout.segments[0]
    panel = only(replace(readout, segments=(replace(first, p_value=0.001, p_adjusted=0.2),)))
    (row,) = panel.blocks[0].rows
    assert row.after[1].text == "not clear, adjusted"
    assert row.after[1].below == "p = 0.20"
    assert row.picture.tone == ""


def test_lower_is_better(readout):
    outcomes = (replace(readout.outcomes[0], better="lower"), *readout.outcomes[1:])
    row = only(replace(readout, outcomes=outcomes)).blocks[0].rows[0]
    assert (row.after[1].text, row.picture.tone) == ("worse", "bad")


def test_a_segment_with_few_units_says_so(readout):
    few = replace(readout.segments[0], low=None, high=None, p_adjusted=None, p_value=None)
    (row,) = only(replace(readout, segments=(few,))).blocks[0].rows
    assert row.why == "too few units for an interval"


@pytest.mark.parametrize(
    ("p_value", "p_adjusted", "said"),
    [
        (0.001, 0.004, "The effect differs by “device”: find out why"),
        (0.04, 0.08, "The effect may differ by “device”. After adjusting for 1 tests"),
        (0.5, 0.6, "Nothing says that the effect differs"),
        (None, None, ""),
    ],
)
def test_what_to_make_of_differences(readout, p_value, p_adjusted, said):
    test = Heterogeneity("device", "confidence", p_value, "says_why", p_adjusted)
    foot = only(replace(readout, heterogeneity=(test,))).foot
    assert foot.startswith(said)
    assert bool(foot) == bool(said)


def test_claims_add_up_beside_what_was_measured(samples):
    """Half-widths of independent experiments add up as squares do: 3 and 4 make 5."""
    readout = samples["holdout"]()
    claims = (
        Claim("a", "retention_180", 0.10, 0.07, 0.13, 0.05, "ship"),
        Claim("b", "retention_180", 0.10, 0.06, 0.14, 0.04, "ship"),
    )
    foot = breakdowns.claims(replace(readout, claims=claims)).foot
    assert foot.startswith("Together they claim +20.0\u00a0pts (+15.0 to +25.0); with luck")
    assert "taken out +9.0\u00a0pts is left" in foot


def test_claims_about_two_kpis_are_not_added(samples):
    readout = samples["holdout"]()
    other = replace(readout.claims[0], kpi="nps", difference=4.0, low=1.0, high=7.0, shrunk=2.0)
    panel = breakdowns.claims(replace(readout, claims=(*readout.claims, other)))
    assert panel.foot == ""
    assert [block.name for block in panel.blocks] == [
        "Customers who stay 180 days",
        "Net promoter score",
    ]


def test_what_luck_took_is_told_only_where_it_took(samples):
    readout = samples["holdout"]()
    grown = replace(readout.claims[0], shrunk=0.5)
    (row,) = breakdowns.claims(replace(readout, claims=(grown,))).blocks[0].rows
    assert row.after[0].below == ""
    assert breakdowns.claims(replace(readout, claims=())).blocks == ()
