"""`heedful.yaml`: who the company is, its stages, touchpoints and teams."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from heedful.definitions.currency import CURRENCIES
from heedful.definitions.fields import Model, Text, Timezone, Who, wrong
from heedful.definitions.problem import did_you_mean

ENGINE = re.compile(
    r"duckdb|spark|local(\[([1-9]\d*|\*)\])?|spark://[\w.\[\]:-]+:\d+(,[\w.\[\]:-]+:\d+)*"
)
ENGINES = "allowed: duckdb, spark, local[N], or a cluster such as spark://host:7077"
STAGES = ("awareness", "consideration", "conversion", "onboarding", "retention", "expansion")


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        hint = did_you_mean(code, CURRENCIES)
        raise wrong("{name} {value} is not known", f"allowed: an ISO 4217 code such as EUR{hint}")
    return code


def _engine(name: str) -> str:
    if not ENGINE.fullmatch(name):
        if "@" in name:
            raise wrong("an address with a name or password", "write only spark://host:port")
        raise wrong("{name} {value} is not known", ENGINES)
    return name


class Touchpoint(Model):
    """A place where people meet the company."""

    stage: str | None = None
    """The stage it belongs to; rows there count for this stage."""
    ai: bool = False
    """Whether a machine talks there."""
    pages: tuple[Text, ...] = ()
    """Globs on the page of an event; used where a row names no touchpoint. The first that fits."""


class Team(Model):
    """A team that can own a KPI."""

    name: Text
    """What people call it."""
    email: Text | None = None
    """Where to reach it."""


class Settings(Model):
    """`heedful.yaml`."""

    name: Text
    """The company or product, as pages and reports call it."""
    timezone: Timezone
    """IANA name, such as Europe/Berlin; days, weeks and months begin at midnight there."""
    currency: Annotated[Text, AfterValidator(_currency)]
    """ISO 4217 code, such as EUR; all amounts are in it."""
    unit: Who = "customer"
    """Who is counted, clustered and assigned: customers, or accounts where companies buy (B2B)."""
    stages: tuple[Text, ...] = Field(default=STAGES, min_length=1)
    """The stages of the journey, in order."""
    touchpoints: dict[str, Touchpoint] = Field(default={})
    """Places where people meet the company, by id."""
    teams: dict[str, Team] = Field(default={})
    """Teams that own KPIs, by id."""
    history_days: Annotated[int, Field(ge=1)] | None = None
    """After so many days a refresh removes files that fell out of a table; rows always stay."""
    data: Text = "data"
    """The folder, relative to the project, that Heedful writes to."""
    engine: Annotated[Text, AfterValidator(_engine)] = "duckdb"
    """What computes facts and KPIs: `duckdb`, Spark on this machine (`spark`, `local[4]`), or a
    Spark cluster (`spark://host:7077`); see [engines](engines.md)."""

    @property
    def units(self) -> str:
        """What several units are called: customers or accounts."""
        return f"{self.unit}s"

    @field_validator("stages")
    @classmethod
    def _once(cls, stages: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({stage for stage in stages if stages.count(stage) > 1})
        if twice:
            raise wrong(f'stage "{twice[0]}" is named twice', "name each stage once")
        return stages

    def stage_of(self, touchpoint: str | None) -> str | None:
        """Return the stage of a touchpoint, if it has one."""
        known = self.touchpoints.get(touchpoint or "")
        return known.stage if known else None
