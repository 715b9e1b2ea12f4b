"""The table in docs/decisions.md is what decides, and what must never happen never does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from heedful.experiments.decision import BEST, RULES, decide, in_words
from heedful.experiments.evidence import Evidence, cases
from heedful.experiments.example import outcome
from heedful.experiments.readout import (
    Decision,
    OutcomeResult,
    SampleRatio,
    SrmState,
    VariantCount,
    Verdict,
)

DOCS = Path(__file__).parents[2] / "docs" / "decisions.md"
VERDICTS = get_args(Verdict)
RATIOS = {
    "ok": SampleRatio(0.5, "ok"),
    "doubtful": SampleRatio(0.004, "caution"),
    "fails": SampleRatio(1e-9, "fail"),
}
PRIMARIES = {
    "better": {"verdict": "better"},
    "worse": {"verdict": "worse"},
    "void": {"verdict": "void"},
    "not clear": {"verdict": "inconclusive"},
    "no value": {"value": None, "difference": None, "verdict": "inconclusive"},
}
GUARDED = {"held": "non_inferior", "harmed": "harmed", "open": "inconclusive", "void": "void"}
MARGIN = {"margin": 0.02, "margin_kind": "absolute"}
TIMES = {
    "running, read once": {"ended": False},
    "running": {"ended": False, "sequential": "confidence_sequence"},
    "ended": {},
    "ended, sequential": {"sequential": "alpha_spending"},
    "stopped, read once": {"stopped": True},
    "stopped": {"stopped": True, "sequential": "alpha_spending"},
}


class State(NamedTuple):
    """What a decision sees, in the words of the table."""

    ratio: str
    primary: str
    guardrails: frozenset[str]
    paid: bool
    time: str

    def evidence(self) -> Evidence:
        primary = outcome(**PRIMARIES[self.primary])
        guardrails = [
            outcome(kpi=state, role="guardrail", verdict=GUARDED[state], **MARGIN)
            for state in sorted(self.guardrails)
        ]
        other = outcome(kpi="ease", role="secondary", verdict="worse" if self.paid else "better")
        return Evidence((primary, *guardrails, other), RATIOS[self.ratio], **TIMES[self.time])

    def meets(self, row: dict[str, str]) -> bool:
        """Whether a line of the table applies."""
        guardrail = row["guardrails"].removeprefix("one ")
        asked = {
            "sample ratio": self.ratio == row["sample ratio"],
            "primary": self.primary == row["primary"],
            "guardrails": not self.guardrails
            if guardrail == "none"
            else guardrail in self.guardrails,
            "other outcomes": self.paid,
            "time": self._in(row["time"]),
        }
        return all(row[column] == "–" or holds for column, holds in asked.items())

    def _in(self, time: str) -> bool:
        if time == "ended":
            return not self.time.startswith("running")
        if time == "running":
            return self.time.startswith("running")
        return self.time == time


STATES = [
    State(ratio, primary, frozenset(guardrails), paid, time)
    for ratio in RATIOS
    for primary in PRIMARIES
    for size in range(len(GUARDED) + 1)
    for guardrails in itertools.combinations(GUARDED, size)
    for paid in (False, True)
    for time in TIMES
]


def table() -> list[dict[str, str]]:
    """The lines of the table of rules."""
    lines = [
        [cell.strip().strip("`") for cell in line.strip("|\n").split("|")]
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    first = next(i for i, cells in enumerate(lines) if cells[0] == "rule")
    rows = itertools.takewhile(lambda cells: len(cells) == 8, lines[first + 2 :])
    return [dict(zip(lines[first], cells, strict=True)) for cells in rows]


def test_every_combination_is_decided_as_the_table_says():
    rows = table()
    for state in STATES:
        row = next(row for row in rows if state.meets(row))
        found = decide(state.evidence())
        assert (found.decision, found.rule) == (row["decides"], row["rule"]), state


def test_every_line_of_the_table_is_needed():
    rows = table()
    used = {next(row["rule"] for row in rows if state.meets(row)) for state in STATES}
    assert used == {row["rule"] for row in rows}


def test_the_table_has_the_rules_in_order():
    assert [(row["rule"], row["decides"], row["in words"]) for row in table()] == [
        (rule.name, rule.decision, rule.words) for rule in RULES
    ]


def test_ship_means_that_nothing_speaks_against_it():
    for state in STATES:
        sound = (
            state.ratio == "ok"
            and state.primary == "better"
            and state.guardrails == {"held"}
            and not state.paid
            and state.time in ("ended", "ended, sequential", "running", "stopped")
        )
        assert (decide(state.evidence()).decision == "ship") == sound, state


def test_rules_say_what_they_saw():
    said = {}
    for state in STATES:
        found = decide(state.evidence())
        said.setdefault(found.rule, found.reasons[0].replace("\xa0", " "))
    assert said == {
        "sample_ratio_failed": "Units did not fall on the variants as planned: p < 0.001. Something"
        " loses or adds them, and until it is found no figure here says what the change did.",
        "better_but_guardrail_harmed": "Harmed: customer satisfaction +4.1 pts (+2.2 to +6.0),"
        " margin −2.0 pts. Whether the gain is worth that is for the approver to sign.",
        "guardrail_harmed": "Harmed: customer satisfaction +4.1 pts (+2.2 to +6.0), margin"
        " −2.0 pts.",
        "no_value_yet": "Customer satisfaction has no value: there are no data of it.",
        "no_value": "Customer satisfaction has no value: there are no data of it.",
        "primary_void": "Customer satisfaction is void: its groups cannot be compared.",
        "primary_worse": "Customer satisfaction is up 4.1 points (+2.2 to +6.0), p = 0.004.",
        "not_clear_yet": "Customer satisfaction: no clear change, +4.1 pts (+2.2 to +6.0),"
        " p = 0.004.",
        "no_effect_shown": "Customer satisfaction: no clear change, +4.1 pts (+2.2 to +6.0),"
        " p = 0.004.",
        "before_planned_end": "A test of fixed length is read once, when its planned end and the"
        " windows of its outcomes have passed; until then an effect is more often luck than the p"
        " value says.",
        "stopped_early": "It was stopped before its planned end, and its design allows for no look"
        " before: the effect is more often luck than the p value says.",
        "sample_ratio_doubtful": "The sample ratio is doubtful: p = 0.004. With a doubtful sample"
        " nothing ships without a person.",
        "guardrail_void": "A guardrail cannot be read: customer satisfaction (void).",
        "guardrail_open_yet": "Not shown to be unharmed: customer satisfaction +4.1 pts (+2.2 to"
        " +6.0), margin −2.0 pts.",
        "guardrail_open": "Not shown to be unharmed: customer satisfaction +4.1 pts (+2.2 to"
        " +6.0), margin −2.0 pts.",
        "no_guardrails": "There is no guardrail: nobody looked at what the gain may have cost.",
        "better_at_a_price": "Someone paid for the better number: Customer satisfaction is up 4.1"
        " points (+2.2 to +6.0).",
        "primary_better": "Customer satisfaction is up 4.1 points (+2.2 to +6.0), p = 0.004.",
    }


HELD = outcome(kpi="refunds", role="guardrail", verdict="non_inferior", **MARGIN)
SHIPS = Evidence((outcome(), HELD), SampleRatio(0.5, "ok"))


def test_figures_of_a_sample_that_failed():
    variants = (VariantCount("plain", 0.6, 5120), VariantCount("warm", 0.4, 4880))
    failed = replace(SHIPS, srm=SampleRatio(1e-9, "fail"), variants=variants, unit="customer")
    assert (
        decide(failed)
        .reasons[0]
        .startswith(
            "Customers did not fall on the variants as planned: 5,120 and 4,880 customers, planned"
            " 60 : 40, p < 0.001."
        )
    )
    assert decide(failed).candidate is None


def test_all_reasons_for_a_review_are_given():
    found = decide(
        replace(
            SHIPS,
            outcomes=(outcome(), replace(HELD, verdict="void", why="too few answers")),
            srm=SampleRatio(0.004, "caution"),
            stopped=True,
        )
    )
    assert found.rule == "stopped_early"
    assert [text.split(":")[0] for text in found.reasons[1:3]] == [
        "The sample ratio is doubtful",
        "A guardrail cannot be read",
    ]
    assert "customer satisfaction (too few answers)" in found.reasons[2]


def test_shipping_names_the_guardrails_and_the_sample():
    primary, guardrail, sample = (text.replace("\xa0", " ") for text in decide(SHIPS).reasons)
    effect = "+4.1 pts (+2.2 to +6.0)"
    assert primary == "Customer satisfaction is up 4.1 points (+2.2 to +6.0), p = 0.004."
    assert guardrail.startswith("The guardrail stays inside its margin: customer satisfaction ")
    assert guardrail.endswith(f" {effect}, margin −2.0 pts.")
    assert sample == "The sample ratio holds: p = 0.50."


def of(variant: str, **changes: object) -> tuple[OutcomeResult, OutcomeResult]:
    """A primary outcome and a guardrail that holds."""
    return outcome(variant=variant, **changes), replace(HELD, variant=variant)


def test_the_best_variant_is_the_candidate():
    evidence = replace(
        SHIPS,
        outcomes=(
            *of("flat", verdict="inconclusive"),
            *of("good"),
            *of("best", difference=0.06),
            *of("bad", verdict="worse", difference=-0.9),
        ),
    )
    found = decide(evidence)
    assert (found.decision, found.candidate) == ("ship", "best")
    assert found.reasons[-3:] == (
        "flat: do not ship (no effect shown).",
        "good: ship (primary better, no guardrail harmed).",
        "bad: do not ship (primary worse).",
    )
    assert any(text.startswith("The best of several: 4 effects") for text in found.warnings)


def test_the_best_variant_of_a_kpi_that_should_fall():
    evidence = replace(
        SHIPS,
        outcomes=(
            *of("a", better="lower", difference=-0.02),
            *of("b", better="lower", difference=-0.06),
        ),
    )
    assert decide(evidence).candidate == "b"


def test_a_variant_without_the_others_guardrail_is_open():
    lonely = outcome(variant="b", difference=0.5)
    evidence = replace(SHIPS, outcomes=(*of("a", verdict="inconclusive"), lonely))
    found = decide(evidence)
    assert (found.decision, found.rule, found.candidate) == ("needs_review", "guardrail_open", "b")
    assert found.reasons[0] == "Not shown to be unharmed: refunds (no value)."


def test_comparisons_of_candidates_and_interactions_decide_nothing():
    interaction = outcome(variant="a × b", control=None, verdict="worse", p_value=0.001)
    beside = outcome(variant="a", control="b", verdict="worse")
    evidence = replace(
        SHIPS, outcomes=(beside, *of("a"), *of("b", verdict="inconclusive"), interaction)
    )
    found = decide(evidence)
    assert (found.decision, found.candidate) == ("ship", "a")
    assert any(text.startswith("Factors interact") for text in found.warnings)


def test_no_outcome_at_all():
    for ended, decision in ((True, "needs_review"), (False, "keep_running")):
        found = decide(Evidence((), SampleRatio(None, "ok"), ended=ended))
        assert found.decision == decision
        assert found.candidate is None
        assert found.reasons == ("There is no primary outcome to compare with a control.",)


def test_rules_by_name():
    assert in_words("no_guardrails") == "no guardrail"
    assert in_words("another") == "another"


numbers = some.one_of(
    some.none(), some.sampled_from([nan, inf, -inf, 0.0]), some.floats(-1e6, 1e6, width=32)
)
results = some.builds(
    OutcomeResult,
    kpi=some.sampled_from(["csat", "nps", "net_revenue"]),
    role=some.sampled_from(["primary", "guardrail", "secondary"]),
    variant=some.sampled_from(["warm", "cold", "warm × reason"]),
    control=some.sampled_from(["plain", "plain", "plain", "warm", None]),
    n=some.integers(0, 10**7),
    control_n=some.integers(0, 10**7),
    value=numbers,
    control_value=numbers,
    difference=numbers,
    low=numbers,
    high=numbers,
    relative=numbers,
    relative_low=numbers,
    relative_high=numbers,
    p_value=some.one_of(some.none(), some.floats(0, 1)),
    p_adjusted=some.one_of(some.none(), some.floats(0, 1)),
    margin=some.one_of(some.none(), some.floats(0, 1)),
    margin_kind=some.sampled_from([None, "relative", "absolute"]),
    verdict=some.sampled_from(VERDICTS),
    method=some.just("by hand"),
    title=some.sampled_from([None, "Net revenue", "Orders"]),
    unit=some.sampled_from([None, "share", "nps", "money", "hours", "count"]),
    better=some.sampled_from(["higher", "lower"]),
    layer=some.sampled_from([None, "commercial", "experience", "operational"]),
    why=some.sampled_from([None, "no units"]),
    waiting=some.integers(0, 100),
    power=some.one_of(some.none(), some.floats(0, 1)),
    detectable=numbers,
)
evidences = some.builds(
    Evidence,
    outcomes=some.lists(results, max_size=9).map(tuple),
    srm=some.builds(
        SampleRatio,
        p_value=some.one_of(some.none(), some.floats(0, 1)),
        state=some.sampled_from(get_args(SrmState)),
    ),
    variants=some.sampled_from(
        [(), (VariantCount("plain", 0.5, 0), VariantCount("warm", 0.5, 10))]
    ),
    candidates=some.sampled_from([(), ("warm",), ("warm", "cold")]),
    ended=some.booleans(),
    stopped=some.booleans(),
    sequential=some.sampled_from(["none", "confidence_sequence", "alpha_spending"]),
    looks=some.integers(0, 3),
    planned_looks=some.sampled_from([None, 2]),
    smallest_effect=some.sampled_from([None, 0.01]),
    planned_units=some.sampled_from([None, 1000]),
    crossovers=some.integers(0, 5),
)


@settings(max_examples=400, deadline=None)
@given(evidences)
def test_whatever_came_there_is_a_decision_and_it_is_safe(evidence):
    found = decide(evidence)
    assert found.decision in get_args(Decision)
    assert found.rule in {rule.name for rule in RULES}
    assert found.reasons
    assert all(text and "nan" not in text and "inf" not in text for text in found.reasons)
    assert all(text and "nan" not in text and "inf" not in text for text in found.warnings)
    assert (found.decision == "invalid") == (evidence.srm.state == "fail")
    if found.decision != "ship":
        return
    mine = [
        one
        for one in evidence.outcomes
        if one.variant == found.candidate and one.control == "plain"
    ]
    guardrails = [one for one in mine if one.role == "guardrail"]
    assert evidence.srm.state == "ok"
    assert guardrails
    assert all(one.verdict in ("non_inferior", "better") for one in guardrails)
    primary = next(one for one in mine if one.role == "primary")
    assert primary.verdict == "better"
    assert primary.value is not None
    assert primary.control_value is not None
    assert evidence.sequential != "none" or (evidence.ended and not evidence.stopped)


SPOILED = {
    "the sample ratio is doubtful": lambda e: replace(e, srm=SampleRatio(0.005, "caution")),
    "the sample ratio fails": lambda e: replace(e, srm=SampleRatio(0.0, "fail")),
    "no guardrails": lambda e: _with(e, [one for one in e.outcomes if one.role != "guardrail"]),
    "it still runs": lambda e: replace(e, ended=False, sequential="none"),
    "it was stopped": lambda e: replace(e, stopped=True, sequential="none"),
    "something is worse": lambda e: _with(
        e, [*e.outcomes, outcome(kpi="ease", role="secondary", verdict="worse")]
    ),
    **{
        f"a guardrail is {verdict}": lambda e, verdict=verdict: _with(
            e, [*e.outcomes, replace(HELD, kpi="churn", verdict=verdict)]
        )
        for verdict in VERDICTS
        if verdict not in ("non_inferior", "better")
    },
    **{
        f"the primary is {verdict}": lambda e, verdict=verdict: _with(
            e,
            [replace(one, verdict=verdict) if one.role == "primary" else one for one in e.outcomes],
        )
        for verdict in VERDICTS
        if verdict != "better"
    },
}


def _with(evidence: Evidence, outcomes: list[OutcomeResult]) -> Evidence:
    return replace(evidence, outcomes=tuple(outcomes))


@pytest.mark.parametrize("spoil", SPOILED)
@pytest.mark.parametrize("again", SPOILED)
def test_nothing_that_gets_worse_makes_it_ship(spoil, again):
    assert decide(SHIPS).decision == "ship"
    assert decide(SPOILED[spoil](SHIPS)).decision != "ship"
    assert decide(SPOILED[again](SPOILED[spoil](SHIPS))).decision != "ship"


@settings(max_examples=200, deadline=None)
@given(evidences)
def test_one_more_variant_never_makes_the_decision_worse(evidence):
    evidence = replace(evidence, candidates=("warm",))
    more = replace(evidence, candidates=("warm", "fresh"))
    before, after = decide(evidence), decide(more)
    assert BEST.index(after.decision) <= BEST.index(before.decision)


@settings(max_examples=100, deadline=None)
@given(evidences, some.permutations(range(9)))
def test_the_order_of_other_outcomes_does_not_matter(evidence, order):
    one_each = {(o.kpi, o.role, o.variant): o for o in evidence.outcomes}
    primary = {o.variant: o for o in one_each.values() if o.role == "primary"}
    outcomes = [o for o in one_each.values() if o.role != "primary"] + list(primary.values())
    evidence = replace(evidence, candidates=("warm",), outcomes=tuple(outcomes))
    shuffled = [outcomes[i] for i in order if i < len(outcomes)]
    found = decide(replace(evidence, outcomes=tuple(shuffled)))
    assert (found.decision, found.rule) == (decide(evidence).decision, decide(evidence).rule)


def test_a_case_for_each_candidate():
    both = replace(SHIPS, outcomes=(*of("a"), *of("b")))
    assert [case.variant for case in cases(both)] == ["a", "b"]
    assert [case.variant for case in cases(replace(both, candidates=("b",)))] == ["b"]
