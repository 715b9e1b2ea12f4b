from __future__ import annotations

import numpy as np
import pytest
from growthbook.core import fnv1a32, gbhash
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.experiments.hashing import _of_digits, bucket, buckets, fnv1a

# Lone surrogates too: JavaScript has texts with them.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=30)


@pytest.mark.parametrize(
    ("text", "expected"),
    # "fnv1a_32" of the FNV authors' test vectors, http://www.isthe.com/chongo/src/fnv/test_fnv.c
    [
        ("", 0x811C9DC5),
        ("a", 0xE40C292C),
        ("b", 0xE70C2DE5),
        ("fo", 0x6222E842),
        ("foo", 0xA9F37ED7),
        ("foobar", 0xBF9CF968),
        ("chongo was here!\n", 0xD49930D5),
    ],
)
def test_published_fnv(text, expected):
    assert fnv1a(text) == expected


@pytest.mark.parametrize(
    ("seed", "unit", "expected"),
    # "hash", version 2, in cases.json of GrowthBook's SDKs, spec 0.7.1
    [
        ("seed", "a", 0.0505),
        ("seed", "b", 0.2696),
        ("foo", "ab", 0.2575),
        ("foo", "def", 0.2019),
        ("89123klj", "8952klfjas09ujkasdf", 0.124),
        ("90850943850283058242805", "123", 0.7516),
        ("()**(%$##$%#$#", '___)((*":&', 0.0128),
    ],
)
def test_published_buckets(seed, unit, expected):
    assert bucket(seed, unit) == expected
    assert buckets(seed, [unit]).tolist() == [expected]


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_any_text_is_hashed_as_the_sdk_hashes_it(seed, unit):
    assert fnv1a(unit) == fnv1a32(unit)
    assert fnv1a(unit, fnv1a(seed)) == fnv1a(seed + unit)
    assert bucket(seed, unit) == gbhash(seed, unit, 2)


@settings(deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=40))
def test_many_are_hashed_as_one(seed, ids):
    assert buckets(seed, ids).tolist() == [bucket(seed, unit) for unit in ids]


def test_more_than_fit_into_a_chunk_and_arrays_of_texts():
    ids = [f"c-{i}" * (1 + i % 3) for i in range(150_000)]
    found = buckets("seed", np.array(ids))
    np.testing.assert_array_equal(found, buckets("seed", ids))
    for i in (0, 1, 65_535, 65_536, 131_072, 149_999):
        assert found[i] == bucket("seed", ids[i])


def test_digits_of_every_length():
    """No id is known whose first hash is 0, so the public way in cannot show it."""
    numbers = [0, *(10**k - d for k in range(1, 10) for d in (0, 1)), 2**32 - 1]
    found = _of_digits(np.array(numbers, np.uint32))
    assert found.tolist() == [fnv1a(str(number)) for number in numbers]
