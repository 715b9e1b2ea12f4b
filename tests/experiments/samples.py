"""Readouts that never were, worked out from counts: intervals are those of plain Wald tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Any

from heedful.experiments.evidence import Answered
from heedful.experiments.readout import (
    Claim,
    CurvePoint,
    Heterogeneity,
    Look,
    OutcomeResult,
    Readout,
    SampleRatio,
    SegmentResult,
    Signature,
    VariantCount,
    Worth,
)

Z = NormalDist().inv_cdf(0.975)
Side = tuple[float, float, int]
"""Mean, standard deviation, units."""


def share(p: float, n: int) -> Side:
    return p, sqrt(p * (1 - p)), n


def outcome(kpi: str, treated: Side, other: Side, **given: Any) -> OutcomeResult:
    """An outcome from the means of two sides; margins are judged as they are in earnest."""
    (value, spread, n), (base, base_spread, base_n) = treated, other
    found = value - base
    variance, base_variance = spread**2 / n, base_spread**2 / base_n
    se = sqrt(variance + base_variance)
    ratio, ratio_se = value / base, sqrt(variance / value**2 + base_variance / base**2)
    p = 2 * (1 - NormalDist().cdf(abs(found) / se))
    better = given.get("better", "higher")
    verdict = "inconclusive"
    if p < 0.05:
        verdict = "better" if (found > 0) == (better == "higher") else "worse"
    margin = given.get("margin")
    if margin is not None:
        low, high = ratio * exp(-Z * ratio_se) - 1, ratio * exp(Z * ratio_se) - 1
        held = low > -margin if better == "higher" else high < margin
        verdict = "non_inferior" if held else "harmed" if verdict == "worse" else "inconclusive"
        given.setdefault("margin_kind", "relative")
        given.setdefault("role", "guardrail")
    shown: dict[str, Any] = {
        "role": "secondary",
        "variant": "treatment",
        "control": "control",
        "n": n,
        "control_n": base_n,
        "value": value,
        "control_value": base,
        "difference": found,
        "low": found - Z * se,
        "high": found + Z * se,
        "relative": ratio - 1,
        "relative_low": exp(log(ratio) - Z * ratio_se) - 1,
        "relative_high": exp(log(ratio) + Z * ratio_se) - 1,
        "p_value": p,
        "p_adjusted": None if margin is not None else p,
        "margin": None,
        "verdict": verdict,
        "method": "difference of shares, delta method over units",
        "unit": "share",
        "window_days": 14,
        "detectable": 2.8 * se,
    }
    return OutcomeResult(kpi=kpi, **{**shown, **given})


def segment(one: OutcomeResult, dimension: str, name: str | None, treated: Side, control: Side) -> SegmentResult:
    found = outcome(one.kpi, treated, control, better=one.better)
    return SegmentResult(
        dimension=dimension,
        segment=name,
        kpi=one.kpi,
        variant=one.variant,
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_adjusted=found.p_value,
        n=found.n,
        control_n=found.control_n,
        value=found.value,
        control_value=found.control_value,
        p_value=found.p_value,
        relative=found.relative,
    )


def looks(one: OutcomeResult, first: date, days: int, wider: float = 1.0) -> tuple[Look, ...]:
    """Days that settle on the outcome, with intervals that shrink as units come."""
    assert one.difference is not None
    assert one.high is not None
    random = Random(7)  # noqa: S311 - the same picture every time
    half = (one.high - one.difference) * wider
    found = []
    for day in range(1, days + 1):
        part = day / days
        value = one.difference + random.gauss(0, half / 3) * (1 / part**0.5 - 1)
        width = half / part**0.5
        found.append(
            Look(
                first + timedelta(days=day - 1),
                one.kpi,
                one.variant,
                value,
                value - width,
                value + width,
                n=round((one.n + one.control_n) * part),
            )
        )
    return tuple(found)


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
        outcome("conversion", share(0.0398, visitors), share(0.0383, base), margin=0.03, title="Visitor conversion", layer="commercial", **common),
        outcome("refunded", share(0.042, 2391), share(0.051, 2302), margin=0.10, better="lower", title="Orders refunded in 30 days", layer="commercial", waiting=1804, window_days=30, delay_days=3, **common),
        outcome("contact", share(0.111, 3513), share(0.119, 3386), margin=0.10, better="lower", title="Buyers with a ticket in 14 days", layer="operational", **common),
        outcome("stays", share(0.742, 2391), share(0.731, 2302), title="Customers at 30 days", layer="commercial", waiting=1804, **common),
        outcome("revenue", (2.11, 14.2, visitors), (2.02, 13.9, base), unit="money", title="Net revenue a visitor", layer="commercial", method="difference of means per unit, adjusted for the time before", unadjusted=0.11, variance_reduction=0.18, **common),
        outcome("understood", share(0.614, 5012), share(0.513, 4940), title="Reason understood", layer="qualitative", **common),
        outcome("ease", share(0.771, 5012), share(0.763, 4940), title="Ease", layer="experience", **common),
        outcome("negative", share(0.214, 812), share(0.255, 815), better="lower", title="Negative comments", layer="qualitative", **common),
        outcome("deciding", (97.0, 141.0, visitors), (90.0, 138.0, base), better="lower", unit="seconds", title="Time to choose", layer="engagement", **common),
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
            "All guardrails stay inside their margins: visitor conversion +3.9% (−0.8 to +8.8), margin −3%; orders refunded in 30 days −17.6% (−36.6 to +6.9), margin +10%.",
            "The sample ratio holds: 88,412 and 88,367, p = 0.91.",
        ),
        warnings=("Windows still open: 1,804 visitors (1%) for orders refunded in 30 days do not count yet.",),
        trade_offs=("People take 7.0 seconds longer to choose (+5.7 to +8.3) and buy at least as often.",),
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
            Worth("conversion", "says_why", "+1.5 (−0.3 to +3.3) in visitor conversion for every 1,000 visitors with says_why; about +190 (−38 to +410) a month at the pace of the experiment.", 1.5, -0.3, 3.3),
            Worth("revenue", "says_why", "+90 EUR (−41 to +221) in net revenue a visitor for every 1,000 visitors with says_why.", 90, -41, 221, money=True),
        ),
        planned_units=170_000,
        answered=(Answered("confidence", 0.44, "ok", (("control", 0.0559), ("says_why", 0.0567)), "Confidence in the choice"),),
        notes=("Comments were coded by the codebook of March 2026; kappa 0.81.",),
        definition="title: Say why this plan\nquestion: Does a reason help?\nprimary: {kpi: confidence}\n",
        sql=(("units", "SELECT unit, variant, MIN(at) AS exposed\nFROM exposures\nWHERE experiment = 'say-why'\nGROUP BY ALL"), ("facts.survey_answers", "SELECT u.variant, SUM(r.y)\nFROM experiment_units AS u JOIN rows AS r ON r.unit = u.unit\nGROUP BY ALL")),
    )


def mails() -> Readout:
    """Three variants: the published counts of Hillstrom's e-mail challenge."""
    sizes = {"no": 21_306, "mens": 21_307, "womens": 21_387}
    visit = {"no": 0.1061673, "mens": 0.1827570, "womens": 0.1513993}
    bought = {"no": 0.0057261, "mens": 0.0125311, "womens": 0.0088371}
    spend = {"no": (0.652789, 11.587), "mens": (1.422617, 17.754), "womens": (1.077202, 15.120)}
    gone = {"no": 0.0121, "mens": 0.0129, "womens": 0.0142}
    outcomes = []
    for kpi in ("spend", "conversion", "unsubscribed", "visit"):
        for variant in ("mens", "womens"):
            given: dict[str, Any] = {"variant": variant, "control": "no"}
            n, base = sizes[variant], sizes["no"]
            if kpi == "spend":
                made = outcome(kpi, (*spend[variant], n), (*spend["no"], base), role="primary", unit="money", title="Spend a customer", layer="commercial", method="difference of means per unit", power=0.86, **given)
            elif kpi == "conversion":
                made = outcome(kpi, share(bought[variant], n), share(bought["no"], base), margin=0.05, title="Customers who buy", layer="commercial", **given)
            elif kpi == "unsubscribed":
                made = outcome(kpi, share(gone[variant], n), share(gone["no"], base), margin=0.10, better="lower", title="Unsubscribed", layer="experience", **given)
            else:
                made = outcome(kpi, share(visit[variant], n), share(visit["no"], base), title="Customers who visit", layer="engagement", **given)
            outcomes.append(made)
    first = date(2026, 3, 2)
    pooled = outcome("spend", (1.2496, 16.5, sizes["mens"] + sizes["womens"]), (*spend["no"], sizes["no"]), role="primary", unit="money", title="Spend a customer", layer="commercial", variant="all variants", control="no")
    segments = [
        segment(replace(outcomes[i]), "bought_before", name, (base + gain, 16.0, 7100), (base, 11.6, 7100))
        for i in (0, 1)
        for name, base, gain in (("mens", 0.6, 0.9 - 0.4 * i), ("womens", 0.7, 0.6), (None, 0.9, 0.2 - i))
    ]
    return Readout(
        name="mails",
        title="Which mail, if any",
        question="Does a mail about men's or women's clothes make customers spend more?",
        design="ab",
        decision="needs_review",
        rule="guardrail_open",
        reasons=("Unsubscribed is not shown to stay inside its margin for Men's mail.", "womens: do not ship."),
        warnings=("Under-powered: 61% instead of 80% to see the smallest effect that matters.", "Two variants were compared with the control: the better of them looks better than it is."),
        srm=SampleRatio(0.92, "ok"),
        variants=(
            VariantCount("no", 1 / 3, sizes["no"], "No mail"),
            VariantCount("mens", 1 / 3, sizes["mens"], "Men's mail"),
            VariantCount("womens", 1 / 3, sizes["womens"], "Women's mail"),
        ),
        outcomes=tuple(outcomes),
        pooled=(pooled,),
        segments=tuple(segments),
        heterogeneity=(Heterogeneity("bought_before", "spend", 0.003, "mens", 0.006), Heterogeneity("bought_before", "spend", 0.2, "womens", 0.2)),
        looks=looks(outcomes[0], first, 14) + looks(outcomes[1], first, 14),
        candidate="mens",
        owner="CRM team",
        approver="Head of marketing",
        unit="customer",
        control="no",
        start=first,
        end=date(2026, 3, 16),
        as_of=date(2026, 3, 30),
        currency="USD",
        worth=(Worth("spend", "mens", "+770 USD (+485 to +1,054) in spend a customer for every 1,000 customers with mens.", 770, 485, 1054, money=True),),
        crossovers=214,
        signatures=(
            Signature("Mara Lindqvist", datetime(2026, 4, 1, 9, 30, tzinfo=UTC), "accepted", "A few more unsubscribe; the mail goes to buyers of the last year only.", "needs_review"),
        ),
    )


def invalid() -> Readout:
    """Units did not fall on the variants as planned, and the survey was answered unlike."""
    csat = outcome("csat", share(0.71, 900), share(0.68, 1100), role="primary", title="Satisfaction", layer="experience")
    void = replace(csat, verdict="void", why="the variants answer differently: 9.0% and 12.2% (p = 1e-07)")
    held = outcome("revenue", (4.1, 21.0, 9_920), (4.3, 22.0, 9_020), margin=0.05, unit="money", title="Revenue", layer="commercial")
    empty = replace(held, kpi="refunds", title="Refunds", value=None, control_value=None, difference=None, low=None, high=None, relative=None, relative_low=None, relative_high=None, p_value=None, verdict="inconclusive", n=0, control_n=0, why="no units whose window has passed")
    return Readout(
        name="new-chat",
        title="Chat opens by itself",
        question="Does a chat that opens by itself help people?",
        design="ab",
        decision="invalid",
        rule="sample_ratio",
        reasons=("The sample ratio is broken: 9,020 and 9,920 where 50 : 50 was planned, p < 0.001. Whoever is missing may be why the variants differ.",),
        warnings=("Response rates differ: 12.2% (control) and 9.0% (treatment), p < 0.001; Satisfaction is void: those who answer are not the same people.",),
        srm=SampleRatio(6e-11, "fail"),
        variants=(VariantCount("control", 0.5, 9_020), VariantCount("treatment", 0.5, 9_920)),
        outcomes=(void, held, empty),
        unit="customer",
        control="control",
        start=date(2026, 5, 4),
        end=date(2026, 6, 1),
        as_of=date(2026, 6, 12),
        answered=(Answered("csat", 1e-7, "fail", (("control", 0.122), ("treatment", 0.090)), "Satisfaction"),),
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


def factorial() -> Readout:
    """Two factors, and their interaction."""
    made = []
    for name, base, gain in (("tone=warm", "tone=plain", 0.021), ("reason=yes", "reason=no", 0.034)):
        made.append(outcome("confidence", share(0.62 + gain, 4000), share(0.62, 4000), role="primary", variant=name, control=base, title="Confidence", layer="experience"))
        made.append(outcome("conversion", share(0.041 + gain / 20, 40_000), share(0.041, 40_000), margin=0.05, variant=name, control=base, title="Visitor conversion", layer="commercial"))
    both = replace(made[0], variant="tone=warm × reason=yes", control=None, difference=-0.004, low=-0.046, high=0.038, relative=None, relative_low=None, relative_high=None, p_value=0.85, p_adjusted=0.85, verdict="inconclusive", value=None, control_value=None)
    order = [made[0], made[2], both, made[1], made[3], replace(both, kpi="conversion", title="Visitor conversion", role="guardrail", difference=0.004, low=0.0008, high=0.0072, p_value=0.014, p_adjusted=0.028, verdict="better", layer="commercial")]
    cells = [VariantCount(f"{tone}_{reason}", 0.25, 20_000 + i, f"{tone.title()} tone, {word}") for i, (tone, reason, word) in enumerate([("plain", "no", "no reason"), ("plain", "yes", "reason"), ("warm", "no", "no reason"), ("warm", "yes", "reason")])]
    return Readout(
        name="tone-and-reason",
        title="A warm tone, a reason, or both",
        question="Does a warm tone add anything to a reason?",
        design="factorial",
        decision="keep_running",
        rule="guardrail_open",
        reasons=("Confidence is up 3.4 points (+1.3 to +5.5), p = 0.002.", "Visitor conversion is not yet shown to stay inside its margin for tone=warm."),
        warnings=(),
        srm=SampleRatio(0.99, "ok"),
        variants=tuple(cells),
        outcomes=tuple(order),
        looks=looks(made[0], date(2026, 7, 13), 21) + looks(made[2], date(2026, 7, 13), 21),
        candidate="reason=yes",
        unit="visitor",
        control="plain_no",
        start=date(2026, 7, 13),
        end=date(2026, 8, 24),
        as_of=date(2026, 8, 3),
        ended=False,
        sequential="alpha_spending",
    )


def holdout() -> Readout:
    """A standing holdout over several experiments, with curves and claims."""
    stays = outcome("retention_180", share(0.612, 38_000), share(0.583, 4_000), role="primary", variant="open", control="holdout", title="Customers who stay 180 days", layer="commercial", method="difference of Kaplan-Meier curves at day 180", window_days=180)
    months = outcome("restricted_180", (141.2, 61.0, 38_000), (137.9, 62.0, 4_000), variant="open", control="holdout", unit="days", title="Days stayed, of 180", layer="commercial", method="difference of restricted means of Kaplan-Meier curves")
    nps = outcome("nps", (31.0, 71.0, 3_100), (26.5, 72.0, 330), variant="open", control="holdout", unit="nps", title="Net promoter score", layer="experience", margin=5.0, margin_kind="absolute")
    points = []
    for variant, end, units in (("holdout", 0.583, 4_000), ("open", 0.612, 38_000)):
        for day in range(0, 181, 5):
            value = 1 - (1 - end) * (day / 180) ** 0.6
            half = Z * sqrt(value * (1 - value) / units)
            points.append(CurvePoint("retention_180", variant, day, value, value - half, min(1.0, value + half), round(units * value)))
    return Readout(
        name="standing-holdout",
        title="All of this year's changes together",
        question="Do the changes that shipped this year keep more customers, taken together?",
        design="holdout",
        decision="ship",
        rule="primary_better",
        reasons=("Customers who stay 180 days is up 2.9 points (+1.3 to +4.5), p < 0.001.",),
        warnings=(),
        srm=SampleRatio(0.37, "ok"),
        variants=(VariantCount("holdout", 0.095, 4_000, "Held out"), VariantCount("open", 0.905, 38_000, "Everyone else")),
        outcomes=(stays, replace(nps, margin=5.0, verdict="inconclusive"), months),
        curves=tuple(points),
        claims=(
            Claim("say-why", "retention_180", 0.021, 0.008, 0.034, 0.015, "ship"),
            Claim("calm-start", "retention_180", 0.013, 0.001, 0.025, 0.007, "ship"),
            Claim("answer-first", "retention_180", 0.031, 0.004, 0.058, 0.012, "ship"),
        ),
        candidate="open",
        unit="customer",
        control="holdout",
        start=date(2026, 1, 1),
        end=date(2027, 1, 1),
        as_of=date(2026, 11, 20),
        ended=False,
        sequential="confidence_sequence",
    )


ALL = {
    "say_why": say_why,
    "mails": mails,
    "invalid": invalid,
    "empty": empty,
    "factorial": factorial,
    "holdout": holdout,
}
