"""What is held on one customer; files that are let go of; what the terminal says."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from heedful.cli.main import app
from heedful.project.missing import NotFoundError

WHO, COOKIE, OLD = "cust-erase-77", "cookie-erase-1", "old-erase-5"
MAIL, SAID = "Robin.Erase@mail.example", "the lavender parcel was soaked again"
DOCS = Path(__file__).parents[2] / "docs" / "privacy.md"


def terminal(root: Path, *words: str) -> Result:
    """What a person at the terminal would see; in this process, which is quicker."""
    return CliRunner().invoke(app, [*words, "--project", str(root)])


def test_what_is_held_on_a_customer_is_given_out_whole(project):
    found = project.erasure.export(COOKIE)
    assert found["customers"] == [WHO]
    assert set(found["ids"]) == {WHO, COOKIE, OLD, MAIL, MAIL.lower()}
    held = {name: len(rows) for name, rows in found["tables"].items()}
    for name, count in held.items():
        whole = project.sql(
            f"SELECT count(*) AS n FROM {name} AS t WHERE CAST(t AS VARCHAR) LIKE '%-erase-%'"
        ).to_pylist()[0]["n"]
        # Of others, a ticket and an order name the person; of nobody, one voice is theirs.
        other = {"tickets": 1, "orders": 1, "feedback": -1}.get(name, 0)
        assert count == whole - other, name
    assert set(held) == {
        "customers", "identities", "responses", "orders", "tickets", "feedback",
    }  # fmt: skip
    assert found["tables"]["customers"][0]["email"] == MAIL
    assert any(SAID in row["comment"] for row in found["tables"]["responses"])
    assert set(found["facts"]) == {"survey_answers", "purchases"}
    assert len(found["rejected_rows"]) == 2
    assert len(found["ledger"]) == 7
    before = found | {"exported_at": None}
    done = project.erasure.forget([WHO])
    removed = {one.place: one.rows for one in done.removed}
    for name, rows in before["tables"].items():
        assert removed[f"tables.{name}"] == len(rows)
    with pytest.raises(NotFoundError, match="nothing is held"):
        project.erasure.export(WHO)


@pytest.mark.slow
def test_at_the_terminal(project, tmp_path):
    root = project.root
    said = terminal(root, "export-customer", WHO)
    assert json.loads(said.stdout)["ids"]
    file = tmp_path / "theirs.json"
    assert terminal(root, "export-customer", WHO, "-o", str(file)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text("utf-8"))["asked"] == WHO
    missing = terminal(root, "export-customer", "nobody-1")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert missing.stderr.startswith('nothing is held on "nobody-1"; ')
    unsure = terminal(root, "forget", WHO)
    assert unsure.exit_code == 1
    assert COOKIE in unsure.stderr
    assert terminal(root, "forget").exit_code == 2
    ids = tmp_path / "ids.txt"
    ids.write_text(f"{WHO}\n\nc1\n", "utf-8")
    done = terminal(root, "forget", "--file", str(ids), "--yes", "--format", "json")
    assert done.exit_code == 0
    rows = {row["place"]: row["rows"] for row in json.loads(done.stdout)}
    assert rows["tables.customers"] == 2
    assert "Erased: 2 customers, " in done.stderr
    assert "in/orders.csv" in done.stderr
    again = terminal(root, "forget", WHO, "--yes", "--format", "csv")
    assert (again.exit_code, again.stdout) == (0, "place,rows\n")


def test_files_that_fell_out_are_kept_for_a_while(project):
    lake = project.lake("tables")
    root = lake.path("responses")
    live, version = set(lake.files("responses")), lake.version("responses")
    fallen = [str(p) for p in root.rglob("*.parquet") if "_delta_log" not in p.parts]
    assert set(fallen) > live
    assert sum(one.files for one in project.tables.vacuum()) == 0
    # Files are as old as the log says; those that it does not know as their own clock says.
    died = root / "died.parquet"
    died.write_bytes(b"half")
    long_ago = time.time() - 8 * 24 * 3600
    os.utime(died, (long_ago, long_ago))
    looked = {one.table: one for one in project.tables.vacuum(dry_run=True)}
    assert looked["tables.responses"].files == 1
    assert died.exists()
    _aged(root, 8)
    freed = {one.table: one for one in project.tables.vacuum()}["tables.responses"]
    assert freed.files == len(fallen) - len(live) + 1
    assert freed.bytes > 0
    assert set(lake.files("responses")) == live
    assert lake.version("responses") == version
    assert all(Path(path).exists() for path in live)
    assert {one.state for one in project.refresh()} == {"unchanged"}


def test_a_refresh_removes_old_files_where_history_days_says_so(project):
    from heedful.project import Project

    root = project.lake("tables").path("responses")
    _aged(root, 4)
    count = len(list(root.rglob("*.parquet")))
    project.refresh()
    assert len(list(root.rglob("*.parquet"))) == count
    file = project.root / "heedful.yaml"
    file.write_text(file.read_text("utf-8") + "history_days: 3\n", "utf-8")
    Project(project.root).refresh()
    assert len(list(root.rglob("*.parquet"))) < count


def _aged(root: Path, days: int) -> None:
    """As if all that was removed from a table had been so some days earlier."""
    for path in (root / "_delta_log").glob("[0-9]*.json"):
        actions = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for action in actions:
            if "remove" in action:
                action["remove"]["deletionTimestamp"] -= days * 24 * 3600 * 1000
        path.write_text("\n".join(map(json.dumps, actions)) + "\n", "utf-8")


def test_the_page_names_every_place():
    from heedful.ledger.erasing import TEXTS
    from heedful.store import schema
    from heedful.store.suppression import owner

    text = DOCS.read_text("utf-8")
    for name in schema.names():
        table = schema.table(name)
        assert f"`{name}`" in text, name
        for column in table.columns.values():
            if column.free:
                assert f"`{name}.{column.name}`" in text
        if owner(table, table.columns) is None:
            assert f"`{name}`" in text.split("Rows of nobody")[1].split("\n")[0]
    for name, columns in TEXTS.items():
        assert f"| `{name}` | {', '.join(f'`{c}`' for c in columns)} |" in text
