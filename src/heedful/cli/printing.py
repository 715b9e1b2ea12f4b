"""How results are printed: data on standard output, everything else on standard error."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from heedful.experiments.contract import plain

PIPED = 160
"""Columns of a table that goes to a file or another program."""


def _width() -> int | None:
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED


out = Console(highlight=False, soft_wrap=True, width=_width())
err = Console(stderr=True, highlight=False, soft_wrap=True)

NUMERIC = (int, float, Decimal)


class Format(StrEnum):
    """How to print data."""

    table = "table"
    json = "json"
    csv = "csv"


def as_json(rows: Any) -> None:
    """Print JSON."""
    sys.stdout.write(json.dumps(plain(rows), indent=2, ensure_ascii=False) + "\n")


def as_csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Print CSV; nested values as JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = (plain(row.get(name)) for name in names)
        writer.writerow(
            "" if v is None else json.dumps(v) if isinstance(v, (dict, list)) else v for v in values
        )


def as_table(
    rows: Iterable[Sequence[str]],
    heads: Sequence[str],
    *,
    right: Iterable[int] = (),
    whole: Iterable[int] = (0,),
    title: str | None = None,
) -> None:
    """Print a table for people.

    Args:
        rows: Cells as text.
        heads: Column heads.
        right: Columns that are aligned to the right.
        whole: Columns of names, which are never cut.
        title: What stands above.
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    numbers, names = set(right), set(whole)
    rows = list(rows)
    for number, head in enumerate(heads):
        side = "right" if number in numbers else "left"
        # Names and numbers are never cut; only words at the end of a line wrap.
        kept = number in numbers or number in names
        least = max([len(head), *(len(row[number]) for row in rows)]) if kept else None
        table.add_column(head, justify=side, no_wrap=kept, min_width=least)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    out.print(table)


def paragraph(text: str, first: str = "", rest: str = "", console: Console = out) -> None:
    """Print a sentence, broken at spaces, but never at a no-break space.

    Args:
        text: What to say.
        first: Stands before the first line.
        rest: Stands before all others.
        console: Where to; its width decides.
    """
    for line in wrap(
        text, max(40, console.width - 1), initial_indent=first, subsequent_indent=rest
    ):
        console.print(line, markup=False)


def bars() -> Progress:
    """Bars of progress for what takes more than a second; they go away when it is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )


def rows_of(table: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows and column names of an Arrow table."""
    names = list(table.column_names)
    columns = [_values(column) for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], names


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type) or column.type.unit != "us" or not column.type.tz:
        return list(column.to_pylist())
    # Arrow would load pandas for a moment, where it is installed, which takes longer than all else.
    zone = ZoneInfo(column.type.tz)
    since = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        None if one is None else (since + timedelta(microseconds=one)).astimezone(zone)
        for one in column.cast(pa.int64()).to_pylist()
    ]
