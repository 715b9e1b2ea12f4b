"""From a source's files to its table, in one atomic commit; bad rows are kept with the reason."""

from __future__ import annotations

import glob
import os.path
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from heedful.store import fitting, schema
from heedful.store.books import Books
from heedful.store.committing import Committing
from heedful.store.source_error import SourceError
from heedful.store.staging import Staging
from heedful.store.suppression import Gate, Suppression
from heedful.surveys.catalogue import instruments as known_instruments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heedful.definitions.instrument import Instrument
    from heedful.definitions.parameters import Value
    from heedful.definitions.source import Source
    from heedful.store.lake import Lake

    Progress = Callable[[str, int, int], None]

__all__ = ["Imported", "Importer", "SourceError"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import of one source did; the numbers are rows.

    `read` is always the sum of `inserted`, `updated`, `unchanged`, `left_out` and `rejected`.

    Attributes:
        source: The source.
        table: The table it fills.
        read: Rows in its files; with `sql`, rows that the SELECT gives and rows too broken for it.
        inserted: Rows whose key was new.
        updated: Rows whose key was known with other values.
        unchanged: Rows that changed nothing, among them the superseded ones.
        left_out: Rows left out on purpose: by `where`, or because they are of erased people.
        rejected: Bad rows, kept in `rejected_rows`.
        superseded: Rows whose key comes again later in the same import.
        deleted: Rows of an earlier import that `replace` took away.
        notes: Sentences about what a person should know.
    """

    source: str
    table: str
    read: int
    inserted: int
    updated: int
    unchanged: int
    left_out: int
    rejected: int
    superseded: int = 0
    deleted: int = 0
    notes: tuple[str, ...] = ()


class Importer:
    """Imports sources into the canonical tables of one project.

    Args:
        project: The project's folder.
        tables: Where the canonical tables lie.
        books: Where `rejected_rows` and `imports` lie.
        staging: A folder for files that live as long as an import.
        timezone: The project's timezone.
        parameters: Values of `$name` in expressions and `sql:` sources.
        instruments: The project's own instruments, beside those that come with the program.
        data: The project's data folder, where it lies who was erased; that of `staging` without.
    """

    def __init__(
        self,
        project: Path,
        tables: Lake,
        books: Lake,
        staging: Path,
        timezone: str,
        parameters: Mapping[str, Value],
        instruments: Mapping[str, Instrument] | None = None,
        data: Path | None = None,
    ) -> None:
        self.project = project
        self.tables = tables
        self.books = books
        self.staging = staging
        self.data = data or staging.parent
        self.timezone = timezone
        self.parameters = parameters
        self.instruments = known_instruments(instruments)

    def run(self, source: Source, progress: Progress | None = None) -> Imported:
        """Import one source.

        Args:
            source: Its definition.
            progress: Called with what is being done, bytes done, bytes in all.

        Returns:
            What was done.

        Raises:
            SourceError: Its files are missing or damaged, or the mapping does not fit them.
            LakeBusyError: Another import has held the source or the table for too long.
        """
        tell = progress or (lambda _what, _done, _all: None)
        table = schema.table(source.table)
        form = fitting.format_of(source)
        files = {} if source.remote else self.files(source)
        sql = None if source.sql is None else self.project / source.sql
        with self.books.lock(f"source.{source.name}"):
            folder = self.staging / f"{quote(source.name, safe=' ')}.import"
            # What an import that was killed has left lies here; it held the same lock.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                gate = Gate(Suppression(self.data), table)
                staging = Staging(
                    source,
                    table,
                    folder,
                    self.timezone,
                    self.parameters,
                    tell,
                    form,
                    gate,
                    self.instruments,
                )
                with fitting.pointed(source):
                    staged = staging.run(files, sql, self.project)
                with (
                    self.tables.lock(table.name),
                    Committing(
                        staging.source, table, self.tables, staged, folder, tell
                    ) as committing,
                ):
                    counts = committing.run()
                books = Books(self.books)
                books.reject(source.name, table.name, staged.bad)
                done = Imported(
                    source=source.name,
                    table=table.name,
                    read=staged.read,
                    left_out=staged.left_out,
                    rejected=len(staged.bad),
                    inserted=counts.inserted,
                    updated=counts.updated,
                    unchanged=counts.unchanged,
                    superseded=counts.superseded,
                    deleted=counts.deleted,
                    notes=(*staged.notes, *counts.notes),
                )
                books.log(done, self.tables.version(table.name))
                return done
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def files(self, source: Source) -> dict[str, list[tuple[str, Path]]]:
        """The files of a source by the name of their view, in order: shown name and path.

        A file is shown as the source says it: relative to the project, unless its glob is not.

        Raises:
            SourceError: A glob matches nothing.
        """
        found: dict[str, list[tuple[str, Path]]] = {}
        for name, globs in source.globs.items():
            matches: dict[str, tuple[str, Path]] = {}
            for pattern in globs:
                for shown in self._matches(pattern):
                    path = self.project / shown
                    matches.setdefault(os.path.realpath(path), (shown, path))
            if not matches:
                hint = f"paths are relative to {self.project.resolve().name}/; check the name"
                if any((self.project / pattern).is_dir() for pattern in globs):
                    hint = "it is a folder; say which of its files: folder/*.csv"
                raise SourceError(("path",), f'no file matches "{", ".join(globs)}"', hint)
            found[name] = list(matches.values())
        return found

    def _matches(self, pattern: str) -> list[str]:
        # A file may be called as if it were a glob.
        names = [pattern] if (self.project / pattern).is_file() else []
        names = names or glob.glob(pattern, root_dir=self.project, recursive=True)  # noqa: PTH207 - an absolute or parent pattern is allowed
        shown = {Path(os.path.normpath(name)).as_posix() for name in names}
        return sorted(name for name in shown if (self.project / name).is_file())
