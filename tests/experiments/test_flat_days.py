"""Days are read in every usual form, and never guessed between two."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from heedful.engines.duckdb import DuckDB
from heedful.experiments.flat_days import day
from heedful.experiments.flat_error import FlatError

D13, D14 = dt.date(2026, 7, 13), dt.date(2026, 7, 14)
SECONDS = [1783987140, 1783987200]  # a minute before midnight, and midnight


def days(values) -> list[dt.date | None]:
    engine = DuckDB()
    try:
        engine.connection.register("rows", pa.table({"seen": values}))
        kind = engine.columns("SELECT * FROM rows")["seen"]
        sql = day(engine, "rows", "seen", kind, "seen")
        return engine.query(f"SELECT {sql} AS d FROM rows")["d"].to_pylist()
    finally:
        engine.close()


@pytest.mark.parametrize(
    "written",
    [
        ("2026-07-13", "2026-07-14"),
        ("2026/07/13", "2026/7/14"),
        ("2026-07-13 22:11:48.556739", "2026-07-14 00:00:01"),
        ("2026-07-13T22:11:48Z", "2026-07-14T08:00:00Z"),
        ("2026-07-13T22:11:48.123456789Z", "2026-07-14T08:00:00.5Z"),
        ("2026-07-14T01:30:00+02:00", "2026-07-13 20:00:00-0400"),
        ("2026-07-13 08:00:00 UTC", "2026-07-14 08:00:00 UTC"),
        ("13.07.2026", "14.7.2026"),
        ("13.07.2026 08:30", "14.07.2026 08:30:15"),
        ("7/13/2026", "07/14/2026"),
        ("7/13/2026 8:05", "7/14/2026 23:59"),
        ("7/13/2026 8:05 PM", "7/14/2026 11:59:30 AM"),
        ("07/13/26", "07/14/26"),
        ("13/07/2026", "14/07/2026 10:00"),
        ("13-07-2026", "14-07-2026"),
        ("13 Jul 2026", "14 July 2026"),
        ("July 13, 2026", "Jul 14, 2026 10:00"),
        ("13-Jul-2026", "14-Jul-26"),
        ("Mon, 13 Jul 2026 10:00:00 GMT", "Tue, 14 Jul 2026 10:00:00 GMT"),
        ("20260713", "20260714"),
        ("20260713T101500", "20260714101500"),
        ("1783900800", "1783987200"),
        ("1783900800123", "1783987200123"),
    ],
)
def test_every_usual_form(written):
    if written[0].startswith("2026-07-14T01:30"):
        assert days(list(written)) == [D13, D14]  # in UTC
    else:
        assert days([*written, None]) == [D13, D14, None]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([D13, D14]),
        *(
            pa.array(SECONDS).cast(pa.timestamp("s")).cast(pa.timestamp(u))
            for u in ("s", "us", "ns")
        ),
        pa.array(SECONDS).cast(pa.timestamp("s", "America/New_York")),
        pa.array([20260713, 20260714]),
        pa.array([20260713.0, 20260714.0]),
        pa.array([1783900800, 1783987200]),
        pa.array([1783900800123, 1783987200123]),
        pa.array([1783900800123456, 1783987200123456]),
        pa.array([1783900800123456789, 1783987200123456789]),
    ],
    ids=lambda values: str(values.type),
)
def test_typed_columns(values):
    assert days(values) == [D13, D14]


def test_two_ways_to_read_a_date_are_never_guessed_between():
    with pytest.raises(FlatError, match="may be month/day/year or day/month/year"):
        days(["01/02/2026", "03/04/2026"])
    # One date tells them apart; and where day and month are the same, nothing is to be told.
    assert days(["01/02/2026", "01/13/2026"])[0] == dt.date(2026, 1, 2)
    assert days(["01/02/2026", "13/01/2026"])[0] == dt.date(2026, 2, 1)
    assert days(["07/07/2026", "08/08/2026"]) == [dt.date(2026, 7, 7), dt.date(2026, 8, 8)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["soon", "2026-07-13"], '"soon" cannot be read as a date'),
        (["2026-07-13", "13.07.2026"], "written in several ways"),
        (["1:48.6", "2:10.1"], "cannot be read as a date"),
        (["2026-02-30", "2026-02-28"], '"2026-02-30" cannot be read'),
        ([1, 2, 3], "cannot be read as a date"),
        ([True, False], "holds boolean, not dates"),
        ([[1], [2]], "not dates"),
    ],
)
def test_what_is_no_date_is_said(values, said):
    with pytest.raises(FlatError, match=said) as caught:
        days(values)
    assert "2026-07-13" in str(caught.value)  # what is allowed
    assert "\n" not in str(caught.value)


def test_form_is_decided_by_all_rows_not_by_the_first_ones():
    # 2,000 rows that either order reads, then one that only one reads.
    found = days(["03/04/2026"] * 2000 + ["12/31/2026"])
    assert found[0] == dt.date(2026, 3, 4)


def test_no_dates_at_all():
    assert days(pa.array([None, None], pa.string())) == [None, None]
