"""An edition: one consistent state of a project, from which all pages are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from zoneinfo import ZoneInfo

from heedful.project import Project

if TYPE_CHECKING:
    from heedful.actions.action import Action
    from heedful.definitions.kpi import Kpi
    from heedful.definitions.project_files import Definitions
    from heedful.findings.finding import Finding
    from heedful.kpis.shelf import Shelf
    from heedful.scorecard.score import Score

T = TypeVar("T")
LEDGER_SECONDS = 3.0


class Edition:
    """The project and its readings as they stood at one moment; a refresh makes a new one.

    What is asked of an edition is computed once and kept.

    Args:
        root: The project's folder.

    Raises:
        ProjectError: The project's files have problems.
    """

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.shelf: Shelf = self.project.kpis.shelf()
        self.made_at = datetime.now(UTC)
        self._kept: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def definitions(self) -> Definitions:
        """What the project's files define."""
        return self.project.definitions

    def kpi(self, name: str) -> Kpi | None:
        """A KPI that is switched on."""
        return self.definitions.kpis.get(name)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives; made once for as long as the edition lasts.

        Args:
            key: What it is; the same key always means the same thing.
            make: Makes it.
        """
        if key in self._kept:
            return cast("T", self._kept[key])
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._kept:
                self._kept[key] = make()
            return cast("T", self._kept[key])

    def kept(self, key: Hashable) -> Any:
        """What was made before; None where nobody has asked for it yet."""
        return self._kept.get(key)

    def forget(self, key: Hashable) -> None:
        """Make something anew the next time it is asked for."""
        self._kept.pop(key, None)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The project's timezone."""
        return ZoneInfo(self.definitions.settings.timezone)

    @property
    def today(self) -> date:
        """Today there."""
        return datetime.now(self.zone).date()

    @cached_property
    def measured_at(self) -> datetime | None:
        """When the newest reading was made; None without any."""
        import pyarrow.compute as pc

        newest: datetime | None = pc.max(self.shelf.readings["reported_at"]).as_py()
        return newest

    @cached_property
    def until(self) -> date:
        """The day after the last one that any completed period knows; today without any."""
        ends = [pairs[-1][1] for g in ("day", "week", "month") if (pairs := self.shelf.periods(g))]
        return max(ends, default=self.today)

    @property
    def last_day(self) -> date:
        """The last day that data reach to."""
        return self.until - timedelta(days=1)

    def scores(self, grain: str, dimension: str | None = None) -> list[Score]:
        """Empathy scores of all periods and stages, in total or by a dimension."""
        from heedful.scorecard.score import scores

        def make() -> list[Score]:
            wanted = {"grain": grain, "dimension": dimension}
            return scores(self.definitions, self.shelf.rows(wanted))

        return self.once(("scores", grain, dimension), make)

    def findings(self) -> list[Finding]:
        """The open findings, the most important first."""
        return self.fresh("findings", lambda: self.project.findings.open())

    def every_finding(self) -> list[Finding]:
        """All findings, the newest first, closed ones too."""
        return self.fresh("every finding", lambda: self.project.findings.all())

    def forget_findings(self) -> None:
        """Look findings up anew: someone changed one."""
        self.forget("findings")
        self.forget("every finding")

    def actions(self) -> list[Action]:
        """All actions."""
        return self.fresh("actions", lambda: self.project.actions.all())

    def counts(self) -> tuple[int, int]:
        """How many findings and actions are open."""
        return len(self.findings()), sum(one.state == "open" for one in self.actions())

    def fresh(self, key: Hashable, make: Callable[[], T]) -> T:
        """What lies in the ledger, where other processes write too: looked up every few seconds."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is None or now - kept[0] > LEDGER_SECONDS:
            kept = (now, make())
            self._kept[key] = kept
        return cast("T", kept[1])

    def simulated(self) -> bool:
        """Whether the company does not exist; pages then say so."""
        return "simulated" in self.project.name.lower()
