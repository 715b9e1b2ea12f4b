"""Tables on disk: snapshots that any reader can read, wherever the project lies."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from heedful.store import lake as module
from heedful.store.lake import Lake, LakeBusyError
from heedful.store.quoting import literal


def rows(*values: int, month: str = "2024-01") -> pa.Table:
    return pa.table({"a": list(values), "_month": [month] * len(values)})


def read(lake: Lake, name: str = "t") -> list:
    snapshot = lake.snapshot(name)
    if snapshot is None or not snapshot.files:
        return []
    files = ", ".join(map(literal, snapshot.files))
    query = f"SELECT a FROM read_parquet([{files}], union_by_name = true) ORDER BY a"
    return [row[0] for row in duckdb.execute(query).fetchall()]


@pytest.mark.parametrize(
    "folder",
    [
        "plain",
        "with space",
        "ünïcödé",
        "100%",
        "a'b\"c",
        "x#y",
        "a+b=c&d",
        "semi;colon",
        "日本",
        "~x",
    ],
)
def test_a_lake_may_lie_in_any_folder(tmp_path, folder):
    lake = Lake(tmp_path / folder / "tables")
    lake.append("t", rows(1, 2), partition_by=("_month",))
    lake.append("t", rows(3, month="2024-02"))
    lake.replace("t", rows(4), where="_month = '2024-01'")
    assert read(lake) == [3, 4]
    assert lake.names() == ["t"]
    assert len(lake.files("t", ["2024-02"])) == 1
    assert lake.version("t") == 2


@pytest.mark.parametrize("folder", ["a*b", "a[b]", "a?b", "back\\slash", "a%20b", "new\nline"])
def test_a_folder_that_no_lake_can_lie_in_is_refused(tmp_path, folder):
    with pytest.raises(module.LakePathError, match="move the project"):
        Lake(tmp_path / folder / "tables").append("t", rows(1))


def test_a_relative_folder_and_a_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Lake(tmp_path / "real").append("t", rows(1))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read(Lake(tmp_path / "link")) == read(Lake(Path("real"))) == [1]


def test_nothing_there(tmp_path):
    lake = Lake(tmp_path / "none")
    assert (lake.exists("t"), lake.version("t"), lake.snapshot("t")) == (False, None, None)
    assert (lake.names(), lake.files("t"), lake.touched_since("t", 0)) == ([], (), None)
    assert lake.compact("t") is False


def test_a_snapshot_knows_its_columns_and_stays_readable(tmp_path):
    lake = Lake(tmp_path)
    lake.append("t", rows(1), partition_by=("_month",))
    before = lake.snapshot("t")
    lake.append("t", rows(2).append_column("new", pa.array(["x"])))
    lake.replace("t", rows(7), where="_month = '2024-01'")
    assert dict(before.columns) == {"a": "BIGINT"}
    assert dict(lake.snapshot("t").columns) == {"a": "BIGINT", "new": "VARCHAR"}
    files = ", ".join(map(literal, before.files))
    assert duckdb.execute(f"SELECT a FROM read_parquet([{files}])").fetchall() == [(1,)]


def test_nothing_can_take_the_place_of_something(tmp_path):
    lake = Lake(tmp_path)
    lake.append("t", rows(1, 2), partition_by=("_month",))
    lake.append("t", rows(3, month="2024-02"))
    lake.replace("t", rows(), where="_month = '2024-01'")
    assert read(lake) == [3]
    lake.replace("t", rows(), where="_month = '2024-02'")
    assert (read(lake), lake.snapshot("t").files) == ([], ())


def test_what_was_touched_since_a_version(tmp_path):
    lake = Lake(tmp_path)
    spans = [("2024-01-01", "2024-01-02"), ("2024-01-03", "2024-01-03"), None]
    for value, span in enumerate(spans):
        lake.append("t", rows(value), touched=span)

    def since(version):
        found = lake.touched_since("t", version)
        return found and [(one.version, one.since, one.until) for one in found]

    assert since(2) == []
    assert since(1) == [(2, None, None)]
    assert since(0) == [(2, None, None), (1, "2024-01-03", "2024-01-03")]
    assert since(None) is None
    assert since(-1) is None
    # A version that the table has not reached belongs to another table of that name.
    assert since(9) is None


def test_small_files_are_joined_and_that_touches_nothing(tmp_path):
    lake = Lake(tmp_path)
    for value in range(6):
        lake.append("t", rows(value))
    assert lake.compact("t", many=6) is False
    assert lake.compact("t", many=5) is True
    assert len(lake.snapshot("t").files) == 1
    assert read(lake) == list(range(6))
    assert lake.touched_since("t", 5) == []


def test_a_table_that_is_held_for_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    lake = Lake(tmp_path)
    busy = pytest.raises(LakeBusyError, match='"facts/x" has been written')
    with lake.lock("facts/x"), busy, lake.lock("facts/x"):
        pass
    with lake.lock("facts/x"):
        pass
