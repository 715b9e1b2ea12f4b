"""Commands that read KPIs and scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.options import AsOf, By, Folder, From, Grain, Output, Stage, To, opened
from heedful.cli.printing import (
    Format,
    as_csv,
    as_json,
    as_table,
    err,
    out,
    rows_of,
)
from heedful.experiments.wording import amount, interval_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.override import Override
    from heedful.project import Project
    from heedful.scorecard.score import Score

SIMULATED = "simulated"


def kpis(project: Folder = Path(), format_: Output = Format.table) -> None:
    """List the catalogue as this project uses it."""
    found = opened(project)
    used = found.definitions.kpis
    rows = [
        {
            "kpi": kpi.id,
            "title": kpi.title,
            "state": "on" if kpi.id in used else "planned" if kpi.planned else "off",
            "layer": kpi.layer,
            "timing": kpi.timing,
            "better": kpi.better,
            "fact": kpi.fact,
            "owner": kpi.owner,
            "target": kpi.target,
            "overrides": kpi.told(),
            "says": kpi.says,
        }
        for kpi in found.kpis.all()
    ]
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, [name for name in rows[0] if name != "overrides"])
    else:
        shown = ("kpi", "state", "layer", "timing", "owner", "title")
        as_table([[str(r[n] or "–") for n in shown] for r in rows], shown)


def explain(
    kpi: Annotated[str, typer.Argument(metavar="KPI")],
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Show a KPI's definition, owner, SQL and latest readings."""
    found = opened(project)
    one = found.kpis.get(kpi)
    latest, _ = rows_of(found.kpis.readings(kpi, grain="month"))
    fact = found.facts[str(one.fact)]
    text: dict[str, Any] = {
        "kpi": one.id,
        "title": one.title,
        "says": one.says,
        "layer": one.layer,
        "timing": one.timing,
        "better": one.better,
        "stages": list(one.stages),
        "fact": one.fact,
        "fact_says": fact.says,
        "measure": one.measure.model_dump(by_alias=True) if one.measure else None,
        "where": one.where,
        "unit": one.unit,
        "threshold": one.threshold.model_dump() if one.threshold else None,
        "target": one.target,
        "scale": one.scale.model_dump() if one.scale else None,
        "owner": one.owner,
        "overrides": one.told(),
        "playbook": one.playbook,
        "definition_hash": found.kpis.definition_hash(kpi),
        "columns": dict(fact.columns),
        "fact_sql": fact.sql,
        "sql": found.kpis.sql(kpi),
        "readings": latest[-6:],
    }
    if format_ != Format.table:
        as_json(text)
        return
    out.print(f"[bold]{one.title}[/bold] ({one.id})\n{one.says}\n")
    listed = {
        "layer": f"{one.layer}, {one.timing}, {one.better} is better",
        "stages": ", ".join(one.stages) or "that of the touchpoint",
        "measure": one.measure.text() if one.measure else "none",
        "where": one.where or "every row",
        "counts": one.units,
        "weights": "the rows' own" if one.weighted else "all rows alike",
        "fact": f"{one.fact}: {fact.says}",
        "owner": one.owner or "nobody: the KPI is not switched on",
        "target": "none"
        if one.target is None
        else amount(one.target, one.measure.unit if one.measure else None),
        "threshold": ", ".join(
            f"{k}: {v}" for k, v in (text["threshold"] or {}).items() if v is not None
        ),
        "scale": "none accepted (heedful scale --suggest)"
        if one.scale is None
        else f"{one.scale.worst:g} scores 0, {one.scale.best:g} scores 100",
        "playbook": f"playbooks/{one.playbook}.md" if one.playbook else "none",
        "definition": text["definition_hash"],
    }
    for name, value in listed.items():
        out.print(f"  {name:<11} {value}", markup=False)
    for each in one.overrides:
        out.print(f"  {'override':<11} {_override(each, one)}", markup=False)
    out.print("\n[bold]Latest readings[/bold]")
    _readings_table(latest[-6:], one.units)
    out.print("\n[bold]Rows[/bold] " + f"facts.{one.fact}\n")
    out.print(fact.sql, markup=False)
    if text["sql"]:
        out.print("\n[bold]Sums by bucket[/bold]\n")
        out.print(str(text["sql"]), markup=False)


def _override(each: Override, kpi: CatalogueKpi) -> str:
    """An override in a line: where it holds, and what counts there."""
    told = []
    if each.target is not None:
        told.append(f"target {amount(each.target, kpi.measure.unit if kpi.measure else None)}")
    if each.threshold is not None:
        by = "" if each.threshold.by is None else f" by {each.threshold.by:g}"
        told.append(f"threshold {each.threshold.rule}{by}")
    if each.owner is not None:
        told.append(f"owner {each.owner}")
    return f"{each.place}: {', '.join(told)}"


def readings(
    kpi: Annotated[
        list[str] | None, typer.Argument(metavar="[KPI]...", help="KPIs; all without.")
    ] = None,
    by: By = None,
    grain: Grain = "month",
    stage: Stage = None,
    since: From = None,
    until: To = None,
    as_of: AsOf = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Print KPIs with their intervals."""
    found = opened(project)
    if since and until and until <= since:
        raise typer.BadParameter(f"--to {until} is not after --from {since}")
    notes: list[str] = []
    table = found.kpis.readings(
        *(kpi or ()),
        by=by,
        grain=grain,
        stage=stage,
        since=since,
        until=until,
        as_of=as_of,
        note=notes.append,
    )
    rows, names = rows_of(table)
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, names)
    elif rows:
        _readings_table(rows, _units(found, rows))
        _say_simulated(found.name)
    for note in notes:
        err.print(note, markup=False)
    if not rows:
        err.print(
            "No readings for that. Is there data of that time (heedful import), was it measured"
            " (heedful refresh), and by that grain (heedful explain KPI)?"
        )


def _units(project: Project, rows: Sequence[dict[str, Any]]) -> str:
    """What those who are counted are called: customers or accounts, units where both are."""
    definitions = project.definitions
    known = [
        definitions.kpis.get(name) or definitions.catalogue.get(name)
        for name in dict.fromkeys(row["kpi"] for row in rows)
    ]
    named = {kpi.units if kpi else definitions.settings.units for kpi in known}
    return named.pop() if len(named) == 1 else "units"


def _readings_table(rows: Sequence[dict[str, Any]], units: str) -> None:
    from heedful.kpis.periods import shown

    broken = any(row["dimension"] for row in rows)
    staged = any(row["stage"] for row in rows)
    heads = ["kpi", "period", *(["stage"] if staged else [])]
    heads += [rows[0]["dimension"]] if broken else []
    place = len(heads)
    heads += ["value", "95% interval", "n", units, ""]
    cells = []
    for row in rows:
        period = (
            f"{row['period_start']} – {row['period_end']}"
            if row["grain"] == "all"
            else shown(row["grain"], row["period_start"], row["period_end"])
        )
        labels = [row["kpi"], period]
        labels += [row["stage"] or "all"] if staged else []
        labels += (
            [row["segment"] if row["segment"] is not None else "(not known)"] if broken else []
        )
        remarks = [] if row["complete"] else ["not complete"]
        remarks += [row["why"]] if row["why"] else []
        cells.append(
            [
                *labels,
                amount(row["value"], row["unit"]),
                interval_of(row["low"], row["high"], row["unit"]),
                f"{row['n']:,}",
                f"{row['customers']:,}",
                "; ".join(remarks),
            ]
        )
    as_table(cells, heads, right=range(place, place + 4))


def score(
    by: By = None,
    grain: Grain = "month",
    stage: Stage = None,
    since: From = None,
    until: To = None,
    as_of: AsOf = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Print the empathy score and what it is made of."""
    from heedful.scorecard.score import Score, without_scale

    found = opened(project)
    scores = found.scorecard.scores(
        by=by, grain=grain, stage=stage, since=since, until=until, as_of=as_of
    )
    if format_ == Format.json:
        as_json(scores)
    elif format_ == Format.csv:
        names = list(Score.__dataclass_fields__)
        as_csv([{name: getattr(one, name) for name in names} for one in scores], names)
    elif scores:
        score_table(scores)
        totals = [s for s in scores if s.score is not None and not s.stage and not s.dimension]
        if totals:
            contribution_table(totals[-1])
        _say_simulated(found.name)
    if not scores:
        err.print(
            "No score. It needs completed readings of KPIs with an accepted scale: "
            "heedful readings, heedful scale --suggest"
        )
    missing = without_scale(found.definitions)
    if missing:
        err.print(
            f"Without a scale, so not in the score: {', '.join(missing)} (heedful scale --suggest)",
            markup=False,
        )


def score_table(scores: Sequence[Score]) -> None:
    """Print scores, a line each, from the first period that has one."""
    from heedful.kpis.periods import shown

    first = min((one.period_start for one in scores if one.score is not None), default=None)
    early = [one for one in scores if first is not None and one.period_start < first]
    scores = [one for one in scores if one not in early]
    broken = any(one.dimension for one in scores)
    heads = ["period", "stage", *([scores[0].dimension or ""] if broken else [])]
    place = len(heads)
    cells = []
    for one in scores:
        period = (
            f"{one.period_start} – {one.period_end}"
            if one.grain == "all"
            else shown(one.grain, one.period_start, one.period_end)
        )
        cells.append(
            [
                period,
                one.stage or "all",
                *([one.segment if one.segment is not None else "(not known)"] if broken else []),
                amount(one.score, "score"),
                interval_of(one.low, one.high, "score"),
                f"{100 * one.coverage:.0f}%",
                one.why or "",
            ]
        )
    heads += ["score", "95% interval", "coverage", ""]
    as_table(cells, heads, right=range(place, place + 3))
    if early:
        most = max(one.coverage for one in early)
        last = max(one.period_end for one in early)
        err.print(
            f"No score before {last}: at most {100 * most:.0f}% of the weight has data there."
        )


def contribution_table(one: Score) -> None:
    """Print what one score is made of; the last line adds up to it."""
    from heedful.kpis.periods import shown

    period = (
        "all periods" if one.grain == "all" else shown(one.grain, one.period_start, one.period_end)
    )
    cells = [
        [
            c.part,
            c.kpi,
            amount(c.score, "score"),
            f"{100 * c.weight:.1f}%",
            amount(c.contribution, "score"),
        ]
        for c in one.contributions
    ]
    total = sum(c.contribution for c in one.contributions)
    cells.append(["together", "", "", "100.0%", amount(total, "score")])
    out.print()
    as_table(
        cells,
        ["part", "kpi", "score", "weight", "points"],
        right=(2, 3, 4),
        title=f"What the score of {period} is made of",
    )


def _say_simulated(name: str) -> None:
    if SIMULATED in name.lower():
        err.print(f"\n{name}: every number here is simulated.", markup=False)


def scale(
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Suggest scales from history.")
    ] = False,
    grain: Grain = "month",
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Show the scales that make scores of KPIs; suggest them from history."""
    found = opened(project)
    rows = found.scorecard.suggest(grain)
    if format_ != Format.table:
        as_json(
            [{**{n: getattr(r, n) for n in r.__dataclass_fields__}, "yaml": r.yaml} for r in rows]
        )
        return
    heads = [
        "kpi",
        "accepted",
        "history",
        "readings",
        *(["suggested: put it into kpis/<kpi>.yaml"] if suggest else []),
    ]
    cells = []
    for row in rows:
        unit = found.definitions.kpis[row.kpi].measure.unit
        accepted = f"{row.accepted[0]:g} to {row.accepted[1]:g}" if row.accepted else "none"
        history = interval_of(row.lowest, row.highest, unit)
        more = [row.yaml or "too little history"] if suggest else []
        cells.append([row.kpi, accepted, history, str(row.readings), *more])
    as_table(cells, heads, right=(2, 3))
    if suggest:
        err.print(
            "Nothing was changed: a scale counts once a person writes it into the KPI's file."
        )
