"""A ledger on SQLite, and on a real PostgreSQL server that the tests start."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from heedful.ledger.audit import Audit
from heedful.ledger.database import Database
from heedful.ledger.person import People

MISSING = "PostgreSQL's server is not installed: make postgresql"


class Server:
    """A PostgreSQL server in a folder of its own, reached by a socket there."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="heedful-pg-"))
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user, self.user)
        self.count = 0

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, never as root, which it refuses."""
        command = [str(self.programs / program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", self.user, "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-A", "trust", "-U", "heedful", "--no-sync", "-E", "UTF8")
        fast = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} {fast}"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        return f"postgresql://heedful@/{name}?host={self.folder}"

    def fresh(self, template: str = "template0") -> str:
        """The URL of a new database."""
        import psycopg

        self.count += 1
        name = f"ledger_{self.count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    server = Server(found[-1].parent)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a database whose tables are made; copying it is quicker than making them."""
    url = server.fresh()
    database = Database(Path("/nowhere"), url)
    database.engine.dispose()
    return url.split("/")[3].split("?")[0]


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite ledger whose tables are made."""
    database = Database(tmp_path_factory.mktemp("ledger"))
    database.engine.dispose()
    return database.file


@pytest.fixture(params=["sqlite", "postgresql"])
def another(
    request: pytest.FixtureRequest, tmp_path: Path, file: Path
) -> Iterator[Callable[[], Database]]:
    """Gives the same ledger as another process would open it."""
    made: list[Database] = []
    if request.param == "sqlite":
        url = None
        shutil.copy(file, tmp_path / file.name)
    else:
        server = request.getfixturevalue("server")
        url = server.fresh(request.getfixturevalue("template"))

    def opened() -> Database:
        made.append(Database(tmp_path, url))
        return made[-1]

    yield opened
    for each in made:
        each.engine.dispose()


@pytest.fixture
def database(another: Callable[[], Database]) -> Database:
    """A ledger."""
    return another()


@pytest.fixture
def audit(database: Database) -> Audit:
    return Audit(database)


@pytest.fixture
def people(database: Database, audit: Audit) -> People:
    return People(database, audit)
