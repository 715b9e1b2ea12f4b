"""An outcome that never was, for examples."""

from __future__ import annotations

from heedful.experiments.readout import OutcomeResult

_GIVEN = {
    "kpi": "csat",
    "role": "primary",
    "variant": "warm",
    "control": "plain",
    "n": 2400,
    "control_n": 2380,
    "value": 0.659,
    "control_value": 0.618,
    "difference": 0.041,
    "low": 0.022,
    "high": 0.06,
    "relative": 0.066,
    "relative_low": 0.035,
    "relative_high": 0.098,
    "p_value": 0.004,
    "p_adjusted": None,
    "margin": None,
    "verdict": "better",
    "method": "difference of shares",
    "title": "Customer satisfaction",
    "unit": "share",
    "layer": "experience",
}


def outcome(**changes: object) -> OutcomeResult:
    """A customer satisfaction that is 4.1 points better, with changes.

    >>> outcome(verdict="worse").verdict
    'worse'
    """
    return OutcomeResult(**{**_GIVEN, **changes})  # type: ignore[arg-type]
