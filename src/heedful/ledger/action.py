"""Actions: what someone does about a finding, by when, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from heedful.ledger.outcome import Outcome
from heedful.ledger.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Row

    from heedful.ledger.audit import Audit
    from heedful.ledger.database import Database

State = Literal["open", "done", "dropped"]


@dataclass(frozen=True, slots=True)
class Action:
    """What someone does.

    Attributes:
        id: Its number.
        title: What is to be done.
        owner: Id of the team that does it.
        due: By when.
        state: open, done or dropped.
        finding: Id of the finding that it is about; None: of none.
        kpi: The KPI that is to change.
        stage: Its stage; None: all.
        dimension: What the KPI is broken down by; None: the total.
        segment: Value of the dimension.
        grain: Grain of the reading that it began from.
        value: That reading: the KPI when the action was made.
        expected: The value that is to be reached.
        pattern: The finding's pattern, to find similar ones.
        playbook: The finding's playbook, to find similar ones.
        made_by: Who made it.
        made_at: When.
        started_at: When someone began with it; None: nobody has, or nobody said so.
        done_on: The day on which it was done.
        closed_at: When it was closed or dropped.
        closed_by: Who did that.
        note: What they said.
        outcome: What came of it, where a KPI is named and the action is done.
    """

    id: int
    title: str
    owner: str
    due: date
    state: State
    finding: str | None
    kpi: str | None
    stage: str | None
    dimension: str | None
    segment: str | None
    grain: str
    value: float | None
    expected: float | None
    pattern: str | None
    playbook: str | None
    made_by: str
    made_at: datetime
    started_at: datetime | None = None
    done_on: date | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    note: str | None = None
    outcome: Outcome | None = None

    def late(self, on: date) -> bool:
        """Whether it should have been done before a day."""
        return self.state == "open" and self.due < on


class Actions:
    """The actions of a project.

    Args:
        database: The ledger's database.
        audit: Where changes are written down.
    """

    def __init__(self, database: Database, audit: Audit) -> None:
        self.database = database
        self.audit = audit

    def all(self, state: State | None = None) -> list[Action]:
        """Open ones by due date, then the others, the newest first.

        Args:
            state: Only those in this state.
        """
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.actions
        query = select(rows)
        if state is not None:
            query = query.where(rows.c.state == state)
        with self.database.begin() as connection:
            found = [_action(row) for row in connection.execute(query)]
        to_do = sorted((a for a in found if a.state == "open"), key=lambda a: (a.due, a.id))
        past = (a for a in found if a.state != "open")
        return [*to_do, *sorted(past, key=lambda a: (a.closed_at or a.made_at, a.id), reverse=True)]

    def find(self, id: int) -> Action | None:  # noqa: A002 - its name
        """One action; None where there is none of that number."""
        if not self.database.exists():
            return None
        with self.database.begin() as connection:
            return self._find(id, connection)

    def _find(self, id: int, connection: Connection) -> Action | None:  # noqa: A002 - its name
        from sqlalchemy import select

        rows = self.database.tables.actions
        row = connection.execute(select(rows).where(rows.c.id == id)).first()
        return _action(row) if row else None

    def add(self, by: str, **values: Any) -> Action:
        """Make an action.

        Args:
            by: Who makes it.
            values: Title, owner, due, grain, and what else is known.
        """
        from sqlalchemy import insert

        rows = self.database.tables.actions
        values |= {"made_by": by, "made_at": datetime.now(UTC), "state": "open"}
        with self.database.begin() as connection:
            statement = insert(rows).values(**values).returning(rows.c.id)
            number = connection.execute(statement).scalar_one()
            detail = f"{values['title']}; {values['owner']}, due {values['due']}"
            self.audit.add(by, "made", f"action {number}", detail, connection=connection)
        return Action(id=number, **values)

    def change(
        self,
        id: int,  # noqa: A002 - its name
        by: str,
        verb: str,
        values: dict[str, Any],
        detail: str | Callable[[Action], str | None] | None = None,
    ) -> Action:
        """Change an open action.

        Args:
            id: Its number.
            by: Who changes it.
            verb: What they do, for the audit log.
            values: What is new.
            detail: What else the audit log says; a function is given the action as it was.

        Raises:
            RefusedError: It is not open any more.
        """
        from sqlalchemy import update

        rows = self.database.tables.actions
        with self.database.begin() as connection:
            was = self._find(id, connection)
            open_ = (rows.c.id == id, rows.c.state == "open")
            changed = connection.execute(update(rows).where(*open_).values(**values)).rowcount
            found = self._find(id, connection)
            if was is None or found is None or not changed:
                state = found.state if found else "not there"
                raise RefusedError(f"action {id} is {state}; only open ones can be changed")
            said = detail(was) if callable(detail) else detail
            self.audit.add(by, verb, f"action {id}", said, connection=connection)
        return found

    def reopen(self, id: int, by: str) -> Action:  # noqa: A002 - its name
        """Take back that an action was done or dropped.

        Args:
            id: Its number.
            by: Who takes it back.

        Raises:
            RefusedError: It is open, or what came after it was measured.
        """
        from sqlalchemy import update

        rows = self.database.tables.actions
        ended = (rows.c.id == id, rows.c.state != "open", rows.c.measured_at.is_(None))
        gone = dict.fromkeys(("done_on", "closed_at", "closed_by", "outcome"))
        with self.database.begin() as connection:
            statement = update(rows).where(*ended).values(state="open", **gone)
            changed = connection.execute(statement).rowcount
            found = self._find(id, connection)
            if found is None or not changed:
                why = "was measured" if found and found.state == "done" else "is open"
                raise RefusedError(f"action {id} {why}; it cannot be opened again")
            self.audit.add(by, "opened again", f"action {id}", connection=connection)
        return found

    def keep(self, id: int, outcome: Outcome, by: str) -> bool:  # noqa: A002 - its name
        """Keep what came of an action; once measured it is kept for good.

        Args:
            id: Its number.
            outcome: What came of it.
            by: Who measured.

        Returns:
            Whether anything changed.
        """
        from sqlalchemy import or_, update

        rows = self.database.tables.actions
        text = outcome.as_json()
        values: dict[str, Any] = {"outcome": text}
        measured = outcome.state == "measured"
        if measured:
            values["measured_at"] = datetime.now(UTC)
        fresh = or_(rows.c.outcome.is_(None), rows.c.outcome != text)
        mine = (rows.c.id == id, rows.c.state == "done", rows.c.measured_at.is_(None), fresh)
        with self.database.begin() as connection:
            kept = connection.execute(update(rows).where(*mine).values(**values)).rowcount
            if kept and measured:
                self.audit.add(by, "measured", f"action {id}", outcome.says, connection=connection)
        return bool(kept)


def _action(row: Row[Any]) -> Action:
    values = row._asdict()
    text = values.pop("outcome")
    values.pop("measured_at")
    return Action(**values, outcome=Outcome.from_json(text) if text else None)
