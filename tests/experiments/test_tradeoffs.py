"""What got better at the price of what."""

from __future__ import annotations

import pytest

from heedful.experiments.example import outcome
from heedful.experiments.tradeoffs import trade_offs

REVENUE = outcome(
    kpi="net_revenue", title="Net revenue", layer="commercial", unit="money",
    relative=0.031, relative_low=0.004, relative_high=0.059,
)  # fmt: skip
SAD = outcome(
    role="secondary", title="Satisfaction", verdict="worse",
    difference=-0.022, low=-0.039, high=-0.005,
)  # fmt: skip
SLOW = outcome(
    kpi="resolution_time", role="secondary", title="Resolution time", layer="operational",
    unit="hours", better="lower", verdict="worse", difference=2.0, low=0.5, high=3.5,
    relative=0.1, relative_low=0.02, relative_high=0.18,
)  # fmt: skip


def said(*outcomes) -> list[str]:
    return [text.replace("\xa0", " ") for text in trade_offs(outcomes, "EUR")]


def test_a_gain_beside_its_price():
    assert said(REVENUE, SAD) == [
        (
            "Net revenue is up 3.1% (+0.4 to +5.9) while satisfaction is down 2.2 points"
            " (−3.9 to −0.5)."
        )
    ]


def test_a_sentence_for_each_side_that_paid():
    human, service = said(REVENUE, SAD, SLOW)
    assert human.endswith("while satisfaction is down 2.2 points (−3.9 to −0.5).")
    assert service.endswith("while resolution time is up 10.0% (+2.0 to +18.0; lower is better).")


def test_a_price_stands_beside_what_another_side_gained():
    glad = outcome(kpi="ease", role="secondary", title="Ease")
    assert said(glad, REVENUE, SAD)[0].startswith("Net revenue is up")
    assert said(glad, SAD)[0].startswith("Ease is up")


def test_a_price_for_nothing():
    assert said(SAD) == [
        "Satisfaction is down 2.2 points (−3.9 to −0.5), and nothing got better for it."
    ]


def test_a_guardrail_that_got_worse_within_its_margin():
    eaten = outcome(
        kpi="ease", role="guardrail", title="Ease", verdict="non_inferior", margin=0.03,
        margin_kind="absolute", difference=-0.011, low=-0.019, high=-0.003,
    )  # fmt: skip
    assert said(REVENUE, eaten)[0].endswith(
        "while ease is down 1.1 points (−1.9 to −0.3), within its margin."
    )


@pytest.mark.parametrize(
    "harmless",
    [
        outcome(kpi="a", role="guardrail", verdict="non_inferior", low=-0.01),
        outcome(kpi="a", role="guardrail", verdict="inconclusive", low=-0.05),
        outcome(kpi="a", role="secondary", verdict="inconclusive", difference=-0.05),
        outcome(kpi="a", role="secondary", verdict="void", difference=-0.05),
        outcome(kpi="a", role="secondary", verdict="worse", control=None),
        outcome(kpi="a", role="secondary", verdict="worse", value=None),
    ],
)
def test_nothing_is_named_where_nothing_was_paid(harmless):
    assert said(REVENUE, harmless) == []


def test_gains_of_guardrails_count_where_their_interval_says_so():
    fewer = outcome(
        kpi="refund_rate", role="guardrail", title="Refund rate", layer="commercial",
        better="lower", verdict="non_inferior", difference=-0.02, low=-0.03, high=-0.01,
        margin=0.01, margin_kind="absolute",
    )  # fmt: skip
    (found,) = said(fewer, SAD)
    assert found.startswith("Refund rate is down 2.0 points (−3.0 to −1.0; lower is better) while")


def test_each_variant_pays_for_itself():
    other = outcome(variant="cold", role="secondary", verdict="worse", title="Ease", kpi="ease")
    assert [text.split(":")[0] for text in said(REVENUE, SAD, other)] == ["warm", "cold"]


def test_names_of_columns_keep_their_case():
    column = outcome(kpi="CSAT", title=None, role="secondary", verdict="worse")
    assert "while CSAT is up" in said(REVENUE, column)[0]
