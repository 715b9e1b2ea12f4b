"""A connection to the database that a source names; nobody is shown what is secret."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from heedful.definitions.database import MissingVariableError, address, is_address
from heedful.store.source_error import SourceError

if TYPE_CHECKING:
    import psycopg

    from heedful.definitions.database import Address
    from heedful.definitions.source import Source

CONNECT_SECONDS = 10
PATH = ("path",)
NO_ADDRESS = (
    "path is no address of a PostgreSQL database",
    "allowed: such as postgresql://reader@host:5432/database",
)


def addressed(source: Source) -> Address:
    """The address of a source, its variables filled in.

    Raises:
        SourceError: A variable is not set, or it is no address.
    """
    try:
        to = address(str(source.path), os.environ)
    except MissingVariableError as error:
        found = f'environment variable "{error.name}" is not set'
        raise SourceError(PATH, found, "set it, or write the address without it") from None
    if not is_address(to.url):
        raise SourceError(PATH, *NO_ADDRESS)
    return to


def place_of(to: Address) -> str:
    """Where a database is, as people see it: neither user nor password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        given = conninfo_to_dict(to.url)
    except psycopg.Error:
        # What the library says of it holds the whole address.
        raise SourceError(PATH, *NO_ADDRESS) from None
    host = str(given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST", "localhost"))
    port = f":{given['port']}" if given.get("port") else ""
    name = given.get("dbname") or os.environ.get("PGDATABASE") or given.get("user") or ""
    return f"postgresql://{host}{port}/{name}"


def connected(to: Address, place: str) -> psycopg.Connection[Any]:
    """Connect, to read only, and what one moment shows.

    Args:
        to: The address.
        place: As people see it.

    Raises:
        SourceError: Nobody answers there, or not to us.
    """
    import psycopg

    defaults: dict[str, Any] = {"application_name": "heedful", "client_encoding": "UTF8"}
    if "connect_timeout" not in to.url:
        defaults["connect_timeout"] = CONNECT_SECONDS
    try:
        connection = psycopg.connect(to.url, **defaults)
    except psycopg.Error as error:
        said = said_by(to, error)
        hint = "check host and port, and that the server runs"
        if "password" in said or "authentication" in said or "role" in said:
            hint = "give the password by ${NAME} in path, PGPASSWORD or a passfile"
        elif "does not exist" in said:
            hint = "check the name of the database"
        raise SourceError(PATH, f"{place} cannot be reached: {said}", hint) from None
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def said_by(to: Address, error: Exception) -> str:
    """The server's words on one line, without what is secret."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return to.hidden(lines[0] if lines else type(error).__name__)
