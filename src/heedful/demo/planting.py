"""Which truths a run holds: what changes, what does not, what the company did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from heedful.demo import expectations as e
from heedful.demo import parameters as p
from heedful.demo.parameters import Level
from heedful.demo.truths import Effect, Release, Stable, Truth
from heedful.demo.world import World

SETTLES_DAYS = 14
"""Rows younger than this at the end of the data may still change (open tickets, refunds)."""

#: Week -> what was released on its Monday and changed something.
CHANGES = {
    p.PRICING_FIX: ("consideration", "Pricing page shows what each box holds"),
    p.NEW_FORM: ("onboarding", "Plant match asks to measure the light"),
    p.NEW_BOT: ("retention", "Twig 4: shorter answers, fewer questions back"),
}
_ALL = {"ai": p.BY_AI, "human": 1 - p.BY_AI}
_SOONER = "Tickets are closed sooner after the chatbot's release"
_AGAIN = "More tickets are opened again after the chatbot's release"
_BACK = "More customers come back on the same topic after the chatbot's release"
_GIVE_UP = "More people give up the plant match, on phones, most of them at its third step"
_LONGER = "Those who finish the plant match on phones need longer"
_HARDER = "Fewer find the plant match easy, on phones; they write of effort and clarity"
_FEWER = "Fewer of those who sign up on phones settle in their first plant within 14 days"
_LATER = "It takes longer until half of those who sign up on phones have settled in a plant"
_UNHAPPY = "Fewer are satisfied with the chatbot although it answers faster"


class _Planting:
    """Collects truths of one release."""

    def __init__(self, world: World, week: int) -> None:
        self._since, self._release = world.calendar.monday(week), CHANGES[week][1]
        self.truths: list[Truth] = []

    def pair(self, kpi: str, where: str | None, pair: tuple[float, float], says: str) -> None:
        """Add a truth; `where` is `dimension=segment`, None for the total."""
        dimension, segment = where.split("=") if where else (None, None)
        before, after = pair
        self.truths.append(
            Truth(kpi, dimension, segment, self._since, before, after, self._release, f"{says}.")
        )

    def level(self, kpi: str, where: str | None, level: Level, says: str) -> None:
        """Add a truth that is a parameter."""
        self.pair(kpi, where, (e.at(level, after=False), e.at(level, after=True)), says)


def planted(world: World) -> tuple[Truth, ...]:
    """What changes in the year, none without `planted`."""
    return (*_form(world), *_bot(world), *_pricing(world)) if world.planted else ()


def _both(curve: Callable[..., e.Curve], *key: str) -> tuple[e.Curve, e.Curve]:
    return curve(*key, after=False), curve(*key, after=True)


def _medians(curves: tuple[e.Curve, e.Curve]) -> tuple[float, float]:
    return e.quantile(curves[0]), e.quantile(curves[1])


def _mix(levels: p.Levels, shares: Mapping[str, float]) -> tuple[float, float]:
    return e.mixed(levels, shares, after=False), e.mixed(levels, shares, after=True)


def _form(world: World) -> list[Truth]:
    book, mobile = _Planting(world, p.NEW_FORM), "device=mobile"
    book.level("form_abandonment", mobile, p.FORM_ABANDONED["mobile"], _GIVE_UP)
    book.pair("form_abandonment", None, _mix(p.FORM_ABANDONED, p.DEVICES), _GIVE_UP)
    book.level("form_time", mobile, p.FORM_SECONDS["mobile"], _LONGER)
    book.pair("form_time", None, _medians(_both(e.form_seconds_of_all)), _LONGER)
    book.level("ease", mobile, p.EASY["mobile"], _HARDER)
    book.pair("ease", None, _mix(p.EASY, p.DEVICES), _HARDER)
    for where, reached in (
        (mobile, _both(e.value_reached, "mobile")),
        (None, _both(e.value_reached_by_all)),
    ):
        fortnight = (reached[0](336.0), reached[1](336.0))
        book.pair("activation", where, fortnight, _FEWER)
        book.pair("time_to_first_value", where, _medians(reached), _LATER)
    return book.truths


def _bot(world: World) -> list[Truth]:
    book, ai = _Planting(world, p.NEW_BOT), "handled_by=ai"
    for kpi in ("csat_ai", "csat"):
        book.level(kpi, "touchpoint=chatbot", p.SATISFIED["chatbot"], _UNHAPPY)
    book.level("ai_misunderstood", None, p.MISUNDERSTOOD, "The chatbot misunderstands more often")
    book.pair("resolution_time", ai, _medians(_both(e.resolution, "ai")), _SOONER)
    book.pair("resolution_time", None, _medians(_both(e.resolution_of_all)), _SOONER)
    for kpi, levels, says in (
        ("reopen_rate", p.REOPENED, _AGAIN),
        ("repeat_contact", p.REPEATED, _BACK),
    ):
        book.level(kpi, ai, levels["ai"], says)
        book.pair(kpi, None, _mix(levels, _ALL), says)
    return book.truths


def _pricing(world: World) -> list[Truth]:
    book = _Planting(world, p.PRICING_FIX)
    says = "Fewer who land on the pricing page leave at once"
    book.level("bounce_rate", "touchpoint=pricing_page", p.BOUNCED["pricing_page"], says)
    says = "Fewer give up while subscribing"
    book.level(
        "checkout_abandonment", "touchpoint=checkout", p.CHECKOUT_ABANDONED["subscribe"], says
    )
    for where in ("touchpoint=pricing_page", None):
        book.level("confidence", where, p.CONFIDENT, "More are sure of their choice of a plan")
    return book.truths


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
    add(
        "checkout_abandonment",
        e.at(p.CHECKOUT_ABANDONED["shop"], after=False),
        "touchpoint",
        "shop_checkout",
    )
    for place in ("recommendations", "email_support", "phone", "checkout", "shop_checkout"):
        add("csat", e.at(p.SATISFIED[place], after=False), "touchpoint", place)
    add(
        "csat_ai",
        e.at(p.SATISFIED["recommendations"], after=False),
        "touchpoint",
        "recommendations",
    )
    for place, level in p.RELEVANT.items():
        add("relevance", e.at(level, after=False), "touchpoint", place)
    add("relevance", p.AGREE["relevance"], "touchpoint", "recommendations")
    add("trust", p.AGREE["trust"])
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
        Release(monday(week), "release", stage, text) for week, (stage, text) in CHANGES.items()
    ]
    both = plain + (changing if world.planted else [])
    return tuple(sorted(both, key=lambda r: r.day))


def settled(world: World) -> date:
    """The day before which all rows have their outcomes."""
    return world.calendar.until - timedelta(days=SETTLES_DAYS)
