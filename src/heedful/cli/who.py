"""Who is at the terminal, as the audit log names them."""

from __future__ import annotations

import getpass


def whoami() -> str:
    """The login name behind `cli:`; there may be none in a container."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli:unknown"
