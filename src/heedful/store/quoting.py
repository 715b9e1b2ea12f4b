"""Names and texts as SQL, so that neither can ever become a command."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A SQL identifier in double quotes.

    >>> print(quoted("first seen"))
    "first seen"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A SQL string in single quotes.

    >>> literal("it's")
    "'it''s'"
    """
    # The text of a statement ends for the parser at chr(0).
    parts = ["'" + part.replace("'", "''") + "'" for part in value.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"
