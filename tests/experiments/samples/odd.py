"""Readouts that are hard on a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from parts import looks
from several import holdout, mails
from single import say_why

from heedful.experiments.readout import Readout, SampleRatio


def hostile() -> Readout:
    """Names that try to be markup, and names without a place to break."""
    bad = "<script>alert(1)</script>"
    worse = "\"'><img src=x onerror=alert(1)>"
    readout = say_why()
    long = "averyverylongnamewithoutanyplacetobreakit" * 2
    return replace(
        readout,
        title=bad,
        question=worse,
        owner=worse,
        reasons=(bad, worse),
        warnings=(bad + long,),
        notes=(worse,),
        worth=(replace(readout.worth[0], words=bad),),
        variants=(
            replace(readout.variants[0], title=bad),
            replace(readout.variants[1], title=worse + long),
        ),
        outcomes=tuple(
            replace(one, title=f"{bad}{long}", kpi=one.kpi, method=worse, why=worse)
            for one in readout.outcomes
        ),
        segments=tuple(
            replace(one, dimension=worse, segment=bad + long) for one in readout.segments
        ),
        curves=tuple(
            replace(
                point,
                kpi="confidence",
                variant="control" if point.variant == "holdout" else "says_why",
            )
            for point in holdout().curves
        ),
        sql=((bad, "</pre>" + bad),),
        definition="</pre></details>" + bad,
        signatures=(replace(mails().signatures[0], by=bad, reason=worse),),
    )


def bare() -> Readout:
    """Everything that may be missing is missing."""
    readout = say_why()
    nothing = dict.fromkeys(
        [
            *("value", "control_value", "difference", "low", "high", "relative"),
            *("relative_low", "relative_high", "p_value", "p_adjusted", "unit", "layer", "title"),
            *("window_days", "detectable", "power", "unadjusted", "variance_reduction"),
        ]
    )
    return Readout(
        name="bare",
        design="ab",
        decision="keep_running",
        rule="no_value_yet",
        reasons=(),
        warnings=(),
        srm=SampleRatio(0.4, "ok"),
        variants=readout.variants,
        outcomes=tuple(
            replace(one, n=0, control_n=0, verdict="inconclusive", **nothing)
            for one in readout.outcomes
        ),
        segments=(
            replace(readout.segments[0], segment=None, difference=None, low=None, high=None),
        ),
        looks=(replace(readout.looks[0], difference=None, low=None, high=None),),
    )


def crowded() -> Readout:
    """As much as one experiment is meant to have: 20 KPIs, 3 variants, 10 segments, 60 days."""
    readout, curves = mails(), holdout().curves
    kinds = [one for one in readout.outcomes if one.role == "secondary"]
    more = tuple(
        replace(one, kpi=f"kpi_{i}", title=f"KPI number {i}") for i in range(17) for one in kinds
    )
    segments = tuple(
        replace(one, kpi=kpi, segment=f"segment {i}", dimension=f"dimension {i // 5}")
        for kpi in ("spend", "conversion", *(f"kpi_{i}" for i in range(8)))
        for i in range(10)
        for one in (readout.segments[0], readout.segments[3])
    )
    days = tuple(
        look for one in (*readout.outcomes, *more) for look in looks(one, date(2026, 3, 2), 60)
    )
    return replace(
        readout,
        outcomes=readout.outcomes + more,
        segments=segments,
        looks=days,
        curves=tuple(replace(point, variant=name) for point in curves for name in ("no", "mens")),
        sql=tuple((f"facts.number_{i}", "SELECT 1\n" * 60) for i in range(12)),
    )
