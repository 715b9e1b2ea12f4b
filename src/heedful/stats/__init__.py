"""Estimators without input or output: values, intervals and replicates from bucket sums."""

from heedful.stats.changes import (
    change,
    changes,
    combinations,
    combine,
    p_value,
    p_values,
    score,
    scores,
)
from heedful.stats.estimate import (
    BUCKETS,
    LEAST_CUSTOMERS,
    Estimate,
    Estimates,
    Method,
    Why,
    missing,
)
from heedful.stats.jackknife import jackknife
from heedful.stats.lifetimes import duration, survival
from heedful.stats.products import product, products
from heedful.stats.quantiles import quantile
from heedful.stats.shares import nps, nps_scores, share, shares
from heedful.stats.sums import ratio, ratios, total, totals

__all__ = [
    "BUCKETS",
    "LEAST_CUSTOMERS",
    "Estimate",
    "Estimates",
    "Method",
    "Why",
    "change",
    "changes",
    "combinations",
    "combine",
    "duration",
    "jackknife",
    "missing",
    "nps",
    "nps_scores",
    "p_value",
    "p_values",
    "product",
    "products",
    "quantile",
    "ratio",
    "ratios",
    "score",
    "scores",
    "share",
    "shares",
    "survival",
    "total",
    "totals",
]
