"""Passwords are hashed as one should, and checking tells nothing of whose they are."""

from __future__ import annotations

import time
import unicodedata

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from heedful.ledger.password import MOST, acceptable, fits, kept, outdated
from heedful.ledger.refusal import RefusedError

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def hash_():
    return kept(PASSWORD)


def test_argon2id_with_todays_settings_and_a_salt(hash_):
    parameters = extract_parameters(hash_)
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 64 * 1024
    assert parameters.salt_len >= 16
    assert kept(PASSWORD) != hash_
    assert PASSWORD not in hash_
    # Another implementation of the same algorithm agrees.
    assert PasswordHasher().verify(hash_, PASSWORD)


def test_only_the_right_one_fits(hash_):
    assert fits(PASSWORD, hash_)
    for wrong in ("", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "x" * 10_000):
        assert not fits(wrong, hash_)
    assert not fits(PASSWORD, "not a hash")


def test_the_same_letters_from_another_keyboard_fit():
    text = "Fähre über Flüsse"
    assert fits(unicodedata.normalize("NFD", text), kept(unicodedata.normalize("NFC", text)))


def test_what_is_longer_than_any_password_does_not_fit_by_its_beginning():
    long = "ab1!" * (MOST // 4)
    hash_ = kept(long)
    assert fits(long, hash_)
    assert not fits(long + "x", hash_)


def test_nobodys_password_takes_as_long_and_never_fits(hash_):
    fits("x", None)  # the first makes the hash to compare with

    def took(of):
        began = time.perf_counter()
        assert not fits("wrong password", of)
        return time.perf_counter() - began

    known, unknown = (min(took(of) for _ in range(5)) for of in (hash_, None))
    assert 0.5 < unknown / known < 2  # not looking at all would be a thousand times as quick
    assert not fits("nobody has this password", None)


def test_weaker_hashes_are_outdated(hash_):
    assert not outdated(hash_)
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    assert fits(PASSWORD, weak)
    assert outdated(weak)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("Tr0ub4dor&3", "too short"),
        ("x" * 201, "too long"),
        ("Ada@acme.example", "is the e-mail"),
        ("ababababababab", "over and over"),
    ],
)
def test_what_is_too_easy_is_refused(password, says):
    with pytest.raises(RefusedError, match=says) as error:
        acceptable(password, "ada@acme.example")
    assert password not in str(error.value).split()


def test_what_is_good_enough():
    acceptable(PASSWORD, "ada@acme.example")
