"""A ledger on SQLite, and on the real PostgreSQL server that tests share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.ledger.audit import Audit
from heedful.ledger.database import Database
from heedful.ledger.person import People


@pytest.fixture(scope="session")
def template(server: Any) -> str:
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
