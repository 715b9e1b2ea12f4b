"""Who guesses has to wait, whether anyone has that address or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from heedful.ledger.person import ThrottledError
from heedful.ledger.throttle import FORGOTTEN, FREE, LONGEST, Throttle

NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)
EMAIL = "ada@acme.example"


@pytest.fixture
def throttle(database):
    return Throttle(database)


def fail(throttle, times, now=NOW, email=EMAIL):
    return [throttle.failed(email, now) for _ in range(times)][-1]


def test_a_few_wrong_ones_cost_nothing(throttle):
    throttle.check(EMAIL, NOW)
    assert fail(throttle, FREE - 1) == FREE - 1
    throttle.check(EMAIL, NOW)


def test_then_one_waits_longer_and_longer(throttle):
    waits = []
    now = NOW
    fail(throttle, FREE - 1)
    for _ in range(7):
        fail(throttle, 1, now)
        with pytest.raises(ThrottledError):
            throttle.check(EMAIL, now)
        wait = timedelta(0)
        while True:
            wait += timedelta(minutes=1)
            try:
                throttle.check(EMAIL, now + wait)
            except ThrottledError:
                continue
            break
        waits.append(wait.total_seconds() / 60)
        now += wait
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    assert timedelta(minutes=15) == LONGEST


def test_it_says_how_long(throttle):
    fail(throttle, FREE + 2)
    with pytest.raises(ThrottledError, match=r"Try again in 4 minutes\."):
        throttle.check(EMAIL, NOW)
    with pytest.raises(ThrottledError, match=r"Try again in a minute\."):
        throttle.check(EMAIL, NOW + timedelta(minutes=3, seconds=30))


def test_others_are_not_held_up(throttle):
    fail(throttle, 9)
    throttle.check("bob@acme.example", NOW)


def test_forgotten_after_the_right_one_or_an_hour(throttle):
    fail(throttle, 9)
    throttle.passed(EMAIL)
    throttle.check(EMAIL, NOW)
    fail(throttle, 9)
    throttle.check(EMAIL, NOW + FORGOTTEN)
    assert fail(throttle, 1, NOW + FORGOTTEN) == 1


def test_addresses_are_not_kept_in_the_clear(throttle, database):
    throttle.failed("a password typed into the wrong field", NOW)
    with database.begin() as connection:
        rows = repr(connection.execute(select(database.tables.failures)).all())
    assert "password" not in rows
