"""Passwords: kept as argon2id, checked in a time that tells nothing of whose they are."""

from __future__ import annotations

import unicodedata
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from heedful.ledger.refusal import RefusedError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST, MOST = 12, 200
"""Characters of a password."""

_AT_ONCE = BoundedSemaphore(2)
"""Each check takes 64 MiB by design; a flood of log-ins must not take the server's memory."""


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    """The hash that is checked where there is no person, so that it takes as long."""
    return _hasher().hash("nobody has this password")


def _same(password: str) -> str:
    """One text for what looks the same, whichever keyboard it came from."""
    return unicodedata.normalize("NFKC", password)


def acceptable(password: str, email: str) -> None:
    """Refuse a password that is too easy to guess.

    Args:
        password: The password.
        email: Whose it is to be.

    Raises:
        RefusedError: It is too short, too long, or says no more than the e-mail does.
    """
    if len(password) < LEAST:
        raise RefusedError(f"the password is too short; allowed: {LEAST} characters or more")
    if len(password) > MOST:
        raise RefusedError(f"the password is too long; allowed: at most {MOST} characters")
    if password.casefold() in {email.casefold(), email.casefold() * 2}:
        raise RefusedError("the password is the e-mail; choose something that nobody can guess")
    if len(set(password)) < 4:
        raise RefusedError("the password is one or two characters over and over; choose another")


def kept(password: str) -> str:
    """What the ledger keeps of a password."""
    with _AT_ONCE:
        return _hasher().hash(_same(password))


def fits(password: str, hash_: str | None) -> bool:
    """Whether a password is the right one; takes as long where there is none to compare with.

    Args:
        password: What was typed.
        hash_: What the ledger keeps; None where there is no such person.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    # What is longer than any password is none; hashing it would only cost.
    typed = _same(password[: MOST + 1])
    with _AT_ONCE:
        try:
            right = _hasher().verify(hash_ or _nobodys(), typed)
        except (VerificationError, InvalidHashError):
            return False
    return right and hash_ is not None and len(password) <= MOST


def outdated(hash_: str) -> bool:
    """Whether a hash was made with weaker settings than today's."""
    return _hasher().check_needs_rehash(hash_)
