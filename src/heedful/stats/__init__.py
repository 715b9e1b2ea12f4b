"""Estimators without input or output: values, intervals and replicates from bucket sums."""

from heedful.stats.cell_lifetimes import duration_cells, survival_cells
from heedful.stats.cell_quantiles import quantile_cells
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
    "duration_cells",
    "jackknife",
    "missing",
    "nps",
    "nps_scores",
    "p_value",
    "p_values",
    "product",
    "products",
    "quantile",
    "quantile_cells",
    "ratio",
    "ratios",
    "score",
    "scores",
    "share",
    "shares",
    "survival",
    "survival_cells",
    "total",
    "totals",
]
