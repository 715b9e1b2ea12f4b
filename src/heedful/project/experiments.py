"""The room of experiments, as a project opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast

from heedful.definitions.problem import one_of
from heedful.project.missing import NotFoundError

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.experiments.assigning import Assigned
    from heedful.experiments.planning import ExperimentPlan
    from heedful.experiments.portfolio import Portfolio
    from heedful.experiments.readout import Decision, Readout
    from heedful.facts.model import Fact
    from heedful.kpis.computing import Bench, Measured
    from heedful.ledger.signature import Signatures
    from heedful.project.project import Project


@dataclass(frozen=True)
class Experiments(Mapping[str, "OneExperiment"]):
    """The experiments of a project, by name."""

    project: Project

    def __getitem__(self, name: str) -> OneExperiment:
        """One experiment.

        Raises:
            NotFoundError: There is none of that name.
        """
        known = self.project.definitions.experiments
        if name not in known:
            hint = one_of(known, name) if known else "write one: experiments/<name>.yaml"
            raise NotFoundError(f'experiment "{name}" does not exist', hint)
        return OneExperiment(self.project, known[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.project.definitions.experiments)

    def __len__(self) -> int:
        return len(self.project.definitions.experiments)

    def __hash__(self) -> int:
        return id(self)

    def payload(self, on: date | None = None, *, every: bool = False) -> dict[str, Any]:
        """What GrowthBook's SDKs read, to assign as Heedful does.

        Args:
            on: The day; today in the project's timezone without.
            every: Assign also in experiments that do not run on that day.
        """
        from heedful.experiments.payload import payload

        return payload(self.project.definitions.experiments, on or self.today(), every=every)

    def portfolio(self, on: date | None = None) -> Portfolio:
        """All experiments by stage, and stages without any.

        Args:
            on: The day; today in the project's timezone without.
        """
        from heedful.experiments.portfolio import portfolio

        return portfolio(self.project.definitions, on or self.today())

    def today(self) -> date:
        """Today, in the project's timezone."""
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(self.project.definitions.settings.timezone)
        return datetime.now(UTC).astimezone(zone).date()


@dataclass(frozen=True)
class OneExperiment:
    """One experiment of a project."""

    project: Project
    definition: Experiment

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.id

    def assign(
        self,
        id: str | int,  # noqa: A002 - what everything else calls it
        attributes: Mapping[str, object] | None = None,
    ) -> Assigned:
        """Which variant a unit gets; the same for the same id, always.

        Args:
            id: The unit: a customer's id, or an account's where accounts are assigned.
            attributes: What is known of the unit, where the population asks for it.
        """
        from heedful.experiments.assigning import assign

        return assign(self.definition, self.project.definitions.experiments, id, attributes)

    def plan(self, now: datetime | None = None) -> ExperimentPlan:
        """How many units it needs, how long that takes, what it could see."""
        from heedful.experiments.planning import plan

        with self.project.bench() as bench:
            return plan(
                bench,
                self.project.facts,
                self.definition,
                now=now or datetime.now(UTC),
                ready=self._ready(bench),
            )

    def readout(self, as_of: date | None = None, now: datetime | None = None) -> Readout:
        """What came out, and what to do.

        Args:
            as_of: As it stood at the end of this day; later rows are left out.
            now: The present.

        Raises:
            ProjectError: There are no exposures, or a segment or covariate is not known.
        """
        from heedful.experiments.reading_out import read_out
        from heedful.experiments.readout import Signature
        from heedful.experiments.standing import claims

        with self.project.bench() as bench:
            found = read_out(
                bench,
                self.project.facts,
                self.definition,
                now=now or datetime.now(UTC),
                as_of=as_of,
                ready=self._ready(bench),
            )
        hypotheses = self.project.definitions.hypotheses
        hypothesis = hypotheses.get(self.definition.hypothesis)
        said = tuple(
            Signature(one.by, one.at, one.verdict, one.reason, cast("Decision", one.decision))
            for one in self.signatures.of(self.name)
        )
        # Those that had not begun on that day claim nothing.
        over = [one for one in self._over() if as_of is None or one.start <= as_of]
        if over:
            read = [OneExperiment(self.project, each).readout(as_of, now) for each in over]
            found = replace(found, claims=tuple(claims(read, found)))
        return replace(
            found,
            signatures=said,
            hypothesis=hypothesis.friction + " " + hypothesis.behaviour if hypothesis else None,
        )

    def _ready(self, bench: Bench) -> Callable[[Fact], Measured | None]:
        """Gives facts as their tables are now; readings may be older than that."""
        from heedful.kpis.refresh import Refresh

        project = self.project
        refresh = Refresh(
            project.definitions,
            project.facts,
            project.lake("tables"),
            project.lake("facts"),
            project.books,
        )
        return lambda fact: refresh.built(bench, fact)

    def _over(self) -> list[Experiment]:
        """The experiments whose sum a standing holdout measures."""
        if self.definition.design != "holdout":
            return []
        known = self.project.definitions.experiments
        names = self.definition.over or [
            name for name, each in known.items() if each.holdout == self.name
        ]
        return [known[name] for name in names]

    @property
    def signatures(self) -> Signatures:
        """Who signed which trade-off."""
        from heedful.ledger.database import Database
        from heedful.ledger.signature import Signatures

        return Signatures(Database(self.project.definitions.data))

    def sign(self, by: str, verdict: str, reason: str) -> Readout:
        """Take on a trade-off; the decision of the rules stays beside it.

        Args:
            by: Who signs; the definition's approver.
            verdict: What they decide, such as "ship anyway".
            reason: Why.

        Returns:
            The readout that was signed, with the signature.

        Raises:
            NotFoundError: Somebody else is to approve, or that cannot be signed.
        """
        from heedful.ledger.signature import VERDICTS

        if verdict not in VERDICTS:
            raise NotFoundError(f'"{verdict}" cannot be signed', one_of(VERDICTS, verdict))
        if not reason.strip():
            raise NotFoundError("the reason is empty", "say why: a signature is kept")
        if by != self.definition.approver:
            raise NotFoundError(
                f'"{by}" is not the approver of {self.name}', f"allowed: {self.definition.approver}"
            )
        found = self.readout()
        self.signatures.add(
            self.name,
            by=by,
            verdict=verdict,
            reason=reason,
            decision=found.decision,
            candidate=found.candidate,
        )
        about = f"experiment {self.name}"
        self.project.audit.add(by, "signed", about, f"{verdict}: {reason}")
        return self.readout()
