"""Readouts with one variant beside the control."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from parts import looks, outcome, segment, share

from heedful.experiments.evidence import Answered
from heedful.experiments.readout import (
    Heterogeneity,
    Readout,
    SampleRatio,
    VariantCount,
    Worth,
)


def say_why() -> Readout:
    """A sound A/B test that ships."""
    confidence = outcome(
        "confidence",
        share(0.659, 5012),
        share(0.618, 4940),
        role="primary",
        variant="says_why",
        title="Confidence in the choice",
        layer="experience",
        power=0.91,
    )
    common: dict[str, Any] = {"variant": "says_why"}
    visitors, base = 88_367, 88_412
    outcomes = (
        confidence,
        outcome(
            "conversion",
            share(0.0398, visitors),
            share(0.0383, base),
            margin=0.03,
            title="Visitor conversion",
            layer="commercial",
            **common,
        ),
        outcome(
            "refunded",
            share(0.042, 2391),
            share(0.051, 2302),
            margin=0.10,
            better="lower",
            title="Orders refunded in 30 days",
            layer="commercial",
            waiting=1804,
            window_days=30,
            delay_days=3,
            **common,
        ),
        outcome(
            "contact",
            share(0.111, 3513),
            share(0.119, 3386),
            margin=0.10,
            better="lower",
            title="Buyers with a ticket in 14 days",
            layer="operational",
            **common,
        ),
        outcome(
            "stays",
            share(0.742, 2391),
            share(0.731, 2302),
            title="Customers at 30 days",
            layer="commercial",
            waiting=1804,
            **common,
        ),
        outcome(
            "revenue",
            (2.11, 14.2, visitors),
            (2.02, 13.9, base),
            unit="money",
            title="Net revenue a visitor",
            layer="commercial",
            method="difference of means per unit, adjusted for the time before",
            unadjusted=0.11,
            variance_reduction=0.18,
            **common,
        ),
        outcome(
            "understood",
            share(0.614, 5012),
            share(0.513, 4940),
            title="Reason understood",
            layer="qualitative",
            **common,
        ),
        outcome(
            "ease",
            share(0.771, 5012),
            share(0.763, 4940),
            title="Ease",
            layer="experience",
            **common,
        ),
        outcome(
            "negative",
            share(0.214, 812),
            share(0.255, 815),
            better="lower",
            title="Negative comments",
            layer="qualitative",
            **common,
        ),
        outcome(
            "deciding",
            (97.0, 141.0, visitors),
            (90.0, 138.0, base),
            better="lower",
            unit="seconds",
            title="Time to choose",
            layer="engagement",
            **common,
        ),
    )
    first = date(2026, 7, 13)
    return Readout(
        name="say-why",
        title="Say why this plan",
        question="Does a reason under each recommended plan make people surer of their choice?",
        hypothesis="reasons-build-confidence",
        design="ab",
        decision="ship",
        rule="primary_better",
        reasons=(
            "Confidence in the choice is up 4.1 points (+2.2 to +6.0), p < 0.001.",
            (
                "All guardrails stay inside their margins: visitor conversion +3.9% (−0.8 to +8.8) "
                "margin −3%; orders refunded in 30 days −17.6% (−36.6 to +6.9), margin +10%."
            ),
            "The sample ratio holds: 88,412 and 88,367, p = 0.91.",
        ),
        warnings=("Windows still open: 1,804 visitors (1%) for orders refunded do not count yet.",),
        trade_offs=(
            "People take 7.0 seconds longer to choose (+5.7 to +8.3) and buy at least as often.",
        ),
        srm=SampleRatio(0.91, "ok"),
        variants=(
            VariantCount("control", 0.5, base, "As it is"),
            VariantCount("says_why", 0.5, visitors, "Says why"),
        ),
        outcomes=outcomes,
        segments=(
            segment(confidence, "device", "Mobile", share(0.652, 2972), share(0.605, 2914)),
            segment(confidence, "device", "Desktop", share(0.667, 1697), share(0.638, 1689)),
            segment(confidence, "device", "Tablet", share(0.673, 343), share(0.635, 337)),
            segment(confidence, "visit", "First visit", share(0.655, 3241), share(0.600, 3206)),
            segment(confidence, "visit", "Came before", share(0.665, 1771), share(0.651, 1734)),
            segment(outcomes[7], "device", "Mobile", share(0.772, 2972), share(0.761, 2914)),
            segment(outcomes[7], "device", "Desktop", share(0.770, 1697), share(0.767, 1689)),
        ),
        heterogeneity=(
            Heterogeneity("device", "confidence", 0.67, "says_why", 0.67),
            Heterogeneity("visit", "confidence", 0.04, "says_why", 0.08),
            Heterogeneity("device", "ease", 0.71, "says_why", 0.71),
        ),
        looks=looks(confidence, first, 42, 1.5),
        candidate="says_why",
        owner="Checkout team",
        approver="Product council",
        stage="Consideration",
        unit="visitor",
        control="control",
        start=first,
        end=date(2026, 8, 24),
        as_of=date(2026, 9, 7),
        sequential="confidence_sequence",
        currency="EUR",
        worth=(
            Worth(
                "conversion",
                "says_why",
                "Visitor conversion: +1.5 (−0.3 to +3.3) for every 1,000 visitors; "
                "about +190 (−38 to +410) a month at the pace of the experiment.",
                1.5,
                -0.3,
                3.3,
            ),
            Worth(
                "revenue",
                "says_why",
                "Net revenue: +90 EUR (−41 to +221) for every 1,000 visitors with says_why.",
                90,
                -41,
                221,
                money=True,
            ),
        ),
        planned_units=170_000,
        answered=(
            Answered(
                "confidence",
                0.44,
                "ok",
                (("control", 0.0559), ("says_why", 0.0567)),
                "Confidence in the choice",
            ),
        ),
        notes=("Comments were coded by the codebook of March 2026; kappa 0.81.",),
        definition="title: Say why this plan\nprimary: {kpi: confidence}\n",
        sql=(
            (
                "units",
                "SELECT unit, variant, MIN(at) AS exposed\nFROM exposures\nGROUP BY ALL",
            ),
            (
                "facts.survey_answers",
                "SELECT variant, SUM(y)\nFROM units JOIN rows USING (unit)\nGROUP BY ALL",
            ),
        ),
    )


def invalid() -> Readout:
    """Units did not fall on the variants as planned, and the survey was answered unlike."""
    csat = outcome(
        "csat",
        share(0.71, 900),
        share(0.68, 1100),
        role="primary",
        title="Satisfaction",
        layer="experience",
    )
    void = replace(
        csat, verdict="void", why="the variants answer differently: 9.0% and 12.2% (p = 1e-07)"
    )
    held = outcome(
        "revenue",
        (4.1, 21.0, 9_920),
        (4.3, 22.0, 9_020),
        margin=0.05,
        unit="money",
        title="Revenue",
        layer="commercial",
    )
    empty = replace(
        held,
        kpi="refunds",
        title="Refunds",
        value=None,
        control_value=None,
        difference=None,
        low=None,
        high=None,
        relative=None,
        relative_low=None,
        relative_high=None,
        p_value=None,
        verdict="inconclusive",
        n=0,
        control_n=0,
        why="no units whose window has passed",
    )
    return Readout(
        name="new-chat",
        title="Chat opens by itself",
        question="Does a chat that opens by itself help people?",
        design="ab",
        decision="invalid",
        rule="sample_ratio_failed",
        reasons=(
            "The sample ratio is broken: 9,020 and 9,920 where 50 : 50 was planned, p < 0.001.",
        ),
        warnings=(
            (
                "Response rates differ: 12.2% (control) and 9.0% (treatment), p < 0.001; "
                "Satisfaction is void."
            ),
        ),
        srm=SampleRatio(6e-11, "fail"),
        variants=(VariantCount("control", 0.5, 9_020), VariantCount("treatment", 0.5, 9_920)),
        outcomes=(void, held, empty),
        unit="customer",
        control="control",
        start=date(2026, 5, 4),
        end=date(2026, 6, 1),
        as_of=date(2026, 6, 12),
        answered=(
            Answered(
                "csat", 1e-7, "fail", (("control", 0.122), ("treatment", 0.090)), "Satisfaction"
            ),
        ),
        crossovers=31,
    )


def empty() -> Readout:
    """Nobody has entered yet."""
    return Readout(
        name="quiet-start",
        title="Quiet start",
        question="Does a calmer first page keep people?",
        design="ab",
        decision="keep_running",
        rule="no_value_yet",
        reasons=("No unit has entered yet.",),
        warnings=(),
        srm=SampleRatio(None, "ok"),
        variants=(VariantCount("control", 0.5, 0), VariantCount("calm", 0.5, 0)),
        outcomes=(),
        unit="account",
        owner="Onboarding team",
        start=date(2026, 12, 1),
        end=date(2026, 12, 29),
        ended=False,
    )
