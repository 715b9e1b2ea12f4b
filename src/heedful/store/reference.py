"""The reference of tables, written from their files: `python -m heedful.store.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from heedful.store import schema

INTRODUCTION = """\
# The canonical tables

What sources fill ([import.md](import.md)) and facts read ([facts.md](facts.md)). Each is one file
in [`src/heedful/store/tables`](../src/heedful/store/tables), and a Delta Lake table in the
project's `data/tables` folder: plain Parquet files that DuckDB, Spark, pandas and others read. This
page is made by `make docs`.

- Times are stored in UTC; `money` has four decimals and is in the project's currency.
- What a source lists under `attributes:` becomes a further column of text, and a dimension.
- **Bold** columns are needed: a row without them is rejected.
- Append tables hold what does not change; in upsert tables the newest row of a key counts.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([INTRODUCTION, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    for name in schema.names():
        table = schema.table(name)
        parts = f"by month of `{table.time}`" if table.partitioned else "not partitioned"
        time = f"time `{table.time}`" if table.time else "no time"
        yield f"## {name}\n\n{table.says}\n"
        yield f"Key `{table.key}`, {time}, {table.mode}, {parts}.\n"
        yield "| column | type | what it means |"
        yield "|---|---|---|"
        for column in table.columns.values():
            shown = f"**{column.name}**" if column.required else column.name
            yield f"| {shown} | {column.kind} | {column.says} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
