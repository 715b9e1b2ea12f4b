"""A project whose unit is the account, from its files to what people read."""

from __future__ import annotations

import csv
import hashlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t
from typer.testing import CliRunner

import heedful
from heedful.cli.main import app

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
OWN = "owner: a\nplaybook: p\ntarget: 50%\n"


def written(root: Path, name: str, rows: list[dict[str, object]]) -> None:
    (root / f"sources/{name}.yaml").write_text(f"table: {name}\npath: in/{name}.csv\n")
    with (root / f"in/{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def answers() -> list[tuple[str, str, float]]:
    """Who answered, the account they belong to (their own where none), and the answer."""
    some = random.Random(3)
    found = []
    for account in range(90):
        mood = some.random()
        for person in range(some.randrange(1, 4)):
            name = f"c{account}-{person}"
            unit = f"a{account}" if account % 10 else name
            found += [(name, unit, 5.0 if some.random() < mood else 1.0) for _ in range(3)]
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory, answers) -> Path:
    root = tmp_path_factory.mktemp("accounts")
    for folder in ("sources", "kpis", "playbooks", "in"):
        (root / folder).mkdir()
    (root / "heedful.yaml").write_text(
        "name: Test\ntimezone: UTC\ncurrency: EUR\nunit: account\nteams: {a: {name: A}}\n"
    )
    (root / "playbooks/p.md").write_text("# Do it\n")
    (root / "kpis/csat.yaml").write_text(OWN)
    (root / "kpis/people.yaml").write_text(f"{OWN}like: csat\ntitle: People\nunit: customer\n")
    people = dict.fromkeys((name, unit) for name, unit, _ in answers)
    written(
        root,
        "customers",
        [{"customer_id": n, "account_id": u if u != n else ""} for n, u in people],
    )
    written(
        root,
        "responses",
        [
            {
                "response_id": number,
                "answered_at": FIRST + timedelta(minutes=number),
                "customer_id": name,
                "instrument": "csat",
                "score": score,
            }
            for number, (name, _, score) in enumerate(answers)
        ],
    )
    project = heedful.open(root)
    list(project.tables.import_())
    project.refresh()
    return root


def by_hand(answers: list[tuple[str, str, float]], place: int) -> tuple[float, float, float]:
    """Units, the share satisfied and its standard error, leaving out a bucket at a time."""

    def bucket(name: str) -> int:
        return int(hashlib.md5(name.encode()).hexdigest()[:2], 16) % 64

    happy = np.array([score == 5 for *_, score in answers])
    places = np.array([bucket(row[place]) for row in answers])
    held = np.unique(places)
    without = np.array([happy[places != g].mean() for g in held])
    error = np.sqrt((len(held) - 1) / len(held) * ((without - happy.mean()) ** 2).sum())
    reach = t.ppf(0.975, len(held) - 1) * error
    return len({row[place] for row in answers}), happy.mean(), reach


def test_accounts_are_counted_and_clustered_unless_a_kpi_says_otherwise(root, answers):
    found = heedful.open(root).kpis.readings("csat", "people", grain="all").to_pylist()
    for row, place in zip(found, (1, 0), strict=True):
        units, value, reach = by_hand(answers, place)
        assert (row["customers"], row["n"]) == (units, len(answers))
        assert row["value"] == pytest.approx(value)
        # Skewness moves both ends a little; the width is that of the jackknife by hand.
        assert row["high"] - row["low"] == pytest.approx(2 * reach, rel=0.02)
    accounts, people = (row["high"] - row["low"] for row in found)
    assert accounts > 1.2 * people


def test_what_people_read_says_what_is_counted(root):
    def told(*words: str) -> str:
        return CliRunner().invoke(app, [*words, "-p", str(root)]).stdout

    assert "accounts" in told("readings", "csat")
    assert "customers" in told("readings", "people")
    assert "units" in told("readings", "csat", "people")
    explained = told("explain", "csat")
    assert "counts      accounts" in explained
    assert "COALESCE('account:' || account_unit, 'customer:' || customer)" in explained


def test_another_unit_makes_other_numbers(root):
    project = heedful.open(root)
    assert project.kpis.definition_hash("csat") != project.kpis.definition_hash("people")
    assert project.kpis.get("nps").unit == "account"
    assert project.kpis.get("pipeline_velocity").unit == "account"
    assert project.definitions.settings.units == "accounts"
