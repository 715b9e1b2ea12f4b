"""What people may not do, said so that they know what they may."""

from __future__ import annotations


class RefusedError(ValueError):
    """Something that is not allowed, and why."""

    usage = True
    """Whoever asked can ask for something else."""
