"""Surveys: who is asked what, who answers, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import Floats, Ints
from heedful.demo.log import Frame
from heedful.demo.luck import Luck
from heedful.demo.people import People
from heedful.demo.world import Words, World, ids, only, present

_FIVE_HIGH, _FIVE_LOW = (0.55, 0.45), (0.50, 0.27, 0.23)
_SEVEN_HIGH, _SEVEN_LOW = (0.38, 0.36, 0.26), (0.42, 0.26, 0.18, 0.14)


@dataclass(frozen=True)
class Asked:
    """Questions shown: one row each, not in order of time."""

    person: Ints
    at: Ints
    day: Ints
    instrument: Words
    touchpoint: Words
    high: Floats
    ticket_id: Words
    output_id: Words


@dataclass
class Survey:
    """Collects questions shown.

    Attributes:
        world: The run.
    """

    world: World
    _parts: list[Asked] = field(default_factory=list)

    def ask(
        self,
        person: Ints,
        at: Ints,
        instrument: str,
        touchpoint: Words | str,
        high: Floats,
        *,
        ticket_id: Words | None = None,
        output_id: Words | None = None,
    ) -> None:
        """Show a question; those that could not be answered before the data end are left out.

        Args:
            person: Who.
            at: UTC seconds.
            instrument: Which question.
            touchpoint: Where, one for all or one a row.
            high: Chance that an answer is a good one (of nps: meaningless).
            ticket_id: The ticket it is about.
            output_id: The machine's output it is about.
        """
        n = len(person)
        empty = np.full(n, None, dtype=object)
        place = touchpoint if isinstance(touchpoint, np.ndarray) else np.full(n, touchpoint, object)
        kept = at < self.world.calendar.end - 1800
        day = self.world.calendar.day_of(at)
        whole = Asked(
            person,
            at,
            day,
            np.full(n, instrument, dtype=object),
            place,
            high,
            empty if ticket_id is None else ticket_id,
            empty if output_id is None else output_id,
        )
        self._parts.append(Asked(*(getattr(whole, x)[kept] for x in Asked.__annotations__)))

    def asked(self) -> Asked:
        """All questions by time."""
        joined = {
            x: np.concatenate([getattr(a, x) for a in self._parts]) for x in Asked.__annotations__
        }
        order = np.argsort(joined["at"], kind="stable")
        return Asked(**{name: column[order] for name, column in joined.items()})


@dataclass(frozen=True)
class Answers:
    """Questions answered, by time; `row` points into what was asked."""

    row: Ints
    at: Ints
    score: Ints
    scale_min: Ints
    scale_max: Ints


def answer(world: World, asked: Asked, luck: Luck) -> Answers:
    """Some answer, whatever they think; what they think is a matter of instrument and place."""
    rng = world.rng("answers")
    rate = np.array([p.ANSWERED[x] for x in asked.instrument])
    row = np.flatnonzero(luck.draw("answers", asked.person) < rate)
    at = asked.at[row] + rng.integers(15, 600, len(row))
    order = np.argsort(at, kind="stable")
    row, at = row[order], at[order]
    instrument, high = asked.instrument[row], asked.high[row]
    chance = luck.draw("content", asked.person[row])
    five = _score(chance, high, _FIVE_LOW, _FIVE_HIGH)
    seven = _score(chance, high, _SEVEN_LOW, _SEVEN_HIGH)
    eleven = recommend(chance)
    score = np.select([instrument == "nps", instrument == "ces"], [eleven, seven], five)
    return Answers(
        row,
        at,
        score,
        np.where(instrument == "nps", 0, 1),
        np.select([instrument == "nps", instrument == "ces"], [10, 7], 5),
    )


def _score(
    chance: Floats, high: Floats, low_parts: tuple[float, ...], high_parts: tuple[float, ...]
) -> Ints:
    """Read an answer off a quantile: worst answers at the bottom.

    Args:
        chance: Quantiles.
        high: Chance of a good answer, each row its own.
        low_parts: How the others split, best of them first.
        high_parts: How the good ones split, best first.
    """
    score = np.ones(len(chance), dtype=np.int64)
    edge = np.zeros(len(chance))
    for part in reversed(low_parts):
        edge = edge + (1 - high) * part
        score += chance >= edge
    for part in tuple(reversed(high_parts))[:-1]:
        edge = edge + high * part
        score += chance >= edge
    return score


def recommend(chance: Floats) -> Ints:
    """Answer from 0 to 10 of a quantile.

    >>> recommend(np.array([0.0, 0.2, 0.22, 0.53, 0.55, 0.99]))
    array([ 0,  6,  7,  8,  9, 10])
    """
    shares = np.array([0.08, 0.04, 0.05, 0.09, 0.12, 0.27, 0.35])
    middle = 1 - p.PROMOTERS - p.DETRACTORS
    edges = np.concatenate([
        p.DETRACTORS * np.cumsum(shares),
        p.DETRACTORS + middle * np.array([0.42, 1.0]),
        [1 - 0.55 * p.PROMOTERS],
    ])  # fmt: skip
    return np.searchsorted(edges, chance, side="right").astype(np.int64)


def invitations(who: People, asked: Asked) -> Frame:
    """The file of questions shown."""
    mail = np.isin(asked.instrument, ["nps"]) | np.isin(
        asked.touchpoint, ["email_support", "phone"]
    )
    member = present(who.customer_id[asked.person])
    member &= asked.at >= who.signed_up[asked.person]
    return {
        "invitation_id": ids("i", np.arange(len(asked.person)) + 1),
        "shown_at": asked.at.astype("datetime64[s]"),
        "customer_id": only(member, who.customer_id[asked.person]),
        "anonymous_id": only(~member, who.cookie[asked.person]),
        "instrument": asked.instrument,
        "touchpoint": asked.touchpoint,
        "device": who.device[asked.person],
        "channel": np.where(mail, "email", "in_app").astype(object),
        "survey": np.array([f"{x}-2025" for x in asked.instrument], dtype=object),
        "ticket_id": asked.ticket_id,
    }


def responses(shown: Frame, asked: Asked, given: Answers, comment: Words) -> Frame:
    """The file of answers."""
    row = given.row
    copied = (
        "customer_id",
        "anonymous_id",
        "instrument",
        "touchpoint",
        "device",
        "channel",
        "survey",
    )
    return {
        "response_id": ids("r", np.arange(len(row)) + 1),
        "answered_at": given.at.astype("datetime64[s]"),
        "score": given.score,
        "scale_min": given.scale_min,
        "scale_max": given.scale_max,
        "comment": comment,
        **{name: shown[name][row] for name in copied},
        "invitation_id": shown["invitation_id"][row],
        "ticket_id": asked.ticket_id[row],
        "output_id": asked.output_id[row],
        "language": only(present(comment), "en"),
    }
