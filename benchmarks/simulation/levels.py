"""Coverage of every kind of measure."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from heedful.stats import (
    duration,
    duration_cells,
    nps_scores,
    products,
    quantile,
    ratios,
    shares,
    survival,
    survival_cells,
    totals,
)
from heedful.stats.estimate import BUCKETS, Estimates
from simulation.draw import (
    SIZES,
    Crowd,
    Floats,
    Table,
    Tally,
    batches,
    crowd,
    lognormal,
    one_by_one,
    repeats,
)


def shares_table(runs: int) -> Table:
    """Beta-binomial rows."""
    rng = np.random.default_rng(1)
    rates = (0.01, 0.05, 0.2, 0.5)
    table = [["customers", "rows each", *(f"share {rate}" for rate in rates)]]
    for each in (20, *SIZES):
        for rows, alike in ((1, 0.0), (5, 0.1), (5, 0.4)):
            tallies = []
            for rate in rates:
                tally = Tally()
                for samples in batches(runs, each * rows):
                    people = crowd(rng, samples, each, rows)
                    chance: float | Floats = rate
                    if alike:
                        k = 1 / alike - 1
                        chance = rng.beta(rate * k, (1 - rate) * k, len(people.group))[people.who]
                    hits = people.add((rng.random(len(people.who)) < chance).astype(float))
                    count = people.rows()
                    tally.count(shares(hits, count, count, people.customers()), rate)
                tallies.append(str(tally))
            table.append([str(each), repeats(rows, alike), *tallies])
    return table


def answers(rng: np.random.Generator, people: Crowd, p: float, d: float, alike: float) -> Floats:
    """1 for promoters, -1 for detractors; a row repeats its customer's own answer by `alike`."""
    own = rng.random(len(people.group))[people.who]
    fresh = rng.random(len(people.who))
    drawn = np.where(rng.random(len(fresh)) < alike, own, fresh)
    return np.where(drawn < p, 1.0, np.where(drawn < p + d, -1.0, 0.0))


def nps_table(runs: int) -> Table:
    """Three-way answers."""
    rng = np.random.default_rng(2)
    mixes = ((0.4, 0.3), (0.7, 0.1), (0.95, 0.02))
    table = [["customers", "answers each", *(f"{p:.0%} / {d:.0%}" for p, d in mixes)]]
    for each in (10, 20, *SIZES):
        for rows, alike in ((1, 0.0), (3, 0.4)):
            tallies = []
            for p, d in mixes:
                tally = Tally()
                for samples in batches(runs, each * rows):
                    people = crowd(rng, samples, each, rows)
                    given = answers(rng, people, p, d, alike)
                    fans = people.add((given > 0).astype(float))
                    critics = people.add((given < 0).astype(float))
                    count = people.rows()
                    found = nps_scores(fans, critics, count, count, people.customers())
                    tally.count(found, 100 * (p - d))
                tallies.append(str(tally))
            table.append([str(each), repeats(rows, alike), *tallies])
    return table


def means_table(runs: int) -> Table:
    """Lognormal amounts, and the share of samples marked as skewed."""
    rng = np.random.default_rng(3)
    spreads = (0.5, 1, 2, 6)
    table = [["customers", "rows each", *(f"CV {cv:g}" for cv in spreads), "marked skewed"]]
    for each in SIZES:
        for rows, alike in ((1, 0.0), (5, 0.5)):
            tallies = []
            for cv in spreads:
                tally = Tally()
                for samples in batches(runs, each * rows):
                    people = crowd(rng, samples, each, rows)
                    amounts = people.add(lognormal(people.mixed(rng, alike), cv))
                    count = people.rows()
                    tally.count(ratios(amounts, count, count, people.customers()), 1.0)
                tallies.append(tally)
            marked = " / ".join(f"{100 * each.skewed / each.runs:.0f}" for each in tallies)
            table.append([str(each), repeats(rows, alike), *map(str, tallies), marked + "%"])
    return table


def sums_table(runs: int) -> Table:
    """Ratios whose denominator is random and tied to the numerator, rates, and totals."""
    rng = np.random.default_rng(4)
    table = [
        ["customers", "ratio, heavy users differ", "rate of events", "total, CV 1", "total, CV 2"]
    ]
    for each in SIZES:
        tallies = [Tally() for _ in range(4)]
        for samples in batches(runs, each * 2):
            people = crowd(rng, samples, each, 1)
            number = len(people.group)
            count, everyone = people.rows(), people.customers()
            visits = rng.geometric(0.2, number).astype(float)
            clicks = rng.poisson(visits * (0.5 + 0.1 * visits)).astype(float)
            tallies[0].count(ratios(people.add(clicks), people.add(visits), count, everyone), 1.4)
            months = rng.uniform(0.1, 1, number)
            events = rng.poisson(0.3 * rng.gamma(1, 1, number) * months).astype(float)
            tallies[1].count(ratios(people.add(events), people.add(months), count, everyone), 0.3)
            some = crowd(rng, samples, rng.poisson(each, samples), 1)
            for tally, cv in ((tallies[2], 1), (tallies[3], 2)):
                spent = some.add(lognormal(some.mixed(rng, 0), cv))
                tally.count(totals(spent, some.rows(), some.customers()), float(each))
        table.append([str(each), *map(str, tallies)])
    return table


def quantiles_table(runs: int) -> Table:
    """Continuous values, and answers from 1 to 5."""
    rng = np.random.default_rng(5)
    table = [["customers", "rows each", "median", "90th percentile", "median of 1 to 5"]]
    steps = ndtri([0.1, 0.2, 0.45, 0.8])  # 35% answer 4, the median
    for each in SIZES:
        for rows, alike in ((1, 0.0), (5, 0.5)):
            tallies = [Tally() for _ in range(3)]
            for people, bucket in one_by_one(rng, runs, each, rows):
                value = people.mixed(rng, alike)
                tallies[0].count(quantile(value, 1, bucket, each), 0.0)
                tallies[1].count(quantile(value, 1, bucket, each, 0.9), float(ndtri(0.9)))
                step = 1.0 + np.searchsorted(steps, value)
                tallies[2].count(quantile(step, 1, bucket, each), 4.0)
            table.append([str(each), repeats(rows, alike), *map(str, tallies)])
    return table


def watched(
    rng: np.random.Generator, people: Crowd, alike: float, censored: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Exponential times with mean 1, of which a share is censored at random."""
    event = -np.log(ndtr(people.mixed(rng, alike)))
    if not censored:
        return event, np.ones(len(event), dtype=np.bool_)
    end = rng.exponential((1 - censored) / censored, len(event))
    return np.minimum(event, end), event <= end


def lifetimes_table(runs: int) -> Table:
    """Kaplan-Meier medians and survival."""
    rng = np.random.default_rng(6)
    stays = (0.5, 0.9, 0.97)
    table = [["customers", "rows each", "censored", "median", *(f"stay {s:.0%}" for s in stays)]]
    for each in SIZES:
        for rows, alike in ((1, 0.0), (5, 0.5)):
            if each * rows > 5000:
                continue
            for censored in (0.0, 0.25, 0.5):
                tallies = [Tally() for _ in range(1 + len(stays))]
                for people, bucket in one_by_one(
                    rng, runs if each < 5000 else runs // 2, each, rows
                ):
                    time_, event = watched(rng, people, alike, censored)
                    tallies[0].count(duration(time_, event, 1, bucket, each), float(np.log(2)))
                    for tally, stay in zip(tallies[1:], stays, strict=True):
                        after = -float(np.log(stay))
                        tally.count(survival(time_, event, 1, bucket, each, after), stay)
                table.append(
                    [str(each), repeats(rows, alike), f"{censored:.0%}", *map(str, tallies)]
                )
    return table


def weights_table(runs: int) -> Table:
    """Survey weights that go with the answer, as those of groups that answer less do."""
    rng = np.random.default_rng(7)
    heads = ("share 0.2", "NPS 45% / 25%", "mean, CV 1")
    table = [["customers", "rows each", "CV of weights", *heads]]
    for each in SIZES:
        for rows, alike in ((1, 0.0), (3, 0.4)):
            for spread in (0.3, 1.0):
                tallies = [Tally() for _ in range(3)]
                for samples in batches(runs, each * rows):
                    people = crowd(rng, samples, each, rows)
                    own = rng.standard_normal(len(people.group))
                    weight = lognormal(own, spread)[people.who]
                    # Who weighs more answers otherwise: unweighted sums would be off.
                    leaning = 0.5 * own[people.who] + 0.75**0.5 * people.mixed(rng, alike)
                    for tally, found, truth in zip(
                        tallies, *_weighted(people, weight, leaning, spread), strict=True
                    ):
                        tally.count(found, truth)
                table.append([str(each), repeats(rows, alike), f"{spread:g}", *map(str, tallies)])
    return table


def _weighted(
    people: Crowd, weight: Floats, leaning: Floats, spread: float
) -> tuple[list[Estimates], list[float]]:
    """Weighted estimates, and what they are in the population that the weights stand for.

    Weighting by a lognormal of a normal shifts the normal by its log's standard deviation.
    """
    shift = 0.5 * np.log(1 + spread**2) ** 0.5
    count, everyone = people.rows(), people.customers()
    x, x2 = people.add(weight), people.add(weight**2)
    above = leaning > ndtri(0.8)
    fans, critics = leaning > ndtri(0.55), leaning < ndtri(0.25)
    amounts = lognormal(leaning, 1)
    found = [
        shares(people.add(weight * above), x, count, everyone, x2=x2),
        nps_scores(
            people.add(weight * fans), people.add(weight * critics), x, count, everyone, x2=x2
        ),
        ratios(people.add(weight * amounts), x, count, everyone),
    ]
    truths = [
        float(1 - ndtr(ndtri(0.8) - shift)),
        float(100 * (1 - ndtr(ndtri(0.55) - shift) - ndtr(ndtri(0.25) - shift))),
        float(np.exp(shift * np.log(2) ** 0.5)),
    ]
    return found, truths


def products_table(runs: int) -> Table:
    """A pipeline's velocity: open deals x share won x mean deal / mean days."""
    rng = np.random.default_rng(8)
    table = [["accounts", "deals each", "deal CV 0.5", "deal CV 1", "deal CV 2"]]
    for each in SIZES:
        for rows in (1, 3):
            tallies = []
            for cv in (0.5, 1, 2):
                tally = Tally()
                for samples in batches(runs, each * rows):
                    people = crowd(rng, samples, each, rows)
                    number = len(people.who)
                    won = rng.random(number) < 0.3
                    deal = lognormal(people.mixed(rng, 0.3 if rows > 1 else 0), cv)
                    days = 30 * rng.gamma(4, 0.25, number)
                    open_ = people.add((rng.random(number) < 0.4).astype(float))
                    closed = people.rows()
                    factors = [
                        (open_, None),
                        (people.add(won.astype(float)), closed),
                        (people.add(deal), people.add(days)),
                    ]
                    truth = 0.4 * each * rows * 0.3 / 30
                    tally.count(products(factors, closed, people.customers()), truth)
                tallies.append(tally)
            table.append([str(each), "1" if rows == 1 else f"{rows}", *map(str, tallies)])
    return table


def cells_table(runs: int) -> Table:
    """Many cells at once, whose jackknife is taken at 64 event times of many."""
    rng = np.random.default_rng(9)
    table = [["customers", "rows each", "censored", "median", "90th percentile", "stay 50%"]]
    for each, rows, alike in ((300, 1, 0.0), (300, 5, 0.5), (1000, 1, 0.0), (1000, 5, 0.5)):
        for censored in (0.0, 0.25, 0.5):
            tallies = [Tally() for _ in range(3)]
            for samples in batches(runs // 2, each * rows * 4):
                people = crowd(rng, samples, each, rows)
                wait, event = watched(rng, people, alike, censored)
                sample, bucket = np.divmod(people.group[people.who], BUCKETS)
                order = np.lexsort((wait, sample))
                start = np.searchsorted(sample[order], np.arange(samples + 1))
                drawn = (wait[order], event[order], np.ones(len(order)), bucket[order], start)
                many = np.full(samples, each)
                tallies[0].count(duration_cells(*drawn, many), float(np.log(2)))
                tallies[1].count(duration_cells(*drawn, many, 0.9), float(np.log(10)))
                tallies[2].count(survival_cells(*drawn, many, float(np.log(2))), 0.5)
            table.append([str(each), repeats(rows, alike), f"{censored:.0%}", *map(str, tallies)])
    return table
