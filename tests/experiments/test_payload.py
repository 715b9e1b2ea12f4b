from __future__ import annotations

import datetime as dt
import json
from random import Random

import pytest
from growthbook import GrowthBook, InMemoryStickyBucketService
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.experiments.assigning import ATTRIBUTES, assign
from heedful.experiments.payload import payload, runs

DAY = dt.date(2024, 3, 5)


def evaluated(features, attributes, **options):
    gb = GrowthBook(attributes=dict(attributes), features=features, **options)
    found = {}
    for name in features:
        result = gb.eval_feature(name)
        experiment = result.experimentResult
        found[name] = {
            "value": result.value,
            "source": result.source,
            "inExperiment": bool(experiment and experiment.inExperiment),
            "bucket": experiment and experiment.bucket,
            "key": experiment and experiment.key,
        }
    gb.destroy()
    return found


def test_everything_of_a_rule(planned):
    holdout = planned("held", design="holdout", variants={"out": 0.1, "in": 0.9})
    one = planned(
        "x",
        holdout="held",
        group="checkout",
        group_range=(0.25, 0.5),
        population={"country": ("DE", "AT")},
        share=0.5,
        control="new",
    )
    given = payload({"x": one, "held": holdout}, DAY)
    assert given["status"] == 200
    assert list(given["features"]) == ["held", "x"]
    assert given["features"]["x"] == {
        "defaultValue": "new",
        "rules": [
            {
                "key": "x",
                "name": "A shorter checkout",
                "phase": "0",
                "seed": "x",
                "hashAttribute": "id",
                "hashVersion": 2,
                "disableStickyBucketing": True,
                "variations": ["control", "new"],
                "meta": [
                    {"key": "control", "name": "control"},
                    {"key": "new", "name": "new"},
                ],
                "weights": [0.5, 0.5],
                "coverage": 0.5,
                "condition": {"country": {"$in": ["DE", "AT"]}},
                "filters": [
                    {
                        "seed": "held",
                        "attribute": "id",
                        "hashVersion": 2,
                        "ranges": [[0.1, 1.0]],
                    },
                    {
                        "seed": "group:checkout",
                        "attribute": "id",
                        "hashVersion": 2,
                        "ranges": [[0.25, 0.5]],
                    },
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("stopped", "day", "expected"),
    [
        (None, dt.date(2024, 2, 29), False),
        (None, dt.date(2024, 3, 1), True),
        (None, dt.date(2024, 3, 31), True),
        (None, dt.date(2024, 4, 1), False),
        (dt.date(2024, 3, 5), dt.date(2024, 3, 4), True),
        (dt.date(2024, 3, 5), dt.date(2024, 3, 5), False),
    ],
)
def test_only_what_runs_assigns(planned, stopped, day, expected):
    one = planned("x", stopped=stopped)
    assert runs(one, day) is expected
    features = payload({"x": one}, day)["features"]
    found = {evaluated(features, {"id": f"c-{i}"})["x"]["value"] for i in range(20)}
    assert found == ({"control", "new"} if expected else {"control"})
    assert "rules" in payload({"x": one}, day, every=True)["features"]["x"]


def test_the_same_definitions_are_the_same_text(planned):
    one, other = planned("x"), planned("y", share=0.1)
    first = json.dumps(payload({"x": one, "y": other}, DAY))
    assert json.dumps(payload({"y": other, "x": one}, DAY)) == first


def test_what_changed_has_another_date(planned):
    """The JavaScript SDK keeps what it has if the date is the same."""
    dates = [payload({"x": planned("x", share=share)}, DAY)["dateUpdated"] for share in (0.1, 1.0)]
    assert len({dt.datetime.fromisoformat(date) for date in dates}) == 2
    assert all(date.startswith("2024-03-05T00:00:00.") for date in dates)


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_python_sdk_agrees(world, agree, random):
    experiments, unit = world
    tests = experiments(random)
    features = json.loads(json.dumps(payload(tests, DAY)))["features"]
    for _ in range(10):
        attributes = unit(random)
        agree(tests, attributes, evaluated(features, attributes))


def test_the_python_sdk_agrees_on_thousands_of_units(world, agree):
    experiments, unit = world
    random = Random(3)
    for _ in range(10):
        tests = experiments(random)
        features = payload(tests, DAY)["features"]
        for _ in range(400):
            attributes = unit(random)
            agree(tests, attributes, evaluated(features, attributes))


def test_the_worlds_have_every_outcome(world):
    """Else the agreement of the SDKs would say little."""
    experiments, unit = world
    random = Random(3)
    seen = set()
    for _ in range(30):
        tests = experiments(random)
        for attributes in (unit(random) for _ in range(30)):
            for one in tests.values():
                id = attributes.get(ATTRIBUTES[one.unit])  # noqa: A001
                given = assign(one, tests, id, attributes)
                seen.add((given.why, one.holdout is None or tests["held"].population == {}))
    reasons = {None, "no_id", "outside_population", "held_out", "outside_group", "outside_share"}
    assert seen == {(why, plain) for why in reasons for plain in (True, False)}


def test_what_an_app_stored_does_not_win(planned):
    stored = InMemoryStickyBucketService()
    sdk = {"sticky_bucket_service": stored}
    for one in (planned("x"), planned("x", variants=("new", "control"))):
        features = payload({"x": one}, DAY)["features"]
        for i in range(50):
            found = evaluated(features, {"id": f"c-{i}"}, **sdk)
            assert found["x"]["value"] == assign(one, {}, f"c-{i}").variant
