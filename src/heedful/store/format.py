"""The known exports of other products: each is one YAML file in `store/formats/`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.definitions.format import Format

FOLDER = Path(__file__).parent / "formats"


@functools.cache
def names() -> tuple[str, ...]:
    """Names of the known formats, sorted.

    >>> "zendesk_tickets" in names()
    True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@functools.cache
def known(name: str) -> Format:
    """The format of that name.

    Raises:
        KeyError: There is no such format.

    >>> known("zendesk_tickets").table
    'tickets'
    """
    if name not in names():
        raise KeyError(name)
    from heedful.definitions.document import read
    from heedful.definitions.format import Format

    document = read(FOLDER / f"{name}.yaml", f"formats/{name}.yaml")
    return Format.model_validate({**document.data, "name": name})


class Formats(Mapping[str, "Format"]):
    """All formats by name; each file is read when somebody looks into it.

    >>> Formats()["zendesk_tickets"].vendor
    'Zendesk'
    """

    def __getitem__(self, name: str) -> Format:
        return known(name)

    def __iter__(self) -> Iterator[str]:
        return iter(names())

    def __len__(self) -> int:
        return len(names())
