"""The sheet of a readout inside a page of the site: its rules, made to reach nothing else.

A readout is a page of its own elsewhere, with a sheet that speaks of `body`, `.section` or
`.chart` as if it were alone. Here all its rules are narrowed to the element `.readout`, and what
the site's own sheet says of the same names is taken back inside of it.
"""

from __future__ import annotations

import re
from functools import cache

_RESET = """\
/* The site's rules end here; tokens of colour and what is drawn are kept. */
.readout :not(svg, svg *) { all: revert; box-sizing: border-box; }
.readout { --small: 0.8125rem; --tiny: 0.75rem; }
"""
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_OUTSIDE = re.compile(
    r"^(:root|\*|::before|::after|html|body|\.sheet|\.masthead|\.brand|\.colophon)"
)
_GROUPS = ("@media", "@container", "@supports")


@cache
def readout_sheet() -> str:
    """The rules of a readout, for the element `.readout` only."""
    from heedful.experiments.page import styles

    return _RESET + narrowed(styles())


def narrowed(sheet: str) -> str:
    """Rules that reach only what is inside `.readout`; those of a page's ground are left out.

    All selectors gain the same specificity, so that which rule wins stays as it was.

    Args:
        sheet: A sheet without strings that hold braces.

    >>> print(narrowed(".chart, .readout p { margin: 0 } body { margin: 0 }"))
    .readout .chart, .readout.readout p { margin: 0 }
    <BLANKLINE>
    """
    return "".join(_rules(_COMMENT.sub("", sheet)))


def _rules(text: str) -> list[str]:
    found = []
    at = 0
    while (begin := text.find("{", at)) >= 0:
        end = _closing(text, begin)
        head, body = " ".join(text[at:begin].split()), text[begin + 1 : end].strip()
        at = end + 1
        if head.startswith(_GROUPS):
            inner = "".join(_rules(body))
            found += [f"{head} {{\n{inner}}}\n"] if inner else []
        elif not head.startswith("@"):
            kept = [_inside(one) for one in _selectors(head)]
            said = ", ".join(one for one in kept if one)
            found += [f"{said} {{ {body} }}\n"] if said else []
    return found


def _closing(text: str, begin: int) -> int:
    depth = 0
    for at in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise ValueError("a rule of the readout's sheet is never closed")


def _selectors(head: str) -> list[str]:
    """The selectors of a list; commas inside brackets do not part them."""
    found, depth, last = [], 0, 0
    for at, sign in enumerate(head):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            found.append(head[last:at].strip())
            last = at + 1
    return [*found, head[last:].strip()]


def _inside(selector: str) -> str:
    if _OUTSIDE.match(selector):
        return ""
    if selector.startswith(".readout"):
        return f".readout{selector}"
    return f".readout {selector}"
