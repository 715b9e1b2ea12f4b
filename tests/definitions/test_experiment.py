"""Experiments are read as they are written, and everything wrong with them is said."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heedful.definitions.experiment import Experiment
from heedful.definitions.project_files import Loaded

Load = Callable[[dict[str, str | bytes | None]], Loaded]

GOOD = """\
title: Bundles in the shop
question: Do bundles make orders larger?
hypothesis: fits
owner: growth
approver: cx
stage: conversion
start: 2026-03-02
end: 2026-03-30
variants:
  - {name: control}
  - {name: bundle}
primary: {kpi: order_value}
guardrails:
  - {kpi: csat, margin: 5%}
  - {kpi: refund_rate, margin_absolute: 1%}
smallest_effect: 5%
"""
OWNED = "owner: cx\nplaybook: csat\n"
FILES: dict[str, str | bytes | None] = {
    "heedful.yaml": (
        "{name: Acme, timezone: UTC, currency: EUR, stages: [conversion],"
        " touchpoints: {pricing: {stage: conversion}},"
        " teams: {cx: {name: Care}, growth: {name: Growth}}}\n"
    ),
    "hypotheses.yaml": (
        "- {id: fits, friction: a, behaviour: b, outcome: c, stage: conversion,"
        " kpi: order_value, owner: cx}\n"
        "- {id: fits_checkout, friction: a, behaviour: b, outcome: c, stage: conversion,"
        " kpi: checkout_abandonment, owner: cx}\n"
    ),
    "kpis/order_value.yaml": OWNED,
    "kpis/refund_rate.yaml": OWNED,
    "kpis/checkout_abandonment.yaml": OWNED,
    "kpis/nps.yaml": OWNED,
    "kpis/retention.yaml": f"stages: []\n{OWNED}",
    "kpis/resolution_time.yaml": f"stages: []\n{OWNED}",
    "kpis/revenue.yaml": f"like: order_value\nmeasure: {{total: net_amount, in: money}}\n{OWNED}",
    "kpis/velocity.yaml": (
        "like: order_value\n"
        "measure: {product: [{of: net_amount}, {of: is_order, per: is_order}], in: money}\n" + OWNED
    ),
    "kpis/large_order.yaml": (
        f"like: order_value\nmeasure: {{quantile: net_amount, in: money, q: 0.9}}\n{OWNED}"
    ),
}


def blocks(text: str) -> dict[str, str]:
    """Cut YAML into its fields."""
    parts = re.split(r"^(?=\w)", text, flags=re.MULTILINE)
    return {part.split(":")[0]: part for part in parts if part}


def changed(changes: str) -> str:
    """Change fields of the good experiment where they stand; new ones come last."""
    fields = blocks(GOOD) | blocks(changes)
    return "".join(text for name, text in fields.items() if text != f"{name}: gone\n")


@pytest.fixture
def shop(loaded: Load) -> Load:
    """Load a shop with some more KPIs and a hypothesis."""
    return lambda files: loaded({**FILES, **files})


@pytest.fixture
def bundle(shop: Load) -> Callable[[str], Experiment]:
    """Load one experiment that is right."""

    def read(text: str) -> Experiment:
        return shop({"experiments/bundle.yaml": text}).valid().experiments["bundle"]

    return read


def test_an_experiment_is_read_with_its_defaults(bundle: Callable[[str], Experiment]) -> None:
    found = bundle(GOOD)
    assert (found.id, found.start, found.end) == (
        "bundle",
        dt.date(2026, 3, 2),
        dt.date(2026, 3, 30),
    )
    assert found.controlled == "control"
    assert found.weights == {"control": 0.5, "bundle": 0.5}
    assert [each.kpi for each in found.outcomes] == ["order_value", "csat", "refund_rate"]
    assert found.guardrails[0].margin == pytest.approx(0.05)
    assert found.guardrails[1].margin_absolute == pytest.approx(0.01)
    assert found.window(found.primary) == 14
    assert found.closes == found.end


def test_everything_that_can_be_written_is_read(bundle: Callable[[str], Experiment]) -> None:
    more = """\
unit: customer
control: bundle
population: {country: DE, plan: [a, b]}
share: 50%
stopped: 2026-03-20
exposure: {events: [Cart Viewed], touchpoint: pricing}
group: shop
group_range: [0, 50%]
secondary:
  - {kpi: order_value, per: unit, capping: 99.9%}
  - {kpi: nps, window_days: 7, delay_days: 3, covariates: []}
segments: [device]
window_days: 10
covariates: [before, tenure]
covariate_days: 56
strata: [device]
capping: 0.99
alpha: 10%
power: 90%
units: 4000
sequential: alpha_spending
looks: [2026-03-12, 2026-04-09]
"""
    found = bundle(GOOD + more)
    assert found.population == {"country": ("DE",), "plan": ("a", "b")}
    assert found.group_range == (0.0, 0.5)
    assert found.secondary[0].capping == pytest.approx(0.999)
    assert found.secondary[1].covariates == ()
    assert found.capping == pytest.approx(0.99)
    assert found.looks == (dt.date(2026, 3, 12), dt.date(2026, 4, 9))
    assert found.controlled == "bundle"
    assert found.closes == dt.date(2026, 3, 20)


def test_names_of_files_may_hold_hyphens(shop: Load) -> None:
    names = ("bundle-offer", "bundle_offer2")
    found = shop({f"experiments/{name}.yaml": GOOD for name in names})
    assert tuple(found.valid().experiments) == names


def test_weights_are_those_given(bundle: Callable[[str], Experiment]) -> None:
    variants = "variants: [{name: control, weight: 90%}, {name: bundle, weight: 0.1}]\n"
    assert bundle(changed(variants)).weights == pytest.approx({"control": 0.9, "bundle": 0.1})


def cases() -> Iterator[object]:
    text = Path(__file__).with_name("experiments.txt").read_text("utf-8")
    for case in text.removeprefix("## ").split("\n## "):
        name, _, rest = case.partition("\n")
        parts = (part.partition("\n") for part in rest.removeprefix("--- ").split("\n--- "))
        texts = {file: f"{content}\n".lstrip("\n") for file, _, content in parts}
        says = [line for line in texts.pop("says").split("\n") if line]
        yield pytest.param(texts, says, id=name)


@pytest.mark.parametrize(("texts", "says"), list(cases()))
def test_what_is_wrong_and_what_deserves_a_second_thought_is_said(
    shop: Load, texts: dict[str, str], says: list[str]
) -> None:
    found = shop({f"experiments/{name}.yaml": changed(text) for name, text in texts.items()})
    said = [str(each) for each in found.problems] + [each.warning for each in found.warnings]
    assert [re.sub(r"^experiments/([a-z-]+).yaml:", r"\1:", line) for line in said] == says
    assert (found.definitions is None) == bool(found.problems)


def test_files_that_cannot_be_experiments(shop: Load) -> None:
    found = shop(
        {
            "experiments/Bundle Offer.yaml": GOOD,
            "experiments/list.yaml": "- title: x\n",
            "experiments/old.yml": GOOD,
            "experiments.yaml": GOOD,
            "experiments/notes.md": "# ours\n",
        }
    )
    assert "\n".join(map(str, found.problems)) == (
        "experiments.yaml:1: is not a file that Heedful reads; "
        "write a file for each in experiments/\n"
        'experiments/Bundle Offer.yaml:1: file name "Bundle Offer" is not a name; allowed: '
        "lower-case letters, digits, _ and -, beginning with a letter\n"
        "experiments/list.yaml:1: the file is a list, not a mapping; "
        "allowed: lines such as name: value\n"
        "experiments/old.yml:1: ends in .yml; rename it to end in .yaml"
    )


def test_an_empty_file_lacks_everything_that_is_needed(shop: Load) -> None:
    found = shop({"experiments/x.yaml": ""})
    needed = {name for name, field in Experiment.model_fields.items() if field.is_required()}
    assert {each.found for each in found.problems} == {
        f"{name} is missing" for name in needed - {"id"}
    }


@pytest.mark.parametrize("text", ["- {id: [", "- {id: fits}", "fits: {friction: a}"])
def test_hypotheses_that_are_wrong_make_no_unknown_ones(shop: Load, text: str) -> None:
    found = shop({"experiments/bundle.yaml": GOOD, "hypotheses.yaml": text})
    assert {each.file for each in found.problems} == {"hypotheses.yaml"}


def test_without_hypotheses_none_is_known(shop: Load) -> None:
    found = shop({"experiments/bundle.yaml": GOOD, "hypotheses.yaml": None})
    says = 'hypothesis "fits" is not known; write it in hypotheses.yaml'
    assert [str(each) for each in found.problems] == [f"experiments/bundle.yaml:3: {says}"]


def test_stages_without_experiment_are_one_warning(load_in: Load) -> None:
    stages = ["conversion", "onboarding", "retention"]
    settings = str(FILES["heedful.yaml"]).replace("[conversion]", f"[{', '.join(stages)}]")

    def warned(*tried: str) -> list[str]:
        texts = {f"experiments/{stage}.yaml": changed(f"stage: {stage}\n") for stage in tried}
        files = {**FILES, "heedful.yaml": settings, **texts}
        return [each.warning for each in load_in(files).warnings]

    assert warned() == []
    assert warned(*stages) == []
    says = "begin with the hypothesis of a stage that matters"
    assert warned("retention") == [
        f"heedful.yaml:1: warning: no experiment in the stages conversion, onboarding; {says}"
    ]
    assert warned("retention", "conversion") == [
        f"heedful.yaml:1: warning: no experiment in the stage onboarding; {says}"
    ]


FIELDS = sorted(set(Experiment.model_fields) - {"id"})
WORDS = """
    order_value csat revenue retention control bundle a 2026-03-05 2027-01-01 5% 0.4 3 -1 null true
    row unit account holdout factorial alpha_spending [ ' % .inf
"""
KEYS = ["kpi", "name", "levels", "weight", "margin", "window_days", "events", "per", "a"]
values = st.recursive(
    st.sampled_from(WORDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs.items())}}}"
        )
    ),
    max_leaves=6,
)


@settings(
    max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    one=st.dictionaries(st.sampled_from(FIELDS), values, min_size=1, max_size=4),
    other=st.dictionaries(st.sampled_from(FIELDS), values, max_size=3),
)
def test_no_experiment_makes_loading_fail(
    load_in: Load, one: dict[str, str], other: dict[str, str]
) -> None:
    files = {
        f"experiments/{name}.yaml": changed("".join(f"{k}: {v}\n" for k, v in pairs.items()))
        for name, pairs in (("a", one), ("b", other))
    }
    found = load_in({**FILES, **files})
    for each in (*found.problems, *found.warnings):
        assert each.line >= 1
        assert each.found
        assert "\n" not in str(each)
    assert (found.definitions is None) == bool(found.problems)
