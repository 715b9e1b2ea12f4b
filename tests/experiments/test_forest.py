from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heedful.experiments.forest import MOST_STEPS, Axis, Span, axis, label, step_of

numbers = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False).map(lambda x: round(x, 6))


@st.composite
def spans(draw):
    value = draw(numbers)
    below, above = draw(st.floats(0.001, 1e5)), draw(st.floats(0.001, 1e5))
    margin = draw(st.one_of(st.none(), numbers.filter(bool)))
    return Span(value, value - below, value + above, margin=margin)


@given(st.lists(spans(), min_size=1, max_size=8), st.integers(3, 5))
def test_an_axis_holds_zero_and_every_estimate(some, most):
    shared = axis(some, most=most)
    assert shared.low < 0 < shared.high
    for span in some:
        assert shared.low <= span.value <= shared.high
        assert span.margin is None or shared.low < span.margin < shared.high
    labels = [tick.label for tick in shared.ticks]
    assert "0" in labels
    assert len(set(labels)) == len(labels) <= most + 1
    places = [tick.at for tick in shared.ticks]
    assert places == sorted(places)


@given(st.lists(spans(), min_size=1, max_size=8))
def test_pictures_keep_order_and_say_what_is_cut_off(some):
    shared = axis(some)
    for span in some:
        drawn = shared.draw(span)
        assert 0 <= drawn.low <= drawn.value <= drawn.high <= 100
        assert drawn.cut_low == (span.low < shared.low)
        assert drawn.cut_high == (span.high > shared.high)
        if drawn.cut_low:
            assert drawn.low == 0
        if drawn.cut_high:
            assert drawn.high == 100


@given(st.lists(spans(), min_size=1, max_size=2))
def test_with_few_rows_nothing_is_cut_off(some):
    shared = axis(some)
    assert not any(shared.draw(span).cut_low or shared.draw(span).cut_high for span in some)


def test_a_far_interval_does_not_press_the_others_flat():
    some = [Span(1, -1, 3), Span(2, 0, 4), Span(1, -2, 4), Span(5, -900, 1200)]
    shared = axis(some)
    wide = shared.draw(some[-1])
    assert (wide.cut_low, wide.cut_high) == (True, True)
    first = shared.draw(some[0])
    assert first.high - first.low > 5


def test_harm_is_the_side_beyond_the_margin():
    better_higher = Span(0.5, -1, 2, margin=-3)
    shared = axis([better_higher])
    assert shared.draw(better_higher).harm == (0.0, shared.place(-3))
    better_lower = Span(0.5, -1, 2, margin=3)
    shared = axis([better_lower])
    start, width = shared.draw(better_lower).harm
    assert (start, start + width) == (shared.place(3), 100)


def test_without_numbers_there_is_no_axis():
    assert axis([]) is None
    assert axis([Span(None), Span(float("nan"))]) is None


def test_places():
    shared = Axis(-10.0, 30.0, 10.0, "%")
    assert [(tick.at, tick.label, tick.anchor) for tick in shared.ticks] == [
        (0.0, "−10%", "start"),
        (25.0, "0%", "middle"),
        (50.0, "+10%", "middle"),
        (75.0, "+20%", "middle"),
        (100.0, "+30%", "end"),
    ]
    assert (shared.place(-99), shared.place(99)) == (0, 100)


@given(st.floats(1e-6, 1e9), st.integers(2, 9))
def test_a_step_is_round_and_the_smallest_that_will_do(width, most):
    step = step_of(width, most)
    assert width / step <= most + 1e-9
    digits = f"{step:.6e}"
    assert digits[0] in "125"
    assert set(digits[2:8]) == {"0"}
    assert width / (step * 0.4) > most


def test_labels_have_the_decimals_of_their_step():
    assert label(0.30000000000000004, 0.1) == "+0.3"
    assert label(-0.0, 0.1) == "0"
    assert label(-2500, 500) == "−2,500"
    assert MOST_STEPS < 6
