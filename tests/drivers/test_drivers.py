"""Drivers of a company: figures against statsmodels, words, and what is withheld."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
import statsmodels.api as sm
import typer

import heedful
from heedful.cli.drivers import drivers as command
from heedful.cli.printing import Format
from heedful.drivers import proof, words
from heedful.drivers.driver import Driver, Money, Proof
from heedful.drivers.outcome import OUTCOMES
from heedful.drivers.panel import Followed, Met, Panel
from heedful.drivers.relating import relate
from heedful.experiments.readout import OutcomeResult
from heedful.project import NotFoundError
from heedful.stats.families import benjamini_hochberg


@pytest.fixture(scope="module")
def every(company):
    return heedful.open(company).drivers.every()


def drawn(customers=600, seed=1, effect=0.0, money=10.0):
    """A panel whose large plans are content and stay, whatever they met; no import needed."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(1, 5, customers)
    key = np.repeat(np.arange(customers), rows)
    n = len(key)
    plan = rng.integers(0, 2, customers)
    good = rng.random(n) < 0.25 + 0.5 * plan[key]
    stays = rng.random(n) < 0.45 + 0.4 * plan[key] + effect * good
    paid = np.where(stays, rng.exponential(money, n), 0)
    tenure = rng.exponential(200, n)
    known = rng.random(n) < 0.9
    past = (rng.poisson(3.0, n) * 1.0, rng.poisson(1.0, n) * 1.0, rng.exponential(5, n))
    kpi = SimpleNamespace(id="csat", title="Customer satisfaction")
    experience = SimpleNamespace(better="the top 2 answers", worse="lower", settled=True)
    nowhere = np.zeros(n, dtype=np.intp)
    return Panel(
        key=key,
        landmark=rng.integers(0, 14, n),
        dates=tuple(date(2025 + m // 12, m % 12 + 1, 1) for m in range(14)),
        tenure=tenure,
        past=(past, past),
        outcomes={
            "retention": Followed(known, stays.astype(float), ~known),
            "repeat_purchase": Followed(known, stays.astype(float), ~known),
            "revenue": Followed(known, paid, ~known),
        },
        segments={"plan": (plan, ("small", "large"))},
        met=(Met(experience, kpi, "", np.arange(n), good, nowhere),),
        ordered=True,
    )


def test_confounding_by_a_segment_is_taken_out():
    found = relate(drawn(), OUTCOMES["retention"], days=90, currency="EUR")
    one = found.drivers[0]
    assert one.unadjusted > 0.15  # large plans are content, and stay
    assert one.unadjusted_low > 0.1
    assert abs(one.difference) < 0.06
    assert one.low < 0 < one.high
    assert one.e_value_low == 1.0
    assert not words.clear(one)


def test_an_association_beyond_it_is_found():
    found = relate(drawn(effect=0.12), OUTCOMES["retention"], days=90, currency="EUR")
    one = found.drivers[0]
    assert one.low < 0.12 < one.high
    assert one.low > 0
    assert one.value - one.worse_value == pytest.approx(one.difference)
    assert words.clear(one)
    said = words.headline(found)
    assert said.startswith("The strongest association: Customer satisfaction, the top 2 answers")
    assert "points more are still customers 90 days later (+" in said


def test_money_is_as_statsmodels_has_it():
    panel = drawn(effect=0.1)
    one = relate(panel, OUTCOMES["revenue"], days=90, currency="EUR").drivers[0]
    met, followed = panel.met[0], panel.outcomes["revenue"]
    kept = followed.known
    value = followed.value[kept]
    cap = np.quantile(value[value > 0], 0.99)
    active, orders, net = (each[kept] for each in panel.past[0])
    tenure = panel.tenure[kept]
    factors = [
        panel.landmark[kept],
        np.searchsorted((30, 90, 180, 365, 730), tenure),
        panel.segments["plan"][0][panel.key[kept]],
    ]
    dummies = [(code == each) * 1.0 for code in factors for each in np.unique(code)[1:]]
    numbers = [
        np.log1p(tenure),
        np.log1p(active),
        np.log1p(orders),
        np.log1p(net),
        np.clip(net, *np.quantile(net, (0.01, 0.99))),
    ]
    design = np.column_stack([np.ones(len(value)), met.good[kept], *dummies, *numbers])
    fit = sm.OLS(np.minimum(value, cap), design).fit(
        cov_type="cluster", cov_kwds={"groups": panel.key[kept]}, use_t=True
    )
    low, high = fit.conf_int()[1]
    assert (one.difference, one.low, one.high) == pytest.approx(
        (fit.params[1], low, high), rel=1e-6
    )
    assert one.money.capped_at == pytest.approx(cap)
    # A customer is concerned once, however often, in the newest twelve months, known or not.
    new = panel.landmark >= 2
    concerned = len(set(panel.key[new & ~met.good].tolist()))
    assert (one.money.concerned, one.money.months) == (concerned, 12)
    assert one.money.tenth == pytest.approx(concerned / 10 * one.difference)
    assert one.money.tenth_low == pytest.approx(concerned / 10 * one.low)


def test_few_customers_give_no_number():
    panel = drawn(customers=60)
    met = panel.met[0]
    few = replace(met, good=met.place < 20)
    one = relate(replace(panel, met=(few,)), OUTCOMES["retention"], days=90, currency=None).drivers[
        0
    ]
    assert one.difference is None
    assert one.rank is None
    assert re.fullmatch(r"only \d+ customers: the top 2 answers; 30 are needed", one.why)


def test_an_outcome_that_hardly_varies_gives_no_number():
    panel = drawn()
    same = replace(panel.outcomes["retention"], value=np.ones(len(panel.key)))
    found = relate(
        replace(panel, outcomes={**panel.outcomes, "retention": same}),
        OUTCOMES["retention"],
        days=90,
        currency=None,
    )
    assert found.drivers[0].why == "no customer did not; 10 are needed"
    assert found.mean == 1.0
    assert words.headline(found).startswith("Of no experience are there enough customers")


def test_groups_without_counterparts_are_not_compared():
    panel = drawn()
    met = panel.met[0]
    plan = panel.segments["plan"][0][panel.key]
    apart = replace(
        met,
        good=np.where(np.random.default_rng(1).random(len(plan)) < 0.01, ~(plan == 1), plan == 1),
    )
    one = relate(
        replace(panel, met=(apart,)), OUTCOMES["retention"], days=90, currency=None
    ).drivers[0]
    assert one.difference is None
    assert "counterpart" in one.why
    assert one.money.tenth is None


def test_within_segments_one_family(every):
    panel = drawn(effect=0.1)
    found = relate(panel, OUTCOMES["retention"], days=90, currency=None, by="plan")
    assert {one.segment for one in found.drivers} == {"small", "large"}
    ps = [one.p_value for one in found.drivers]
    assert [one.p_adjusted for one in found.drivers] == pytest.approx(
        benjamini_hochberg(ps).tolist()
    )
    assert [one.rank for one in found.drivers] == [1, 2]
    assert abs(found.drivers[0].shrunk) >= abs(found.drivers[1].shrunk)


def test_nothing_to_see_says_what_is_missing():
    panel = drawn()
    none = np.zeros(len(panel.key), dtype=bool)
    gone = {name: Followed(none, one.value, none) for name, one in panel.outcomes.items()}
    found = relate(replace(panel, outcomes=gone), OUTCOMES["retention"], days=90, currency=None)
    assert found.why == (
        "nobody could be observed: import subscriptions, or set lapsed_after_days in rules.yaml"
    )
    assert found.mean is None
    waits = {name: Followed(none, one.value, ~none) for name, one in panel.outcomes.items()}
    found = relate(replace(panel, outcomes=waits), OUTCOMES["revenue"], days=90, currency=None)
    assert found.why == "of nobody the 90 days after a landmark are over yet"
    assert found.waiting == 600
    assert words.headline(found) == f"No associations: {found.why}."


def test_a_company(every):
    found = every["retention"]
    assert found.why is None
    assert {one.kpi for one in found.drivers} == {"csat", "nps", "resolution_time", "reopen_rate"}
    csat = next(one for one in found.drivers if one.kpi == "csat")
    assert csat.difference < csat.unadjusted  # plans explain some of it
    assert csat.n >= csat.customers >= max(csat.better_customers, csat.worse_customers)
    assert "plan" in found.adjusted_for
    assert found.last == date(2026, 6, 1)  # its 90 days are over, those of July are not
    assert found.waiting > 0
    assert every["repeat_purchase"].unit == "share"
    assert every["revenue"].mean > 0


def test_only_associations_are_told(every):
    for found in every.values():
        for one in found.drivers:
            assert one.evidence == "association"
        text = " ".join([words.head(found), words.headline(found), *words.notes(found)])
        for forbidden in ("effect of", "causes ", "drives ", "leads to", "because"):
            assert forbidden not in text
        assert "not causes" in text


def result(kpi, difference, low, high, verdict="better"):
    return OutcomeResult(
        kpi, "primary", "warm", "control", 500, 500, 0.5, 0.4, difference, low, high,
        None, None, None, 0.01, 0.01, None, verdict, "difference of shares", kpi.title(), "share",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("moved", "decision", "state", "proves"),
    [
        (result("csat", 0.1, 0.05, 0.15), "ship", "finished", True),
        (result("csat", 0.1, 0.05, 0.15), "invalid", "finished", False),
        (result("csat", 0.1, 0.05, 0.15), "ship", "maturing", False),
        (result("csat", 0.1, -0.05, 0.25), "ship", "finished", False),
        (result("csat", 0.1, 0.05, 0.15, "void"), "ship", "finished", False),
    ],
)
def test_an_experiment_that_moved_it_and_measured_the_outcome_goes_first(
    company, monkeypatch, moved, decision, state, proves
):
    definitions = heedful.open(company).definitions
    outcomes = [SimpleNamespace(kpi="csat"), SimpleNamespace(kpi="retention")]
    planned = SimpleNamespace(
        kpis=definitions.kpis, experiments={"warm": SimpleNamespace(outcomes=outcomes)}
    )
    row = SimpleNamespace(experiment="warm", title="Warm words", state=state)
    monkeypatch.setattr(proof, "portfolio", lambda *_: SimpleNamespace(rows=[row]))
    read = SimpleNamespace(
        decision=decision, outcomes=[moved, result("retention", 0.01, -0.02, 0.04)]
    )
    found = proof.proofs(planned, OUTCOMES["retention"], date(2026, 9, 1), lambda _: read)
    assert set(found) == ({"csat"} if proves else set())
    if proves:
        one = found["csat"]
        assert (one.moved, one.difference, one.kpi) == (0.1, 0.01, "retention")
        told = relate(drawn(), OUTCOMES["retention"], days=90, currency=None, proof=found.get)
        assert told.drivers[0].evidence == "experiment"
        assert "goes before the association" in words.proved(told.drivers[0], None)


def test_an_outcome_knows_its_kpis(company):
    kpis = heedful.open(company).definitions.kpis
    by = {
        name: {k.id for k in kpis.values() if one.measured_by(k)} for name, one in OUTCOMES.items()
    }
    assert by == {"retention": {"retention"}, "repeat_purchase": set(), "revenue": {"order_value"}}


def test_what_cannot_be_asked_is_told(company):
    door = heedful.open(company).drivers
    with pytest.raises(NotFoundError, match=r'did you mean "retention"'):
        door.of("retenton")
    with pytest.raises(NotFoundError, match='no dimension "plam"'):
        door.of("retention", by="plam")
    with pytest.raises(NotFoundError, match="days 0"):
        door.of("retention", days=0)


def test_the_command_prints_one_answer_three_ways(company, every, capsys):
    # Its own process would only import everything again.
    command(outcome="retention", project=company, format_=Format.json)
    found = json.loads(capsys.readouterr().out)
    assert list(found) == list(every["retention"].__dataclass_fields__)
    assert list(found["drivers"][0]) == list(Driver.__dataclass_fields__)
    assert list(found["drivers"][0]["money"]) == list(Money.__dataclass_fields__)
    told = {one.kpi: one.difference for one in every["retention"].drivers}
    assert {one["kpi"]: one["difference"] for one in found["drivers"]} == pytest.approx(told)
    command(outcome="retention", by="plan", sort="money", project=company)
    said = capsys.readouterr()
    assert "Associations, not causes" in said.err.replace("\n", " ")
    assert "small" in said.out
    flat = words.flat(every["revenue"])
    assert {f"experiment_{name}" for name in Proof.__dataclass_fields__} - {
        "experiment_experiment"
    } <= set(flat[0])
    assert len(flat) == 4


def test_wrong_usage_is_told(company):
    words_ = [sys.executable, "-m", "heedful", "drivers", "happiness", "-p", str(company)]
    done = subprocess.run(words_, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'outcome "happiness" does not exist; allowed: retention' in done.stderr
    assert done.stdout == ""
    with pytest.raises(typer.BadParameter, match="allowed: effect, money"):
        command(outcome="revenue", sort="luck", project=company)


def test_csv_has_a_row_a_driver(every):
    from heedful.cli.printing import as_csv

    rows = words.flat(every["retention"])
    out = io.StringIO()
    real, sys.stdout = sys.stdout, out
    try:
        as_csv(rows, list(rows[0]))
    finally:
        sys.stdout = real
    read = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [one["kpi"] for one in read] == [one["kpi"] for one in rows]
