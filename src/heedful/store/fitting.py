"""A source over a known format: what holds of which, and whether a file is such an export."""

from __future__ import annotations

import contextlib
import functools
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from heedful.definitions.format import Format
from heedful.definitions.problem import one_of
from heedful.definitions.source import Constant, ReadOptions, Source
from heedful.store import format as formats
from heedful.store.source_error import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from heedful.definitions.source import Column
    from heedful.store.columns import Columns

ALIKE = 0.6
SHOWN = 4
FORMAT = ("format",)


def format_of(source: Source) -> Format | None:
    """The format that a source names; None where it names none.

    Raises:
        SourceError: There is no such format, or it does not go with the rest of the source.
    """
    if source.format is None:
        return None
    if source.format not in formats.names():
        raise SourceError(
            FORMAT,
            f'format "{source.format}" is not known',
            f"{one_of(formats.names(), source.format)}; all of them: heedful formats",
        )
    found = formats.known(source.format)
    if source.table != found.table:
        raise SourceError(
            ("table",),
            f'format "{found.name}" fills table {found.table}, not "{source.table}"',
            f"write table: {found.table}",
        )
    if source.sql is not None and found.sql is not None:
        raise SourceError(
            ("sql",), f'format "{found.name}" brings a SELECT of its own', "leave out one of them"
        )
    return found


def fitted(source: Source, form: Format) -> Source:
    """The source with all that its format says; what the source says itself comes first.

    Columns, attributes and options are taken over one by one; both conditions hold.
    """
    conditions = [f"({one})" for one in (form.where, source.where) if one is not None]
    own = source.read.model_fields_set
    read = form.read.model_dump(include=form.read.model_fields_set)
    read |= source.read.model_dump(include=own)
    return source.model_copy(
        update={
            "columns": {**form.columns, **source.columns},
            "attributes": {**form.attributes, **source.attributes},
            "where": " AND ".join(conditions) or None,
            "key": source.key or form.key,
            "read": ReadOptions.model_validate(read),
        }
    )


@contextlib.contextmanager
def pointed(source: Source) -> Iterator[None]:
    """Errors point at what the source itself says; at its format where the format says it."""
    try:
        yield
    except SourceError as error:
        said: object = source.model_dump(exclude_unset=True)
        for step in error.path:
            said = said.get(step) if isinstance(said, dict) else None
        if source.format is None or said is not None:
            raise
        raise SourceError(FORMAT, error.found, error.allowed) from None


def check(columns: Columns, source: Source, form: Format) -> None:
    """Whether a file has what its format needs.

    Args:
        columns: The file's, in which the format's were looked for.
        source: The source as it was written.
        form: Its format.

    Raises:
        SourceError: A column is missing; it says what looks like it, and which other format fits.
    """
    lacking = [
        name
        for name, need in form.needs.items()
        if need.required and name in columns.absent and _wanted(name, source, form)
    ]
    names = columns.names
    if lacking:
        raise SourceError(
            FORMAT,
            f"{columns.raw.file} is no {form.name}: {'; '.join(_missing(lacking, form, names))}",
            f"{_better(names, form)}what it needs: heedful formats {form.name}",
        )
    for target, hint in form.asks.items():
        used = form.needs.keys() & set(uses(form.columns.get(target)))
        if target not in source.columns and used <= columns.absent:
            raise SourceError(
                FORMAT,
                f'{columns.raw.file} has nothing that is known to be "{target}"'
                f" ({', '.join(sorted(used))})",
                f"{hint}; the file has: {', '.join(names[:30])}",
            )


def _wanted(name: str, source: Source, form: Format) -> bool:
    """Whether something still needs a column once the source has said its own.

    Where a column of the table is just this one, that column counts; what else is computed from it
    may be null.
    """
    if form.sql is not None:
        return True
    given = {("columns", one) for one in source.columns}
    given |= {("attributes", one) for one in source.attributes}
    specs = {("columns", one): spec for one, spec in form.columns.items()}
    specs |= {("attributes", one): spec for one, spec in form.attributes.items()}
    if form.where is not None:
        specs["where", ""] = (form.where,)
    users = {place for place, spec in specs.items() if name in uses(spec)}
    whole = {place for place in users if specs[place] == (name,)}
    return not users or bool((whole or users) - given)


def uses(spec: Column | None) -> Iterator[str]:
    """The columns of a file that a mapping may read, as they are written."""
    for one in () if spec is None or isinstance(spec, Constant) else spec:
        yield one
        yield from _within(one)


@functools.cache
def _within(text: str) -> tuple[str, ...]:
    """The columns that an expression reads."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except SqlglotError:
        return ()
    found = (".".join(part.name for part in one.parts) for one in tree.find_all(exp.Column))
    return tuple(dict.fromkeys(found))


def computed(form: Format) -> Iterator[str]:
    """Columns that its expressions read: unlike others, these are looked at before they are read.

    >>> sorted(computed(formats.known("hubspot_feedback")))[:2]
    ['associations.contacts.results', 'associations.tickets.results']
    """
    specs = [*form.columns.values(), *form.attributes.values(), (form.where or "",)]
    for spec in specs:
        for one in () if isinstance(spec, Constant) else spec:
            if one not in form.needs:
                yield from _within(one)


def _missing(lacking: Sequence[str], form: Format, names: Sequence[str]) -> Iterator[str]:
    for name in lacking:
        near = _alike((name, *form.needs[name].also), names)
        has = f" (the file has {', '.join(near)})" if near else ""
        yield f'"{name}" is missing{has}'


def _alike(wanted: Sequence[str], names: Sequence[str]) -> list[str]:
    """Names of the file that look like one of those wanted, the likest first."""
    likes = {name: max(_likeness(one, name) for one in wanted) for name in names}
    near = sorted((name for name in names if likes[name] >= ALIKE), key=lambda n: -likes[n])
    return [f'"{name}"' for name in near[:SHOWN]]


def _likeness(wanted: str, name: str) -> float:
    first, second = _letters(wanted), _letters(name)
    if not first or not second:
        return 0.0
    last = _letters(wanted.rsplit(".", 1)[-1]), _letters(name.rsplit(".", 1)[-1])
    if first == second or last[0] == last[1]:
        return 1.0
    return SequenceMatcher(None, first, second).ratio()


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _better(names: Sequence[str], form: Format) -> str:
    """Which other formats the file fits, the one that uses most of it first."""
    has = {name.casefold() for name in names}
    fits: dict[str, int] = {}
    for name, other in formats.Formats().items():
        found = {need for need, spec in other.needs.items() if _has(has, (need, *spec.also))}
        required = {need for need, spec in other.needs.items() if spec.required}
        # One column called id says nothing about whose file it is.
        enough = len(found) > 2 or len(found) == len(other.needs)
        if name != form.name and required <= found and enough:
            fits[name] = len(found)
        # A page of another API, of which the rows were not found.
        elif (other.read.records or "").casefold() in has - {form.read.records}:
            fits[name] = 1
    if not fits:
        return ""
    most = max(fits.values())
    best = [f'"{name}"' for name, count in fits.items() if count == most]
    return f"it looks like {' or '.join(best[:3])}; "


def _has(names: Collection[str], wanted: Sequence[str]) -> bool:
    return any(
        one.casefold() in names
        # A column of Parquet that holds fields of its own.
        or ("." in one and one.split(".", 1)[0].casefold() in names)
        for one in wanted
    )


def needs(form: Format | None) -> Mapping[str, tuple[str, ...]]:
    """The names of the format's columns, each with its other names."""
    return {} if form is None else {name: need.also for name, need in form.needs.items()}
