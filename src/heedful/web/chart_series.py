"""Series that charts draw and no KPI has: the year before, and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.kpis.shelf import Series
    from heedful.scorecard.score import Score


def year_before(series: Series) -> Series | None:
    """The readings of a year before each of these, moved to their days; None without any."""
    from dataclasses import replace

    if series.grain == "all" or not len(series):
        return None
    weeks = np.timedelta64(364, "D")

    def moved(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
        if series.grain in {"day", "week"}:
            return np.asarray(days + weeks)
        months = days.astype("datetime64[M]") + np.timedelta64(12, "M")
        within = days - days.astype("datetime64[M]")
        return np.asarray(months.astype("datetime64[D]") + within)

    starts = moved(series.start)
    places = np.flatnonzero(np.isin(starts, series.start))
    if len(places) < 2:
        return None
    cut = series.take(places.tolist())
    return replace(cut, start=starts[places], end=moved(series.end)[places])


def score_series(scores: Sequence[Score]) -> Series | None:
    """Scores as readings, to be drawn as such; None without any."""
    from heedful.kpis.shelf import Series
    from heedful.stats import Estimates

    if not scores:
        return None
    size = len(scores)
    nan = float("nan")

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        values = [getattr(one, name) for one in scores]
        return np.array([nan if value is None else value for value in values], dtype=np.float64)

    estimates = Estimates(
        value=column("score"),
        low=column("low"),
        high=column("high"),
        why=np.zeros(size, dtype=np.uint8),
        replicates=np.full((size, 64), nan),
        method=np.zeros(size, dtype=np.uint8),
        df=np.full(size, 63.0),
        skewed=np.zeros(size, dtype=np.bool_),
    )
    return Series(
        kpi="score",
        grain=scores[0].grain,
        dimension=scores[0].dimension,
        stage=scores[0].stage,
        segment=scores[0].segment,
        unit="score",
        start=np.array([one.period_start for one in scores], dtype="datetime64[D]"),
        end=np.array([one.period_end for one in scores], dtype="datetime64[D]"),
        complete=np.ones(size, dtype=np.bool_),
        n=np.zeros(size, dtype=np.int64),
        customers=np.zeros(size, dtype=np.int64),
        weight=np.zeros(size),
        definition=np.array([""] * size, dtype=object),
        estimates=estimates,
        why=np.array([one.why for one in scores], dtype=object),
    )
