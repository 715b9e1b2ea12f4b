"""Text of definitions as pages show it: playbooks from Markdown, code in sentences."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt

_CODE = re.compile(r"`([^`]+)`")


@cache
def _markdown() -> MarkdownIt:
    """Reads Markdown; HTML in it stays text, and nothing is fetched from anywhere."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    # Links with javascript: and the like are left as text by the library itself.
    reader.add_render_rule("link_open", _link)
    return reader


def _link(self: Any, tokens: Sequence[Any], place: int, options: Any, env: Any) -> str:
    tokens[place].attrSet("rel", "noreferrer")
    rendered: str = self.renderToken(tokens, place, options, env)
    return rendered


def rendered(text: str) -> Markup:
    r"""A playbook without its title, as HTML.

    Args:
        text: Markdown whose first line is its title.

    >>> rendered("# Listen\n\nRead **twenty**. <b>x</b> [y](javascript:alert(1))")
    Markup('<p>Read <strong>twenty</strong>. &lt;b&gt;x&lt;/b&gt; [y](javascript:alert(1))</p>\n')
    """
    body = text.lstrip().split("\n", 1)
    rest = body[1] if len(body) > 1 else ""
    return Markup(_markdown().render(rest))  # noqa: S704 - HTML is off, see above


def coded(text: str) -> Markup:
    """A sentence whose `names` are set as code.

    >>> coded("Within `a` & <b>.")
    Markup('Within <code>a</code> &amp; &lt;b&gt;.')
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
