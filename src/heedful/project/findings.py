"""The findings of a project: what changed, where, for whom, because of what, and what now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.ledger.refusal import RefusedError
from heedful.project.missing import NotFoundError

if TYPE_CHECKING:
    from heedful.definitions.pattern import Pattern
    from heedful.experiments.readout import Readout
    from heedful.findings.evidence import Witness
    from heedful.findings.finding import Comment, Finding
    from heedful.kpis.shelf import Shelf
    from heedful.ledger.finding import FindingRow, FindingRows
    from heedful.project.project import Project

ADOPTED = timedelta(weeks=8)
"""So far may the opening of a finding move without its becoming another one."""
GONE = "the data changed: it is not seen any more"
BUILT_IN = Path(__file__).parents[1] / "findings" / "patterns"


@dataclass(frozen=True, slots=True)
class FindingsRun:
    """What looking for findings came to.

    Attributes:
        opened: Findings that are new.
        closed: Findings that ended.
        open: How many are open now.
        tested: How many tests the newest periods had.
    """

    opened: tuple[Finding, ...]
    closed: tuple[Finding, ...]
    open: int
    tested: int


@dataclass(frozen=True)
class Findings:
    """The findings of a project."""

    project: Project

    @cached_property
    def _rows(self) -> FindingRows:
        from heedful.ledger.finding import FindingRows

        return FindingRows(self.project.ledger, self.project.audit)

    @cached_property
    def patterns(self) -> Mapping[str, Pattern]:
        """All patterns: those built in, and the project's own in place of those of their name."""
        from heedful.definitions.pattern_files import built_in

        return {**built_in(BUILT_IN), **self.project.definitions.patterns}

    def untested(self) -> list[tuple[str, list[str]]]:
        """Patterns that cannot be tested, and the KPIs that are not switched on."""
        from heedful.findings.contradicting import missing

        kpis = self.project.definitions.kpis
        pairs = [(one.title, missing(one, kpis)) for one in self.patterns.values()]
        return [(title, lacking) for title, lacking in pairs if lacking]

    def refresh(self, now: datetime | None = None) -> FindingsRun:
        """Look for findings in all completed periods; open, keep and close them.

        The whole past is replayed each time, so ids and dates are the same whenever one looks.

        Args:
            now: The present.
        """
        now = now or datetime.now(UTC)
        shelf = self.project.kpis.shelf()
        known = {row.id: row for row in self._rows.all()}
        fresh, tested = self._replayed(shelf, known)
        fresh += self._troubles(shelf, now)
        found = {one.id: one for one in self._adopted(fresh, known)}
        gone = [
            self._gone(row, now)
            for row in known.values()
            if row.state == "open" and row.id not in found
        ]
        self._rows.put([_row(one) for one in [*found.values(), *gone]])
        opened = tuple(one for one in found.values() if one.state == "open" and one.id not in known)
        closed = tuple(
            one
            for one in [*found.values(), *gone]
            if one.state == "closed" and known.get(one.id) and known[one.id].state == "open"
        )
        self._keep_tested(tested)
        return FindingsRun(opened, closed, len(self.open()), tested)

    def _replayed(self, shelf: Shelf, known: Mapping[str, FindingRow]) -> tuple[list[Finding], int]:
        from heedful.findings.contradicting import missing
        from heedful.findings.episode import replay
        from heedful.findings.evidence import finding
        from heedful.findings.past import GRAINS, Past

        definitions = self.project.definitions
        patterns = {
            name: one for name, one in self.patterns.items() if not missing(one, definitions.kpis)
        }
        witness = self._witness()
        found: list[Finding] = []
        tested = 0
        for grain in GRAINS:
            past = Past(definitions, shelf, grain)
            if not past.days:
                continue
            episodes, count = replay(past, patterns)
            tested += count
            for episode in episodes:
                row = known.get(episode.id)
                if row is not None and row.state == "closed" and episode.closed is not None:
                    # It ended long ago; its evidence is kept as it was told.
                    found.append(self._loaded(row))
                    continue
                one = finding(episode, past, witness)
                if one is not None:
                    found.append(one)
        return found, tested

    def _witness(self) -> Witness:
        from heedful.findings.evidence import Witness
        from heedful.kpis.periods import midnight

        zone = self.project.definitions.settings.timezone
        readouts: dict[str, Readout | None] = {}

        def readout(name: str) -> Readout | None:
            if name not in readouts:
                readouts[name] = self._readout(name)
            return readouts[name]

        return Witness(
            self.project.definitions,
            self.patterns,
            self.project.annotations.all(),
            readout,
            lambda day: midnight(day, zone),
        )

    def _readout(self, name: str) -> Readout | None:
        from heedful.definitions.problem import ProjectError

        try:
            return self.project.experiments[name].readout()
        except (NotFoundError, ProjectError):
            # Without exposures or data there is nothing that it could have measured.
            return None

    def _troubles(self, shelf: Shelf, now: datetime) -> list[Finding]:
        from heedful.findings.trouble import as_finding, troubles
        from heedful.kpis.periods import midnight

        definitions = self.project.definitions
        readers: dict[str, list[str]] = {}
        for kpi in definitions.kpis.values():
            fact = self.project.facts.get(kpi.fact)
            for table in fact.reads if fact else ():
                readers.setdefault(table, []).append(kpi.title)
        held = [name for name in self.project.lake("tables").names() if name in _schema_names()]
        zone = definitions.settings.timezone
        days = shelf.periods("day") or shelf.periods("week") or shelf.periods("month")
        last = days[-1][1] - timedelta(days=1) if days else now.date()
        with self.project.answering() as ask:
            found = troubles(ask, definitions, shelf, held, readers)
        return [
            as_finding(one, definitions, lambda day: midnight(day, zone), now, last)
            for one in found
        ]

    @staticmethod
    def _adopted(fresh: list[Finding], known: Mapping[str, FindingRow]) -> list[Finding]:
        """Findings under the id that they were first told under.

        Late data can move the week in which a test first fires; that makes no other finding.
        """
        ids = {one.id for one in fresh}
        left = [row for row in known.values() if row.id not in ids]
        found: list[Finding] = []
        renamed: dict[str, str] = {}
        for one in fresh:
            same = [row for row in left if one.id not in known and _same(one, row)]
            if same:
                row = min(same, key=lambda row: abs(row.opened_at - one.opened_at))
                left.remove(row)
                renamed[one.id] = row.id
                found.append(replace(one, id=row.id, opened_at=row.opened_at))
            else:
                found.append(one)
        return [_renamed(one, renamed) for one in found]

    def _gone(self, row: FindingRow, now: datetime) -> Finding:
        because = GONE if row.kind != "data" else "recovered"
        return replace(self._loaded(row), state="closed", closed_at=now, closed_because=because)

    @staticmethod
    def _loaded(row: FindingRow) -> Finding:
        from heedful.findings.record import loaded

        one = loaded(row.payload)
        return replace(
            one,
            state="open" if row.state == "open" else "closed",
            closed_at=row.closed_at,
            closed_because=row.closed_because,
            closed_by=row.closed_by,
        )

    def open(self) -> list[Finding]:
        """The open findings, the most important first."""
        from heedful.findings.evidence import ranked

        return ranked([self._loaded(row) for row in self._rows.all("open")])

    def all(self) -> list[Finding]:
        """All findings, the newest first; the open ones with their rank."""
        ranks = {one.id: one.rank for one in self.open()}
        return [replace(self._loaded(row), rank=ranks.get(row.id)) for row in self._rows.all()]

    def get(self, id: str) -> Finding:  # noqa: A002 - its name
        """One finding.

        Raises:
            NotFoundError: There is none of that id.
        """
        row = self._rows.find(id)
        if row is None:
            raise NotFoundError(f"finding {id} does not exist", "see heedful findings --all")
        if row.state == "open":
            return next((one for one in self.open() if one.id == id), self._loaded(row))
        return self._loaded(row)

    def close(self, id: str, by: str, because: str) -> Finding:  # noqa: A002 - its name
        """Close one that is no problem, or none any more.

        Args:
            id: The finding.
            by: Who says so.
            because: Why; it is kept.

        Raises:
            NotFoundError: There is none of that id.
            RefusedError: It is closed already, or there is no reason.
        """
        found = self.get(id)
        if found.state == "closed":
            raise RefusedError(f"finding {id} is closed already: {found.closed_because}")
        if not because.strip():
            raise RefusedError("say why: the reason is kept with the finding")
        self._rows.close(id, by, because.strip())
        return self.get(id)

    def reopen(self, id: str, by: str) -> Finding:  # noqa: A002 - its name
        """Take back a closing; the next refresh decides whether it is still there.

        Raises:
            NotFoundError: There is none of that id.
            RefusedError: It is open.
        """
        if self.get(id).state == "open":
            raise RefusedError(f"finding {id} is open")
        self._rows.reopen(id, by)
        return self.get(id)

    def comments(self, finding: Finding, limit: int = 6) -> list[Comment]:
        """What customers wrote at its touchpoints since it began; looked up now, never kept.

        Args:
            finding: The finding.
            limit: How many.
        """
        from heedful.findings.comments import TABLES, comments
        from heedful.surveys.catalogue import instruments

        settings = self.project.definitions.settings
        hot = [one for one in (*finding.where, *finding.who) if one.stands_out and one.segment]
        parts = [(one.dimension, str(one.segment)) for one in hot]
        parts += [finding.part] if finding.part else []
        places = {segment for dimension, segment in parts if dimension == "touchpoint"}
        if not places and finding.stage is not None:
            machine = ("handled_by", "ai") in parts
            machine |= "ai" in (finding.kpi or "").split("_")
            places = {
                name
                for name, each in settings.touchpoints.items()
                if each.stage == finding.stage and (each.ai or not machine)
            }
        devices = [segment for dimension, segment in parts if dimension == "device"]
        since = finding.onset.start if finding.onset else finding.period_start
        held = [name for name in TABLES if self.project.lake("tables").exists(name)]
        with self.project.answering(only=TABLES) as ask:
            return comments(
                ask,
                held,
                settings.timezone,
                instruments(self.project.definitions.instruments),
                touchpoints=places,
                since=since,
                until=finding.period_end,
                worst_first=not finding.better,
                device=devices[0] if len(devices) == 1 else None,
                limit=limit,
            )

    def tested(self) -> int:
        """How many tests the newest periods had, as of the last refresh; 0 before any."""
        file = self.project.definitions.data / "tested.txt"
        text = file.read_text("utf-8").strip() if file.exists() else ""
        return int(text) if text.isdigit() else 0

    def _keep_tested(self, count: int) -> None:
        file = self.project.definitions.data / "tested.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{count}\n", encoding="utf-8")

    def as_contract(self, finding: Finding, *, comments: bool = False) -> dict[str, Any]:
        """A finding under the names that scripts rely on.

        Args:
            finding: The finding.
            comments: Whether to look up comments; what is kept or sent must not hold any.
        """
        from heedful.findings.record import as_contract

        return as_contract(finding, self.comments(finding) if comments else ())


def _same(one: Finding, row: FindingRow) -> bool:
    """Whether a finding is what was told under another id."""
    return one.key == row.key and abs(one.opened_at - row.opened_at) <= ADOPTED


def _renamed(one: Finding, renamed: Mapping[str, str]) -> Finding:
    """A finding whose reason for ending names others as they were first told."""
    because = one.closed_because
    for old, new in renamed.items():
        because = because.replace(old, new) if because else because
    return one if because == one.closed_because else replace(one, closed_because=because)


def _schema_names() -> tuple[str, ...]:
    from heedful.store import schema

    return tuple(schema.names())


def _row(one: Finding) -> FindingRow:
    from heedful.findings.record import dumped
    from heedful.ledger.finding import FindingRow

    return FindingRow(
        id=one.id,
        key=one.key,
        kind=one.kind,
        state=one.state,
        severity=one.severity,
        kpi=one.kpi,
        pattern=one.pattern,
        stage=one.stage,
        grain=one.grain,
        period_start=one.period_start,
        opened_at=one.opened_at,
        seen_at=one.seen_at,
        closed_at=one.closed_at,
        closed_by=one.closed_by,
        closed_because=one.closed_because,
        payload=dumped(replace(one, rank=None)),
    )
