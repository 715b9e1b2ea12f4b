"""The experiments of the shop, and how people come to meet them."""

from __future__ import annotations

from typing import Any

SURVEYS = [
    {"kpi": "content"},
    {"kpi": "promoters", "window_days": 20},
    {"kpi": "mean_score"},
]

EXPERIMENTS: dict[str, dict[str, Any]] = {
    "kinds": {
        "secondary": [
            {"kpi": "bought"},
            {"kpi": "basket", "per": "unit"},
            {"kpi": "net_order"},
            {"kpi": "net_order", "per": "unit", "window_days": 7},
            {"kpi": "refund_events"},
            {"kpi": "revenue"},
            {"kpi": "revenue", "window_days": 5, "delay_days": 3},
            {"kpi": "order_count", "window_days": 21},
            {"kpi": "settled"},
            *SURVEYS,
            {"kpi": "content", "per": "unit"},
            {"kpi": "basket_p90", "window_days": 28},
            {"kpi": "first_reply", "window_days": 28},
            {"kpi": "stay"},
            {"kpi": "leave"},
        ],
        "segments": ["country", "browser"],
    },
    "adjusted": {
        "start": "2024-03-18",
        "end": "2024-05-10",
        "primary": {"kpi": "revenue"},
        "guardrails": [
            {"kpi": "net_order", "margin": 0.1},
            {"kpi": "settled", "margin_absolute": 0.1, "covariates": ["before"]},
        ],
        "secondary": [
            {"kpi": "bought", "per": "unit", "covariates": ["visits"]},
            {"kpi": "revenue", "window_days": 7, "covariates": [], "capping": 0.9},
            {"kpi": "order_count", "covariates": ["before"], "window_days": 10},
        ],
        "covariates": ["before", "seats"],
        "covariate_days": 20,
    },
    "capped": {
        "start": "2024-03-18",
        "end": "2024-05-10",
        "primary": {"kpi": "revenue"},
        "guardrails": [
            {"kpi": "basket", "margin": 0.1},
            {"kpi": "bought", "per": "unit", "margin": 0.1},
        ],
        "covariates": ["before"],
        "capping": 0.95,
    },
    "layered": {
        "primary": {"kpi": "revenue"},
        "secondary": [{"kpi": "revenue", "window_days": 7, "covariates": ["seats", "before"]}],
        "strata": ["plan"],
        "segments": ["plan"],
    },
    "triggered": {
        "exposure": {"events": ["Checkout Started", "Quote's End"], "touchpoint": "till"},
        "segments": ["device"],
    },
    "companies": {
        "unit": "account",
        "primary": {"kpi": "revenue"},
        "guardrails": [
            {"kpi": "refunded", "margin_absolute": 0.05},
            {"kpi": "first_reply", "margin": 0.2},
        ],
        "secondary": [{"kpi": "net_order"}, {"kpi": "stay"}],
        "segments": ["account_value"],
        "covariates": ["before", "staff"],
    },
    "some-people": {
        "population": {"country": ["DE", "it's", "日本"], "plan": "pro"},
        "variants": [
            {"name": 'it\'s "new"; --', "weight": 0.3},
            {"name": "контроль", "weight": 0.7},
        ],
        "control": "контроль",
    },
    "many": {
        "variants": [
            {"name": "a", "weight": 0.2},
            {"name": "b", "weight": 0.4},
            {"name": "c", "weight": 0.15},
            {"name": "d", "weight": 0.25},
        ],
        "control": "b",
        "secondary": [{"kpi": "revenue"}, {"kpi": "mean_score"}, {"kpi": "basket_p90"}],
    },
    "two-by-two": {
        "design": "factorial",
        "variants": [
            {"name": "v1", "levels": {"tone": "plain", "reason": "no"}, "weight": 0.4},
            {"name": "v2", "levels": {"tone": "plain", "reason": "yes"}, "weight": 0.3},
            {"name": "v3", "levels": {"tone": "warm", "reason": "no"}, "weight": 0.2},
            {"name": "v4", "levels": {"tone": "warm", "reason": "yes"}, "weight": 0.1},
        ],
        "primary": {"kpi": "revenue"},
        "secondary": [{"kpi": "net_order"}, {"kpi": "bought", "per": "unit"}],
    },
    "two-by-three": {
        "design": "factorial",
        "variants": [
            {"name": f"{t}{s}", "levels": {"tone": t, "size": s}}
            for t in ("plain", "warm")
            for s in ("s", "m", "l")
        ],
        "primary": {"kpi": "revenue"},
    },
    "held": {
        "design": "holdout",
        "variants": [{"name": "without", "weight": 0.3}, {"name": "with", "weight": 0.7}],
        "primary": {"kpi": "stay"},
        "guardrails": [
            {"kpi": "leave", "margin_absolute": 0.05},
            {"kpi": "refunded", "margin_absolute": 0.05},
        ],
        "secondary": [{"kpi": "revenue", "window_days": 28}],
        "segments": ["plan"],
    },
    "standing": {
        "design": "holdout",
        "primary": {"kpi": "revenue", "window_days": 28},
    },
    "claims-a": {"holdout": "standing", "secondary": [{"kpi": "revenue"}], "alpha": 0.1},
    "claims-b": {"holdout": "standing", "primary": {"kpi": "revenue"}, "stopped": "2024-03-25"},
    "claims-c": {"holdout": "standing", "primary": {"kpi": "revenue"}},
    "spent": {
        "sequential": "alpha_spending",
        "looks": 3,
        "start": "2024-03-11",
        "end": "2024-04-10",
        "primary": {"kpi": "revenue", "window_days": 10},
        "guardrails": [
            {"kpi": "refunded", "margin_absolute": 0.05},
            {"kpi": "basket", "margin": 0.1, "window_days": 3},
        ],
        "segments": ["plan"],
    },
    "spent-days": {
        "sequential": "alpha_spending",
        "looks": ["2024-03-20", "2024-04-02", "2024-04-15"],
        "units": 400,
        "primary": {"kpi": "order_count", "window_days": 14},
    },
    "always": {
        "sequential": "confidence_sequence",
        "units": 400,
        "primary": {"kpi": "revenue", "window_days": 7},
        "segments": ["plan"],
    },
    "steady": {
        "primary": {"kpi": "revenue", "window_days": 9},
        "guardrails": [
            {"kpi": "refunded", "margin_absolute": 0.05},
            {"kpi": "basket", "margin": 0.1, "window_days": 21},
        ],
        "covariates": ["before"],
        "strata": ["plan"],
    },
    "replies": {
        "primary": {"kpi": "first_reply", "window_days": 10},
        "segments": ["plan"],
    },
    "ninetieth": {"primary": {"kpi": "basket_p90", "window_days": 10}, "segments": ["plan"]},
    "stopped": {"stopped": "2024-03-31", "start": "2024-03-11"},
    "nobody": {},
    "elsewhere": {},
    "only-control": {},
    "no-new": {},
    "too-new": {"start": "2024-05-10", "end": "2024-06-30"},
    "no-table": {"primary": {"kpi": "won"}},
    "silent": {"secondary": SURVEYS},
    "lopsided": {},
}

EXPOSING: dict[str, dict[str, Any]] = {
    "kinds": {"people": 0.75, "lift": 0.3},
    "adjusted": {"begin": "2024-03-15", "until": "2024-05-12"},
    "capped": {"begin": "2024-03-15", "until": "2024-05-12"},
    "layered": {"people": 0.8},
    "triggered": {"people": 0.8},
    "companies": {"people": 0.6, "crossing": 0.0, "sticky": True},
    "some-people": {"people": 0.9},
    "many": {"people": 0.9},
    "two-by-two": {"people": 0.9},
    "two-by-three": {"people": 0.9},
    "held": {"people": 0.9, "crossing": 0.0},
    "standing": {"people": 0.8},
    "claims-a": {},
    "claims-b": {},
    "claims-c": {"lift": 0.2},
    "spent": {"people": 0.8, "lift": 0.3},
    "spent-days": {"people": 0.8},
    "always": {"people": 0.8},
    "steady": {"people": 0.8, "crossing": 0.0},
    "replies": {"people": 0.8, "crossing": 0.0},
    "ninetieth": {"people": 0.8, "crossing": 0.0},
    "stopped": {},
    "elsewhere": {"people": 0.1, "begin": "2024-02-10", "until": "2024-02-20", "edges": 0.0},
    "only-control": {"weights": (1.0, 0.0)},
    "no-new": {"weights": (1.0, 0.0), "strangers": False, "crossing": 0.0},
    "too-new": {"begin": "2024-05-10", "until": "2024-05-16"},
    "no-table": {},
    "silent": {"people": 0.8, "asked": 0.4},
    "lopsided": {"weights": (0.35, 0.65)},
}
