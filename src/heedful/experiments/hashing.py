"""The public hash by which GrowthBook's SDKs put units on buckets.

Version 2 of the hash in https://docs.growthbook.io/lib/build-your-own: FNV-1a with 32 bits over
seed and id, once more over the decimal digits of the result (a single pass leaves the buckets of
similar seeds related), then the remainder by 10,000.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BUCKETS = 10_000
"""How many buckets there are; no share can be finer than one of them."""

_OFFSET = 0x811C9DC5
_PRIME = 0x01000193
_CHUNK = 1 << 16
"""Ids hashed at a time: what stays in a processor's cache."""


def fnv1a(text: str, state: int = _OFFSET) -> int:
    """Return the FNV-1a hash with 32 bits of a text.

    It runs over UTF-16 code units, as JavaScript holds texts; for ASCII these are the bytes.
    http://www.isthe.com/chongo/tech/comp/fnv/ has the algorithm.

    Args:
        text: Any text.
        state: The hash of what stands before it: `fnv1a(b, fnv1a(a)) == fnv1a(a + b)`.

    Examples:
        >>> hex(fnv1a("foobar"))
        '0xbf9cf968'
    """
    for unit in text.encode() if text.isascii() else _units(text).tolist():
        state = ((state ^ unit) * _PRIME) & 0xFFFFFFFF
    return state


def bucket(seed: str, id: str) -> float:  # noqa: A002 - what everything else calls it
    """Return where a unit falls for a seed: one of 0, 0.0001, ..., 0.9999, all equally likely.

    Args:
        seed: What makes the draw independent of other draws.
        id: The unit.

    Examples:
        >>> bucket("seed", "a"), bucket("seed", "b")
        (0.0505, 0.2696)
    """
    return fnv1a(str(fnv1a(seed + id))) % BUCKETS / BUCKETS


def buckets(seed: str, ids: Sequence[str] | NDArray[np.str_]) -> NDArray[np.float64]:
    """Return `bucket` of many units at once.

    Args:
        seed: What makes the draw independent of other draws.
        ids: Units, shape (n,); the fastest are lists and arrays of objects.

    Returns:
        Shape (n,).

    Examples:
        >>> buckets("seed", ["a", "b"])
        array([0.0505, 0.2696])
    """
    texts = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    state = fnv1a(seed)
    found = np.empty(len(texts), np.float64)
    for first in range(0, len(texts), _CHUNK):
        once = _many(texts[first : first + _CHUNK], state)
        found[first : first + _CHUNK] = _of_digits(once) % BUCKETS / BUCKETS
    return found


def _units(text: str) -> NDArray[np.uint16]:
    # Texts from JavaScript may hold half a pair; it is hashed like any other unit.
    return np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2").astype(np.uint16)


def _many(texts: list[str], state: int) -> NDArray[np.uint32]:
    units = _units("".join(texts))
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if lengths.sum() != len(units):  # some characters are two code units
        lengths = np.fromiter((len(_units(text)) for text in texts), np.int64, len(texts))
    # The longest first: those that still have a unit at some position are then a plain slice.
    order = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[order]
    longest = int(lengths.max(initial=0))
    having = len(texts) - np.searchsorted(np.sort(lengths), np.arange(longest), side="right")
    hashes = np.full(len(texts), state, np.uint32)
    for position, count in enumerate(having.tolist()):
        part = hashes[:count]
        part ^= units[starts[:count] + position]
        part *= np.uint32(_PRIME)
    given = np.empty_like(hashes)
    given[order] = hashes
    return given


def _of_digits(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """FNV-1a of the decimal digits of each number."""
    hashes = np.full(numbers.shape, _OFFSET, np.uint32)
    for power in (10**exponent for exponent in range(9, -1, -1)):
        digits = numbers // np.uint32(power) % np.uint32(10) + np.uint32(ord("0"))
        begun = numbers >= (power if power > 1 else 0)
        hashes = np.where(begun, (hashes ^ digits) * np.uint32(_PRIME), hashes)
    return hashes


__all__ = ["BUCKETS", "bucket", "buckets", "fnv1a"]
