"""Who counts in an experiment, and from when on."""

from __future__ import annotations

import pytest

NAMES = (
    "kinds",
    "adjusted",
    "triggered",
    "companies",
    "some-people",
    "many",
    "two-by-three",
    "stopped",
    "too-new",
    "nobody",
    "no-new",
    "no-table",
)


@pytest.mark.parametrize("name", NAMES)
def test_units_and_crossovers_are_those_of_the_exports(berlin, name):
    found = berlin.readout(name)
    wanted = berlin.oracle.units(name, berlin.limit(None))
    names, _ = berlin.names(name)
    counts = [int((wanted.rows.variant == one).sum()) for one in names]
    assert [one.name for one in found.variants] == names
    assert [one.units for one in found.variants] == counts
    assert found.crossovers == wanted.crossovers


def test_the_shop_is_nasty_enough(berlin):
    """What the other tests are about does occur."""
    rows = berlin.oracle.raw["exposures"]
    kinds = rows[rows.experiment == "kinds"]
    units = berlin.oracle.units("kinds", berlin.limit(None))
    assert units.crossovers > 3
    assert (kinds.customer_id == "").sum() > 50
    assert {"ghost0", "ghost1", "ghost2"} <= set(units.rows.unit)
    assert (kinds.exposed_at < "2024-03-10T23:00Z").sum() > 5
    assert (kinds.exposed_at >= "2024-04-14T22:00Z").sum() > 5
    assert len(kinds) > 1.3 * kinds.customer_id.nunique()
    edges = ["2024-03-10T23:00Z", "2024-03-30T23:00Z", "2024-03-31T22:00Z"]
    assert units.rows.exposed.isin(berlin.limit(None).__class__(e) for e in edges).sum() > 5
    assert berlin.oracle.units("some-people", berlin.limit(None)).crossovers > 0
    assert not set(berlin.oracle.gone) & set(units.rows.unit)
    assert set(berlin.oracle.gone) & {berlin.oracle.person(one) for one in kinds.customer_id}
    accounts = berlin.oracle.units("companies", berlin.limit(None)).rows.unit
    both = {one.split(":")[1] for one in accounts if one.startswith("account:")}
    assert both & {one.split(":")[1] for one in accounts if one.startswith("customer:")}


@pytest.mark.parametrize("day", ["2024-03-11", "2024-03-31", "2024-04-14", "2024-04-30"])
def test_a_day_sees_only_who_entered_by_its_end(berlin, day):
    found = berlin.readout("kinds", day)
    wanted = berlin.oracle.units("kinds", berlin.limit(day))
    assert sum(one.units for one in found.variants) == len(wanted.rows)
    assert found.crossovers == wanted.crossovers


def test_what_cannot_be_used_is_said(berlin):
    found = berlin.readout("kinds").notes
    rows = berlin.oracle.resolved("exposures")
    rows = rows[(rows.experiment == "kinds") & (rows.exposed_at >= "2024-03-10T23:00Z")]
    rows = rows[rows.exposed_at < "2024-04-14T22:00Z"]
    unknown = (rows.variant == "typo's").sum()
    assert f'left out: {unknown} exposures to "typo\'s", which is no variant' in "\n".join(found)
    nameless = rows.customer.isna().sum()
    assert nameless == 1
    assert "left out: 1 exposure without any id" in found
    crossed = berlin.oracle.units("kinds", berlin.limit(None)).crossovers
    assert f"left out: {crossed} units that met more than one variant" in found
    units = berlin.oracle.units("adjusted", berlin.limit(None)).rows
    assert (
        f"covariate seats: not known of {units.seats.isna().sum()} units; the mean stands for it"
        in berlin.readout("adjusted").notes
    )


def test_an_experiment_that_nobody_met_says_which_were_met(berlin):
    found = berlin.readout("nobody")
    assert 'no row of exposures has the experiment "nobody"; there are: ' in found.notes[0]
    assert "many" in found.notes[0]
    assert found.srm.p_value is None
    assert [one.units for one in found.variants] == [0, 0]


def test_exposures_of_other_days_are_told_from_none(berlin):
    found = berlin.readout("elsewhere")
    rows = berlin.oracle.resolved("exposures")
    own = (rows.experiment == "elsewhere").sum()
    assert found.notes[0].startswith(f"left out: {own:,} exposures outside its days, 2024-03-11")
    assert [one.units for one in found.variants] == [0, 0]


def test_the_query_of_units_can_be_run_again(berlin):
    """It names no table that only we have."""
    sql = dict(berlin.readout("triggered").sql)["units"]
    with berlin.project.bench() as bench:
        bench.prepared.views(("exposures", "events"))
        rows = bench.engine.query(sql).to_pylist()
    wanted = berlin.oracle.units("triggered", berlin.limit(None))
    assert sum(row["crossed"] for row in rows) == wanted.crossovers
    entered = {row["unit"]: row["exposed"] for row in rows if not row["crossed"]}
    assert entered == dict(zip(wanted.rows.unit, wanted.rows.exposed, strict=True))


def test_the_sample_ratio_is_that_of_the_plan(berlin):
    from scipy import stats

    for name, weights in (("many", (0.2, 0.4, 0.15, 0.25)), ("lopsided", (0.5, 0.5))):
        found = berlin.readout(name)
        counts = [one.units for one in found.variants]
        expected = [sum(counts) * weight for weight in weights]
        assert found.srm.p_value == pytest.approx(stats.chisquare(counts, expected).pvalue)
    assert berlin.readout("lopsided").decision == "invalid"
    assert berlin.readout("many").srm.state == "ok"
