"""Tables as files that people and programs take away: CSV, Parquet, and values as JSON has them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from fastapi.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

Form = Literal["csv", "parquet"]
TYPES: Mapping[Form, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
RUNS = r"^[=+\-@\t\r]"
"""Beginnings of a text that a spreadsheet takes for a formula."""
_RUNS = re.compile(RUNS)


def response(table: pa.Table, form: Form, name: str, headers: Mapping[str, str] = {}) -> Response:
    """A table as a file.

    Args:
        table: The table.
        form: csv or parquet.
        name: What the file is called, without its ending; signs that file systems do not like
            are replaced.
        headers: More headers.
    """
    said = {"Content-Disposition": f'attachment; filename="{safe(name)}.{form}"'}
    return Response(written(table, form), media_type=TYPES[form], headers={**said, **headers})


def safe(name: str) -> str:
    """A name that is a file name everywhere, and nothing but a name.

    >>> safe("../../etc/passwd"), safe('a"; filename=x'), safe("...")
    ('etc-passwd', 'a-filename-x', 'heedful')
    """
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:80].strip("-") or "heedful"


def written(table: pa.Table, form: Form) -> bytes:
    r"""A table as the bytes of a file; what is no finite number is missing.

    In CSV, text that a spreadsheet would run as a formula begins with an apostrophe, as customers
    can write whatever they like into names and comments. Numbers are never touched. Parquet and
    JSON hold all text as it is.

    Args:
        table: The table.
        form: csv or parquet.

    >>> written(pa.table({"said": ["=1+1", "-"], "n": [-1.5, float("nan")]}), "csv").decode()
    '"said","n"\n"\'=1+1",-1.5\n"\'-",\n'
    """
    buffer = io.BytesIO()
    if form == "csv":
        from pyarrow import csv

        columns = [_quiet(_flat(_finite(column))) for column in table.columns]
        names = [_quiet_name(name) for name in table.column_names]
        csv.write_csv(pa.table(columns, names=names), buffer)
    else:
        from pyarrow import parquet

        columns = [_storable(_finite(column)) for column in table.columns]
        found = pa.table(columns, names=table.column_names)
        parquet.write_table(found, buffer, compression="zstd")
    return buffer.getvalue()


def _quiet_name(name: str) -> str:
    return f"'{name}" if _RUNS.match(name) else name


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return column


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column that CSV can hold: nested values as JSON."""
    kind = column.type
    plain = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_date32(kind)
        or pa.types.is_decimal128(kind)
        or (pa.types.is_timestamp(kind) and kind.unit == "us")
    )
    if plain:
        return column
    return pa.chunked_array([pa.array([_text(one) for one in values(column)], pa.string())])


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _quiet(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    if not pc.any(pc.match_substring_regex(column, RUNS)).as_py():
        return column
    marked = pc.binary_join_element_wise("'", column, "")
    return pc.if_else(pc.match_substring_regex(column, RUNS), marked, column)


def _storable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column that Parquet can hold: spans of time as text."""
    if not (pa.types.is_interval(column.type) or pa.types.is_duration(column.type)):
        return column
    return pa.chunked_array([pa.array([_text(one) for one in values(column)], pa.string())])


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table as JSON has them."""
    names = table.column_names
    columns = [values(column) for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def values(column: pa.ChunkedArray) -> Sequence[Any]:
    """The values of a column as JSON has them: ISO dates, null for what is no finite number."""
    kind = column.type
    if pa.types.is_floating(kind):
        found: list[Any] = _finite(column).to_pylist()
        return found
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.to_pylist()  # type: ignore[no-any-return]
    try:
        return [plain(one) for one in column.to_pylist()]
    except (OverflowError, ValueError):
        # Days that Python has no date for, such as DuckDB's infinity.
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """A value as JSON has it.

    >>> plain({"at": date(2026, 9, 1), "by": b"ab", "of": (Decimal("1.5"), float("inf"))})
    {'at': '2026-09-01', 'by': '6162', 'of': [1.5, None]}
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (float, Decimal)):
        number = float(value)
        return number if isfinite(number) else None
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [plain(one) for one in value]
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return str(value)
