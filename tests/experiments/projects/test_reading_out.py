"""Readouts of a project say what its exports say."""

from __future__ import annotations

import pytest

PLAIN = (
    "kinds",
    "adjusted",
    "capped",
    "layered",
    "triggered",
    "some-people",
    "many",
    "held",
    "standing",
    "claims-a",
    "claims-b",
    "claims-c",
    "steady",
    "replies",
    "ninetieth",
    "stopped",
    "only-control",
    "silent",
    "lopsided",
)


@pytest.mark.parametrize("name", PLAIN)
def test_every_number_is_that_of_the_exports(berlin, name):
    assert berlin.wrong(name) == []


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("kinds", "2024-04-10"),
        ("kinds", "2024-03-31"),
        ("adjusted", "2024-04-30"),
        ("layered", "2024-04-12"),
        ("held", "2024-04-25"),
        ("replies", "2024-03-30"),
    ],
)
def test_every_number_is_what_it_was_on_a_day(berlin, name, day):
    assert berlin.wrong(name, day) == []


def values(readout, role):
    return [one for one in readout.outcomes if one.role == role]


def test_families_are_those_of_the_definition(berlin):
    from statsmodels.stats.multitest import multipletests

    for name in ("many", "kinds", "two-by-two"):
        found = berlin.readout(name)
        families = [
            ([one for one in values(found, "primary") if one.control], "holm"),
            ([one for one in values(found, "primary") if one.control is None], "holm"),
            ([one for one in values(found, "secondary") if one.control], "fdr_bh"),
        ]
        for family, method in families:
            known = [one for one in family if one.p_value is not None]
            if known:
                wanted = multipletests([one.p_value for one in known], method=method)[1]
                assert [one.p_adjusted for one in known] == pytest.approx(list(wanted))
        assert all(one.p_adjusted == one.p_value for one in values(found, "guardrail"))
    assert len(values(berlin.readout("many"), "primary")) == 3


def test_segments_are_families_and_tell_whether_effects_differ(berlin):
    from scipy import stats
    from statsmodels.stats.multitest import multipletests

    found = berlin.readout("kinds")
    for main in (True, False):
        known = [
            one
            for one in found.segments
            if (one.kpi == "bought") == main and one.p_value is not None
        ]
        wanted = multipletests([one.p_value for one in known], method="fdr_bh")[1]
        assert [one.p_adjusted for one in known] == pytest.approx(list(wanted))
    (test,) = [
        one for one in found.heterogeneity if (one.dimension, one.kpi) == ("browser", "bought")
    ]
    within = [one for one in found.segments if (one.dimension, one.kpi) == ("browser", "bought")]
    assert [one.segment for one in within] == ["chrome", "fire'fox"]
    # Of two segments the test is that of the difference of the two effects.
    apart = within[0].difference - within[1].difference
    se = sum(((one.high - one.low) / 2 / stats.t.ppf(0.975, 200)) ** 2 for one in within) ** 0.5
    assert test.p_value == pytest.approx(2 * stats.norm.sf(abs(apart) / se), abs=0.02)


def test_all_variants_together_are_one_beside_the_control(berlin):
    (pooled,) = [one for one in berlin.readout("many").pooled if one.kpi == "bought"]
    outcome = berlin.oracle.outcome(
        "many", berlin.given("many")["primary"], berlin.limit(None)
    ).rows
    others = outcome[outcome.variant != "b"].y
    assert pooled.value == pytest.approx(others.mean())
    assert pooled.n == len(others)
    assert pooled.control_value == pytest.approx(outcome[outcome.variant == "b"].y.mean())


@pytest.mark.parametrize("name", ["two-by-two", "two-by-three"])
def test_factors_are_contrasts_of_the_means_of_cells(berlin, reckon, name):
    """The variances are those of least squares over all cells, HC2."""
    import numpy as np
    import pandas as pd
    import statsmodels.api as sm

    given = berlin.given(name)
    levels = {one["name"]: one["levels"] for one in given["variants"]}
    cells = list(levels)
    for _, asked in berlin.asked(name):
        outcome = berlin.oracle.outcome(name, asked, berlin.limit(None))
        sides = reckon.plain(outcome)
        values = pd.concat(
            [
                pd.Series(reckon.linearised(r.y, r.x if outcome.kind == "ratio" else None)[1])
                for r in map(outcome.of, cells)
            ],
            ignore_index=True,
        )
        which = np.repeat(range(len(cells)), [len(outcome.of(one)) for one in cells])
        fitted = sm.OLS(values, np.eye(len(cells))[which]).fit(cov_type="HC2")
        kpi = asked["kpi"]
        got = [one for one in berlin.readout(name).outcomes if one.kpi == kpi]
        effects = {one.variant: one for one in got}
        factors = {
            f: list(dict.fromkeys(one[f] for one in levels.values())) for f in levels[cells[0]]
        }
        (tone, tones), (other, others) = factors.items()
        wanted = {}
        for factor, (base, *rest) in ((tone, tones), (other, others)):
            for level in rest:
                up, down = (
                    np.array([levels[one][factor] == each for one in cells])
                    for each in (level, base)
                )
                wanted[f"{factor}={level}"] = up / up.sum() - down / down.sum()
        for level in others[1:]:
            signs = [
                (1 if levels[one][tone] == tones[1] else -1)
                * {level: 1, others[0]: -1}.get(levels[one][other], 0)
                for one in cells
            ]
            wanted[f"{tone}={tones[1]} × {other}={level}"] = np.array(signs)
        assert set(effects) == set(wanted)
        for effect, weights in wanted.items():
            one = effects[effect]
            parts = [
                (w**2 * s.variance, s.df) for w, s in zip(weights, sides.values(), strict=True)
            ]
            variance = sum(part for part, _ in parts)
            means = [side.value for side in sides.values()]
            if one.difference is None:
                assert one.control is None
                assert min(one.n, one.control_n) < 30
                continue
            assert one.difference == pytest.approx(float(weights @ means))
            if one.se is None:
                assert min(one.n, one.control_n) < 30
                continue
            assert one.se == pytest.approx(variance**0.5)
            assert one.se == pytest.approx(float(fitted.t_test(weights).sd.squeeze()))
            df = variance**2 / sum(part**2 / d for part, d in parts)
            assert (one.low, one.high) == (
                pytest.approx(one.difference - reckon.stats.t.ppf(0.975, df) * one.se),
                pytest.approx(one.difference + reckon.stats.t.ppf(0.975, df) * one.se),
            )


def test_the_guardrails_verdict_is_that_of_its_margin(berlin, reckon):
    seen = set()
    for name in ("kinds", "adjusted", "held", "steady", "standing", "claims-c"):
        for asked, one in zip(
            berlin.given(name)["guardrails"],
            values(berlin.readout(name), "guardrail"),
            strict=True,
        ):
            if one.low is None or asked["kpi"] == "leave":
                continue
            sides, _, _ = berlin.sides(name, asked)
            names, control = berlin.names(name)
            treated = next(each for each in names if each != control)
            p, shown = reckon.harm(sides[treated], sides[control], asked, one.better)
            assert one.p_value == pytest.approx(p)
            if shown:
                assert one.verdict == "non_inferior"
            else:
                bad = one.low > 0 if one.better == "lower" else one.high < 0
                assert one.verdict == ("harmed" if bad else "inconclusive")
            seen.add(one.verdict)
    assert {"non_inferior", "inconclusive"} <= seen


def test_nothing_is_never_shown_as_zero(berlin):
    for name in ("nobody", "too-new", "no-new"):
        found = berlin.readout(name)
        assert not found.worth
        for one in found.outcomes:
            assert one.difference is one.low is one.p_value is one.relative is None
            assert one.verdict == "inconclusive"
    why = {name: berlin.readout(name).outcomes[0].why for name in ("nobody", "too-new", "no-new")}
    assert why == {
        "nobody": "no units",
        "too-new": "no units whose window has passed",
        "no-new": "no units",
    }
    alone = berlin.readout("no-new").outcomes[0]
    assert alone.value is None
    assert alone.control_value is not None
    assert berlin.readout("no-new").decision == "invalid"
    assert berlin.readout("nobody").decision == "needs_review"
    assert berlin.readout("nobody").rule == "no_value"
    assert berlin.readout("too-new").decision == "keep_running"


def test_a_table_without_data_is_named(berlin):
    found = berlin.readout("no-table")
    assert found.outcomes[0].why == "facts.leads_won has no data"
    assert found.outcomes[0].value is None
    assert found.rule == "no_value"
    # What else was asked is answered all the same.
    assert found.outcomes[1].low is not None


def test_it_has_ended_when_windows_have_passed(berlin):
    assert not berlin.readout("kinds", "2024-04-20").ended
    assert berlin.readout("kinds").ended
    # Stopped on the 31st of March: two weeks later all is known.
    assert not berlin.readout("stopped", "2024-04-10").ended
    assert berlin.readout("stopped", "2024-04-13").ended
    # Data reaches to the 15th of May, windows to the 24th.
    assert not berlin.readout("adjusted").ended
    assert berlin.readout("held").ended


def test_strange_names_are_only_names(berlin):
    found = berlin.readout("some-people")
    assert [one.name for one in found.variants] == ['it\'s "new"; --', "контроль"]
    assert found.control == "контроль"
    segments = {one.segment for one in berlin.readout("kinds").segments}
    assert {"it's", 'say "hi"', "日本", "fire'fox", None} <= segments
    units = berlin.oracle.units("kinds", berlin.limit(None)).rows.unit
    assert set(units) & {"o'brien", 'kü"hn', "客户 9", "'; DROP TABLE exposures; --", "%s{0}\\n"}
