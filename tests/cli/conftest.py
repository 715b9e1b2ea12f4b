"""A small shop whose figures never change, and the terminal it is asked from."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

FILES = {
    "heedful.yaml": """\
name: Corner shop
timezone: Europe/Berlin
currency: EUR
touchpoints:
  till: {stage: conversion}
  helpline: {stage: retention}
  robot: {stage: retention, ai: true}
teams:
  shop: {name: Shop floor}
""",
    "kpis/csat.yaml": (
        "owner: shop\nplaybook: listen\ntarget: 80%\nscale: {worst: 0.4, best: 0.9}\n"
    ),
    "kpis/nps.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/resolution_time.yaml": (
        "owner: shop\nplaybook: listen\nbreakdowns: [priority]\nscale: {worst: 40, best: 5}\n"
    ),
    "kpis/order_value.yaml": "owner: shop\nplaybook: listen\nscale: {worst: 10, best: 60}\n",
    "scorecard.yaml": (
        "dimensions:\n"
        "  experience: {weight: 50%, layers: [experience]}\n"
        "  friction: {weight: 30%, layers: [operational, engagement]}\n"
        "  business: {weight: 20%, layers: [commercial]}\n"
    ),
    "playbooks/listen.md": "# Read the comments first\n",
    "sources/answers.yaml": "table: responses\npath: in/answers.csv\n",
    "sources/tickets.yaml": (
        'table: tickets\npath: in/tickets.csv\nread: {delimiter: ";", dates: "%d.%m.%Y %H:%M"}\n'
    ),
    "sources/orders.yaml": "table: orders\npath: in/orders.csv\n",
}


def write(root: Path) -> Path:
    """The shop's project and its exports of January to March."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "in").mkdir(exist_ok=True)
    rng = random.Random(5)
    first = datetime(2026, 1, 1, 8, tzinfo=UTC)
    times = sorted(first + timedelta(minutes=rng.randrange(90 * 1440)) for _ in range(600))
    places = ("till", "helpline", "robot")
    answers = [
        [
            n,
            at.isoformat(),
            f"c{rng.randrange(150)}",
            rng.choice(["csat", "csat", "nps"]),
            min(5, rng.randrange(2, 8)),
            rng.choice(places),
        ]
        for n, at in enumerate(times)
    ]
    head = ["response_id", "answered_at", "customer_id", "instrument", "score", "touchpoint"]
    _csv(root / "in/answers.csv", [head, *answers, [600, "yesterday", "c1", "csat", 5, "till"]])
    tickets = []
    for n, at in enumerate(times[::2]):
        solved = at + timedelta(hours=rng.randrange(1, 50))
        ended = f"{solved:%d.%m.%Y %H:%M}" if rng.random() < 0.85 and solved < times[-1] else ""
        tickets.append(
            [
                n,
                f"{at:%d.%m.%Y %H:%M}",
                f"c{rng.randrange(150)}",
                ended,
                rng.choice(["low", "high"]),
            ]
        )
    head = ["ticket_id", "opened_at", "customer_id", "resolved_at", "priority"]
    _csv(root / "in/tickets.csv", [head, *tickets], ";")
    orders = [
        [n, at.isoformat(), f"c{rng.randrange(150)}", rng.randrange(500, 8000) / 100]
        for n, at in enumerate(times)
    ]
    _csv(root / "in/orders.csv", [["order_id", "ordered_at", "customer_id", "amount"], *orders])
    return root


def _csv(path: Path, rows: list[list[object]], delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


class Terminal:
    """Runs commands in a folder as a person would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "heedful.cli.main", *words],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The shop, imported and measured."""
    run = Terminal(write(tmp_path_factory.mktemp("cli") / "shop"))
    assert run("import").returncode == 0
    assert run("refresh").returncode == 0
    return run


@pytest.fixture
def fresh(tmp_path):
    """The shop, nothing imported yet."""
    return Terminal(write(tmp_path / "shop"))
