"""How often associations are false, before and after adjustment, and how well intervals hold."""

from typing import NamedTuple

import numpy as np

from heedful.stats.association import Association, association, e_values
from simulation.draw import POOR, Floats, Table

SIZES = (300, 1000, 5000)
BANDS = (30, 90, 180, 365, 730)
CAP = 0.99


class Kind(NamedTuple):
    """An outcome.

    name: what it is called; level: log odds of it; cv: of amounts, 0 for a share; effect: the
    true difference where there is one.
    """

    name: str
    level: float
    cv: float
    effect: float


KINDS = (
    Kind("90% stay", 2.6, 0.0, 0.05),
    Kind("40% buy again", -0.5, 0.0, 0.05),
    Kind("amounts, CV 1", 0.0, 1.0, 3.0),
    Kind("amounts, CV 3", 0.0, 3.0, 3.0),
)


def drawn(
    rng: np.random.Generator, customers: int, kind: Kind, effect: float, hidden: float
) -> Association:
    """One association; a customer has 1 to 4 landmarks."""
    who = np.repeat(np.arange(customers), rng.integers(1, 5, customers))
    n = len(who)
    tenure = rng.gamma(1.5, 150.0, customers)[who]
    plan = rng.choice(4, customers, p=[0.4, 0.3, 0.2, 0.1])[who]
    use = rng.poisson(rng.gamma(1.5, 2.0, customers))[who]
    secret = rng.standard_normal(customers)[who]
    own = rng.standard_normal(customers)[who]
    # Straight in tenure and root of use, where the adjustment has logarithms and bands.
    pull = 0.5 * (tenure - 225) / 184 + 0.5 * (plan - 1) + 0.6 * (np.sqrt(use) - 1.5)
    d = rng.random(n) < 1 / (1 + np.exp(-pull - hidden * secret))
    odds = kind.level + pull + hidden * secret + 0.7 * own
    chance = 1 / (1 + np.exp(-odds))
    if kind.cv == 0:
        y = (rng.random(n) < (1 - effect) * chance + effect * d).astype(np.float64)
    else:
        s2 = np.log1p(kind.cv**2)
        amount = np.exp(np.sqrt(s2) * rng.standard_normal(n) - s2 / 2)
        y = np.where(rng.random(n) < chance, 30 * amount, 0.0)
        y = np.minimum(y, np.quantile(y[y > 0], CAP)) + effect * d
    factors = [np.searchsorted(BANDS, tenure), plan]
    numbers: list[Floats] = [np.log1p(tenure), np.log1p(use)]
    return association(y, d, who, factors, numbers)


def drivers_table(runs: int) -> Table:
    """A row an outcome and number of customers."""
    table = [
        [
            "outcome",
            "customers",
            "false, unadjusted",
            "false, adjusted",
            "coverage of an effect",
            "seen",
            "false, hidden confounder",
            "median E-value then",
        ]
    ]
    for kind in KINDS:
        for customers in SIZES:
            rng = np.random.default_rng([9, customers, KINDS.index(kind)])
            many = runs // 8 if customers == SIZES[-1] else runs // 4
            crude = false = covered = seen = misled = 0
            values = []
            for _ in range(many):
                none = drawn(rng, customers, kind, 0.0, 0.0)
                crude += not none.crude_low <= 0 <= none.crude_high
                false += not none.low <= 0 <= none.high
                some = drawn(rng, customers, kind, kind.effect, 0.0)
                covered += some.low <= kind.effect <= some.high
                seen += some.low > 0
                fooled = drawn(rng, customers, kind, 0.0, 0.5)
                misled += not fooled.low <= 0 <= fooled.high
                values.append(e_values(fooled, share=kind.cv == 0)[0])
            coverage = 100 * covered / many
            shown = f"{coverage:.1f}"
            table.append(
                [
                    kind.name,
                    f"{customers:,}",
                    f"{100 * crude / many:.0f}",
                    f"{100 * false / many:.1f}",
                    f"**{shown}**" if coverage < POOR else shown,
                    f"{100 * seen / many:.0f}",
                    f"{100 * misled / many:.0f}",
                    f"{np.nanmedian(values):.1f}",
                ]
            )
    return table
