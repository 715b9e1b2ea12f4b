"""Who is who."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from heedful.facts.identity import resolve

TIME = pa.timestamp("us", tz="UTC")
IDS = st.sampled_from("abcdefgh")


def table(links):
    rows = [(*link, None)[:3] for link in links]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    kinds = (pa.string(), pa.string(), TIME)
    arrays = [pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)]
    return pa.table(arrays, names=["alias_id", "customer_id", "seen_at"])


def resolved(links):
    rows = resolve(table(links)).to_pylist()
    return {row["alias"]: row["customer"] for row in rows}


def test_chains_are_followed_to_their_end():
    assert resolved([("a", "b"), ("b", "c"), ("x", "c")]) == {"a": "c", "b": "c", "x": "c"}


def test_a_circle_is_the_id_that_sorts_first():
    links = [("c", "b"), ("b", "d"), ("d", "c"), ("a", "c")]
    assert resolved(links) == {"c": "b", "d": "b", "a": "b"}
    assert resolved([("a", "a")]) == {}


def test_of_several_links_the_newest_counts():
    old, new = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2020, 2021))
    assert resolved([("a", "b", old), ("a", "c", new), ("a", "d", None)]) == {"a": "c"}
    assert resolved([("a", "c", new), ("a", "b", new)]) == {"a": "b"}


def test_a_chain_of_a_million_is_followed():
    n = 1_000_000
    ids = pa.array([f"{number:07}" for number in range(n + 1)])
    links = pa.table(
        [ids[:-1], ids[1:], pa.nulls(n, TIME)], names=["alias_id", "customer_id", "seen_at"]
    )
    found = resolve(links)
    assert found.num_rows == n
    assert found["customer"].unique().to_pylist() == [f"{n:07}"]


def naive(links):
    first = {}
    for alias, customer in sorted(links):
        first.setdefault(alias, customer)
    found = {}
    for alias in first:
        path = [alias]
        while path[-1] in first and first[path[-1]] not in path:
            path.append(first[path[-1]])
        end = path[-1]
        if end in first:
            end = min(path[path.index(first[end]) :])
        if end != alias:
            found[alias] = end
    return found


@given(st.lists(st.tuples(IDS, IDS)))
def test_any_links(links):
    assert resolved(links) == naive(links)
    assert resolved(links[::-1]) == naive(links)
