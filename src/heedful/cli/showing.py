"""How a readout is given: as tables, JSON or a page."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.printing import as_json

if TYPE_CHECKING:
    from heedful.experiments.readout import Readout


class Page(StrEnum):
    """How to give a readout."""

    table = "table"
    json = "json"
    html = "html"


Form = Annotated[Page, typer.Option("--format", help="table, json or html: one page for people.")]


def show(found: Readout, form: Page) -> None:
    """Print a readout."""
    if form == Page.json:
        from heedful.experiments.contract import as_contract

        as_json(as_contract(found))
    elif form == Page.html:
        from heedful.experiments.page import render

        sys.stdout.write(render(found))
    else:
        from heedful.cli.readout import print_readout

        print_readout(found)
