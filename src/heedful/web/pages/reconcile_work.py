"""A comparison of two sources in a process of its own, with an end to its patience."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import ProjectError
from heedful.project import NotFoundError
from heedful.project.reconciling import clear

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from heedful.project.project import Project
    from heedful.reconciliation.reconciliation import Reconciliation
    from heedful.web.edition import Edition

LONGEST = 600.0
"""Seconds that a comparison may take; longer ones are for the terminal."""
MOST = 10_000
"""Differences that a page's CSV holds; all of them are for the terminal."""
PATIENCE = 0.4
FRESH = timedelta(minutes=15)
"""Sources may have changed since; what is older is compared anew when somebody asks."""
_ONE_AT_A_TIME = threading.Semaphore(1)


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared.

    Attributes:
        kpi: The KPI.
        a: The first source.
        b: The second.
        grain: day, week, month, quarter or all.
        since: Periods that end after this day.
        until: Periods that begin before it.
        again: Whether sources are read again.
    """

    kpi: str
    a: str
    b: str
    grain: str = "month"
    since: date | None = None
    until: date | None = None
    again: bool = True


@dataclass
class Comparison:
    """A comparison that goes on, or is done.

    Attributes:
        done: Set when it ended.
        at: When it was begun.
        says: What it does.
        found: What came of it; None until then, or where it failed.
        wrong: Why it failed, as `file:line: found; allowed` where a file is to blame.
    """

    done: threading.Event = field(default_factory=threading.Event)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    says: str = "waiting"
    found: Reconciliation | None = None
    wrong: str = ""

    def run(self, project: Project, question: Question) -> None:
        """Do it."""
        try:
            with _ONE_AT_A_TIME:
                self._run(project, question)
        finally:
            self.done.set()

    def _run(self, project: Project, question: Question) -> None:
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe(duplex=False)
        given = (str(project.root), question, theirs)
        child = context.Process(target=_work, args=given, daemon=True)
        child.start()
        theirs.close()
        ending = threading.Timer(LONGEST, child.kill)
        ending.daemon = True
        ending.start()
        self.wrong = f"it took longer than {LONGEST / 60:.0f} minutes; the terminal has no limit"
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, given = mine.recv()
                if kind == "step":
                    self.says = given
                elif kind == "found":
                    self.found, self.wrong = given, ""
                else:
                    self.wrong = given
        child.join()
        ending.cancel()
        clear(project)


def comparison(edition: Edition, question: Question, patience: float = PATIENCE) -> Comparison:
    """A comparison, as far as it is; begun by whoever asks first, anew for each edition.

    Args:
        edition: What it is made from.
        question: What is compared.
        patience: Seconds to wait for it.
    """

    def begin() -> Comparison:
        begun = Comparison()
        given = (edition.project, question)
        threading.Thread(target=begun.run, args=given, daemon=True).start()
        return begun

    key = ("reconcile", question)
    before = edition.kept(key)
    if before is not None and before.done.is_set() and before.at < datetime.now(UTC) - FRESH:
        edition.forget(key)
    found = edition.once(key, begin)
    found.done.wait(patience)
    return found


def _work(root: str, question: Question, pipe: Connection) -> None:
    from heedful.project import open as open_project
    from heedful.project.reconciling import reconcile

    def tell(source: str, what: str, _done: int, _all: int) -> None:
        pipe.send(("step", f"{source}: {what}"))

    given: dict[str, Any] = {
        "grain": question.grain,
        "since": question.since,
        "until": question.until,
        "again": question.again,
        "limit": MOST,
    }
    try:
        project = open_project(Path(root))
        found = reconcile(project, question.kpi, question.a, question.b, progress=tell, **given)
        pipe.send(("found", found))
    except ProjectError as error:
        pipe.send(("wrong", "; ".join(str(problem) for problem in error.problems[:3])))
    except NotFoundError as error:
        pipe.send(("wrong", str(error)))
    except Exception as error:
        import logging

        logging.getLogger("heedful.web").exception("comparing two sources failed")
        pipe.send(("wrong", f"{type(error).__name__}; the server's log says more"))
    finally:
        pipe.close()
