"""From evidence to a decision: the first rule that applies decides, and says what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from heedful.experiments.caveats import caveats
from heedful.experiments.evidence import Case, Evidence, cases
from heedful.experiments.readout import Decision
from heedful.experiments.sentences import held, inner, moves, sentence
from heedful.experiments.wording import counted, listed, p_equals, percent

BEST: tuple[Decision, ...] = ("ship", "needs_review", "keep_running", "do_not_ship", "invalid")
"""Decisions, the best first: which of several variants the decision is about."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What to do, and why.

    Attributes:
        decision: What to do.
        rule: Short name of the rule that decided; `RULES` has its words.
        reasons: What it saw, the deciding sentence first.
        warnings: What to read with care.
        candidate: The variant the decision is about; None where there is none to speak of.
    """

    decision: Decision
    rule: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    candidate: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: Its stable short name.
        decision: What it decides.
        words: The rule in a few words.
        when: Whether it applies; each holds by itself, not only after those before it.
        says: The sentence with the figures.
    """

    name: str
    decision: Decision
    words: str
    when: Callable[[Case], bool]
    says: Callable[[Case], str]


def decide(evidence: Evidence) -> Decided:
    """Decide about the best variant.

    Every variant that could be chosen is judged by `RULES`, in their order; the best decision
    counts (see `BEST`), and among equals the greatest effect on the primary KPI.

    Args:
        evidence: Outcomes with their verdicts, and how the experiment went.

    Returns:
        Always a decision, with a rule and at least one reason.

    >>> from heedful.experiments.example import outcome
    >>> from heedful.experiments.readout import SampleRatio
    >>> decided = decide(Evidence((outcome(),), SampleRatio(0.9, "ok")))
    >>> decided.decision, decided.rule, decided.candidate
    ('needs_review', 'no_guardrails', 'warm')
    >>> decide(Evidence((outcome(),), SampleRatio(1e-9, "fail"))).decision
    'invalid'
    """
    judged = [(case, rule_for(case)) for case in cases(evidence)]
    case, rule = min(judged, key=lambda pair: (BEST.index(pair[1].decision), -pair[0].gain))
    reasons = [*_reasons(case, rule)]
    if rule.decision != "invalid":
        reasons += [
            f"{other.variant}: {_WORDS[its.decision]} ({its.words})."
            for other, its in judged
            if other is not case
        ]
    return Decided(
        decision=rule.decision,
        rule=rule.name,
        reasons=tuple(reasons),
        warnings=caveats(case),
        candidate=case.variant if rule.decision != "invalid" else None,
    )


def rule_for(case: Case) -> Rule:
    """The first rule that applies to one variant."""
    return next(rule for rule in RULES if rule.when(case))


def in_words(rule: str) -> str:
    """A rule by its name, in a few words; a name that is no rule stays as it is.

    >>> in_words("primary_better")
    'primary better, no guardrail harmed'
    """
    return next((one.words for one in RULES if one.name == rule), rule)


def _reasons(case: Case, rule: Rule) -> list[str]:
    """The deciding sentence, those of other rules that would decide the same, then the rest."""
    said = [rule.says(case)]
    if rule.decision == "invalid":
        return said
    said += [
        other.says(case)
        for other in RULES
        if other is not rule and other.decision == rule.decision and other.when(case)
    ]
    if _main(case) not in said:
        said.append(_main(case))
    guardrails = case.guardrails
    if guardrails and len(case.guarded("held")) == len(guardrails) and not case.unread:
        said.append(_inside(case))
    if rule.decision == "ship":
        said += _sound(case)
    return said


def _sound(case: Case) -> Iterator[str]:
    evidence = case.evidence
    yield f"The sample ratio holds: {_counts(evidence)}."
    if evidence.sequential == "confidence_sequence":
        yield "It may be looked at on any day: intervals are those of a confidence sequence."
    elif evidence.sequential == "alpha_spending":
        yield "Looks before the end are allowed for: alpha was spent over planned looks."


def _inside(case: Case) -> str:
    number = len(case.guardrails)
    currency = case.evidence.currency
    if number == 1:
        return f"The guardrail stays inside its margin: {held(case.guardrails[0], currency)}."
    which = "; ".join(held(one, currency) for one in case.guardrails)
    return f"All {number} guardrails stay inside their margins: {which}."


def _counts(evidence: Evidence) -> str:
    units = listed([counted(one.units) for one in evidence.variants])
    planned = " : ".join(percent(one.weight).removesuffix("%") for one in evidence.variants)
    p = p_equals(evidence.srm.p_value)
    return f"{units} {evidence.unit}s, planned {planned}, {p}" if units else p


def _main(case: Case) -> str:
    if case.primary is None:
        return "There is no primary outcome to compare with a control."
    return sentence(case.primary, case.evidence.currency)


def _ratio_failed(case: Case) -> str:
    evidence = case.evidence
    return (
        f"{evidence.unit.capitalize()}s did not fall on the variants as planned: "
        f"{_counts(evidence)}. Something loses or adds them, and until it is found no figure here "
        "says what the change did."
    )


def _ratio_doubtful(case: Case) -> str:
    return (
        f"The sample ratio is doubtful: {_counts(case.evidence)}. With a doubtful sample nothing "
        "ships without a person."
    )


def _harmed(case: Case) -> str:
    which = "; ".join(held(one, case.evidence.currency) for one in case.guarded("harmed"))
    return f"Harmed: {which}."


def _price(case: Case) -> str:
    return f"{_harmed(case)} Whether the gain is worth that is for the approver to sign."


def _not_held(case: Case) -> str:
    which = [held(one, case.evidence.currency) for one in case.guarded("open")]
    which += [f"{kpi} (no value)" for kpi in case.unread]
    return f"Not shown to be unharmed: {'; '.join(which)}."


def _unreadable(case: Case) -> str:
    which = [f"{inner(one)} ({one.why or 'void'})" for one in case.guarded("void")]
    return f"A guardrail cannot be read: {'; '.join(which)}."


def _paid(case: Case) -> str:
    worse = "; ".join(moves(one, case.evidence.currency) for one in case.paid)
    return f"Someone paid for the better number: {worse}."


def _premature(_: Case) -> str:
    return (
        "A test of fixed length is read once, when its planned end and the windows of its outcomes "
        "have passed; until then an effect is more often luck than the p value says."
    )


def _stopped(_: Case) -> str:
    return (
        "It was stopped before its planned end, and its design allows for no look before: the "
        "effect is more often luck than the p value says."
    )


def _unguarded(_: Case) -> str:
    return "There is no guardrail: nobody looked at what the gain may have cost."


RULES: tuple[Rule, ...] = (
    Rule(
        "sample_ratio_failed",
        "invalid",
        "sample ratio does not hold",
        lambda case: case.evidence.srm.state == "fail",
        _ratio_failed,
    ),
    Rule(
        "better_but_guardrail_harmed",
        "needs_review",
        "primary better, a guardrail harmed",
        lambda case: case.better and bool(case.guarded("harmed")),
        _price,
    ),
    Rule(
        "guardrail_harmed",
        "do_not_ship",
        "a guardrail harmed",
        lambda case: not case.better and bool(case.guarded("harmed")),
        _harmed,
    ),
    Rule(
        "no_value_yet",
        "keep_running",
        "primary has no value yet",
        lambda case: case.read is None and case.evidence.running,
        _main,
    ),
    Rule(
        "no_value",
        "needs_review",
        "primary has no value",
        lambda case: case.read is None and case.evidence.ended,
        _main,
    ),
    Rule("primary_void", "needs_review", "primary is void", lambda case: case.void, _main),
    Rule("primary_worse", "do_not_ship", "primary worse", lambda case: case.worse, _main),
    Rule(
        "not_clear_yet",
        "keep_running",
        "no effect shown yet",
        lambda case: case.unclear and case.evidence.running,
        _main,
    ),
    Rule(
        "no_effect_shown",
        "do_not_ship",
        "no effect shown",
        lambda case: case.unclear and case.evidence.ended,
        _main,
    ),
    Rule(
        "before_planned_end",
        "keep_running",
        "primary better, but the planned end has not come",
        lambda case: case.better and case.evidence.fixed and case.evidence.running,
        _premature,
    ),
    Rule(
        "stopped_early",
        "needs_review",
        "primary better, but stopped before the planned end",
        lambda case: case.better and case.evidence.fixed and case.evidence.stopped,
        _stopped,
    ),
    Rule(
        "sample_ratio_doubtful",
        "needs_review",
        "sample ratio is doubtful",
        lambda case: case.better and case.evidence.srm.state == "caution",
        _ratio_doubtful,
    ),
    Rule(
        "guardrail_void",
        "needs_review",
        "a guardrail is void",
        lambda case: case.better and bool(case.guarded("void")),
        _unreadable,
    ),
    Rule(
        "guardrail_open_yet",
        "keep_running",
        "a guardrail is not yet shown to be unharmed",
        lambda case: case.better and case.open and case.evidence.running,
        _not_held,
    ),
    Rule(
        "guardrail_open",
        "needs_review",
        "a guardrail is not shown to be unharmed",
        lambda case: case.better and case.open and case.evidence.ended,
        _not_held,
    ),
    Rule(
        "no_guardrails",
        "needs_review",
        "no guardrail",
        lambda case: case.better and not case.guardrails and not case.unread,
        _unguarded,
    ),
    Rule(
        "better_at_a_price",
        "needs_review",
        "primary better, another outcome worse",
        lambda case: case.better and bool(case.paid),
        _paid,
    ),
    Rule(
        "primary_better",
        "ship",
        "primary better, no guardrail harmed",
        lambda case: case.better,
        _main,
    ),
)
"""All rules, in the order in which they are tried; docs/decisions.md explains them."""

_WORDS: dict[Decision, str] = {
    "ship": "ship",
    "do_not_ship": "do not ship",
    "keep_running": "keep running",
    "needs_review": "needs review",
    "invalid": "invalid",
}
