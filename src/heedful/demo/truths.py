"""What was planted and what was left alone, with the values that a right reading must find."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from heedful.demo import expectations as e
from heedful.demo import parameters as p
from heedful.demo.parameters import Level, Shift
from heedful.demo.world import World

SETTLES_DAYS = 14
"""Rows younger than this at the end of the data may still change (open tickets, refunds)."""


@dataclass(frozen=True)
class Truth:
    """One expectation that changed once.

    Attributes:
        kpi: KPI id.
        dimension: Dimension, None for the total.
        segment: Its value, None for the total.
        since: The Monday from which on (local time of the row's beginning) `after` holds.
        before: Expectation before.
        after: Expectation from then on.
        release: Title of the annotation that marks it.
        says: One sentence.
    """

    kpi: str
    dimension: str | None
    segment: str | None
    since: date
    before: float
    after: float
    release: str
    says: str


@dataclass(frozen=True)
class Stable:
    """One expectation that holds all year; `value` is None where it is not known in closed form."""

    kpi: str
    dimension: str | None
    segment: str | None
    value: float | None


@dataclass(frozen=True)
class Effect:
    """What an experiment does.

    Attributes:
        name: Experiment id.
        first, last: The Mondays on which it begins and (exclusive) ends.
        outcome: What it is about, in words.
        relative: Relative difference of treatment and control, 0 where there is none.
    """

    name: str
    first: date
    last: date
    outcome: str
    relative: float


@dataclass(frozen=True)
class Release:
    """Something that the company did on a day."""

    day: date
    kind: str
    stage: str | None
    text: str


@dataclass(frozen=True)
class Truths:
    """Everything that is known of a simulated year.

    Attributes:
        seed: The seed it came from.
        start, until: First day, and the day before which the data end.
        settled: Rows that began before this day have all their outcomes.
        planted: What changed.
        stable: What did not.
        experiments: What the experiments do.
        releases: Annotations, as in `annotations.csv`.
        wave: Mondays of weeks that are fuller or emptier than others, and by how much. It moves
            volumes, and with them tickets and complaints per customer; no share, mean or median.
        rejected: Source -> rows that an import must reject.
        left_out: Source -> rows that a source leaves out on purpose.
        rows: File or table -> rows written, good ones only.
    """

    seed: int
    start: date
    until: date
    settled: date
    planted: tuple[Truth, ...]
    stable: tuple[Stable, ...]
    experiments: tuple[Effect, ...]
    releases: tuple[Release, ...]
    wave: dict[date, float]
    rejected: dict[str, int]
    left_out: dict[str, int]
    rows: dict[str, int]

    def write(self, path: Path) -> None:
        """Write them as YAML."""
        lines = ["# What a right reading of this simulated company must find.\n"]
        for field in fields(self):
            lines.append(_yaml(field.name, getattr(self, field.name)))
        path.write_text("".join(lines), encoding="utf-8")


def _yaml(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        rows = "".join(f"  - {_flow(asdict(row))}\n" for row in value)
        return f"{name}:\n{rows}" if rows else f"{name}: []\n"
    if isinstance(value, dict):
        return f"{name}: {_flow(value)}\n"
    return f"{name}: {_scalar(value)}\n"


def _flow(row: dict[Any, Any]) -> str:
    return "{" + ", ".join(f"{_scalar(k)}: {_scalar(v)}" for k, v in row.items()) + "}"


def _scalar(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(round(value, 6))
    if isinstance(value, str) and value.replace("_", "").isalnum() and not value.isdigit():
        return value
    return json.dumps(value, ensure_ascii=False)


NEW_FORM = "Plant match asks to measure the light"
NEW_BOT = "Twig 4: shorter answers, fewer questions back"
PRICING_FIX = "Pricing page shows what each box holds"


def planted(world: World) -> tuple[Truth, ...]:
    """What changes in the year, none without `planted`."""
    if not world.planted:
        return ()
    return (*_form(world), *_bot(world), *_pricing(world))


def _shift(world: World, kpi: str, where: tuple[str, str] | None, week: int, before: float,
           after: float, release: str, says: str) -> Truth:  # fmt: skip
    dimension, segment = where or (None, None)
    since = world.calendar.monday(week)
    return Truth(kpi, dimension, segment, since, before, after, release, says)


def _level(world: World, kpi: str, where: tuple[str, str] | None, level: Level, release: str,
           says: str) -> Truth:  # fmt: skip
    if not isinstance(level, Shift):
        raise TypeError(f"{kpi}: found a level that never changes, allowed: a Shift")
    return _shift(world, kpi, where, level.week, level.before, level.after, release, says)


def _form(world: World) -> list[Truth]:
    mobile, week = ("device", "mobile"), p.NEW_FORM
    out = [
        _level(world, "form_abandonment", mobile, p.FORM_ABANDONED["mobile"], NEW_FORM,
               "More people on phones give up the plant match, most of them at its third step."),
        _level(world, "form_time", mobile, p.FORM_SECONDS["mobile"], NEW_FORM,
               "Those on phones who finish the plant match need longer."),
        _level(world, "ease", mobile, p.EASY["mobile"], NEW_FORM,
               "Fewer people on phones find the plant match easy; they write of effort and clarity."),
    ]  # fmt: skip
    for where, curves in (
        (mobile, [e.value_reached("mobile", after=x) for x in (False, True)]),
        (None, [e.value_reached_by_all(after=x) for x in (False, True)]),
    ):
        before, after = curves
        out += [
            _shift(world, "activation", where, week, before(336.0), after(336.0), NEW_FORM,
                   "Fewer of those who sign up settle in their first plant within 14 days."),
            _shift(world, "time_to_first_value", where, week, e.quantile(before),
                   e.quantile(after), NEW_FORM,
                   "It takes longer until half of those who sign up have settled in a plant."),
        ]  # fmt: skip
    for kpi, levels in (("form_abandonment", p.FORM_ABANDONED), ("ease", p.EASY)):
        low, high = (e.mixed(levels, p.DEVICES, after=x) for x in (False, True))
        out.append(_shift(world, kpi, None, week, low, high, NEW_FORM,
                          "The same over all devices."))  # fmt: skip
    low, high = (e.quantile(e.form_seconds_of_all(after=x)) for x in (False, True))
    out.append(_shift(world, "form_time", None, week, low, high, NEW_FORM,
                      "The same over all devices."))  # fmt: skip
    return out


def _bot(world: World) -> list[Truth]:
    by_ai, week = ("handled_by", "ai"), p.NEW_BOT
    shares = {"ai": p.BY_AI, "human": 1 - p.BY_AI}
    out = [
        _level(world, "csat_ai", ("touchpoint", "chatbot"), p.SATISFIED["chatbot"], NEW_BOT,
               "Fewer are satisfied with the chatbot although it answers faster."),
        _level(world, "csat", ("touchpoint", "chatbot"), p.SATISFIED["chatbot"], NEW_BOT,
               "Fewer are satisfied with the chatbot although it answers faster."),
        _level(world, "ai_misunderstood", None, p.MISUNDERSTOOD, NEW_BOT,
               "The chatbot misunderstands more often."),
    ]  # fmt: skip
    before, after = (e.quantile(e.resolution("ai", after=x)) for x in (False, True))
    out.append(_shift(world, "resolution_time", by_ai, week, before, after, NEW_BOT,
                      "Tickets that the chatbot takes are closed sooner."))  # fmt: skip
    before, after = (e.quantile(e.resolution_of_all(after=x)) for x in (False, True))
    out.append(_shift(world, "resolution_time", None, week, before, after, NEW_BOT,
                      "Tickets are closed sooner."))  # fmt: skip
    for kpi, levels, says in (
        ("reopen_rate", p.REOPENED, "more of them are opened again"),
        ("repeat_contact", p.REPEATED, "more of them are followed by another on the same topic"),
    ):
        out.append(_level(world, kpi, by_ai, levels["ai"], NEW_BOT,
                          f"Of the chatbot's tickets, {says}."))  # fmt: skip
        before, after = (e.mixed(levels, shares, after=x) for x in (False, True))
        out.append(_shift(world, kpi, None, week, before, after, NEW_BOT,
                          f"Of all tickets, {says}."))  # fmt: skip
    return out


def _pricing(world: World) -> list[Truth]:
    return [
        _level(world, "bounce_rate", ("touchpoint", "pricing_page"), p.BOUNCED["pricing_page"],
               PRICING_FIX, "Fewer who land on the pricing page leave at once."),
        _level(world, "checkout_abandonment", ("form", "subscribe"),
               p.CHECKOUT_ABANDONED["subscribe"], PRICING_FIX,
               "Fewer give up while subscribing."),
        _level(world, "confidence", ("touchpoint", "pricing_page"), p.CONFIDENT, PRICING_FIX,
               "More are sure of their choice on the pricing page."),
        _level(world, "confidence", None, p.CONFIDENT, PRICING_FIX,
               "More are sure of their choice."),
    ]  # fmt: skip


def stable(world: World) -> tuple[Stable, ...]:
    """What keeps its expectation all year; without `planted`, all that would have changed too."""
    out: list[Stable] = []

    def add(kpi: str, value: float | None, dimension: str | None = None, *segments: str) -> None:
        out.extend(Stable(kpi, dimension, s, value) for s in segments or (None,))

    for device in ("desktop", "tablet"):
        add("form_abandonment", e.at(p.FORM_ABANDONED[device], after=False), "device", device)
        add("form_time", e.at(p.FORM_SECONDS[device], after=False), "device", device)
        add("ease", e.at(p.EASY[device], after=False), "device", device)
        reached = e.value_reached(device, after=False)
        add("activation", reached(336.0), "device", device)
        add("time_to_first_value", e.quantile(reached), "device", device)
    for place in ("home", "gift_page", "my_plants", "shop"):
        add("bounce_rate", e.at(p.BOUNCED[place], after=False), "touchpoint", place)
    add("checkout_abandonment", e.at(p.CHECKOUT_ABANDONED["shop"], after=False), "form", "shop")
    for place in ("recommendations", "email_support", "phone"):
        add("csat", e.at(p.SATISFIED[place], after=False), "touchpoint", place)
    add(
        "csat_ai",
        e.at(p.SATISFIED["recommendations"], after=False),
        "touchpoint",
        "recommendations",
    )
    add("nps", 100 * (p.PROMOTERS - p.DETRACTORS))
    for instrument, rate in p.ANSWERED.items():
        add("response_rate", rate, "instrument", instrument)
    add("reopen_rate", e.at(p.REOPENED["human"], after=False), "handled_by", "human")
    add("repeat_contact", e.at(p.REPEATED["human"], after=False), "handled_by", "human")
    add("resolution_time", e.quantile(e.resolution("human", after=False)), "handled_by", "human")
    add("first_response_time", p.FIRST_RESPONSE_HOURS["human"], "handled_by", "human")
    for who, share in p.ESCALATED.items():
        add("escalation_rate", share, "handled_by", who)
    add("ai_escalation_rate", p.ESCALATED["ai"])
    add("self_service", 1 - p.HELP_BECOMES_TICKET)
    add("explanation_acceptance", p.EXPLANATION_ACCEPTED)
    add("explanation_click_through", p.EXPLANATION_OPENED)
    for name in ("rationale", "policy", "confidence"):
        add(f"{name}_coverage", p.OUTPUT_SHARES[name])
    add("override_rate", p.OUTPUT_SHARES["overridden"])
    add("quality_checks_passed", p.REVIEW_PASSED)
    add("refund_rate", p.REFUNDED)
    add("unsubscribe_rate", p.UNSUBSCRIBED)
    for plan in p.PLANS:
        add("early_churn", p.EARLY_CHURN[plan], "plan", plan)
        add("retention", e.retained(plan, 90), "plan", plan)
    add("early_churn", 1 - e.retained_of_all(30))
    add("retention", e.retained_of_all(90))
    add("engagement_depth", None, "touchpoint", "home")
    if not world.planted:
        calm = World(world.calendar, world.customers, world.seed, planted=True)
        out.extend(Stable(t.kpi, t.dimension, t.segment, t.before) for t in planted(calm))
    return tuple(out)


def experiments(world: World) -> tuple[Effect, ...]:
    """What the two experiments do."""
    said = {
        "bundle-offer": ("amount of a shop order", p.BUNDLE_LIFT - 1),
        "reassuring-replies": ("satisfaction with the chatbot", 0.0),
    }
    monday = world.calendar.monday
    return tuple(
        Effect(name, monday(first), monday(last), *said[name])
        for name, (first, last) in p.EXPERIMENTS.items()
    )


def releases(world: World) -> tuple[Release, ...]:
    """What the company did, in order; some of it changes nothing."""
    monday = world.calendar.monday
    plain = [
        Release(monday(9), "campaign", "awareness", "Gift campaign starts"),
        Release(
            monday(13) + timedelta(days=2), "incident", "retention", "Parcel carrier on strike"
        ),
        Release(monday(17), "campaign", "awareness", "New year, new leaf"),
        Release(monday(24), "campaign", "awareness", "Repotting season"),
        Release(monday(29) + timedelta(days=3), "release", "expansion", "Shop gets a wish list"),
        Release(monday(38) + timedelta(days=1), "release", None, "New logo and colours"),
        Release(monday(47), "campaign", "awareness", "Back from holiday"),
    ]
    changing = [
        Release(monday(p.PRICING_FIX), "release", "consideration", PRICING_FIX),
        Release(monday(p.NEW_FORM), "release", "onboarding", NEW_FORM),
        Release(monday(p.NEW_BOT), "release", "retention", NEW_BOT),
    ]
    both = plain + (changing if world.planted else [])
    return tuple(sorted(both, key=lambda r: r.day))


def settled(world: World) -> date:
    """The day before which all rows have their outcomes."""
    return world.calendar.until - timedelta(days=SETTLES_DAYS)
