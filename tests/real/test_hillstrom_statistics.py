"""The Hillstrom e-mail experiment through the statistics alone: known figures, and oracles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
import tea_tasting as tt

from heedful.stats.contrast import FixedHorizon, contrast, linear, non_inferiority
from heedful.stats.groups import groups
from heedful.stats.heterogeneity import heterogeneity
from heedful.stats.moments import Moments
from heedful.stats.sample_ratio import sample_ratio

FILE = Path(__file__).parents[3] / "shared" / "data" / "hillstrom" / "hillstrom.csv"
VARIANTS = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
FIXED = FixedHorizon(0.05)

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="the public data sets are not beside the repository (../shared/data)"
)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    found = pd.read_csv(FILE)
    return found.assign(variant=found.segment.map(VARIANTS.index))


def of(customers: pd.DataFrame, *columns: str, by: pd.Series | None = None) -> Moments:
    values = customers[list(columns)].to_numpy(dtype=float)
    if by is None:
        return Moments.of(values, customers.variant.to_numpy(), 3)
    codes, names = pd.factorize(by, sort=True)
    cells = customers.variant.to_numpy() * len(names) + codes
    return Moments.of(values, cells, 3 * len(names)).reshape(3, -1)


def test_sample_ratio(customers) -> None:
    counts = customers.variant.value_counts().sort_index().tolist()
    assert sum(counts) == 64_000
    found = sample_ratio(counts, [1, 1, 1])
    assert found.p_value == pytest.approx(0.90, abs=0.005)
    assert found.state == "ok"


@pytest.mark.parametrize(
    ("column", "shares"),
    [("visit", (10.62, 18.28, 15.14)), ("conversion", (0.573, 1.253, 0.884))],
)
def test_shares(customers, column: str, shares) -> None:
    found = groups(of(customers, column), ratio=False, scale=100)
    digits = 0.005 if column == "visit" else 0.0005
    assert [one.value for one in found] == pytest.approx(shares, abs=digits)


@pytest.mark.parametrize(("variant", "lift", "p"), [(1, 0.770, 1.2e-7), (2, 0.424, 0.0011)])
def test_spend(customers, variant: int, lift: float, p: float) -> None:
    found = groups(of(customers, "spend"), ratio=False)
    assert [one.value for one in found] == pytest.approx([0.6528, 1.4226, 1.0772], abs=5e-5)
    change = contrast(found[variant], found[0], FIXED)
    assert change.difference == pytest.approx(lift, abs=5e-4)
    assert change.p_value == pytest.approx(p, rel=0.05)
    by_variant = [customers.spend[customers.variant == each] for each in (variant, 0)]
    welch = scipy.stats.ttest_ind(*by_variant, equal_var=False)
    ends = welch.confidence_interval()
    assert change.p_value == pytest.approx(welch.pvalue, rel=1e-8)
    assert (change.low, change.high) == pytest.approx((ends.low, ends.high), rel=1e-9)


@pytest.mark.parametrize("variant", [1, 2])
def test_everything_tea_tasting_says(customers, variant: int) -> None:
    both = customers[customers.variant.isin([0, variant])]
    experiment = tt.Experiment(
        spend=tt.Mean("spend"),
        basket=tt.RatioOfMeans("spend", "visit"),
        adjusted=tt.Mean("spend", "history"),
    )
    expected = experiment.analyze(both)
    plain = groups(of(both, "spend"), ratio=False)
    basket = groups(of(both, "spend", "visit"), ratio=True)
    adjusted = groups(of(both, "spend", "history"), ratio=False)
    for name, found, rel in (
        ("spend", plain, 1e-8),
        ("basket", basket, 1e-8),
        # theta of units within variants here, of all units there; and what theta costs.
        ("adjusted", adjusted, 1e-3),
    ):
        ours, theirs = contrast(found[variant], found[0], FIXED), expected[name]
        assert ours.difference == pytest.approx(theirs.effect_size, rel=rel)
        assert ours.low == pytest.approx(theirs.effect_size_ci_lower, rel=rel)
        assert ours.high == pytest.approx(theirs.effect_size_ci_upper, rel=rel)
        assert ours.relative == pytest.approx(theirs.rel_effect_size, rel=rel)
        assert ours.relative_low == pytest.approx(theirs.rel_effect_size_ci_lower, rel=rel)
        assert ours.relative_high == pytest.approx(theirs.rel_effect_size_ci_upper, rel=rel)
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=20 * rel)


def test_several_covariates_are_those_of_least_squares(customers) -> None:
    covariates = ["history", "recency", "newbie", "mens"]
    found = groups(of(customers, "visit", *covariates), ratio=False)
    dummies = {"m": customers.variant == 1, "w": customers.variant == 2}
    design = sm.add_constant(customers[covariates].assign(**dummies).astype(float))
    fit = sm.OLS(customers.visit, design).fit(cov_type="HC2")
    for variant, name in ((1, "m"), (2, "w")):
        change = contrast(found[variant], found[0], FIXED)
        assert change.difference == pytest.approx(fit.params[name], rel=1e-8)
        assert change.se == pytest.approx(fit.bse[name], rel=1e-3)
    assert 0 < found[0].variance_reduction < 0.1


def test_strata_by_hand(customers) -> None:
    strata = customers.history_segment
    found = groups(of(customers, "visit", by=strata), ratio=False)
    weights = strata.value_counts(normalize=True).sort_index()
    table = customers.groupby(["variant", "history_segment"]).visit
    for variant, one in enumerate(found):
        assert one.value == pytest.approx((weights * table.mean()[variant]).sum(), rel=1e-10)
        parts = weights**2 * table.var()[variant] / table.count()[variant]
        # The luck of the shares of strata adds little where effects hardly differ.
        assert parts.sum() < one.variance < 1.002 * parts.sum()


def test_either_mail_against_none(customers) -> None:
    cells = groups(of(customers, "spend"), ratio=False)
    found = linear([-1, 0.5, 0.5], cells, FIXED)
    assert found.difference == pytest.approx((0.770 + 0.424) / 2, abs=5e-4)
    assert found.low > 0


def test_effect_by_what_they_bought_before(customers) -> None:
    """The women's mail brings visits from who bought women's goods: effects differ."""
    cells = of(customers, "visit", by=customers.womens)
    changes = []
    for segment in (0, 1):
        control, _, mailed = groups(cells[:, segment], ratio=False)
        changes.append(contrast(mailed, control, FIXED))
    p = heterogeneity(
        [each.difference for each in changes],
        [each.se for each in changes],
        [each.df for each in changes],
    )
    interaction = sm.OLS(
        customers.visit[customers.variant != 1],
        sm.add_constant(
            pd.DataFrame(
                {
                    "mail": customers.variant == 2,
                    "womens": customers.womens == 1,
                    "both": (customers.variant == 2) & (customers.womens == 1),
                }
            )[customers.variant != 1].astype(float)
        ),
    ).fit(cov_type="HC2")
    assert changes[1].difference > 2 * changes[0].difference
    assert p == pytest.approx(interaction.pvalues["both"], rel=1e-2)
    assert p < 1e-6


def test_a_mail_that_brings_visits_harms_no_visits(customers) -> None:
    control, mens, _ = groups(of(customers, "visit"), ratio=False)
    found = non_inferiority(
        mens, control, margin=0.03, relative=True, better="higher", critical=FIXED
    )
    assert found.shown
    turned = non_inferiority(
        mens, control, margin=0.03, relative=True, better="lower", critical=FIXED
    )
    assert turned.harmed
    assert not turned.shown
    assert np.isclose(found.p_value + turned.p_value, 1, atol=1e-6)
