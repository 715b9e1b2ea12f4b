"""Shares and the Net Promoter Score, which keep an interval in small samples."""

from math import inf

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import LEAST_CUSTOMERS, Estimate, Estimates, Floats, Method, Why
from heedful.stats.student import t_quantile, t_quantiles
from heedful.stats.sums import Ratios, bucket_sums, one_cell, single, student

EXTREME = 50.0
"""With fewer effective successes or failures than this a share gets Wilson's interval."""

UNKNOWN_DESIGN = 20.0
"""With fewer successes or failures buckets cannot tell how alike a customer's rows are."""


def effective_rows(
    cells: Ratios, iid: Floats, rarest: Floats, x2: ArrayLike | None, x: ArrayLike, level: float
) -> Floats:
    """Independent rows that would know as much as the rows there are, shape (cells,).

    n / deff, deff being the jackknife variance over the variance of independent rows, at least 1.
    The result is multiplied by (z / t)^2, since deff has the buckets' degrees of freedom (Korn and
    Graubard 1998). Where deff cannot be told (`rarest` counts too small), a customer counts once.

    Args:
        cells: the statistic's bucket sums.
        iid: variance of the statistic in a single row, shape (cells,).
        rarest: share of the rarer outcome, shape (cells,).
        x2: sums of squared weights; None where rows have no weights.
        x: sums of weights.
        level: level of the interval that the result is for.
    """
    rows = cells.rows
    if x2 is not None:
        weights, squares = bucket_sums(x).sum(axis=1), bucket_sums(x2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            rows = np.where(squares > 0, weights**2 / squares, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        deff = np.fmax(np.where(iid > 0, cells.variance * rows / iid, 1.0), 1.0)
        paid = (t_quantile(level, inf) / t_quantiles(level, np.fmax(cells.df, 1.0))) ** 2
        effective = rows / deff * paid
        told = (rarest * effective >= UNKNOWN_DESIGN) & np.isfinite(cells.variance)
    known = np.where(told, effective, np.fmin(effective, cells.customers))
    once = (rows <= cells.customers) & (x2 is None)
    return np.asarray(np.where(once, rows, known))


def wilson(share: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    """Wilson's score interval (1927) for shares of `n` effective rows, inside [0, 1].

    >>> import numpy as np
    >>> [round(float(end[0]), 4) for end in wilson(np.array([0.0]), np.array([10.0]), 0.95)]
    [0.0, 0.2775]
    """
    z = t_quantile(level, inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)


def shares(
    y: ArrayLike,
    x: ArrayLike,
    n: ArrayLike,
    customers: ArrayLike,
    *,
    x2: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimates:
    """Shares of many cells: jackknife, or Wilson where customers or outcomes are few.

    Args:
        y: sums of weights of the rows that have the property, shape (cells, 64).
        x: sums of weights of all rows, shape (cells, 64).
        n: rows, shape (cells, 64), or (cells,) or a number for totals over buckets.
        customers: distinct customers, with the same choice of shapes.
        x2: sums of squared weights, shape (cells, 64); None where rows have no weights.
        level: two-sided confidence level.
    """
    cells = Ratios.of(y, x, n, customers)
    share = cells.value
    spread = np.clip(share * (1 - share), 0, None)
    rarest = np.clip(np.fmin(share, 1 - share), 0, None)
    effective = effective_rows(cells, spread, rarest, x2, x, level)
    small = cells.customers < LEAST_CUSTOMERS
    with np.errstate(invalid="ignore"):
        steady = ~small & (rarest * effective >= EXTREME) & np.isfinite(cells.variance)
    smooth = student(share, cells.replicates, cells.df, cells.why, level)
    low, high = wilson(np.clip(share, 0, 1), effective, level)
    present = cells.why == Why.NOTHING
    method = np.where(steady, Method.JACKKNIFE, Method.WILSON)
    return Estimates(
        value=share,
        low=np.where(steady, np.clip(smooth.low, 0, 1), low),
        high=np.where(steady, np.clip(smooth.high, 0, 1), high),
        why=cells.why,
        replicates=cells.replicates,
        method=np.where(present, method, Method.NONE).astype(np.uint8),
        df=np.where(present & steady, cells.df, inf),
        skewed=steady & smooth.skewed,
        level=level,
    )


def share(
    y: ArrayLike,
    x: ArrayLike,
    n: ArrayLike,
    customers: ArrayLike,
    *,
    x2: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """One share: `shares` for bucket sums with shape (64,).

    >>> import numpy as np
    >>> one = np.ones(64)
    >>> none_of_them = share(0 * one, one, n=one, customers=one)
    >>> none_of_them.value, round(none_of_them.high, 3), none_of_them.method
    (0.0, 0.057, 'wilson')
    """
    sums, all_rows = one_cell("share", y, x)
    squares = None if x2 is None else one_cell("share", x2)[0]
    return shares(sums, all_rows, single(n), single(customers), x2=squares, level=level)[0]


def nps_scores(
    promoters: ArrayLike,
    detractors: ArrayLike,
    x: ArrayLike,
    n: ArrayLike,
    customers: ArrayLike,
    *,
    x2: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimates:
    """Net Promoter Scores of many cells on -100 to 100, with adjusted Wald intervals.

    Rocks (2016), The American Statistician 70(4): three answers are added, 3/4 of them promoters
    and 3/4 detractors, here to the effective number of answers. The value is the raw score; where
    the interval does not reach it (low levels, all answers alike), it is stretched to it.

    Args:
        promoters: sums of weights of promoters, shape (cells, 64).
        detractors: sums of weights of detractors, shape (cells, 64).
        x: sums of weights of all answers, shape (cells, 64).
        n: answers, shape (cells, 64), or (cells,) or a number for totals over buckets.
        customers: distinct customers, with the same choice of shapes.
        x2: sums of squared weights, shape (cells, 64); None where answers have no weights.
        level: two-sided confidence level.
    """
    fans, critics = bucket_sums(promoters), bucket_sums(detractors)
    cells = Ratios.of(fans - critics, x, n, customers)
    weights = bucket_sums(x).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        p, d = fans.sum(axis=1) / weights, critics.sum(axis=1) / weights
    spread = np.clip(p + d - (p - d) ** 2, 0, None)
    second_most = np.median(np.stack([p, d, 1 - p - d]), axis=0)
    effective = effective_rows(cells, spread, second_most, x2, x, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        p, d = ((part * effective + 0.75) / (effective + 3) for part in (p, d))
        half = t_quantile(level, inf) * np.sqrt((p + d - (p - d) ** 2) / (effective + 3))
    present = cells.why == Why.NOTHING
    value = 100 * cells.value
    replicates = 100 * cells.replicates
    low, high = 100 * (p - d - half), 100 * (p - d + half)
    return Estimates(
        value=value,
        low=np.where(present, np.clip(np.fmin(low, value), -100, 100), np.nan),
        high=np.where(present, np.clip(np.fmax(high, value), -100, 100), np.nan),
        why=cells.why,
        replicates=replicates,
        method=np.where(present, Method.ADJUSTED_WALD, Method.NONE).astype(np.uint8),
        df=np.full(len(value), inf),
        skewed=np.zeros(len(value), dtype=np.bool_),
        level=level,
    )


def nps(
    promoters: ArrayLike,
    detractors: ArrayLike,
    x: ArrayLike,
    n: ArrayLike,
    customers: ArrayLike,
    *,
    x2: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    """One Net Promoter Score: `nps_scores` for bucket sums with shape (64,).

    >>> import numpy as np
    >>> answers = np.ones(64)
    >>> score = nps(answers * 0.5, answers * 0.25, answers, n=answers, customers=answers)
    >>> score.value, score.method
    (25.0, 'adjusted_wald')
    """
    fans, critics, answers = one_cell("nps", promoters, detractors, x)
    squares = None if x2 is None else one_cell("nps", x2)[0]
    return nps_scores(
        fans, critics, answers, single(n), single(customers), x2=squares, level=level
    )[0]
