"""A small company with one person in every corner of it."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.project import Project

WHO = "cust-erase-77"
COOKIE = "cookie-erase-1"
OLD = "old-erase-5"
MAIL = "Robin.Erase@mail.example"
SAID = "the lavender parcel was soaked again"
SHARED = "tablet-shared-9"

FILES = {
    "heedful.yaml": """\
name: Corner shop
timezone: Europe/Berlin
currency: EUR
touchpoints:
  till: {stage: conversion}
teams:
  shop: {name: Shop floor}
""",
    "kpis/csat.yaml": "owner: shop\nplaybook: listen\ntarget: 80%\n",
    "kpis/order_value.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/talk.yaml": (
        "title: Talk\nsays: How long people talk.\nlayer: engagement\ntiming: leading\n"
        "better: higher\nstages: [conversion]\nfact: talk\nmeasure: {mean: length, in: count}\n"
        "threshold: {rule: change, by: 15%}\nowner: shop\nplaybook: listen\n"
    ),
    "facts/talk.sql": (
        "/*\nsays: What people said.\ngrain: one row a voice\nkey: feedback_id\nreads: feedback\n"
        "lookback: 1 day\ncolumns:\n  feedback_id: Id.\n  customer: Who.\n  at: When.\n"
        "  said: What.\n  length: How long.\n*/\n"
        "SELECT feedback_id, COALESCE(customer, 'nobody') AS customer, said_at AS at,"
        " text AS said, LENGTH(text) AS length FROM feedback\n"
    ),
    "playbooks/listen.md": "# Read the comments first\n",
    "sources/customers.yaml": "table: customers\npath: in/customers.csv\n",
    "sources/identities.yaml": "table: identities\npath: in/identities.csv\n",
    "sources/answers.yaml": "table: responses\npath: in/answers.csv\npersonal: keep\n",
    "sources/orders.yaml": (
        "table: orders\npath: in/orders.csv\nattributes: {buyer: buyer}\npersonal: keep\n"
        "columns: {order_id: order_id, ordered_at: ordered_at, customer_id: customer_id,"
        " anonymous_id: anonymous_id, amount: amount}\n"
    ),
    "sources/tickets.yaml": "table: tickets\npath: in/tickets.csv\n",
    "sources/voices.yaml": "table: feedback\npath: in/voices.csv\npersonal: keep\n",
}


def exports(root: Path, *, later: bool = False) -> None:
    """The company's exports; the later ones change a row of the person in each table."""
    luck = random.Random(5)
    times = [datetime(2026, 1, 3, 9, tzinfo=UTC) + timedelta(hours=9 * n) for n in range(200)]
    people = [WHO, COOKIE, OLD, *(f"c{n}" for n in range(20))]
    last = 2 if later else 1
    rows = {
        "customers": ["customer_id,signed_up_at,email,country"]
        + [f"{WHO},2025-12-01,{MAIL},{'NL' if later else 'DE'}"]
        + [f"c{n},2025-12-02,c{n}@mail.example,DE" for n in range(20)],
        "identities": [
            "alias_id,customer_id,kind,seen_at",
            f"{COOKIE},{OLD},cookie,2026-01-02",
            f"{OLD},{WHO},old_id,2026-01-02",
            f"{SHARED},c3,cookie,2026-02-02",
        ],
        "answers": ["response_id,answered_at,customer_id,instrument,score,touchpoint,comment"]
        + [
            f"r{n},{at.isoformat()},{who},csat,{luck.randrange(1, 6)},till,"
            f"{SAID if who == WHO else 'fine'} {last if who == WHO else ''}"
            for n, at in enumerate(times)
            for who in [luck.choice(people)]
        ]
        + [f"r900,yesterday,{WHO},csat,5,till,x", f"r901,today,c1,csat,5,till,ask {MAIL}"]
        + ["r902,never,c2,csat,5,till,x"],
        "orders": ["order_id,ordered_at,customer_id,anonymous_id,amount,buyer"]
        + [
            f"o{n},{at.isoformat()},{'' if who == COOKIE else who},"
            f"{who if who == COOKIE else ''},{luck.randrange(500, 8000) / 100},"
            for n, at in enumerate(times)
            for who in [luck.choice(people)]
        ]
        + [f"o900,2026-02-01,c4,{COOKIE},10,{MAIL}", f"o901,2026-02-01,,{SHARED},10,x"],
        "tickets": [
            "ticket_id,opened_at,customer_id,topic",
            f"t1,2026-02-01,{WHO},box",
            f"t2,2026-02-01,c2,for {WHO}",
            f"t3,2026-02-02,{SHARED},box",
        ],
        "voices": [
            "feedback_id,said_at,customer_id,ticket_id,text",
            f"f1,2026-02-03,,t1,{SAID}",
            "f2,2026-02-03,,t2,all is well",
            "f3,2026-02-03,c2,t1,ok",
        ],
    }
    for name, lines in rows.items():
        (root / "in").mkdir(exist_ok=True)
        (root / f"in/{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def written(root: Path) -> Path:
    """The project's files and its first exports."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    exports(root)
    return root


def ledger(project: Project) -> None:
    """Name the person wherever people write."""
    from sqlalchemy import insert

    now = datetime(2026, 3, 1, tzinfo=UTC)
    tables = project.ledger.tables
    payload = json.dumps({"evidence": [f"{WHO} said: {SAID}", 7], "é": MAIL})
    rows = {
        "annotations": {"at": now, "kind": "incident", "text": f"{WHO} wrote", "made_at": now},
        "signatures": {
            "experiment": "e", "by": "ada", "at": now, "verdict": "v", "decision": "ship",
            "reason": f"asked {MAIL.lower()}, who agreed",
        },
        "findings": {
            "id": "f1", "key": "k", "kind": "data", "state": "open", "severity": "watch",
            "grain": "week", "period_start": date(2026, 2, 2), "opened_at": now, "seen_at": now,
            "payload": payload,
        },
        "actions": {
            "title": f"Call {WHO}", "owner": "shop", "due": date(2026, 4, 1), "grain": "week",
            "state": "done", "made_by": "ada", "made_at": now, "note": SAID, "outcome": payload,
            "measured_at": now,
        },
        "audit": {
            "at": now, "who": "ada", "verb": "made", "object": "action 1", "detail": f"({COOKIE})",
        },
        "alerts": {
            "finding": "f1", "event": "opened", "channel": "mail", "state": "waiting",
            "made_at": now, "due_at": now, "attempts": 0, "payload": payload,
        },
        "runs": {"began_at": now, "state": "failed", "who": "ada", "detail": f"row of {OLD}."},
    }  # fmt: skip
    with project.ledger.begin() as connection:
        for name, row in rows.items():
            connection.execute(insert(getattr(tables, name)).values(**row))


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Imported, measured, imported again with other rows, measured again."""
    root = written(tmp_path_factory.mktemp("erasure") / "shop")
    project = Project(root)
    list(project.tables.import_())
    project.refresh()
    exports(root, later=True)
    list(project.tables.import_())
    project.refresh()
    ledger(project)
    project.ledger.engine.dispose()
    left = root / "data/staging/answers.import/file-0"
    left.mkdir(parents=True)
    (left / "raw.csv").write_text(f"r1,{WHO}\n", encoding="utf-8")
    spill = root / "data/books/staging/spill"
    spill.mkdir(parents=True)
    (spill / "duckdb_temp_1.tmp").write_text(f"half of {COOKIE}", encoding="utf-8")
    orphan = next((root / "data/tables/orders").glob("_month=*/*.parquet"))
    shutil.copy(orphan, orphan.with_name("part-of-a-write-that-died.parquet"))
    return root


@pytest.fixture
def project(company: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(company, tmp_path / "shop")))


def _traces(folder: Path, needles: Iterable[str]) -> dict[str, set[str]]:
    """Files that hold one of the words, in whatever case, and which.

    All bytes of all files are read; of Parquet, which packs its values, all values and the
    lowest and highest of each column too; of SQLite all pages, used or not, and the journal.
    """
    wanted = [needle.casefold() for needle in needles]
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        texts = [path.read_bytes().decode("latin-1").casefold(), path.name.casefold()]
        if path.suffix == ".parquet":
            texts += list(_values(path))
        if path.suffix == ".sqlite":
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            texts.append("\n".join(connection.iterdump()).casefold())
            connection.close()
        # A value may be cut short in statistics.
        here = {n for n in wanted for text in texts if n.encode().decode("latin-1") in text}
        here |= {n for n in wanted for text in texts if n in text}
        if here:
            found[path.relative_to(folder).as_posix()] = here
    return found


def _values(path: Path) -> Iterable[str]:
    with pq.ParquetFile(path) as file:
        yield str(file.metadata.to_dict()).casefold()
        yield "\n".join(str(each) for each in _leaves(file.read())).casefold()


def _leaves(table: pa.Table) -> Iterable[object]:
    for column in table.columns:
        nested = pa.types.is_nested(column.type)
        yield from column.to_pylist() if nested else column.unique().to_pylist()


@pytest.fixture(scope="session")
def traces() -> Callable[..., dict[str, set[str]]]:
    """Look for words in every byte and every value below a folder."""
    return _traces
