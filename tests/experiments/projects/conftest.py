"""A shop's project, imported and refreshed, and what its readouts should say."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
from dataclasses import fields, is_dataclass
from functools import cache
from math import isnan, nan
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

import heedful

NOW = pd.Timestamp("2024-06-01T12:00Z")
HERE = Path(__file__).parent
UNSURE = ("low", "high", "p_value", "relative_low", "relative_high")
"""What is not given with fewer than 30 units."""


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"shop_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


shop, oracle, scenes = (_load(name) for name in ("shop", "oracle", "scenes"))


class Scene:
    """A project on disk, its readouts, and the oracle that knows better."""

    def __init__(self, made: Any, root: Path, refresh: bool = True) -> None:
        self.shop = made
        self.root = made.write(root)
        self.project = heedful.open(self.root)
        for done in self.project.tables.import_():
            assert done.rejected == 0, done
        if refresh:
            self.project.refresh()
        self.oracle = oracle.Oracle(self.root, made, shop.KPIS)
        self.readout = cache(self._readout)

    def _readout(self, name: str, as_of: str | None = None) -> Any:
        day = None if as_of is None else dt.date.fromisoformat(as_of)
        return self.project.experiments[name].readout(as_of=day, now=NOW.to_pydatetime())

    def limit(self, as_of: str | None) -> pd.Timestamp:
        if as_of is None:
            return NOW
        return shop.midnight(shop.later(as_of, 1), self.shop.zone)

    def given(self, name: str) -> dict[str, Any]:
        return self.shop.experiments[name]

    def asked(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Role and definition of each outcome, in the order of a readout."""
        given = self.given(name)
        return [
            ("primary", given["primary"]),
            *(("guardrail", one) for one in given["guardrails"]),
            *(("secondary", one) for one in given.get("secondary", [])),
        ]

    def names(self, name: str) -> tuple[list[str], str]:
        given = self.given(name)
        names = [one["name"] for one in given["variants"]]
        return names, given.get("control", names[0])

    def sides(
        self, name: str, asked: dict[str, Any], as_of: str | None = None
    ) -> tuple[dict[str, Any], dict[str, int], int]:
        """Each variant's value and variance, units that count, and units that wait."""
        measure = shop.KPIS[asked["kpi"]]["measure"]
        limit = self.limit(as_of)
        names, _ = self.names(name)
        if "quantile" in measure or "duration" in measure:
            ready, rows = self.oracle.rows_of(name, asked, limit)
            waiting = len(self.oracle.units(name, limit).rows) - len(ready)
            rows = rows[rows.is_order == 1] if "quantile" in measure else rows[rows.time.notna()]
            mine = {one: rows[rows.variant == one] for one in names}
            counts = {one: some.unit.nunique() for one, some in mine.items()}
            if "quantile" in measure:
                found = {o: oracle.quantile(r, "gross", measure["q"]) for o, r in mine.items()}
            else:
                until = self.oracle.until("ticket_handling", limit)
                found = {o: oracle.median_wait(r, until) for o, r in mine.items()}
            return found, counts, waiting
        if "retention" in measure:
            lives = self.oracle.lives(name, measure["after"], limit)
            until = self.oracle.until("lifetimes", limit)
            units = self.oracle.units(name, limit).rows
            waiting = int((units.exposed + measure["after"] * shop.DAY > until).sum())
            mine = {one: lives[lives.variant == one] for one in names}
            lost = measure.get("complement", False)
            found = {
                one: self._lived(name, rows, measure["after"], lost=lost)
                for one, rows in mine.items()
            }
            return found, {one: len(rows) for one, rows in mine.items()}, waiting
        outcome = self.oracle.outcome(name, asked, limit)
        covariates = self.covariates(name, asked, outcome)
        strata = self.given(name).get("strata", [])
        found = (
            oracle.adjusted(outcome, covariates, strata)
            if covariates or strata
            else oracle.plain(outcome)
        )
        ends = {"share": (0, 1), "top_box": (0, 1), "nps": (-100, 100)}.get(next(iter(measure)))
        if ends:
            found = {n: oracle.unanimous(side, outcome, n, ends) for n, side in found.items()}
        counts = outcome.answered or {one: len(outcome.of(one)) for one in names}
        return found, counts, outcome.waiting

    def covariates(self, name: str, asked: dict[str, Any], outcome: Any) -> list[str]:
        """The columns of an outcome that it is adjusted for."""
        columns = []
        for one in asked.get("covariates", self.given(name)["covariates"]):
            own = ["by", "bx"] if outcome.kind == "ratio" else ["by"]
            columns += own if one == "before" else [one]
        return columns

    def _lived(
        self,
        name: str,
        lives: pd.DataFrame,
        after: float,
        *,
        lost: bool = False,
        mean: bool = False,
    ) -> Any:
        """Of customers each is a unit; accounts have several rows."""
        if self.given(name).get("unit", "customer") != "customer":
            return oracle.clustered(lives, after, mean=mean, lost=lost)
        return oracle.kept(lives, after) if mean else oracle.stayed(lives, after, lost=lost)

    def wrong(self, name: str, as_of: str | None = None) -> list[str]:
        """Every number of a readout's outcomes that is not what the exports say."""
        readout = self.readout(name, as_of)
        names, control = self.names(name)
        given = self.given(name)
        alpha = given.get("alpha", 0.05)
        found = iter(readout.outcomes)
        wrong = []
        for role, asked in self.asked(name):
            kpi = shop.KPIS[asked["kpi"]]
            sides, counts, waiting = self.sides(name, asked, as_of)
            for variant in (one for one in names if one != control):
                got = next(found)
                where = f"{name} {got.kpi} {variant}"
                effect = oracle.compare(sides[variant], sides[control], alpha)
                wanted = {
                    "value": sides[variant].value,
                    "control_value": sides[control].value,
                    **effect._asdict(),
                }
                if role == "guardrail":
                    wanted["p_value"] = oracle.harm(
                        sides[variant], sides[control], asked, kpi["better"], alpha
                    )[0]
                if min(counts[variant], counts[control]) < 30:
                    wanted |= dict.fromkeys(UNSURE, nan)
                # Of durations only the medians are worked out.
                if "duration" in kpi["measure"]:
                    wanted = {n: v for n, v in wanted.items() if not isnan(v)}
                wrong += [
                    f"{where}: {n} is {getattr(got, n)}, not {v}"
                    for n, v in wanted.items()
                    if not oracle.same(getattr(got, n), v)
                ]
                n = (got.n, got.control_n, got.waiting, got.role)
                if n != (counts[variant], counts[control], waiting, role):
                    wrong.append(f"{where}: {n}, not {counts}, {waiting}, {role}")
            # Beside a retention stand the mean days kept, of all variants.
            for variant in (one for one in names if one != control):
                if "retention" in kpi["measure"]:
                    wrong += self._kept(next(found), name, kpi["measure"], variant, as_of)
        assert next(found, None) is None
        return wrong

    def _kept(
        self,
        got: Any,
        name: str,
        measure: dict[str, Any],
        variant: str,
        as_of: str | None,
    ) -> list[str]:
        """The mean days kept that stand beside a retention."""
        lives = self.oracle.lives(name, measure["after"], self.limit(as_of))
        _, control = self.names(name)
        one, other = (
            self._lived(name, lives[lives.variant == each], measure["after"], mean=True)
            for each in (variant, control)
        )
        where = f"{name} {got.kpi} {variant}"
        wanted = oracle.compare(one, other, self.given(name).get("alpha", 0.05))._asdict()
        if min(one.n, other.n) < 30:
            wanted |= dict.fromkeys(UNSURE, nan)
        return [
            f"{where}: {n} is {getattr(got, n)}, not {v}"
            for n, v in wanted.items()
            if not oracle.same(getattr(got, n), v)
        ]


def alike(one: Any, other: Any) -> bool:
    """Whether two results are the same, but for the last digits of their sums."""
    if is_dataclass(one) and type(one) is type(other):
        names = [field.name for field in fields(one)]
        return all(alike(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-9, abs=1e-9)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def build(folder: Path) -> Scene:
    made = shop.Shop(
        {name: dict(given) for name, given in scenes.EXPERIMENTS.items()},
        {name: shop.Exposing(**how) for name, how in scenes.EXPOSING.items()},
    )
    made.at_the_edges("kinds", (0, 14, -28, 3, 8, 20))
    made.at_the_edges("adjusted", (0, -20, -26, -6, 14))
    return Scene(made, folder, refresh=False)


@pytest.fixture(scope="session")
def berlin(tmp_path_factory) -> Scene:
    """A shop in Berlin, with every kind of experiment."""
    return build(tmp_path_factory.mktemp("berlin"))


@pytest.fixture(scope="session")
def small():
    """Makes a smaller shop of some experiments."""

    def make(folder: Path, experiments: Any, exposing: Any, *, refresh: bool = True, **more: Any):
        made = shop.Shop(
            experiments, {name: shop.Exposing(**how) for name, how in exposing.items()}, **more
        )
        return Scene(made, folder, refresh)

    return make


@pytest.fixture(scope="session", name="alike")
def _alike() -> Any:
    """Whether two results are the same, but for the last digits of their sums."""
    return alike


@pytest.fixture(scope="session")
def reckon() -> ModuleType:
    """Statistics worked out with pandas and SciPy."""
    return oracle
