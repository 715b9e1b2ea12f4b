"""`sources/*.yaml`: where the rows of a table come from."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from heedful.definitions.fields import Date, Id, Model, Sql, Text, Timezone, wrong

_GLOB = "allowed: a path or glob, a list of them, or a mapping name: glob"
_COLUMN = "allowed: a column or expression, a list of columns, or {constant: ...}"

Scalar = str | int | float | bool | None


class Constant(Model):
    """The same value in every row."""

    constant: Scalar
    """The value; it takes the type of the column."""


def _column(given: Any) -> Any:
    if isinstance(given, str) and given:
        return (given,)
    if isinstance(given, tuple) and given and all(isinstance(one, str) and one for one in given):
        return given
    if isinstance(given, dict) and set(given) == {"constant"}:
        if isinstance(given["constant"], (dict, tuple)):
            raise wrong("{name}: the constant is not a single value", "allowed: text or a number")
        return Constant(constant=given["constant"])
    if isinstance(given, Constant):
        return given
    raise wrong("{name} {value} cannot be read as a column", _COLUMN)


def _path(given: Any) -> Any:
    globs = given.values() if isinstance(given, dict) else given
    globs = (given,) if isinstance(given, str) else globs
    if not isinstance(given, (str, tuple, dict)) or not globs:
        raise wrong("{name} {value} is not a path", _GLOB)
    if not all(isinstance(glob, str) and glob for glob in globs):
        raise wrong("{name} holds something that is not a path", _GLOB)
    return given


def _dates(given: Any) -> Any:
    formats = (given,) if isinstance(given, str) else given
    if isinstance(formats, tuple) and all(isinstance(one, str) and one for one in formats):
        return formats
    raise wrong(
        "{name} {value} is not a date format",
        'allowed: such as "%d.%m.%Y %H:%M", a list of such, epoch_s, epoch_ms, epoch_us or '
        "epoch_ns",
    )


Column = Annotated[
    tuple[str, ...] | Constant,
    BeforeValidator(_column, json_schema_input_type=str | tuple[str, ...] | Constant),
]
"""Columns or expressions, of which the first that the file has counts; or a constant."""


class ReadOptions(Model):
    """How the files are written."""

    encoding: Text = "utf-8"
    """Character encoding."""
    delimiter: Text | None = None
    """What stands between the fields of a line; found out where not given."""
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    """What stands around a field that holds delimiters; doubled inside it."""
    nulls: tuple[str, ...] = ("",)
    """What stands for "not known"."""
    dates: Annotated[
        tuple[str, ...], BeforeValidator(_dates, json_schema_input_type=str | tuple[str, ...])
    ] = ()
    """Formats of dates, in strptime's letters, or epoch_s, epoch_ms, epoch_us, epoch_ns; ISO where
    none."""
    timezone: Timezone | None = None
    """The timezone of times that name none; the project's where not given."""
    decimal: Literal[".", ","] = "."
    """What stands before the decimals."""
    thousands: Literal[".", ",", " ", "'", "_"] | None = None
    """What stands between thousands."""
    header_rows: Annotated[int, Field(ge=0)] = 1
    """How many rows name the columns."""
    skip_rows: Annotated[int, Field(ge=0)] | None = None
    """How many lines stand before the header; found out where not given."""
    sheet: Text | None = None
    """The sheet of a workbook; the first where not given."""
    records: Text | None = None
    """The list that holds the rows, where they lie in an object of JSON, as on a page of an API."""

    @model_validator(mode="after")
    def _distinct(self) -> ReadOptions:
        if self.thousands == self.decimal:
            raise wrong(
                f'{{name}}: thousands and decimal are both "{self.decimal}"', "they must differ"
            )
        return self


class Source(Model):
    """Where the rows of a table come from."""

    unwritten: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Text
    """The name of its file."""
    table: Text
    """The table it fills."""
    path: Annotated[str | tuple[str, ...] | dict[str, str], BeforeValidator(_path)]
    """Files, as globs relative to the project; a mapping names each for `sql`. Or a PostgreSQL
    database: `postgresql://user@host/database`, with `${NAME}` for environment variables."""
    relation: Text | None = None
    """The table or view of the database, such as `public.orders`."""
    query: Text | None = None
    """A file with a SELECT for the database to answer, instead of a relation."""
    format: Text | None = None
    """A known export of another product, as `heedful formats` lists them; then columns need not be
    named."""
    read: ReadOptions = ReadOptions()
    """How the files are written."""
    columns: dict[str, Column] = Field(default={})
    """Column of the table to column or expression of the file; those of the same name where not
    given."""
    where: Sql | None = None
    """SQL condition; other rows are left out on purpose."""
    attributes: dict[Id, Column] = Field(default={})
    """Further columns, as text; each becomes a dimension."""
    sql: Text | None = None
    """A file with a SELECT over `files`, or over the names of `path`."""
    key: Literal["generated"] | None = None
    """generated: rows have no key of their own; one is made of their content."""
    replace: Literal["file", "period", "all"] = "file"
    """What an import of rows without a key takes the place of."""
    personal: Literal["mask", "keep"] = "mask"
    """Whether e-mail addresses, phone and card numbers in texts are masked or kept."""
    observed_until: Date | None = None
    """Until when the data is complete; the newest time in the table where not given."""

    @property
    def remote(self) -> bool:
        """Whether its rows come from a database, not from files."""
        return self.relation is not None or self.query is not None

    @property
    def globs(self) -> dict[str, tuple[str, ...]]:
        """The globs by the name of the view they become; `files` where they have no name."""
        if isinstance(self.path, dict):
            return {name: (glob,) for name, glob in self.path.items()}
        return {"files": (self.path,) if isinstance(self.path, str) else self.path}
