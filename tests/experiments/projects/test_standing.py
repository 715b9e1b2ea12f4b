"""A standing holdout: what experiments claimed, and what is left of it."""

from __future__ import annotations

import pytest

from heedful.stats.shrinkage import shrink


def test_claims_are_those_of_the_experiments_below(berlin):
    found = {one.experiment: one for one in berlin.readout("standing").claims}
    assert set(found) == {"claims-a", "claims-b", "claims-c"}
    for name, claim in found.items():
        (one,) = [each for each in berlin.readout(name).outcomes if each.kpi == "revenue"]
        assert claim.kpi == "revenue"
        assert claim.difference == pytest.approx(one.difference)
        assert claim.low == pytest.approx(one.low)
        assert claim.decision == berlin.readout(name).decision
        assert abs(claim.shrunk) < abs(claim.difference)


def test_they_are_shrunk_by_their_own_errors(berlin):
    """An interval of 90% is narrower than its neighbours and yet no surer."""
    claims = berlin.readout("standing").claims
    errors = []
    for claim in claims:
        asked = next(a for _, a in berlin.asked(claim.experiment) if a["kpi"] == "revenue")
        sides, _, _ = berlin.sides(claim.experiment, asked)
        errors.append(sum(side.variance for side in sides.values()) ** 0.5)
    wanted = shrink([claim.difference for claim in claims], errors).values
    assert [claim.shrunk for claim in claims] == pytest.approx(list(wanted))


def test_experiments_of_no_holdout_claim_nothing(berlin):
    assert berlin.readout("held").claims == ()
    assert berlin.readout("kinds").claims == ()


def test_who_had_not_begun_claims_nothing_yet(small, tmp_path):
    given = {"holdout": "standing", "primary": {"kpi": "revenue", "window_days": 5}}
    scene = small(
        tmp_path,
        {
            "standing": {"design": "holdout", "primary": {"kpi": "revenue"}},
            "early": given,
            "late": {**given, "start": "2024-04-05"},
        },
        {"standing": {"people": 0.8}, "early": {"people": 0.8}, "late": {"people": 0.8}},
        size=300,
        refresh=False,
    )
    names = {one.experiment for one in scene.readout("standing", "2024-04-01").claims}
    assert names == {"early"}
    names = {one.experiment for one in scene.readout("standing").claims}
    assert names == {"early", "late"}
