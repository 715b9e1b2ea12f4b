"""Workbooks and Parquet, and files that are not what they are called."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.store.raw import UnreadableError


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_cells_become_text_as_people_see_them(read, tmp_path):
    path = workbook(
        tmp_path / "x.xlsx",
        first=[
            ["id", "when", "day", "clock", "amount", "flag", "text"],
            [
                7,
                dt.datetime.fromisoformat("2024-01-05 10:30"),
                dt.date(2024, 1, 6),
                dt.time(9, 5),
                1.5,
                True,
                " a ",
            ],
            ["007", None, None, None, 12.0, False, "x\ny"],
        ],
    )
    found = read(path)
    assert found.values == [
        ["7", "2024-01-05 10:30:00", "2024-01-06", "09:05:00", "1.5", "true", " a "],
        ["007", "", "", "", "12", "false", "x\ny"],
    ]
    assert found.lines == [2, 3]


def test_empty_rows_and_columns_around_a_table_are_passed_over(read, tmp_path):
    rows = [[], [], [None, "id", "b"], [None, 1, 2], [], [None, 3, 4], [None, None, None]]
    found = read(workbook(tmp_path / "x.xlsx", only=rows))
    assert (found.raw.columns, found.values, found.lines) == (
        ["id", "b"],
        [["1", "2"], ["3", "4"]],
        [4, 6],
    )


def test_a_sheet_is_chosen_by_name(read, tmp_path):
    path = workbook(tmp_path / "x.xlsx", notes=[["hello"]], data=[["id"], [1]])
    assert read(path, sheet="data").values == [["1"]]
    with pytest.raises(UnreadableError, match='sheet "date" not found; allowed: notes, data'):
        read(path, sheet="date")


def test_titles_above_the_header_are_skipped_where_said(read, tmp_path):
    path = workbook(tmp_path / "x.xlsx", s=[["Report"], ["id", "b"], ["text", "more"], [1, 2]])
    found = read(path, skip_rows=1, header_rows=2)
    assert (found.raw.columns, found.values) == (["id", "b"], [["1", "2"]])
    found = read(path, header_rows=0)
    assert (found.raw.columns, found.lines) == (["column1", "column2"], [1, 2, 3, 4])


def test_a_row_wider_than_the_header_is_rejected(read, tmp_path):
    found = read(workbook(tmp_path / "x.xlsx", s=[["a", "b"], [1, 2, 3], [4, 5]]))
    assert found.values == [["4", "5"]]
    assert [(b.line, b.values) for b in found.bad] == [(2, '["1", "2", "3"]')]
    assert found.bad[0].reason == "3 values found, the header has 2 columns"


def test_a_number_keeps_its_point_where_the_source_writes_text_with_commas(read, tmp_path):
    found = read(workbook(tmp_path / "x.xlsx", s=[["a"], [1.234]]), decimal=",")
    assert found.values == [["1,234"]]


@pytest.mark.parametrize("rows", [[], [[None, None]]])
def test_an_empty_sheet_has_no_columns(read, tmp_path, rows):
    assert read(workbook(tmp_path / "x.xlsx", s=rows)).raw.columns == []


@pytest.mark.parametrize("name", ["x.xlsx", "x.xls", "x.xlsb", "x.ods", "x.parquet"])
@pytest.mark.parametrize(
    "content", [b"", b"id,b\n1,2\n", b"PK\x03\x04 broken", b"PAR1 broken PAR1"]
)
def test_what_is_not_what_it_is_called_is_unreadable(read, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableError):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["x.pdf", "x", "x.xlsx.gz", "x.parquet.gz"])
def test_other_kinds_of_files_are_named(read, tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UnreadableError, match=r"allowed: \.csv"):
        read(tmp_path / name)


def test_parquet_keeps_its_types(read, tmp_path):
    table = pa.table(
        {
            "id": pa.array([1, 2]),
            "amount": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
            "at": pa.array([dt.datetime.fromisoformat("2024-01-05 10:00")] * 2, pa.timestamp("us")),
            "tags": pa.array([["a"], []], pa.list_(pa.string())),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet")
    assert found.raw.typed
    assert found.raw.rows == 2
    assert found.rows == table.to_pylist()


def test_parquet_with_names_that_sql_cannot_tell_apart_is_copied(read, tmp_path):
    names = ["id", "ID ", "_row", "file_row_number", ""]
    table = pa.Table.from_arrays([pa.array([n]) for n in range(5)], names=names)
    pq.write_table(table, tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet")
    assert found.raw.columns == ["id", "ID_2", "_row_2", "file_row_number_2", "column5"]
    assert found.values == [[0, 1, 2, 3, 4]]
