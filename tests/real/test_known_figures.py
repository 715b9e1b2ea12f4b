"""Projects over public data reproduce its known figures, to the printed digits, through the CLI."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the public data sets are not beside the repository (../shared/data)"
)


def heedful(root: Path, *words: str) -> list[dict]:
    command = [
        sys.executable,
        "-m",
        "heedful.cli.main",
        *words,
        "-p",
        str(root),
        "--format",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def measured(name: str, folder: Path) -> Path:
    """A copy of a project with its data imported and measured."""
    root = folder / name
    shutil.copytree(HERE / name, root)
    for source in root.glob("sources/*.yaml"):
        text = source.read_text("utf-8")
        source.write_text(text.replace("../../../../shared/data", DATA.as_posix()), "utf-8")
    for one in heedful(root, "import"):
        counted = one["inserted"] + one["updated"] + one["unchanged"]
        assert one["read"] == counted + one["left_out"] + one["rejected"]
        assert one["rejected"] == 0
    heedful(root, "refresh")
    return root


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    names = ("sfo", "olist_orders", "olist_leads", "helpdesk", "hillstrom")
    return {name: measured(name, folder) for name in names}


def one(root: Path, kpi: str, **segment: str) -> dict:
    words = ["readings", kpi, "--grain", "all"]
    by, value = next(iter(segment.items()), (None, None))
    rows = heedful(root, *words, *(["--by", by] if by else []))
    (found,) = [row for row in rows if row["segment"] == value]
    return found


def test_importing_again_changes_nothing(projects):
    for one_ in heedful(projects["sfo"], "import"):
        assert one_["inserted"] == one_["updated"] == 0
        assert one_["read"] == one_["unchanged"] + one_["left_out"]


def test_airport_nps_weighted_and_not(projects):
    found = one(projects["sfo"], "nps_unweighted")
    assert (found["n"], round(found["value"], 2)) == (2746, 39.84)
    assert round(found["value"] / 100 * 2746) == 1436 - 342
    assert found["low"] < found["value"] < found["high"]
    assert round(one(projects["sfo"], "nps")["value"], 2) == 40.40


def test_airport_satisfaction_by_touchpoint(projects):
    rows = heedful(
        projects["sfo"],
        "readings",
        "csat",
        "--grain",
        "month",
        "--by",
        "touchpoint",
        "--from",
        "2017-05-01",
    )
    found = {row["segment"]: row for row in rows}
    assert len(found) == 15
    assert found["airport"]["n"] == 2688
    assert round(100 * found["airport"]["value"], 2) == 82.07
    assert all(row["complete"] for row in rows)


def test_airport_stages_come_from_touchpoints(projects):
    rows = heedful(projects["sfo"], "readings", "csat", "--grain", "all", "--by", "stage")
    assert {row["stage"] for row in rows} == {"arrival", "gate", "whole_visit"}


def test_reviews_of_late_and_punctual_deliveries(projects):
    root = projects["olist_orders"]
    assert round(one(root, "review_score")["value"], 3) == 4.070
    assert round(100 * one(root, "csat")["value"], 1) == 76.6
    assert round(one(root, "review_score", late="false")["value"], 3) == 4.275
    assert round(one(root, "review_score", late="true")["value"], 3) == 2.549
    late = one(root, "late_delivery")
    assert (late["n"], round(100 * late["value"], 2)) == (2904, 7.95)


def test_late_customers_are_less_satisfied_beyond_doubt(projects):
    root = projects["olist_orders"]
    assert one(root, "csat", late="true")["high"] < one(root, "csat", late="false")["low"]


def test_leads_won_by_origin(projects):
    root = projects["olist_leads"]
    total = one(root, "lead_win_rate")
    assert (total["n"], round(100 * total["value"], 3)) == (8000, 10.525)
    assert round(total["value"] * total["n"]) == 842
    wanted = {"paid_search": 12.30, "organic_search": 11.80, "email": 3.04, "social": 5.56}
    rows = heedful(root, "readings", "lead_win_rate", "--grain", "all", "--by", "origin")
    found = {row["segment"]: row for row in rows}
    assert {name: round(100 * found[name]["value"], 2) for name in wanted} == wanted
    assert found[None]["n"] == 60


def test_help_desk_from_its_event_log(projects):
    root = projects["helpdesk"]
    answered = one(root, "answer_of_answered")
    assert (answered["n"], round(answered["value"], 2)) == (4285, 16.39)
    resolved = one(root, "first_resolution_of_resolved")
    assert (resolved["n"], round(resolved["value"], 2)) == (4569, 143.59)
    reopened = one(root, "reopen_rate")
    assert (reopened["n"], round(reopened["value"] * reopened["n"])) == (4569, 149)


def test_help_desk_tickets_that_go_from_hand_to_hand(projects):
    """Counted straight from the log; the log names no customers, so nobody can come again."""
    hands: dict[str, set[str]] = {}
    with next((DATA / "helpdesk").glob("*.csv")).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            hands.setdefault(row["Case ID"], set()).add(row["Resource"])
    moved = sum(len(one) > 1 for one in hands.values())
    root = projects["helpdesk"]
    found = one(root, "transfers")
    assert (found["n"], round(found["value"] * found["n"])) == (4580, moved)
    assert moved == 4577  # nearly every ticket is closed by another hand
    for unknown in ("repeat_contact", "handle_time", "cost_per_resolution", "one_touch", "sla_met"):
        assert heedful(root, "readings", unknown, "--grain", "all") == []


def test_leads_of_which_nobody_says_whether_they_qualify(projects):
    for unknown in ("qualified_leads", "quote_quality"):
        assert heedful(projects["olist_leads"], "readings", unknown, "--grain", "all") == []


def median_of_log(first: str) -> float:
    """Kaplan-Meier median hours to an activity, straight from the log, by lifelines."""
    from lifelines import KaplanMeierFitter

    log: dict[str, list[tuple[datetime, str]]] = {}
    with next((DATA / "helpdesk").glob("*.csv")).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(row["Complete Timestamp"])
            log.setdefault(row["Case ID"], []).append((at, row["Activity"]))
    last = max(at for rows in log.values() for at, _ in rows)
    hours, happened = [], []
    for rows in log.values():
        found = [at for at, activity in rows if activity == first]
        # Who had the ticket resolved without an answer waited for one until then.
        resolved = [at for at, activity in rows if activity == "Resolve ticket"]
        ended = min(found or resolved, default=last)
        hours.append((ended - min(at for at, _ in rows)).total_seconds() / 3600)
        happened.append(bool(found))
    return float(KaplanMeierFitter().fit(hours, happened).median_survival_time_)


def test_censoring_moves_the_medians_up(projects):
    """Tickets without an answer count as "at least so long", so the median is later."""
    root = projects["helpdesk"]
    answer = one(root, "first_response_time")
    assert answer["n"] == 4580
    assert answer["value"] == pytest.approx(median_of_log("Take in charge ticket"))
    assert round(answer["value"] - 16.39, 2) == 2.31  # 18.70 h: 295 tickets were never answered
    first = one(root, "first_resolution_time")
    assert first["value"] == pytest.approx(median_of_log("Resolve ticket"))
    assert round(first["value"] - 143.59, 2) == 0.37  # 143.96 h: 11 were never resolved


@pytest.fixture(scope="module")
def reminder(projects) -> dict:
    """The readout of an e-mail experiment with three arms."""
    return heedful(projects["hillstrom"], "experiment", "readout", "reminder")


def arms(readout: dict, kpi: str) -> dict[str, dict]:
    return {one["variant"]: one for one in readout["outcomes"] if one["kpi"] == kpi}


@pytest.mark.parametrize(
    ("kpi", "factor", "places", "men", "women", "nobody"),
    [
        ("visits", 100, 2, 18.28, 15.14, 10.62),
        ("conversion", 100, 3, 1.253, 0.884, 0.573),
        ("spend", 1, 4, 1.4226, 1.0772, 0.6528),
    ],
)
def test_what_an_email_does(reminder, kpi, factor, places, men, women, nobody):
    found = arms(reminder, kpi)
    shown = {name: round(factor * one["value"], places) for name, one in found.items()}
    assert shown == {"Mens E-Mail": men, "Womens E-Mail": women}
    assert {round(factor * one["control_value"], places) for one in found.values()} == {nobody}


def test_what_an_email_is_worth(reminder):
    found = arms(reminder, "spend")
    men, women = found["Mens E-Mail"], found["Womens E-Mail"]
    assert (round(men["difference"], 3), f"{men['p_value']:.1e}") == (0.770, "1.2e-07")
    assert (round(women["difference"], 3), round(women["p_value"], 4)) == (0.424, 0.0011)
    assert men["p_adjusted"] == pytest.approx(2 * men["p_value"])
    assert women["p_adjusted"] == women["p_value"]
    assert [one["units"] for one in reminder["variants"]] == [21306, 21307, 21387]
    assert round(reminder["srm"]["p_value"], 2) == 0.90
    assert (reminder["decision"], reminder["candidate"]) == ("ship", "Mens E-Mail")
    verdicts = {(one["role"], one["verdict"]) for one in reminder["outcomes"]}
    assert verdicts == {("primary", "better"), ("guardrail", "non_inferior")}


def test_an_email_against_plain_welch_tests(reminder):
    """Intervals and segments, straight from the file, by SciPy."""
    import pandas as pd
    from scipy.stats import ttest_ind

    rows = pd.read_csv(DATA / "hillstrom" / "hillstrom.csv")
    for name, one in arms(reminder, "spend").items():
        sides = [rows[rows.segment == arm].spend for arm in (name, "No E-Mail")]
        low, high = ttest_ind(*sides, equal_var=False).confidence_interval()
        assert (one["low"], one["high"]) == (pytest.approx(low), pytest.approx(high))
    within = [one for one in reminder["segments"] if one["kpi"] == "spend"]
    assert {(one["segment"], one["variant"]) for one in within} == {
        (segment, name) for segment in ("0", "1") for name in ("Mens E-Mail", "Womens E-Mail")
    }
    for one in within:
        some = rows[rows.newbie == int(one["segment"])]
        sides = [some[some.segment == arm].spend for arm in (one["variant"], "No E-Mail")]
        test = ttest_ind(*sides, equal_var=False)
        assert one["p_value"] == pytest.approx(test.pvalue)
        assert one["difference"] == pytest.approx(sides[0].mean() - sides[1].mean())
