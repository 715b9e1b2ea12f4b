"""A YAML file as plain data, and the line on which each part of it stands."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heedful.definitions.problem import Problem

Node = Any  # neither library says what its nodes have
Key = str | int
KeyPath = tuple[Key, ...]

VALUES_AT_MOST = 100_000
DEPTH_AT_MOST = 50
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SCALARS = {"plain", "str", "int", "float", "bool", "null", "timestamp", "merge", "value"}
# Tabs, tags, anchors, directives, marks of documents, odd line breaks, and block texts that begin
# with a # are read differently.
_RARE = re.compile(r"[!&\t\x85\u2028\u2029\ufeff]|^%|^---|^\.\.\.|[|>][-+0-9]*\s*#", re.MULTILINE)
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_HINTS = {
    "'\\t'": "indent with spaces, not tabs",
    "cannot start any token": "put the value in quotes",
    "mapping values are not allowed": "put a value that holds a colon in quotes",
    "stream end": "a bracket or quote is not closed",
    "expected ',' or": "a comma is missing, or a bracket is not closed",
    "end of stream": "a bracket or quote is not closed",
    "single document": "remove the line ---",
    "undefined alias": "put a value that begins with * in quotes",
    "<block end>": "look at how this line and the one above are indented",
}


@dataclass(frozen=True)
class Document:
    """A file's content, as `dict`, `tuple`, `str`, `int`, `float`, `bool` and `None`.

    Keys are always text, as written; dates and times stay text.

    Attributes:
        file: The file, relative to the project folder.
        data: The content; `None` for an empty file or one that cannot be read.
        lines: The line (from 1) of each key of a mapping and each item of a list, by its path.
        problems: Why it cannot be read, and keys written twice.
    """

    file: str
    data: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def line(self, path: KeyPath = ()) -> int:
        """Return the line of a path, or of the nearest part of it that exists.

        Steps of the path that lead nowhere are left out.
        """
        known: KeyPath = ()
        for step in path:
            if (*known, step) in self.lines:
                known = (*known, step)
        return self.lines.get(known, 1)

    def problem(self, path: KeyPath, found: str, allowed: str = "") -> Problem:
        """Return a problem that points at a path of this file."""
        return Problem(self.file, self.line(path), found, allowed)


def read(path: Path, file: str) -> Document:
    """Read a YAML 1.2 file. Bad content gives problems, never an error.

    Args:
        path: Where the file is.
        file: How problems name it.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = error.object[error.start]
        problem = Problem(file, line, f"byte 0x{byte:02X} is not UTF-8", "save the file as UTF-8")
        return Document(file, None, problems=(problem,))
    except OSError as error:
        problem = Problem(file, 1, f"cannot be read: {error.strerror or error}")
        return Document(file, None, problems=(problem,))
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    r"""Parse YAML 1.2. Bad text gives problems, never an error.

    Examples:
        >>> document = parse("name: Acme\nteams:\n  cx: {name: Care}", "heedful.yaml")
        >>> document.data
        {'name': 'Acme', 'teams': {'cx': {'name': 'Care'}}}
        >>> document.line(("teams", "cx", "name"))
        3
        >>> [str(p) for p in parse("a: 1\na: 2", "heedful.yaml").problems]
        ['heedful.yaml:2: "a" is written twice; keep one of them (the other is on line 1)']
    """
    from ruamel.yaml.error import YAMLError

    try:
        root = _composed(text)
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
        return Document(file, None, problems=(_syntax(error, file),))
    except RecursionError:
        return Document(file, None, problems=(Problem(file, 1, "lists or mappings too deep"),))
    if root is None:
        return Document(file, None)
    reader = _Reader(file)
    data = reader.value(root, ())
    reader.lines[()] = root.start_mark.line + 1
    return Document(file, data, reader.lines, tuple(reader.problems))


def _composed(text: str) -> Any:
    """The nodes of a text.

    libyaml is many times as fast and reads YAML 1.1, whose nodes are the same but for rare things;
    those, and whatever it refuses, are left to ruamel, which also says what is wrong.
    """
    import yaml
    from ruamel.yaml import YAML

    if not _RARE.search(text):
        try:
            return yaml.compose(text, Loader=_plain_loader())
        except (yaml.YAMLError, ValueError, RecursionError):
            pass
    return YAML(typ="safe", pure=True).compose(text)


@functools.cache
def _plain_loader() -> Any:
    """A loader that leaves it to us what a word without quotes means: YAML 1.1 means more by it."""
    import yaml

    class Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if kind is yaml.ScalarNode and implicit[0]:
                return f"{_TAG}plain"
            return super().resolve(kind, value, implicit)

    return Plain


def _syntax(error: Exception, file: str) -> Problem:
    """Say in one line what the parser stumbled over."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "context", None)
    if what is None and hasattr(error, "character"):
        what = f"character {error.character!r} is not allowed"
    what = str(what or next(iter(str(error).splitlines()), "")) or type(error).__name__
    hint = next((hint for words, hint in _HINTS.items() if words in what), "")
    return Problem(file, mark.line + 1 if mark else 1, f"not YAML: {what}", hint)


class _Reader:
    """Turns nodes into plain data and remembers their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self.full = False

    def report(self, node: Node, found: str, allowed: str = "") -> None:
        self.problems.append(Problem(self.file, node.start_mark.line + 1, found, allowed))

    def value(self, node: Node, path: KeyPath) -> Any:
        # An alias is its anchor's node again, so one that holds itself never ends,
        # and a few that hold each other twice grow without bound.
        if len(self.lines) > VALUES_AT_MOST or len(path) > DEPTH_AT_MOST:
            if not self.full:
                self.report(node, "too many values, or too deep", "write it without aliases (*)")
            self.full = True
            return None
        kind = node.tag.removeprefix(_TAG)
        if node.id == "mapping" and kind == "map":
            return self.mapping(node, path)
        if node.id == "sequence" and kind == "seq":
            return self.sequence(node, path)
        if node.id == "scalar" and node.tag.startswith(_TAG):
            return self.scalar(node, kind)
        self.report(node, f"tag {node.tag.replace(_TAG, '!!')} is not known", "leave the tag out")
        return None

    def mapping(self, node: Node, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                self.report(key_node, "a list or mapping stands where a name is expected")
                continue
            key = self.text(key_node)
            here = (*path, key)
            if key in found:
                hint = f"keep one of them (the other is on line {self.lines[here]})"
                self.report(key_node, f'"{key}" is written twice', hint)
                continue
            self.lines[here] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, here)
        return found

    def sequence(self, node: Node, path: KeyPath) -> tuple[Any, ...]:
        found = []
        for index, item in enumerate(node.value):
            self.lines[(*path, index)] = item.start_mark.line + 1
            found.append(self.value(item, (*path, index)))
        return tuple(found)

    def text(self, node: Node) -> str:
        """Return what is written, with characters that were escaped as two halves made whole."""
        written: str = node.value
        if not any("\ud800" <= character <= "\udfff" for character in written):
            return written
        try:
            return written.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.report(node, "half a character (\\uD800 to \\uDFFF)", "write both halves")
            return ""

    def scalar(self, node: Node, kind: str) -> Any:
        if kind not in _SCALARS:
            self.report(node, f"tag !!{kind} is not known", "leave the tag out")
        text = self.text(node)
        if node.style or kind == "str":
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if len(text) < 40 and _INTEGER.fullmatch(text):
            return int(text, 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text
