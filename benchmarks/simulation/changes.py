"""False alarms of changes, and coverage of scores."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from heedful.stats import (
    BUCKETS,
    Estimate,
    Estimates,
    change,
    changes,
    combine,
    duration,
    nps_scores,
    quantile,
    ratios,
    score,
    shares,
    survival,
)
from simulation.draw import (
    POOR,
    Crowd,
    Floats,
    Table,
    Tally,
    batches,
    crowd,
    lognormal,
    one_by_one,
)


def alarms(tally: Tally) -> str:
    """Rate of changes called where there is none."""
    shown = tally.runs - tally.withheld
    down, up = 100 * tally.above / shown, 100 * tally.below / shown
    text = f"{down + up:.1f}"
    text = f"**{text}**" if down + up > 100 - POOR else text
    return f"{text} ({down:.1f} / {up:.1f})"


def changes_table(runs: int) -> Table:
    """Two periods without any change."""
    rng = np.random.default_rng(7)
    table = [
        [
            "customers",
            "in both periods",
            "share 0.2",
            "share 0.02",
            "NPS",
            "mean, CV 2",
            "relative, CV 2",
            "median",
            "stay 90%",
        ]
    ]
    for each in (30, 100, 300, 1000):
        for same in (False, True):
            tallies = [Tally() for _ in range(7)]
            for samples in batches(runs, each * 4):
                first = crowd(rng, samples, each, 2)
                group = first.group if same else crowd(rng, samples, each, 1).group
                second = Crowd(samples, group, crowd(rng, samples, each, 2).who)
                _smooth_changes(rng, tallies, first, second, same)
            for people, bucket in one_by_one(rng, runs // 2, each, 2):
                other = people if same else crowd(rng, 1, each, 2)
                _rough_changes(rng, tallies, people, bucket, other, each, same)
            table.append([str(each), "same" if same else "other", *map(alarms, tallies)])
    return table


def _pair(
    rng: np.random.Generator, first: Crowd, second: Crowd, same: bool
) -> tuple[Floats, Floats]:
    """Standard normal rows of two periods, correlated by 0.5 within a customer."""
    own = rng.standard_normal(len(first.group))
    then = own if same else rng.standard_normal(len(second.group))
    a, b = (
        np.sqrt(0.5) * (who[people.who] + rng.standard_normal(len(people.who)))
        for people, who in ((first, own), (second, then))
    )
    return a, b


def _smooth_changes(
    rng: np.random.Generator, tallies: list[Tally], first: Crowd, second: Crowd, same: bool
) -> None:
    rows = _pair(rng, first, second, same)
    crowds = (first, second)

    def both(make: Callable[[Crowd, Floats], Estimates]) -> tuple[Estimates, Estimates]:
        a, b = (make(people, each) for people, each in zip(crowds, rows, strict=True))
        return a, b

    def part(limit: float) -> Callable[[Crowd, Floats], Estimates]:
        def make(people: Crowd, each: Floats) -> Estimates:
            hits, count = people.add((each < ndtri(limit)).astype(float)), people.rows()
            return shares(hits, count, count, people.customers())

        return make

    def promoters(people: Crowd, each: Floats) -> Estimates:
        fans = people.add((each > ndtri(0.6)).astype(float))
        critics = people.add((each < ndtri(0.3)).astype(float))
        return nps_scores(fans, critics, people.rows(), people.rows(), people.customers())

    def amounts(people: Crowd, each: Floats) -> Estimates:
        count = people.rows()
        return ratios(people.add(lognormal(each, 2)), count, count, people.customers())

    tallies[0].count(changes(*both(part(0.2))), 0.0)
    tallies[1].count(changes(*both(part(0.02))), 0.0)
    tallies[2].count(changes(*both(promoters)), 0.0)
    spent = both(amounts)
    tallies[3].count(changes(*spent), 0.0)
    tallies[4].count(changes(*spent, log=True), 0.0)


def _rough_changes(
    rng: np.random.Generator,
    tallies: list[Tally],
    people: Crowd,
    bucket: NDArray[np.intp],
    other: Crowd,
    each: int,
    same: bool,
) -> None:
    normal = _pair(rng, people, other, same)
    sides = list(zip(normal, (bucket, other.group[other.who]), strict=True))
    medians = [quantile(rows, 1, at, each) for rows, at in sides]
    tallies[5].count(change(medians[0], medians[1]), 0.0)
    stays = []
    for rows, at in sides:
        event = -np.log(ndtr(rows))
        end = rng.exponential(2, len(event))
        time_ = np.minimum(event, end)
        stays.append(survival(time_, event <= end, 1, at, each, -float(np.log(0.9))))
    tallies[6].count(change(stays[0], stays[1]), 0.0)


def scores_table(runs: int) -> Table:
    """Five KPIs of the same customers on their scales, in one weighted score."""
    rng = np.random.default_rng(8)
    table = [["customers", "score of five KPIs", "change of the score, none true"]]
    weights = (0.3, 0.1, 0.2, 0.25, 0.15)
    truth = combine_truth(weights)
    for each in (30, 100, 300, 1000):
        level, moved = Tally(), Tally()
        for _ in range(runs):
            own = rng.standard_normal(each)
            home = rng.integers(0, BUCKETS, each)
            pair = [_score(rng, own, home, each, weights) for _ in range(2)]
            level.count(pair[0], truth)
            moved.count(change(*pair), 0.0)
        table.append([str(each), str(level), alarms(moved)])
    return table


def combine_truth(weights: tuple[float, ...]) -> float:
    """True parts: share 0.85, NPS 10, mean 1, median wait ln 2, 90% stay."""
    scaled = (
        (0.85 - 0.5) / 0.45,
        (10 + 50) / 120,
        (1 - 0) / 2,
        (2 - np.log(2)) / 2,
        (0.9 - 0.7) / 0.3,
    )
    return float(100 * sum(w * s for w, s in zip(weights, scaled, strict=True)))


def _score(
    rng: np.random.Generator,
    own: Floats,
    home: NDArray[np.intp],
    each: int,
    weights: tuple[float, ...],
) -> Estimate:
    def rows() -> tuple[Crowd, Floats]:
        people = Crowd(1, home, crowd(rng, 1, each, 2).who)
        noise = rng.standard_normal(len(people.who))
        return people, np.sqrt(0.5) * (own[people.who] + noise)

    people, drawn = rows()
    count, everyone = people.rows(), people.customers()
    pleased = shares(people.add((drawn < ndtri(0.85)).astype(float)), count, count, everyone)[0]
    people, drawn = rows()
    count = people.rows()
    fans = people.add((drawn < ndtri(0.4)).astype(float))
    critics = people.add((drawn > ndtri(0.7)).astype(float))
    promoted = nps_scores(fans, critics, count, count, everyone)[0]
    people, drawn = rows()
    count = people.rows()
    spent = ratios(people.add(lognormal(-drawn, 1)), count, count, everyone)[0]
    people, drawn = rows()
    event = -np.log(ndtr(-drawn))
    end = rng.exponential(3, len(event))
    time_, done = np.minimum(event, end), event <= end
    at = home[people.who]
    wait = duration(time_, done, 1, at, each)
    stay = survival(time_, done, 1, at, each, -float(np.log(0.9)))
    parts = (
        score(pleased, 0.5, 0.95),
        score(promoted, -50, 70),
        score(spent, 0, 2),
        score(wait, 2, 0),
        score(stay, 0.7, 1.0),
    )
    return combine(weights, parts)
