"""Effects within segments, and whether they differ between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from heedful.experiments.analysing import each_once, present
from heedful.experiments.effects import Effect
from heedful.experiments.protocol import LEAST_UNITS, Protocol
from heedful.experiments.readout import Heterogeneity, SegmentResult

if TYPE_CHECKING:
    from heedful.experiments.measured import Measured
    from heedful.stats.contrast import Contrast
    from heedful.stats.groups import Group


def segments(
    protocol: Protocol, measured: Sequence[Measured]
) -> tuple[list[SegmentResult], list[Heterogeneity]]:
    """Effects within segments, and whether they differ between the segments of a dimension.

    The segments of the primary outcome are one family (Benjamini-Hochberg), those of all other
    outcomes another; tests of heterogeneity likewise.
    """
    from heedful.stats.families import benjamini_hochberg
    from heedful.stats.heterogeneity import heterogeneity

    results: list[SegmentResult] = []
    tests: list[Heterogeneity] = []
    first: list[bool] = []
    tested_first: list[bool] = []
    for one in each_once(measured):
        main = one.asked.role == "primary"
        for effect in (each for each in protocol.effects() if not each.interaction):
            for dimension, by_segment in one.segments.items():
                within: list[Contrast] = []
                for label, groups in by_segment.items():
                    result, contrasted = _segment(protocol, one, effect, dimension, label, groups)
                    results.append(result)
                    first.append(main)
                    if contrasted is not None:
                        within.append(contrasted)
                p = heterogeneity(
                    [each.difference for each in within],
                    [each.se for each in within],
                    [each.df for each in within],
                )
                tests.append(Heterogeneity(dimension, one.asked.kpi, present(p), effect.name))
                tested_first.append(main)
    ps = np.array([one.p_value if one.p_value is not None else nan for one in results])
    hs = np.array([one.p_value if one.p_value is not None else nan for one in tests])
    for values, mains in ((ps, first), (hs, tested_first)):
        mask = np.array(mains, dtype=bool)
        for family in (mask, ~mask):
            if family.any():
                values[family] = benjamini_hochberg(values[family])
    return (
        [replace(one, p_adjusted=present(float(p))) for one, p in zip(results, ps, strict=True)],
        [replace(one, p_adjusted=present(float(p))) for one, p in zip(tests, hs, strict=True)],
    )


def _within(
    one: Measured,
    dimension: str,
    label: str | None,
    groups: Sequence[Group],
    places: Sequence[int],
) -> int:
    """Units of a segment that count: of an outcome per row those that have one."""
    held = one.answered_within.get(dimension, {}).get(label)
    if held is not None:
        return sum(held[place] for place in places)
    return sum(int(groups[place].n) for place in places if isfinite(groups[place].n))


def _segment(
    protocol: Protocol,
    one: Measured,
    effect: Effect,
    dimension: str,
    label: str | None,
    groups: Sequence[Group],
) -> tuple[SegmentResult, Contrast | None]:
    treated, control = effect.sides(groups)
    n, control_n = (
        _within(one, dimension, label, groups, s) for s in (effect.treated, effect.controls)
    )
    found = None
    if min(n, control_n) >= LEAST_UNITS:
        found = effect.contrast(groups, protocol.critical(treated.n, control.n))
        if not isfinite(found.se):
            found = None
    value, control_value = present(treated.value), present(control.value)
    bare = None
    if value is not None and control_value is not None:
        bare = value - control_value
    result = SegmentResult(
        dimension=dimension,
        segment=label,
        kpi=one.asked.kpi,
        variant=effect.name,
        difference=present(found.difference) if found else bare,
        low=present(found.low) if found else None,
        high=present(found.high) if found else None,
        p_adjusted=None,
        n=n,
        control_n=control_n,
        value=value,
        control_value=control_value,
        p_value=present(found.p_value) if found else None,
        relative=present(found.relative) if found else None,
    )
    return result, found
