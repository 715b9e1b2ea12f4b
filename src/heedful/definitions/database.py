"""Addresses of databases in `sources/*.yaml`, and what is wrong with a source that reads one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from heedful.definitions.document import KeyPath
from heedful.definitions.entry import Entry
from heedful.definitions.problem import Problem
from heedful.definitions.source import ReadOptions, Source

SCHEMES = ("postgresql://", "postgres://")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WHOLE = re.compile(rf"\s*{VARIABLE.pattern}\s*")
_NAME = r'(?:[A-Za-z_\u0080-\uffff][\w$]*|"(?:[^"]|"")+")'
_RELATION = re.compile(rf"{_NAME}(?:\.{_NAME})?")
_PART = re.compile(_NAME)
_PARAMETER = re.compile(r"[?&]password=([^&#]*)", re.IGNORECASE)
# A database says by itself how its values are written.
READ = frozenset({"nulls", "dates", "timezone"})
_INSTEAD = "write ${NAME} for an environment variable, or leave it to PGPASSWORD or a passfile"


class MissingVariableError(Exception):
    """An address names an environment variable that is not set.

    Attributes:
        name: The variable.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Address(NamedTuple):
    """An address with its variables filled in.

    Attributes:
        url: The URL; it may hold a password, and is never shown.
        secrets: What must not be shown, in every spelling that a message may have.
    """

    url: str
    secrets: tuple[str, ...]

    def hidden(self, text: str) -> str:
        """A message without what is secret.

        >>> address("postgresql://me:a%20b@db/x", {}).hidden("no a b for a%20b at db")
        'no *** for *** at db'
        """
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def is_address(path: object) -> bool:
    """Whether a source's path is the address of a database, or a variable that may be one.

    >>> is_address("postgresql://db/shop"), is_address("${SHOP}"), is_address("in/*.csv")
    (True, True, False)
    """
    if not isinstance(path, str):
        return False
    return path.strip().lower().startswith(SCHEMES) or _WHOLE.fullmatch(path) is not None


def address(path: str, environment: Mapping[str, str]) -> Address:
    """Fill in the variables of an address.

    What stands for a user, a password or a parameter may hold any character; elsewhere, and where
    a variable is the whole address, the value is taken as it is.

    Args:
        path: As the source has it.
        environment: Environment variables.

    Raises:
        MissingVariableError: One of them is not set.

    >>> address("postgresql://${WHO}:${KEY}@db/x", {"WHO": "ida", "KEY": "p@ss"}).url
    'postgresql://ida:p%40ss@db/x'
    """

    def value(found: re.Match[str]) -> str:
        if not environment.get(found[1]):
            raise MissingVariableError(found[1])
        return environment[found[1]]

    def encoded(found: re.Match[str]) -> str:
        return quote(value(found), safe="")

    path = path.strip()
    if _WHOLE.fullmatch(path):
        url = VARIABLE.sub(value, path).strip()
    else:
        base, mark, parameters = path.partition("?")
        who, at, where = base.rpartition("@")
        url = VARIABLE.sub(encoded, who) + at + VARIABLE.sub(value, where)
        url += mark + VARIABLE.sub(encoded, parameters)
    password = _password(url)
    secrets = {url, password, unquote(password)} if password else set()
    return Address(url, tuple(sorted(secrets)))


def relation_parts(relation: str) -> list[str]:
    """The names of a relation, schema first, as they are spelled between the quotes.

    >>> relation_parts('public."Order Lines"')
    ['public', 'Order Lines']
    """
    found = _PART.findall(relation)
    return [one[1:-1].replace('""', '"') if one[0] == '"' else one for one in found]


def database_problems(entry: Entry[Source], root: Path) -> Iterator[Problem]:
    """What is wrong with a source that reads a database, or would seem to.

    Args:
        entry: The source.
        root: The project folder.
    """
    source = entry.value
    if "path" in entry.broken:
        return
    given = [name for name in ("relation", "query") if getattr(source, name) is not None]
    if not is_address(source.path):
        globs = [source.path] if isinstance(source.path, str) else [*_listed(source.path)]
        if any(is_address(glob) for glob in globs):
            found = "path names a database among others"
            yield entry.problem(("path",), found, "a source reads one database, or files")
        for name in given:
            hint = "leave it out, or let path be such as postgresql://reader@host/database"
            yield entry.problem((name,), f"{name} is for a database, and path names files", hint)
        return
    yield from _secret(entry, str(source.path))
    if not given and not entry.broken & {"relation", "query"}:
        hint = "add one: relation: schema.table, or query: sources/rows.query.sql"
        yield entry.problem(("path",), "path names a database, not what to read", hint)
    if len(given) == 2:
        yield entry.problem(("query",), "relation and query are both given", "keep one")
    if source.relation is not None and not _RELATION.fullmatch(source.relation):
        found = f'relation "{source.relation}" is not the name of a table or view'
        hint = 'allowed: such as public.orders, or "Sales"."Order Lines"; a SELECT goes under query'
        yield entry.problem(("relation",), found, hint)
    if source.query is not None:
        yield from _query(entry, root / source.query)
    if source.format is not None:
        yield entry.problem(("format",), "format is for exports", "leave it out for a database")
    for name in sorted(source.read.model_fields_set - READ):
        if name in ReadOptions.model_fields:
            path: KeyPath = ("read", name)
            found = f"read.{name} is for files; a database says itself how values are written"
            yield entry.problem(path, found, f"leave it out; allowed: {', '.join(sorted(READ))}")


def database_warnings(
    sources: Iterable[Entry[Source]], environment: Mapping[str, str]
) -> Iterator[Problem]:
    """Variables in addresses that are not set here, so that nothing can be imported from them.

    Args:
        sources: The sources.
        environment: Environment variables.
    """
    for entry in sources:
        path = entry.value.path
        if "path" not in entry.broken and isinstance(path, str) and is_address(path):
            for name in dict.fromkeys(VARIABLE.findall(path)):
                if not environment.get(name):
                    found = f"{name} is not set here"
                    yield entry.problem(("path",), found, "nothing can be imported without it")


def _listed(path: tuple[str, ...] | dict[str, str]) -> Iterator[str]:
    yield from path.values() if isinstance(path, dict) else path


def _password(url: str) -> str:
    base = url.partition("?")[0].partition("://")[2]
    who = base.rpartition("@")[0]
    found = _PARAMETER.search(url)
    return who.partition(":")[2] or (found[1] if found else "")


def _secret(entry: Entry[Source], path: str) -> Iterator[Problem]:
    password = _password(path)
    if password and not VARIABLE.search(password):
        yield entry.problem(("path",), "path holds a password, and this file is kept", _INSTEAD)


def _query(entry: Entry[Source], path: Path) -> Iterator[Problem]:
    file = entry.value.query
    if not path.is_file():
        yield entry.problem(("query",), f"{file} does not exist", "paths begin at the project")
        return
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        yield Problem(str(file), 1, "is not UTF-8", "save the file as UTF-8")
        return
    if not text.strip():
        yield Problem(str(file), 1, "is empty", "write one SELECT in PostgreSQL's SQL")
