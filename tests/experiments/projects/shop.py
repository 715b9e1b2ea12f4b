"""A small shop with awkward customers: a project in a folder, and the exports it imports."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

FIRST = pd.Timestamp("2024-02-01T00:00Z")
LAST = pd.Timestamp("2024-05-15T21:37:11.250001Z")
DAY = pd.Timedelta(days=1)
TICK = pd.Timedelta(microseconds=1)
ODD = ("o'brien", 'kü"hn', "客户 9", "'; DROP TABLE exposures; --", "7", "a3", "%s{0}\\n")
COUNTRIES = ("DE", "it's", 'say "hi"', "日本", "")
PLANS = ("pro", "free", "")
WORTH = ("big", "small", "")

FILES = {
    "playbooks/look.md": "# Look at it\n",
    "hypotheses.yaml": (
        "- id: shorter\n  friction: It is long.\n  behaviour: They would finish.\n"
        "  outcome: More orders.\n  stage: conversion\n  kpi: bought\n  owner: shop\n"
    ),
    "sources/customers.yaml": (
        "table: customers\npath: in/customers.csv\nattributes: {seats: seats, visits: visits}\n"
    ),
    "sources/accounts.yaml": (
        "table: accounts\npath: in/accounts.csv\nattributes: {staff: staff}\n"
    ),
    "sources/exposures.yaml": (
        "table: exposures\npath: in/exposures.csv\nattributes: {browser: browser}\n"
    ),
    **{
        f"sources/{name}.yaml": f"table: {name}\npath: in/{name}.csv\n"
        for name in ("identities", "events", "orders", "responses", "tickets", "subscriptions")
    },
}

KPIS: dict[str, dict[str, Any]] = {
    "bought": {"fact": "purchases", "measure": {"share": "is_order = 1"}, "better": "higher"},
    "refunded": {"fact": "purchases", "measure": {"share": "refunded"}, "better": "lower"},
    "settled": {
        "fact": "purchases",
        "measure": {"share": "refunded"},
        "better": "lower",
        "window_days": 6,
    },
    "basket": {
        "fact": "purchases",
        "measure": {"mean": "gross_amount", "in": "money"},
        "where": "is_order = 1",
        "better": "higher",
    },
    "net_order": {
        "fact": "purchases",
        "measure": {"ratio": "net_amount", "per": "is_order", "in": "money"},
        "better": "higher",
    },
    "refund_events": {
        "fact": "purchases",
        "measure": {"rate": "1 - is_order", "per": "is_order", "in": "count"},
        "better": "lower",
    },
    "revenue": {
        "fact": "purchases",
        "measure": {"total": "net_amount", "in": "money"},
        "better": "higher",
    },
    "order_count": {
        "fact": "purchases",
        "measure": {"total": "is_order", "in": "count"},
        "better": "higher",
    },
    "basket_p90": {
        "fact": "purchases",
        "measure": {"quantile": "gross_amount", "q": 0.9, "in": "money"},
        "where": "is_order = 1",
        "better": "higher",
    },
    "content": {
        "fact": "survey_answers",
        "measure": {"top_box": "score", "of": "scale_max", "boxes": 2},
        "where": "instrument = 'csat'",
        "weighted": True,
        "better": "higher",
    },
    "promoters": {
        "fact": "survey_answers",
        "measure": {"nps": "score"},
        "where": "instrument = 'nps'",
        "weighted": True,
        "better": "higher",
    },
    "mean_score": {
        "fact": "survey_answers",
        "measure": {"mean": "score", "in": "score"},
        "where": "instrument = 'csat'",
        "weighted": True,
        "better": "higher",
    },
    "first_reply": {
        "fact": "ticket_handling",
        "measure": {
            "duration": "first_response_hours",
            "event": "responded",
            "q": 0.5,
            "in": "hours",
        },
        "better": "lower",
    },
    "stay": {
        "fact": "lifetimes",
        "measure": {"retention": "days", "lost": "lost", "after": 30},
        "better": "higher",
    },
    "leave": {
        "fact": "lifetimes",
        "measure": {"retention": "days", "lost": "lost", "after": 20, "complement": True},
        "better": "lower",
    },
    "won": {"fact": "leads_won", "measure": {"share": "won"}, "better": "higher"},
}

GUARDRAILS = [
    {"kpi": "refunded", "margin_absolute": 0.05},
    {"kpi": "basket", "margin": 0.1},
]
PLAIN: dict[str, Any] = {
    "title": "A test",
    "question": "Does it help?",
    "hypothesis": "shorter",
    "owner": "shop",
    "approver": "shop",
    "stage": "conversion",
    "variants": [{"name": "control"}, {"name": "new"}],
    "start": "2024-03-11",
    "end": "2024-04-15",
    "primary": {"kpi": "bought", "per": "unit"},
    "guardrails": GUARDRAILS,
    "covariates": [],
    "smallest_effect": 0.1,
}


@dataclass
class Exposing:
    """How an experiment's exposures come about.

    Attributes:
        people: Share of the customers that meet it.
        weights: Real shares of the variants.
        begin: From when on rows come.
        until: Until when.
        lift: Share of units of each later variant that place an order because of it.
        crossing: Share of units that meet another variant later.
        sticky: Whether all customers of an account get one variant.
        asked: Share of units of the first variant that answer a question because they are asked.
        strangers: Whether rows without a customer come as well.
        edges: Share of units that enter where days and clocks change.
    """

    people: float = 0.6
    weights: tuple[float, ...] | None = None
    begin: str = "2024-03-09"
    until: str = "2024-04-18"
    lift: float = 0.0
    crossing: float = 0.03
    sticky: bool = False
    asked: float = 0.0
    strangers: bool = True
    edges: float = 0.08


@dataclass
class Shop:
    """Tables of a shop, drawn once.

    Attributes:
        experiments: Name to definition; what is missing is that of `PLAIN`.
        exposing: Name to how exposures come about; without, there are none.
        zone: The shop's timezone.
        late: Days until data is complete.
        size: Customers.
        seed: Of all draws.
    """

    experiments: dict[str, dict[str, Any]]
    exposing: dict[str, Exposing]
    zone: str = "Europe/Berlin"
    late: int = 0
    size: int = 700
    seed: int = 11
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.experiments = {name: {**PLAIN, **given} for name, given in self.experiments.items()}
        self.rng = np.random.default_rng(self.seed)
        self.ids = [*ODD, *(f"c{n:04}" for n in range(self.size - len(ODD)))]
        self.taste = self.rng.lognormal(0.0, 0.7, self.size)
        self._customers()
        self.tables["orders"] = self._orders()
        self.tables["responses"] = self._responses()
        self.tables["tickets"] = self._tickets()
        self.tables["subscriptions"] = self._subscriptions()
        self.tables["events"] = self._events()
        self.tables["exposures"] = self._exposures()

    # --- the project ---

    def write(self, root: Path) -> Path:
        """Write the project and its exports into a folder."""
        settings = (
            f"name: Shop\ntimezone: {self.zone}\ncurrency: EUR\n"
            "touchpoints: {till: {stage: conversion}, help: {stage: retention}}\n"
            "teams: {shop: {name: Shop}}\n"
        )
        files = {**FILES, "heedful.yaml": settings}
        files["rules.yaml"] = f"late_data_days: {self.late}\n"
        common = {
            "says": "s",
            "layer": "commercial",
            "timing": "leading",
            "threshold": {"rule": "change", "by": 0.1},
            "owner": "shop",
            "playbook": "look",
            "stages": ["conversion"],
        }
        for name, kpi in KPIS.items():
            files[f"kpis/{name}.yaml"] = json.dumps({"title": name, **common, **kpi})
        for name, given in self.experiments.items():
            files[f"experiments/{name}.yaml"] = json.dumps(given)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        (root / "in").mkdir(exist_ok=True)
        for name, rows in self.tables.items():
            shown = rows.copy()
            for column in shown.columns:
                if isinstance(shown[column].dtype, pd.DatetimeTZDtype):
                    times = shown[column].dt.floor("us")
                    shown[column] = ["" if pd.isna(at) else at.isoformat(sep=" ") for at in times]
            shown.to_csv(root / "in" / f"{name}.csv", index=False)
        return root

    # --- people ---

    def _customers(self) -> None:
        rng, n = self.rng, self.size
        accounts = [f"a{i}" for i in range(n // 6)] + ["c0001", "7"]
        self.tables["accounts"] = pd.DataFrame(
            {
                "account_id": accounts,
                "industry": rng.choice(["shops", "banks", ""], len(accounts)),
                "account_value": rng.choice(WORTH, len(accounts)),
                "staff": [str(v) for v in rng.integers(1, 500, len(accounts))],
            }
        )
        seats = [f"{v:.2f}" for v in self.taste * 10 + rng.normal(0, 2, n)]
        for place, odd in zip(
            rng.choice(n, 60, replace=False), ["", "n/a", "nan", "inf", "-inf"] * 12, strict=True
        ):
            seats[place] = odd
        belongs = [
            accounts[rng.integers(len(accounts))] if rng.random() < 0.7 else "" for _ in range(n)
        ]
        # Customers and accounts of the same name that have nothing to do with each other.
        for nth, name in enumerate(("7", "c0001")):
            belongs[self.ids.index(name)] = ""
            belongs[20 + 10 * nth : 30 + 10 * nth] = [name] * 10
        self.tables["customers"] = pd.DataFrame(
            {
                "customer_id": self.ids,
                "account_id": belongs,
                "signed_up_at": FIRST - pd.to_timedelta(rng.integers(1, 300, n), unit="D"),
                "country": rng.choice(COUNTRIES, n),
                "plan": rng.choice(PLANS, n, p=[0.4, 0.4, 0.2]),
                "device": rng.choice(["mobile", "desktop"], n),
                "is_test": ["true" if flag else "" for flag in rng.random(n) < 0.02],
                "seats": seats,
                "visits": [str(v) for v in rng.poisson(3, n)],
            }
        )
        links = [(f"d{i}", one) for i, one in enumerate(self.ids)]
        links += [(f"e{i}", f"d{i}") for i in range(0, n, 5)]
        self.tables["identities"] = pd.DataFrame(links, columns=["alias_id", "customer_id"])

    def _who(self, place: int) -> tuple[str, str]:
        """A customer as a source names them: by id, by a device, or by a device of a device."""
        draw = self.rng.random()
        if draw < 0.75:
            return self.ids[place], ""
        if draw < 0.85:
            return self.ids[place], f"d{place}"
        return "", f"e{place}" if place % 5 == 0 and draw > 0.93 else f"d{place}"

    def _rows(self, number: int, ghosts: float = 0.04) -> tuple[list[int], list[str], list[str]]:
        """Who rows belong to: places of customers, ids and anonymous ids."""
        chance = self.taste / self.taste.sum()
        places = self.rng.choice(self.size, number, p=chance).tolist()
        named = [self._who(place) for place in places]
        for i in np.flatnonzero(self.rng.random(number) < ghosts):
            named[i] = ("", f"ghost{i % 40}" if i % 4 else "")
        return places, [one for one, _ in named], [other for _, other in named]

    def _times(self, number: int, last: pd.Timestamp = LAST) -> pd.Series:
        span = int((last - FIRST) / TICK)
        ticks = self.rng.integers(0, span, number)
        ticks[0] = span
        return pd.Series(FIRST + pd.to_timedelta(ticks, unit="us"))

    # --- what they do ---

    def _orders(self) -> pd.DataFrame:
        rng, n = self.rng, self.size * 7
        _, who, anonymous = self._rows(n)
        amounts = rng.lognormal(3, 1, n).round(2)
        refund = rng.random(n) < 0.07
        back = np.where((rng.random(n) < 0.15) & ~refund, (amounts * rng.random(n)).round(2), 0)
        return pd.DataFrame(
            {
                "order_id": [f"o{i}" for i in range(n)],
                "ordered_at": self._times(n),
                "customer_id": who,
                "anonymous_id": anonymous,
                "amount": np.where(refund, -amounts, amounts),
                "refunded_amount": ["" if b == 0 else f"{b:.2f}" for b in back],
                "is_test": ["true" if flag else "" for flag in rng.random(n) < 0.02],
            }
        )

    def _responses(self) -> pd.DataFrame:
        rng, n = self.rng, self.size * 6
        _, who, anonymous = self._rows(n)
        instrument = rng.choice(["csat", "nps"], n)
        scores = np.where(instrument == "nps", rng.integers(0, 11, n), rng.integers(1, 6, n))
        return pd.DataFrame(
            {
                "response_id": [f"r{i}" for i in range(n)],
                "answered_at": self._times(n, LAST + TICK),
                "customer_id": who,
                "anonymous_id": anonymous,
                "instrument": instrument,
                "score": [
                    "" if blank else str(s)
                    for s, blank in zip(scores, rng.random(n) < 0.03, strict=True)
                ],
                "scale_max": np.where(instrument == "nps", "", rng.choice(["", "5", "7"], n)),
                "weight": rng.choice(["", "0.5", "1", "2.25"], n),
            }
        )

    def _tickets(self) -> pd.DataFrame:
        rng, n = self.rng, self.size * 4
        _, who, anonymous = self._rows(n)
        opened = self._times(n)
        hours = pd.Series(pd.to_timedelta(rng.exponential(30, n).round(3), unit="h"))
        answered = opened + hours
        answered[rng.random(n) < 0.02] = FIRST - 9 * DAY
        draw = rng.random(n)
        answered[(draw < 0.2) | (answered > LAST)] = pd.NaT
        resolved = opened + 3 * hours
        resolved[(draw > 0.1) & (draw < 0.7) | (resolved > LAST)] = pd.NaT
        return pd.DataFrame(
            {
                "ticket_id": [f"t{i}" for i in range(n)],
                "opened_at": opened,
                "customer_id": who,
                "anonymous_id": anonymous,
                "first_response_at": answered,
                "resolved_at": resolved,
                "is_spam": ["true" if flag else "" for flag in rng.random(n) < 0.03],
                "merged_into": ["t1" if flag else "" for flag in rng.random(n) < 0.02],
            }
        )

    def _subscriptions(self) -> pd.DataFrame:
        rng, n = self.rng, self.size
        some = np.flatnonzero(rng.random(n) < 0.85)
        begun = FIRST + pd.Series(pd.to_timedelta(rng.integers(-200, 90, len(some)), unit="D"))
        begun += pd.to_timedelta(rng.integers(0, 86400, len(some)), unit="s")
        ended = begun + pd.to_timedelta(rng.exponential(150, len(some)).round(4), unit="D")
        ended[ended > LAST] = pd.NaT
        rows = pd.DataFrame(
            {"customer_id": [self.ids[i] for i in some], "started_at": begun, "ended_at": ended}
        )
        # Some come back: what happens after the first loss does not bring them back to life.
        again = rows[rows.ended_at.notna() & (rng.random(len(rows)) < 0.2)].copy()
        again["started_at"] = again.ended_at + 20 * DAY
        again["ended_at"] = pd.NaT
        rows = pd.concat([rows, again[again.started_at < LAST]], ignore_index=True)
        rows.loc[len(rows)] = [self.ids[0], LAST, pd.NaT]
        rows.insert(0, "subscription_id", [f"s{i}" for i in range(len(rows))])
        return rows

    def _events(self) -> pd.DataFrame:
        rng, n = self.rng, self.size * 8
        _, who, anonymous = self._rows(n)
        return pd.DataFrame(
            {
                "event_id": [f"v{i}" for i in range(n)],
                "occurred_at": self._times(n),
                "customer_id": who,
                "anonymous_id": anonymous,
                "event": rng.choice(["Page Viewed", "Checkout Started", "Quote's End"], n),
                "touchpoint": rng.choice(["till", "help", ""], n),
                "is_bot": ["true" if flag else "" for flag in rng.random(n) < 0.03],
            }
        )

    # --- who meets what ---

    def _exposures(self) -> pd.DataFrame:
        rows: list[tuple[Any, ...]] = []
        bought: list[tuple[int, pd.Timestamp]] = []
        answered: list[tuple[int, pd.Timestamp]] = []
        for name, how in self.exposing.items():
            rows += self._met(name, how, bought, answered)
        self._more(bought, answered)
        found = pd.DataFrame(
            rows,
            columns=["exposed_at", "experiment", "variant", "customer_id", "anonymous_id"],
        )
        order = self.rng.permutation(len(found))
        found = found.iloc[order].reset_index(drop=True)
        found.insert(0, "exposure_id", [f"x{i}" for i in range(len(found))])
        found["device"] = self.rng.choice(["mobile", "desktop", ""], len(found))
        found["browser"] = self.rng.choice(["fire'fox", "chrome"], len(found))
        return found

    def _met(
        self,
        name: str,
        how: Exposing,
        bought: list[tuple[int, pd.Timestamp]],
        answered: list[tuple[int, pd.Timestamp]],
    ) -> list[tuple[Any, ...]]:
        rng, given = self.rng, self.experiments[name]
        variants = [one["name"] for one in given["variants"]]
        weights = how.weights or [one.get("weight", 1 / len(variants)) for one in given["variants"]]
        begin, until = (
            pd.Timestamp(day, tz=self.zone).tz_convert("UTC") for day in (how.begin, how.until)
        )
        edges = self._edges(given)
        rows: list[tuple[Any, ...]] = []
        span = int((until - begin) / TICK)
        for place in np.flatnonzero(rng.random(self.size) < how.people).tolist():
            at = begin + int(rng.integers(0, span)) * TICK
            if rng.random() < how.edges:
                at = edges[rng.integers(len(edges))]
            variant = int(rng.choice(len(variants), p=weights))
            account = self.tables["customers"].account_id[place]
            if how.sticky and account and rng.random() < 0.95:
                variant = len(account) * ord(account[-1]) % len(variants)
            seen = [(at, variants[variant])]
            if rng.random() < 0.3:
                seen += [(at + float(rng.random()) * 20 * DAY, variants[variant])] * 2
            if rng.random() < how.crossing:
                other = variants[(variant + 1) % len(variants)]
                seen.append((at + float(rng.random()) * 20 * DAY, other))
            if rng.random() < 0.02:
                seen.append((at - 2 * DAY, "typo's"))
            rows += [(when, name, which, *self._who(place)) for when, which in seen]
            if variant and rng.random() < how.lift:
                bought.append((place, at + float(rng.random()) * 7 * DAY))
            if not variant and rng.random() < how.asked:
                answered.append((place, at + float(rng.random()) * 7 * DAY))
        if how.strangers:
            rows += [(begin + 5 * DAY, name, variants[0], "", "")]
            rows += [(begin + 6 * DAY, name, variants[1], "", f"ghost{i}") for i in range(3)]
        return rows

    def _edges(self, given: dict[str, Any]) -> list[pd.Timestamp]:
        """Midnights where the experiment begins and ends, and around the change of clocks."""
        days = [given["start"], given["end"], "2024-03-31", "2024-04-01", "2024-03-10"]
        found = [pd.Timestamp(day, tz=self.zone).tz_convert("UTC") for day in days]
        return [moment for one in found for moment in (one - TICK, one)]

    def _more(
        self, bought: list[tuple[int, pd.Timestamp]], answered: list[tuple[int, pd.Timestamp]]
    ) -> None:
        """Orders and answers that variants bring."""
        orders = [
            (f"lift{i}", at, self.ids[place], round(float(self.rng.lognormal(3, 1)), 2))
            for i, (place, at) in enumerate(bought)
        ]
        answers = [
            (f"asked{i}", at, self.ids[place], "csat", str(self.rng.integers(1, 6)))
            for i, (place, at) in enumerate(answered)
        ]
        self._append("orders", orders, ["order_id", "ordered_at", "customer_id", "amount"])
        self._append(
            "responses",
            answers,
            ["response_id", "answered_at", "customer_id", "instrument", "score"],
        )

    def _append(self, table: str, rows: list[tuple[Any, ...]], columns: list[str]) -> None:
        before = self.tables[table]
        rows = [row for row in rows if row[1] < LAST]
        if not rows:
            return
        added = pd.DataFrame(rows, columns=columns)
        blank = {name: "" for name in before.columns if name not in columns}
        self.tables[table] = pd.concat([before, added], ignore_index=True).fillna(blank)

    def at_the_edges(self, name: str, days: tuple[int, ...]) -> None:
        """Add orders and answers exactly so many days from an experiment's exposures."""
        met = self.tables["exposures"]
        met = met[(met.experiment == name) & (met.customer_id != "")]
        rows = met.drop_duplicates("customer_id").head(80).itertuples()
        orders, answers = [], []
        for i, row in enumerate(rows):
            for shift in (0 * TICK, -TICK):
                at = row.exposed_at + days[i % len(days)] * DAY + shift
                key = f"{name}{len(orders)}"
                orders.append((key, at, row.customer_id, 1000.0 + i))
                answers.append((key, at, row.customer_id, "csat", "5"))
        self._append("orders", orders, ["order_id", "ordered_at", "customer_id", "amount"])
        self._append(
            "responses",
            answers,
            ["response_id", "answered_at", "customer_id", "instrument", "score"],
        )


def midnight(day: str | date, zone: str) -> pd.Timestamp:
    """The beginning of a day, in UTC."""
    moment = datetime.combine(pd.Timestamp(day).date(), datetime.min.time(), ZoneInfo(zone))
    return pd.Timestamp(moment).tz_convert("UTC")


def later(day: str, days: int) -> date:
    """A date so many days after another."""
    return pd.Timestamp(day).date() + timedelta(days=days)
