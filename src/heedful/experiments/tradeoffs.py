"""What got better at the price of what: commercial beside human outcomes, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heedful.experiments.readout import OutcomeResult
from heedful.experiments.sentences import SIDES, Side, inner, known, moves, side_of
from heedful.experiments.wording import listed

MOST = 2
"""How many gains one sentence names."""


def trade_offs(outcomes: Sequence[OutcomeResult], currency: str | None = None) -> tuple[str, ...]:
    r"""Name every price that was paid, and what for.

    A price is an outcome that is shown to be worse, a guardrail that is harmed, or one that got
    worse within its margin. It stands beside what got better on another side (commercial, human,
    service), or else on its own side. Nothing is named where nothing was paid.

    Args:
        outcomes: Effects with their verdicts, of any number of variants.
        currency: Of money.

    Returns:
        A sentence for each variant and each side that paid; the variant's name stands first where
        there are several.

    >>> from heedful.experiments.example import outcome
    >>> gain = outcome(kpi="net_revenue", title="Net revenue", layer="commercial", unit="money",
    ...     relative=0.031, relative_low=0.004, relative_high=0.059)
    >>> loss = outcome(role="secondary", title="Satisfaction", verdict="worse",
    ...     difference=-0.022, low=-0.039, high=-0.005)
    >>> [text.replace("\xa0", " ") for text in trade_offs([gain, loss])]
    ['Net revenue is up 3.1% (+0.4 to +5.9) while satisfaction is down 2.2 points (−3.9 to −0.5).']
    >>> trade_offs([gain])
    ()
    """
    compared = [one for one in outcomes if one.control and known(one) and one.verdict != "void"]
    variants = tuple(dict.fromkeys(one.variant for one in compared))
    said = []
    for variant in variants:
        mine = [one for one in compared if one.variant == variant]
        name = f"{variant}: " if len(variants) > 1 else ""
        said += [name + text for text in _of_variant(mine, currency)]
    return tuple(said)


def gained(outcome: OutcomeResult) -> bool:
    """Whether it is shown to be better; of a guardrail, whether its interval says so."""
    if outcome.role == "guardrail":
        return outcome.verdict in ("non_inferior", "better") and _beyond_zero(outcome) > 0
    return outcome.verdict == "better"


def paid(outcome: OutcomeResult) -> bool:
    """Whether it is shown to be worse, be it within a guardrail's margin."""
    if outcome.verdict in ("worse", "harmed"):
        return True
    return outcome.role == "guardrail" and _beyond_zero(outcome) < 0


def _of_variant(mine: Sequence[OutcomeResult], currency: str | None) -> Iterator[str]:
    gains = [one for one in mine if gained(one)]
    for side in SIDES:
        prices = [one for one in mine if paid(one) and side_of(one) == side]
        if prices:
            yield _sentence(_bought(gains, side), prices, currency)


def _bought(gains: Sequence[OutcomeResult], side: Side) -> list[OutcomeResult]:
    """Gains to name beside a price: those of other sides, the primary outcome's first."""
    others = [one for one in gains if side_of(one) != side] or list(gains)
    return sorted(others, key=lambda one: one.role != "primary")[:MOST]


def _sentence(
    gains: Sequence[OutcomeResult], prices: Sequence[OutcomeResult], currency: str | None
) -> str:
    lost = listed([_within(one, currency) for one in prices])
    if not gains:
        return f"{lost[0].upper()}{lost[1:]}, and nothing got better for it."
    first, *rest = gains
    won = listed([moves(first, currency), *(_within(one, currency) for one in rest)])
    return f"{won} while {lost}."


def _within(outcome: OutcomeResult, currency: str | None) -> str:
    """How it moved, within a sentence; whether that stays inside a guardrail's margin."""
    text = moves(outcome, currency)
    text = inner(outcome) + text[len(inner(outcome)) :]
    return f"{text}, within its margin" if outcome.verdict == "non_inferior" else text


def _beyond_zero(outcome: OutcomeResult) -> int:
    """1 where the interval of the difference lies on the good side of zero, -1 on the bad one."""
    if outcome.low is None or outcome.high is None:
        return 0
    side = (outcome.low > 0) - (outcome.high < 0)
    return side if outcome.better == "higher" else -side
