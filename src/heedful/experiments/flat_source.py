"""Where the rows of a table without a project come from: a file, a data frame, an Arrow table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import one_of
from heedful.engines.duckdb import literal, quoted
from heedful.experiments.flat_error import FlatError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from heedful.engines.duckdb import DuckDB

VIEW = "flat_given"
SHOWN = 5
LEAST_ROWS = 2
STRETCH = 122_880
"""Rows that the engine reads at a time."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table that can be read.

    Attributes:
        names: Its columns.
        data: Parquet files, or an Arrow table, or a data frame of pandas.
        folder: For files of our own; goes away with the analysis.
        lines: Column with the number of the line in the file; None where there are no lines.
        notes: What a reader should know.
        repeated: Names that several columns share, so that nobody can ask for them.
    """

    names: Sequence[str]
    data: Any
    folder: Path
    lines: str | None = None
    notes: Sequence[str] = ()
    repeated: frozenset[str] = field(default=frozenset())

    def view(self, engine: DuckDB, columns: Sequence[str]) -> dict[str, str]:
        """Make some columns readable as `flat_given`, under the names c0, c1 and so on.

        With `lines` there is a column `line` too.

        Returns:
            The SQL type of each column.
        """
        for column in columns:
            if column in self.repeated:
                raise FlatError(
                    f'several columns are called "{column}"', "give each column a name of its own"
                )
        if isinstance(self.data, list):
            listed = ", ".join(literal(str(part)) for part in self.data)
            origin = f"read_parquet([{listed}], hive_partitioning = false)"
            items = [f"{quoted(name)} AS c{i}" for i, name in enumerate(columns)]
            items += [f"{quoted(self.lines)} AS line"] if self.lines else []
            engine.view(VIEW, f"SELECT {', '.join(items)} FROM {origin}")
        else:
            engine.connection.register(VIEW, _arrow(self.data, columns))
        kinds = engine.columns(f"SELECT * FROM {VIEW}")
        return {name: kinds[f"c{i}"] for i, name in enumerate(columns)}


@contextmanager
def source(data: Path | Any, encoding: str = "utf-8") -> Iterator[Source]:
    """Open a file or a table.

    Args:
        data: The file, or the table.
        encoding: Of a text file.

    Raises:
        FlatError: It cannot be read.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="heedful-") as name:
        folder = Path(name)
        if isinstance(data, str | Path):
            yield _file(Path(data), folder, encoding)
        else:
            yield _table(data, folder)


def _file(path: Path, folder: Path, encoding: str) -> Source:
    from heedful.definitions.source import ReadOptions
    from heedful.store.raw import LINE, BadRows, UnreadableError
    from heedful.store.reading import read

    if path.is_dir():
        raise FlatError(f"{path} is a folder", "give one file", usage=True)
    if not path.exists():
        near = ""
        if path.parent.is_dir():
            near = one_of(sorted(one.name for one in path.parent.iterdir())[:2000], path.name)
            near = near[near.index(" (did you") :] if " (did you" in near else ""
        raise FlatError(
            f"{path} does not exist{near}",
            "give a file: CSV, Parquet, Excel, JSON lines",
            usage=True,
        )
    parts = folder / "rows"
    parts.mkdir()
    bad = BadRows(folder / "bad.parquet")
    try:
        raw = read(path, path.name, ReadOptions(encoding=encoding), parts, bad)
    except UnreadableError as error:
        where = f"{path.name}:{error.line}" if error.line else path.name
        # What a project would write into a source's `read` is an option here.
        allowed = error.allowed.replace("set read: {encoding: ", "try --encoding ").replace("}", "")
        raise FlatError(f"{where}: {error.found}", allowed) from None
    broken = list(bad)
    notes = []
    if broken:
        first = "; ".join(f"line {one.line}: {one.reason}" for one in broken[:SHOWN])
        notes.append(f"{len(broken):,} rows of {path.name} are broken and left out: {first}")
    good = raw.rows - len(broken)
    if good < LEAST_ROWS:
        many = "a header but no rows" if raw.columns else "no rows"
        many = many if raw.rows == 0 else "only one row" if good == 1 else "only broken rows"
        told = f" ({notes[0]})" if notes else ""
        raise FlatError(f"{path.name} has {many}{told}", "a header and a row a unit are needed")
    return Source(raw.columns, raw.parts, folder, None if raw.typed else LINE, notes)


def _table(data: Any, folder: Path) -> Source:
    import pyarrow as pa

    if type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns"):
        names = [str(name) for name in data.columns]
    else:
        if not isinstance(data, pa.Table):
            try:
                data = pa.table(data)
            except (TypeError, ValueError, pa.ArrowException):
                raise FlatError(
                    f"the data is of type {type(data).__name__}",
                    "allowed: a path, a data frame of pandas or polars, an Arrow table",
                    usage=True,
                ) from None
        names = list(data.column_names)
    if len(data) < LEAST_ROWS:
        many = f"{len(data)} row{'' if len(data) == 1 else 's'}"
        raise FlatError(f"the table has {many}", "a row a unit is needed")
    repeated = frozenset(name for name, times in Counter(names).items() if times > 1)
    return Source(names, data, folder, repeated=repeated)


def _arrow(data: Any, columns: Sequence[str]) -> pa.Table:
    """Some columns as Arrow has them, by names that SQL tells apart."""
    import pyarrow as pa

    arrays = []
    for column in columns:
        if isinstance(data, pa.Table):
            array = data.column(column)
        else:
            place = [str(name) for name in data.columns].index(column)
            array = _array(data.iloc[:, place])
        arrays.append(_plain(array))
    found = pa.table(arrays, names=[f"c{i}" for i in range(len(columns))])
    # In stretches, which the engine can read side by side.
    return pa.Table.from_batches(found.to_batches(STRETCH), found.schema)


def _array(series: pd.Series[Any]) -> pa.Array:
    import pyarrow as pa

    if series.dtype == object:
        return _coded(series)
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError):
        return _coded(series.astype(object))


def _coded(series: pd.Series[Any]) -> pa.Array:
    """Objects as Arrow has them; what is of mixed types becomes text.

    Most columns of objects repeat few values: each is converted once.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        codes, values = pd.factorize(series, use_na_sentinel=True)
    except TypeError:  # lists and dictionaries cannot be told apart quickly
        codes, values = pd.factorize(series.map(str, na_action="ignore"), use_na_sentinel=True)
    listed = list(values)
    try:
        distinct = pa.array(listed)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        distinct = pa.array([str(value) for value in listed])
    indices = pa.array(codes.astype("int32"), mask=codes < 0)
    coded = pa.DictionaryArray.from_arrays(indices, distinct)
    if pa.types.is_string(distinct.type) and 2 * len(distinct) < len(codes):
        return coded
    return coded.dictionary_decode()


def _plain(array: Any) -> Any:
    """An Arrow array of a type that the engine reads."""
    import pyarrow as pa

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        array = pa.chunked_array([_stored(chunk) for chunk in _chunks(array)])
        kind = array.type
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_decimal256(kind) or pa.types.is_null(kind):
        return array.cast(pa.float64())
    return array


def _chunks(array: Any) -> Sequence[Any]:
    import pyarrow as pa

    chunks: Sequence[Any] = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    return chunks


def _stored(array: Any) -> Any:
    return array.storage
