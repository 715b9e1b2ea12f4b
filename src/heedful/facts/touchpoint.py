"""What `heedful.yaml` says about touchpoints, as SQL."""

from __future__ import annotations

from collections.abc import Mapping

from heedful.definitions.settings import Touchpoint
from heedful.engines.duckdb import literal


def by_page(touchpoints: Mapping[str, Touchpoint], page: str) -> str:
    """SQL for the first touchpoint one of whose globs matches a page; null where none does.

    In a glob `*` stands for any text, also over slashes, and `?` for one character.

    Args:
        touchpoints: Touchpoints by id, in the order of the file.
        page: SQL of the page.

    >>> by_page({"pricing": Touchpoint(pages=("/pricing", "/pricing/*"))}, "page")
    "CASE WHEN page = '/pricing' OR page LIKE '/pricing/%' ESCAPE '^' THEN 'pricing' END"
    """
    cases = [
        f"WHEN {' OR '.join(_matches(glob, page) for glob in found.pages)} THEN {literal(name)}"
        for name, found in touchpoints.items()
        if found.pages
    ]
    return f"CASE {' '.join(cases)} END" if cases else "NULL"


def _matches(glob: str, page: str) -> str:
    if not set(glob) & set("*?"):
        return f"{page} = {literal(glob)}"
    signs = {"*": "%", "?": "_", "%": "^%", "_": "^_", "^": "^^"}
    pattern = "".join(signs.get(character, character) for character in glob)
    return f"{page} LIKE {literal(pattern)} ESCAPE '^'"


def stage(touchpoints: Mapping[str, Touchpoint], touchpoint: str) -> str:
    """SQL for the stage of a touchpoint; null where it has none or is not known.

    >>> stage({"pricing": Touchpoint(stage="consideration")}, "touchpoint")
    "CASE touchpoint WHEN 'pricing' THEN 'consideration' END"
    """
    cases = [
        f"WHEN {literal(name)} THEN {literal(found.stage)}"
        for name, found in touchpoints.items()
        if found.stage is not None
    ]
    return f"CASE {touchpoint} {' '.join(cases)} END" if cases else "CAST(NULL AS VARCHAR)"


def ai(touchpoints: Mapping[str, Touchpoint], touchpoint: str) -> str:
    """SQL for whether a machine talks at a touchpoint; false where it is not known.

    >>> ai({"bot": Touchpoint(ai=True)}, "touchpoint")
    "COALESCE(touchpoint IN ('bot'), FALSE)"
    """
    names = ", ".join(literal(name) for name, found in touchpoints.items() if found.ai)
    return f"COALESCE({touchpoint} IN ({names}), FALSE)" if names else "FALSE"
