"""What a page says aloud before it shows figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.findings.finding import Finding
    from heedful.scorecard.comparison import Comparison
    from heedful.web.cards import Card
    from heedful.web.view import View


def state(view: View, whole: Comparison | None, findings: Sequence[Finding]) -> Markup:
    """The state of everything, in one or two sentences; every number comes back below.

    Args:
        view: What is looked at.
        whole: The score against the period before.
        findings: The open ones, the most important first.
    """
    return Markup(" ").join([score(view, whole, "The empathy score"), *_urgent(findings)])


def score(view: View, whole: Comparison | None, what: str) -> Markup:
    """A score and how it moved, as a sentence."""
    if whole is None:
        return Markup("There is no score yet.")
    if whole.score is None:
        return Markup("There is no score of {}: {}.").format(
            view.period.title if view.period else "this period", whole.why
        )
    against = view.against.title if view.against else "the period before"
    moved = whole.moved
    if moved.difference is None:
        return Markup("{} is {:.1f}; there is nothing to compare it with.").format(
            what, whole.score
        )
    if moved.verdict == "unclear":
        return Markup("{} is {:.1f}, no clear change from {}.").format(what, whole.score, against)
    way = "rose" if moved.difference > 0 else "fell"
    return Markup("{} {} {:.1f} points to {:.1f} from {}.").format(
        what, way, abs(moved.difference), whole.score, against
    )


def _urgent(findings: Sequence[Finding]) -> list[Markup]:
    bad = [one for one in findings if not one.better]
    if not bad:
        good = [one for one in findings if one.better]
        if good:
            return [Markup("Nothing got worse. {}").format(_headline(good[0]))]
        return [Markup("Nothing stands out.")]
    return [Markup("First of all: {}").format(_headline(bad[0]))]


def _headline(finding: Finding) -> Markup:
    return Markup('<a href="/findings/{}">{}</a>.').format(finding.id, finding.title.rstrip("."))


def triad(cards: Sequence[Card]) -> Markup:
    """Three KPIs side by side, in a sentence."""
    parts = []
    for one in cards:
        title = escape(one.title)
        moved = one.change
        if moved is None or moved.difference is None:
            parts.append(Markup("{} cannot be compared").format(title))
        elif moved.verdict == "unclear":
            parts.append(Markup("{} shows no clear change").format(title))
        else:
            way = "up" if moved.difference > 0 else "down"
            parts.append(Markup("{} is {}, {}").format(title, way, moved.verdict))
    return Markup("; ").join(parts) + Markup(".")


def stage(view: View, name: str, whole: Comparison | None, findings: Sequence[Finding]) -> Markup:
    """The state of one stage."""
    return Markup(" ").join([score(view, whole, name), *_urgent(findings)])
