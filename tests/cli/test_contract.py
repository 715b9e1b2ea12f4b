"""Names, formats and exit codes that scripts rely on."""

from __future__ import annotations

import csv
import io
import json

import pytest

READING = [
    "kpi",
    "grain",
    "period_start",
    "period_end",
    "complete",
    "stage",
    "dimension",
    "segment",
    "value",
    "low",
    "high",
    "n",
    "customers",
    "weighted_n",
    "unit",
    "definition_hash",
]
SCORE = [
    "grain",
    "period_start",
    "period_end",
    "stage",
    "dimension",
    "segment",
    "score",
    "low",
    "high",
    "coverage",
    "contributions",
]
IMPORTED = [
    "source",
    "table",
    "read",
    "inserted",
    "updated",
    "unchanged",
    "left_out",
    "rejected",
]


def test_readings_have_the_fields_of_the_contract(shop):
    rows = json.loads(shop("readings", "--format", "json").stdout)
    assert set(READING) <= set(rows[0])
    assert {row["kpi"] for row in rows} == {"csat", "nps", "resolution_time", "order_value"}
    assert all(row["stage"] is row["dimension"] is row["segment"] is None for row in rows)
    assert rows[0]["period_start"] == "2026-01-01"
    assert rows[0]["period_end"] == "2026-02-01"
    assert {row["unit"] for row in rows} == {"share", "nps", "hours", "money"}


def test_csv_and_json_hold_the_same(shop):
    rows = json.loads(shop("readings", "csat", "--by", "touchpoint", "--format", "json").stdout)
    table = list(
        csv.DictReader(
            io.StringIO(shop("readings", "csat", "--by", "touchpoint", "--format", "csv").stdout)
        )
    )
    assert [row["segment"] for row in rows] == [row["segment"] for row in table]
    assert [row["value"] for row in rows] == [float(row["value"]) for row in table]


def test_scores_have_the_fields_of_the_contract_and_add_up(shop):
    rows = json.loads(shop("score", "--format", "json").stdout)
    assert set(SCORE) <= set(rows[0])
    scored = [row for row in rows if row["score"] is not None]
    assert scored
    for row in scored:
        parts = row["contributions"]
        assert {"part", "kpi", "weight", "score", "contribution"} == set(parts[0])
        assert sum(part["contribution"] for part in parts) == pytest.approx(row["score"])
        assert row["low"] <= row["score"] <= row["high"]


def test_import_says_what_it_did_with_every_row(fresh):
    rows = json.loads(fresh("import", "--format", "json").stdout)
    assert {row["source"] for row in rows} == {"answers", "orders", "tickets"}
    for row in rows:
        assert set(IMPORTED) <= set(row)
        kept = row["inserted"] + row["updated"] + row["unchanged"]
        assert row["read"] == kept + row["left_out"] + row["rejected"]
    assert next(row["rejected"] for row in rows if row["source"] == "answers") == 1


@pytest.mark.parametrize(
    "command",
    [
        ["import"],
        ["refresh"],
        ["rejected"],
        ["kpis"],
        ["explain", "csat"],
        ["readings"],
        ["score"],
        ["scale"],
        ["check"],
        ["sql", "SELECT 1 AS a"],
    ],
)
def test_every_command_that_prints_data_prints_json(shop, command):
    done = shop(*command, "--format", "json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["readings", "csatt"], 2, 'KPI "csatt" does not exist'),
        (["readings", "csatt"], 2, '(did you mean "csat"?)'),
        (["readings", "lifetime_value"], 2, "is planned; it cannot be measured yet"),
        (["readings", "csat", "--by", "touchpont"], 2, '(did you mean "touchpoint"?)'),
        (["readings", "--grain", "hour"], 2, "allowed: day, week, month, quarter, all"),
        (["readings", "--stage", "retentoin"], 2, '(did you mean "retention"?)'),
        (["readings", "--from", "yesterday"], 2, "is not a date"),
        (["score", "--grain", "hour"], 2, "allowed: day"),
        (["import", "answer"], 2, '(did you mean "answers"?)'),
        (["sql", "SELECT nope FROM responses"], 2, "nope"),
        (["sql", "COPY responses TO '/tmp/out.csv'"], 2, "only SELECT is allowed"),
        (["sql", "SELECT * FROM read_csv('/etc/passwd')"], 2, "disabled"),
        (["sql", "SELECT 1; SELECT 2"], 2, "write exactly one SELECT"),
        (["annotate", "x", "--at", "soon"], 2, "is not a time"),
        (["annotate", "x", "--at", "2026-01-01", "--kind", "party"], 2, "allowed: release"),
        (["init", "x", "--template", "sass"], 2, '(did you mean "saas"?)'),
        (["readings", "--from", "2026-02-01", "--to", "2026-01-01"], 2, "is not after"),
        (["schema", "kpis"], 2, "does not exist"),
        (["nonsense"], 2, "No such command"),
        (["readings", "-p", "/"], 1, "heedful.yaml:1: not found"),
    ],
)
def test_mistakes_are_told_and_have_exit_codes(shop, command, code, said):
    done = shop(*command)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_check_lists_every_problem_and_fails(fresh):
    (fresh.folder / "kpis/nps.yaml").write_text("playbook: nobody\n")
    (fresh.folder / "hypotheses.yaml").write_text("- {id: h, friction: a}\n")
    done = fresh("check")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("kpis/nps.yaml:1: owner is missing") for line in lines), lines
    assert any(line.startswith("kpis/nps.yaml:1: playbook") for line in lines), lines
    assert any(line.startswith("hypotheses.yaml:1:") for line in lines), lines


EXPERIMENT = """\
title: New helpline
question: Does the new helpline settle requests sooner?
hypothesis: sooner
owner: shop
approver: shop
stage: retention
start: 2026-01-01
end: 2026-02-01
variants: [{name: control}, {name: new}]
primary: {kpi: resolution_time, window_days: 40}
guardrails: [{kpi: csat, margin: 5%}, {kpi: order_value, margin: 5%}]
smallest_effect: 10%
"""
HYPOTHESIS = (
    "- {id: sooner, friction: a, behaviour: b, outcome: c, stage: retention,"
    " kpi: resolution_time, owner: shop}\n"
)
WARNED = (
    'experiments/helpline.yaml:10: warning: "resolution_time" counts 40 days from exposure, ',
    "heedful.yaml:1: warning: no experiment in the stages awareness, consideration, ",
)


def test_check_warns_and_passes(fresh):
    (fresh.folder / "experiments").mkdir()
    (fresh.folder / "experiments/helpline.yaml").write_text(EXPERIMENT)
    (fresh.folder / "hypotheses.yaml").write_text(HYPOTHESIS)
    done = fresh("check")
    assert done.returncode == 0, done.stdout
    for line, begins in zip(done.stdout.splitlines(), WARNED, strict=True):
        assert line.startswith(begins)
    there = "4 KPIs, 3 sources, 1 hypothesis, 1 experiment"
    assert done.stderr == f"No problems, 2 warnings: {there}.\n"
    (fresh.folder / "kpis/nps.yaml").write_text("playbook: listen\n")
    done = fresh("check", "--format", "json")
    assert done.returncode == 1
    assert done.stderr == "1 problem, 2 warnings\n"
    rows = json.loads(done.stdout)
    assert [row["severity"] for row in rows] == ["problem", "warning", "warning"]
    assert set(rows[0]) == {"severity", "file", "line", "found", "allowed"}
    table = list(csv.DictReader(io.StringIO(fresh("check", "--format", "csv").stdout)))
    assert [row["file"] for row in table] == [row["file"] for row in rows]


def test_a_source_that_does_not_fit_its_file_writes_nothing(fresh):
    (fresh.folder / "sources/orders.yaml").write_text(
        "table: orders\npath: in/orders.csv\ncolumns:\n  order_id: order_id\n"
        "  ordered_at: ordered\n  amount: amount\n"
    )
    done = fresh("import", "orders")
    assert done.returncode == 1
    assert "sources/orders.yaml:5:" in done.stderr
    assert '(did you mean "ordered_at"?)' in done.stderr
    assert fresh("sql", "SELECT count(*) AS n FROM orders", "--format", "csv").stdout == "n\n0\n"


def test_nothing_yet_is_said_and_never_zero(fresh):
    for command in (["readings"], ["readings", "csat"], ["score"]):
        done = fresh(*command)
        assert done.returncode == 0
        assert done.stdout == ""
        assert done.stderr
    assert json.loads(fresh("readings", "--format", "json").stdout) == []


def test_a_data_folder_that_cannot_be_written_is_told(fresh):
    (fresh.folder / "data").write_text("in the way")
    for command in (["import"], ["annotate", "x", "--at", "2026-01-01"]):
        done = fresh(*command)
        assert done.returncode == 1, done.stderr
        assert "data" in done.stderr
        assert "Traceback" not in done.stderr


def test_an_import_of_which_nothing_is_usable_fails(fresh):
    (fresh.folder / "sources/tickets.yaml").write_text("table: tickets\npath: in/tickets.csv\n")
    done = fresh("import", "tickets")
    assert done.returncode == 1
    assert "100% of its rows were rejected" in done.stderr


def test_as_of_reads_what_was_reported(shop):
    assert (
        json.loads(shop("readings", "csat", "--as-of", "2020-01-01", "--format", "json").stdout)
        == []
    )
    now = json.loads(shop("readings", "csat", "--format", "json").stdout)
    assert (
        json.loads(shop("readings", "csat", "--as-of", "2999-01-01", "--format", "json").stdout)
        == now
    )


def test_annotations_are_kept(shop):
    done = shop("annotate", "New till", "--at", "2026-02-02", "--stage", "conversion")
    assert done.returncode == 0
    assert "New till, Mon 2 Feb 2026 00:00 (23:00 UTC)" in done.stderr


def test_init_makes_a_project_that_passes_its_own_check(tmp_path, shop):
    for template in ("blank", "saas", "ecommerce"):
        folder = tmp_path / template
        done = shop("init", str(folder), "--template", template)
        assert done.returncode == 0, done.stderr
        done = shop("check", "-p", str(folder))
        assert done.returncode == 0, done.stdout
    again = shop("init", str(folder))
    assert again.returncode == 1
    assert "Traceback" not in again.stderr
