"""What the typed project files are made of: the base model and the kinds of fields they share."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from heedful.definitions.problem import did_you_mean

_PERCENT = re.compile(r"\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*%\s*")
FIRST_YEAR, LAST_YEAR = 1990, 2200
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Model(BaseModel):
    """A part of a project file: cannot be changed, and knows all its fields."""

    unwritten: ClassVar[frozenset[str]] = frozenset()
    """Fields that may not stand in the file: its name or something else gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def wrong(found: str, allowed: str, at: tuple[str, ...] = ()) -> PydanticCustomError:
    """Return the error that a validator raises.

    Args:
        found: What is wrong; `{name}` and `{value}` stand for the field and what it holds.
        allowed: What is allowed, or what to do.
        at: The path to point at, from where the validator stands.
    """
    context = {"found": found, "allowed": allowed, "at": at}
    return PydanticCustomError("definition", "{found}; {allowed}", context)


def percentage(value: Any) -> Any:
    """Turn `30%` into 0.3 and leave numbers alone.

    Examples:
        >>> percentage("30%"), percentage(0.3)
        (0.3, 0.3)
    """
    if isinstance(value, str):
        match = _PERCENT.fullmatch(value)
        if match:
            return float(match[1]) / 100
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong("{name} {value} is not a percentage", "allowed: such as 30% or 0.3")
    return float(value)


def day(value: Any) -> Any:
    """Turn `2026-03-02` into a date and leave dates alone.

    Examples:
        >>> day("2026-03-02")
        datetime.date(2026, 3, 2)
    """
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            value = date.fromisoformat(value)
    if type(value) is not date:
        raise wrong("{name} {value} is not a date", "allowed: such as 2024-12-31")
    # Windows are added to dates; what is far outside any business is a slip of the finger.
    if not FIRST_YEAR <= value.year < LAST_YEAR:
        years = f"{FIRST_YEAR} to {LAST_YEAR - 1}"
        raise wrong("{name} {value} is far away", f"allowed: a day in the years {years}")
    return value


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(name, available_timezones())
        raise wrong(
            "{name} {value} is not known", f"allowed: an IANA name such as Europe/Berlin{hint}"
        ) from None
    return name


def or_percent(**bounds: float) -> WithJsonSchema:
    """Return what editors are told of a number that may be a percentage."""
    percent = {"type": "string", "pattern": r"^[-+]?[0-9]+(\.[0-9]+)? ?%$"}
    return WithJsonSchema({"anyOf": [{"type": "number", **bounds}, percent]})


Text = Annotated[str, Field(min_length=1)]
"""Words for people."""

Who = Literal["customer", "account"]
"""What is counted and clustered."""

Sql = Annotated[str, Field(min_length=1)]
"""An SQL expression, in DuckDB's dialect."""

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""A name that is also the name of a file or column: lower case, digits and `_`."""

Number = Annotated[float, BeforeValidator(percentage), Field(allow_inf_nan=False), or_percent()]
"""A number, or a percentage such as `30%`."""

Share = Annotated[
    float,
    BeforeValidator(percentage),
    Field(ge=0, le=1, allow_inf_nan=False),
    or_percent(minimum=0, maximum=1),
]
"""A share from 0 to 1, or a percentage from 0% to 100%."""

NotNegative = Annotated[
    float,
    BeforeValidator(percentage),
    Field(ge=0, allow_inf_nan=False),
    or_percent(minimum=0),
]
"""A number from 0 on, or a percentage."""

Positive = Annotated[
    float,
    BeforeValidator(percentage),
    Field(gt=0, allow_inf_nan=False),
    or_percent(exclusiveMinimum=0),
]
"""A number above 0, or a percentage."""

Quantile = Annotated[
    float,
    BeforeValidator(percentage),
    Field(gt=0.5, lt=1, allow_inf_nan=False),
    or_percent(exclusiveMinimum=0.5, exclusiveMaximum=1),
]
"""A quantile above the median: a number such as 0.999, or a percentage such as `99.9%`."""

Date = Annotated[date, BeforeValidator(day)]
"""A day, such as 2026-03-02."""

Timezone = Annotated[Text, AfterValidator(_timezone)]
"""An IANA timezone."""
