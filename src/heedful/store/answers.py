"""What is wrong with the scale of a survey answer, and with the answer on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heedful.store.quoting import literal, quoted
from heedful.surveys.scales import TABLE, by_instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from heedful.definitions.instrument import Instrument
    from heedful.store.schema import Table

CODED = "; say in the source what it means, such as CASE WHEN ... THEN ... END"
BACKWARDS = (
    "; the lower number is scale_min, and scale_reversed says that a low answer means what the "
    "instrument's highest does"
)
FIXED = "; another scale is another question: give it an instrument of its own in instruments/"
LONG = (
    "; a box of it is not worth a top box: say the answer as one of a few, or write an instrument "
    "of its own in instruments/"
)


def off_scale(
    table: Table, filled: Collection[str], instruments: Mapping[str, Instrument]
) -> str | None:
    """SQL of the reason why an answer cannot be taken as it is; null where it can.

    An answer outside its scale is a code for something else; it must be declared. A scale that
    runs backwards, that an instrument is not asked on, or that has more points than boxes can
    be told of, would turn right answers into a wrong number.

    Args:
        table: The table; others than `responses` have no answers.
        filled: The columns that the source fills.
        instruments: Instruments by id.

    Returns:
        SQL of a text; None where nothing can be wrong.
    """
    if table.name != TABLE or not {"score", "instrument"} <= set(filled):
        return None

    def bound(name: str, sql: str) -> str:
        own = f"{quoted(name)}, " if name in filled else ""
        return f"CAST(coalesce({own}{sql}) AS DOUBLE)"

    def told(says: Callable[[Instrument], int | None]) -> str:
        return f"CAST({by_instrument(instruments, 'instrument', says)} AS DOUBLE)"

    least, most = told(lambda one: one.scale.min), told(lambda one: one.scale.max)
    points = told(lambda one: one.points_at_most)
    fixed = told(lambda one: 1 if one.fixed else None)
    low, high = bound("scale_min", least), bound("scale_max", most)
    scale = f"printf('%g to %g', {low}, {high})"
    cases = [
        (f"{low} >= {high}", ["'scale '", scale, "' of '", "instrument", "' runs backwards'"]),
        (
            f"{fixed} = 1 AND ({low} <> {least} OR {high} <> {most})",
            [
                "instrument",
                f"printf(' is asked on %g to %g only, not on ', {least}, {most})",
                scale,
            ],
        ),
        (
            f"{high} - {low} + 1 > {points}",
            ["'scale '", scale, "' of '", "instrument", "' has too many points'"],
        ),
        (
            f"score < {low} OR score > {high}",
            ["printf('score %g is outside the scale ', score)", scale, "' of '", "instrument"],
        ),
    ]
    hints = (BACKWARDS, FIXED, LONG, CODED)
    whens = " ".join(
        f"WHEN {wrong} THEN concat({', '.join([*said, literal(hint)])})"
        for (wrong, said), hint in zip(cases, hints, strict=True)
    )
    return f"CASE {whens} END"
