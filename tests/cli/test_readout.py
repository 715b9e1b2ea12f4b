"""A readout in the terminal, word for word; `HEEDFUL_GOLDEN=write pytest tests/cli` writes it."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from heedful.cli.readout import print_readout
from heedful.experiments.decision import decide
from heedful.experiments.evidence import Answered, Evidence
from heedful.experiments.example import outcome
from heedful.experiments.readout import (
    Claim,
    CurvePoint,
    Heterogeneity,
    Look,
    Readout,
    SampleRatio,
    SegmentResult,
    Signature,
    VariantCount,
    Worth,
)
from heedful.experiments.tradeoffs import trade_offs

GOLDEN = Path(__file__).parent / "golden"

VARIANTS = (
    VariantCount("plain", 0.5, 2384, "Plan only"),
    VariantCount("warm", 0.5, 2416, "Says why"),
)
OUTCOMES = (
    outcome(title="Confidence in the choice", p_value=0.00002, p_adjusted=0.00002,
            detectable=0.027),
    outcome(
        kpi="conversion_rate", role="guardrail", title="Conversion rate", layer="commercial",
        n=2416, control_n=2384, value=0.0398, control_value=0.0383, difference=0.0015,
        low=-0.0095, high=0.0125, relative=0.0392, relative_low=-0.0219, relative_high=0.104,
        p_value=0.012, margin=0.03, margin_kind="relative", verdict="non_inferior",
    ),
    outcome(
        kpi="refund_rate", role="guardrail", title="Refund rate", layer="commercial",
        better="lower", n=113, control_n=96, value=0.0619, control_value=0.0833,
        difference=-0.0214, low=-0.0924, high=0.0496, relative=-0.257, relative_low=-0.719,
        relative_high=0.964, p_value=0.21, margin=0.02, margin_kind="absolute",
        verdict="inconclusive", waiting=1540,
    ),
    outcome(
        kpi="net_revenue", role="secondary", title="Net revenue per customer", layer="commercial",
        unit="money", n=2416, control_n=2384, value=48.31, control_value=46.85, difference=1.46,
        low=0.18, high=2.74, relative=0.0312, relative_low=0.0038, relative_high=0.0593,
        p_value=0.025, p_adjusted=0.041,
    ),
    outcome(
        kpi="ease", role="secondary", title="Ease", verdict="void", p_value=None, p_adjusted=None,
        why="the variants answer differently: 5.6% and 7.9% (p < 0.001)",
    ),
    outcome(
        kpi="form_time", role="secondary", title="Time to fill in a form", layer="engagement",
        unit="seconds", better="lower", method="difference of means", n=1210, control_n=1188,
        value=48.2, control_value=41.1,
        difference=7.1, low=3.2, high=11.0, relative=0.173, relative_low=0.074,
        relative_high=0.281, p_value=0.0004, p_adjusted=0.001, verdict="worse",
    ),
    outcome(
        kpi="retention", role="secondary", title="Retention after 90 days", layer="commercial",
        n=0, control_n=0, value=None, control_value=None, difference=None, low=None, high=None,
        relative=None, relative_low=None, relative_high=None, p_value=None,
        verdict="inconclusive", why="no units whose window has passed", waiting=4800,
    ),
)  # fmt: skip
EVIDENCE = Evidence(
    OUTCOMES,
    SampleRatio(0.644, "ok"),
    VARIANTS,
    ended=False,
    sequential="confidence_sequence",
    looks=11,
    crossovers=61,
    answered=(
        Answered("csat", 0.44, "ok", (("plain", 0.056), ("warm", 0.057)), "Confidence"),
        Answered("ease", 1e-8, "fail", (("plain", 0.056), ("warm", 0.079)), "Ease"),
    ),
    unit="customer",
    currency="EUR",
)


def two_variants() -> Readout:
    decided = decide(EVIDENCE)
    started = date(2026, 7, 13)
    return Readout(
        name="say-why",
        title="Say why this plan",
        question="Does a reason under each recommended plan make people surer of their choice?",
        design="ab",
        decision=decided.decision,
        rule=decided.rule,
        reasons=decided.reasons,
        warnings=decided.warnings,
        candidate=decided.candidate,
        srm=EVIDENCE.srm,
        variants=VARIANTS,
        outcomes=OUTCOMES,
        trade_offs=trade_offs(OUTCOMES, "EUR"),
        owner="checkout",
        approver="head of service",
        stage="consideration",
        unit="customer",
        control="plain",
        start=started,
        end=date(2026, 8, 24),
        as_of=date(2026, 8, 9),
        ended=False,
        sequential="confidence_sequence",
        currency="EUR",
        crossovers=61,
        segments=(
            SegmentResult("device", "mobile", "csat", "warm", 0.048, 0.023, 0.072, 0.001,
                          1420, 1398, 0.652, 0.604, 0.0002),
            SegmentResult("device", "desktop", "csat", "warm", 0.029, -0.003, 0.061, 0.09,
                          980, 982, 0.667, 0.638, 0.07),
            SegmentResult("device", None, "csat", "warm", None, None, None, None),
            SegmentResult("device", "mobile", "form_time", "warm", 8.1, 3.0, 13.2, 0.004,
                          700, 690, 49.0, 40.9, 0.001),
            SegmentResult("device", "desktop", "form_time", "warm", 2.1, -3.0, 7.2, 0.5,
                          510, 498, 47.0, 44.9, 0.4),
        ),
        heterogeneity=(Heterogeneity("device", "csat", 0.35, "warm", 0.35),),
        looks=tuple(
            Look(started + timedelta(day), "csat", "warm", 0.041, 0.041 - 0.1 / (day / 10),
                 0.041 + 0.1 / (day / 10), 170 * day, 0.2 if day < 25 else 0.02)
            for day in range(7, 28)
        ),
        curves=(
            CurvePoint("retention", "plain", 30, 0.81, 0.79, 0.83, 700),
            CurvePoint("retention", "plain", 60, 0.72, 0.69, 0.75, 311),
            CurvePoint("retention", "warm", 60, 0.74, 0.71, 0.77, 320),
        ),
        worth=(Worth("net_revenue", "warm", "+1,460 EUR (+180 to +2,740) in net revenue for every "
                     "1,000 customers with warm.", 1460, 180, 2740, money=True),),
        signatures=(
            Signature("Head of service", datetime(2026, 8, 9, 14, 0, tzinfo=UTC), "ship to half",
                      "Seven seconds are worth it.", "keep_running"),
        ),
        notes=("The population is customers without a plan.",),
        definition="3f2ac81d",
        planned_units=10_000,
        answered=EVIDENCE.answered,
    )  # fmt: skip


def several_variants() -> Readout:
    """A flat file with three groups, without titles, units or guardrails."""
    given = {"title": None, "unit": None, "layer": None, "control": "none"}
    outcomes = (
        outcome(kpi="visit", variant="mens", **given, n=21307, control_n=21306, value=0.18276,
                control_value=0.10617, difference=0.07659, low=0.06996, high=0.08323,
                relative=0.7214, relative_low=0.6438, relative_high=0.8027, p_value=0.0,
                p_adjusted=0.0),
        outcome(kpi="visit", variant="womens", **given, n=21387, control_n=21306, value=0.1514,
                control_value=0.10617, difference=0.04523, low=0.03889, high=0.05157,
                relative=0.4261, relative_low=0.357, relative_high=0.4987, p_value=0.0,
                p_adjusted=0.0),
        outcome(kpi="spend", variant="mens", role="secondary", **given, n=21307, control_n=21306,
                value=1.42262, control_value=0.65279, difference=0.76983, low=0.48523,
                high=1.05443, relative=1.1793, relative_low=0.6303, relative_high=1.9133,
                p_value=1e-7, p_adjusted=2e-7),
        outcome(kpi="spend", variant="womens", role="secondary", **given, n=21387,
                control_n=21306, value=0.70, control_value=0.65279, difference=0.0472,
                low=-0.19, high=0.284, relative=0.0723, relative_low=-0.25, relative_high=0.53,
                p_value=0.69, p_adjusted=0.69, verdict="inconclusive"),
    )  # fmt: skip
    pooled = (replace(outcomes[0], variant="all variants", n=42694, value=0.16705,
                      difference=0.06088, low=0.05542, high=0.06634, relative=0.5734,
                      relative_low=0.5079, relative_high=0.6418),)  # fmt: skip
    variants = (
        VariantCount("none", 1 / 3, 21306),
        VariantCount("mens", 1 / 3, 21307),
        VariantCount("womens", 1 / 3, 21387),
    )
    evidence = Evidence(outcomes, SampleRatio(0.9, "ok"), variants)
    decided = decide(evidence)
    return Readout(
        name="hillstrom.csv",
        design="ab",
        decision=decided.decision,
        rule=decided.rule,
        reasons=decided.reasons,
        warnings=decided.warnings,
        candidate=decided.candidate,
        srm=evidence.srm,
        variants=variants,
        outcomes=outcomes,
        pooled=pooled,
        trade_offs=trade_offs(outcomes),
        control="none",
        claims=(Claim("greeting", "visit", 0.021, 0.004, 0.038, 0.014, "ship"),),
    )


def invalid() -> Readout:
    """Units were lost: nothing else is believed."""
    evidence = replace(EVIDENCE, srm=SampleRatio(3e-9, "fail"), currency=None)
    decided = decide(evidence)
    return Readout(
        "say-why", "ab", decided.decision, decided.rule, decided.reasons, decided.warnings,
        evidence.srm, VARIANTS, OUTCOMES[:1], candidate=decided.candidate, control="plain",
    )  # fmt: skip


READOUTS = {"two": two_variants, "several": several_variants, "invalid": invalid}


def printed(readout: Readout, width: int) -> str:
    file = io.StringIO()
    print_readout(readout, Console(file=file, width=width, no_color=True, soft_wrap=True))
    return file.getvalue()


@pytest.mark.parametrize("width", [100, 160])
@pytest.mark.parametrize("name", READOUTS)
def test_is_what_it_was(name, width):
    shown = printed(READOUTS[name](), width)
    lines = "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"
    path = GOLDEN / f"readout-{name}-{width}.txt"
    if os.environ.get("HEEDFUL_GOLDEN") == "write":
        path.write_text(lines, encoding="utf-8")
    assert lines == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [100, 160])
@pytest.mark.parametrize("name", READOUTS)
def test_fits_its_width(name, width):
    lines = printed(READOUTS[name](), width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width


def test_colour_adds_nothing_but_colour():
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True, color_system="standard")
    print_readout(two_variants(), console)
    coloured = file.getvalue()
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.splitlines()] == [
        line.rstrip() for line in printed(two_variants(), 100).splitlines()
    ]


def test_markup_in_names_is_text():
    name = "[bold]visit[/bold]"
    given = replace(several_variants(), name=name, outcomes=(outcome(kpi=name, title=None),))
    shown = printed(given, 160)
    assert shown.count(name) == 2


def test_no_value_is_a_dash_and_no_zero():
    missing = outcome(
        value=None, control_value=None, difference=None, low=None, high=None, relative=None,
        p_value=None, verdict="inconclusive", why="no units", n=0, control_n=0,
    )  # fmt: skip
    shown = printed(replace(invalid(), outcomes=(missing,)), 160)
    line = next(line for line in shown.splitlines() if "Customer satisfaction" in line)
    assert line.split() == [
        "Customer", "satisfaction", "–", "n", "0", "–", "n", "0", "–", "–", "–",
        "no", "units",
    ]  # fmt: skip


def test_a_line_is_never_broken_before_a_unit():
    for line in printed(two_variants(), 60).splitlines():
        assert not line.strip().startswith(("points", "pts"))


def test_before_any_unit_came():
    empty = replace(invalid(), outcomes=(), srm=SampleRatio(None, "ok"))
    shown = printed(replace(empty, variants=(VariantCount("plain", 0.5, 0),)), 100)
    assert "sample ratio not tested" in shown
    assert "Outcomes" not in shown
    assert shown.splitlines()[-1].split() == ["plain", "0", "–", "50.0%", "control"]


@pytest.mark.parametrize(
    ("ends", "since"),
    [
        ([(-1, 1), (1, 2), (1, 2)], "2 Sep"),
        ([(-2, -1), (1, 2), (1, 2)], "2 Sep"),
        ([(1, 2), (-1, 1), (1, 2)], "3 Sep"),
        ([(1, 2), (None, None), (-2, -1)], "3 Sep"),
        ([(1, 2), (1, 2), (-1, 1)], None),
    ],
)
def test_since_when_the_interval_excludes_zero(ends, since):
    looks = tuple(
        Look(date(2026, 9, day), "csat", "warm", 0.1, low, high)
        for day, (low, high) in enumerate(ends, 1)
    )
    shown = printed(replace(invalid(), looks=looks), 160)
    told = f"The interval of warm excludes zero since {since} 2026." in shown
    assert told == (since is not None)
    assert ("excludes zero" in shown) == told
