"""SQL in project files is read without running it, and no text makes reading fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.definitions.expression import looks_like_sql, query_problem, read

PIECES = (
    "a and or not ( ) case when then end , . :: 'x' \" $p sum( select from -- /* 1 + between "
    "in is null over b < = [ ] { } -> : ; ? @ as with values"
)


@given(st.text(max_size=30) | st.lists(st.sampled_from(PIECES.split())).map(" ".join))
def test_any_text_can_be_read(sql: str) -> None:
    one, any_row, query = read(sql), read(sql, one_row=False), query_problem(sql)
    assert one.wrong or not any_row.wrong
    assert not (one.wrong and one.columns)
    assert query is None or query[0] >= 1


def test_deep_brackets_are_refused_not_fallen_over() -> None:
    assert read("(" * 5000 + "a" + ")" * 5000).wrong == "has too many brackets inside each other"


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("TRUE", ()),
        ("instrument = 'csat' AND NOT ai", ("ai", "instrument")),
        ('"My Column" + t.other', ("My Column", "other")),
        ("CASE WHEN a BETWEEN 0 AND 10 THEN a END", ("a",)),
        ("TRY_CAST(seats AS INTEGER) >= 500", ("seats",)),
        ("list_filter([a, b], x -> x > c)", ("a", "b", "c")),
        ("a::DATE + INTERVAL 1 DAY > now()", ("a",)),
        ("b IN ($names)", ("b",)),
    ],
)
def test_columns_of_an_expression(sql: str, columns: tuple[str, ...]) -> None:
    expression = read(sql)
    assert expression.wrong == ""
    assert set(columns) <= set(expression.columns) <= {*columns, "x"}


@pytest.mark.parametrize(
    ("text", "is_sql"),
    [
        ("Price (incl. tax)", False),
        ("How likely are you to recommend us?", False),
        ("Order ID", False),
        ("a-b", False),
        ("Case number", True),
        ("lower(email)", True),
        ("day::DATE", True),
        ("a || b", True),
        ("Status <> 'x'", True),
    ],
)
def test_names_of_columns_are_told_from_expressions(text: str, is_sql: bool) -> None:
    assert looks_like_sql(text) is is_sql


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT 1 -- one\n;\n", None),
        ("WITH a AS (SELECT 1) SELECT * FROM a UNION ALL SELECT 2", None),
        ("FROM files SELECT a", None),
        ("SELECT 1; SELECT 2", (1, "holds more than one statement")),
        ("", (1, "is empty")),
        ("SELECT 1\nFROM files\nWHERE (", (3, 'is not SQL, near "("')),
        ("SELECT 'a", (1, "is not SQL: a quote or comment is not closed")),
        ("DROP TABLE files", (1, "is not a SELECT")),
        ("COPY files TO 'x'", (1, "is not a SELECT")),
    ],
)
def test_a_file_holds_one_select(sql: str, says: tuple[int, str] | None) -> None:
    assert query_problem(sql) == says
