"""Figures that other engines publish in their tests, from the same inputs.

GrowthBook: github.com/growthbook/growthbook, packages/stats/tests and packages/back-end/test (read
at commit 8f1db44). Spotify: github.com/spotify/confidence, tests (read at commit e1f8a49). Figures
only; where a method differs, what is comparable is compared, and the test says what differs.
"""

from math import inf, sqrt

import numpy as np
import pytest
import scipy.stats

from heedful.stats.contrast import FixedHorizon, contrast, non_inferiority
from heedful.stats.groups import Group, groups
from heedful.stats.moments import Moments
from heedful.stats.power import Comparison
from heedful.stats.sample_ratio import answered, sample_ratio

FIXED = FixedHorizon(0.05)
FIVE = 5e-6
"""Half a unit in the fifth decimal, to which GrowthBook prints."""


def sums(n: float, total: float, squares: float) -> Group:
    """A group from n, sum and sum of squares of its units."""
    moments = Moments(np.array([n]), np.array([[total]]), np.array([[[squares]]]), np.zeros(1))
    return groups(moments, ratio=False)[0]


def share(yes: float, n: float) -> Group:
    return sums(n, yes, yes)


def normal(group: Group, divisor: float = 0.0) -> Group:
    """The group as a z-test takes it, with the variance over n - 1 or over n."""
    factor = (group.n - 1) / group.n if divisor else 1.0
    return Group(group.value, group.variance * factor, inf, group.n)


def wald(treated: Group, control: Group, base: float | None = None) -> tuple[float, float]:
    """The lift and its standard error by the delta method without logarithms."""
    base = control.value if base is None else base
    lift = (treated.value - control.value) / base
    spread = treated.variance + (1 + lift) ** 2 * control.variance
    return lift, sqrt(spread) / base


# GrowthBook, frequentist/test_tests.py

BASE, OTHER = sums(3407, 1396.87, 52377.9767), sums(3461, 2422.7, 134698.29)
SMALLER = sums(3000, 1396.87, 52377.9767)


def test_growthbook_two_sided_absolute() -> None:
    found = contrast(OTHER, BASE, FIXED)
    assert found.difference == pytest.approx(0.7 - 0.41, abs=FIVE)
    assert found.se == pytest.approx(0.12478, abs=FIVE)
    assert (found.low, found.high) == pytest.approx((0.04538, 0.53462), abs=FIVE)
    assert found.p_value == pytest.approx(0.02016, abs=FIVE)


def test_growthbook_two_sided_relative() -> None:
    found = contrast(OTHER, BASE, FIXED)
    assert found.relative == pytest.approx(0.70732, abs=FIVE)
    # GrowthBook tests the lift and puts a symmetric interval around it.
    lift, se = wald(OTHER, BASE)
    assert (lift, se) == pytest.approx((0.70732, 0.37879), abs=FIVE)
    half = FIXED.multiplier(found.df) * se
    assert (lift - half, lift + half) == pytest.approx((-0.03526, 1.44989), abs=FIVE)
    assert FIXED.p_value(lift / se, found.df) == pytest.approx(0.06191, abs=FIVE)
    # The log ratio's is not symmetric, and agrees with the absolute test that there is an effect.
    assert found.relative_low > 0 > lift - half
    assert found.relative_high > lift + half


def test_growthbook_shares() -> None:
    treated, control = share(16, 30), share(14, 28)
    found = contrast(treated, control, FIXED)
    assert found.relative == pytest.approx(0.06667, abs=FIVE)
    # GrowthBook's variance of a share has the divisor n, here it is n - 1.
    lift, se = wald(normal(treated, divisor=1), normal(control, divisor=1))
    assert se == pytest.approx(0.2717, abs=FIVE)
    degrees = contrast(
        Group(treated.value, treated.variance * 29 / 30, 29, 30),
        Group(control.value, control.variance * 27 / 28, 27, 28),
        FIXED,
    ).df
    assert FIXED.p_value(lift / se, degrees) == pytest.approx(0.80707, abs=FIVE)
    half = FIXED.multiplier(degrees) * se
    assert (lift - half, lift + half) == pytest.approx((-0.47767, 0.61101), abs=FIVE)
    assert found.p_value == pytest.approx(0.80707, abs=0.005)


def test_growthbook_one_sided_absolute() -> None:
    # The lower end at 95% on one side is that of the two-sided interval at 90%.
    found = contrast(OTHER, SMALLER, FixedHorizon(0.1))
    assert found.difference == pytest.approx(0.23437666666666668)
    assert found.se == pytest.approx(0.12983081254184736)
    assert found.low == pytest.approx(0.020791480063255735)
    assert found.high == pytest.approx(0.44796185327007765)
    greater, lesser = (
        non_inferiority(
            OTHER, SMALLER, margin=0.0, relative=False, better=better, critical=FIXED
        ).p_value
        for better in ("higher", "lower")
    )
    assert greater == pytest.approx(0.03554272489873023)
    assert lesser == pytest.approx(0.9644572751012698)


def test_growthbook_one_sided_relative() -> None:
    found = contrast(OTHER, SMALLER, FixedHorizon(0.1))
    assert found.relative == pytest.approx(0.5033610858562358)
    lift, se = wald(OTHER, SMALLER)
    assert se == pytest.approx(0.3334122146400735)
    assert FIXED.p_value(lift / se, found.df) / 2 == pytest.approx(0.06558262868467746)
    half = FixedHorizon(0.1).multiplier(found.df) * se
    assert lift - half == pytest.approx(-0.045136675850396046)
    assert lift + half == pytest.approx(1.0518588475628676)


def test_growthbook_group_without_variance() -> None:
    # Sums that no units can have (n = 2): GrowthBook refuses them too.
    few = sums(2, 1396.87, 52377.9767)
    assert np.isnan([few.value, few.variance]).all()


# GrowthBook, test_gbstats.py


def test_growthbook_means_of_a_dimension() -> None:
    control, treated = sums(100, 270, 848.79), sums(120, 300, 869)
    assert (control.value, treated.value) == pytest.approx((2.7, 2.5))
    found = contrast(treated, control, FIXED)
    assert found.relative == pytest.approx(-0.074074074, abs=5e-10)
    lift, se = wald(treated, control)
    assert FIXED.p_value(lift / se, found.df) == pytest.approx(0.145219005, abs=5e-10)


def pairs(*variants: tuple[float, list[float], list[list[float]]]) -> Moments:
    n, totals, products = zip(*variants, strict=True)
    count = len(totals[0])
    return Moments(np.array(n), np.array(totals), np.array(products), np.zeros(count))


def test_growthbook_ratio() -> None:
    moments = pairs(
        (100.0, [270.0, 510.0], [[848.79, -900.0], [-900.0, 810.0]]),
        (120.0, [300.0, 500.0], [[869.0, -905.0], [-905.0, 800.0]]),
    )
    # No units can have these denominators: their sum of squares is below n times the squared mean.
    # GrowthBook goes on with a negative variance (ratios 0.529 and 0.6, p = 0.61); here there is
    # no ratio.
    assert (moments.products[:, 1, 1] < moments.sums[:, 1] ** 2 / moments.n).all()
    assert (moments.mean[:, 0] / moments.mean[:, 1]).tolist() == pytest.approx([0.529411765, 0.6])
    assert np.isnan([one.value for one in groups(moments, ratio=True)]).all()


def test_growthbook_ratio_without_denominator() -> None:
    moments = pairs(
        (100.0, [270.0, 0.0], [[848.79, 0.0], [0.0, 0.0]]),
        (120.0, [300.0, 500.0], [[869.0, -905.0], [-905.0, 800.0]]),
    )
    control, treated = groups(moments, ratio=True)
    assert np.isnan(control.value)
    # GrowthBook says 0 with p = 1.
    assert np.isnan([contrast(treated, control, FIXED).p_value]).all()


def test_growthbook_one_user() -> None:
    control, treated = sums(3, 20, 443), sums(1, 1, 1)
    assert control.value == pytest.approx(6.666666667)
    found = contrast(treated, control, FIXED)
    # GrowthBook says 0 with p = 1.
    assert np.isnan([found.difference, found.p_value]).all()


def test_growthbook_regression_adjustment() -> None:
    moments = pairs(
        (3001.0, [300.0, 210.0], [[600.0, -20.0], [-20.0, 415.0]]),
        (3000.0, [222.0, 120.0], [[555.0, -10.0], [-10.0, 405.0]]),
    )
    control, treated = groups(moments, ratio=False)
    assert control.unadjusted == pytest.approx(0.099966678, abs=5e-10)
    assert treated.unadjusted == pytest.approx(0.074, abs=5e-10)
    # GrowthBook's theta is that of both groups as one, which differs by the effect; its lift is of
    # the control without adjustment, and its error takes the ratio of the means without it too.
    lift = (treated.value - control.value) / control.unadjusted
    assert lift == pytest.approx(-0.281707154, rel=2e-3)
    ratio = treated.unadjusted / control.unadjusted
    se = sqrt(treated.variance + ratio**2 * control.variance) / control.unadjusted
    assert FIXED.p_value(lift / se, 5999) == pytest.approx(0.003732549, rel=0.02)


def test_growthbook_ratio_with_a_ratio_before() -> None:
    def variant(post, pre, squares, crossed) -> tuple[float, list[float], list[list[float]]]:
        (mm, dd, kk, ee), (mk, de, ke, md, me, kd) = squares, crossed
        products = [[mm, md, mk, me], [md, dd, kd, de], [mk, kd, kk, ke], [me, de, ke, ee]]
        return 100.0, [*post, *pre], products

    moments = pairs(
        variant(
            (485.112236689623, 679.9093275844917),
            (192.59138069991536, 290.1398399750233),
            (2715.484666118136, 4939.424001640236, 460.076026390857, 920.9461385038898),
            (
                1113.6215759318352,
                2130.9404074446747,
                634.239482353647,
                3602.146836776702,
                1559.2878434944676,
                1460.3181079276983,
            ),
        ),
        variant(
            (514.7757826608777, 705.4090874383759),
            (206.94157227402536, 302.54389139107326),
            (2994.897482705013, 5291.36604146392, 514.2903702246757, 994.4506208125663),
            (
                1237.0953021125997,
                2292.081739775257,
                698.4173425817908,
                3918.1561431600717,
                1701.0287270040265,
                1604.0759503266522,
            ),
        ),
    )
    # The covariate is the ratio before: of each group the linearised units about their ratio.
    sums_of, products_of = [], []
    for variant in (moments[0], moments[1]):
        _, _, over, under = variant.mean
        r = over / under
        turn = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1 / under, -r / under]])
        lift_by = np.array([0, 0, r])  # the linearised units have mean 0
        total = turn @ variant.sums
        moved = np.outer(total, lift_by)
        sums_of.append(total + 100 * lift_by)
        products_of.append(
            turn @ variant.products @ turn.T + moved + moved.T + 100 * np.outer(lift_by, lift_by)
        )
    linear = Moments(moments.n, np.array(sums_of), np.array(products_of), np.zeros(3))
    control, treated = groups(linear, ratio=True)
    assert control.unadjusted == pytest.approx(0.713495487, abs=5e-10)
    assert treated.unadjusted == pytest.approx(0.729754963, abs=5e-10)
    lift = (treated.value - control.value) / control.unadjusted
    se = sqrt(treated.variance + (1 + lift) ** 2 * control.variance) / control.unadjusted
    # GrowthBook has it without what theta costs: 198 units less groups, 1 coefficient.
    assert se / sqrt(198 * 197 / (197 * 196)) == pytest.approx(0.00391, abs=FIVE)
    assert lift == pytest.approx(-0.000701483, abs=2e-6)
    assert FIXED.p_value(lift / se, 198) == pytest.approx(0.857710405, abs=0.001)


# GrowthBook, frequentist/test_post_strat.py: five strata of 1,000 units

STRATA = [
    (
        (21, (330.0696210595999, 5377.811252605509)),
        (42, (708.1220000911836, 12249.255519049513)),
    ),
    (
        (65, (1391.96628040659, 30546.63404187155)),
        (75, (1807.4703052657744, 45000.287664918586)),
    ),
    (
        (102, (2916.824124651419, 86396.06886690554)),
        (101, (3104.5399914554023, 98365.40553530994)),
    ),
    (
        (151, (5172.587929941052, 182453.04528037464)),
        (121, (4613.696610070716, 180520.64781229294)),
    ),
    (
        (160, (6539.348445231273, 274981.98909352464)),
        (162, (7431.953259880505, 349244.6690736718)),
    ),
]
DENOMINATORS = [
    (
        (890.9766550739607, 38220.95223835553, 14263.937571840695),
        (1745.9858250014954, 73194.53424221886, 29826.620793423102),
    ),
    (
        (2769.8126179473184, 118719.96077578884, 59924.702385890436),
        (3184.8395612061063, 136710.92474497214, 78119.14871556411),
    ),
    (
        (4445.780384331884, 195387.7733842407, 129041.55268673625),
        (4235.277718489282, 179690.4720421368, 132444.36911739354),
    ),
    (
        (6510.170220892494, 283094.7243365024, 226127.20135744457),
        (5079.943060454901, 215529.32009367683, 196562.8269130501),
    ),
    (
        (6906.305872710853, 300900.3106781779, 286483.9732935189),
        (6899.004661928157, 296839.44355002965, 321057.8410309036),
    ),
]


def stratified(*, ratio: bool) -> list[Group]:
    k = 2 if ratio else 1
    n, totals, products = np.zeros((2, 5)), np.zeros((2, 5, k)), np.zeros((2, 5, k, k))
    for stratum, variants in enumerate(zip(STRATA, DENOMINATORS, strict=True)):
        for variant, ((units, (y, yy)), (x, xx, xy)) in enumerate(zip(*variants, strict=True)):
            n[variant, stratum] = units
            totals[variant, stratum] = (y, x)[:k]
            products[variant, stratum] = np.array([[yy, xy], [xy, xx]])[:k, :k]
    return groups(Moments(n, totals, products, np.zeros(k)), ratio=ratio)


def test_growthbook_post_stratified_mean() -> None:
    control, treated = stratified(ratio=False)
    found = contrast(treated, control, FIXED)
    assert found.difference == pytest.approx(3.548094377986586, rel=1e-12)
    assert found.se == pytest.approx(0.37634374823059685, rel=1e-10)
    assert found.relative == pytest.approx(0.10994584851937336, rel=1e-12)
    # GrowthBook's lift has a standard error of 0.012225 (its interval is symmetric, and carries
    # that the shares of strata move control and lift together); that of the log ratio is near.
    logarithmic = np.log1p([found.relative_low, found.relative_high])
    se = np.diff(logarithmic)[0] / 2 / FIXED.multiplier(found.df)
    assert se * (1 + found.relative) == pytest.approx(0.012225394656480164, rel=0.02)


def test_growthbook_post_stratified_ratio() -> None:
    control, treated = stratified(ratio=True)
    found = contrast(treated, control, FIXED)
    assert found.difference == pytest.approx(0.10008903417216031, rel=1e-12)
    assert found.se == pytest.approx(0.005071004003792392, rel=1e-10)
    assert found.relative == pytest.approx(0.13371299783026003, rel=1e-12)


# GrowthBook, back-end/test/stats.test.ts


@pytest.mark.parametrize(
    ("counts", "weights", "p"),
    [
        ([1000, 1200], [0.5, 0.5], 0.000020079),
        ([135, 115], [0.5, 0.5], 0.205903211),
        ([310, 98], [0.75, 0.25], 0.647434186),
        ([0, 10, 10], [0.34, 0.33, 0.33], 0.005790624),
        ([500, 500, 600], [0.34, 0.33, 0.33], 0.000592638),
        ([500, 500], [0.5, 0.5], 1.0),
    ],
)
def test_growthbook_sample_ratio(counts, weights, p: float) -> None:
    assert sample_ratio(counts, weights).p_value == pytest.approx(p, abs=5e-10)


def test_growthbook_sample_ratio_where_it_says_1() -> None:
    # Without units GrowthBook says p = 1; here there is none. Units of a variant that is to get
    # none are left out there and a failure here.
    assert np.isnan(sample_ratio([0, 0, 0], [0.34, 0.33, 0.33]).p_value)
    assert sample_ratio([1000, 900, 800], [1, 0, 0]).state == "fail"


# Spotify, frequentist/test_ttest.py

SPOTIFY = {
    "us test": sums(1009, 1969, 5767),
    "us control": sums(104, 312, 984),
    "us test2": sums(1502, 2955, 8771),
    "gb test": sums(100, 195, 553),
    "gb control": sums(10, 24, 80),
    "gb test2": sums(150, 330, 1010),
}


@pytest.mark.parametrize(
    ("treated", "control", "difference", "low", "high", "p"),
    [
        ("us test", "us control", -1.0485629, -1.205963, -0.891163, 0.0),
        ("gb test2", "gb control", -0.2, -1.340533, 0.940533, 0.704021),
        ("gb test", "gb control", -0.45, -1.595350, 0.695350, 0.4030961),
    ],
)
def test_spotify_t_test(treated, control, difference, low, high, p) -> None:
    found = contrast(SPOTIFY[treated], SPOTIFY[control], FIXED)
    # Spotify's tests are to 1 in 1,000.
    assert found.difference == pytest.approx(difference, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)
    assert found.p_value == pytest.approx(p, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(
    ("alpha", "low", "high"), [(0.01, -1.255391, -0.841735), (0.001, -1.314140, -0.782024)]
)
def test_spotify_t_test_at_other_levels(alpha: float, low: float, high: float) -> None:
    found = contrast(SPOTIFY["us test"], SPOTIFY["us control"], FixedHorizon(alpha))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)


def test_spotify_lift() -> None:
    found = contrast(SPOTIFY["us test"], SPOTIFY["us control"], FIXED)
    assert found.relative == pytest.approx(-0.349520, rel=1e-5)
    # Spotify divides the absolute interval by the control, as if that were known.
    ends = found.low / 3, found.high / 3
    assert ends == pytest.approx((-0.4018008, -0.297241), rel=1e-3)
    # The log ratio carries the control's own error too, so it is wider at the far end.
    assert found.relative_low == pytest.approx(-0.38, abs=0.01)
    assert found.relative_high == pytest.approx(-0.315, abs=0.01)


def test_spotify_t_test_of_many() -> None:
    control, treated = sums(48351, 1.438602e06, 7.330581e07), sums(50571, 1.521974e06, 7.862121e07)
    assert contrast(treated, control, FIXED).p_value == pytest.approx(0.03334, rel=0.01)


# Spotify, frequentist/test_ztest.py


def test_spotify_z_test_of_shares() -> None:
    cases = {
        ("us test", "us control"): ((500, 1009), (42, 104), 7.00932382e-02),
        ("us test2", "us control"): ((1005, 1502), (42, 104), 9.00993166e-08),
        ("gb test", "gb control"): ((50, 100), (4, 10), 5.39020329e-01),
        ("gb control", "us control"): ((4, 10), (42, 104), 9.81084197e-01),
    }
    for treated, control, p in cases.values():
        # Spotify's z-test has variances with the divisor n and no degrees of freedom.
        a, b = (normal(share(*each), divisor=1) for each in (treated, control))
        assert contrast(a, b, FIXED).p_value == pytest.approx(p, rel=1e-3)
        # Welch's test is a little more careful, the more so the fewer units.
        assert contrast(share(*treated), share(*control), FIXED).p_value > p


@pytest.mark.parametrize(
    ("better", "end", "safe"), [("higher", -0.0723, False), ("lower", 0.0207, True)]
)
def test_spotify_non_inferiority(better, end: float, safe: bool) -> None:
    control, treated = sums(5000, 10021.0, 25142.0), sums(5000, 9892.0, 24510.0)
    plain = contrast(treated, control, FixedHorizon(0.02))
    assert control.value == pytest.approx(2.004210, abs=1e-4)
    assert plain.difference == pytest.approx(-0.0258, abs=1e-4)
    # Their one-sided interval at 99% is an end of the two-sided one at 98%.
    assert (plain.low if better == "higher" else plain.high) == pytest.approx(end, abs=1e-4)
    # Their margin is 2% of a control that counts as known: an absolute margin here.
    absolute = non_inferiority(
        treated,
        control,
        margin=0.02 * control.value,
        relative=False,
        better=better,
        critical=FixedHorizon(0.02),
    )
    assert (absolute.p_value < 0.01) == safe
    assert absolute.shown == safe
    t = (0.02 * control.value + (-0.0258 if better == "higher" else 0.0258)) / plain.se
    assert absolute.p_value == pytest.approx(scipy.stats.norm.sf(t), rel=1e-2)
    # With the control's own error the verdict is the same.
    relative = non_inferiority(
        treated,
        control,
        margin=0.02,
        relative=True,
        better=better,
        critical=FixedHorizon(0.02),
    )
    assert relative.shown == safe
    assert relative.distance == pytest.approx(absolute.distance)


# Spotify, frequentist/test_chisquared.py


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [((500, 1009), (42, 104), 0.074866), ((50, 100), (40, 100), 0.155218)],
)
def test_spotify_chi_square(a, b, p: float) -> None:
    found = answered([a[0], b[0]], [a[1] - a[0], b[1] - b[0]])
    assert found.p_value == pytest.approx(p, abs=5e-7)


def test_spotify_power() -> None:
    shares = Comparison(0.34 * 0.66, 0.34 * 0.66, 22572 / 248297, 225725 / 248297, alpha=0.03)
    assert shares.power(248297, 0.01) == pytest.approx(0.8, rel=0.005)
    means = Comparison(45.0, 45.0)
    assert means.power(2 * 859896, 0.03) == pytest.approx(0.8345828, abs=1e-5)


# Spotify, samplesize/test_samplesizecalculator.py (figures of G*Power) and
# frequentist/test_freqsamplesizecalculator.py


def test_spotify_sample_sizes() -> None:
    assert Comparison(100.0, 100.0).sample_size(0.3, 0.85) == pytest.approx(39906, rel=5e-3)
    share_of = Comparison(0.34 * 0.66, 0.34 * 0.66)
    assert share_of.sample_size(0.003, 0.85) == pytest.approx(897348, rel=5e-3)
    loose = Comparison(0.34 * 0.66, 0.34 * 0.66, alpha=0.14)
    assert loose.sample_size(0.003, 0.85) == pytest.approx(630710, rel=5e-3)
    assert loose.sample_size(0.003, 0.67) == pytest.approx(366424, rel=5e-3)


def test_spotify_sample_sizes_of_unequal_groups() -> None:
    # Weights 5,000 and 2,000, two-sided at 99%, a lift of 1% of 4.56.
    plan = Comparison(2.13, 2.13, 2 / 7, 5 / 7, alpha=0.01)
    assert plan.sample_size(0.0456) == pytest.approx(58622, rel=1e-3)
    # Non-inferiority of a share of 0.7 by 0.617% of it, one-sided at 99%.
    guard = Comparison(0.21, 0.21, 2 / 7, 5 / 7, alpha=0.02, one_sided=True)
    assert guard.sample_size(0.00617 * 0.7) == pytest.approx(553620, rel=1e-3)


def test_spotify_margin_is_the_end_of_the_interval_at_half_power() -> None:
    # 1,337,560 of 2,786,584 and 334,390 of 696,646, margin 0.15 points, four treatments.
    plan = Comparison(0.48 * 0.52, 0.48 * 0.52, 0.125, 0.5, alpha=2 * 0.05 / 4, one_sided=True)
    assert plan.sample_size(0.0015, 0.5) == pytest.approx(5573168, rel=1e-3)
    control, treated = share(1337560.32, 2786584), share(334390.08, 696646)
    found = contrast(treated, control, FixedHorizon(2 * 0.05 / 4))
    assert found.low == pytest.approx(-0.0015, rel=1e-3)
