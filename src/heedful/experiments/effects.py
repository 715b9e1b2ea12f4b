"""Which groups an experiment compares: variants with a control, or levels of its factors."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

from heedful.stats.contrast import Contrast, contrast, linear
from heedful.stats.groups import Group

if TYPE_CHECKING:
    from heedful.stats.contrast import Critical


@dataclass(frozen=True, slots=True)
class Effect:
    """One comparison, as places among the variants.

    Attributes:
        name: What is compared.
        control: With what; None for an interaction.
        treated: Variants on the one side.
        controls: Variants on the other side.
        minus: For an interaction, the same two sides again, where the other factor is at its base.
    """

    name: str
    control: str | None
    treated: tuple[int, ...]
    controls: tuple[int, ...]
    minus: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def interaction(self) -> bool:
        """Whether it is a difference of differences."""
        return self.minus is not None

    def places(self) -> tuple[int, ...]:
        """All variants it looks at."""
        more = (*self.minus[0], *self.minus[1]) if self.minus else ()
        return tuple(dict.fromkeys((*self.treated, *self.controls, *more)))

    def sides(self, groups: Sequence[Group]) -> tuple[Group, Group]:
        """The two sides, each the plain mean of its variants."""
        return averaged(groups, self.treated), averaged(groups, self.controls)

    def contrast(self, groups: Sequence[Group], critical: Critical) -> Contrast:
        """The effect with its interval."""
        treated, control = self.sides(groups)
        if self.minus is None:
            return contrast(treated, control, critical)
        others = [averaged(groups, side) for side in self.minus]
        return linear((1, -1, -1, 1), (treated, control, *others), critical)


def averaged(groups: Sequence[Group], places: Sequence[int]) -> Group:
    """The plain mean of several groups, as one.

    >>> both = averaged([Group(1.0, 0.2, 9, 10), Group(2.0, 0.2, 9, 10)], (0, 1))
    >>> both.value, both.variance, both.df, both.n
    (1.5, 0.1, 18.0, 20)
    """
    chosen = [groups[place] for place in places]
    if len(chosen) == 1:
        return chosen[0]
    m = len(chosen)
    parts = [one.variance / m**2 for one in chosen]
    variance = sum(parts)
    spread = sum(part**2 / one.df for part, one in zip(parts, chosen, strict=True) if one.df > 0)
    return Group(
        value=sum(one.value for one in chosen) / m,
        variance=variance,
        df=variance**2 / spread if spread > 0 else nan,
        n=sum(one.n for one in chosen),
        unadjusted=sum(one.unadjusted for one in chosen) / m,
        variance_reduction=sum(one.variance_reduction for one in chosen) / m,
    )


def against_control(names: Sequence[str], control: str) -> list[Effect]:
    """Every variant against the control.

    >>> [effect.name for effect in against_control(["control", "a", "b"], "control")]
    ['a', 'b']
    """
    base = names.index(control)
    return [
        Effect(name, control, (place,), (base,))
        for place, name in enumerate(names)
        if place != base
    ]


def of_factors(levels: Sequence[Mapping[str, str]], control: int) -> list[Effect]:
    """Main effects of all factors, and the interactions of each two.

    A main effect is the mean difference over all combinations of the other factors.

    Args:
        levels: Factor to level, by variant.
        control: Place of the variant whose levels are the base of each factor.

    >>> cells = [{"tone": t, "reason": r} for t in ("plain", "warm") for r in ("no", "yes")]
    >>> [(effect.name, effect.treated, effect.controls) for effect in of_factors(cells, 0)][:2]
    [('tone=warm', (2, 3), (0, 1)), ('reason=yes', (1, 3), (0, 2))]
    >>> of_factors(cells, 0)[2].name
    'tone=warm × reason=yes'
    """
    base = levels[control]
    offered = {
        factor: list(dict.fromkeys(each[factor] for each in levels if each[factor] != base[factor]))
        for factor in base
    }

    def at(**wanted: str) -> tuple[int, ...]:
        return tuple(
            place
            for place, each in enumerate(levels)
            if all(each[factor] == level for factor, level in wanted.items())
        )

    effects = [
        Effect(
            f"{factor}={level}",
            f"{factor}={base[factor]}",
            at(**{factor: level}),
            at(**{factor: base[factor]}),
        )
        for factor, some in offered.items()
        for level in some
    ]
    for one, other in itertools.combinations(offered, 2):
        for level, another in itertools.product(offered[one], offered[other]):
            effects.append(
                Effect(
                    f"{one}={level} × {other}={another}",
                    None,
                    at(**{one: level, other: another}),
                    at(**{one: base[one], other: another}),
                    (
                        at(**{one: level, other: base[other]}),
                        at(**{one: base[one], other: base[other]}),
                    ),
                )
            )
    return effects
