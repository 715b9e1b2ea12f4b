"""From a panel to drivers: each experience related to an outcome, adjusted, ranked, in money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from heedful.drivers.driver import Driver, Drivers, Money
from heedful.drivers.outcome import OUTCOMES
from heedful.drivers.panel import lumped
from heedful.stats.association import association, e_values
from heedful.stats.families import benjamini_hochberg
from heedful.stats.shrinkage import shrink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.drivers.driver import Proof
    from heedful.drivers.outcome import Outcome
    from heedful.drivers.panel import Followed, Met, Panel
    from heedful.stats.association import Association

    Bools = NDArray[np.bool_]
    Codes = NDArray[np.intp]
    Floats = NDArray[np.float64]

FEWEST = 30
"""Customers of either group; with fewer there is no number."""
FEWEST_ENDS = 10
"""Customers with a share's outcome, and without it."""
LEAST_OVERLAP = 0.5
"""Share of rows with a counterpart, under which an adjusted difference is extrapolation."""
CAP = 0.99
"""Quantile of amounts above 0 at which amounts of a customer are capped."""
FEWEST_AMOUNTS = 100
"""Amounts above 0 that such a quantile needs."""
BANDS = (30, 90, 180, 365, 730)
"""Days of tenure at which bands of it end."""
YEAR = 12
MOST_SEGMENTS = 12
BEFORE = ("tenure", "active days before", "orders before", "revenue before")


def relate(
    panel: Panel,
    outcome: Outcome,
    *,
    days: int,
    currency: str | None,
    by: str | None = None,
    proof: Callable[[str], Proof | None] = lambda _kpi: None,
) -> Drivers:
    """Relate every experience of a panel to an outcome.

    Args:
        panel: Customers at landmarks.
        outcome: What followed.
        days: Days after a landmark that count, as the panel was made.
        currency: Of money.
        by: A dimension of the panel: within each of its segments.
        proof: Gives the experiment that replaces the association of a KPI; None for none.
    """
    followed = panel.outcomes[outcome.name]
    known = followed.known
    segments = _segments(panel, by)
    found: list[tuple[Driver, float]] = [
        _driver(panel, met, outcome, by, segment, inside)
        for met in panel.met
        for segment, inside in segments
    ]
    drivers = _ranked(found)
    if by is None:
        drivers = [_proved(one, proof(one.kpi)) for one in drivers]
    landmarks = np.unique(panel.landmark[known])
    seen = [panel.dates[int(one)] for one in landmarks]
    ready = set(np.unique(panel.key[known]).tolist())
    waits = set(np.unique(panel.key[followed.waiting]).tolist()) - ready
    why = None
    if not known.any():
        why = _nothing(panel, followed, outcome, days)
    return Drivers(
        outcome=outcome.name,
        says=outcome.says.format(days=days),
        days=days,
        unit=outcome.unit,
        currency=currency,
        first=seen[0] if seen else None,
        last=seen[-1] if seen else None,
        landmarks=len(seen),
        customers=len(ready),
        mean=float(followed.value[known].mean()) if known.any() else None,
        waiting=len(waits),
        adjusted_for=_held_equal(panel),
        dimension=by,
        dimensions=tuple(panel.segments),
        drivers=tuple(drivers),
        why=why,
    )


def _held_equal(panel: Panel) -> tuple[str, ...]:
    """Names of what is held equal, as far as it differs between customers."""
    before = BEFORE if panel.ordered else BEFORE[:2]
    spots = any(len(met.spot) and met.spot.max() > 0 for met in panel.met)
    several = [name for name, (_, labels) in panel.segments.items() if len(labels) > 1]
    return ("month", *before, *(["touchpoint"] if spots else []), *several)


def _nothing(panel: Panel, followed: Followed, outcome: Outcome, days: int) -> str:
    if followed.waiting.any():
        return f"of nobody the {days} days after a landmark are over yet"
    if not any(len(met.place) for met in panel.met):
        return "no experience of a customer is known: import answers, tickets or events"
    return f"nobody could be observed: {outcome.missing}"


def _segments(panel: Panel, by: str | None) -> list[tuple[str | None, Bools | None]]:
    """Segments and which rows of the panel are theirs; None: all."""
    if by is None:
        return [(None, None)]
    codes, labels = panel.segments[by]
    mine = codes[panel.key]
    return [(label, mine == code) for code, label in enumerate(labels[:MOST_SEGMENTS])]


def _driver(
    panel: Panel,
    met: Met,
    outcome: Outcome,
    by: str | None,
    segment: str | None,
    inside: Bools | None,
) -> tuple[Driver, float]:
    """One driver without a rank, and its standard error."""
    words = ("", "") if met.experience is None else (met.experience.better, met.experience.worse)
    plain = Driver(met.kpi.id, met.kpi.title, by, segment, *words)
    if met.experience is None:
        return replace(plain, why=met.why), np.nan
    own = np.ones(len(met.place), dtype=np.bool_) if inside is None else inside[met.place]
    found, why = _association(panel, met, own, outcome, by)
    money = _money(panel, met, own, by, (found, why) if outcome.unit == "money" else None)
    plain = replace(plain, money=money)
    if found is not None:
        plain = replace(
            plain,
            n=sum(found.rows),
            customers=_customers(panel, met, own, outcome.name),
            better_customers=found.clusters[1],
            worse_customers=found.clusters[0],
        )
    if found is None or why:
        return replace(plain, why=why), np.nan
    strong, weak = e_values(found, share=outcome.unit == "share")
    return (
        replace(
            plain,
            difference=found.difference,
            low=found.low,
            high=found.high,
            p_value=found.p_value,
            value=found.value,
            worse_value=found.other,
            unadjusted=found.crude,
            unadjusted_low=found.crude_low,
            unadjusted_high=found.crude_high,
            overlap=found.overlap,
            e_value=_finite(strong),
            e_value_low=_finite(weak),
        ),
        found.se,
    )


def _association(
    panel: Panel, met: Met, own: Bools, outcome: Outcome, by: str | None
) -> tuple[Association | None, str]:
    """The association, and why it is not told."""
    followed = panel.outcomes[outcome.name]
    kept = own & followed.known[met.place]
    place, good = met.place[kept], met.good[kept]
    if not len(place):
        if (own & followed.waiting[met.place]).any():
            return None, "the days of everyone who had it are not over"
        return (
            None,
            "no customer had it before a landmark"
            if not own.any()
            else "of those who had it, nobody could be observed",
        )
    value = followed.value[place]
    if outcome.unit == "money":
        value = np.minimum(value, _cap(value))
    key = panel.key[place]
    found = association(value, good, key, *_held(panel, met, kept, by))
    words = met.experience
    for count, name in zip(
        found.clusters, (words.worse, words.better) if words else (), strict=True
    ):
        if count < FEWEST:
            return found, f"{_only(count)}: {name}; {FEWEST} are needed"
    for there, name in _ends(value, outcome):
        count = len(np.unique(key[there]))
        if count < FEWEST_ENDS:
            return found, f"{_only(count)} {name}; {FEWEST_ENDS} are needed"
    if not isfinite(found.difference):
        return found, "tenure, segment and the past tell the two groups apart completely"
    if found.overlap < LEAST_OVERLAP:
        share = f"{100 * found.overlap:.0f}%"
        return found, f"only {share} of customers have a counterpart in the other group"
    return found, ""


def _ends(value: Floats, outcome: Outcome) -> list[tuple[Bools, str]]:
    """What some customers must have done, for an interval to mean anything."""
    if outcome.unit == "money":
        return [(value != 0, "paid anything")]
    return [(value == 1, "did"), (value == 0, "did not")]


def _only(count: int) -> str:
    return "no customer" if count == 0 else f"only {count} customer{'s' if count > 1 else ''}"


def _held(panel: Panel, met: Met, kept: Bools, by: str | None) -> tuple[list[Codes], list[Floats]]:
    """What is held equal: factors and numbers."""
    place = met.place[kept]
    key = panel.key[place]
    tenure = panel.tenure[place]
    settled = met.experience is None or met.experience.settled
    active, orders, net = (one[place] for one in panel.past[0 if settled else 1])
    factors = [
        panel.landmark[place],
        np.searchsorted(BANDS, tenure),
        lumped(met.spot[kept]),
        *(lumped(codes[key]) for name, (codes, _) in panel.segments.items() if name != by),
    ]
    size = np.sign(net) * np.log1p(np.abs(net))
    capped = np.clip(net, *np.quantile(net, (1 - CAP, CAP)))
    return factors, [np.log1p(tenure), np.log1p(active), np.log1p(orders), size, capped]


def _cap(value: Floats) -> float:
    amounts = value[value > 0]
    return float(np.quantile(amounts, CAP)) if len(amounts) >= FEWEST_AMOUNTS else np.inf


def _money(
    panel: Panel,
    met: Met,
    own: Bools,
    by: str | None,
    told: tuple[Association | None, str] | None,
) -> Money | None:
    """The association with revenue, and how many customers it is about."""
    if not panel.ordered:
        return None
    found, why = told or _association(panel, met, own, OUTCOMES["revenue"], by)
    followed = panel.outcomes["revenue"]
    there = own & (followed.known | followed.waiting)[met.place]
    place = met.place[there]
    months = min(YEAR, len(panel.dates))
    new = panel.landmark[place] >= len(panel.dates) - months
    concerned = len(np.unique(panel.key[place[new & ~met.good[there]]]))
    if found is None or why:
        return Money(None, None, None, None, concerned, months, None, None, None)
    cap = _cap(followed.value[met.place[own & followed.known[met.place]]])
    tenth = concerned / 10
    return Money(
        found.difference,
        found.low,
        found.high,
        _finite(cap),
        concerned,
        months,
        tenth * found.difference,
        tenth * found.low,
        tenth * found.high,
    )


def _customers(panel: Panel, met: Met, own: Bools, outcome: str) -> int:
    kept = own & panel.outcomes[outcome].known[met.place]
    return len(np.unique(panel.key[met.place[kept]]))


def _ranked(found: Sequence[tuple[Driver, float]]) -> list[Driver]:
    """Tests as one family, effects shrunk together; the largest first."""
    drivers = [one for one, _ in found]
    adjusted = benjamini_hochberg([_or_nan(one.p_value) for one in drivers])
    shrunk = shrink([_or_nan(one.difference) for one in drivers], [se for _, se in found]).values
    whole = [
        replace(one, p_adjusted=_finite(p), shrunk=_finite(s))
        for one, p, s in zip(drivers, adjusted.tolist(), shrunk.tolist(), strict=True)
    ]
    whole.sort(key=lambda one: (one.shrunk is None, -abs(one.shrunk or 0.0), one.kpi))
    return [
        replace(one, rank=nth) if one.shrunk is not None else one
        for nth, one in enumerate(whole, 1)
    ]


def _proved(one: Driver, proof: Proof | None) -> Driver:
    return one if proof is None else replace(one, evidence="experiment", experiment=proof)


def _or_nan(number: float | None) -> float:
    return np.nan if number is None else number


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
