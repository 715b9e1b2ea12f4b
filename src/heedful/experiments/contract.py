"""A readout as JSON has it: names and meanings that scripts rely on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heedful.experiments.readout import Readout


def as_contract(readout: Readout) -> dict[str, Any]:
    """The readout with plain values only.

    Args:
        readout: An analysed experiment.

    Returns:
        Strings, numbers, true, false, None, lists and dictionaries: dates are ISO, what is missing
        or no finite number is None. `sql` is a list of `{name, sql}`.

    >>> from heedful.experiments.readout import Readout, SampleRatio
    >>> readout = Readout("say-why", "ab", "keep_running", "no_value_yet", ("No data.",), (),
    ...     SampleRatio(float("nan"), "ok"), (), (), start=date(2026, 9, 1))
    >>> found = as_contract(readout)
    >>> found["decision"], found["srm"], found["start"]
    ('keep_running', {'p_value': None, 'state': 'ok'}, '2026-09-01')
    """
    given: dict[str, Any] = plain(readout)
    given["sql"] = [{"name": name, "sql": text} for name, text in readout.sql]
    return given


def plain(value: Any) -> Any:
    """A value as JSON has it: ISO dates, null for what is missing.

    >>> plain({"at": date(2026, 9, 1), "value": float("nan")})
    {'at': '2026-09-01', 'value': None}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
