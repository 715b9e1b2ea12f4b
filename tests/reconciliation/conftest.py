"""A shop whose orders come twice: from its export, and from its warehouse."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import heedful

FILES = {
    "heedful.yaml": (
        "name: Shop\ntimezone: Europe/Berlin\ncurrency: EUR\n"
        "touchpoints:\n  till: {stage: conversion}\nteams:\n  shop: {name: Shop floor}\n"
    ),
    "kpis/order_value.yaml": "owner: shop\nplaybook: look\n",
    "kpis/csat.yaml": "owner: shop\nplaybook: look\ntarget: 80%\n",
    "playbooks/look.md": "# Look\n",
    "sources/shop.yaml": "table: orders\npath: in/shop.csv\nattributes: {region: Region}\n",
    "sources/warehouse.yaml": "table: orders\npath: in/warehouse.csv\n",
    "sources/people.yaml": "table: customers\npath: in/people.csv\n",
    "sources/answers.yaml": "table: responses\npath: in/answers.csv\n",
    "sources/till.yaml": "table: orders\npath: in/till.csv\nkey: generated\nreplace: all\n",
}
SHOP = ("order_id", "ordered_at", "customer_id", "amount", "channel", "Region")
WAREHOUSE = ("order_id", "ordered_at", "customer_id", "amount", "status")
ORDERS = 600


def _csv(path: Path, heads: tuple[str, ...], rows: list[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])


def orders() -> list[dict]:
    """Orders of January to March, in the order of time."""
    luck = random.Random(5)
    first = datetime(2026, 1, 1, 1, tzinfo=UTC)
    return [
        {
            "order_id": f"o{n:04}",
            "ordered_at": first + timedelta(hours=3.6 * n),
            "customer_id": f"c{luck.randrange(150)}",
            "amount": luck.randrange(500, 20_000) / 100,
        }
        for n in range(ORDERS)
    ]


@pytest.fixture(scope="session")
def planted():
    """What is wrong with which order: missing in one, another amount, a shifted time."""
    return {
        "a_only": {f"o{n:04}" for n in range(10, 50)} | {"o0599"},
        "b_only": {"o0003", "o0004", "o0007"},
        "amount": {f"o{n:04}" for n in range(100, 108)},
        "ordered_at": {f"o{n:04}" for n in range(200, 320)},
    }


@pytest.fixture(scope="session")
def shop(tmp_path_factory, planted):
    """The project, both sources imported one after the other: the later overwrote the earlier."""
    root = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    every = orders()
    shop = [
        (o["order_id"], o["ordered_at"].isoformat(), o["customer_id"], o["amount"], "web", "north")
        for o in every
        if o["order_id"] not in planted["b_only"]
    ]
    warehouse = []
    for o in every:
        if o["order_id"] in planted["a_only"]:
            continue
        late = timedelta(hours=1 if o["order_id"] in planted["ordered_at"] else 0)
        dear = 10 if o["order_id"] in planted["amount"] else 0
        at = (o["ordered_at"] + late).isoformat()
        amount = f"{o['amount'] + dear:.2f}"
        warehouse.append((o["order_id"], at, o["customer_id"], amount, "paid"))
    _csv(root / "in" / "shop.csv", SHOP, shop)
    _csv(root / "in" / "warehouse.csv", WAREHOUSE, warehouse)
    till = [row[1:4] for row in shop if row[2] not in {"c7", "c8"}]
    _csv(root / "in" / "till.csv", ("ordered_at", "customer_id", "amount"), till)
    people = [(f"c{n}", "2025-12-01") for n in range(150)]
    _csv(root / "in" / "people.csv", ("customer_id", "signed_up_at"), people)
    heads = ("response_id", "answered_at", "customer_id", "instrument", "score")
    _csv(root / "in" / "answers.csv", heads, [("r1", "2026-01-05", "c1", "csat", 5)])
    project = heedful.open(root)
    done = list(project.tables.import_(["people", "answers", "shop", "warehouse"]))
    assert [one.rejected for one in done] == [0, 0, 0, 0]
    return project
