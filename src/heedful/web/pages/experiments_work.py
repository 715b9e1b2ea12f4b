"""Work of seconds that a page waits for: done once per edition, beside the pages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from heedful.definitions.problem import ProjectError

if TYPE_CHECKING:
    from heedful.definitions.problem import Problem
    from heedful.web.edition import Edition

T = TypeVar("T")
PATIENCE = 0.4
"""Seconds that a page waits before it says that it is being worked on."""
ONE_AT_A_TIME = threading.Semaphore(1)
"""Readouts take all of a core: many at once would only slow down pages."""


@dataclass
class Work(Generic[T]):
    """Something that takes seconds.

    Attributes:
        done: Set when it ended.
        found: What came of it; None until then, or where it failed.
        problems: What the project's files or data lack.
        failed: What else went wrong, for who reads the page.
    """

    done: threading.Event = field(default_factory=threading.Event)
    found: T | None = None
    problems: tuple[Problem, ...] = ()
    failed: str = ""

    def run(self, make: Callable[[], T]) -> None:
        """Do it."""
        try:
            with ONE_AT_A_TIME:
                self.found = make()
        except ProjectError as error:
            self.problems = tuple(error.problems)
        except Exception as error:
            import logging

            logging.getLogger("heedful.web").exception("work for a page failed")
            self.failed = type(error).__name__
        finally:
            self.done.set()


def work(
    edition: Edition, key: Hashable, make: Callable[[], T], patience: float = PATIENCE
) -> Work[T]:
    """What `make` gives, as far as it is; begun by whoever asks first.

    Args:
        edition: What it is made from; the next edition makes it anew.
        key: What it is.
        make: Makes it.
        patience: Seconds to wait for it.
    """

    def begin() -> Work[T]:
        begun: Work[T] = Work()
        threading.Thread(target=begun.run, args=(make,), daemon=True).start()
        return begun

    found = edition.once(key, begin)
    found.done.wait(patience)
    return found
