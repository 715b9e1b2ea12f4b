"""A site: the edition that pages are made from, and the refresh that makes the next one."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from heedful.web.edition import Edition

if TYPE_CHECKING:
    from heedful.definitions.problem import Problem

LOOK_SECONDS = 2.0
"""How often a site looks whether another process has measured anew."""


@dataclass(frozen=True, slots=True)
class Job:
    """A refresh.

    Attributes:
        running: Whether it goes on.
        began_at: When it began.
        says: What it does, or what came of it.
        done: Facts done.
        all: Facts in all; 0 while that is not known.
        failed: Whether it ended badly; `says` tells how.
        who: Who began it.
    """

    running: bool
    began_at: datetime
    says: str
    done: int = 0
    all: int = 0
    failed: bool = False
    who: str = "schedule"


class Site:
    """A served project.

    Pages are made from one edition at a time. A refresh runs in a process of its own, so that
    pages stay up and quick; when it is done, the edition is replaced as a whole.

    Args:
        root: The project's folder.

    Raises:
        ProjectError: The project's files have problems.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._edition = Edition(root)
        self._looked = time.monotonic()
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self.job: Job | None = None
        threading.Thread(target=_warm, args=(self._edition,), daemon=True).start()
        self.problems: tuple[Problem, ...] = ()

    @property
    def edition(self) -> Edition:
        """The edition to make a page from; take it once a page."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            threading.Thread(target=self._look, daemon=True).start()
        return self._edition

    def _look(self) -> None:
        """Take over what another process has measured."""
        from heedful.kpis.log import NAME

        running = self.job is not None and self.job.running
        if not running and self._edition.project.books.version(NAME) != self._edition.shelf.version:
            self.renew()

    def renew(self) -> None:
        """Make a new edition; if the project's files have problems, the old one stays."""
        from heedful.definitions.problem import ProjectError

        with self._making:
            try:
                edition = Edition(self.root)
                _warm(edition)
                self._edition = edition
                self.problems = ()
            except ProjectError as error:
                self.problems = tuple(error.problems)

    def refresh(self, who: str, *, import_first: bool = True) -> bool:
        """Begin a refresh, unless one is running.

        Args:
            who: Who asked for it.
            import_first: Whether to read the sources before.

        Returns:
            Whether it was begun.
        """
        with self._lock:
            if self.job is not None and self.job.running:
                return False
            self.job = Job(running=True, began_at=datetime.now(UTC), says="beginning", who=who)
        threading.Thread(target=self._run, args=(import_first,), daemon=True).start()
        return True

    def _run(self, import_first: bool) -> None:
        from heedful.ledger.run import Runs

        runs = Runs(self._edition.project.ledger)
        run = runs.begin(self.job.who if self.job else "schedule")
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_work, args=(str(self.root), import_first, theirs))
        child.start()
        theirs.close()
        said = "ended without a word"
        failed = True
        with contextlib.suppress(EOFError):
            while True:
                kind, text, done, every = mine.recv()
                if kind in {"done", "failed"}:
                    said, failed = text, kind == "failed"
                else:
                    self._tell(says=text, done=done, all=every)
        child.join()
        self._tell(says="making pages anew")
        self.renew()
        runs.end(run, said, failed=failed)
        self._tell(running=False, says=said, failed=failed)

    def _tell(self, **changes: object) -> None:
        if self.job is not None:
            self.job = replace(self.job, **changes)  # type: ignore[arg-type]


def _warm(edition: Edition) -> None:
    """Compute what the first visitor would otherwise wait for."""
    from heedful.web.pages.data_tables import tables

    # What fails here fails again, with a sentence, on the page that needs it.
    with contextlib.suppress(Exception):
        edition.scores("month")
        tables(edition)


def _work(root: str, import_first: bool, pipe: Connection) -> None:
    """Import, measure, look for findings, tell people: in a process of its own."""
    from heedful.project import check
    from heedful.project import open as open_project

    with _reported(pipe):
        # All problems, also those that only the tables' and facts' columns show.
        check(Path(root)).valid()
        project = open_project(Path(root))
        if import_first:
            for one in project.tables.import_():
                pipe.send(("step", f"imported {one.source}", 0, 0))

        def tell(fact: str, done: int, every: int) -> None:
            pipe.send(("step", f"measuring {fact.replace('_', ' ')}", done, every))

        found = project.refresh(progress=tell)
        pipe.send(("step", "looking for findings", len(found), len(found)))
        project.findings.refresh()
        project.actions.measure()
        pipe.send(("step", "telling people", len(found), len(found)))
        project.alerts.send()
        readings = sum(one.readings for one in found)
        pipe.send(("done", f"{readings:,} readings are new or changed", len(found), len(found)))


@contextlib.contextmanager
def _reported(pipe: Connection) -> Iterator[None]:
    from heedful.definitions.problem import ProjectError

    try:
        yield
    except ProjectError as error:
        said = "; ".join(str(problem) for problem in error.problems[:3])
        pipe.send(("failed", said, 0, 0))
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody must be told
        pipe.send(("failed", f"{type(error).__name__}: {error}", 0, 0))
    finally:
        pipe.close()
