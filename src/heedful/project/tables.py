"""The room of tables, as a project opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import ProjectError, one_of
from heedful.project.missing import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from heedful.project.project import Project
    from heedful.store.importing import Imported
    from heedful.store.vacuuming import Vacuumed


@dataclass(frozen=True)
class Tables:
    """The canonical tables of a project."""

    project: Project

    def import_(
        self,
        sources: Iterable[str] = (),
        progress: Callable[[str, str, int, int], None] | None = None,
    ) -> Iterator[Imported]:
        """Import sources, one after the other; each is one commit.

        Args:
            sources: Their names; all without any.
            progress: Called with the source, what is being done, bytes done and bytes in all.

        Yields:
            What each did.

        Raises:
            NotFoundError: There is no such source.
            ProjectError: A source does not fit its files; nothing of it was written, what came
                before it stays.
        """
        from heedful.store.importing import Importer

        project = self.project
        known = project.definitions.sources
        wanted = list(sources) or list(known)
        for name in wanted:
            if name not in known:
                allowed = one_of(known, name) if known else "put a file into sources/ first"
                raise NotFoundError(f'source "{name}" does not exist', allowed)
        project.erasure.finish()
        importer = Importer(
            project.root,
            project.lake("tables"),
            project.books,
            project.definitions.data / "staging",
            project.definitions.settings.timezone,
            project.definitions.rules.parameters(),
            project.definitions.instruments,
        )
        for name in wanted:

            def tell(what: str, done: int, all_: int, name: str = name) -> None:
                if progress:
                    progress(name, what, done, all_)

            yield self._one(importer, name, tell)

    def _one(self, importer: Any, name: str, tell: Callable[[str, int, int], None]) -> Imported:
        from heedful.definitions.document import read
        from heedful.store.importing import SourceError

        try:
            done: Imported = importer.run(self.project.definitions.sources[name], tell)
        except SourceError as error:
            file = f"sources/{name}.yaml"
            document = read(self.project.root / file, file)
            raise ProjectError([document.problem(error.path, error.found, error.allowed)]) from None
        return done

    def vacuum(self, *, compact: bool = False, dry_run: bool = False) -> list[Vacuumed]:
        """Remove files that fell out of the tables, facts and books a while ago.

        Args:
            compact: Join small files first.
            dry_run: Only look.

        Returns:
            What was freed, by table; tables without anything are among them.
        """
        from heedful.store.vacuuming import Vacuumed, hours, vacuum

        keep = hours(self.project.definitions.settings.history_days)
        done = []
        for place in ("tables", "facts", "books"):
            lake = self.project.lake(place)
            for name in lake.names():
                if compact and not dry_run:
                    lake.compact(name)
                files, size = vacuum(lake, name, keep, dry_run=dry_run)
                done.append(Vacuumed(f"{place}.{name}", files, size))
        return done

    def rejected(self) -> pa.Table:
        """Rows that could not be taken over: source, table, file, line, values, reason."""
        return self.project.sql(
            "SELECT * FROM rejected_rows ORDER BY source, file, line"
            if self.project.books.exists("rejected_rows")
            else "SELECT NULL AS source WHERE false"
        )
