"""What is wrong with a project's files, said so that a person can put it right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

LIST_AT_MOST = 12
_PLAIN = re.compile(r"[\w$][\w$./ -]*")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in one place.

    Attributes:
        file: The file, relative to the project folder, with forward slashes.
        line: The line, counted from 1.
        found: What stands there, and what is wrong with it.
        allowed: What may stand there, or what to do. May be empty.

    Examples:
        >>> str(Problem("kpis/csat.yaml", 4, 'owner "cxx" is not a team', "allowed: cx"))
        'kpis/csat.yaml:4: owner "cxx" is not a team; allowed: cx'
    """

    file: str
    line: int
    found: str
    allowed: str = ""

    def __str__(self) -> str:
        """Return the problem on one line."""
        return self._line("")

    @property
    def warning(self) -> str:
        """The problem on one line, where it is only something to think about.

        Examples:
            >>> Problem("heedful.yaml", 4, "no experiment in stage retention").warning
            'heedful.yaml:4: warning: no experiment in stage retention'
        """
        return self._line("warning: ")

    def _line(self, kind: str) -> str:
        text = f"{self.file}:{self.line}: {kind}{self.found}"
        return " ".join((f"{text}; {self.allowed}" if self.allowed else text).split())


class ProjectError(Exception):
    """A project's files cannot be used as they are.

    Attributes:
        problems: Every problem found, in the order of files and lines.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: object, options: Iterable[str]) -> str:
    """Return a hint at the option nearest to a word, or an empty string.

    Examples:
        >>> did_you_mean("cxx", ["cx", "growth"])
        ' (did you mean "cx"?)'
        >>> did_you_mean("zebra", ["cx", "growth"])
        ''
    """
    by_lower = {option.lower(): option for option in sorted(options)}
    alike = 0.6 if len(str(word)) > 3 else 0.5
    nearest = get_close_matches(str(word).lower(), by_lower, n=1, cutoff=alike)
    return f' (did you mean "{by_lower[nearest[0]]}"?)' if nearest else ""


def one_of(options: Iterable[str], word: object = "") -> str:
    """Return what is allowed: the options, and the one nearest to the word that was found.

    A long list is not shown in full; the nearest option is.

    Examples:
        >>> one_of(["cx", "growth"], "cxx")
        'allowed: cx, growth (did you mean "cx"?)'
    """
    known = list(options)
    shown = ", ".join(one if _PLAIN.fullmatch(one) else f'"{one}"' for one in known[:LIST_AT_MOST])
    rest = f" and {len(known) - LIST_AT_MOST} more" if len(known) > LIST_AT_MOST else ""
    return f"allowed: {shown}{rest}{did_you_mean(word, known)}"
