"""All facts there are: the built-in ones and the project's own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from heedful.definitions.problem import Problem, ProjectError
from heedful.facts import relations
from heedful.facts.inspection import inspect
from heedful.facts.model import Fact
from heedful.store import schema

FOLDER = Path(__file__).parent / "models"


class Catalogue(NamedTuple):
    """What the folders hold.

    Attributes:
        facts: Usable facts by name, sorted.
        problems: What is wrong with the others.
    """

    facts: Mapping[str, Fact]
    problems: tuple[Problem, ...]


def read(own: Path | None = None) -> Catalogue:
    """Read the built-in facts and the project's own, which replace those of the same name.

    Args:
        own: The project's `facts` folder; it need not exist.
    """
    found = dict(_built_in())
    problems: list[Problem] = []
    for path in sorted(own.glob("*.sql")) if own else []:
        file = f"facts/{path.name}"
        if path.stem in {*schema.names(), *relations.names()}:
            problem = Problem(file, 1, f'"{path.stem}" is the name of a table', "rename the file")
            problems.append(problem)
            continue
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (UnicodeDecodeError, OSError) as error:
            problems.append(Problem(file, 1, f"cannot be read: {error}", "save the file as UTF-8"))
            continue
        fact, wrong = inspect(path.stem, text, file, own=True)
        problems += wrong
        if fact:
            found[fact.name] = fact
    return Catalogue(dict(sorted(found.items())), tuple(sorted(problems)))


def facts(own: Path | None = None) -> dict[str, Fact]:
    """The usable facts by name.

    Args:
        own: The project's `facts` folder; it need not exist.

    Raises:
        ProjectError: Something is wrong with one of them.

    >>> facts()["form_attempts"].grain
    'one row an attempt'
    """
    found = read(own)
    if found.problems:
        raise ProjectError(found.problems)
    return dict(found.facts)


@functools.cache
def _built_in() -> Mapping[str, Fact]:
    found = {}
    for path in sorted(FOLDER.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        fact, problems = inspect(path.stem, text, f"heedful/facts/models/{path.name}")
        if fact is None:
            raise ProjectError(problems)
        found[fact.name] = fact
    return found
