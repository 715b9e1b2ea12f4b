"""CSV: what Python's writer writes comes back, and what is broken is said where it stands."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.definitions.source import ReadOptions
from heedful.store import delimited
from heedful.store.delimited import BLOCK, Delimited, Dialect, Lines, arrays, records
from heedful.store.raw import BadRows, Raw, UnreadableError

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252")
NEWLINES = ("\n", "\r\n", "\r")


def cells(encoding: str) -> st.SearchStrategy[str]:
    """Text that an encoding can write, with much of what makes CSV hard."""
    codec = "utf-8" if encoding.startswith("utf") else encoding
    anything = st.text(st.characters(codec=codec, exclude_categories=["Cs"]), max_size=8)
    hard = st.text(st.sampled_from(",;\t|\"'\n\r a\0\x1f\x0b"), max_size=6)
    return st.one_of(anything, hard, st.sampled_from(["", '"', '""', ",", "\n", "\r\n", "NA"]))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], dict[str, str]]:
    encoding = draw(st.sampled_from(ENCODINGS))
    width = draw(st.integers(1, 5))
    names = [f"c{n}" for n in range(width)]
    row = st.lists(cells(encoding), min_size=width, max_size=width)
    rows = draw(st.lists(row, max_size=12))
    how = {
        "encoding": encoding,
        "delimiter": draw(st.sampled_from(",;\t|")),
        "quote": draw(st.sampled_from("\"'")),
        "newline": draw(st.sampled_from(NEWLINES)),
        "quoting": draw(st.sampled_from(["minimal", "all", "nonnumeric"])),
    }
    # Python's writer does not quote an end of line other than its own.
    if any(end in value for row in rows for value in row for end in "\r\n"):
        how["quoting"] = "all"
    return names, rows, how


def written(names: list[str], rows: list[list[str]], how: dict[str, str]) -> str:
    out = io.StringIO()
    quoting = {
        "minimal": csv.QUOTE_MINIMAL,
        "all": csv.QUOTE_ALL,
        "nonnumeric": csv.QUOTE_NONNUMERIC,
    }
    writer = csv.writer(
        out,
        delimiter=how["delimiter"],
        quotechar=how["quote"],
        lineterminator=how["newline"],
        quoting=quoting[how["quoting"]],
    )
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()


def line_numbers(
    text: str, names: list[str], rows: list[list[str]], how: dict[str, str]
) -> list[int]:
    """Where each record begins, told by writing one record more each time."""
    found = []
    for count in range(len(rows)):
        before = written(names, rows[:count], how)
        found.append(1 + sum(1 for _ in io.StringIO(before, newline="")))
    assert text.startswith(before) if rows else True
    return found


@settings(max_examples=150, deadline=None)
@given(tables(), st.booleans())
def test_what_pythons_writer_writes_comes_back(read, table, packed):
    names, rows, how = table
    text = written(names, rows, how)
    data = text.encode(how["encoding"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("x.csv.gz" if packed else "x.csv")
        path.write_bytes(gzip.compress(data) if packed else data)
        found = read(
            path,
            encoding=how["encoding"],
            delimiter=how["delimiter"],
            quote=how["quote"],
            skip_rows=0,
        )
    assert found.raw.columns == names
    assert found.values == rows
    assert found.lines == line_numbers(text, names, rows, how)
    assert not found.bad


SOUP = st.text(st.sampled_from('ab,,""\n\n\r\0é'), max_size=60)


@settings(max_examples=500, deadline=None)
@given(SOUP, st.integers(1, 4))
def test_arrow_and_python_read_the_same_or_arrow_does_not_read_at_all(text, width):
    """The quick way may give up, but never differ: not in values, not in lines."""
    dialect = Dialect(",", '"')
    quick = arrays(text, width, dialect)
    if quick is None:
        return
    slow = list(records(Lines(io.StringIO(text, newline="")), dialect))
    count = len(quick[0])
    inside = sum(v.as_py().count("\n") for column in quick for v in column)
    lines = text.count("\n") + (not text.endswith("\n"))
    if count + inside == lines:
        assert [list(row) for row in zip(*(c.to_pylist() for c in quick), strict=True)] == [
            r.values for r in slow
        ]


def rows_of(read, text: str, block: int, monkeypatch: pytest.MonkeyPatch) -> tuple:
    monkeypatch.setattr(delimited, "BLOCK", block)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(text.encode("utf-8"))
        found = read(path, delimiter=",", skip_rows=0)
    return found.values, found.lines, found.bad


@settings(max_examples=120, deadline=None)
@given(SOUP)
def test_where_a_block_ends_makes_no_difference(read, text):
    with pytest.MonkeyPatch.context() as monkeypatch:
        text = "x,y\n" + text
        whole = rows_of(read, text, BLOCK, monkeypatch)
        assert rows_of(read, text, 1, monkeypatch) == whole
        assert rows_of(read, text, 7, monkeypatch) == whole
        monkeypatch.setattr(delimited, "arrays", lambda *_: None)
        assert rows_of(read, text, BLOCK, monkeypatch) == whole


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["1,a", '2,"b"', '3,"c\nd"', "4,é", "5,", '6,""']), max_size=8),
    st.data(),
)
def test_a_broken_line_costs_only_itself(read, good, data):
    """Between whole records a broken line is rejected with its line; all others survive."""
    broken = ["1", "1,2,3", '1,"a"b', '"', '1,"never closed', "x\udce9,1"]
    where = data.draw(st.integers(0, len(good)))
    bad = data.draw(st.sampled_from(broken))
    whole = [*good[:where], bad, *good[where:]]
    # A later quote would close an open one, as it would for any reader.
    if bad in {'"', '1,"never closed'} and any('"' in line for line in good[where:]):
        whole = [*good, bad]
        where = len(good)
    text = "k,v\n" + "\n".join(whole) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        found = read(path, delimiter=",")
    expected = [next(csv.reader(io.StringIO(one, newline=""))) for one in good]
    assert found.values == expected
    assert [b.line for b in found.bad] == [2 + sum(1 + g.count("\n") for g in good[:where])]


def csv_file(tmp_path: Path, content: str | bytes, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1", "1 values found, the header has 2 columns"),
        ("1,2,3", "3 values found, the header has 2 columns"),
        ('1,"2"3', "a quote is not closed, or stands inside a value"),
        ('1,"2', "a quote is not closed, or stands inside a value"),
    ],
)
def test_a_broken_record_says_what_is_wrong(read, tmp_path, line, reason):
    found = read(csv_file(tmp_path, f"a,b\n8,8\n{line}\n9,9\n"))
    assert [(b.file, b.line, b.reason) for b in found.bad] == [("x.csv", 3, reason)]
    assert found.values == [["8", "8"], ["9", "9"]]
    assert found.lines == [2, 4]


def test_bytes_of_another_encoding_are_shown_and_the_remedy_said(read, tmp_path):
    found = read(csv_file(tmp_path, b"a,b\nx,caf\xe9\ny,ok\n"))
    assert found.values == [["y", "ok"]]
    assert found.bad[0].line == 2
    assert found.bad[0].values == '["x", "caf\\\\xe9"]'
    assert "encoding" in found.bad[0].reason
    assert read(csv_file(tmp_path, b"a,b\nx,caf\xe9\n"), encoding="latin-1").values == [
        ["x", "café"]
    ]


def test_blank_lines_are_no_rows_and_do_not_move_line_numbers(read, tmp_path):
    found = read(csv_file(tmp_path, "a,b\n\n1,2\n\n\r\n3,4\n\n"))
    assert (found.values, found.lines, found.bad) == ([["1", "2"], ["3", "4"]], [3, 6], [])


def test_a_quote_that_stays_open_for_the_rest_of_a_long_file_costs_one_row(read, tmp_path):
    rows = [f"{n},x" for n in range(5_000)]
    rows[1_000] = '1000,"x'
    found = read(csv_file(tmp_path, "a,b\n" + "\n".join(rows) + "\n"))
    assert len(found.rows) == 4_999
    assert [b.line for b in found.bad] == [1_002]


def test_lines_above_the_header_are_passed_over(read, tmp_path):
    noise = 'Report,,\n"Exported 2024-01-05"\n\n'
    found = read(csv_file(tmp_path, f"{noise}a,b,c\n1,2,3\n4,5,6\n7,8,9\n"))
    assert found.raw.columns == ["a", "b", "c"]
    assert found.lines == [5, 6, 7]
    found = read(csv_file(tmp_path, "sep=;\na;b;c\n1;2;3\n4;5;6\n7;8;9\n"))
    assert found.raw.columns == ["a", "b", "c"]


def test_how_many_lines_stand_above_the_header_can_be_said(read, tmp_path):
    found = read(csv_file(tmp_path, "x,y\nw,z\na,b\n1,2\n"), skip_rows=2)
    assert (found.raw.columns, found.lines) == (["a", "b"], [4])


def test_of_several_header_rows_the_first_names_the_columns(read, tmp_path):
    found = read(csv_file(tmp_path, 'Q1,Q2\nHow?,"Why\nso?"\nid1,id2\n1,2\n'), header_rows=3)
    assert (found.raw.columns, found.values, found.lines) == (["Q1", "Q2"], [["1", "2"]], [5])


def test_without_a_header_columns_are_numbered(read, tmp_path):
    found = read(csv_file(tmp_path, "1,2\n3,4\n"), header_rows=0)
    assert (found.raw.columns, found.values) == (["column1", "column2"], [["1", "2"], ["3", "4"]])
    found = read(csv_file(tmp_path, '1,"2\n3,4\n5,6\n'), header_rows=0)
    assert found.values == [["3", "4"], ["5", "6"]]
    assert [b.line for b in found.bad] == [1]


def test_headers_that_sql_cannot_tell_apart_get_numbers(read, tmp_path):
    found = read(csv_file(tmp_path, 'a,A,,"a ",_line,"x\ny",\ufeffb\n1,2,3,4,5,6,7\n'))
    assert found.raw.columns == ["a", "A_2", "column3", "a_3", "_line_2", "x y", "b"]
    assert found.values == [list("1234567")]


def test_empty_values_behind_the_last_column_are_no_fault(read, tmp_path):
    assert read(csv_file(tmp_path, "a,b,\n1,2,\n3,4,\n")).values == [["1", "2"], ["3", "4"]]
    assert read(csv_file(tmp_path, "a,b\n1,2,,\n3,4\n")).values == [["1", "2"], ["3", "4"]]
    found = read(csv_file(tmp_path, "a,b,\n1,2,x\n3,4,\n"))
    assert found.values == [["3", "4"]]
    assert found.bad[0].reason.startswith("3 values found, the header has 2")


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, b""])
def test_a_byte_order_mark_is_no_part_of_a_quoted_first_name(read, tmp_path, mark):
    path = csv_file(tmp_path, mark + b'"id","b"\n1,2\n')
    assert read(path).raw.columns == ["id", "b"]
    if mark:
        assert read(path, encoding="latin-1").raw.columns == ["id", "b"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_byte_order_mark_wins_over_the_declared_encoding(read, tmp_path, encoding):
    path = csv_file(tmp_path, "a,b\nü,€\n".encode(encoding))
    assert read(path).values == [["ü", "€"]]


def test_half_a_character_at_the_end_of_utf_16_is_one_bad_row(read, tmp_path):
    data = "a,b\nü,1\ny,2".encode("utf-16") + b"\x00"
    found = read(csv_file(tmp_path, data))
    assert found.values == [["ü", "1"]]
    assert [b.line for b in found.bad] == [3]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(read, tmp_path, delimiter):
    text = delimiter.join("abc") + "\n" + (delimiter.join(["1,5", "x y", "2"]) + "\n") * 3
    text = text.replace("1,5", '"1,5"') if delimiter == "," else text
    found = read(csv_file(tmp_path, text))
    assert found.values == [["1,5", "x y", "2"]] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"encoding": "utf-9"}, 'encoding "utf-9" is not known'),
        ({"encoding": "hex"}, 'encoding "hex" is not known'),
        ({"delimiter": "||"}, "read.delimiter '||' cannot be used"),
        ({"delimiter": "\n"}, "read.delimiter '\\n' cannot be used"),
        ({"delimiter": '"'}, "read.delimiter '\"' cannot be used"),
        ({"quote": "\r"}, "read.quote '\\r' cannot be used"),
    ],
)
def test_impossible_options_are_said_to_be_so(read, tmp_path, options, said):
    with pytest.raises(UnreadableError) as error:
        read(csv_file(tmp_path, "a,b\n1,2\n"), **options)
    assert said in error.value.found


@pytest.mark.parametrize(
    ("content", "said", "line"),
    [
        ('a,"b\n1,2\n', "the header has a quote that is not closed", 1),
        (b"a,caf\xe9\n1,2\n", 'the header "a,caf\\xe9" holds bytes', 1),
    ],
)
def test_a_broken_header_stops_the_file(read, tmp_path, content, said, line):
    with pytest.raises(UnreadableError) as error:
        read(csv_file(tmp_path, content), delimiter=",")
    assert said in error.value.found
    assert error.value.line == line


def test_a_file_cut_off_in_the_middle_of_compression_is_unreadable(read, tmp_path):
    data = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)
    for damaged in (data[:-20], data[:100] + b"xxxxxxxx" + data[108:], b"not gzip"):
        with pytest.raises(UnreadableError):
            read(csv_file(tmp_path, damaged, "x.csv.gz"))


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_a_file_without_anything_has_no_columns(read, tmp_path, content):
    found = read(csv_file(tmp_path, content))
    assert (found.raw.columns, found.raw.rows, found.raw.parts) == ([], 0, [])


def test_a_long_file_is_counted_by_progress(read, tmp_path):
    path = csv_file(tmp_path, "a,b\n" + "1,2\n" * 100)
    raw, told = Raw("x"), []
    with path.open(newline="") as stream:
        reader = Delimited(stream, ReadOptions(), raw, BadRows(tmp_path / "bad"))
        reader.read(tmp_path, lambda: told.append(raw.rows))
    assert told == [100]
