"""What an import does to a table: once, again, changed, in pieces, with and without keys."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TICKETS = "ticket_id,opened_at,topic\n1,2024-01-05,a\n2,2024-01-06,b\n3,2024-02-06,c\n"
SPEND = {"table": "spend", "key": "generated", "columns": {"spent_on": "day", "amount": "eur"}}


@pytest.fixture
def project(project):
    """Its files have the tables' own names."""
    project.columns = {}
    return project


def test_an_import_again_changes_nothing_and_makes_no_version(project):
    project.put("in.csv", TICKETS)
    assert project.run().inserted == 3
    version, files = project.version(), project.tables.snapshot("tickets").files
    done = project.run()
    assert (done.unchanged, done.inserted, done.updated, done.notes) == (3, 0, 0, ())
    assert (project.version(), project.tables.snapshot("tickets").files) == (version, files)
    project.put("again.csv", TICKETS)
    assert project.run(name="other", path="again.csv").unchanged == 3
    assert project.version() == version


def test_changed_rows_update_new_rows_insert_in_one_version(project):
    project.put("in.csv", TICKETS)
    project.run()
    project.put("in.csv", TICKETS.replace("2,2024-01-06,b", "2,2024-01-06,B") + "4,2024-03-01,d\n")
    done = project.run()
    assert (done.inserted, done.updated, done.unchanged, project.version()) == (1, 1, 2, 1)
    assert project.column("topic") == ["a", "B", "c", "d"]


def test_only_months_that_change_are_written_anew(project):
    project.put("in.csv", TICKETS)
    project.run()
    before = {f for f in project.tables.snapshot("tickets").files if "2024-02" in f}
    project.put("in.csv", TICKETS.replace(",b", ",B"))
    project.run()
    assert before <= set(project.tables.snapshot("tickets").files)
    commits = project.tables.touched_since("tickets", 0)
    assert [(c.since[:10], c.until[:10]) for c in commits] == [("2024-01-05", "2024-01-05")]


def test_a_row_whose_time_moves_to_another_month_is_there_once(project):
    project.put("in.csv", TICKETS)
    project.run()
    project.put("in.csv", TICKETS.replace("1,2024-01-05", "1,2024-07-05"))
    done = project.run()
    assert (done.updated, done.unchanged) == (1, 2)
    assert project.sql("SELECT ticket_id, strftime(opened_at, '%Y-%m') FROM t ORDER BY 1") == [
        ("1", "2024-07"),
        ("2", "2024-01"),
        ("3", "2024-02"),
    ]
    commits = project.tables.touched_since("tickets", 0)
    assert [(c.since[:10], c.until[:10]) for c in commits] == [("2024-01-04", "2024-07-04")]


def test_of_rows_with_one_key_the_last_counts(project):
    project.put("a.csv", "ticket_id,opened_at,topic\n1,2024-01-01,first\n1,2024-01-01,second\n")
    project.put("b.csv", "ticket_id,opened_at,topic\n1,2024-01-01,third\n2,2024-01-01,x\n")
    done = project.run(path=("b.csv", "a.csv"))
    assert (done.read, done.inserted, done.unchanged, done.superseded) == (4, 2, 2, 2)
    assert done.notes == ("2 rows with a ticket_id that comes again; the last one counts",)
    assert project.column("topic") == ["second", "x"]
    assert project.run(path=("b.csv", "a.csv")).unchanged == 4
    assert project.run(path="?.csv").updated == 1
    assert project.column("topic") == ["third", "x"]


def test_a_row_changed_later_wins_whatever_the_order(project):
    row = "1,2024-01-01,{},2024-01-{}\n"
    head = "ticket_id,opened_at,topic,updated_at\n"
    project.put("in.csv", head + row.format("new", "09") + row.format("old", "02"))
    done = project.run()
    assert (done.superseded, project.column("topic")) == (1, ["new"])
    project.put("in.csv", head + row.format("older", "05"))
    done = project.run()
    assert (done.unchanged, done.updated, project.column("topic")) == (1, 0, ["new"])
    assert done.notes == ("1 row older, by updated_at, than what is stored; that stays",)
    project.put("in.csv", head + row.format("newer", "10"))
    assert (project.run().updated, project.column("topic")) == (1, ["newer"])


def test_a_new_attribute_keeps_old_rows(project):
    project.put("a.csv", "ticket_id,opened_at,region\n1,2024-01-01,EMEA\n")
    project.put(
        "b.csv", "ticket_id,opened_at,region\n1,2024-01-01,EMEA\n2,2024-01-01,\n3,2024-02-01,APAC\n"
    )
    project.run(path="a.csv")
    done = project.run(path="b.csv", attributes={"region": "region"})
    assert (done.inserted, done.updated) == (2, 1)
    assert "region" in project.tables.snapshot("tickets").columns
    assert project.column("region") == ["EMEA", None, "APAC"]
    # Another source knows nothing of the attribute, and changes nothing.
    project.put("c.csv", "ticket_id,opened_at\n9,2024-01-01\n")
    assert project.run(name="other", path="c.csv").inserted == 1
    version = project.version()
    assert project.run(name="other", path="c.csv").unchanged == 1
    assert project.run(path="b.csv", attributes={"region": "region"}).unchanged == 3
    # An attribute that says nothing about a row does not change it.
    done = project.run(name="other", path="c.csv", attributes={"tier": {"constant": None}})
    assert (done.unchanged, project.version()) == (1, version)


def test_an_attribute_comes_with_updates_and_inserts_in_one_version(project):
    project.put("in.csv", TICKETS)
    project.run()
    project.put("in.csv", TICKETS + "4,2024-05-01,d\n")
    done = project.run(attributes={"upper": "upper(topic)"})
    assert (done.inserted, done.updated, project.version()) == (1, 3, 1)
    assert project.column("upper") == ["A", "B", "C", "D"]


def test_tables_without_months(project):
    project.put(
        "in.csv", "customer_id,signed_up_at,country\n1,2024-01-01,DE\n2,,FR\n3,2024-02-01,US\n"
    )
    given = {"table": "customers"}
    assert project.run(**given).inserted == 3
    project.put("in.csv", "customer_id,signed_up_at,country\n2,2024-03-01,FR\n4,,IT\n")
    done = project.run(**given, attributes={"c": "country"})
    assert (done.inserted, done.updated) == (1, 1)
    assert project.column("country", "customers") == ["DE", "FR", "US", "IT"]
    assert project.column("c", "customers") == [None, "FR", None, "IT"]
    assert project.run(**given, attributes={"c": "country"}).unchanged == 2
    assert project.tables.touched_since("customers", 0)[0].since is None


def test_money_is_kept_to_the_last_digit(project):
    amounts = ["99999999999999.9999", "0.1", "-0.0001", "12345678901234.5678"]
    rows = "".join(f"{n},2024-01-01,{amount}\n" for n, amount in enumerate(amounts))
    project.put("in.csv", "order_id,ordered_at,amount\n" + rows)
    project.run(table="orders")
    found = project.sql("SELECT amount FROM t ORDER BY order_id", "orders")
    assert [row[0] for row in found] == [Decimal(a).quantize(Decimal("0.0001")) for a in amounts]


# --- rows without a key ---


def test_true_duplicates_survive_and_an_import_again_changes_nothing(project):
    project.put("in.csv", "day,eur\n2024-01-01,5\n2024-01-01,5\n2024-01-02,7\n2024-01-01,5\n")
    done = project.run(**SPEND)
    assert (done.inserted, done.superseded) == (4, 0)
    version = project.version("spend")
    assert project.run(**SPEND).unchanged == 4
    assert project.version("spend") == version
    assert project.sql("SELECT sum(amount) FROM t", "spend") == [(Decimal(22),)]


def test_replace_file_puts_a_files_rows_in_place_of_those_before(project):
    project.put("jan.csv", "day,eur\n2024-01-01,5\n2024-01-01,5\n2024-01-02,7\n")
    project.put("feb.csv", "day,eur\n2024-02-01,5\n")
    assert project.run(path="*.csv", **SPEND).inserted == 4
    project.put("jan.csv", "day,eur\n2024-01-01,5\n2024-01-02,8\n")
    done = project.run(path="*.csv", **SPEND)
    assert (done.inserted, done.unchanged, done.deleted) == (1, 2, 2)
    assert project.version("spend") == 1
    project.put("jan.csv", "day,eur\n")
    done = project.run(path="*.csv", **SPEND)
    assert (done.read, done.unchanged, done.deleted) == (1, 1, 2)
    assert project.sql("SELECT amount FROM t", "spend") == [(Decimal(5),)]


def test_an_empty_file_takes_nothing_away(project):
    """No header: the export has failed. A header: it has no rows."""
    project.put("in.csv", "day,eur\n2024-01-01,5\n")
    project.run(**SPEND)
    project.put("in.csv", "")
    done = project.run(**SPEND)
    assert (done.deleted, done.notes) == (0, ("in.csv is empty: it has not even a header",))
    project.put("in.csv", "day,eur\n")
    assert project.run(**SPEND).deleted == 1


def test_replace_period_replaces_the_time_that_the_files_cover(project):
    given = {**SPEND, "replace": "period"}
    project.put("a.csv", "day,eur\n2024-01-01,1\n2024-01-05,5\n2024-01-09,9\n")
    assert project.run(path="a.csv", **given).inserted == 3
    project.put("b.csv", "day,eur\n2024-01-04,4\n2024-01-09,9\n2024-01-12,12\n")
    done = project.run(path="b.csv", **given)
    assert (done.inserted, done.unchanged, done.deleted) == (2, 1, 1)
    found = project.sql("SELECT amount::INT FROM t ORDER BY 1", "spend")
    assert found == [(1,), (4,), (9,), (12,)]
    # Exports that overlap give the rows of the overlap once.
    done = project.run(path="?.csv", **given)
    assert (done.superseded, done.deleted) == (1, 0)
    assert project.sql("SELECT count(*) FROM t", "spend") == [(5,)]


def test_replace_all_leaves_only_what_the_files_now_hold(project):
    given = {**SPEND, "replace": "all"}
    project.put("a.csv", "day,eur\n2024-01-01,1\n2024-01-01,1\n")
    project.put("b.csv", "day,eur\n2024-01-01,1\n2024-02-01,2\n")
    assert project.run(path="?.csv", **given).inserted == 4
    project.put("other.csv", "day,eur\n2024-01-01,1\n")
    assert project.run(name="other", path="other.csv", **given).inserted == 1
    (project.root / "a.csv").unlink()
    done = project.run(path="?.csv", **given)
    assert (done.unchanged, done.deleted, done.notes) == (2, 2, ())
    assert project.sql("SELECT _source, count(*) FROM t GROUP BY 1 ORDER BY 1", "spend") == [
        ("other", 1),
        ("s", 2),
    ]
    project.put("b.csv", "day,eur\n")
    assert project.run(path="?.csv", **given).deleted == 2
    assert project.sql("SELECT count(*) FROM t", "spend") == [(1,)]


def test_rows_of_a_file_that_is_gone_stay_and_that_is_said(project):
    for n in range(6):
        project.put(f"f{n}.csv", f"ticket_id,opened_at\n{n},2024-01-01\n")
    project.run(path="f*.csv")
    for n in range(5):
        (project.root / f"f{n}.csv").unlink()
    done = project.run(path="f*.csv")
    assert done.notes == (
        "1 row of f0.csv stay, though the file is no longer read",
        "1 row of f1.csv stay, though the file is no longer read",
        "1 row of f2.csv stay, though the file is no longer read",
        "and 2 rows of 2 more such files",
    )
    assert project.sql("SELECT count(*) FROM t") == [(6,)]


# --- what is kept about imports ---


def test_rejected_rows_are_those_of_the_last_import(project):
    project.put("in.csv", "ticket_id,opened_at\n1,x\n2,y\n3,2024-01-01\n")
    project.put("b.csv", "ticket_id,opened_at\n4,x\n")
    assert project.run().rejected == 2
    assert project.run(name="it's", path="b.csv").rejected == 1
    project.put("in.csv", "ticket_id,opened_at\n1,x\n2,2024-01-01\n")
    assert project.run().rejected == 1
    project.put("in.csv", "ticket_id,opened_at\n1,2024-01-01\n")
    project.run()
    assert project.rejected() == []
    version = project.books.version("rejected_rows")
    project.run()
    assert project.books.version("rejected_rows") == version
    assert len(project.rejected("it's")) == 1


def test_every_import_is_written_down(project):
    project.put("in.csv", TICKETS)
    project.run()
    project.run()
    rows = project.sql(
        'SELECT source, "table", version, read, inserted, unchanged, notes FROM t'
        " ORDER BY imported_at",
        "imports",
        project.books,
    )
    assert rows == [("s", "tickets", 0, 3, 3, 0, ""), ("s", "tickets", 0, 3, 0, 3, "")]


# --- any history of imports ---

EXPORT = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 90), st.sampled_from("ab")), max_size=6
)


def exported(rows):
    first = dt.date(2024, 1, 1)
    lines = [f"{key},{first + dt.timedelta(day)},{topic}" for key, day, topic in rows]
    return "\n".join(["ticket_id,opened_at,topic", *lines]) + "\n"


@settings(max_examples=6, deadline=None)
@given(st.lists(EXPORT, min_size=1, max_size=4))
def test_after_any_imports_the_table_is_what_a_dictionary_would_be(new_project, exports):
    project = new_project("UTC")
    project.columns = {}
    truth = {}
    for rows in exports:
        project.put("in.csv", exported(rows))
        before = dict(truth)
        truth |= {key: (day, topic) for key, day, topic in rows}
        done = project.run()
        assert done.inserted == len(truth) - len(before)
        assert done.updated == sum(truth[key] != before[key] for key in before)
        assert done.superseded == len(rows) - len({row[0] for row in rows})
        days = "date_diff('day', DATE '2024-01-01', opened_at::DATE)"
        found = project.sql(f"SELECT ticket_id::INT, {days}, topic FROM t")
        assert sorted(found) == sorted((key, *value) for key, value in truth.items())


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b"]),
            st.lists(st.tuples(st.integers(1, 60), st.integers(1, 3)), max_size=5),
            min_size=1,
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["file", "all"]),
)
def test_after_any_imports_rows_without_keys_are_those_of_their_files(
    new_project, exports, replace
):
    project = new_project("UTC")
    truth = {}
    for files in exports:
        for old in project.root.glob("*.csv"):
            old.unlink()
        for name, rows in files.items():
            lines = [f"{dt.date(2024, 1, 1) + dt.timedelta(day)},{eur}" for day, eur in rows]
            project.put(f"{name}.csv", "\n".join(["day,eur", *lines]) + "\n")
        truth = files if replace == "all" else truth | files
        project.run(path="*.csv", replace=replace, **SPEND)
        found = project.sql(
            "SELECT date_diff('day', DATE '2024-01-01', spent_on::DATE), amount::INT FROM t",
            "spend",
        )
        assert sorted(found) == sorted(row for rows in truth.values() for row in rows)
