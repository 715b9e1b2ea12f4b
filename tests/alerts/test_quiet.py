"""Quiet hours and digests go by the clock on the wall, also when it is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from heedful.alerts.quiet import is_quiet, next_digest
from heedful.definitions.alert import Digest, Quiet

BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)


def quiet_minutes(quiet, first, hours, zone=BERLIN):
    """The quiet minutes of a stretch of time, found one by one."""
    moments = [first + n * MINUTE for n in range(hours * 60)]
    return [each for each in moments if is_quiet(quiet, zone, each)]


@pytest.mark.parametrize(
    ("evening", "hours"),
    [
        (datetime(2026, 9, 6, 12, tzinfo=UTC), 9),
        (datetime(2026, 3, 28, 12, tzinfo=UTC), 8),  # the clocks go forward in that night
        (datetime(2026, 10, 24, 12, tzinfo=UTC), 10),  # and back in this one
    ],
)
def test_a_night_from_22_to_7(evening, hours):
    quiet = Quiet(**{"from": "22:00", "until": "07:00"})
    found = quiet_minutes(quiet, evening, 24)
    assert len(found) == hours * 60
    assert found[-1] - found[0] == timedelta(hours=hours) - MINUTE
    zone = ZoneInfo(BERLIN)
    assert found[0].astimezone(zone).strftime("%H:%M") == "22:00"
    assert (found[-1] + MINUTE).astimezone(zone).strftime("%H:%M") == "07:00"


def test_hours_that_come_twice_are_quiet_twice():
    quiet = Quiet(**{"from": "02:00", "until": "03:00"})
    assert len(quiet_minutes(quiet, datetime(2026, 10, 24, 20, tzinfo=UTC), 12)) == 120
    assert len(quiet_minutes(quiet, datetime(2026, 3, 28, 20, tzinfo=UTC), 12)) == 0


def test_lunch_and_whole_days():
    lunch = Quiet(**{"from": "12:00", "until": "13:00"})
    assert len(quiet_minutes(lunch, datetime(2026, 9, 7, tzinfo=UTC), 24)) == 60
    weekend = Quiet(days=("sat", "sun"))
    found = quiet_minutes(weekend, datetime(2026, 9, 3, 22, tzinfo=UTC), 7 * 24)
    assert len(found) == 48 * 60
    assert found[0].astimezone(ZoneInfo(BERLIN)).strftime("%a %H:%M") == "Sat 00:00"
    assert not is_quiet(Quiet(), BERLIN, found[0])


@pytest.mark.parametrize(
    "zone", [BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("at", ["08:00", "00:00", "02:30", "23:59"])
def test_one_digest_a_day_all_year(zone, at):
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    days = []
    while len(days) < 400:
        after = next_digest(Digest(at=at), zone, moment)
        assert after > moment
        assert next_digest(Digest(at=at), zone, after - timedelta(seconds=1)) == after
        days.append(after.astimezone(ZoneInfo(zone)).date())
        moment = after
    assert days == [days[0] + timedelta(days=n) for n in range(400)]
