"""Experiments to test with."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pytest

from heedful.definitions.experiment import Experiment, Guardrail, Outcome, Variant
from heedful.experiments.assigning import ATTRIBUTES, assign

collect_ignore = ["samples"]

DEFAULTS = {
    "title": "A shorter checkout",
    "question": "Do more customers buy?",
    "hypothesis": "shorter",
    "owner": "growth",
    "approver": "cx",
    "stage": "buy",
    "variants": ("control", "new"),
    "start": dt.date(2024, 3, 1),
    "end": dt.date(2024, 4, 1),
    "primary": Outcome(kpi="conversion_rate"),
    "guardrails": (
        Guardrail(kpi="csat", margin=0.03),
        Guardrail(kpi="refund_rate", margin_absolute=0.01),
    ),
}


@pytest.fixture(scope="session")
def samples():
    """Makers of readouts that never were, by name."""
    sys.path.insert(0, str(Path(__file__).parent / "samples"))
    from odd import bare, crowded, hostile
    from several import factorial, holdout, mails
    from single import empty, invalid, say_why

    makers = (say_why, mails, invalid, empty, factorial, holdout, hostile, bare, crowded)
    return {maker.__name__: maker for maker in makers}


@pytest.fixture(scope="session")
def pages(samples):
    """The pages of these readouts; each is rendered once."""
    from functools import cache

    from heedful.experiments.page import render

    return cache(lambda name: render(samples[name]()))


@pytest.fixture(scope="session")
def planned():
    """An experiment of an id and whatever else matters; variants are names, or name to weight."""

    def build(name, /, **given):
        given = {**DEFAULTS, **given}
        variants = given["variants"]
        weights = variants if isinstance(variants, dict) else dict.fromkeys(variants)
        given["variants"] = tuple(Variant(name=variant, weight=w) for variant, w in weights.items())
        return Experiment(id=name, **given)

    return build


@pytest.fixture(scope="session")
def world(planned):
    """Make experiments that get into each other's way, and units that fit them or not."""

    def populations(random):
        asked = {
            "country": ("DE", "AT"),
            "beta": ("true",),
            "seats": ("3", "2.5"),
            "tags": ("vip",),
            "plan.name": ("pro",),
        }
        return dict(random.sample(sorted(asked.items()), random.choice([0, 0, 1, 2])))

    def weights(random):
        parts = [random.randint(1, 9) for _ in range(random.randint(2, 5))]
        return {f"v{i}": part / sum(parts) for i, part in enumerate(parts)}

    def experiments(random):
        holdout = planned(
            "held",
            design="holdout",
            unit=random.choice(["customer", "account"]),
            variants=weights(random),
            control="v1",
            share=random.choice([1.0, 0.5]),
            population=populations(random),
        )
        tests = [
            planned(
                f"x{i}",
                unit=random.choice(["customer", "customer", "account"]),
                variants=weights(random),
                share=random.choice([1.0, 0.5, 0.001, random.random() or 1.0]),
                group=random.choice([None, "x1", "checkout"]),
                group_range=random.choice([None, (0.0, 0.5), (random.random() / 2, 0.9)]),
                holdout=random.choice([None, "held"]),
                population=populations(random),
            )
            for i in range(6)
        ]
        return {one.id: one for one in (holdout, *tests)}

    def unit(random):
        number = random.randrange(10**6)
        attributes = {
            "id": random.choice(
                [f"c-{number}", str(number), f"{number:032x}", f"kü{number}", f"{number}😀", number]
            ),
            "account_id": random.choice([f"a-{number // 9}", number // 9, "", None]),
            "country": random.choice(["DE", "AT", "de", "US", None]),
            "beta": random.choice([True, False, "true", 1]),
            "seats": random.choice([3, 2.5, "3", 0, None]),
            "tags": random.choice([[], ["vip"], ["new", "vip"], "vip"]),
            "plan": random.choice([{"name": "pro"}, {"name": "free"}, {}, "pro"]),
        }
        for name in random.sample(sorted(attributes), random.choice([0, 0, 1, 2])):
            del attributes[name]
        return attributes

    return experiments, unit


@pytest.fixture(scope="session")
def agree():
    """Hold what an SDK made of each feature for a unit against `assign`."""

    def check(experiments, attributes, found):
        for name, one in experiments.items():
            attribute = ATTRIBUTES[one.unit]
            ours = assign(one, experiments, attributes.get(attribute), attributes)
            theirs = found[name]
            if ours.variant is None:
                expected = (one.controlled, "defaultValue", False)
                assert (theirs["value"], theirs["source"], theirs["inExperiment"]) == expected
            else:
                seen = (theirs["value"], theirs["key"], theirs["source"], theirs["bucket"])
                assert seen == (ours.variant, ours.variant, "experiment", ours.bucket)

    return check
