"""What a readout should say, worked out row by row from the exports with pandas and SciPy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import exp, inf, isnan, log, nan, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

DAY = pd.Timedelta(days=1)
TIMES = {
    "exposures": ["exposed_at"],
    "orders": ["ordered_at"],
    "responses": ["answered_at"],
    "tickets": ["opened_at", "first_response_at", "resolved_at"],
    "subscriptions": ["started_at", "ended_at"],
    "events": ["occurred_at"],
    "customers": ["signed_up_at"],
}
READS = {
    "purchases": ["orders"],
    "survey_answers": ["responses"],
    "ticket_handling": ["tickets"],
    "lifetimes": ["subscriptions", "events", "orders"],
}
SURVEYS = {"survey_answers"}


class Side(NamedTuple):
    """One variant: its value and the variance of that, with degrees of freedom."""

    value: float
    variance: float
    df: float
    n: int


class Effect(NamedTuple):
    difference: float
    low: float
    high: float
    p_value: float
    relative: float
    relative_low: float
    relative_high: float


@dataclass
class Units:
    """Units of an experiment.

    Attributes:
        rows: A row a unit: unit, variant, exposed, and all that is known of it.
        crossovers: Units left out because they met several variants.
    """

    rows: pd.DataFrame
    crossovers: int


@dataclass
class Outcome:
    """One outcome of one experiment, as vectors over the units whose window has passed."""

    kind: str
    rows: pd.DataFrame
    variants: list[str]
    waiting: int
    answered: dict[str, int] = field(default_factory=dict)

    def of(self, variant: str) -> pd.DataFrame:
        return self.rows[self.rows.variant == variant]


class Oracle:
    """Reads the exports of a shop.

    Args:
        root: The project's folder.
        shop: What it was written from; only its definitions are used.
        kpis: Name to definition.
    """

    def __init__(self, root: Path, shop: Any, kpis: dict[str, dict[str, Any]]) -> None:
        self.zone, self.late = shop.zone, shop.late
        self.experiments, self.kpis = shop.experiments, kpis
        self.raw = {
            path.stem: pd.read_csv(path, dtype=str, keep_default_na=False)
            for path in (root / "in").glob("*.csv")
        }
        for table, columns in TIMES.items():
            for column in columns:
                self.raw[table][column] = pd.to_datetime(
                    self.raw[table][column], format="ISO8601", utc=True
                )
        links = self.raw["identities"]
        self.links = dict(zip(links.alias_id, links.customer_id, strict=True))
        people = self.raw["customers"]
        self.gone = set(people[people.is_test == "true"].customer_id)
        self.people = _by(people[people.is_test != "true"], "customer_id")
        self.accounts = _by(self.raw["accounts"], "account_id")
        self.facts: dict[str, pd.DataFrame] = {}
        self.resolved = cache(self._resolved)
        self.units = cache(self._units)
        self._of_units = cache(self._owned)

    # --- rows ---

    def person(self, one: str) -> str:
        while one in self.links:
            one = self.links[one]
        return one

    def _resolved(self, table: str) -> pd.DataFrame:
        """Rows with `customer`; without those of test customers."""
        rows = self.raw[table].copy()
        given = rows.customer_id
        if "anonymous_id" in rows:
            given = given.where(given != "", rows.anonymous_id)
        rows["customer"] = [self.person(one) if one else None for one in given]
        return rows[~rows.customer.isin(self.gone)]

    def until(self, fact: str, limit: pd.Timestamp) -> pd.Timestamp:
        newest = min(self.raw[t][TIMES[t]].max().max() for t in READS[fact])
        return min(limit, newest - self.late * DAY)

    def fact(self, name: str) -> pd.DataFrame:
        if name not in self.facts:
            self.facts[name] = getattr(self, f"_{name}")()
        return self.facts[name]

    def _purchases(self) -> pd.DataFrame:
        rows = self.resolved("orders")
        rows = rows[rows.is_test != "true"].copy()
        amount = rows.amount.astype(float)
        back = pd.to_numeric(rows.refunded_amount).fillna(0.0)
        order = amount >= 0
        return pd.DataFrame(
            {
                "customer": rows.customer,
                "at": rows.ordered_at,
                "is_order": order.astype(float),
                "gross": amount.where(order, 0.0),
                "net": (amount - back).where(order, amount),
                "refunded": (back > 0).astype(float).where(order, nan),
            }
        )

    def _survey_answers(self) -> pd.DataFrame:
        rows = self.resolved("responses")
        top = pd.to_numeric(rows.scale_max)
        return pd.DataFrame(
            {
                "customer": rows.customer,
                "at": rows.answered_at,
                "instrument": rows.instrument,
                "score": pd.to_numeric(rows.score),
                "top": top.fillna(rows.instrument.map({"nps": 10.0, "csat": 5.0})),
                "weight": pd.to_numeric(rows.weight).fillna(1.0),
            }
        )

    def _ticket_handling(self) -> pd.DataFrame:
        rows = self.resolved("tickets")
        rows = rows[(rows.is_spam != "true") & (rows.merged_into == "")]
        last = self.raw["tickets"][TIMES["tickets"]].max().max()
        end = rows.first_response_at.fillna(rows.resolved_at).fillna(last)
        hours = (end - rows.opened_at) / pd.Timedelta(hours=1)
        return pd.DataFrame(
            {
                "customer": rows.customer,
                "at": rows.opened_at,
                "time": hours.where(hours >= 0),
                "happened": rows.first_response_at.notna(),
            }
        )

    def _lifetimes(self) -> pd.DataFrame:
        """First spells: a contract that follows within 7 days carries on."""
        rows = self.resolved("subscriptions").sort_values("started_at")
        last = self.raw["subscriptions"][TIMES["subscriptions"]].max().max()
        found = []
        for customer, mine in rows.groupby("customer"):
            begin, end = mine.started_at.iloc[0], mine.ended_at.iloc[0]
            for one in mine.iloc[1:].itertuples():
                if pd.isna(end) or one.started_at > end + 7 * DAY:
                    break
                end = one.ended_at if pd.isna(one.ended_at) else max(end, one.ended_at)
            lost = not pd.isna(end) and end <= last
            found.append((customer, begin, ((end if lost else last) - begin) / DAY, lost))
        return pd.DataFrame(found, columns=["customer", "at", "time", "happened"])

    # --- units ---

    def unit_of(self, customer: str, unit: str) -> str:
        if unit == "customer":
            return customer
        account = self.people[customer].account_id if customer in self.people else ""
        return f"account:{account}" if account else f"customer:{customer}"

    def _units(self, name: str, limit: pd.Timestamp) -> Units:
        """Who entered an experiment by a moment."""
        given = self.experiments[name]
        kind = given.get("unit", "customer")
        names = [one["name"] for one in given["variants"]]
        closes = min(given["end"], given.get("stopped", given["end"]))
        begin, end = (
            pd.Timestamp(day, tz=self.zone).tz_convert("UTC") for day in (given["start"], closes)
        )
        end = min(end, limit)
        rows = self.resolved("exposures")
        rows = rows[(rows.experiment == name) & rows.customer.notna()]
        rows = rows[(rows.exposed_at >= begin) & (rows.exposed_at < end)]
        rows = rows[rows.variant.isin(names)].copy()
        rows["unit"] = [self.unit_of(one, kind) for one in rows.customer]
        acts = self._acts(given.get("exposure", {}), end)
        met: dict[str, list[Any]] = {}
        # Of several rows at one moment the label that sorts first counts.
        for row in rows.sort_values(["exposed_at", "device"]).itertuples():
            met.setdefault(row.unit, []).append(row)
        found = []
        for unit, mine in met.items():
            entered = mine[0].exposed_at
            if acts is not None:
                times = [
                    at for row in mine for at in acts.get(row.customer, ()) if at >= row.exposed_at
                ]
                if not times:
                    continue
                entered = min(times)
            known = self._known(unit, kind)
            first = [row for row in mine if row.exposed_at == mine[0].exposed_at]
            device = next((row.device for row in mine if row.device), known["device"])
            found.append(
                {**known, "device": device, "browser": min(row.browser for row in first)}
                | {"unit": unit, "exposed": entered, "variant": mine[0].variant}
                | {"met": len({row.variant for row in mine})}
            )
        columns = ["unit", "variant", "exposed", "met", "country", "plan", "device", "browser"]
        units = pd.DataFrame(found, columns=None if found else columns)
        units["exposed"] = pd.to_datetime(units.exposed, utc=True)
        for column, allowed in given.get("population", {}).items():
            listed = [allowed] if isinstance(allowed, str) else allowed
            units = units[units[column].isin(listed)]
        crossed = int((units.met > 1).sum())
        return Units(units[units.met == 1].reset_index(drop=True), crossed)

    def _acts(self, rule: dict[str, Any], end: pd.Timestamp) -> dict[str, list[Any]] | None:
        """Times of the events of a rule, by customer; None without a rule."""
        if not rule:
            return None
        events = self.resolved("events")
        events = events[(events.is_bot != "true") & (events.occurred_at < end)]
        if "events" in rule:
            events = events[events.event.isin(rule["events"])]
        if "touchpoint" in rule:
            events = events[events.touchpoint == rule["touchpoint"]]
        return events.groupby("customer").occurred_at.agg(list).to_dict()

    def _known(self, unit: str, kind: str) -> dict[str, Any]:
        nothing = {"country": "", "plan": "", "device": ""}
        if kind == "account":
            name = unit.removeprefix("account:")
            if unit.startswith("account:") and name in self.accounts:
                one = self.accounts[name]
                return nothing | {"account_value": one.account_value, "staff": number(one.staff)}
            return nothing | {"account_value": "", "staff": nan}
        if unit not in self.people:
            return {"country": "", "plan": "", "device": "", "seats": nan, "visits": nan}
        one = self.people[unit]
        return {
            "country": one.country,
            "plan": one.plan,
            "device": one.device,
            "seats": number(one.seats),
            "visits": number(one.visits),
        }

    # --- outcomes ---

    def outcome(self, name: str, asked: dict[str, Any], limit: pd.Timestamp) -> Outcome:
        """Sums of an outcome a unit: y, x, their past (by, bx), for units whose window passed."""
        given = self.experiments[name]
        kpi = self.kpis[asked["kpi"]]
        delay = asked.get("delay_days", 0)
        window = asked.get("window_days", given.get("window_days", 14))
        own = kpi.get("window_days", 0)
        until = self.until(kpi["fact"], limit)
        units = self.units(name, limit).rows
        ready = units[units.exposed + (delay + window + own) * DAY <= until]
        per_unit = asked.get("per") == "unit" or "total" in kpi["measure"]
        rows = self._of_units(asked["kpi"], given.get("unit", "customer"))
        pairs = ready[["unit", "exposed"]].merge(rows, on="unit")
        begin = pairs.exposed + delay * DAY
        inside = pairs[(pairs["at"] >= begin) & (pairs["at"] < begin + window * DAY)]
        end = pairs.exposed - own * DAY
        back = given.get("covariate_days", 28)
        past = pairs[(pairs["at"] < end) & (pairs["at"] >= end - back * DAY)]
        found = ready.set_index("unit")
        any_row = per_unit and ({"share", "top_box"} & set(kpi["measure"]))
        for prefix, some in (("", inside), ("b", past)):
            grouped = some.groupby("unit")[["y", "x"]]
            sums = (grouped.max() if any_row else grouped.sum()).reindex(found.index)
            sums = sums.astype(float).fillna(0.0)
            # One row is enough, whatever its weight.
            found[prefix + "y"] = (sums.y > 0).astype(float) if any_row else sums.y
            found[prefix + "x"] = sums.x
        capping = asked.get("capping", given.get("capping"))
        amounts = {"mean", "ratio", "rate", "total"} & set(kpi["measure"])
        if capping is not None and amounts and len(found):
            cap = float(np.quantile(found.y, capping))
            found["y"], found["by"] = found.y.clip(upper=cap), found["by"].clip(upper=cap)
        kind = "mean" if per_unit else "ratio"
        names = [one["name"] for one in given["variants"]]
        answered = (
            {}
            if per_unit
            else {one: int((found.variant.eq(one) & (found.x > 0)).sum()) for one in names}
        )
        return Outcome(kind, found, names, len(units) - len(ready), answered)

    def _owned(self, kpi: str, kind: str) -> pd.DataFrame:
        """Rows of a KPI that somebody is known to have, by unit."""
        rows = self.measured(self.kpis[kpi])
        rows = rows[rows.customer.notna()].copy()
        rows["unit"] = [self.unit_of(one, kind) for one in rows.customer]
        return rows

    def measured(self, kpi: dict[str, Any]) -> pd.DataFrame:
        """Rows of a KPI with what is summed: y above, x below."""
        rows = self.fact(kpi["fact"]).copy()
        measure = kpi["measure"]
        one = rows.get("weight", pd.Series(1.0, rows.index)) if kpi.get("weighted") else 1.0
        if "instrument" in rows:
            asks = "nps" if "nps" in measure else "csat"
            rows = rows[(rows.instrument == asks) & rows.score.notna()]
        x = pd.Series(1.0, rows.index) * one
        if measure.get("share") == "refunded":
            y = rows.refunded
        elif measure.get("share"):
            y = rows.is_order
        elif "top_box" in measure:
            y = (rows.score > rows.top - measure["boxes"]) * one
        elif "nps" in measure:
            y = 100.0 * ((rows.score >= 9).astype(float) - (rows.score <= 6)) * one
        elif measure.get("mean") == "score":
            y = rows.score * one
        elif "mean" in measure:
            y = rows.gross.where(rows.is_order == 1)
        elif "ratio" in measure:
            y, x = rows.net, rows.is_order
        elif "rate" in measure:
            y, x = 1 - rows.is_order, rows.is_order
        elif measure.get("total") == "net_amount":
            y = rows.net
        elif "total" in measure:
            y = rows.is_order
        else:
            raise AssertionError(measure)
        found = pd.DataFrame({"customer": rows.customer, "at": rows["at"], "y": y, "x": x})
        return found[found.y.notna()]

    def rows_of(
        self, name: str, asked: dict[str, Any], limit: pd.Timestamp
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Units whose window has passed, and the rows of them that fall into it."""
        given = self.experiments[name]
        kpi = self.kpis[asked["kpi"]]
        delay = asked.get("delay_days", 0)
        window = asked.get("window_days", given.get("window_days", 14))
        until = self.until(kpi["fact"], limit)
        units = self.units(name, limit).rows
        ready = units[units.exposed + (delay + window) * DAY <= until]
        rows = self.fact(kpi["fact"]).copy()
        rows["unit"] = [
            self.unit_of(one, given.get("unit", "customer")) if one else None
            for one in rows.customer
        ]
        pairs = ready.merge(rows, on="unit")
        begin = pairs.exposed + delay * DAY
        pairs = pairs[(pairs["at"] >= begin) & (pairs["at"] < begin + window * DAY)]
        return ready, pairs

    def lives(self, name: str, after: float, limit: pd.Timestamp) -> pd.DataFrame:
        """How long units stayed from their exposure on: time, lost, variant."""
        units = self.units(name, limit).rows
        until = self.until("lifetimes", limit)
        spells = self.fact("lifetimes").copy()
        kind = self.experiments[name].get("unit", "customer")
        spells["unit"] = [self.unit_of(one, kind) for one in spells.customer]
        rows = units.merge(spells, on="unit")
        rows = rows[(rows["at"] < rows.exposed + after * DAY) & (rows["at"] < until)]
        begin = rows[["exposed", "at"]].max(axis=1)
        end = rows["at"] + pd.to_timedelta(rows.time, unit="D")
        rows["left"] = (end - begin) / DAY
        rows["seen"] = (until - begin) / DAY
        rows = rows[(rows.left > 0) & (rows.seen >= 0)]
        rows["lost"] = rows.happened & (rows.left <= rows.seen)
        # To three decimals of a day, halves up.
        rows["watched"] = np.floor(rows[["left", "seen"]].min(axis=1) * 1000 + 0.5) / 1000
        return rows


def _by(rows: pd.DataFrame, key: str) -> dict[str, Any]:
    return {getattr(row, key): row for row in rows.itertuples()}


def number(text: str) -> float:
    """A number that can be reckoned with, else NaN."""
    try:
        found = float(text)
    except ValueError:
        return nan
    return found if np.isfinite(found) else nan


# --- one variant ---


def linearised(y: pd.Series, x: pd.Series | None) -> tuple[float, np.ndarray]:
    """A value, and what each unit adds to it."""
    if x is None:
        return float(y.mean()), y.to_numpy(float)
    if not x.sum() > 0:
        return nan, np.full(len(y), nan)
    ratio = y.sum() / x.sum()
    return float(ratio), ((y - ratio * x) / x.mean()).to_numpy(float)


def plain(outcome: Outcome) -> dict[str, Side]:
    found = {}
    for name in outcome.variants:
        mine = outcome.of(name)
        value, units = linearised(mine.y, mine.x if outcome.kind == "ratio" else None)
        n = len(mine)
        variance = float(np.var(units, ddof=1) / n) if n > 1 else nan
        found[name] = Side(value if n > 1 else nan, variance, n - 1, n)
    return found


def adjusted(
    outcome: Outcome, covariates: Sequence[str], strata: Sequence[str] = ()
) -> dict[str, Side]:
    """Adjusted by least squares within variants (and strata), and post-stratified."""
    bare = plain(outcome)
    good = [name for name, side in bare.items() if side.value == side.value]
    if not good:
        return bare
    # Shares of strata are those of all variants of two units or more, with a value or without.
    rows = outcome.rows[outcome.rows.variant.isin(n for n, side in bare.items() if side.n > 1)]
    key = rows[list(strata)].astype(str).agg("|".join, axis=1) if strata else "all"
    key = _merged(pd.Series(key, rows.index), rows.variant)
    share = key.value_counts(normalize=True)
    rows = rows[rows.variant.isin(good)]
    key = key[rows.index]
    z = outcome.rows[list(covariates)].astype(float)
    z = z.fillna(z.mean()).loc[rows.index]
    units = pd.Series(nan, rows.index)
    base: dict[str, float] = {}
    for name in good:
        mine = rows[rows.variant == name]
        here = key[mine.index]
        level = {c: sum(share[s] * mine[c][here == s].mean() for s in share.index) for c in "yx"}
        if outcome.kind == "ratio":
            base[name] = level["y"] / level["x"]
            units[mine.index] = (mine.y - base[name] * mine.x) / level["x"]
        else:
            base[name] = level["y"]
            units[mine.index] = mine.y
    cell = rows.variant + "|" + key
    degrees = len(rows) - cell.nunique()
    theta, p = np.zeros(z.shape[1]), 0
    if len(covariates):
        inner = pd.concat([units, z], axis=1)
        inner = (inner - inner.groupby(cell).transform("mean")).to_numpy()
        rank = int(np.linalg.matrix_rank(inner[:, 1:]))
        if degrees > rank + 1:
            theta, p = np.linalg.lstsq(inner[:, 1:], inner[:, 0], rcond=None)[0], rank
    price = degrees * (degrees - 1) / ((degrees - p) * (degrees - p - 1)) if p else 1.0
    rest = units - z @ theta
    middle = z.mean()
    means = {
        name: {s: rest[(rows.variant == name) & (key == s)].mean() for s in share.index}
        for name in good
    }
    mix = _mix(means, share, len(rows)) if len(share) > 1 and len(good) > 1 else 0.0
    found = dict(bare)
    for name in good:
        mine = rows.variant == name
        variance, satterthwaite, zbar = 0.0, 0.0, 0.0
        for s, w in share.items():
            some = rest[mine & (key == s)]
            part = w * w * some.var(ddof=1) / len(some)
            variance += part
            satterthwaite += part * part / (len(some) - 1)
            zbar = zbar + w * z[mine & (key == s)].mean()
        df = variance**2 / satterthwaite if satterthwaite else nan
        value = base[name] - (float((zbar - middle) @ theta) if p else 0.0)
        whole = variance + (mix if variance else 0.0)
        if variance and degrees:
            df *= (whole / variance) ** 2 * (degrees - p) / degrees
        found[name] = Side(value, whole * price, df, int(mine.sum()))
    return found


def _merged(key: pd.Series, variant: pd.Series) -> pd.Series:
    """Strata in which every variant has 2 units; the smallest others as one."""
    counts = pd.crosstab(key, variant)
    least = counts.min(axis=1)
    rest = list(least[least < 2].index)
    big = list(least[least >= 2].sort_values(kind="stable").index)
    while rest and big and counts.loc[rest].sum().min() < 2:
        rest.append(big.pop(0))
    return key.where(~key.isin(rest), "rest")


def _mix(means: dict[str, dict[Any, float]], share: pd.Series, n: int) -> float:
    """What strata with different effects add: of two variants the shares' own variance."""
    (one, other), rest = list(means.values())[:2], list(means.values())[2:]
    assert not rest, "only worked out for two variants"
    effect = {s: one[s] - other[s] for s in share.index}
    middle = sum(share[s] * effect[s] for s in share.index)
    return sum(share[s] * (effect[s] - middle) ** 2 for s in share.index) / n / 2


def unanimous(side: Side, outcome: Outcome, name: str, ends: tuple[float, float]) -> Side:
    """Where all units say the same, one is added on each side."""
    if side.value not in ends or side.variance != 0:
        return side
    mine = outcome.of(name)
    n = min(len(mine), mine.x.sum()) if outcome.kind == "ratio" else len(mine)
    width = (ends[1] - ends[0]) ** 2
    return side._replace(variance=width * (n + 1) / (n + 2) ** 3, df=max(n - 1, 1))


def quantile(rows: pd.DataFrame, column: str, q: float) -> Side:
    """Woodruff's interval of a quantile of rows, clustered by unit, as a variance."""
    values = rows[column].to_numpy(float)
    if not len(values):
        return Side(nan, nan, nan, 0)
    middle = float(np.quantile(values, q))
    if rows.unit.nunique() < 2:
        return Side(middle, nan, nan, 1)
    counts = rows.groupby("unit")[column].agg(
        below=lambda v: float((v <= middle).sum()),
        under=lambda v: float((v < middle).sum()),
        n="count",
    )
    n = len(counts)
    errors = []
    for column_ in ("below", "under"):
        share, units = linearised(counts[column_], counts.n)
        errors.append(np.var(units, ddof=1) / n * q * (1 - q) / (share * (1 - share)))
    error = sqrt(max(errors))
    t = stats.t.ppf(0.975, n - 1)
    low, high = q - t * error, q + t * error
    if low < 0 or high > 1:
        return Side(middle, nan, n - 1, n)
    first, last = np.quantile(values, [low, high])
    width = last - first
    on = (values <= middle).mean() - (values < middle).mean()
    if on > 0.1 * (high - low):
        # Where many rows lie on the quantile itself, the longer half counts on both sides.
        width = 2 * max(middle - first, last - middle)
    return Side(middle, float((width / (high - low) * error) ** 2), n - 1, n)


def bucket(unit: str) -> int:
    return int(hashlib.md5(unit.encode()).hexdigest()[:2], 16) % 64


# --- two variants ---


def compare(treated: Side, control: Side, alpha: float = 0.05) -> Effect:
    """Welch's test, and the log ratio for what is relative."""
    difference = treated.value - control.value
    low, high, p = _interval(
        difference, (treated.variance, treated.df), (control.variance, control.df), alpha
    )
    relative = relative_low = relative_high = nan
    if control.value > 0:
        relative = difference / control.value
        if treated.value > 0:
            a, b = (
                _interval(
                    log(treated.value / control.value),
                    (treated.variance / treated.value**2, treated.df),
                    (control.variance / control.value**2, control.df),
                    alpha,
                )
            )[:2]
            relative_low, relative_high = exp(a) - 1, exp(b) - 1
    return Effect(difference, low, high, p, relative, relative_low, relative_high)


def _interval(
    estimate: float, one: tuple[float, float], other: tuple[float, float], alpha: float
) -> tuple[float, float, float]:
    variance = one[0] + other[0]
    if isnan(variance) or variance <= 0:
        return nan, nan, nan
    df = variance**2 / sum(v * v / d for v, d in (one, other) if v > 0)
    se = sqrt(variance)
    half = stats.t.ppf(1 - alpha / 2, df) * se
    return estimate - half, estimate + half, 2 * stats.t.sf(abs(estimate / se), df)


def harm(
    treated: Side, control: Side, asked: dict[str, Any], better: str, alpha: float = 0.05
) -> tuple[float, bool]:
    """One-sided p of harm beyond the margin, and whether it is ruled out."""
    sign = 1.0 if better == "higher" else -1.0
    factor = 1 - sign * asked["margin"] if "margin" in asked else 1.0
    distance = sign * (treated.value - factor * control.value) + asked.get("margin_absolute", 0.0)
    low, _, p = _interval(
        distance,
        (treated.variance, treated.df),
        (factor**2 * control.variance, control.df),
        alpha,
    )
    return (p / 2 if distance > 0 else 1 - p / 2), low > 0


def same(found: float | None, wanted: float, digits: float = 1e-9) -> bool:
    """Whether a number is the one it should be; NaN wants None."""
    if isnan(wanted) or wanted in (inf, -inf):
        return found is None
    return found is not None and abs(found - wanted) <= digits * max(1.0, abs(wanted))


# --- times ---


def median_wait(rows: pd.DataFrame, until: pd.Timestamp) -> Side:
    """Kaplan and Meier's median time until an answer; how sure it is, is not worked out."""
    if rows.empty:
        return Side(nan, nan, nan, 0)
    seen = (until - rows["at"]) / pd.Timedelta(hours=1)
    times = rows.time.where(rows.time <= seen, seen).to_numpy()
    happened = (rows.happened & (rows.time <= seen)).to_numpy()
    share = 1.0
    for time in np.unique(times[happened]):
        share *= 1 - (happened & (times == time)).sum() / (times >= time).sum()
        if share <= 0.5 + 1e-9:
            return Side(float(time), nan, nan, rows.unit.nunique())
    return Side(nan, nan, nan, rows.unit.nunique())


def clustered(lives: pd.DataFrame, after: float, *, mean: bool, lost: bool) -> Side:
    """A number of units with several rows: leave out one of 64 groups of units at a time."""
    groups = lives.unit.map(bucket)
    whole = _survival(lives, after, mean=mean, lost=lost)
    without = [
        _survival(lives[groups != one], after, mean=mean, lost=lost) for one in groups.unique()
    ]
    held = len(without)
    if held < 2:
        return Side(whole, nan, nan, len(lives))
    variance = (held - 1) / held * sum((value - whole) ** 2 for value in without)
    return Side(whole, variance, held - 1, len(lives))


def _survival(lives: pd.DataFrame, after: float, *, mean: bool, lost: bool) -> float:
    """Kaplan and Meier's share after some days, or the area under their curve."""
    times, gone = lives.watched.to_numpy(), lives.lost.to_numpy()
    if not len(times) or (times.max() < after and not gone[times == times.max()].all()):
        return nan
    share, area, last = 1.0, 0.0, 0.0
    for time in np.unique(times[gone & (times <= after)]):
        area, last = area + share * (time - last), time
        share *= 1 - (gone & (times == time)).sum() / (times >= time).sum()
    area += share * (after - last)
    return area if mean else 1 - share if lost else share


def stayed(lives: pd.DataFrame, after: float, *, lost: bool) -> Side:
    """Share still there after some days, by lifelines, with Greenwood's variance."""
    from lifelines import KaplanMeierFitter

    if lives.empty:
        return Side(nan, nan, nan, 0)
    times = lives.watched
    fitted = KaplanMeierFitter().fit(times, lives.lost)
    share = float(fitted.predict(after))
    table = fitted.event_table
    table = table[(table.index <= after) & (table.observed > 0)]
    hazard = (table.observed / (table.at_risk * (table.at_risk - table.observed))).sum()
    if times.max() < after and share > 0:
        share = nan
    n = len(lives)
    return Side(1 - share if lost else share, float(share**2 * hazard), n - 1, n)


def kept(lives: pd.DataFrame, after: float) -> Side:
    """Mean days kept of so many: lifelines' area under the curve."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    times = lives.watched
    if lives.empty or (times.max() < after and not lives.lost[times == times.max()].all()):
        return Side(nan, nan, nan, len(lives))
    fitted = KaplanMeierFitter().fit(times, lives.lost)
    table = fitted.event_table
    table = table[(table.index < after) & (table.observed > 0)]
    variance = 0.0
    grid = np.array([*table.index, after])
    survival = np.array([float(fitted.predict(time)) for time in table.index])
    for i, row in enumerate(table.itertuples()):
        rest = float((survival[i:] * np.diff(grid[i:])).sum())
        if rest > 0:
            variance += rest**2 * row.observed / (row.at_risk * (row.at_risk - row.observed))
    value = float(restricted_mean_survival_time(fitted, t=after))
    return Side(value, variance, len(lives) - 1, len(lives))
