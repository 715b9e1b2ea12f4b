"""All instruments there are: the built-in ones and the project's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from heedful.definitions.instrument import Instrument
from heedful.definitions.instrument_files import built_in

FOLDER = Path(__file__).parent / "instruments"


def instruments(own: Mapping[str, Instrument] | None = None) -> Mapping[str, Instrument]:
    """The instruments by id, sorted; the project's own take the place of built-in ones.

    Args:
        own: Those of the project, by id.

    >>> sorted(instruments())
    ['ces', 'confidence', 'csat', 'intrusive', 'nps', 'relevance', 'trust', 'understood']
    """
    return dict(sorted({**built_in(FOLDER), **(own or {})}.items()))
