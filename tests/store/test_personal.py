"""Personal data in texts: what is masked, what must stay, and that nothing hostile takes long."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.store.personal import CANDIDATE, Masking, card, masked

CASES = [
    line
    for line in (Path(__file__).parent / "personal.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
MARK = re.compile(r"\{([epc]):([^}]*)\}")
KIND = {"e": "[e-mail]", "p": "[phone]", "c": "[card]"}


@pytest.mark.parametrize("case", CASES)
def test_what_is_masked_and_what_stays(case):
    text = MARK.sub(r"\2", case)
    assert masked(text) == MARK.sub(lambda found: KIND[found[1]], case)
    # What the engine does not take for a candidate is never looked at.
    if masked(text) != text:
        query = "SELECT regexp_matches(?, ?)"
        assert duckdb.execute(query, [text, CANDIDATE]).fetchall() == [(True,)]


words = st.sampled_from(
    [
        "a",
        "1",
        "22",
        "+31",
        "0",
        "@",
        ".",
        "-",
        " ",
        "(",
        ")",
        "x.nl",
        "ABCD12",
        "/",
        "é",
        "'",
        "\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(words, max_size=80).map("".join)))
def test_masking_twice_is_masking_once_and_takes_digits_only_away(text):
    once = masked(text)
    assert masked(once) == once
    assert len(re.findall(r"\d", once)) <= len(re.findall(r"\d", text))


@settings(max_examples=100, deadline=None)
@given(st.dates(), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%d-%m-%y"]))
def test_a_date_is_no_phone_number(day, form):
    text = f"since {day.strftime(form)} it fails"
    assert masked(text) == text


@settings(max_examples=100, deadline=None)
@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from("€$£"))
def test_a_price_is_no_phone_number(amount, sign):
    for text in (f"paid {sign}{amount:,}", f"paid {amount} {sign}", f"{amount} EUR"):
        assert masked(text) == text


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**11 - 1).map(lambda n: f"4{n:011}"), st.integers(0, 999))
def test_of_ten_last_digits_one_makes_a_card(head, more):
    body = f"{head}{more:03}"
    good = [d for d in "0123456789" if card(body + d)]
    assert len(good) == 1
    assert masked(f"paid with {body}{good[0]} today") == "paid with [card] today"


@pytest.mark.parametrize(
    "unit",
    ["a", "1", "1 ", "a@", "a.", "@a.", "AB12", "AB12AAAA ", "+1 ", "(0", "0-", "a@a.a@a.", "1.2."],
)
def test_a_long_text_made_to_hurt_is_done_in_one_pass(unit):
    """Work that grew with the square of the length would take hours here."""
    assert masked(unit * (400_000 // len(unit)))


def test_an_import_masks_texts_counts_them_and_leaves_ids_alone(project):
    project.put(
        "in.csv",
        "feedback_id,said_at,text,customer_id,contact,account\n"
        "1,2024-01-01,call +31 6 1234 5678 or a@b.nl,A,x@y.de,0612345678\n"
        "2,2024-01-02,fine,b@b.de,,\n"
        "3,nope,q@q.de wrote +31 6 1234 5678,C,,\n",
    )
    given = {
        "table": "feedback",
        "columns": {c: c for c in ("feedback_id", "said_at", "text", "customer_id")},
        "attributes": {"contact": "contact", "account": "account"},
    }
    done = project.run(**given)
    assert done.notes == (
        "masked in texts: 3 e-mail addresses, 2 phone numbers (personal: keep would keep them)",
    )
    query = "SELECT text, customer_id, contact, account FROM t ORDER BY feedback_id"
    assert project.sql(query, "feedback") == [
        ("call [phone] or [e-mail]", "A", "[e-mail]", "0612345678"),
        ("fine", "b@b.de", None, None),
    ]
    assert '"text":"[e-mail] wrote [phone]","customer_id":"C"' in project.rejected()[0].values
    assert project.run(**given).unchanged == 2

    kept = project.run(**given, personal="keep")
    assert (kept.updated, kept.unchanged, kept.notes) == (1, 1, ())
    assert project.sql(query, "feedback")[0][0] == "call +31 6 1234 5678 or a@b.nl"
    assert "q@q.de wrote +31" in project.rejected()[0].values
    # Masking again heals what was kept.
    assert project.run(**given).updated == 1


def test_the_sql_masks_as_python_does():
    connection = duckdb.connect()
    Masking().register(connection)
    texts = [MARK.sub(r"\2", case) for case in CASES]
    connection.execute("CREATE TABLE t AS SELECT unnest(?) AS v", [texts])
    rows = connection.execute(f"SELECT v, {Masking.sql('v')} FROM t").fetchall()
    assert [new for _, new in rows] == [masked(old) for old, _ in rows]
