"""The room of drivers, as a project opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.definitions.problem import ProjectError, one_of
from heedful.project.missing import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from heedful.drivers.driver import Drivers
    from heedful.experiments.readout import Readout
    from heedful.project.project import Project

LONGEST = 730


@dataclass(frozen=True)
class DriversDoor:
    """Which experiences go with who stays, buys again and pays, afterwards."""

    project: Project

    def of(
        self,
        outcome: str,
        *,
        by: str | None = None,
        days: int = 90,
        since: date | None = None,
        until: date | None = None,
        readout: Callable[[str], Readout | None] | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Drivers:
        """Associations of experiences with an outcome; experiments replace them where they exist.

        Args:
            outcome: retention, repeat_purchase or revenue.
            by: A dimension of customers: within each of its segments.
            days: Days after a landmark that count.
            since: Landmarks (first days of months) before this day are left out.
            until: Landmarks after this day are left out.
            readout: Gives readouts of experiments; without, they are made.
            progress: Called with a KPI, how many are done, and how many there are.

        Raises:
            NotFoundError: No such outcome or dimension, or days out of range.
            ProjectError: A fact cannot be built.
        """
        from heedful.drivers.outcome import OUTCOMES

        if outcome not in OUTCOMES:
            raise NotFoundError(f'outcome "{outcome}" does not exist', one_of(OUTCOMES, outcome))
        return self._found([outcome], by, days, since, until, readout, progress)[outcome]

    def every(
        self,
        *,
        by: str | None = None,
        days: int = 90,
        readout: Callable[[str], Readout | None] | None = None,
    ) -> dict[str, Drivers]:
        """The same for every outcome, from one look at the data; see `of`."""
        from heedful.drivers.outcome import OUTCOMES

        return self._found(list(OUTCOMES), by, days, None, None, readout, None)

    def _found(
        self,
        outcomes: Sequence[str],
        by: str | None,
        days: int,
        since: date | None,
        until: date | None,
        readout: Callable[[str], Readout | None] | None,
        progress: Callable[[str, int, int], None] | None,
    ) -> dict[str, Drivers]:
        from heedful.drivers.outcome import OUTCOMES
        from heedful.drivers.panel import dimensions_of, panel
        from heedful.drivers.proof import proofs
        from heedful.drivers.relating import relate
        from heedful.kpis.refresh import Refresh

        project = self.project
        definitions = project.definitions
        if not 1 <= days <= LONGEST:
            raise NotFoundError(f"days {days} cannot be used", f"allowed: 1 to {LONGEST}")
        refresh = Refresh(
            definitions,
            project.facts,
            project.lake("tables"),
            project.lake("facts"),
            project.books,
        )
        with project.bench() as bench:
            if by is not None and by not in bench.who:
                raise NotFoundError(
                    f'customers have no dimension "{by}"', one_of(sorted(bench.who), by)
                )
            held = dimensions_of(definitions, bench.who)
            found = panel(
                bench,
                project.facts,
                lambda fact: refresh.built(bench, fact),
                days=days,
                dimensions=tuple(dict.fromkeys((*held, *([by] if by else [])))),
                since=since,
                until=until,
                progress=progress,
            )
            # As the data stand, so that no experiment is called over where imports stopped.
            now = bench.prepared.parameters.get("observed_until")
        result = {}
        for name in outcomes:
            proved = {}
            if by is None and now is not None:
                on = now.astimezone(ZoneInfo(definitions.settings.timezone)).date()
                proved = proofs(definitions, OUTCOMES[name], on, readout or self._readout)
            result[name] = relate(
                found,
                OUTCOMES[name],
                days=days,
                currency=definitions.settings.currency,
                by=by,
                proof=proved.get,
            )
        return result

    def _readout(self, name: str) -> Readout | None:
        try:
            return self.project.experiments[name].readout()
        except ProjectError:
            return None
