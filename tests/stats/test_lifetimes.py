from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_leukemia
from lifelines.utils import median_survival_times

from heedful.stats import BUCKETS, duration, lifetimes, survival
from heedful.stats.jackknife import variances

ROWS = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.integers(1, 3), st.integers(0, 63)),
    min_size=1,
    max_size=80,
)


class Watched(NamedTuple):
    time: np.ndarray
    event: np.ndarray
    bucket: np.ndarray


def watched(seed: int, number: int, censoring: float = 0.5) -> Watched:
    rng = np.random.default_rng(seed)
    time, end = rng.exponential(1, number), rng.exponential(1 / censoring, number)
    return Watched(np.minimum(time, end), time <= end, rng.integers(0, BUCKETS, number))


# Odd quantiles, which survival of few rows cannot hit: lifelines rounds there.
@given(ROWS, st.sampled_from([0.2503, 0.5003, 0.9003]), st.integers(0, 12))
@settings(deadline=None, max_examples=40)
@pytest.mark.filterwarnings("ignore:Approximating")
def test_values_are_those_of_lifelines(rows, q, after) -> None:
    time, event, count, bucket = (np.array(column) for column in zip(*rows, strict=True))
    fitted = KaplanMeierFitter().fit(time, event, weights=count)
    found = duration(time, event, count, bucket, customers=50, q=q)
    expected = fitted.percentile(1 - q)
    if np.isinf(expected):
        assert found.value is None
    else:
        assert found.value == expected
    stayed = survival(time, event, count, bucket, customers=50, after=after)
    expected = float(fitted.predict(after))
    if after > time.max() and expected > 0:
        assert stayed.value is None
        assert stayed.why == "nobody was watched for that long"
    else:
        assert stayed.value == pytest.approx(expected, abs=1e-9)
        lost = survival(time, event, count, bucket, customers=50, after=after, complement=True)
        assert lost.value == pytest.approx(1 - stayed.value)
        if stayed.low is not None:
            assert 0 <= stayed.low <= stayed.value <= stayed.high <= 1
            assert (lost.low, lost.high) == (1 - stayed.high, 1 - stayed.low)


def test_intervals_of_independent_rows_are_close_to_lifelines() -> None:
    time, event, bucket = watched(1, 4000)
    fitted = KaplanMeierFitter().fit(time, event)
    median = duration(time, event, 1, bucket, customers=4000)
    low, high = median_survival_times(fitted.confidence_interval_).to_numpy()[0]
    assert median.low == pytest.approx(low, abs=0.15 * (high - low))
    assert median.high == pytest.approx(high, abs=0.15 * (high - low))
    assert median.method == "brookmeyer_crowley"
    stayed = survival(time, event, 1, bucket, customers=4000, after=1.0)
    low, high = fitted.confidence_interval_survival_function_.loc[:1.0].iloc[-1]
    assert stayed.low == pytest.approx(low, abs=0.15 * (high - low))
    assert stayed.high == pytest.approx(high, abs=0.15 * (high - low))
    assert stayed.method == "log_log"


def test_medians_of_the_freireich_trial() -> None:
    # Freireich et al. (1963): remission of 23 weeks with 6-MP, 8 weeks with placebo.
    data = load_leukemia()
    for treated, weeks in ((0, 23), (1, 8)):
        arm = data[data["Rx"] == treated]
        found = duration(arm["t"], arm["status"], 1, np.arange(21), customers=21)
        assert found.value == weeks
        assert found.why == "fewer than 30 customers"


def test_ends_are_where_the_survival_band_passes_the_quantile() -> None:
    time, event, bucket = watched(2, 300)
    found = duration(time, event, 1, bucket, customers=300)
    events = np.unique(time[event])

    def band(at: float) -> tuple[float, float]:
        stayed = survival(time, event, 1, bucket, customers=300, after=at)
        assert stayed.method == "log_log"
        return stayed.low, stayed.high

    before_low, before_high = (
        events[np.searchsorted(events, end) - 1] for end in (found.low, found.high)
    )
    assert band(found.low)[0] <= 0.5 < band(before_low)[0]
    assert band(found.high)[1] <= 0.5 < band(before_high)[1]


def test_rows_of_a_customer_are_not_independent() -> None:
    time, event, bucket = watched(3, 400)
    once = survival(time, event, 1, bucket, customers=400, after=0.7)
    tenfold = survival(time, event, 10, bucket, customers=400, after=0.7)
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=0.15)
    assert duration(time, event, 10, bucket, customers=400).low == pytest.approx(
        duration(time, event, 1, bucket, customers=400).low, rel=0.1
    )


def test_replicates_leave_a_bucket_out() -> None:
    time, event, bucket = watched(4, 500)
    found = survival(time, event, 1, bucket, customers=500, after=0.8)
    kept = bucket != 17
    again = survival(time[kept], event[kept], 1, bucket[kept], customers=500, after=0.8)
    assert found.replicates[17] == pytest.approx(again.value)
    median = duration(time, event, 1, bucket, customers=500)
    variance = variances(median.replicates[None], np.array([median.value]), np.array([64.0]))
    assert 2 * 1.9983405 * variance[0] ** 0.5 == pytest.approx(median.high - median.low)


def test_chunks_do_not_show(monkeypatch) -> None:
    time, event, bucket = watched(5, 700)
    whole = duration(time, event, 1, bucket, customers=700, q=0.6)
    stayed = survival(time, event, 1, bucket, customers=700, after=1.1)
    monkeypatch.setattr(lifetimes, "CHUNK", 7)
    pieces = duration(time, event, 1, bucket, customers=700, q=0.6)
    assert (pieces.value, pieces.low, pieces.high) == (whole.value, whole.low, whole.high)
    np.testing.assert_allclose(pieces.replicates, whole.replicates)
    again = survival(time, event, 1, bucket, customers=700, after=1.1)
    assert (again.value, again.low) == pytest.approx((stayed.value, stayed.low))


def test_too_few_events_leave_a_lower_end_only() -> None:
    time = np.arange(1.0, 101)
    event = time <= 45
    bucket = np.arange(100) % 64
    found = duration(time, event, 1, bucket, customers=100)
    assert found.value is None
    assert 30 < found.low < 46
    assert found.why == "too few of the events had happened when watching ended"
    later = duration(time, time <= 52, 1, bucket, customers=100)
    assert (later.value, later.high) == (50.0, None)
    assert later.why == "too little data above the value for an upper end"
    assert np.isfinite(later.replicates).all()


def test_nobody_or_everybody_lost() -> None:
    time, bucket = np.full(50, 30.0), np.arange(50)
    all_stay = survival(time, np.zeros(50, bool), 1, bucket, customers=50, after=30)
    assert (all_stay.value, all_stay.high, all_stay.method) == (1.0, 1.0, "wilson")
    assert all_stay.low == pytest.approx(0.9287, abs=1e-4)
    nobody = survival(time, np.ones(50, bool), 1, bucket, customers=50, after=400)
    assert (nobody.value, nobody.low) == (0.0, 0.0)
    assert nobody.high == pytest.approx(1 - 0.9287, abs=1e-4)
    instant = duration(np.zeros(50), np.ones(50, bool), 1, bucket, customers=50)
    assert (instant.value, instant.low) == (0.0, 0.0)


def test_no_rows_few_customers_one_bucket() -> None:
    none = duration([], [], [], [], customers=0)
    assert (none.value, none.why) == (None, "no data")
    assert survival([np.nan], [True], 1, [3], customers=1, after=3).why == "no data"
    time, event, _ = watched(6, 40, censoring=0.1)
    few = survival(time, event, 1, np.arange(40), customers=20, after=0.5)
    assert few.value is not None
    assert (few.low, few.why) == (None, "fewer than 30 customers")
    one = duration(time, event, 1, np.zeros(40, int), customers=40)
    assert one.value is not None
    assert (one.low, one.why) == (None, "all customers fall into one bucket")


def test_bad_input_says_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        duration([-1.0], [True], 1, [0], customers=1)
    with pytest.raises(ValueError, match="0 to 63"):
        survival([1.0], [True], 1, [-1], customers=1, after=1)
    with pytest.raises(ValueError, match="one of each a group"):
        survival([1.0], [True, False], 1, [1], customers=1, after=1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        duration([1.0], [True], 1, [0], customers=1, q=1.0)
