"""Another country, late data, new rows, and no exposures at all."""

from __future__ import annotations

import json
import shutil

import pytest

import heedful
from heedful.definitions.problem import ProjectError

EXPERIMENTS = {
    "clocks": {
        "start": "2024-03-05",
        "end": "2024-04-20",
        "primary": {"kpi": "revenue", "window_days": 7},
        "guardrails": [
            {"kpi": "settled", "margin_absolute": 0.1, "window_days": 5},
            {"kpi": "basket", "margin": 0.1},
        ],
        "secondary": [{"kpi": "stay"}, {"kpi": "first_reply", "window_days": 5}],
        "covariates": ["before"],
    },
}
EXPOSING = {"clocks": {"people": 0.9, "begin": "2024-03-01", "until": "2024-04-25"}}


@pytest.fixture(scope="module")
def boston(small, tmp_path_factory):
    """Clocks change on the 10th of March, and data is complete two days late."""
    folder = tmp_path_factory.mktemp("boston")
    more = {"zone": "America/New_York", "late": 2, "size": 250, "seed": 3}
    return small(folder, EXPERIMENTS, EXPOSING, refresh=False, **more)


@pytest.mark.parametrize("day", [None, "2024-03-20", "2024-05-14"])
def test_late_data_and_the_change_of_clocks(boston, day):
    assert boston.wrong("clocks", day) == []


def test_the_newest_two_days_do_not_count(boston):
    found = boston.readout("clocks")
    assert str(found.as_of) == "2024-05-13"
    assert found.looks[-1].date <= found.as_of


def test_days_are_those_of_the_project(boston):
    found = {str(one.date): one for one in boston.readout("clocks").looks if one.kpi == "revenue"}
    for day in ("2024-03-16", "2024-03-17", "2024-04-01"):
        then = boston.readout("clocks", day).outcomes[0]
        assert found[day].n == then.n + then.control_n


def test_what_was_imported_since_counts(boston, tmp_path):
    """Nobody has to remember to refresh before they read."""
    root = shutil.copytree(boston.root, tmp_path / "shop")
    project = heedful.open(root)
    project.refresh()
    before = project.experiments["clocks"].readout().outcomes[0]
    units = boston.oracle.units("clocks", boston.limit(None)).rows
    unit = units[units.variant == "new"].iloc[0]
    row = {"order_id": "late1", "ordered_at": unit.exposed.isoformat(), "customer_id": unit.unit}
    with (root / "in/orders.csv").open("a", encoding="utf-8") as file:
        head = (root / "in/orders.csv").read_text("utf-8").splitlines()[0].split(",")
        written = {**dict.fromkeys(head, ""), **row, "amount": "1000"}
        file.write(",".join(f'"{written[one]}"' for one in head) + "\n")
    assert [one.inserted for one in project.tables.import_(["orders"])] == [1]
    after = heedful.open(root).experiments["clocks"].readout().outcomes[0]
    assert after.n == before.n
    assert after.unadjusted - before.unadjusted == pytest.approx(1000 / after.n)
    again = heedful.open(root).experiments["clocks"].readout().outcomes[0]
    assert again.unadjusted == pytest.approx(after.unadjusted)
    # A refresh afterwards brings readings up to date as if nothing had happened.
    project = heedful.open(root)
    assert {one.fact: one.state for one in project.refresh()}["purchases"] == "part"
    assert {one.fact: one.state for one in project.refresh()}["purchases"] == "unchanged"


def test_without_the_table_it_is_said_what_to_do(boston, tmp_path):
    root = tmp_path / "shop"
    shutil.copytree(boston.root, root, ignore=shutil.ignore_patterns("data"))
    with pytest.raises(ProjectError) as caught:
        heedful.open(root).experiments["clocks"].readout()
    (problem,) = caught.value.problems
    assert problem.file == "experiments/clocks.yaml"
    assert "the table exposures is empty" in problem.found
    assert "heedful import" in problem.allowed


@pytest.mark.parametrize(
    ("given", "found", "allowed"),
    [
        ({"segments": ["contry"]}, 'segments: "contry" is not known of a customer', "country"),
        ({"population": {"plam": "pro"}}, 'population: "plam" is not known', "plan"),
        ({"covariates": ["seat"]}, 'covariates: "seat" is not known of a customer', "seats"),
        ({"unit": "account", "covariates": ["seats"]}, "is not known of a account", "staff"),
    ],
)
def test_names_that_lead_nowhere_are_said_with_those_that_do(
    boston, tmp_path, given, found, allowed
):
    root = shutil.copytree(boston.root, tmp_path / "shop")
    path = root / "experiments/clocks.yaml"
    path.write_text(json.dumps({**boston.given("clocks"), **given}), "utf-8")
    with pytest.raises(ProjectError) as caught:
        heedful.open(root).experiments["clocks"].readout()
    (problem,) = caught.value.problems
    assert found in problem.found
    assert allowed in problem.allowed
