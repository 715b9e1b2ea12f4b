"""The actions of a project: made from findings, done, and measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from heedful.definitions.problem import one_of
from heedful.ledger.line import one_line
from heedful.ledger.refusal import RefusedError
from heedful.project.missing import NotFoundError

if TYPE_CHECKING:
    from heedful.findings.finding import Finding
    from heedful.kpis.shelf import Shelf
    from heedful.ledger.action import Action, State
    from heedful.ledger.action import Actions as Rows
    from heedful.project.project import Project

LONGEST = 500


@dataclass(frozen=True)
class Actions:
    """What people do about findings, and what came of it."""

    project: Project

    @cached_property
    def _rows(self) -> Rows:
        from heedful.ledger.action import Actions as Rows

        return Rows(self.project.ledger, self.project.audit)

    def today(self) -> date:
        """Today, in the project's timezone."""
        zone = ZoneInfo(self.project.definitions.settings.timezone)
        return datetime.now(UTC).astimezone(zone).date()

    def all(self, state: State | None = None) -> list[Action]:
        """Open ones by due date, then the others, the newest first.

        Args:
            state: Only those that are open, done or dropped.
        """
        return self._rows.all(state)

    def get(self, id: int) -> Action:  # noqa: A002 - its name
        """One action.

        Raises:
            NotFoundError: There is none of that number.
        """
        found = self._rows.find(id)
        if found is None:
            raise NotFoundError(f"action {id} does not exist", "see heedful action list")
        return found

    def due(self, on: date) -> list[Action]:
        """Open ones that are due on a day, or were before it; the longest overdue first."""
        return [each for each in self.all("open") if each.due <= on]

    def of(self, finding: str) -> list[Action]:
        """Those made from one finding."""
        return [each for each in self.all() if each.finding == finding]

    def make(
        self,
        title: str,
        owner: str,
        due: date,
        *,
        by: str,
        finding: Finding | str | None = None,
        kpi: str | None = None,
        stage: str | None = None,
        dimension: str | None = None,
        segment: str | None = None,
        grain: str = "week",
        value: float | None = None,
        expected: float | None = None,
        shelf: Shelf | None = None,
    ) -> Action:
        """Make an action.

        Args:
            title: What is to be done.
            owner: The team that does it.
            due: By when.
            by: Who makes it.
            finding: The finding it is about, or its id; KPI, stage and value are taken from it
                where they are not given.
            kpi: The KPI that is to change.
            stage: Its stage; None: all.
            dimension: What the KPI is broken down by; None: the total.
            segment: Value of the dimension.
            grain: Grain of the reading that it begins from.
            value: The KPI now; without, the newest complete reading.
            expected: The value to reach, in the KPI's unit: a share is a fraction.
            shelf: The readings, where someone has them in memory; nothing else is read then.

        Raises:
            NotFoundError: There is no such finding, team, KPI, stage or dimension.
            RefusedError: The title is empty, or a value is expected of no KPI.
        """
        about = self.project.findings.get(finding) if isinstance(finding, str) else finding
        title = self._titled(title)
        self._owned(owner)
        if about is not None and kpi is None and about.kpi is not None:
            kpi, stage, grain = about.kpi, stage or about.stage, about.grain
            if dimension is None:
                value = about.value if value is None else value
                dimension, segment = about.part or (None, None)
        if kpi is None and expected is not None:
            raise RefusedError("a value is expected, but of no KPI; name the KPI")
        if kpi is not None:
            self._measurable(kpi, stage, dimension)
            if value is None:
                grain, value = self._newest(kpi, stage, dimension, segment, grain, shelf)
        return self._rows.add(
            by,
            title=title,
            owner=owner,
            due=due,
            finding=about.id if about else None,
            kpi=kpi,
            stage=stage if kpi else None,
            dimension=dimension if kpi else None,
            segment=segment if kpi and dimension else None,
            grain=grain,
            value=value,
            expected=expected,
            pattern=about.pattern if about else None,
            playbook=about.playbook if about else None,
        )

    def start(self, id: int, by: str) -> Action:  # noqa: A002 - its name
        """Say that someone has begun with it.

        Raises:
            NotFoundError: There is none of that number.
            RefusedError: It is not open.
        """
        if self.get(id).started_at is not None:
            return self.get(id)
        return self._rows.change(id, by, "started", {"started_at": datetime.now(UTC)})

    def edit(self, id: int, by: str, **changes: Any) -> Action:  # noqa: A002 - its name
        """Change an open action.

        Args:
            id: Its number.
            by: Who changes it.
            changes: title, owner, due, expected or note.

        Raises:
            NotFoundError: There is none of that number, or no such team.
            RefusedError: It is not open, or something else is to be changed.
        """
        action = self.get(id)
        allowed = ("title", "owner", "due", "expected", "note")
        for name in changes:
            if name not in allowed:
                hint = f"allowed: {', '.join(allowed)}"
                raise RefusedError(f"{name} of an action cannot be changed; {hint}")
        if "title" in changes:
            changes["title"] = self._titled(changes["title"])
        if "owner" in changes:
            self._owned(changes["owner"])
        if changes.get("expected") is not None and action.kpi is None:
            raise RefusedError("a value is expected, but this action names no KPI")
        changes = {name: new for name, new in changes.items() if getattr(action, name) != new}
        if not changes:
            return action

        def said(was: Action) -> str:
            steps = (f"{name}: {getattr(was, name)} → {new}" for name, new in changes.items())
            return "; ".join(steps)

        return self._rows.change(id, by, "changed", changes, said)

    def close(
        self,
        id: int,  # noqa: A002 - its name
        by: str,
        done_on: date | None = None,
        note: str | None = None,
        *,
        shelf: Shelf | None = None,
    ) -> Action:
        """Say that it is done; what came of it is measured as soon as the readings are there.

        Args:
            id: Its number.
            by: Who says so.
            done_on: The day on which it was done; today without.
            note: What else there is to say.
            shelf: The readings, where someone has them in memory.

        Raises:
            NotFoundError: There is none of that number.
            RefusedError: It is not open, or the day is still to come.
        """
        self.get(id)
        on = done_on or self.today()
        if on > self.today():
            raise RefusedError(f"{on} is still to come; close it when it is done")
        now = datetime.now(UTC)
        values = {"state": "done", "done_on": on, "closed_at": now, "closed_by": by}
        if note:
            values["note"] = note
        closed = self._rows.change(id, by, "closed", values, f"done on {on}")
        self._measure([closed], shelf)
        return self.get(id)

    def drop(self, id: int, by: str, note: str | None = None) -> Action:  # noqa: A002 - its name
        """Give it up; nothing is measured.

        Raises:
            NotFoundError: There is none of that number.
            RefusedError: It is not open.
        """
        self.get(id)
        values = {"state": "dropped", "closed_at": datetime.now(UTC), "closed_by": by}
        if note:
            values["note"] = note
        return self._rows.change(id, by, "dropped", values, note)

    def reopen(self, id: int, by: str) -> Action:  # noqa: A002 - its name
        """Take back that it was done or dropped, as long as nothing was measured.

        Raises:
            NotFoundError: There is none of that number.
            RefusedError: It is open, or what came after it was measured.
        """
        self.get(id)
        return self._rows.reopen(id, by)

    def measure(self, *, shelf: Shelf | None = None) -> list[Action]:
        """Measure what came of actions that are done, as far as readings tell; after a refresh.

        Args:
            shelf: The readings, where someone has them in memory.

        Returns:
            Those that were measured for good this time.
        """
        done = [
            each
            for each in self.all("done")
            if each.kpi and (each.outcome is None or each.outcome.state != "measured")
        ]
        self._measure(done, shelf)
        fresh = [self.get(each.id) for each in done]
        return [each for each in fresh if each.outcome and each.outcome.state == "measured"]

    def similar(self, finding: Finding, limit: int = 5) -> list[Action]:
        """Actions that are done and that were about something alike, with what came of them.

        The same pattern or KPI counts most, then the same playbook; among those the same stage,
        then those that were measured, then the newest.

        Args:
            finding: The finding.
            limit: At most so many.
        """
        from heedful.actions.likeness import similar

        return similar(
            self.all("done"),
            finding=finding.id,
            kpis=tuple(dict.fromkeys(leg.kpi for leg in finding.legs)) or (finding.kpi,),
            pattern=finding.pattern,
            playbook=finding.playbook,
            stage=finding.stage,
        )[:limit]

    def _measure(self, done: list[Action], shelf: Shelf | None) -> None:
        from heedful.actions.effect import outcome
        from heedful.project.people import HEEDFUL

        named = [each for each in done if each.kpi]
        if not named:
            return
        readings = shelf or self.project.kpis.shelf()
        definitions = self.project.definitions
        for action in named:
            kpi = definitions.kpis.get(action.kpi or "") or definitions.catalogue.get(
                action.kpi or ""
            )
            found = outcome(
                readings,
                action,
                kpi,
                late=definitions.rules.late_data_days,
                currency=definitions.settings.currency,
            )
            self._rows.keep(action.id, found, HEEDFUL)

    def _newest(
        self,
        kpi: str,
        stage: str | None,
        dimension: str | None,
        segment: str | None,
        grain: str,
        shelf: Shelf | None,
    ) -> tuple[str, float | None]:
        """The newest complete reading, of a grain that the KPI has, and that grain."""
        from heedful.stats.estimate import number

        readings = shelf or self.project.kpis.shelf()
        for each in dict.fromkeys((grain, "week", "month")):
            series = readings.series(kpi, each, stage=stage, dimension=dimension, segment=segment)
            place = series.last() if series is not None else None
            if series is not None and place is not None:
                return each, number(series.estimates.value[place])
        return grain, None

    def _titled(self, title: str) -> str:
        found = one_line(title)
        if not found or len(found) > LONGEST:
            raise RefusedError(f"the title is empty or over {LONGEST} characters; say what to do")
        return found

    def _owned(self, owner: str) -> None:
        teams = self.project.definitions.settings.teams
        if owner not in teams:
            raise NotFoundError(f'team "{owner}" does not exist', one_of(teams, owner))

    def _measurable(self, kpi: str, stage: str | None, dimension: str | None) -> None:
        from heedful.project.kpis import known_stage

        self.project.kpis.get(kpi)
        known_stage(stage, self.project.definitions)
        if dimension is not None and not dimension.strip():
            raise NotFoundError("the dimension is empty", "name one, or leave it out")
