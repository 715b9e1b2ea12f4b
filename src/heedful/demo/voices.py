"""Comments beside answers, and reviews and mails that nobody asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo import phrases
from heedful.demo.answers import Answers, Asked
from heedful.demo.calendar import Ints
from heedful.demo.log import Frame
from heedful.demo.people import People
from heedful.demo.world import Flags, Words, World, ids, moment, pick, present

WRITES = 0.34
_COMMENTED = ("csat", "ces", "nps", "confidence")


@dataclass(frozen=True)
class Voices:
    """Texts with what their writer meant.

    Attributes:
        text: The words; None where nobody wrote.
        theme: What it is about.
        negative: Whether it complains.
    """

    text: Words
    theme: Words
    negative: Flags


def shares(about: Mapping[str, float]) -> dict[str, float]:
    """Complete the shares of themes: those not named split the rest.

    >>> round(sum(shares({"effort": 0.3}).values()), 9)
    1.0
    """
    rest = [t for t in phrases.THEMES if t not in about]
    left = 1.0 - sum(about.values())
    return {t: about.get(t, left / len(rest) if rest else 0.0) for t in phrases.THEMES}


def speak(rng: np.random.Generator, theme: Words, negative: Flags) -> Words:
    """Words for each theme and mood."""
    out = np.empty(len(theme), dtype=object)
    for mood, book in ((True, phrases.NEGATIVE), (False, phrases.POSITIVE)):
        name = "negative" if mood else "positive"
        openers = np.array(phrases.OPENERS[name], dtype=object)
        closers = np.array(phrases.CLOSERS[name], dtype=object)
        for about, lines in book.items():
            row = np.flatnonzero((theme == about) & (negative == mood))
            line = np.array(lines, dtype=object)[rng.integers(0, len(lines), len(row))]
            start = openers[rng.integers(0, len(openers), len(row))]
            out[row] = start + line + closers[rng.integers(0, len(closers), len(row))]
    reach = np.flatnonzero(rng.random(len(out)) < 0.008)
    out[reach] += np.array(phrases.REACH_ME, dtype=object)[rng.integers(0, 3, len(reach))]
    return out


def comments(world: World, who: People, asked: Asked, given: Answers) -> Voices:
    """What some write with their answer: complaints with low answers, praise with high."""
    rng, n = world.rng("comments"), len(given.row)
    touchpoint, instrument = asked.touchpoint[given.row], asked.instrument[given.row]
    day, device = asked.day[given.row], who.device[asked.person[given.row]]
    top = np.select([instrument == "nps", instrument == "ces"], [8, 5], 4)
    negative = given.score < top
    theme = np.empty(n, dtype=object)
    for place in {str(x) for x in touchpoint}:
        row = np.flatnonzero(touchpoint == place)
        theme[row] = pick(rng, shares(phrases.ABOUT.get(place, {})), len(row))
    changed = world.planted & negative
    for place, week, about, who_of in (
        ("onboarding_form", p.NEW_FORM, phrases.ABOUT_NEW_FORM, device == "mobile"),
        ("chatbot", p.NEW_BOT, phrases.ABOUT_NEW_BOT, np.ones(n, dtype=np.bool_)),
    ):
        row = np.flatnonzero(changed & (touchpoint == place) & (day >= 7 * week) & who_of)
        theme[row] = pick(rng, shares(about), len(row))
    writes = np.isin(instrument, _COMMENTED) & (rng.random(n) < WRITES)
    text = np.full(n, None, dtype=object)
    text[writes] = speak(rng, theme[writes], negative[writes])
    return Voices(text, theme, negative)


def feedback(world: World, who: People) -> tuple[Frame, Voices]:
    """Reviews, mails and posts of members; about a third complain, all year long."""
    rng = world.rng("feedback")
    members = np.flatnonzero(who.last_day > who.first_day)
    person = rng.choice(members, world.customers // 4)
    day: Ints = world.calendar.days(rng, who.first_day[person], who.last_day[person])
    at = world.calendar.moments(rng, day)
    order = np.lexsort((person, at))
    person, at = person[order], at[order]
    n = len(person)
    negative = rng.random(n) < 0.34
    theme = pick(rng, shares({}), n)
    text = speak(rng, theme, negative)
    rating = np.where(negative, rng.integers(1, 4, n), rng.integers(4, 6, n))
    source = pick(rng, {"review": 0.4, "mail": 0.3, "app_store": 0.2, "social": 0.1}, n)
    rated = np.isin(source, ["review", "app_store"])
    old = who.old_id[person]
    frame: Frame = {
        "feedback_id": ids("f", np.arange(n) + 1, 6),
        "said_at": moment(at),
        "customer_id": np.where(present(old), old, who.customer_id[person]),
        "text": text,
        "source": source,
        "device": who.device[person],
        "channel": np.where(source == "mail", "email", source),
        "rating": np.where(rated, rating.astype(np.float64), np.nan),
        "language": np.full(n, "en", dtype=object),
    }
    return frame, Voices(text, theme, negative)


def meant(kind: str, key: Words, voices: Voices) -> Frame:
    """What the writers meant, to judge any reading of their words by."""
    wrote = present(voices.text)
    return {
        "table": np.full(int(wrote.sum()), kind, dtype=object),
        "id": key[wrote],
        "theme": voices.theme[wrote],
        "negative": voices.negative[wrote],
    }
