"""How results are printed: data on standard output, everything else on standard error."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any

from rich.console import Console
from rich.table import Table

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


def plain(value: Any) -> Any:
    """A value as JSON has it: ISO dates, null for what is missing.

    >>> plain({"at": date(2026, 9, 1), "value": float("nan")})
    {'at': '2026-09-01', 'value': None}
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and not isfinite(value):
        return None
    return value


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
    title: str | None = None,
) -> None:
    """Print a table for people.

    Args:
        rows: Cells as text.
        heads: Column heads.
        right: Columns that are aligned to the right.
        title: What stands above.
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    numbers = set(right)
    rows = list(rows)
    for number, head in enumerate(heads):
        side = "right" if number in numbers else "left"
        # Names and numbers are never cut; only words at the end of a line wrap.
        whole = number in numbers or number == 0
        least = max([len(head), *(len(row[number]) for row in rows)]) if whole else None
        table.add_column(head, justify=side, no_wrap=whole, min_width=least)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    out.print(table)


def rows_of(table: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows and column names of an Arrow table."""
    return table.to_pylist(), list(table.column_names)
