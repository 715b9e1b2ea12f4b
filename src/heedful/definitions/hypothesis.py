"""`hypotheses.yaml`: what a team expects to change, and how it would see it."""

from __future__ import annotations

from heedful.definitions.fields import Id, Model, Text


class Hypothesis(Model):
    """One line of the hypothesis map."""

    id: Id
    """Short name."""
    friction: Text
    """What makes it hard for the customer today."""
    behaviour: Text
    """What the customer would do if it were easier."""
    outcome: Text
    """What the company would gain."""
    stage: Text
    """The stage of the journey."""
    kpi: Text
    """The KPI that would move; it must be switched on."""
    owner: Text
    """The team that answers for it."""
