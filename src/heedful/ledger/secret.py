"""Secrets that are given away once; the ledger keeps only what tells them again."""

from __future__ import annotations

import secrets
from hashlib import sha256

BYTES = 32


def fresh(prefix: str = "") -> str:
    """A secret that nobody can guess: 32 random bytes as text for addresses and cookies.

    Args:
        prefix: What it begins with, so that people and scanners tell what they have found.
    """
    return prefix + secrets.token_urlsafe(BYTES)


def hashed(secret: str) -> str:
    """What the ledger keeps of a secret; the secret cannot be told from it.

    A plain hash is enough for 32 random bytes: there is nothing to guess, unlike with passwords.

    >>> hashed("x")[:12]
    '2d711642b726'
    """
    return sha256(secret.encode()).hexdigest()
