"""Drivers in words: an association is never called more than that."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from heedful.drivers.driver import Driver, Money, Proof
from heedful.drivers.outcome import OUTCOMES
from heedful.experiments.wording import (
    amount,
    decimals_of,
    difference,
    differences,
    effect,
    listed,
    p_value,
    percent,
)

if TYPE_CHECKING:
    from heedful.drivers.driver import Drivers

FALSE = 0.10
"""Share of false ones among associations that are called clear."""
SORTS = ("effect", "money")


def clear(one: Driver) -> bool:
    """Whether an association stands out from chance, in its family."""
    return one.p_adjusted is not None and one.p_adjusted <= FALSE


def sorted_by(found: Drivers, sort: str) -> Drivers:
    """The same in another order; ranks stay.

    Args:
        found: What goes with an outcome.
        sort: effect: by rank. money: by what one in ten comes to.
    """
    if sort != "money":
        return found

    def key(one: Driver) -> tuple[bool, float, int]:
        tenth = one.money.tenth if one.money else None
        return tenth is None or one.rank is None, -abs(tenth or 0.0), one.rank or 0

    return replace(found, drivers=tuple(sorted(found.drivers, key=key)))


def head(found: Drivers) -> str:
    """What it is about."""
    return f"{OUTCOMES[found.outcome].title}: {found.says}"


def headline(found: Drivers) -> str:
    """The one sentence to read."""
    if found.why is not None:
        return f"No associations: {found.why}."
    told = [one for one in found.drivers if one.rank is not None]
    sure = [one for one in told if clear(one)]
    if not told:
        return "Of no experience are there enough customers yet; the reasons are below."
    if not sure:
        return (
            f"None of {len(told)} experiences has a clear association with "
            f"{OUTCOMES[found.outcome].title.lower()}: each could be chance."
        )
    first = sure[0]
    text = f"The strongest association: {sentence(first, found)}"
    if len(sure) > 1:
        text += f" {len(sure)} of {len(told)} experiences have a clear association."
    return text


def sentence(one: Driver, found: Drivers) -> str:
    """An association in a sentence, in natural units."""
    done = OUTCOMES[found.outcome].done.format(days=found.days)
    where = (
        f" ({one.segment if one.segment is not None else 'not known'})" if found.dimension else ""
    )
    told = effect_of(one, found)
    if found.unit == "share":
        told = told.replace("pts", "points", 1)
        size, _, rest = told.partition(" (")
        more = "more" if (one.difference or 0) >= 0 else "fewer"
        size = size.lstrip("+−")
        told = f"{size} {more} {done} ({rest}"
    else:
        size, _, rest = told.partition(" (")
        more = "more" if (one.difference or 0) >= 0 else "less"
        told = f"{size.lstrip('+−')} {more} {done} ({rest}"
    return f"{one.title}{where}, {one.better} rather than {one.worse}: {told}."


def effect_of(one: Driver, found: Drivers) -> str:
    """The adjusted difference with its interval."""
    return effect(one.difference, one.low, one.high, found.unit, currency=found.currency)


def point(one: Driver, found: Drivers) -> str:
    """The adjusted difference alone."""
    places = decimals_of(found.unit, one.difference, one.low, one.high)
    return difference(one.difference, found.unit, decimals=places, currency=found.currency)


def ends(one: Driver, found: Drivers) -> str:
    """Its interval alone."""
    places = decimals_of(found.unit, one.difference, one.low, one.high)
    return f"({differences(one.low, one.high, found.unit, decimals=places)})"


def unadjusted(one: Driver, found: Drivers) -> str:
    """The plain difference."""
    places = decimals_of(found.unit, one.difference, one.low, one.high)
    return difference(one.unadjusted, found.unit, decimals=places, currency=found.currency)


def p_of(one: Driver) -> str:
    """The adjusted p-value."""
    return p_value(one.p_adjusted)


def e_of(one: Driver) -> str:
    """E-values of the difference and of its interval.

    >>> e_of(Driver("a", "A", None, None, "yes", "no", e_value=1.52, e_value_low=1.0))
    '1.5 / 1'
    """
    if one.e_value is None or one.e_value_low is None:
        return "–"
    end = "1" if one.e_value_low == 1 else f"{one.e_value_low:.1f}"
    return f"{one.e_value:.1f} / {end}"


def tenth(one: Driver, currency: str | None) -> str:
    """What the association comes to for one in ten of those concerned."""
    money = one.money
    if money is None or money.tenth is None:
        return "–"
    return f"{tenth_point(one, currency)} {tenth_ends(one)}"


def tenth_point(one: Driver, currency: str | None) -> str:
    """The same without its interval."""
    value = one.money.tenth if one.money else None
    return difference(value, "money", decimals=0, currency=currency)


def tenth_ends(one: Driver) -> str:
    """Its interval alone."""
    low, high = (one.money.tenth_low, one.money.tenth_high) if one.money else (None, None)
    return f"({differences(low, high, 'money', decimals=0)})"


def worth(one: Driver, found: Drivers) -> str:
    """The same in a careful sentence; empty without money."""
    money = one.money
    if money is None or money.tenth is None:
        return ""
    span = "a year" if money.months == 12 else f"{money.months} months"
    return (
        f"If the association were causal, which this does not show, the better experience for one "
        f"in ten of the {money.concerned:,} customers who had the worse one in {span} would go "
        f"with {tenth(one, found.currency)} in the {found.days} days after."
    )


def proved(one: Driver, currency: str | None) -> str:
    """What the experiment measured that takes precedence; empty without one."""
    proof = one.experiment
    if proof is None:
        return ""
    told = effect(proof.difference, proof.low, proof.high, proof.unit, currency=currency)
    return (
        f"{one.title}: the experiment {proof.title} moved it, and measured {told} on "
        f"{proof.kpi_title}. That is an effect, of the variant {proof.variant}; it goes before "
        f"the association."
    )


def notes(found: Drivers) -> list[str]:
    """What a reader must know to read it right."""
    if found.why is not None:
        return []
    waiting = f" {found.waiting:,} more wait: their {found.days} days are not over."
    span = f"the first of {found.landmarks} months, {found.first} to {found.last}"
    return [
        (
            "Associations, not causes: customers with better experiences may differ in ways that "
            "nobody measured. The E-value says how strongly such a difference would have to go "
            "with both to explain an association away (second figure: its interval). Experiments "
            "say why."
        ),
        (
            f"{found.customers:,} customers on {span} (landmarks); the experience is the last "
            "one in the month before a landmark, the outcome lies after it."
            f"{waiting if found.waiting else ''}"
        ),
        (
            f"Held equal: {listed(found.adjusted_for)}. Intervals are clustered by customer; "
            f"p by Benjamini-Hochberg over all that is shown, clear at {percent(FALSE)}."
        ),
    ]


def flat(found: Drivers) -> list[dict[str, Any]]:
    """A row a driver, with money and experiment as columns of their own."""
    rows = []
    for one in found.drivers:
        row: dict[str, Any] = {"outcome": found.outcome, "days": found.days, "unit": found.unit}
        row |= {
            each.name: getattr(one, each.name)
            for each in fields(Driver)
            if each.name not in {"money", "experiment"}
        }
        row |= {f"money_{each.name}": getattr(one.money, each.name, None) for each in fields(Money)}
        row |= {
            "experiment" if each.name == "experiment" else f"experiment_{each.name}": getattr(
                one.experiment, each.name, None
            )
            for each in fields(Proof)
        }
        rows.append(row)
    return rows


def percent_of(value: float | None, found: Drivers) -> str:
    """A value of the outcome."""
    return amount(value, found.unit, currency=found.currency)
