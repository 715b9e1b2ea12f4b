"""Alerts: who was told of what, where; a queue that is written before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

if TYPE_CHECKING:
    from sqlalchemy import Row

    from heedful.ledger.database import Database

State = Literal["waiting", "sending", "sent", "failed", "seen", "withdrawn"]
"""seen: known when its channel was switched on, and not told. withdrawn: over before it was told.
"""

BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""How long to wait after each failure; one more and it has failed."""
LEASE = timedelta(minutes=5)
"""How long a process may take to send; then it is thought dead, and another sends again."""
CHANNEL_ON = "on"
"""The event that says since when a channel is known; it is about no finding."""
ALL_WAIT = 10_000


@dataclass(frozen=True, slots=True)
class Alert:
    """One event of one finding, for one channel.

    Attributes:
        id: Its number.
        finding: Id of the finding.
        event: open, `worse` and the first day of a period, or closed.
        channel: Where it goes.
        state: waiting, sending, sent, failed, seen or withdrawn.
        made_at: When it was written down.
        due_at: When it is to be sent, the next time; while sending, until when that may take.
        attempts: How often it was tried.
        sent_at: When it was sent.
        error: What went wrong the last time; never a secret.
        message: Id of the message that carries it, the same at every try.
        severity: The finding's, then.
        value: The finding's, then.
        payload: What is told.
    """

    id: int
    finding: str
    event: str
    channel: str
    state: State
    made_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    error: str | None
    message: str | None
    severity: str | None
    value: float | None
    payload: Mapping[str, Any]


class Alerts:
    """The alerts of a project.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        finding: str,
        event: str,
        channel: str,
        payload: Mapping[str, Any],
        *,
        state: State = "waiting",
        now: datetime,
        due: datetime | None = None,
        severity: str | None = None,
        value: float | None = None,
    ) -> bool:
        """Write down what is to be told; the same event for the same channel is written once.

        Args:
            finding: Id of the finding.
            event: What happened to it.
            channel: Where it goes.
            payload: What is told.
            state: waiting, or seen.
            now: The present.
            due: When it is to be sent; now without.
            severity: The finding's.
            value: The finding's.

        Returns:
            Whether it was new.
        """
        rows = self.database.tables.alerts
        values = {
            "finding": finding,
            "event": event,
            "channel": channel,
            "state": state,
            "made_at": now,
            "due_at": due or now,
            "attempts": 0,
            "severity": severity,
            "value": value,
            "payload": json.dumps(payload, ensure_ascii=False, default=str),
        }
        statement = self._insert().values(**values).on_conflict_do_nothing()
        with self.database.begin() as connection:
            made = connection.execute(statement.returning(rows.c.id)).first()
        return made is not None

    def _insert(self) -> Any:
        """An INSERT that can leave alone what is there."""
        rows = self.database.tables.alerts
        if self.database.engine.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as insert_postgresql

            return insert_postgresql(rows)
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite

        return insert_sqlite(rows)

    def of(self, channel: str) -> list[Alert]:
        """All of one channel, the oldest first."""
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.alerts
        query = select(rows).where(rows.c.channel == channel).order_by(rows.c.id)
        with self.database.begin() as connection:
            return [_alert(row) for row in connection.execute(query)]

    def on(self, channel: str) -> Alert | None:
        """What is known of when a channel was switched on; None: it never was."""
        from sqlalchemy import select

        if not self.database.exists():
            return None
        rows = self.database.tables.alerts
        query = select(rows).where(rows.c.channel == channel, rows.c.event == CHANNEL_ON)
        with self.database.begin() as connection:
            row = connection.execute(query).first()
        return _alert(row) if row else None

    def log(self, limit: int = 200) -> list[Alert]:
        """What was told or is to be told, the newest first."""
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.alerts
        query = select(rows).where(rows.c.event != CHANNEL_ON, rows.c.state != "seen")
        with self.database.begin() as connection:
            found = connection.execute(query.order_by(rows.c.id.desc()).limit(limit))
            return [_alert(row) for row in found]

    def withdraw(self, ids: Iterable[int]) -> int:
        """Take back what waits: it is over before it was told."""
        from sqlalchemy import update

        rows = self.database.tables.alerts
        mine = (rows.c.id.in_(list(ids)), rows.c.state == "waiting")
        with self.database.begin() as connection:
            return int(
                connection.execute(update(rows).where(*mine).values(state="withdrawn")).rowcount
            )

    def waiting(self, now: datetime) -> list[Alert]:
        """What is due, the oldest first; also what a process that died had begun to send."""
        from sqlalchemy import select, update

        if not self.database.exists():
            return []
        rows = self.database.tables.alerts
        dead = (rows.c.state == "sending", rows.c.due_at <= now)
        due = select(rows).where(rows.c.state == "waiting", rows.c.due_at <= now)
        with self.database.begin() as connection:
            connection.execute(update(rows).where(*dead).values(state="waiting"))
            found = connection.execute(due.order_by(rows.c.id).limit(ALL_WAIT))
            return [_alert(row) for row in found]

    def claim(self, alerts: Sequence[Alert], now: datetime) -> list[Alert]:
        """Take alerts to send, as one message; of two processes each gets what the other has not.

        Args:
            alerts: Those to send together: a message that was tried before, or new ones.
            now: The present.

        Returns:
            Those that are this process's to send, with the id of their message.
        """
        from sqlalchemy import select, update

        rows = self.database.tables.alerts
        ids = sorted(each.id for each in alerts)
        message = alerts[0].message or uuid4().hex
        free = (rows.c.id.in_(ids), rows.c.state == "waiting")
        values = {"state": "sending", "due_at": now + LEASE, "message": message}
        with self.database.begin() as connection:
            # One lock after the other in the same order, or two processes wait for each other.
            connection.execute(
                select(rows.c.id).where(rows.c.id.in_(ids)).order_by(rows.c.id).with_for_update()
            )
            statement = update(rows).where(*free).values(**values).returning(rows.c.id)
            mine = {row.id for row in connection.execute(statement)}
            query = select(rows).where(rows.c.id.in_(mine)).order_by(rows.c.id)
            return [_alert(row) for row in connection.execute(query)]

    def sent(self, alerts: Sequence[Alert], now: datetime, error: str | None = None) -> None:
        """Write down that a message was sent.

        Args:
            alerts: What it carried.
            now: The present.
            error: What was not quite right.
        """
        values = {"state": "sent", "sent_at": now, "error": error}
        self._end(alerts, {**values, "attempts": alerts[0].attempts + 1})

    def failed(
        self, alerts: Sequence[Alert], now: datetime, error: str, wait: timedelta | None = None
    ) -> bool:
        """Write down that a message could not be sent.

        Args:
            alerts: What it was to carry.
            now: The present.
            error: Why, without a secret.
            wait: How long the other side wants to be left alone.

        Returns:
            Whether it will be tried again.
        """
        tries = alerts[0].attempts
        again = tries < len(BACK_OFF)
        values: dict[str, Any] = {"attempts": tries + 1, "error": error}
        if again:
            pause = max(BACK_OFF[tries], min(wait or timedelta(0), BACK_OFF[-1]))
            values |= {"state": "waiting", "due_at": now + pause}
        else:
            values["state"] = "failed"
        self._end(alerts, values)
        return again

    def _end(self, alerts: Sequence[Alert], values: dict[str, Any]) -> None:
        from sqlalchemy import update

        rows = self.database.tables.alerts
        ids = [each.id for each in alerts]
        # Who was thought dead must not undo what another has done since.
        mine = (
            rows.c.id.in_(ids),
            rows.c.state == "sending",
            rows.c.due_at == alerts[0].due_at,
        )
        with self.database.begin() as connection:
            connection.execute(update(rows).where(*mine).values(**values))


def _alert(row: Row[Any]) -> Alert:
    values = row._asdict()
    return Alert(**{**values, "payload": json.loads(values["payload"])})
