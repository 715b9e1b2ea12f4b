"""Shops and experiments nobody thought of; more seeds by HEEDFUL_SHOPS=50."""

from __future__ import annotations

import os
import random

import pytest

SHOPS = int(os.environ.get("HEEDFUL_SHOPS", "2"))
SUMS = ("bought", "refunded", "settled", "basket", "net_order", "refund_events", "content")
SUMS += ("promoters", "mean_score")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "UTC")


def outcome(some, kpi=None):
    """Any outcome that a definition may ask for."""
    kpi = kpi or some.choice([*SUMS, "revenue", "order_count", "basket_p90", "first_reply"])
    one = {"kpi": kpi, "window_days": some.choice([1, 3, 7, 14, 30])}
    if some.random() < 0.3:
        one["delay_days"] = some.choice([1, 5])
    if kpi in {*SUMS, "revenue", "order_count"}:
        if kpi not in {"revenue", "order_count", "promoters"} and some.random() < 0.4:
            one["per"] = "unit"
        if some.random() < 0.3:
            one["capping"] = some.choice([0.8, 0.95, 0.999])
        if some.random() < 0.4:
            one["covariates"] = some.choice([[], ["before"]])
    return one


def definition(some):
    """Any experiment of two variants or more, but for factors and planned looks."""
    names = some.choice([["control", "new"], ["a'", 'b"', "c;"], ["x", "y"]])
    start = some.choice(["2024-02-20", "2024-03-05", "2024-03-25", "2024-04-02"])
    given = {
        "start": start,
        "end": some.choice(["2024-04-10", "2024-05-01", "2024-06-01"]),
        "variants": [{"name": one} for one in names],
        "primary": outcome(some),
        "guardrails": [
            {**outcome(some, "refunded"), "margin_absolute": 0.05},
            {**outcome(some, "basket"), "margin": 0.1},
        ],
        "secondary": [outcome(some) for _ in range(4)] + [{"kpi": some.choice(["stay", "leave"])}],
        "covariates": some.choice([[], ["before"]]),
        "covariate_days": some.choice([3, 28]),
        "window_days": 10,
    }
    asked = set()
    for one in [given["primary"], *given["guardrails"]]:
        asked.add((one["kpi"], one["window_days"], one.get("delay_days", 0), one.get("per")))
    kept = []
    for one in given["secondary"]:
        key = (one["kpi"], one.get("window_days"), one.get("delay_days", 0), one.get("per"))
        if key not in asked:
            kept.append(one)
        asked.add(key)
    given["secondary"] = kept
    if some.random() < 0.3 and start < "2024-03-20":
        given["stopped"] = "2024-03-28"
    if some.random() < 0.3:
        given["exposure"] = {"events": ["Checkout Started"]}
    if some.random() < 0.3:
        given["population"] = {"country": ["DE", "it's"]}
    if some.random() < 0.25:
        given["unit"] = "account"
        given["population"] = {}
    elif len(names) == 2 and some.random() < 0.3:
        given["strata"] = ["plan"]
    return given


@pytest.mark.parametrize("seed", range(SHOPS))
def test_every_number_is_that_of_the_exports(small, tmp_path, seed):
    some = random.Random(f"shop {seed}")
    experiments = {f"test-{n}": definition(some) for n in range(4)}
    exposing = {
        name: {
            "people": some.choice([0.5, 0.9]),
            "begin": "2024-02-15",
            "until": "2024-05-20",
            "lift": some.choice([0.0, 0.3]),
            "crossing": some.choice([0.0, 0.05]),
            "sticky": given.get("unit") == "account",
        }
        for name, given in experiments.items()
    }
    scene = small(
        tmp_path,
        experiments,
        exposing,
        refresh=False,
        zone=some.choice(ZONES),
        late=some.choice([0, 0, 3]),
        size=some.choice([150, 400]),
        seed=seed,
    )
    for name in experiments:
        for day in (None, "2024-04-04", "2024-04-29"):
            assert scene.wrong(name, day) == [], experiments[name]
