"""The room of erasure: everything that is held on a person, given out or removed."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path

    from heedful.project.project import Project
    from heedful.store.erasing import Belongings, Erasing

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Person:
    """Everyone that an erasure or export is about.

    Attributes:
        asked: The ids asked for.
        customers: The customers that they are, as facts see them.
        ids: All ids that are theirs.
        emails: Their e-mail addresses that nobody else has.
    """

    asked: tuple[str, ...]
    customers: tuple[str, ...]
    ids: tuple[str, ...]
    emails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """Rows removed from one place, or changed in it where the row is not theirs."""

    place: str
    rows: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What an erasure did.

    Attributes:
        customers: How many people.
        ids: How many ids of theirs.
        removed: Rows by place; places without any are left out.
        exports: Files of sources that still name one of them.
        unseen: Whether exports were too large, or compressed, to look into all of them.
        resumed: Whether an erasure that was stopped was finished; it counts what was left.
    """

    customers: int
    ids: int
    removed: tuple[Removed, ...]
    exports: tuple[str, ...] = ()
    unseen: bool = False
    resumed: bool = False

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(one.rows for one in self.removed)


@dataclass(slots=True)
class _Pending:
    """An erasure that has begun; it names people until it is done, and no longer."""

    asked: tuple[str, ...]
    customers: tuple[str, ...]
    ids: tuple[str, ...]
    emails: tuple[str, ...]
    who: str
    people: str = ""
    quotes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Erasure:
    """Gives out or removes what is held on people."""

    project: Project

    @property
    def _data(self) -> Path:
        return self.project.definitions.data

    @property
    def _folder(self) -> Path:
        from heedful.store.suppression import FOLDER

        return self._data / FOLDER

    def person(self, ids: Iterable[str]) -> Person:
        """Who some ids are: every id that `identities` links to the same customer, both ways.

        The link that facts follow is the one that counts: of several customers who used one
        device, the one to whom it was linked last. An e-mail address that another customer has
        too says nothing about either.

        Args:
            ids: Ids of customers, devices, or older ids of either.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        from heedful.facts import identity

        asked = tuple(dict.fromkeys(ids))
        wanted = set(asked)
        ends = set(asked)
        with self.project.answering(only=("identities", "customers")) as ask:
            links = ask(
                "SELECT alias_id, customer_id, seen_at FROM identities"
                " WHERE alias_id IS NOT NULL AND customer_id IS NOT NULL"
            )
            if links.num_rows:
                found = identity.resolve(links)
                mine = found.filter(pc.is_in(found["alias"], pa.array(asked, pa.string())))
                ends = (wanted - set(mine["alias"].to_pylist())) | set(mine["customer"].to_pylist())
                theirs = found.filter(pc.is_in(found["customer"], pa.array(sorted(ends))))
                wanted |= ends | set(theirs["alias"].to_pylist())
            rows = ask("SELECT customer_id, email FROM customers WHERE email IS NOT NULL")
        own: set[str] = set()
        others: set[str] = set()
        for customer, email in zip(*(rows[c].to_pylist() for c in rows.column_names), strict=True):
            (own if customer in wanted else others).add(email)
        known = {each.casefold() for each in others}
        emails = {each for each in own if each.casefold() not in known}
        wanted |= emails | {each.lower() for each in emails}
        return Person(asked, tuple(sorted(ends)), tuple(sorted(wanted)), tuple(sorted(emails)))

    # --- give out ---

    def export(self, customer: str) -> dict[str, Any]:
        """Everything that is held on one customer, unmasked: it is for them.

        Args:
            customer: An id of theirs.

        Returns:
            `project`, `exported_at`, `asked`, `customers`, `ids`, `emails`, and by place
            `tables`, `facts`, `rejected_rows` and `ledger`, each a list of rows a name.

        Raises:
            NotFoundError: Nothing is held under that id.
        """
        from datetime import UTC, datetime

        from heedful.ledger.erasing import named
        from heedful.ledger.mentions import Mentions
        from heedful.project.missing import NotFoundError
        from heedful.store.held import Held

        person = self.person([customer])
        spill = self._data / "staging" / f"export-{secrets.token_hex(4)}"
        held = Held(self.project.lake("tables"), spill, Mentions(person.ids, person.emails))
        try:
            tables = held.tables_rows()
            quotes = held.belongings().quotes
            facts = held.fact_rows(self.project.lake("facts"))
            rejected = held.rejected_rows(self.project.books)
        finally:
            held.close()
            shutil.rmtree(spill, ignore_errors=True)
        written = named(self.project.ledger, Mentions(person.ids, person.emails, quotes))
        if not (tables or facts or rejected or written):
            raise NotFoundError(
                f'nothing is held on "{customer}"',
                "allowed: an id of a customer or a device, as the tables have it",
            )
        return {
            "project": self.project.name,
            "exported_at": datetime.now(UTC),
            "asked": customer,
            "customers": list(person.customers),
            "ids": list(person.ids),
            "emails": list(person.emails),
            "tables": tables,
            "facts": facts,
            "rejected_rows": rejected,
            "ledger": written,
        }

    # --- forget ---

    def forget(
        self, ids: Iterable[str], who: str = "heedful", progress: Progress | None = None
    ) -> Forgotten:
        """Erase people: first they are suppressed, then what is held on them is removed.

        Args:
            ids: Their ids; however many, each table is written once.
            who: Who does it, for the audit log, which does not say of whom.
            progress: Called with what is being done, how much is done, how much there is.

        Raises:
            LakeBusyError: An import or a refresh runs for too long. The erasure stays pending:
                whoever writes next finishes it.
        """
        self.finish(progress)
        person = self.person(ids)
        pending = _Pending(**asdict(person), who=who)
        with self._alone():
            file = self._folder / "pending" / f"{secrets.token_hex(8)}.json"
            self._keep(file, pending)
            return self._run(file, pending, progress, resumed=False)

    def pending(self) -> int:
        """How many erasures have begun and are not done."""
        return len(list((self._folder / "pending").glob("*.json")))

    def finish(self, progress: Progress | None = None) -> list[Forgotten]:
        """Finish erasures that were stopped; none while another process is at one."""
        if not self.pending():
            return []
        done = []
        try:
            with self._alone(wait=False):
                for file in sorted((self._folder / "pending").glob("*.json")):
                    given: dict[str, Any] = json.loads(file.read_text("utf-8"))
                    lists = {k: tuple(v) for k, v in given.items() if isinstance(v, list)}
                    kept = _Pending(**(given | lists))
                    done.append(self._run(file, kept, progress, resumed=True))
        except Timeout:
            return []
        return done

    def _alone(self, *, wait: bool = True) -> FileLock:
        from heedful.store.suppression import private

        private(self._folder)
        private(self._folder / "pending")
        return FileLock(str(self._folder / "erasing.lock"), timeout=-1 if wait else 0)

    @staticmethod
    def _keep(file: Path, pending: _Pending) -> None:
        from heedful.store.suppression import written

        written(file, json.dumps(asdict(pending)))

    def _run(
        self, file: Path, pending: _Pending, progress: Progress | None, *, resumed: bool
    ) -> Forgotten:
        """Each step may be done again; the file that says what to do goes last."""
        from heedful.ledger.erasing import erase
        from heedful.ledger.mentions import Mentions
        from heedful.project.exports import naming
        from heedful.store.suppression import Suppression

        tell = progress or (lambda _what, _done, _all: None)
        project = self.project
        suppression = Suppression(self._data)
        suppression.add(pending.ids)
        tell("waiting for imports", 0, 0)
        removed = {"staging": self._drained()}
        mentions = Mentions(pending.ids, pending.emails, pending.quotes)
        with project.books.lock("refreshes"):
            shutil.rmtree(self._data / "books" / "staging", ignore_errors=True)
            removed |= self._stores(file, pending, mentions, suppression, tell)
        tell("ledger", 0, 0)
        mentions = Mentions(pending.ids, pending.emails, pending.quotes)
        changed = erase(project.ledger, mentions)
        removed |= {f"ledger.{name}": rows for name, rows in changed.items()}
        exports, unseen = naming(project, pending.ids)
        found = tuple(Removed(place, rows) for place, rows in removed.items() if rows)
        count = len(pending.customers)
        done = Forgotten(count, len(pending.ids), found, exports, unseen, resumed)
        people = "1 customer" if count == 1 else f"{count:,} customers"
        project.audit.add(pending.who, "erased", people, f"{done.rows:,} rows")
        _shred(file)
        return done

    def _drained(self) -> int:
        """Wait for imports that began before the suppression; take away what dead ones left."""
        books, staging = self.project.books, self._data / "staging"
        names = {f"source.{name}" for name in self.project.definitions.sources}
        locks = self._data / "books" / "locks"
        names |= {path.stem for path in locks.glob("source.*.lock")}
        for name in sorted(names):
            with books.lock(name):
                pass
        left = 0
        for folder in sorted(staging.glob("*")):
            from urllib.parse import unquote

            with books.lock(f"source.{unquote(folder.name.removesuffix('.import'))}"):
                if folder.exists():
                    left += 1
                    shutil.rmtree(folder, ignore_errors=True)
        return left

    def _stores(
        self, file: Path, pending: _Pending, mentions: Any, suppression: Any, tell: Progress
    ) -> dict[str, int]:
        from heedful.store.erasing import Erasing

        project = self.project
        tables, facts = project.lake("tables"), project.lake("facts")
        if not pending.people:
            with project.bench() as bench:
                pending.people = bench.prepared.people
            self._keep(file, pending)
        spill = self._folder / "spill"
        shutil.rmtree(spill, ignore_errors=True)
        erasing = Erasing(tables, spill, mentions)
        removed: dict[str, int] = {}
        try:
            held = erasing.belongings()
            suppression.add(held.keys)
            pending.quotes = tuple(sorted({*pending.quotes, *held.quotes}))
            self._keep(file, pending)
            names = _last_first(tables.names(), held)
            facts_there = facts.names()
            every = len(names) + len(facts_there) + 2
            for number, name in enumerate(names):
                tell(name, number, every)
                removed[f"tables.{name}"] = erasing.erase(name, held.where.get(name))
            for number, name in enumerate(facts_there, len(names)):
                tell(f"facts.{name}", number, every)
                own = project.facts[name].columns if name in project.facts else ()
                removed[f"facts.{name}"] = erasing.erase_fact(facts, name, tuple(own))
            tell("rejected_rows", every - 2, every)
            removed["rejected_rows"] = erasing.erase_rejected(project.books)
            tell("facts", every - 1, every)
            self._settle(pending, erasing)
        finally:
            erasing.close()
            shutil.rmtree(spill, ignore_errors=True)
        return removed

    def _settle(self, pending: _Pending, erasing: Erasing) -> None:
        """Facts of the project's own are built anew: a row of them may be of several people."""
        from heedful.facts.build import build
        from heedful.kpis.refresh import Refresh
        from heedful.kpis.settling import settle

        project = self.project
        tables, facts = project.lake("tables"), project.lake("facts")
        with project.bench() as bench:
            for name in facts.names():
                fact = project.facts.get(name)
                if fact is not None and fact.own:
                    build(fact, bench.prepared, facts)
                    erasing.erase_fact(facts, name)
            refresh = Refresh(project.definitions, project.facts, tables, facts, project.books)
            settle(refresh, bench, pending.people)


def _last_first(names: Iterable[str], held: Belongings) -> list[str]:
    """Rows that point to others go before those, so that a stop loses no trail; links go last."""
    from heedful.store.erasing import order

    there = set(names)
    sequence = [*reversed(order())]
    for name in ("customers", "identities"):
        sequence.remove(name)
        sequence.append(name)
    rest = sorted(there - set(sequence) - set(held.where))
    return [*rest, *(name for name in sequence if name in there)]


def _shred(file: Path) -> None:
    """Overwrite a file that names people, and remove it."""
    import os

    with file.open("r+b") as found:
        found.write(b"\0" * file.stat().st_size)
        found.flush()
        os.fsync(found.fileno())
    file.unlink()
