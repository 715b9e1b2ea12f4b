"""A company large enough to measure speed on, drawn in a minute or two.

`draw(folder)` writes a project of 20 million events, 2 million tickets, 2 million answers and
500,000 customers over a year, as Parquet files a month, and the same for one day more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = np.datetime64("2025-01-01", "us")
DAYS = 365
DAY = 86_400_000_000
DIMENSIONS = ("device", "channel", "country", "plan", "region", "tier")
PAGES = [f"/p/{number}" for number in range(60)]
TOUCHPOINTS = ("home", "pricing", "sign_up", "first_steps", "product", "help_center", "assistant")
SETTINGS = """name: Speed
timezone: UTC
currency: EUR
stages: [awareness, consideration, conversion, onboarding, retention, expansion]
touchpoints:
  home: {stage: awareness, pages: ["/p/1*"]}
  pricing: {stage: consideration, pages: ["/p/2*"]}
  sign_up: {stage: conversion, pages: ["/p/3*"]}
  first_steps: {stage: onboarding, pages: ["/p/4*"]}
  product: {stage: retention, pages: ["/p/5*"]}
  help_center: {stage: retention}
  assistant: {stage: retention, ai: true}
teams: {cx: {name: Customer experience}}
data: data
"""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    events: int = 20_000_000
    tickets: int = 2_000_000
    responses: int = 2_000_000
    customers: int = 500_000

    def shrunk(self, times: float) -> Size:
        """The same company, so many times smaller."""
        return Size(*(int(n / times) for n in (20e6, 2e6, 2e6, 500e3)))


def draw(folder: Path, size: Size, kpis: dict[str, str]) -> None:
    """Write the project: definitions, and its files under `exports/`.

    Args:
        folder: Where; must not exist.
        size: How much.
        kpis: Text of `kpis/<id>.yaml` by id.
    """
    rng = np.random.default_rng(20)
    for name in ("sources", "kpis", "playbooks", "exports"):
        (folder / name).mkdir(parents=True)
    (folder / "heedful.yaml").write_text(SETTINGS)
    (folder / "rules.yaml").write_text("lapsed_after_days: 90\nvalue_events: [Form Submitted]\n")
    (folder / "playbooks" / "do.md").write_text("# Do something\n")
    for name, text in kpis.items():
        (folder / "kpis" / f"{name}.yaml").write_text(text)
    attributes = {"customers": "attributes: {region: region, tier: tier}\n"}
    for table in ("customers", "events", "tickets", "responses"):
        text = f"table: {table}\npath: exports/{table}/*.parquet\n{attributes.get(table, '')}"
        if table == "customers":
            names = ("customer_id", "signed_up_at", "country", "plan", "channel", "device")
            text += "columns: {" + ", ".join(f"{name}: {name}" for name in names) + "}\n"
        (folder / "sources" / f"{table}.yaml").write_text(text)
    people = _customers(rng, size, folder)
    weight = rng.gamma(0.7, 1.0, size.customers) + 0.05
    share = np.cumsum(weight / weight.sum())
    months = np.arange(np.datetime64("2025-01", "M"), np.datetime64("2026-02", "M"))
    for month in months:
        first = int((month.astype("datetime64[D]") - START.astype("datetime64[D]")).astype(int))
        last = int(
            ((month + 1).astype("datetime64[D]") - START.astype("datetime64[D]")).astype(int)
        )
        # The year is followed by one day, which is imported after it.
        last = min(last, DAYS + 1)
        part = (last - first) / DAYS
        where = folder / "exports" if first < DAYS else folder / "more"
        span = (first * DAY, last * DAY)
        _events(
            rng, people, share, int(size.events * part), span, where / "events" / f"{month}.parquet"
        )
        _tickets(
            rng,
            people,
            share,
            int(size.tickets * part),
            span,
            where / "tickets" / f"{month}.parquet",
        )
        _responses(
            rng,
            people,
            share,
            int(size.responses * part),
            span,
            where / "responses" / f"{month}.parquet",
        )


def _write(path: Path, columns: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, compression="zstd")


def _ids(letter: str, numbers: np.ndarray) -> pa.Array:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(letter, pc.cast(pa.array(numbers), pa.string()), "")


def _chosen(
    rng: np.random.Generator, values: tuple[str, ...] | list[str], count: int
) -> np.ndarray:
    return rng.choice(len(values), count, p=_falling(len(values))).astype(np.int8)


def _falling(count: int) -> np.ndarray:
    weights = 1 / np.arange(1, count + 1)
    return weights / weights.sum()


def _labels(values: tuple[str, ...] | list[str], codes: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(values))).cast(pa.string())


def _times(moments: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    return pa.array(
        START + moments.astype("timedelta64[us]"), pa.timestamp("us", "UTC"), mask=missing
    )


@dataclass(frozen=True)
class _People:
    device: np.ndarray
    channel: np.ndarray
    country: np.ndarray


DEVICES = ("mobile", "desktop", "tablet")
CHANNELS = ("search", "direct", "email", "social", "ads")
COUNTRIES = ("DE", "FR", "US", "GB", "ES", "IT", "NL", "PL")
TOPICS = ("billing", "delivery", "account", "returns", "technical")


def _customers(rng: np.random.Generator, size: Size, folder: Path) -> _People:
    count = size.customers
    people = _People(
        _chosen(rng, DEVICES, count), _chosen(rng, CHANNELS, count), _chosen(rng, COUNTRIES, count)
    )
    signed = rng.integers(-200 * DAY, 300 * DAY, count)
    _write(
        folder / "exports" / "customers" / "all.parquet",
        {
            "customer_id": _ids("c", np.arange(count)),
            "signed_up_at": _times(signed),
            "country": _labels(COUNTRIES, people.country),
            "plan": _labels(("free", "basic", "pro", "team"), _chosen(rng, list("abcd"), count)),
            "channel": _labels(CHANNELS, people.channel),
            "device": _labels(DEVICES, people.device),
            "region": _labels(
                [f"r{n}" for n in range(12)], _chosen(rng, list("abcdefghijkl"), count)
            ),
            "tier": _labels(("bronze", "silver", "gold"), _chosen(rng, list("abc"), count)),
        },
    )
    return people


def _drawn(rng: np.random.Generator, share: np.ndarray, count: int) -> np.ndarray:
    return np.minimum(np.searchsorted(share, rng.random(count)), len(share) - 1)


def _events(
    rng: np.random.Generator,
    people: _People,
    share: np.ndarray,
    count: int,
    span: tuple[int, int],
    path: Path,
) -> None:
    """Sessions of 4.5 events on average; a fifth of them fill in a form, some look for help."""
    sessions = max(1, int(count / 4.5))
    who = _drawn(rng, share, sessions)
    begin = rng.integers(span[0], max(span[0] + 1, span[1] - DAY // 24), sessions)
    length = 1 + rng.geometric(1 / 3.5, sessions)
    kind = rng.choice(3, sessions, p=(0.72, 0.22, 0.06)).astype(np.int8)
    of = np.repeat(np.arange(sessions), length)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(length) - length, length)
    gap = rng.exponential(45e6, len(of)).astype(np.int64)
    gap[nth == 0] = 0
    after = np.cumsum(gap)
    after -= np.repeat(after[np.cumsum(length) - length], length)
    moment = np.minimum(begin[of] + after, span[1] - 1)
    names = (
        "Page Viewed",
        "Form Started",
        "Form Step Completed",
        "Form Submitted",
        "Help Article Viewed",
    )
    done = rng.random(sessions) < 0.6
    form = kind[of] == 1
    event = np.zeros(len(of), np.int8)
    event[form & (nth == 1)] = 1
    event[form & (nth > 1)] = 2
    event[form & (nth == length[of] - 1) & (nth > 1) & done[of]] = 3
    event[(kind[of] == 2) & (nth > 0)] = 4
    order = np.argsort(moment, kind="stable")
    of, nth, moment, event = of[order], nth[order], moment[order], event[order]
    person = who[of]
    rows = len(of)
    viewed = event == 0
    page = np.where(viewed, rng.integers(0, len(PAGES), rows), 0).astype(np.int8)
    first = span[0] // DAY * 1_000_000
    _write(
        path,
        {
            "event_id": _ids("e", first * 10 + np.arange(rows)),
            "occurred_at": _times(moment),
            "customer_id": _ids("c", person),
            "event": _labels(names, event),
            "page": pa.DictionaryArray.from_arrays(
                pa.array(page, mask=~viewed), pa.array(PAGES)
            ).cast(pa.string()),
            "device": _labels(DEVICES, people.device[person]),
            "channel": _labels(CHANNELS, people.channel[person]),
            "country": _labels(COUNTRIES, people.country[person]),
            "form": pa.array(np.where((event > 0) & (event < 4), "apply", None), pa.string()),
            "step": pa.array(nth, pa.int64(), mask=event != 2),
            "depth": pa.array(np.round(rng.random(rows), 2), mask=~viewed),
            "topic": pa.array(np.where(event == 4, "billing", None), pa.string()),
        },
    )


def _tickets(
    rng: np.random.Generator,
    people: _People,
    share: np.ndarray,
    count: int,
    span: tuple[int, int],
    path: Path,
) -> None:
    who = _drawn(rng, share, count)
    at = np.sort(rng.integers(*span, count))
    answered = at + (rng.lognormal(1.0, 1.0, count) * 3.6e9).astype(np.int64)
    solved = answered + (rng.lognormal(2.5, 1.2, count) * 3.6e9).astype(np.int64)
    again = rng.random(count) < 0.1
    end = solved + np.where(again, 2 * DAY, 0)
    # What happens after the last day of all is not known yet.
    last = (DAYS + 1) * DAY
    never = rng.random(count) < 0.05
    handled = _chosen(rng, ("human", "ai", "tier2"), count)
    _write(
        path,
        {
            "ticket_id": _ids("t", span[0] // DAY * 1_000_000 + np.arange(count)),
            "opened_at": _times(at),
            "customer_id": _ids("c", who),
            "first_response_at": _times(answered, answered >= last),
            "first_resolved_at": _times(solved, never | (solved >= last)),
            "resolved_at": _times(end, never | (end >= last)),
            "reopens": again.astype(np.int64),
            "touchpoint": _labels(TOUCHPOINTS, _chosen(rng, TOUCHPOINTS, count)),
            "device": _labels(DEVICES, people.device[who]),
            "channel": _labels(CHANNELS, people.channel[who]),
            "topic": _labels(TOPICS, _chosen(rng, TOPICS, count)),
            "handled_by": _labels(("human", "ai", "tier2"), handled),
            "escalated": rng.random(count) < 0.1,
            "transfers": rng.poisson(0.2, count),
            "replies": 1 + rng.poisson(0.8, count),
            "agent_minutes": np.round(rng.gamma(2, 5, count), 1),
            "is_complaint": rng.random(count) < 0.08,
        },
    )


def _responses(
    rng: np.random.Generator,
    people: _People,
    share: np.ndarray,
    count: int,
    span: tuple[int, int],
    path: Path,
) -> None:
    instruments = ("csat", "nps", "ces")
    highest = np.array([5, 10, 7])
    lowest = np.array([1, 0, 1])
    which = _chosen(rng, instruments, count)
    who = _drawn(rng, share, count)
    low, high = lowest[which], highest[which]
    score = np.round(low + (high - low) * rng.beta(3, 1.4, count))
    words = np.where(rng.random(count) < 0.2, "it took too long to find the right page", None)
    _write(
        path,
        {
            "response_id": _ids("r", span[0] // DAY * 1_000_000 + np.arange(count)),
            "answered_at": _times(np.sort(rng.integers(*span, count))),
            "customer_id": _ids("c", who),
            "instrument": _labels(instruments, which),
            "score": score,
            "scale_min": low.astype(np.float64),
            "scale_max": high.astype(np.float64),
            "comment": pa.array(words, pa.string()),
            "touchpoint": _labels(TOUCHPOINTS, _chosen(rng, TOUCHPOINTS, count)),
            "device": _labels(DEVICES, people.device[who]),
            "channel": _labels(CHANNELS, people.channel[who]),
        },
    )
