"""`rules.yaml`: the definitions that every fact shares."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from heedful.definitions.fields import Model, Text, wrong
from heedful.definitions.problem import one_of

EXCLUDED: dict[str, str | None] = {
    "events": "is_bot",
    "customers": "is_staff OR is_test",
    "orders": "is_test",
    "tickets": "is_spam OR merged_into IS NOT NULL",
}

Names = tuple[Text, ...]
Positive = Annotated[int, Field(gt=0)]
Cost = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Activities(Model):
    """Which activities of an event log mean what."""

    first_response: Names = ()
    """The first answer to the customer."""
    resolved: Names = ()
    """The matter is settled."""
    reopened: Names = ()
    """The matter was not settled after all."""
    escalated: Names = ()
    """Handed to a human or to a higher tier."""
    closed: Names = ()
    """Nothing more will be done."""


class Rules(Model):
    """`rules.yaml`. Each value is a parameter `$name` in the SQL of facts."""

    value_events: Names = ("Value Reached",)
    """Events that mean first value; `[]` where it is not defined."""
    signup_events: Names = ("Signed Up",)
    """Events that begin the relationship."""
    conversion_events: Names = ("Order Completed",)
    """Events that count as a conversion."""
    activation_days: Positive = 14
    """Days within which first value counts as activation."""
    conversion_window_days: Positive = 30
    """Days within which a first visit may lead to a conversion."""
    lead_window_days: Positive | None = None
    """Days within which a lead may be won; null: at any time, and every lead counts."""
    qualification_window_days: Positive | None = None
    """Days within which a lead may become qualified; null: at any time, and every lead counts."""
    repeat_window_days: Positive = 90
    """Days within which a second order counts as a repeat."""
    early_churn_days: Positive = 30
    """Days within which a loss is early."""
    lapsed_after_days: Positive | None = None
    """Days without activity after which a customer without a contract counts as lost."""
    active_events: Names = ()
    """Events that count as activity; `[]`: any event or order."""
    session_gap_minutes: Positive = 30
    """Minutes without an event that end a session."""
    bounce_seconds: Positive = 10
    """Seconds under which a visit to one page is a bounce."""
    form_window_minutes: Positive = 30
    """Minutes within which a started form must be submitted."""
    checkout_window_hours: Positive = 24
    """Hours within which a started checkout must be completed."""
    self_service_window_hours: Positive = 24
    """Hours within which a ticket after a help visit means that help did not help."""
    repeat_contact_days: Positive = 7
    """Days within which another ticket on the same topic means that the first did not help."""
    handling_window_days: Positive = 30
    """Days after its opening by which the work on a ticket, and what it cost, is known."""
    ticket_watch_days: Positive = 90
    """Days for which a ticket is watched: one that waits longer counts as waiting that long at
    least, so that an answer to an old ticket changes no reading of long ago."""
    agent_cost_per_hour: Cost | None = None
    """What an hour of an agent costs, in the project's currency; null: not known."""
    tool_cost_per_ticket: Cost = 0.0
    """What tools cost a ticket, in the project's currency."""
    complaint_topics: Names = ()
    """Topics of tickets that are complaints, beside those that the source marks as such."""
    upsell_events: Names = ("Plan Upgraded", "Add-On Purchased")
    """Events by which a customer buys more."""
    help_events: Names = ("Help Article Viewed", "Help Searched")
    """Events of a help visit."""
    page_events: Names = ("Page Viewed",)
    """Events of a page view."""
    form_started: Names = ("Form Started",)
    """Events that begin a form."""
    form_step: Names = ("Form Step Completed",)
    """Events that finish a step of a form."""
    form_submitted: Names = ("Form Submitted",)
    """Events that submit a form."""
    checkout_started: Names = ("Checkout Started",)
    """Events that begin a checkout."""
    order_completed: Names = ("Order Completed",)
    """Events that complete a checkout."""
    form_errors: Names = ("Form Error Shown",)
    """Events of a form that refuses what was entered."""
    form_error_loop: Positive = 3
    """Form errors in one session that are a loop, not a slip."""
    frustration_events: Names = ("Rage Clicked", "Dead Clicked")
    """Events that show frustration by themselves."""
    return_window_days: Positive = 30
    """Days within which another visit after the first is a return."""
    message_window_days: Positive = 7
    """Days after a message within which an answer to it counts."""
    click_window_minutes: Positive = 30
    """Minutes after a click within which the visit that it leads to begins."""
    contact_limit: Positive = 3
    """Messages that a customer may get in 7 days, over all channels."""
    task_started: Names = ("Task Started",)
    """Events that begin a task; `form` says which."""
    task_step: Names = ("Task Step Viewed",)
    """Events of a step of a task; `step` says which, `steps` the fewest that it needs."""
    task_completed: Names = ("Task Completed",)
    """Events that complete a task."""
    task_window_hours: Positive = 24
    """Hours within which a started task must be completed."""
    content_viewed: Names = ("Content Viewed",)
    """Events of somebody who looks at content."""
    content_saved: Names = ("Content Saved", "Content Shared")
    """Events of somebody who saves or shares content."""
    demo_booked: Names = ("Demo Booked",)
    """Events that book a demo."""
    demo_attended: Names = ("Demo Attended",)
    """Events of a demo that takes place."""
    demo_window_days: Positive = 30
    """Days within which a booked demo takes place."""
    onboarding_started: Names = ("Onboarding Started",)
    """Events that begin onboarding."""
    onboarding_step: Names = ("Onboarding Step Completed",)
    """Events that finish a step of onboarding; `step` says which, `steps` how many there are."""
    onboarding_completed: Names = ("Onboarding Completed",)
    """Events that finish onboarding."""
    onboarding_window_days: Positive = 30
    """Days within which onboarding must be finished."""
    feature_events: Names = ("Feature Used",)
    """Events that use a key feature."""
    activities: Activities = Activities()
    """Which activities of an event log mean what."""
    exclude: dict[str, str | None] = Field(default=EXCLUDED)
    """Table to SQL condition; rows for which it is true are left out of every fact.
    A table that is not named keeps its default; `null` leaves nothing out."""
    late_data_days: Annotated[int, Field(ge=0)] = 0
    """A period is complete only so many days after it ended."""
    business_hours: None = None
    """Reserved."""
    tax: Literal["inclusive", "exclusive"] = "inclusive"
    """Whether amounts hold tax."""

    @field_validator("exclude", mode="before")
    @classmethod
    def _over_defaults(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise wrong("{name} {value} is not a mapping", "allowed: table: condition")
        return {**EXCLUDED, **given}

    def parameters(self) -> dict[str, Any]:
        """Return the value of every `$name` that the SQL of facts may use.

        Lists of names come as lists of text, numbers as they are, what is not set as `None`.
        The activities come as `activity_first_response` and so on.
        """
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name in type(self).model_fields
            if name not in {"activities", "exclude", "business_hours"}
            for value in (getattr(self, name),)
        }
        activities = {
            f"activity_{name}": list(getattr(self.activities, name))
            for name in Activities.model_fields
        }
        return plain | activities

    def days(self, name: str) -> int:
        """Return a rule about a time, in days, rounded up; 0 where the rule is not set."""
        hours = {"days": 24.0, "hours": 1.0, "minutes": 1 / 60}[name.rsplit("_", 1)[1]]
        return math.ceil((getattr(self, name) or 0) * hours / 24)


_TIMES = tuple(
    name for name in Rules.model_fields if name.endswith(("_days", "_hours", "_minutes"))
)


def _days(given: Any, info: ValidationInfo) -> Any:
    """Turn `$activation_days` into the number that the rules give."""
    if not isinstance(given, str):
        return given
    if given.removeprefix("$") not in _TIMES or not given.startswith("$"):
        raise wrong(
            "{name} {value} is not a number of days",
            one_of(["30", *(f"${t}" for t in _TIMES)], given),
        )
    rules = info.context if isinstance(info.context, Rules) else Rules()
    return rules.days(given[1:])


Days = Annotated[int, BeforeValidator(_days, json_schema_input_type=int | str)]
"""A number of days, or `$` and the name of the rule that gives it."""
