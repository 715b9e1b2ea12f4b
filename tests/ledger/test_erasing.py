"""Names go out of every text, and what is kept as written is kept again afterwards."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from heedful.ledger.erasing import TEXTS, erase, named
from heedful.ledger.mentions import ERASED, Mentions

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHO, MAIL = "cust-erase-77", "Robin.Erase@mail.example"
SAID = "the lavender parcel was soaked"
PAYLOAD = json.dumps(
    {"who": WHO, "words": [f"“{SAID}”", MAIL.lower()], "n": 77}, ensure_ascii=False
)
ROWS = {
    "annotations": {"at": NOW, "kind": "incident", "text": f"{WHO}: wrote", "made_at": NOW},
    "signatures": {
        "experiment": "e", "by": "ada", "at": NOW, "verdict": "v", "decision": "ship",
        "reason": f"asked {MAIL}",
    },
    "findings": {
        "id": "f1", "key": "k", "kind": "data", "state": "open", "severity": "watch",
        "grain": "week", "period_start": date(2026, 2, 2), "opened_at": NOW, "seen_at": NOW,
        "payload": PAYLOAD,
    },
    "actions": {
        "title": f"Call {WHO}", "owner": "shop", "due": date(2026, 4, 1), "grain": "week",
        "state": "done", "made_by": "ada", "made_at": NOW, "note": SAID, "outcome": PAYLOAD,
        "measured_at": NOW,
    },
    "audit": {"at": NOW, "who": "ada", "verb": "made", "object": "x", "detail": f"({WHO})"},
    "alerts": {
        "finding": "f1", "event": "opened", "channel": "mail", "state": "waiting", "made_at": NOW,
        "due_at": NOW, "attempts": 0, "payload": PAYLOAD,
    },
    "runs": {"began_at": NOW, "state": "failed", "who": "ada", "detail": f"row of {WHO}."},
}  # fmt: skip


def test_names_go_and_what_is_kept_is_kept_again(database):
    with database.begin() as connection:
        for name, row in ROWS.items():
            connection.execute(insert(getattr(database.tables, name)).values(**row))
    mentions = Mentions([WHO], [MAIL], [SAID])
    assert set(named(database, mentions)) == set(TEXTS)
    assert erase(database, mentions) == dict.fromkeys(TEXTS, 1)
    assert named(database, mentions) == {}
    assert erase(database, mentions) == {}
    with database.begin() as connection:
        everything = "\n".join(
            str(row) for name in TEXTS for row in connection.execute(text(f"SELECT * FROM {name}"))
        )
        payload = connection.execute(select(database.tables.findings.c.payload)).scalar_one()
    assert not any(name.casefold() in everything.casefold() for name in (WHO, MAIL, SAID))
    assert json.loads(payload) == {"who": ERASED, "words": [f"“{ERASED}”", ERASED], "n": 77}
    for name, column in (("audit", "detail"), ("signatures", "reason"), ("actions", "outcome")):
        with pytest.raises(DBAPIError), database.begin() as connection:
            connection.execute(update(getattr(database.tables, name)).values({column: "other"}))
    if database.engine.dialect.name == "sqlite":
        database.engine.dispose()
        files = b"".join(path.read_bytes() for path in database.file.parent.glob("ledger*"))
        assert WHO.encode() not in files
        assert SAID.encode() not in files


words = st.text(alphabet="ab1 .,-@é\n", max_size=12)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["cust-17", "a b c d", "x@y.example", "é-éé1", "1234567", "c1", "99"]),
    words,
    words,
)
def test_a_name_is_found_between_whatever_stands_around_it(name, before, after):
    mentions = Mentions([name] if "@" not in name else [], [name] if "@" in name else [])
    titled = f"{before} customer {name} {after}"
    assert f" {name} " not in mentions.struck(titled)
    assert mentions.struck(mentions.struck(titled)) == mentions.struck(titled)
    assert mentions.within(titled)


@pytest.mark.parametrize(
    "innocent",
    ["cust-170 wrote", "xcust-17", "my-cust-17-b", "99 bottles", "it took 17 days", "ax@y.example"],
)
def test_what_only_looks_like_a_name_stays(innocent):
    mentions = Mentions(["cust-17", "99", "17"], ["x@y.example"])
    assert mentions.struck(innocent) == innocent
