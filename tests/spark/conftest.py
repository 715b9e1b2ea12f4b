"""A Spark cluster of this machine's own, and one company measured by both engines."""

from __future__ import annotations

import datetime as dt
import runpy
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from heedful.definitions import template
from heedful.definitions.kpi_files import read_catalogue
from heedful.project import Project
from heedful.project.project import CATALOGUE
from heedful.store import schema

pyspark = pytest.importorskip("pyspark", reason="make test-spark installs it")

World = runpy.run_path(str(Path(__file__).parents[1] / "facts" / "conftest.py"))["World"]
UTC = dt.UTC
# Small, and without much compiling: it would cost more here than the few rows do.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
BREAKDOWNS = "channel, plan"  # one of rows, one of customers
# A company of four days sees what takes a day.
SHORT = {
    "activation_days": 1,
    "conversion_window_days": 1,
    "repeat_window_days": 1,
    "repeat_contact_days": 1,
    "handling_window_days": 1,
    "ticket_watch_days": 1,
    "return_window_days": 1,
    "onboarding_window_days": 1,
    "task_window_hours": 6,
    "agent_cost_per_hour": 40,
}
DEFAULTS = f"""
spark.executor.memory 512m
spark.executor.cores 1
spark.driver.memory 768m
spark.sql.shuffle.partitions 2
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.adaptive.enabled false
spark.driver.extraJavaOptions {QUICK}
spark.executor.extraJavaOptions {QUICK}
"""
LOG = """
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _daemon(name: str, log: Path, *arguments: str) -> Iterator[None]:
    command = Path(pyspark.__file__).parent / "bin" / "spark-class"
    with log.open("w") as said:
        process = subprocess.Popen(
            [command, f"org.apache.spark.deploy.{name}", *arguments], stdout=said, stderr=said
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Spark's own way of being told how much memory it may take."""
    folder = tmp_path_factory.mktemp("conf")
    (folder / "spark-defaults.conf").write_text(DEFAULTS)
    (folder / "log4j2.properties").write_text(LOG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(folder))
        patch.setenv("SPARK_DAEMON_MEMORY", "256m")
        patch.setenv("SPARK_DAEMON_JAVA_OPTS", QUICK)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        yield folder


@pytest.fixture(scope="session")
def cluster(settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a master with two workers, each with one core."""
    folder = tmp_path_factory.mktemp("cluster")
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    at = ("--host", "127.0.0.1", "--port")
    with ExitStack() as running:
        running.enter_context(
            _daemon("master.Master", folder / "master.log", *at, str(port), "--webui-port", "0")
        )
        for number in range(2):
            size = ("--cores", "1", "--memory", "600m", "--webui-port", "0")
            place = ("--work-dir", str(folder / f"work-{number}"), address)
            log = folder / f"worker-{number}.log"
            running.enter_context(_daemon("worker.Worker", log, *at, "0", *size, *place))
        until = time.monotonic() + 120
        while (folder / "master.log").read_text().count("Registering worker") < 2:
            assert time.monotonic() < until, (folder / "master.log").read_text()[-2000:]
            time.sleep(0.2)
        yield address


class Pair(NamedTuple):
    """One company, measured by DuckDB and by Spark."""

    duck: Project
    spark: Project


def put(project: Project, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Append rows to the tables of a project; keys that a table does not have are attributes."""
    lake = project.lake("tables")
    for name, rows in tables.items():
        known = schema.table(name)
        if not rows:
            continue
        extra = tuple(sorted({key for row in rows for key in row} - set(known.columns)))
        arrow = known.arrow(extra)
        by = ("_month",) if known.partitioned else ()
        full = [
            {
                **dict.fromkeys(arrow.names),
                **row,
                "_month": row[known.time].strftime("%Y-%m") if by else None,
            }
            for row in rows
        ]
        touched = None
        if known.partitioned:
            times = sorted(row[known.time] for row in rows if row.get(known.time))
            touched = (times[0].isoformat(), times[-1].isoformat())
        table = pa.Table.from_pylist(full, schema=arrow)
        lake.append(name, table, partition_by=by, touched=touched)


def rows(seed: int, days: int, events: int) -> dict[str, list[dict[str, Any]]]:
    """A random company around a change of clocks, with contracts, accounts and odd letters."""
    world = World(seed, days=days, events=events)
    some, tables = world.random, world.tables
    tables["accounts"] = [
        {"account_id": "a'1", "name": "Ünï 漢字", "size": "big"},
        {"account_id": "a2", "name": "b\\c", "size": None},
    ]
    for n, row in enumerate(tables["customers"]):
        row["account_id"] = some.choice(["a'1", "a2", None])
        row["country"] = some.choice(["de", "fr", "ελ", 'q"uo\\te', None])
        row["seats"] = some.choice(["3", "12.5", "many", None])
        row["signed_up_at"] = row["signed_up_at"] or (world.time() if n % 2 else None)
    tables["subscriptions"] = [
        {
            "subscription_id": f"s{n}",
            "customer_id": some.choice([f"c{k}" for k in range(7)]),
            "plan": some.choice(["pro", None]),
            "started_at": (start := world.time()),
            "ended_at": world.later(start, 48),
            "mrr": Decimal(some.choice(["10", "33.3333"])),
        }
        for n in range(14)
    ]
    return tables


def company(root: Path) -> Project:
    """A project with every KPI that can be measured."""
    template.create(root, "saas")
    for name, raw in read_catalogue(CATALOGUE).items():
        if not raw.get("planned"):
            text = f"owner: cx\nplaybook: nps\ntarget: 1\nbreakdowns: [{BREAKDOWNS}]\n"
            (root / "kpis" / f"{name}.yaml").write_text(text)
    rules = root / "rules.yaml"
    given = [line for line in rules.read_text().splitlines() if line.split(":")[0] not in SHORT]
    given += [f"{rule}: {days}" for rule, days in SHORT.items()]
    rules.write_text("\n".join(given))
    main = root / "heedful.yaml"
    text = main.read_text()
    zone = next(line for line in text.splitlines() if line.startswith("timezone:"))
    main.write_text(text.replace(zone, "timezone: Europe/Berlin"))
    found = Project(root)
    found.ledger.engine.dispose()
    return found


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    return rows(7, 4, 120)


@pytest.fixture(scope="session")
def pair(
    cluster: str, first: dict[str, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    """Both projects after a first refresh."""
    root = tmp_path_factory.mktemp("companies")
    duck = company(root / "duck")
    put(duck, first)
    odd = root / "on spark, é #2"
    shutil.copytree(root / "duck", odd)
    with (odd / "heedful.yaml").open("a") as file:
        file.write(f"\nengine: {cluster}\n")
    found = Pair(duck, Project(odd))
    found.duck.refresh()
    found.spark.refresh()
    return found


@pytest.fixture
def grown(pair: Pair, first: dict[str, list[dict[str, Any]]]) -> Pair:
    """Both projects with more days in the same tables, and nothing refreshed."""
    more = {}
    for name, some in rows(8, 7, 300).items():
        time_, key = schema.table(name).time, schema.table(name).key
        if time_ is None or not schema.table(name).partitioned or not first.get(name):
            continue
        end = max(row[time_] for row in first[name] if row.get(time_))
        later = [row for row in some if row.get(time_) and row[time_] > end]
        more[name] = [{**row, key: f"more {row[key]}"} for row in later]
    assert sum(map(len, more.values())) > 50
    for project in pair:
        put(project, more)
    return pair
