"""JSON: lines and lists, nested values, numbers as they are written, damage said where it is."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.store import json_text
from heedful.store.raw import UnreadableError


def put(tmp_path: Path, content: str | bytes, name: str = "x.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_each_line_is_a_row(read, tmp_path):
    found = read(put(tmp_path, '{"id": 1, "b": "x"}\n\n{"b": null, "id": 2}\r\n{"c": true}'))
    assert found.raw.columns == ["id", "b", "c"]
    assert found.values == [["1", "x", None], ["2", None, None], [None, None, "true"]]
    assert found.lines == [1, 3, 4]


def test_nested_values_get_names_with_dots_and_lists_stay_json(read, tmp_path):
    user = '{"name": "Ann", "home": {"city": "Oslo"}}'
    row = f'{{"user": {user}, "tags": ["a", 1.10, {{"b": null}}], "e": {{}}}}'
    found = read(put(tmp_path, row))
    assert found.raw.columns == ["user.name", "user.home.city", "tags", "e"]
    assert found.values == [["Ann", "Oslo", '["a", 1.10, {"b": null}]', "{}"]]


def test_numbers_stay_as_they_are_written(read, tmp_path):
    found = read(put(tmp_path, '{"a": 1.10, "b": 12345678901234567890123, "c": 1e3, "d": -0.0}'))
    assert found.values == [["1.10", "12345678901234567890123", "1e3", "-0.0"]]


def test_a_number_keeps_its_point_where_the_source_writes_text_with_commas(read, tmp_path):
    """1.234 would otherwise be read as one thousand two hundred and thirty-four."""
    assert read(put(tmp_path, '{"a": 1.234}'), decimal=",").values == [["1,234"]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not a JSON object"),
        ("[1, 2]", "a list found; each row must be one object {...}"),
        ("7", "a number found; each row must be one object {...}"),
        ('"x"', "a text found; each row must be one object {...}"),
        ("null", "null found; each row must be one object {...}"),
        ("{}", "an object without values"),
        (r'{"a": "\ud83d"}', "half of a surrogate pair"),
        ("[" * 100_000, "not a JSON object"),
        ('{"a":' * 60 + "1" + "}" * 60, "nested too deeply"),
    ],
)
def test_a_bad_line_is_rejected_and_all_others_survive(read, tmp_path, line, reason):
    found = read(put(tmp_path, f'{{"a": 1}}\n{line}\n{{"a": 3}}\n'))
    assert [row["a"] for row in found.rows] == ["1", "3"]
    assert [(b.line, reason in b.reason) for b in found.bad] == [(2, True)]
    assert found.raw.rows == 3


def test_bytes_of_another_encoding_are_rejected(read, tmp_path):
    found = read(put(tmp_path, b'{"a": "caf\xe9"}\n{"a": "ok"}\n'))
    assert found.values == [["ok"]]
    assert (found.bad[0].line, found.bad[0].values) == (1, '{"a": "caf\\xe9"}')


def test_names_that_differ_by_case_are_one_column(read, tmp_path):
    found = read(
        put(tmp_path, '{"Id": 1}\n{"id": 2}\n{"ID": 3, "id": 4}\n{"_line": 5, " x\\n": 6}\n')
    )
    assert found.raw.columns == ["Id", "Id_2", "_line_2", "x"]
    assert [row["Id"] for row in found.rows] == ["1", "2", "3", None]
    assert found.rows[2]["Id_2"] == "4"
    assert found.rows[3]["_line_2"] == "5"
    assert found.lines == [1, 2, 3, 4]


def test_columns_may_come_late(read, tmp_path, monkeypatch):
    monkeypatch.setattr(json_text, "BATCH_ROWS", 2)
    found = read(put(tmp_path, "".join(f'{{"c{n}": {n}}}\n' for n in range(5))))
    assert found.raw.columns == [f"c{n}" for n in range(5)]
    assert len(found.raw.parts) == 3
    assert [row["_row"] for row in found.rows] == list(range(5))


def test_a_file_may_be_one_list(read, tmp_path):
    text = '\n [ {"a": 1},\n  {"a": 2,\n "b": [1]}\n, 7, {"a": 3} ] \n'
    found = read(put(tmp_path, text, "x.json"))
    assert [row["a"] for row in found.rows] == ["1", "2", "3"]
    assert found.lines == [2, 3, 5]
    assert [(b.line, b.values) for b in found.bad] == [(5, "7")]
    assert read(put(tmp_path, "[]", "x.json")).raw.rows == 0
    packed = put(tmp_path, gzip.compress(text.encode()), "x.json.gz")
    assert len(read(packed).rows) == 3


def test_a_json_file_may_also_be_lines(read, tmp_path):
    assert read(put(tmp_path, '{"a": 1}\n{"a": 2}', "x.json")).values == [["1"], ["2"]]
    assert read(put(tmp_path, " \n", "x.json")).raw.rows == 0


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ('[{"a": 1},\n{"a": 2}', 'the list is not closed, "]" expected', 2),
        ('[{"a": 1}\n{"a": 2}]', '"{" found, "]" expected', 2),
        ('[{"a": 1}]\nx', '"x" found behind the list', 2),
        ('[{"a": 1},\n{"a" 2}]', "the list is damaged", 2),
        ('[{"a": 1},]', "the list is damaged", 1),
        ("[", "the list is damaged", 1),
    ],
)
def test_a_damaged_list_is_unreadable(read, tmp_path, text, said, line):
    with pytest.raises(UnreadableError) as error:
        read(put(tmp_path, text, "x.json"))
    assert said in error.value.found
    assert error.value.line == line


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, max_size=8), st.sampled_from([1, 7, 1 << 20]), st.sampled_from([None, 2]))
def test_a_list_and_lines_of_the_same_objects_are_the_same_rows(read, values, chunk, indent):
    rows = [{"k": str(n), "v": value} for n, value in enumerate(values)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(json_text, "CHUNK", chunk)
        listed = read(put(Path(folder), json.dumps(rows, indent=indent), "x.json"))
        lined = read(put(Path(folder), lines))
    assert [b.values for b in listed.bad] == [] == lined.bad
    assert listed.values == lined.values
    assert [row["k"] for row in lined.rows] == [row["k"] for row in rows]
