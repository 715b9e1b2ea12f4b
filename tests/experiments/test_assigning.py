from __future__ import annotations

import datetime as dt
import re
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from heedful.definitions.problem import ProjectError
from heedful.experiments.assigning import (
    WORDS,
    assign,
    assign_all,
    bucket_counts,
    bucket_ranges,
    chosen,
    rule,
)
from heedful.experiments.hashing import bucket

IDS = [f"c-{i}" for i in range(40_000)]
THIRDS = {"a": 0.2, "b": 0.3, "c": 0.5}


def drawn(experiment, others=(), ids=IDS, attributes=None):
    everything = {one.id: one for one in (experiment, *others)}
    return assign_all(experiment, everything, ids, attributes)


@pytest.mark.parametrize(
    ("weights", "share", "expected"),
    # "getBucketRange" in cases.json of GrowthBook's SDKs, spec 0.7.1, without those whose weights
    # do not add up to 1
    [
        ([1 / 2] * 2, 1, [[0, 0.5], [0.5, 1]]),
        ([1 / 2] * 2, 0.5, [[0, 0.25], [0.5, 0.75]]),
        ([1 / 2] * 2, 0, [[0, 0], [0.5, 0.5]]),
        ([1 / 4] * 4, 1, [[0, 0.25], [0.25, 0.5], [0.5, 0.75], [0.75, 1]]),
        ([0.4, 0.6], 1, [[0, 0.4], [0.4, 1]]),
        ([0.2, 0.3, 0.5], 1, [[0, 0.2], [0.2, 0.5], [0.5, 1]]),
        ([0.2, 0.3, 0.5], 0.2, [[0, 0.04], [0.2, 0.26], [0.5, 0.6]]),
        ([0.4, 0.5999], 1, [[0, 0.4], [0.4, 0.9999]]),
    ],
)
def test_published_ranges(weights, share, expected):
    np.testing.assert_allclose(bucket_ranges(weights, share), expected, atol=1e-12)


@pytest.mark.parametrize("weights", [[0.4, 0.1], [0.7, 0.6]])
def test_weights_that_do_not_add_up_are_refused(weights):
    with pytest.raises(ValueError, match=r"add up to .*must add up to 1"):
        bucket_ranges(weights)


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=6),
    st.floats(0, 1),
)
def test_ranges_are_those_of_the_sdk_to_the_last_digit(parts, share):
    from growthbook.core import getBucketRanges

    weights = [part / sum(parts) for part in parts]
    assert list(bucket_ranges(weights, share)) == getBucketRanges(len(weights), share, weights)


@pytest.mark.parametrize(
    ("at", "ranges", "expected"),
    # "chooseVariation" in cases.json of GrowthBook's SDKs, spec 0.7.1
    [
        (0.2, [(0, 0.5), (0.5, 1)], 0),
        (0.4, [(0, 0.5), (0.5, 1)], 0),
        (0.6, [(0, 0.5), (0.5, 1)], 1),
        (0.8, [(0, 0.5), (0.5, 1)], 1),
        (0, [(0, 0.5), (0.5, 1)], 0),
        (0.5, [(0, 0.5), (0.5, 1)], 1),
        (0.2, [(0, 0.25), (0.5, 0.75)], 0),
        (0.4, [(0, 0.25), (0.5, 0.75)], None),
        (0.6, [(0, 0.25), (0.5, 0.75)], 1),
        (0.8, [(0, 0.25), (0.5, 0.75)], None),
        (0.25, [(0, 0.25), (0.5, 0.75)], None),
        (0.5, [(0, 0.25), (0.5, 0.75)], 1),
        (0.5, [(0, 0.5), (0.5, 0.5), (0.5, 1)], 2),
    ],
)
def test_published_choices(at, ranges, expected):
    assert chosen(at, ranges) == expected


def test_what_is_known_of_one_unit(planned):
    one = planned("x", share=0.5, stopped=dt.date(2024, 3, 9), population={"country": "DE"})
    given = assign(one, {}, "c-1", {"country": "DE"})
    assert given.bucket == bucket("x", "c-1")
    assert given.variant == ("control", None, "new", None)[int(given.bucket * 4)]
    assert (given.opens, given.closes) == (dt.date(2024, 3, 1), dt.date(2024, 3, 9))
    abroad = assign(one, {}, "c-1", {"country": "US"})
    assert (abroad.variant, abroad.why) == (None, "outside_population")
    assert abroad.bucket == given.bucket


def test_every_reason_comes_up_and_has_words(planned):
    holdout = planned("held", design="holdout", variants={"out": 0.5, "in": 0.5})
    one = planned(
        "x", holdout="held", group="g", group_range=(0, 0.5), share=0.5, population={"beta": "true"}
    )
    everything = {"held": holdout, "x": one}
    why = {assign(one, everything, f"c-{i}", {"beta": True}).why for i in range(100)}
    why |= {assign(one, everything, "", {"beta": True}).why, assign(one, everything, "c-1").why}
    assert why - {None} == set(WORDS)


@pytest.mark.parametrize("unit", ["", None, 0, True, 1.5, float("nan"), 2**60, ["c-1"]])
def test_what_cannot_be_drawn_by_gets_nothing(planned, unit):
    one = planned("x")
    assert assign(one, {}, unit) == assign(one, {}, "")
    assert assign(one, {}, unit).why == "no_id"
    both = drawn(one, ids=["c-1", unit])
    assert (both.variants[0], both.why.tolist()) == (
        assign(one, {}, "c-1").variant,
        [None, "no_id"],
    )


@pytest.mark.parametrize("unit", [77, 77.0, np.int64(77), np.float64(77)])
def test_a_whole_number_is_drawn_by_its_digits(planned, unit):
    assert assign(planned("x"), {}, unit).bucket == bucket("x", "77")


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (None, "is no standing holdout; allowed: another experiment, of design holdout"),
        ({}, "is no standing holdout; allowed: another experiment, of design holdout"),
        ({"design": "holdout", "group": "g"}, "itself has a group; take it away there"),
        ({"design": "holdout", "holdout": "other"}, "itself has a holdout; take it away there"),
    ],
)
def test_a_holdout_that_cannot_be_one_is_refused(planned, held, found):
    others = {} if held is None else {"held": planned("held", **held)}
    expected = re.escape(f'experiments/x.yaml:1: holdout "held" {found}')
    with pytest.raises(ProjectError, match=expected):
        rule(planned("x", holdout="held"), others)


def test_weights_and_shares_hold(planned):
    """Counts against the buckets of each variant; 20 experiments, so each at 0.05 / 20."""
    for i in range(20):
        one = planned(f"test{i}", variants=THIRDS, share=0.6)
        units = drawn(one).variants
        seen = [np.count_nonzero(units == name) for name in (*THIRDS, None)]
        planned_counts = [0.12 * len(IDS), 0.18 * len(IDS), 0.30 * len(IDS), 0.4 * len(IDS)]
        assert stats.chisquare(seen, planned_counts).pvalue > 0.05 / 20


@pytest.mark.parametrize("name", [lambda i: f"test{i}", lambda i: "t" * (i + 1)])
def test_experiments_are_independent(planned, name):
    """All pairs of 20 experiments with names as alike as can be: their p values are uniform."""
    tests = [drawn(planned(name(i), variants=THIRDS)).variants for i in range(20)]
    codes = [sum(i * (one == variant) for i, variant in enumerate(THIRDS)) for one in tests]
    tables = [
        np.bincount((3 * one + other).astype(int), minlength=9).reshape(3, 3)
        for one, other in combinations(codes, 2)
    ]
    p_values = [stats.chi2_contingency(table).pvalue for table in tables]
    assert min(p_values) > 0.001 / len(p_values)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_a_group_or_holdout_says_nothing_about_variants(planned):
    """Also where a group is named like the experiment: the same draw would put all on one."""
    holdout = planned("held", design="holdout", variants={"out": 0.3, "in": 0.7})
    for group in ("x", "checkout"):
        one = planned("x", group=group, group_range=(0, 0.5), holdout="held")
        units = drawn(one, [holdout]).variants
        counts = [np.count_nonzero(units == name) for name in ("control", "new")]
        assert sum(counts) == pytest.approx(len(IDS) * 0.7 * 0.5, rel=0.03)
        assert stats.chisquare(counts).pvalue > 0.01


@settings(deadline=None)
@given(
    st.lists(st.floats(0.01, 1), min_size=1, max_size=5),
    st.lists(st.integers(1, 20), min_size=2, max_size=5),
)
def test_a_raised_share_moves_nobody_who_was_in(planned, shares, parts):
    weights = {f"v{i}": part / sum(parts) for i, part in enumerate(parts)}
    ids = IDS[:2000]
    stages = [
        drawn(planned("x", variants=weights, share=share), ids=ids).variants
        for share in (*sorted(shares), 1.0)
    ]
    for before, after in pairwise(stages):
        inside = ~np.equal(before, None)
        assert (before[inside] == after[inside]).all()
    assert not np.equal(stages[-1], None).any()


def test_what_moves_units(planned):
    """Another id, other weights, another order; not titles, dates or the other experiments."""
    first = drawn(planned("x")).variants
    same = {"title": "Other", "start": dt.date(2020, 1, 1), "after": "y", "alpha": 0.01}
    assert (drawn(planned("x", **same), [planned("y")]).variants == first).all()
    moved = {
        "id": drawn(planned("x2")).variants,
        "weights": drawn(planned("x", variants={"control": 0.4, "new": 0.6})).variants,
        "order": drawn(planned("x", variants=("new", "control"))).variants,
    }
    shares = {name: np.mean(units != first) for name, units in moved.items()}
    assert shares == pytest.approx({"id": 0.5, "weights": 0.1, "order": 1.0}, abs=0.01)


def test_experiments_of_a_group_never_meet(planned):
    ends = [(0, 0.2), (0.2, 0.7), (0.7, 1)]
    tests = [planned(f"x{i}", group="g", group_range=ends[i]) for i in range(3)]
    inside = np.array([~np.equal(drawn(one).variants, None) for one in tests])
    assert (inside.sum(axis=0) == 1).all()
    assert inside.mean(axis=1) == pytest.approx([0.2, 0.5, 0.3], abs=0.01)


def test_a_group_without_a_range_is_the_whole_of_it(planned):
    assert np.equal(drawn(planned("x", group="g")).why, None).all()


def test_who_is_held_out_is_in_nothing_that_names_the_holdout(planned):
    holdout = planned(
        "held", design="holdout", control="none", variants={"all": 0.95, "none": 0.05}, share=0.5
    )
    held = drawn(holdout).variants == "none"
    assert held.mean() == pytest.approx(0.025, abs=0.003)
    under = drawn(planned("x", holdout="held"), [holdout])
    assert np.equal(under.variants, None).tolist() == held.tolist()
    assert (under.why[held] == "held_out").all()
    assert not np.equal(drawn(planned("y"), [holdout]).variants, None).any()


def test_a_holdout_of_some_holds_out_none_of_the_others(planned):
    holdout = planned("held", design="holdout", population={"country": ("DE", "AT")})
    one = planned("x", holdout="held")
    country = ["DE", "US"] * (len(IDS) // 2)
    out = np.equal(drawn(one, [holdout], attributes={"country": country}).variants, None)
    assert (out[::2].mean(), out[1::2].sum()) == (pytest.approx(0.5, abs=0.01), 0)


def test_a_holdout_of_accounts_holds_all_their_customers_out(planned):
    holdout = planned("held", design="holdout", unit="account")
    one = planned("x", holdout="held")
    accounts = [f"a-{i // 4}" for i in range(len(IDS))]
    out = drawn(one, [holdout], attributes={"account_id": accounts}).why == "held_out"
    held = drawn(holdout, ids=accounts).variants == "control"
    assert out.tolist() == held.tolist()
    assert (out.reshape(-1, 4).sum(axis=1) % 4 == 0).all()
    assert assign(one, {"held": holdout}, "c-1").why == "no_id"


@settings(deadline=None)
@given(st.data())
def test_many_get_what_each_gets(planned, data):
    values = st.sampled_from(["DE", "US", None, 3, True, ["DE", 3], {"a": "DE"}])
    populations = st.dictionaries(
        st.sampled_from(["country", "country.a"]), st.sampled_from(["DE", ("3", "true")])
    )
    unit = st.sampled_from(["customer", "account"])
    holdout = planned(
        "held", design="holdout", unit=data.draw(unit), population=data.draw(populations)
    )
    one = planned(
        "x",
        unit=data.draw(unit),
        holdout=data.draw(st.sampled_from([None, "held"])),
        group="g",
        group_range=data.draw(st.sampled_from([None, (0.1, 0.8)])),
        population=data.draw(populations),
        share=0.9,
    )
    some = st.sampled_from(["1", "2", "c-3", 4, "", "é😀"])
    rows = data.draw(st.lists(st.tuples(some, values, some), min_size=1, max_size=20))
    ids, country, accounts = (list(column) for column in zip(*rows, strict=True))
    attributes = {"country": country}
    if data.draw(st.booleans()):
        attributes["account_id"] = accounts
    found = drawn(one, [holdout], ids, attributes)
    for i, each in enumerate(ids):
        row = {name: column[i] for name, column in attributes.items()}
        given = assign(one, {"held": holdout}, each, row)
        assert (found.variants[i], found.why[i]) == (given.variant, given.why)


@pytest.mark.parametrize(("share", "expected"), [(1.0, [3334, 3333, 3333]), (0.001, [4, 3, 3])])
def test_buckets_of_each_variant(planned, share, expected):
    one = planned("x", variants=("a", "b", "c"), share=share)
    assert bucket_counts(one) == dict(zip("abc", expected, strict=True))
    from growthbook.core import chooseVariation, getBucketRanges

    ranges = getBucketRanges(3, share)
    places = [chooseVariation(i / 10_000, ranges) for i in range(10_000)]
    assert [places.count(i) for i in range(3)] == expected
