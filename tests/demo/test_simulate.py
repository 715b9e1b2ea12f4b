"""The folder that the simulator writes."""

from __future__ import annotations

import csv
import hashlib
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

import heedful
from heedful.definitions.project_files import load
from heedful.demo import Truths, simulate
from heedful.demo.folder import BROKEN, DESK, UNTIL
from heedful.store import schema

CATALOGUE = Path(heedful.__file__).parent / "kpis" / "catalogue"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truths]:
    folder = tmp_path_factory.mktemp("company")
    return folder, simulate(folder, customers=600, seed=11)


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def source_files(folder: Path, pattern: str) -> list[Path]:
    files = sorted(folder.glob(pattern))
    assert files, pattern
    return files


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        simulate(tmp_path / name, customers=300, seed=seed)
    first, again, other = (digest(tmp_path / name) for name in "abc")
    assert first == again
    assert first.keys() == other.keys()
    assert first["exports/shop/orders.csv"] != other["exports/shop/orders.csv"]


def test_the_project_has_no_problems(project: tuple[Path, Truths]) -> None:
    loaded = load(project[0], CATALOGUE)
    assert loaded.problems == ()


def test_the_project_warns_of_nothing_but_what_is_so(project: tuple[Path, Truths]) -> None:
    warned = [warning.found for warning in load(project[0], CATALOGUE).warnings]
    assert [found.split(",")[0] for found in warned] == [
        '"retention" counts 90 days from exposure',
        '"retention" counts 90 days from exposure',
        "no experiment in the stages awareness",
    ]


@pytest.mark.parametrize("weeks", [0, 5])
def test_experiments_are_defined_as_they_were_run(tmp_path: Path, weeks: int) -> None:
    truths = simulate(tmp_path, customers=300, seed=2, until=UNTIL + timedelta(weeks=weeks))
    every = load(tmp_path, CATALOGUE).valid().experiments
    # One more is planned for the week after the data end.
    defined = {name: one for name, one in every.items() if one.start < truths.until}
    assert [one.start for one in every.values() if one.id not in defined] == [
        truths.until + timedelta(weeks=1)
    ]
    assert {one.name: (one.first, one.last) for one in truths.experiments} == {
        name: (one.start, one.end) for name, one in defined.items()
    }
    with (tmp_path / "exports/web/experiments/exposures.csv").open() as file:
        seen = {(row["experiment"], row["variant"]) for row in csv.DictReader(file)}
    assert seen == {(n, v) for n, one in defined.items() for v in one.variant_names}


def test_every_table_has_a_source_and_rows(project: tuple[Path, Truths]) -> None:
    folder, truths = project
    definitions = load(folder, CATALOGUE).valid()
    assert {s.table for s in definitions.sources.values()} == set(schema.names())
    for table in schema.names():
        assert truths.rows[table] > 0
    assert 25 <= len(definitions.kpis) <= 40


def test_every_column_is_canonical_or_used_by_its_source(project: tuple[Path, Truths]) -> None:
    folder, _ = project
    for source in load(folder, CATALOGUE).valid().sources.values():
        said = str(source.columns) + str(source.attributes) + str(source.where)
        for path in source_files(folder, str(source.path)):
            if path.suffix == ".parquet":
                names = pq.read_schema(path).names
            else:
                delimiter = source.read.delimiter or ","
                names = path.read_text("utf-8").split("\n", 1)[0].split(delimiter)
            known = set(schema.table(source.table).columns)
            assert [n for n in names if n not in known and n not in said] == []


def test_bad_rows_stand_among_the_good_ones(project: tuple[Path, Truths]) -> None:
    folder, truths = project
    assert truths.rejected == {name: len(rows) for name, rows in BROKEN.items()}
    for source in load(folder, CATALOGUE).valid().sources.values():
        (path, *_) = source_files(folder, str(source.path))
        if path.suffix != ".csv":
            continue
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=source.read.delimiter or ","))
        assert len(rows) == truths.rows[source.name] + truths.rejected.get(source.name, 0)
        assert all(None not in row and None not in row.values() for row in rows)


def test_times_lie_within_the_year(project: tuple[Path, Truths]) -> None:
    folder, truths = project
    first = np.datetime64(truths.start) - np.timedelta64(1, "D")
    last = np.datetime64(truths.until)
    for path in folder.glob("exports/**/*.parquet"):
        table = pq.read_table(path)
        for name in table.schema.names:
            column = table[name]
            if str(column.type).startswith("timestamp"):
                times = column.drop_null().to_numpy()
                assert len(times) == 0 or times.max() < last, (path, name)
                if path.parent.name == "web":
                    assert times.min() > first


def test_sittings_cannot_be_split_in_two_ways(project: tuple[Path, Truths]) -> None:
    folder, _ = project
    table = pq.read_table(sorted(folder.glob("exports/web/*.parquet"))).to_pandas()
    table = table[~table.is_bot]
    aliases = pq.read_table(folder / "exports/shop/identities.parquet").to_pandas()
    who = dict(zip(aliases.alias_id, aliases.customer_id, strict=True))
    unit = table.customer_id.fillna(table.anonymous_id.map(who)).fillna(table.anonymous_id)
    gap = table.occurred_at.groupby(unit).diff().dt.total_seconds().dropna() / 60
    assert not gap.between(26, 45).any()
    alone = table.groupby(unit).event.transform("size") == 1
    assert (table[alone].event == "Page Viewed").all()


def test_signing_up_joins_the_cookie_to_the_customer(project: tuple[Path, Truths]) -> None:
    folder, _ = project
    table = pq.read_table(sorted(folder.glob("exports/web/*.parquet"))).to_pandas()
    signed = table[table.event == "Signed Up"]
    aliases = pq.read_table(folder / "exports/shop/identities.parquet").to_pandas()
    known = set(zip(aliases.alias_id, aliases.customer_id, strict=True))
    assert len(signed) > 100
    assert set(zip(signed.anonymous_id, signed.customer_id, strict=True)) <= known


def test_it_says_that_it_is_simulated(project: tuple[Path, Truths]) -> None:
    folder, _ = project
    assert "(simulated)" in load(folder, CATALOGUE).valid().settings.name
    assert "simulated" in (folder / "README.md").read_text("utf-8").splitlines()[0]


def test_addresses_are_examples(project: tuple[Path, Truths]) -> None:
    folder, _ = project
    found: set[str] = set()
    for path in folder.rglob("*"):
        if path.suffix in {".csv", ".yaml", ".md"}:
            found |= set(re.findall(r"[\w.+-]+@[\w.-]+\w", path.read_text("utf-8")))
    assert found
    assert all(address.endswith(".example") for address in found)


def test_truths_and_annotations_are_written(project: tuple[Path, Truths]) -> None:
    folder, truths = project
    written = YAML(typ="safe").load((folder / "truths.yaml").read_text("utf-8"))
    assert len(written["planted"]) == len(truths.planted)
    assert written["planted"][0]["since"] == truths.planted[0].since
    assert written["planted"][0]["before"] == pytest.approx(truths.planted[0].before, abs=1e-6)
    assert len(written["stable"]) == len(truths.stable)
    assert written["rejected"] == truths.rejected
    with (folder / "annotations.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["text"] for r in rows] == [r.text for r in truths.releases]
    marked = {(r["at"][:10], r["text"]) for r in rows}
    for truth in truths.planted:
        assert (truth.since.isoformat(), truth.release) in marked


def test_the_year_ends_where_asked_and_starts_52_weeks_earlier(tmp_path: Path) -> None:
    until = date(2025, 3, 31)
    truths = simulate(tmp_path, customers=300, until=until)
    assert truths.until - truths.start == timedelta(weeks=52)
    months = sorted(p.stem for p in (tmp_path / "exports/web").glob("*.parquet"))
    assert (months[0], months[-1]) == ("2024-04", "2025-03")


def test_what_cannot_be_simulated_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"found Tuesday 2026-09-08, allowed: a Monday"):
        simulate(tmp_path, until=date(2026, 9, 8))
    with pytest.raises(ValueError, match="customers: found 10, allowed: 200 or more"):
        simulate(tmp_path, customers=10)


def test_the_fewest_customers_are_enough(tmp_path: Path) -> None:
    truths = simulate(tmp_path, customers=200, seed=1)
    assert truths.rows["customers"] == 260


def test_the_help_desks_words_are_those_of_its_source(project: tuple[Path, Truths]) -> None:
    source = load(project[0], CATALOGUE).valid().sources["tickets"]
    for column, word in DESK.items():
        assert source.columns[column] == (word,)


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    told: list[float] = []
    simulate(tmp_path, customers=200, progress=lambda _step, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
