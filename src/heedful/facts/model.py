"""A fact: a SQL model over tables, with a header that says what a row is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BeforeValidator, Field

from heedful.definitions.document import Document
from heedful.definitions.document import parse as parse_yaml
from heedful.definitions.fields import Id, Model, Text, wrong
from heedful.definitions.problem import Problem
from heedful.definitions.validation import validate
from heedful.facts import lookback
from heedful.facts.lookback import Lookback

Grain = Literal["day", "week", "month", "quarter", "all"]
GRAINS: tuple[Grain, ...] = get_args(Grain)

ADDED: Mapping[str, str] = {
    "day": "Day of `at` in the project's timezone.",
    "bucket": "Which of 64 groups of customers the row belongs to, by md5 of `customer`.",
}
"""Columns that every built fact has beside its own."""

_HEADER = re.compile(r"\A\s*/\*(?P<yaml>.*?)\*/", re.DOTALL)


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


def _lookback(given: Any) -> Any:
    try:
        return given if isinstance(given, Lookback) else lookback.parse(given)
    except (ValueError, TypeError, AttributeError):
        raise wrong("{name} {value} cannot be read", lookback.ALLOWED) from None


class Header(Model):
    """The YAML at the head of a fact."""

    says: Text
    """What it holds, in one sentence."""
    grain: Text
    """What a row is."""
    key: Annotated[tuple[Id, ...], BeforeValidator(_several), Field(min_length=1)]
    """The column or columns that identify a row."""
    reads: Annotated[tuple[Id, ...], BeforeValidator(_several), Field(min_length=1)]
    """The tables and relations it reads."""
    lookback: Annotated[Lookback, BeforeValidator(_lookback)]
    """How far from a row's own time its inputs may lie, both ways."""
    grains: Annotated[tuple[Grain, ...], Field(min_length=1)] = GRAINS
    """The grains for which its rows may be summed."""
    dimensions: tuple[Id, ...] = ()
    """Columns by which it may be broken down."""
    attributes: Annotated[tuple[Id, ...], BeforeValidator(_several)] = ()
    """Tables whose attribute columns it carries."""
    columns: dict[Id, Text] = Field(default={})
    """What each column means."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact.

    Attributes:
        name: The stem of its file.
        file: The file, as problems name it.
        text: The whole file.
        says: What it holds, in one sentence.
        grain: What a row is.
        key: The columns that identify a row.
        reads: The canonical tables it reads, also those behind relations.
        relations: The relations it reads.
        lookback: How far from a row's own time its inputs may lie, both ways.
        grains: The grains for which its rows may be summed.
        dimensions: Columns by which it may be broken down, without attributes.
        attributes: Tables whose attribute columns it carries.
        columns: What each column means, in the order of the query; without attributes.
        definition_hash: A short hash of what decides its rows; words about it do not change it.
        own: Whether it is the project's, not built in.
    """

    name: str
    file: str
    text: str = field(repr=False)
    says: str
    grain: str
    key: tuple[str, ...]
    reads: tuple[str, ...]
    relations: tuple[str, ...]
    lookback: Lookback
    grains: tuple[Grain, ...]
    dimensions: tuple[str, ...]
    attributes: tuple[str, ...]
    columns: Mapping[str, str]
    definition_hash: str
    own: bool = False

    @property
    def sql(self) -> str:
        """The query without its header, as it was written."""
        return _HEADER.sub("", self.text).strip()


class Head(NamedTuple):
    """The header of a file, and the rest of it on the same lines."""

    header: Header
    document: Document
    sql: str


def read_header(text: str, file: str) -> tuple[Head | None, tuple[Problem, ...]]:
    """Read the header of a fact.

    Args:
        text: The whole file.
        file: How problems name it.

    Returns:
        The header, None where it cannot be used, and what is wrong with it.
    """
    found = _HEADER.match(text)
    if not found:
        hint = "begin the file with /* says: ..., grain: ..., key: ..., reads: [...] ... */"
        return None, (Problem(file, 1, "there is no header", hint),)
    above = text[: found.start("yaml")].count("\n")
    document = parse_yaml("\n" * above + found["yaml"], file)
    if document.problems:
        return None, document.problems
    checked = validate(Header, document.data, document)
    if checked.value is None or checked.problems:
        return None, checked.problems
    # Blank lines in place of the header keep the line numbers of the SQL right.
    sql = "\n" * text[: found.end()].count("\n") + text[found.end() :]
    return Head(checked.value, document, sql), ()
