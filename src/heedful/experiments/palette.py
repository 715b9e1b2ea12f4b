"""Colours of pages and charts: each token once, for light and for dark."""

from __future__ import annotations

from typing import NamedTuple


class Token(NamedTuple):
    """A colour by its meaning."""

    name: str
    light: str
    dark: str


TOKENS = (
    # Surfaces and ink are neutral, so that hue is free to carry meaning.
    Token("paper", "#ffffff", "#111718"),
    Token("shelf", "#f3f5f4", "#182021"),
    Token("ink", "#15201f", "#e9eeec"),
    Token("ink-2", "#42504d", "#bcc6c3"),
    Token("ink-3", "#566360", "#a1ada9"),
    Token("rule", "#dde3e0", "#2b3637"),
    Token("rule-2", "#aeb8b4", "#4d5a5b"),
    Token("focus", "#0b57d0", "#8ab4ff"),
    # Blue is better, vermilion worse, ochre to be read with care; never without a word or a shape.
    Token("good", "#00608a", "#6fc3ea"),
    Token("bad", "#ad3f0a", "#f59a6c"),
    Token("care", "#735600", "#dcbd55"),
    Token("good-tint", "#e1eff6", "#14303d"),
    Token("bad-tint", "#fbe9df", "#3d2317"),
    Token("care-tint", "#f8f0d6", "#332b12"),
    # Data.
    Token("series", "#1d3740", "#dbe6e7"),
    Token("band", "#d3dee0", "#2f4246"),
    Token("compare", "#66736f", "#97a4a0"),
)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance).

    >>> round(contrast("#000000", "#ffffff"), 6)
    21.0
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
