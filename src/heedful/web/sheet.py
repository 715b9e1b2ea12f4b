"""The sheet of all pages: the tokens of colour, and what uses them."""

from __future__ import annotations

from functools import cache
from importlib import resources

from heedful.experiments.palette import TOKENS, Token

MORE = (
    Token("hover", "#eaeeec", "#212b2c"),
    Token("edge", "#7d8986", "#75827f"),
    # A contradiction; like all colours of meaning it never stands without a word or a shape.
    Token("mismatch", "#76317c", "#dba2de"),
    Token("mismatch-tint", "#f5eaf6", "#35203a"),
    Token("fill", "#7b9195", "#647b80"),
)
"""Tokens that only pages need, beside those of readouts."""


def tokens() -> str:
    """The colours as custom properties, light and dark."""
    every = (*TOKENS, *MORE)
    plain = "".join(f"  --{one.name}: {one.light};\n" for one in every)
    both = "".join(f"    --{one.name}: light-dark({one.light}, {one.dark});\n" for one in every)
    return (
        f":root {{\n  color-scheme: light dark;\n{plain}}}\n"
        "/* Browsers without light-dark() keep the light colours above. */\n"
        f"@supports (color: light-dark(white, black)) {{\n  :root {{\n{both}  }}\n}}\n"
        ':root[data-theme="light"] { color-scheme: light; }\n'
        ':root[data-theme="dark"] { color-scheme: dark; }\n'
    )


@cache
def sheet() -> str:
    """The whole sheet."""
    rules = resources.files("heedful.web") / "static" / "heedful.css"
    return tokens() + rules.read_text(encoding="utf-8")
