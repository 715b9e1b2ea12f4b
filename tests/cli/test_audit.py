"""`heedful audit` in the terminal: fits the width, and scripts can use it."""

from __future__ import annotations

import csv
import io
import json

from heedful.project.inventory import STATES, KpiAudit


def test_what_people_see_fits_the_terminal(shop) -> None:
    done = shop("audit")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert " KPIs have data; " in lines[0]
    assert max(len(line.rstrip()) for line in lines) <= 100
    heads = ["What to instrument next", "KPIs"]
    places = [lines.index(head) for head in heads]
    assert places == sorted(places)
    csat = next(line for line in lines[places[1] :] if line.startswith("csat "))
    assert csat.split()[1] == "measured"


def test_scripts_get_every_field(shop) -> None:
    found = json.loads(shop("audit", "--format", "json").stdout)
    assert {one["state"] for one in found["kpis"]} <= set(STATES)
    rows = list(csv.DictReader(io.StringIO(shop("audit", "--format", "csv").stdout)))
    assert [row["kpi"] for row in rows] == [one["kpi"] for one in found["kpis"]]
    assert list(rows[0]) == list(KpiAudit.__dataclass_fields__)
    waits = next(one for one in found["kpis"] if one["kpi"] == "retention")
    assert json.loads(rows[found["kpis"].index(waits)]["next"] or "[]") == waits["next"]


def test_the_plan_in_all_forms(shop) -> None:
    found = json.loads(shop("audit", "--plan", "--format", "json").stdout)
    assert {one["phase"] for one in found["tasks"]} == {"define", "instrument", "operate"}
    said = shop("audit", "--plan").stdout
    assert max(len(line) for line in said.splitlines()) <= 100
    pasted = shop("audit", "--plan", "--format", "markdown").stdout
    assert pasted.count("\n- [") == len(found["tasks"])
    for task in found["tasks"]:
        assert task["does"] in pasted
