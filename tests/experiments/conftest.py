"""Experiments to test with."""

from __future__ import annotations

import datetime as dt

import pytest

from heedful.definitions.experiment import Experiment, Guardrail, Outcome, Variant

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
def planned():
    """An experiment of an id and whatever else matters; variants are names, or name to weight."""

    def build(name, /, **given):
        given = {**DEFAULTS, **given}
        variants = given["variants"]
        weights = variants if isinstance(variants, dict) else dict.fromkeys(variants)
        given["variants"] = tuple(Variant(name=variant, weight=w) for variant, w in weights.items())
        return Experiment(id=name, **given)

    return build
