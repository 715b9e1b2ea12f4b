"""Readouts with several variants, factors or curves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from math import sqrt
from typing import Any

from parts import Z, looks, outcome, segment, share

from heedful.experiments.readout import (
    Claim,
    CurvePoint,
    Heterogeneity,
    Readout,
    SampleRatio,
    Signature,
    VariantCount,
    Worth,
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
                made = outcome(
                    kpi,
                    (*spend[variant], n),
                    (*spend["no"], base),
                    role="primary",
                    unit="money",
                    title="Spend a customer",
                    layer="commercial",
                    method="difference of means per unit",
                    power=0.86,
                    **given,
                )
            elif kpi == "conversion":
                made = outcome(
                    kpi,
                    share(bought[variant], n),
                    share(bought["no"], base),
                    margin=0.05,
                    title="Customers who buy",
                    layer="commercial",
                    **given,
                )
            elif kpi == "unsubscribed":
                made = outcome(
                    kpi,
                    share(gone[variant], n),
                    share(gone["no"], base),
                    margin=0.10,
                    better="lower",
                    title="Unsubscribed",
                    layer="experience",
                    **given,
                )
            else:
                made = outcome(
                    kpi,
                    share(visit[variant], n),
                    share(visit["no"], base),
                    title="Customers who visit",
                    layer="engagement",
                    **given,
                )
            outcomes.append(made)
    first = date(2026, 3, 2)
    pooled = outcome(
        "spend",
        (1.2496, 16.5, sizes["mens"] + sizes["womens"]),
        (*spend["no"], sizes["no"]),
        role="primary",
        unit="money",
        title="Spend a customer",
        layer="commercial",
        variant="all variants",
        control="no",
    )
    segments = [
        segment(
            replace(outcomes[i]),
            "bought_before",
            name,
            (base + gain, 16.0, 7100),
            (base, 11.6, 7100),
        )
        for i in (0, 1)
        for name, base, gain in (
            ("mens", 0.6, 0.9 - 0.4 * i),
            ("womens", 0.7, 0.6),
            (None, 0.9, 0.2 - i),
        )
    ]
    return Readout(
        name="mails",
        title="Which mail, if any",
        question="Does a mail about men's or women's clothes make customers spend more?",
        design="ab",
        decision="needs_review",
        rule="guardrail_open",
        reasons=(
            "Unsubscribed is not shown to stay inside its margin for Men's mail.",
            "womens: do not ship.",
        ),
        warnings=(
            "Under-powered: 61% instead of 80% to see the smallest effect that matters.",
            "The best of several: the better of two variants looks better than it is.",
        ),
        srm=SampleRatio(0.92, "ok"),
        variants=(
            VariantCount("no", 1 / 3, sizes["no"], "No mail"),
            VariantCount("mens", 1 / 3, sizes["mens"], "Men's mail"),
            VariantCount("womens", 1 / 3, sizes["womens"], "Women's mail"),
        ),
        outcomes=tuple(outcomes),
        pooled=(pooled,),
        segments=tuple(segments),
        heterogeneity=(
            Heterogeneity("bought_before", "spend", 0.003, "mens", 0.006),
            Heterogeneity("bought_before", "spend", 0.2, "womens", 0.2),
        ),
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
        worth=(
            Worth(
                "spend",
                "mens",
                "Spend: +770 USD (+485 to +1,054) for every 1,000 customers with mens.",
                770,
                485,
                1054,
                money=True,
            ),
        ),
        crossovers=214,
        signatures=(
            Signature(
                "Mara Lindqvist",
                datetime(2026, 4, 1, 9, 30, tzinfo=UTC),
                "accepted",
                "A few more unsubscribe; the mail goes to buyers of the last year only.",
                "needs_review",
            ),
        ),
    )


def factorial() -> Readout:
    """Two factors, and their interaction."""
    made = []
    for name, base, gain in (
        ("tone=warm", "tone=plain", 0.021),
        ("reason=yes", "reason=no", 0.034),
    ):
        made.append(
            outcome(
                "confidence",
                share(0.62 + gain, 4000),
                share(0.62, 4000),
                role="primary",
                variant=name,
                control=base,
                title="Confidence",
                layer="experience",
            )
        )
        made.append(
            outcome(
                "conversion",
                share(0.041 + gain / 20, 40_000),
                share(0.041, 40_000),
                margin=0.05,
                variant=name,
                control=base,
                title="Visitor conversion",
                layer="commercial",
            )
        )
    both = replace(
        made[0],
        variant="tone=warm × reason=yes",
        control=None,
        difference=-0.004,
        low=-0.046,
        high=0.038,
        relative=None,
        relative_low=None,
        relative_high=None,
        p_value=0.85,
        p_adjusted=0.85,
        verdict="inconclusive",
        value=None,
        control_value=None,
    )
    order = [
        made[0],
        made[2],
        both,
        made[1],
        made[3],
        replace(
            both,
            kpi="conversion",
            title="Visitor conversion",
            role="guardrail",
            difference=0.004,
            low=0.0008,
            high=0.0072,
            p_value=0.014,
            p_adjusted=0.028,
            verdict="better",
            layer="commercial",
        ),
    ]
    cells = [
        VariantCount(f"{tone}_{reason}", 0.25, 20_000 + i, f"{tone.title()} tone, {word}")
        for i, (tone, reason, word) in enumerate(
            [
                ("plain", "no", "no reason"),
                ("plain", "yes", "reason"),
                ("warm", "no", "no reason"),
                ("warm", "yes", "reason"),
            ]
        )
    ]
    return Readout(
        name="tone-and-reason",
        title="A warm tone, a reason, or both",
        question="Does a warm tone add anything to a reason?",
        design="factorial",
        decision="keep_running",
        rule="guardrail_open",
        reasons=(
            "Confidence is up 3.4 points (+1.3 to +5.5), p = 0.002.",
            "Visitor conversion is not yet shown to stay inside its margin for tone=warm.",
        ),
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
    stays = outcome(
        "retention_180",
        share(0.612, 38_000),
        share(0.583, 4_000),
        role="primary",
        variant="open",
        control="holdout",
        title="Customers who stay 180 days",
        layer="commercial",
        method="difference of Kaplan-Meier curves at day 180",
        window_days=180,
    )
    months = outcome(
        "restricted_180",
        (141.2, 61.0, 38_000),
        (137.9, 62.0, 4_000),
        variant="open",
        control="holdout",
        unit="days",
        title="Days stayed, of 180",
        layer="commercial",
        method="difference of restricted means of Kaplan-Meier curves",
    )
    nps = outcome(
        "nps",
        (31.0, 71.0, 3_100),
        (26.5, 72.0, 330),
        variant="open",
        control="holdout",
        unit="nps",
        title="Net promoter score",
        layer="experience",
        margin=5.0,
        margin_kind="absolute",
    )
    points = []
    for variant, end, units in (("holdout", 0.583, 4_000), ("open", 0.612, 38_000)):
        for day in range(0, 181, 5):
            value = 1 - (1 - end) * (day / 180) ** 0.6
            half = Z * sqrt(value * (1 - value) / units)
            points.append(
                CurvePoint(
                    "retention_180",
                    variant,
                    day,
                    value,
                    value - half,
                    min(1.0, value + half),
                    round(units * value),
                )
            )
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
        variants=(
            VariantCount("holdout", 0.095, 4_000, "Held out"),
            VariantCount("open", 0.905, 38_000, "Everyone else"),
        ),
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
