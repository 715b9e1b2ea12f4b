"""Starts Spark, quietly, and says in a sentence why it could not."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import tempfile
import time
from typing import IO, TYPE_CHECKING, Any

from heedful.definitions.problem import Problem, ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

PYSPARK = 'pip install "heedful[spark]"'
JAVA = "install Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)"
CONNECT_SECONDS = 5
EXECUTOR_SECONDS = 120
GIGABYTE = 2**30
PARTS = "spark.sql.shuffle.partitions"

# What decides whether numbers are right is said here and cannot be set by anybody. ANSI mode
# makes overflow, division by zero and impossible casts an error, as they are in DuckDB.
SETTINGS = {
    "spark.app.name": "heedful",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.caseSensitive": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # Files are listed by the table's snapshot already.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000000",
    "spark.driver.maxResultSize": "0",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def start(engine: str, folder: str) -> SparkSession:
    """A session on Spark, on this machine or on a cluster.

    Args:
        engine: `spark`, `local`, `local[N]`, or the address of a master, `spark://host:7077`.
        folder: Where Spark may keep what it needs for a while; workers must see it too.

    Raises:
        ProjectError: PySpark or Java is missing, or the cluster does not answer.
    """
    try:
        from pyspark import SparkConf, SparkContext
        from pyspark.sql import SparkSession
    except ImportError:
        raise refused(f'engine "{engine}" needs PySpark', PYSPARK) from None
    master = "local[*]" if engine in {"spark", "local"} else engine
    local = master.startswith("local")
    if not local:
        _answers(engine)
    settings = {**SETTINGS, "spark.master": master, "spark.sql.warehouse.dir": folder}
    if local or _here(master):
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    if local:
        settings["spark.local.dir"] = folder
    conf = SparkConf(loadDefaults=False).setAll(list(settings.items()))
    try:
        gateway = _gateway()
    except RuntimeError as error:
        raise refused(f'engine "{engine}" did not start: {error}', JAVA) from None
    try:
        context = SparkContext(conf=conf, gateway=gateway)
    except Exception as error:  # noqa: BLE001 - what comes out of a JVM has no common class
        raise refused(f'engine "{engine}" did not start: {_first(error)}', "") from None
    context.setLogLevel("OFF")
    session = SparkSession(context)
    if not local:
        _wait(session, engine)
    elif not context.getConf().contains(PARTS):
        session.conf.set(PARTS, str(_cores(master)))
    return session


def refused(found: str, allowed: str) -> ProjectError:
    """The engine of the project cannot be used."""
    return ProjectError([Problem("heedful.yaml", 1, found, allowed)])


def _answers(engine: str) -> None:
    """See that somebody listens: Spark itself would try for a minute and then tell a stack."""
    failed: OSError | None = None
    for address in engine.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS):
                return
        except OSError as error:
            failed = error
    reason = (failed.strerror if failed else None) or "no answer"
    raise refused(f'engine "{engine}": {reason}', "is the master running, and is this its address?")


def _here(master: str) -> bool:
    return master.removeprefix("spark://").rpartition(":")[0] in {"127.0.0.1", "localhost"}


def _cores(master: str) -> int:
    """How many tasks run at once on this machine; shuffles need no more parts."""
    inside = master.removeprefix("local").strip("[]").split(",")[0]
    return int(inside) if inside.isdigit() else os.cpu_count() or 1


@functools.cache
def _gateway() -> Any:
    """The JVM of this process; it ends with it, and what it prints goes nowhere.

    Raises:
        RuntimeError: There is none; it says why.
    """
    from pyspark.java_gateway import launch_gateway

    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        raise RuntimeError("there is no Java")
    with tempfile.TemporaryFile("w+") as said, _memory():
        try:
            return launch_gateway(popen_kwargs={"stdout": said, "stderr": said})
        except Exception as error:  # noqa: BLE001 - see above
            raise RuntimeError(_told(said, error)) from None


@contextlib.contextmanager
def _memory() -> Iterator[None]:
    """Half of the memory for a JVM that nobody gave any; Spark's own default is 1 GB."""
    name = "SPARK_DRIVER_MEMORY"
    if name in os.environ:
        yield
        return
    bytes_there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    os.environ[name] = f"{max(1, bytes_there // 2 // GIGABYTE)}g"
    try:
        yield
    finally:
        del os.environ[name]


def _told(said: IO[str], error: Exception) -> str:
    """The last thing that the JVM said before it ended."""
    said.seek(0)
    lines = [line.strip() for line in said if line.strip()]
    wrong = [line for line in lines if "rror" in line or "xception" in line]
    return (wrong or lines or [_first(error)])[-1][:300]


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "xception: " in line or "rror: " in line]
    return (causes or lines or [type(error).__name__])[0][:300]


def _wait(session: SparkSession, engine: str) -> None:
    """Wait for somebody to work; without executors a query would hang for ever."""
    status = session.sparkContext._jsc.sc().statusTracker()  # noqa: SLF001 - there is no other way
    until = time.monotonic() + EXECUTOR_SECONDS
    while len(status.getExecutorInfos()) < 2:  # the first is the driver
        if time.monotonic() > until:
            session.stop()
            found = f'engine "{engine}" gave no executor within {EXECUTOR_SECONDS} s'
            raise refused(found, "are workers running, with free cores and memory?")
        time.sleep(0.2)
