"""What is true of the company: every expectation the simulator draws from, before and after.

A `Shift` changes on the Monday that begins its week and stays there. Numbers without one hold for
the whole year. Tests compare what was drawn, and later what is read, with these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

NAME: Final = "Fern & Ferry"

PRICING_FIX: Final = 20
NEW_FORM: Final = 33
NEW_BOT: Final = 42


@dataclass(frozen=True)
class Shift:
    """An expectation that changes once, at the beginning of `week` (counted from 0)."""

    before: float
    after: float
    week: int


Level = float | Shift
Levels = Mapping[str, Level]

DEVICES: Final = {"mobile": 0.58, "desktop": 0.34, "tablet": 0.08}
COUNTRIES: Final = {"NL": 0.46, "BE": 0.22, "DE": 0.24, "IE": 0.08}
PLANS: Final = {"sprout": 0.50, "garden": 0.38, "office": 0.12}
PRICES: Final = {"sprout": 19.80, "garden": 38.00, "office": 64.00}
BILLED_EVERY: Final = {"sprout": 60, "garden": 60, "office": 30}
"""Days between two boxes, each of them an order."""

# Who leaves: within the first 30 days, then in each 30 days that follow.
EARLY_CHURN: Final = {"sprout": 0.070, "garden": 0.050, "office": 0.030}
LATER_CHURN: Final = {"sprout": 0.045, "garden": 0.032, "office": 0.015}

# Visits: where they land, and how often nothing follows.
VISITOR_LANDINGS: Final = {"home": 0.35, "pricing_page": 0.30, "blog": 0.20, "gift_page": 0.15}
MEMBER_LANDINGS: Final = {
    "my_plants": 0.41, "shop": 0.20, "help_centre": 0.18, "home": 0.13, "onboarding_form": 0.08,
}  # fmt: skip
BOUNCED: Final[Levels] = {
    "home": 0.38,
    "pricing_page": Shift(0.46, 0.36, PRICING_FIX),
    "blog": 0.55,
    "gift_page": 0.44,
    "my_plants": 0.22,
    "shop": 0.30,
    "help_centre": 0.20,
    "onboarding_form": 0.0,
    "first_plant": 0.0,
}
VISITOR_STARTS_CHECKOUT: Final = 0.34
SHOPPER_STARTS_CHECKOUT: Final = 0.45
CHECKOUT_ABANDONED: Final[Levels] = {"subscribe": Shift(0.34, 0.28, PRICING_FIX), "shop": 0.36}

# The plant-match form: five steps, of which the third asks to measure the light.
FORM_STEPS: Final = 5
FORM_ABANDONED: Final[Levels] = {
    "mobile": Shift(0.24, 0.37, NEW_FORM), "desktop": 0.20, "tablet": 0.22,
}  # fmt: skip
FORM_SECONDS: Final[Levels] = {
    "mobile": Shift(150.0, 215.0, NEW_FORM), "desktop": 130.0, "tablet": 140.0,
}  # fmt: skip
FORM_SPREAD: Final = 0.5
LAST_STEP: Final = (0.22, 0.24, 0.22, 0.18, 0.14)
LAST_STEP_NEW: Final = (0.07, 0.10, 0.66, 0.10, 0.07)

# First value: the first plant settled in. Some never get there.
REACHES_VALUE: Final[Levels] = {
    "mobile": Shift(0.76, 0.67, NEW_FORM), "desktop": 0.78, "tablet": 0.75,
}  # fmt: skip
VALUE_HOURS: Final = 40.0
VALUE_SPREAD: Final = 1.0

# Support.
BY_AI: Final = 0.60
HELP_BECOMES_TICKET: Final = 0.30
FIRST_RESPONSE_HOURS: Final = {"ai": 0.01, "human": 2.2}
RESOLUTION_HOURS: Final[Levels] = {"ai": Shift(3.2, 1.3, NEW_BOT), "human": 10.0}
REOPENED_HOURS: Final[Levels] = {"ai": Shift(30.0, 24.0, NEW_BOT), "human": 44.0}
RESPONSE_SPREAD: Final = 0.8
RESOLUTION_SPREAD: Final = 0.9
REOPENED_SPREAD: Final = 0.6
REOPENED: Final[Levels] = {"ai": Shift(0.11, 0.21, NEW_BOT), "human": 0.07}
REPEATED: Final[Levels] = {"ai": Shift(0.09, 0.16, NEW_BOT), "human": 0.06}
ESCALATED: Final = {"ai": 0.18, "human": 0.08}
COMPLAINT: Final = 0.06
MISUNDERSTOOD: Final = Shift(0.20, 0.29, NEW_BOT)

# Surveys: how many answer, and how many of those are content.
ANSWERED: Final = {
    "csat": 0.42, "ces": 0.40, "nps": 0.34, "confidence": 0.30, "understood": 0.38,
    "trust": 0.36, "relevance": 0.38,
}  # fmt: skip
SATISFIED: Final[Levels] = {
    "chatbot": Shift(0.76, 0.65, NEW_BOT), "recommendations": 0.81, "email_support": 0.79,
    "phone": 0.84, "checkout": 0.82, "shop_checkout": 0.77,
}  # fmt: skip
RELEVANT: Final[Levels] = {"home": 0.62, "gift_page": 0.66}
EASY: Final[Levels] = {
    "mobile": Shift(0.74, 0.58, NEW_FORM), "desktop": 0.77, "tablet": 0.75,
}  # fmt: skip
CONFIDENT: Final = Shift(0.58, 0.68, PRICING_FIX)
AGREE: Final = {"understood": 0.66, "trust": 0.72, "relevance": 0.69}
PROMOTERS: Final = 0.46
DETRACTORS: Final = 0.21

# What machines say.
OUTPUT_SHARES: Final = {
    "rationale": 0.86, "policy": 0.74, "confidence": 0.93, "explanation_shown": 0.70,
    "overridden": 0.09, "reviewed": 0.08,
}  # fmt: skip
EXPLANATION_OPENED: Final = 0.34
EXPLANATION_ACCEPTED: Final = 0.62
REVIEW_PASSED: Final = 0.93

# Money and messages.
REFUNDED: Final = 0.024
SHOP_MEAN: Final = 27.0
BUNDLE_LIFT: Final = 1.12
UNSUBSCRIBED: Final = 0.005

#: First and last week (exclusive) of the two experiments.
EXPERIMENTS: Final = {"bundle-offer": (23, 31), "reassuring-replies": (18, 26)}
