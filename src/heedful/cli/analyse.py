"""The command that analyses a file without a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from heedful.cli.showing import Form, Page, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.experiments.flat import Margin


class Listed(TyperCommand):
    """Options that may be given once and be followed by several values.

    `FILE --metric a b` is `FILE --metric a --metric b`. Where FILE stands behind such values, it is
    the last of them.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the option before each of its values."""
        return super().parse_args(ctx, self.spread(args))

    def spread(self, args: list[str]) -> list[str]:
        """The same words with the option before each value."""
        if "--" in args:
            return args
        valued = [one for one in self.params if not getattr(one, "is_flag", False)]
        single = {name for one in valued for name in one.opts}
        several = {name for one in valued if getattr(one, "multiple", False) for name in one.opts}
        spread: list[str] = []
        further: list[int] = []
        file = False
        option: str | None = None
        awaited = False
        for word in args:
            if awaited:
                awaited = False
            elif word.startswith("-") and len(word) > 1:
                name, given, _ = word.partition("=")
                option = name if name in several else None
                awaited = not given and name in single
            elif option is not None:
                spread.append(option)
                further.append(len(spread))
            else:
                file = True
            spread.append(word)
        if further and not file:
            del spread[further[-1] - 1]
        return spread


def analyse(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, Parquet, Excel or JSON lines.")
    ],
    variant: Annotated[str, typer.Option(metavar="COL", help="Which variant a row got.")],
    metric: Annotated[
        list[str], typer.Option(metavar="COL", help="What is compared; the first is primary.")
    ],
    unit: Annotated[
        str | None, typer.Option(metavar="COL", help="Which unit a row belongs to.")
    ] = None,
    covariate: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="A number known beforehand.")
    ] = None,
    control: Annotated[
        str | None, typer.Option(metavar="NAME", help='Without: "control", or the first by name.')
    ] = None,
    guardrail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL:MARGIN",
            help="May not get worse by more than a share of the control: spend:2% or spend:0.02; "
            "in its own unit: visit:0.01abs.",
        ),
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option(metavar="NAME=W", help="Planned shares; equal without.")
    ] = None,
    segment: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Look at the effect within.")
    ] = None,
    stratum: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Post-stratify by.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="COL", help="Day of entry: day by day results.")
    ] = None,
    lower: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Of this column lower is better.")
    ] = None,
    capping: Annotated[
        str | None,
        typer.Option(metavar="QUANTILE", help="Amounts above count as it: 99.9%."),
    ] = None,
    alpha: Annotated[
        str, typer.Option(metavar="SHARE", help="How often chance may look like an effect.")
    ] = "0.05",
    smallest: Annotated[
        str | None,
        typer.Option(
            "--smallest-effect", metavar="SHARE", help="Smallest relative effect that matters: 5%."
        ),
    ] = None,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Intervals that may be looked at every day.")
    ] = False,
    planned: Annotated[
        int | None, typer.Option("--units", min=1, metavar="N", help="Units planned in all.")
    ] = None,
    encoding: Annotated[
        str, typer.Option(metavar="NAME", help="Of a text file, such as latin-1.")
    ] = "utf-8",
    format_: Form = Page.table,
) -> None:
    """Analyse a file: a row a unit, or several rows a unit with --unit. No project is needed."""
    from heedful.experiments.flat import FlatQuestion
    from heedful.experiments.flat import analyse as analysed

    question = FlatQuestion(
        variant=variant,
        metrics=_columns(metric),
        unit=unit,
        covariates=_columns(covariate),
        control=control,
        guardrails=dict(_guardrail(text) for text in guardrail or ()),
        weights=_weights(weights or ()),
        segments=_columns(segment),
        strata=_columns(stratum),
        day=day,
        lower=_columns(lower),
        alpha=_alpha(alpha),
        smallest=None if smallest is None else _share(smallest, "--smallest-effect"),
        capping=None if capping is None else _share(capping, "--capping"),
        sequential="confidence_sequence" if sequential else "none",
        planned=planned,
        encoding=encoding,
    )
    show(analysed(file, question, name=file.name), format_)


def _columns(given: list[str] | None) -> list[str]:
    return list(dict.fromkeys(given or ()))


def _weights(given: Sequence[str]) -> dict[str, float]:
    """Planned shares by variant, in any scale.

    >>> _weights(["control=90%", "warm=10%"]), _weights(["control=24000", "warm=564577"])
    ({'control': 0.9, 'warm': 0.1}, {'control': 24000.0, 'warm': 564577.0})
    """
    found: dict[str, float] = {}
    percent = set()
    for text in given:
        name, sign, weight = text.rpartition("=")
        amount = _number(weight)
        if not sign or not name or amount is None or amount <= 0:
            raise typer.BadParameter(
                f'"{text}" is not NAME=W; allowed: a variant and a number above 0, such as '
                "control=0.5, control=50% or control=1000",
                param_hint="--weights",
            )
        if name in found:
            raise typer.BadParameter(f'"{name}" has two weights', param_hint="--weights")
        found[name] = amount
        percent.add(weight.strip().endswith("%"))
    if len(percent) > 1:
        raise typer.BadParameter(
            f"{', '.join(given)}: some are percentages; give all of them so, or none",
            param_hint="--weights",
        )
    return found


def _alpha(text: str) -> float:
    found = _share(text, "--alpha")
    if found >= 0.5:
        raise typer.BadParameter(
            f'"{text}" is half or more; allowed: such as 5% or 0.01', param_hint="--alpha"
        )
    return found


def _share(text: str, option: str) -> float:
    found = _number(text)
    if found is None or not 0 < found < 1:
        raise typer.BadParameter(
            f'"{text}" is not a share; allowed: such as 5% or 0.05', param_hint=option
        )
    return found


def _guardrail(text: str) -> tuple[str, Margin]:
    """`COL:MARGIN`, where MARGIN is a share of the control, or a number with `abs` behind it.

    >>> _guardrail("spend:2%")
    ('spend', Margin(amount=0.02, relative=True))
    >>> _guardrail("visit:0.01abs")
    ('visit', Margin(amount=0.01, relative=False))
    """
    from heedful.experiments.flat import Margin

    column, sign, given = text.rpartition(":")
    absolute = given.strip().removesuffix("abs")
    relative = absolute == given.strip()
    amount = _number(absolute.strip())
    if not sign or not column or amount is None or amount <= 0 or (relative and amount >= 1):
        raise typer.BadParameter(
            f'"{text}" is not COL:MARGIN; allowed: how much worse is tolerated, as a share of the '
            "control such as spend:2% or spend:0.02, or in the column's own unit: spend:0.5abs",
            param_hint="--guardrail",
        )
    return column, Margin(amount, relative)


def _number(text: str) -> float | None:
    """A number, or a percentage.

    >>> _number("2%"), _number("0.02"), _number("two")
    (0.02, 0.02, None)
    """
    percent = text.strip().endswith("%")
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        return None
    if value != value or value in {float("inf"), float("-inf")}:
        return None
    return value / 100 if percent else value
