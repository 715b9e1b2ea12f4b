"""Analyses a table with a row a unit, or several: no project needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from heedful.experiments.concluding import conclude
from heedful.experiments.evidence import ENOUGH
from heedful.experiments.flat_error import FlatError
from heedful.experiments.flat_outcomes import outcomes
from heedful.experiments.flat_question import FlatQuestion, Margin
from heedful.experiments.flat_rows import typed
from heedful.experiments.flat_source import source
from heedful.experiments.flat_units import units
from heedful.experiments.protocol import Protocol
from heedful.experiments.readout import Readout, VariantCount

if TYPE_CHECKING:
    from pathlib import Path

    from heedful.engines.duckdb import DuckDB
    from heedful.experiments.flat_source import Source
    from heedful.experiments.flat_units import Units

MEMORY = "1GB"
"""What the engine holds at most; the rest goes to disk."""


def analyse(data: Path | Any, question: FlatQuestion, *, name: str = "data") -> Readout:
    """Analyse a table.

    Args:
        data: A file (CSV, Parquet, Excel, JSON lines), an Arrow table or a data frame of pandas
            or polars. Of Parquet only the columns asked for are read, a stretch at a time.
        question: What is asked.
        name: What the readout calls it.

    Returns:
        The readout; outcomes are means (of 0/1 columns: shares) a row, clustered by unit.

    Raises:
        FlatError: A column does not exist or holds something else; or there are not two variants.

    >>> import pyarrow as pa
    >>> table = pa.table({"arm": ["a", "b"] * 500, "bought": [0, 0, 0, 1] * 250})
    >>> readout = analyse(table, FlatQuestion("arm", ["bought"], control="a"))
    >>> readout.decision, readout.rule
    ('needs_review', 'no_guardrails')
    >>> found = readout.outcomes[0]
    >>> found.value, found.control_value, found.verdict
    (0.5, 0.0, 'better')
    """
    import duckdb

    from heedful.engines.duckdb import DuckDB

    with source(data, question.encoding) as given:
        asked = question.on(given.names)
        engine = DuckDB(MEMORY, str(given.folder / "spilled"))
        try:
            return _read(engine, given, asked, name)
        except duckdb.Error as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
            raise FlatError(
                f"{name} cannot be analysed: {first}", "write it again as CSV or Parquet"
            ) from error
        finally:
            engine.close()


def _read(engine: DuckDB, given: Source, question: FlatQuestion, name: str) -> Readout:
    finite = False
    while True:
        rows = typed(engine, given, question, finite=finite)
        found = units(engine, rows.view, question, given.folder)
        done = outcomes(engine, rows, found, question)
        if done.finite or finite:
            break
        finite = True
    readout = conclude(_protocol(name, found, question), done.measured)
    notes = [*given.notes, *found.notes, *done.notes]
    if readout.srm.state != "ok" and not question.weights:
        notes.append(
            "No weights were given, so equal shares were tested; were others planned? "
            "--weights NAME=W"
        )
    return replace(readout, notes=tuple(notes), title=name)


def _protocol(name: str, found: Units, question: FlatQuestion) -> Protocol:
    given = question.weights or dict.fromkeys(found.variants, 1.0)
    total = sum(given.values())
    return Protocol(
        name=name,
        design="ab",
        variants=[
            VariantCount(each, given[each] / total, counted)
            for each, counted in zip(found.variants, found.counts, strict=True)
        ],
        control=found.control,
        alpha=question.alpha,
        power=question.power,
        smallest=question.smallest,
        sequential=question.sequential,
        planned=question.planned,
        ended=question.planned is None or sum(found.counts) >= ENOUGH * question.planned,
        crossovers=found.crossovers,
    )


__all__ = ["FlatError", "FlatQuestion", "Margin", "analyse"]
