"""`store/formats/*.yaml`: a known export of another product, and what becomes of its columns."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from heedful.definitions.fields import Id, Model, Sql, Text
from heedful.definitions.source import Column, ReadOptions


class Need(Model):
    """A column of the export."""

    type: Text
    """Its type, as the vendor says."""
    says: Text
    """What it means."""
    required: bool = False
    """Whether the export cannot be read without it; rows may still hold null."""
    also: tuple[Text, ...] = ()
    """Other names it has, in other ways to export the same."""


class Format(Model):
    """A known export: what to export, its columns, and what they become."""

    unwritten: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Text
    """The name of its file."""
    vendor: Text
    """Whose product."""
    table: Text
    """The table it fills."""
    export: Text
    """What to export, and how."""
    documented: tuple[Text, ...]
    """Where the vendor describes it."""
    example: Text
    """A path as it may stand in a source."""
    notes: tuple[Text, ...] = ()
    """What to know before trusting the numbers."""
    read: ReadOptions = ReadOptions()
    """How the files are written."""
    needs: dict[Text, Need]
    """The columns of the export that are used, by name."""
    asks: dict[Text, Text] = Field(default={})
    """Columns of the table whose place in the file only the project can know, and what to do."""
    sql: Sql | None = None
    """A SELECT over `files`, in which every column is text, where rows are nested."""
    columns: dict[Text, Column]
    """Column of the table to column or expression of the file, or of what `sql` gives."""
    attributes: dict[Id, Column] = Field(default={})
    """Further columns, as text."""
    where: Sql | None = None
    """SQL condition; other rows are left out on purpose."""
    key: Literal["generated"] | None = None
    """generated: rows have no key of their own."""
