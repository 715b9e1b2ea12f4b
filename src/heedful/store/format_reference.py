"""The reference of formats from their files: `python -m heedful.store.format_reference`."""

from __future__ import annotations

import re
import sys
from textwrap import wrap
from typing import TYPE_CHECKING

from heedful.definitions.source import Constant
from heedful.store import format as formats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heedful.definitions.format import Format
    from heedful.definitions.source import Column

INTRODUCTION = """\
# Exports of other products

A source whose `format:` is one of these needs no columns ([import.md](import.md)). Each is one
file in [`src/heedful/store/formats`](../src/heedful/store/formats); `heedful formats` shows them
too. This page is made by `make docs`.

- **Bold** columns are needed: an import stops where a file lacks one, and says what looks like it.
- What a source says itself comes first: a column, attribute or option of its own takes the place
  of the format's; both conditions, `where`, hold.
- Names after "also" are the same column in another way to export it.
"""


def page() -> str:
    """The whole page, in Markdown."""
    known = [formats.known(name) for name in formats.names()]
    return "\n".join([INTRODUCTION, *_list(known), *_sections(known)]).rstrip() + "\n"


def short(form: Format) -> str:
    """What to export, in a few words.

    >>> short(formats.known("stripe_charges"))
    'Charges of the API'
    """
    return re.split(r" \(|[:;.] |[.]$", form.export, maxsplit=1)[0]


def becomes(form: Format) -> Iterator[tuple[str, str]]:
    """What each column of the table, and each attribute, is made of.

    >>> dict(becomes(formats.known("zendesk_tickets")))["ticket_id"]
    'id'
    """
    for name, spec in (*form.columns.items(), *form.attributes.items()):
        yield name, _said(spec)


def source(form: Format) -> str:
    """A source that may be pasted into a project.

    >>> print(source(formats.known("zendesk_tickets")))
    table: tickets
    path: ../exports/zendesk/tickets-*.json
    format: zendesk_tickets
    <BLANKLINE>
    """
    lines = [f"table: {form.table}", f"path: {form.example}", f"format: {form.name}"]
    for hint in dict.fromkeys(form.asks.values()):
        lines += wrap(hint, 96, initial_indent="# ", subsequent_indent="# ")
    return "\n".join(lines) + "\n"


def _said(spec: Column) -> str:
    if isinstance(spec, Constant):
        return f"always {spec.constant}"
    return " ".join(" or ".join(spec).split()).replace("( ", "(")


def _list(known: list[Format]) -> Iterator[str]:
    yield "| format | vendor | fills | what to export |"
    yield "|---|---|---|---|"
    for form in known:
        fills = f"[{form.table}](tables.md#{form.table})"
        yield f"| [{form.name}](#{form.name}) | {form.vendor} | {fills} | {_cell(short(form))} |"
    yield ""


def _sections(known: list[Format]) -> Iterator[str]:
    for form in known:
        yield f"## {form.name}\n\n{form.export}\n"
        yield f"{form.vendor}: {', '.join(f'<{url}>' for url in form.documented)}\n"
        yield f"```yaml\n{source(form)}```\n"
        yield from (f"- {note}" for note in form.notes)
        yield "\n| column of the export | type | what it is |\n|---|---|---|"
        for name, need in form.needs.items():
            shown = f"**{_cell(name)}**" if need.required else _cell(name)
            also = (
                f" Also {', '.join(f'`{_cell(one)}`' for one in need.also)}." if need.also else ""
            )
            yield f"| {shown} | {_cell(need.type)} | {_cell(need.says)}{also} |"
        yield f"\n| {form.table} | is made of |\n|---|---|"
        for name, said in becomes(form):
            yield f"| {name} | {_code(said)} |"
        if form.where:
            yield f"\nOnly rows: {_code(form.where)}"
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _code(text: str) -> str:
    return f"`{_cell(' '.join(text.split()))}`"


if __name__ == "__main__":
    sys.stdout.write(page())
