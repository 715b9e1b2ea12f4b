"""Templates to pages: what every page has around its content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from heedful.web import numbers, pictures
from heedful.web.assets import address
from heedful.web.guest import site_of

if TYPE_CHECKING:
    from fastapi import Request

    from heedful.web.charts import Chart
    from heedful.web.guest import Guest
    from heedful.web.view import View

    Crumbs = Sequence[tuple[str, str | None]]


@cache
def templates() -> Environment:
    """The templates; everything that is put into them is escaped."""
    found = Environment(
        loader=PackageLoader("heedful.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        asset=address,
        numbers=numbers,
        pictures=pictures,
        spec=spec,
        len=len,
    )
    found.filters.update(
        day=numbers.day, moment=numbers.moment, count=numbers.count, humane=numbers.name
    )
    return found


def spec(chart: Chart) -> Markup:
    """A chart's specification as JSON that cannot end the element it stands in."""
    text = json.dumps(chart.spec, separators=(",", ":"), ensure_ascii=False)
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(safe)  # noqa: S704 - every sign that HTML knows is escaped


def page(
    request: Request,
    template: str,
    who: Guest | None,
    *,
    title: str,
    crumbs: Crumbs = (),
    view: View | None = None,
    filters: bool = False,
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """A page.

    Args:
        request: What it answers.
        template: Its template, which extends `base.html`.
        who: Who asked; None for strangers, who get no menu.
        title: What the browser calls it.
        crumbs: Where it stands: names and addresses, the last one without address.
        view: What is looked at.
        filters: Whether its period and customers can be chosen.
        status: HTTP status.
        context: Whatever the template needs.
    """
    from heedful.web.menu import menu, segments

    site = site_of(request)
    edition = site.edition
    html = (
        templates()
        .get_template(template)
        .render(
            request=request,
            path=request.url.path,
            who=who,
            title=title,
            crumbs=crumbs or ((title, None),),
            view=view,
            filters=filters and view is not None,
            edition=edition,
            definitions=edition.definitions,
            currency=edition.definitions.settings.currency,
            teams=edition.definitions.settings.teams,
            job=site.job,
            problems=site.problems,
            theme=_theme(request),
            menu=menu(edition) if who else (),
            segments=segments(edition, view) if filters and view else (),
            **context,
        )
    )
    return HTMLResponse(html, status)


def _theme(request: Request) -> str:
    asked = request.query_params.get("theme") or request.cookies.get("theme") or ""
    return asked if asked in {"light", "dark"} else ""
