"""What instruments say about their scales, as SQL over answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from heedful.definitions.instrument import Instrument

TABLE = "responses"
BOXES = "boxes"


def by_instrument(
    instruments: Mapping[str, Instrument], column: str, says: Callable[[Instrument], int | None]
) -> str:
    """SQL of a number that each instrument says; null for an instrument that is not known.

    Args:
        instruments: Instruments by id; an id has no sign that SQL could take for another.
        column: SQL of the instrument of an answer.
        says: The number of an instrument.

    >>> from heedful.surveys.catalogue import instruments
    >>> nps = {"nps": instruments()["nps"]}
    >>> by_instrument(nps, "r.instrument", lambda one: one.scale.max)
    "CASE r.instrument WHEN 'nps' THEN 10 END"
    """
    whens = " ".join(
        f"WHEN '{name}' THEN {number}"
        for name, one in instruments.items()
        if (number := says(one)) is not None
    )
    return f"CASE {column} {whens} END" if whens else "CAST(NULL AS INTEGER)"


def scaled(rows: str, columns: Iterable[str], instruments: Mapping[str, Instrument]) -> str:
    """Answers on scales that run upwards and are known, with how many answers are top boxes.

    Args:
        rows: The query of the answers.
        columns: Its columns.
        instruments: Instruments by id.

    Returns:
        The query; `boxes` is its last column.
    """
    low = f"COALESCE(r.scale_min, {by_instrument(instruments, 'r.instrument', _least)})"
    high = f"COALESCE(r.scale_max, {by_instrument(instruments, 'r.instrument', _most)})"
    told = {
        "scale_min": "r._low",
        "scale_max": "r._high",
        "score": "CASE WHEN r.scale_reversed THEN r._low + r._high - r.score ELSE r.score END",
    }
    items = [f'{told.get(name, _quoted(name))} AS "{_escaped(name)}"' for name in columns]
    top = by_instrument(instruments, "r.instrument", lambda one: one.top)
    # As `Instrument.boxes`: never more than half of the answers on offer.
    half = "FLOOR((r._high - r._low + 1) / 2)"
    known = f"r._high > r._low AND {top} IS NOT NULL"
    boxes = f"CASE WHEN {known} THEN CAST(LEAST({top}, {half}) AS INTEGER) END"
    placed = f"SELECT r.*, {low} AS _low, {high} AS _high FROM ({rows}) AS r"
    return f"SELECT {', '.join(items)}, {boxes} AS {BOXES} FROM ({placed}) AS r"


def _least(one: Instrument) -> int:
    return one.scale.min


def _most(one: Instrument) -> int:
    return one.scale.max


def _escaped(name: str) -> str:
    return name.replace('"', '""')


def _quoted(name: str) -> str:
    return f'r."{_escaped(name)}"'
