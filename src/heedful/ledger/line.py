"""What people type into a field of one line."""

from __future__ import annotations


def one_line(text: str) -> str:
    r"""Text on one line: what cannot be printed, which could end a line or steer a terminal, goes.

    >>> one_line("  Ada\r\nBcc: eve@evil.example \x1b[2J ")
    'Ada Bcc: eve@evil.example [2J'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
