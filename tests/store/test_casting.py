"""Casts read what is meant, refuse what could be meant in two ways, and keep money exact."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.definitions.source import ReadOptions
from heedful.store.casting import cast, cleaned, day
from heedful.store.quoting import literal, quoted

UTC = dt.UTC


@pytest.fixture(scope="module")
def connection():
    found = duckdb.connect()
    found.execute("SET TimeZone = 'UTC'")
    return found


@pytest.fixture(scope="module")
def as_kind(connection):

    def one(value, kind, zone="UTC", sql_type="VARCHAR", **options):
        given_ = literal(value) if isinstance(value, str) else str(value)
        sql = cast("v", sql_type, kind, ReadOptions(**options), zone)
        query = f"SELECT CAST({sql} AS VARCHAR) FROM (SELECT CAST({given_} AS {sql_type}) AS v)"
        return connection.execute(query).fetchall()[0][0]

    return one


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-05", "2024-01-04 23:00:00+00"),
        ("2024/1/5 7:05", "2024-01-05 06:05:00+00"),
        ("2024-01-05T10:00:00", "2024-01-05 09:00:00+00"),
        ("2024-01-05 10:00:00.123456789", "2024-01-05 09:00:00.123456+00"),
        ("2024-01-05T10:00:00Z", "2024-01-05 10:00:00+00"),
        ("2024-01-05T10:00:00z", "2024-01-05 10:00:00+00"),
        ("2024-01-05 10:00:00 UTC", "2024-01-05 10:00:00+00"),
        ("2024-01-05T10:00:00GMT", "2024-01-05 10:00:00+00"),
        ("2024-01-05 10:00+02", "2024-01-05 08:00:00+00"),
        ("2024-01-05 10:00 -0530", "2024-01-05 15:30:00+00"),
        ("2024-01-05T10:00:00.5+05:30", "2024-01-05 04:30:00.5+00"),
    ],
)
def test_iso_times_are_read_in_the_sources_timezone(as_kind, text, utc):
    assert as_kind(text, "timestamp", "Europe/Berlin") == utc
    assert as_kind(text, "timestamp", "Asia/Tokyo", timezone="Europe/Berlin") == utc


@pytest.mark.parametrize(
    "text",
    [
        "03/04/2024",
        "3.4.2024",
        "04-03-2024",
        "20240304",
        "2024-02-30",
        "2024-13-01",
        "0000-00-00",
        "0001-01-01",
        "9999-12-31",
        "2024-01-05 10",
        "2024-01-05 10:00 Europe/Berlin",
        "2024-01-05 (BC)",
        "2024-01-05 10:00 AM",
        "1704448800",
        "yesterday",
        "infinity",
        "2024-01-05\n2024-01-06",
    ],
)
def test_what_is_no_time_or_could_be_two_is_none(as_kind, text):
    assert as_kind(text, "timestamp") is None


def test_formats_say_what_a_date_means(as_kind):
    assert as_kind("03/04/2024", "timestamp", dates=("%d/%m/%Y",)).startswith("2024-04-03")
    assert as_kind("03/04/2024", "timestamp", dates=("%m/%d/%Y",)).startswith("2024-03-04")
    two = ("%d.%m.%Y %H:%M", "%d.%m.%Y")
    assert as_kind("5.1.2024 7:30", "timestamp", dates=two) == "2024-01-05 07:30:00+00"
    assert as_kind("05.01.2024", "timestamp", dates=two) == "2024-01-05 00:00:00+00"
    assert as_kind("13.13.2024", "timestamp", dates=two) is None
    offset = ("%d.%m.%Y %H:%M %z",)
    assert as_kind("05.01.2024 10:00 +0200", "timestamp", "Asia/Tokyo", dates=offset) == (
        "2024-01-05 08:00:00+00"
    )


def test_iso_is_read_beside_formats_unless_they_begin_with_the_year(as_kind):
    assert as_kind("2024-05-13", "timestamp", dates=("%d.%m.%Y",)).startswith("2024-05-13")
    assert as_kind("2024-13-05", "timestamp", dates=("%Y-%d-%m",)).startswith("2024-05-13")
    assert as_kind("2024-05-13", "timestamp", dates=("%Y-%d-%m",)) is None


def test_epochs_count_in_the_unit_that_is_said(as_kind):
    second = "2023-11-14 22:13:20+00"
    assert as_kind("1700000000", "timestamp", dates=("epoch_s",)) == second
    assert as_kind("1700000000000", "timestamp", dates=("epoch_ms",)) == second
    assert as_kind("1700000000000000", "timestamp", dates=("epoch_us",)) == second
    assert as_kind(1700000000, "timestamp", sql_type="BIGINT", dates=("epoch_s",)) == second
    assert as_kind("1700000000.25", "timestamp", dates=("epoch_s",)).endswith("20.25+00")
    for text in ("1700000000000", "1e300", "-1e300", "x"):
        assert as_kind(text, "timestamp", dates=("epoch_s",)) is None
    assert as_kind(20240105, "timestamp", sql_type="BIGINT", dates=("%Y%m%d",)).startswith("2024")
    assert as_kind(20240105, "timestamp", sql_type="BIGINT") is None


def test_an_hour_that_the_clock_skips_or_repeats(as_kind):
    """Skipped: as if the clock had not been changed. Repeated: the second, in standard time."""
    assert as_kind("2024-03-31 02:30", "timestamp", "Europe/Berlin") == "2024-03-31 01:30:00+00"
    assert as_kind("2024-10-27 02:30", "timestamp", "Europe/Berlin") == "2024-10-27 01:30:00+00"


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(dt.datetime.fromisoformat("1950-01-01"), dt.datetime.fromisoformat("2190-01-01")),
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_times_agree_with_python_wherever_a_clock_shows_them_once(as_kind, when, zone):
    local = when.replace(tzinfo=ZoneInfo(zone))
    there_and_back = local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if there_and_back != when or local.utcoffset() != local.replace(fold=1).utcoffset():
        return
    found = as_kind(when.isoformat(sep=" "), "timestamp", zone)
    assert dt.datetime.fromisoformat(found) == local.astimezone(UTC)


@settings(max_examples=200, deadline=None)
@given(st.decimals("-99999999999999", "99999999999999", places=4), st.sampled_from([".", ","]))
def test_money_is_exact(as_kind, amount, decimal):
    text = f"{amount:f}".replace(".", decimal)
    assert Decimal(as_kind(text, "money", decimal=decimal)) == amount
    grouped = f"{amount:,.4f}".translate(str.maketrans(",.", {".": "'.", ",": "',"}[decimal]))
    assert Decimal(as_kind(grouped, "money", decimal=decimal, thousands="'")) == amount


@settings(max_examples=100, deadline=None)
@given(st.decimals("-9999999", "9999999", places=7))
def test_money_has_four_decimals(as_kind, amount):
    cents = amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert Decimal(as_kind(f"{amount:f}", "money")) == cents


@pytest.mark.parametrize(
    ("text", "options", "number"),
    [
        ("1.234,56", {"decimal": ","}, "1234.5600"),
        ("1.234", {"decimal": ","}, "1234.0000"),
        ("1.5", {"decimal": ","}, None),
        ("12.34.567", {"decimal": ","}, None),
        ("1,5", {}, None),
        ("1,234.5", {"thousands": ","}, "1234.5000"),
        ("12,34", {"thousands": ","}, None),
        ("1\u00a0234.5", {"thousands": " "}, "1234.5000"),
        ("1_000", {"thousands": "_"}, "1000.0000"),
        ("1e3", {}, "1000.0000"),
        (".5", {}, "0.5000"),
        ("5.", {}, "5.0000"),
        ("€5", {}, None),
        ("5 %", {}, None),
        ("--5", {}, None),
        ("0x10", {}, None),
        ("٣", {}, None),
        ("100000000000000", {}, None),
    ],
)
def test_numbers_are_read_as_the_source_writes_them(as_kind, text, options, number):
    assert as_kind(text, "money", **options) == number


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12.0", "12"),
        ("integer", "12.5", None),
        ("integer", "9007199254740993", "9007199254740993"),
        ("integer", "99999999999999999999", None),
        ("number", "NaN", None),
        ("number", "inf", None),
        ("boolean", "Yes", "true"),
        ("boolean", "0", "false"),
        ("boolean", "maybe", None),
        ("string", "  as it is", "  as it is"),
    ],
)
def test_other_kinds(as_kind, kind, text, value):
    assert as_kind(text, kind) == value


@pytest.mark.parametrize(
    ("sql_type", "value", "text"),
    [
        ("DOUBLE", "12.0", "12"),
        ("DOUBLE", "12.5", "12.5"),
        ("BIGINT", "7", "7"),
        ("BOOLEAN", "true", "true"),
        ("INTEGER[]", "[1, 2]", "[1,2]"),
        ("STRUCT(a INTEGER)", "{'a': 1}", '{"a":1}'),
    ],
)
def test_typed_values_as_text(as_kind, sql_type, value, text):
    connection = duckdb.connect()
    sql = cast("v", sql_type, "string", ReadOptions(), "UTC")
    found = connection.execute(f"SELECT {sql} FROM (SELECT CAST({value} AS {sql_type}) AS v)")
    assert found.fetchall() == [(text,)]


def test_words_that_mean_null(as_kind):
    connection = duckdb.connect()
    options = ReadOptions(nulls=("", "?", " NA ", "it's", "a\0b", "-99"))

    def clean(value, sql_type="VARCHAR"):
        sql = cleaned("v", sql_type, options)
        given_ = literal(value) if isinstance(value, str) else str(value)
        query = f"SELECT {sql} FROM (SELECT CAST({given_} AS {sql_type}) AS v)"
        return connection.execute(query).fetchall()[0][0]

    for word in ("", "  ", "?", "NA", "\tNA\u00a0", "it's", "a\0b"):
        assert clean(word) is None, word
    assert clean(" na ") == "na"
    assert clean("a\0c") == "a\0c"
    assert clean(-99, "BIGINT") is None
    assert clean(99, "BIGINT") == 99
    assert clean("NaN", "DOUBLE") is None


def test_a_day_is_a_day_only_without_a_clock():
    connection = duckdb.connect()

    def one(text, *dates):
        sql = day("v", ReadOptions(dates=dates))
        query = f"SELECT CAST({sql} AS VARCHAR) FROM (SELECT {literal(text)} AS v)"
        return connection.execute(query).fetchall()[0][0]

    assert one("2024-01-05") == "2024-01-05"
    assert one("2024-01-05 00:00") is None
    assert one("05.01.2024", "%d.%m.%Y") == "2024-01-05"
    assert one("05.01.2024 10:00", "%d.%m.%Y %H:%M") is None
    assert one("1700000000", "epoch_s") is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@settings(max_examples=200, deadline=None)
def test_no_text_and_no_name_is_ever_a_command(connection, text):
    assert connection.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]
    if text and "\0" not in text:
        found = connection.execute(f"SELECT {quoted(text)} FROM (SELECT 1 AS {quoted(text)})")
        assert found.fetchall() == [(1,)]
