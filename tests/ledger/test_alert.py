"""The queue of alerts: each event once, each message by one process, tried again and given up."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from heedful.ledger.alert import BACK_OFF, CHANNEL_ON, LEASE, Alerts

NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def queue(database):
    return Alerts(database)


def add(queue, finding="f1", event="open", channel="team", **more):
    return queue.add(finding, event, channel, {"title": "T"}, now=NOW, **more)


def test_the_same_event_for_the_same_channel_is_written_once(queue):
    assert add(queue)
    assert not add(queue)
    assert add(queue, channel="board")
    assert add(queue, event="worse 2026-08-31")
    assert len(queue.log()) == 3


def test_of_many_processes_one_writes_an_event(queue, another):
    barrier = threading.Barrier(6)
    made = []

    def write():
        own = Alerts(another())
        own.log()
        barrier.wait()
        made.append(add(own))

    threads = [threading.Thread(target=write) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(made) == [False] * 5 + [True]


def test_only_what_is_due_waits_to_be_sent(queue):
    add(queue)
    add(queue, "f2", due=NOW + MINUTE)
    add(queue, "f3", state="seen")
    assert [each.finding for each in queue.waiting(NOW)] == ["f1"]
    assert [each.finding for each in queue.waiting(NOW + MINUTE)] == ["f1", "f2"]


def test_what_was_known_before_is_not_in_the_log(queue):
    add(queue, "", CHANNEL_ON, state="seen")
    add(queue, "f1", state="seen")
    add(queue, "f2")
    assert [each.finding for each in queue.log()] == ["f2"]
    assert queue.on("team").finding == ""
    assert queue.on("board") is None


def test_each_alert_is_claimed_by_one_process(queue, another):
    for number in range(12):
        add(queue, f"f{number}")
    barrier = threading.Barrier(4)
    claimed = []

    def take():
        own = Alerts(another())
        due = own.waiting(NOW)
        barrier.wait()
        # Each in an order of its own, alone and together.
        for part in (due[:5], due[3:9], due[8:], due):
            claimed.extend(each.id for each in own.claim(part, NOW))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(claimed) == sorted(each.id for each in queue.log())
    assert {each.state for each in queue.log()} == {"sending"}


def test_a_message_keeps_its_id_and_is_tried_six_times(queue):
    add(queue)
    add(queue, "f2")
    now, ids, waits = NOW, set(), []
    for attempt in range(6):
        mine = queue.claim(queue.waiting(now), now)
        assert len(mine) == 2
        ids |= {each.message for each in mine}
        again = queue.failed(mine, now, "answered 500")
        assert again == (attempt < 5)
        if again:
            due = queue.log()[0].due_at
            assert queue.waiting(due - timedelta(seconds=1)) == []
            waits.append(due - now)
            now = due
    assert len(ids) == 1
    assert waits == list(BACK_OFF)
    assert [wait.total_seconds() / 60 for wait in waits] == [1, 5, 30, 120, 360]
    assert queue.waiting(NOW + timedelta(days=365)) == []
    (last, _) = queue.log()
    assert (last.state, last.attempts, last.error) == ("failed", 6, "answered 500")


def test_who_is_asked_to_wait_longer_does_but_not_for_ever(queue):
    add(queue)
    mine = queue.claim(queue.waiting(NOW), NOW)
    queue.failed(mine, NOW, "answered 429", timedelta(minutes=10))
    assert queue.log()[0].due_at == NOW + timedelta(minutes=10)
    later = NOW + timedelta(minutes=10)
    mine = queue.claim(queue.waiting(later), later)
    queue.failed(mine, later, "answered 429", timedelta(days=9))
    assert queue.log()[0].due_at == later + timedelta(hours=6)


def test_what_was_sent_is_not_sent_again(queue):
    add(queue)
    mine = queue.claim(queue.waiting(NOW), NOW)
    queue.sent(mine, NOW, "the server refused 1 of 2 addresses")
    assert queue.waiting(NOW + timedelta(days=9)) == []
    (row,) = queue.log()
    assert (row.state, row.sent_at, row.attempts) == ("sent", NOW, 1)
    assert not add(queue)


def test_what_a_dead_process_had_begun_is_sent_by_another_under_the_same_id(queue):
    add(queue)
    dead = queue.claim(queue.waiting(NOW), NOW)
    assert queue.waiting(NOW + LEASE - MINUTE) == []
    later = NOW + LEASE
    mine = queue.claim(queue.waiting(later), later)
    assert [each.message for each in mine] == [dead[0].message]
    queue.sent(mine, later)
    # It was only slow: it must not make another try of what was sent.
    queue.failed(dead, later, "no answer")
    assert queue.log()[0].state == "sent"


def test_only_what_waits_is_withdrawn(queue):
    add(queue)
    add(queue, "f2")
    mine = queue.claim(queue.waiting(NOW)[:1], NOW)
    assert queue.withdraw([each.id for each in queue.log()]) == 1
    assert [each.state for each in queue.log()] == ["withdrawn", "sending"]
    queue.sent(mine, NOW)
