"""What people call the variants, levels and intervals of a readout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.experiments.wording import percent

if TYPE_CHECKING:
    from heedful.experiments.readout import Readout

EVERYONE = "all variants"
"""What pooled outcomes have as their variant."""


@dataclass(frozen=True, slots=True)
class Names:
    """What people call the variants and levels of a readout.

    Attributes:
        titles: Variant to title.
        control: Title of the control.
        several: Whether more than one thing is compared with a control.
        levels: Whether levels of factors are compared.
    """

    titles: dict[str, str]
    control: str
    several: bool
    levels: bool = False

    @classmethod
    def of(cls, readout: Readout) -> Names:
        """Names of one readout."""
        titles = {one.name: one.title or one.name for one in readout.variants}
        compared = {one.variant for one in readout.outcomes if one.control is not None}
        control = readout.control or next(
            (one.control for one in readout.outcomes if one.control), ""
        )
        several, levels = len(compared) > 1, readout.design == "factorial"
        return cls(titles, titles.get(control, control) or "Control", several, levels)

    def variant(self, name: str) -> str:
        """A variant, a level or an interaction, as people read it.

        >>> Names({}, "", False).variant("tone=warm × reason=yes")
        'tone: warm × reason: yes'
        """
        if name == EVERYONE:
            return "All variants together"
        return self.titles.get(name, name.replace("=", ": "))

    @property
    def treated(self) -> str:
        """Head of the column of the other side: the variant where there is just one."""
        others = [title for title in self.titles.values() if title != self.control]
        return others[0] if len(others) == 1 else "Level" if self.levels else "Variant"

    @property
    def base(self) -> str:
        """Head of the column of the control; in a factorial design each level has its own."""
        return "Base" if self.levels else self.control


def interval_name(readout: Readout) -> str:
    """What intervals are called, such as 95% interval."""
    share = percent(1 - readout.alpha, 0 if round(100 * readout.alpha, 6).is_integer() else 1)
    if readout.sequential == "confidence_sequence":
        return f"{share} confidence sequence"
    return f"{share} interval"
