"""Every row that is held on some people, as it lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heedful.store import schema
from heedful.store.erasing import Erasing, theirs
from heedful.store.quoting import quoted

if TYPE_CHECKING:
    from heedful.store.lake import Lake


class Held(Erasing):
    """Reads what `Erasing` would remove, by the same rules."""

    def tables_rows(self) -> dict[str, list[dict[str, Any]]]:
        """Their rows in the canonical tables, by table."""
        found = {}
        for name, where in self.belongings().where.items():
            rows = self._rows(self.tables, name, where)
            if rows:
                found[name] = rows
        return found

    def fact_rows(self, facts: Lake) -> dict[str, list[dict[str, Any]]]:
        """Their rows in facts, by fact."""
        found = {}
        for name in facts.names():
            if "customer" in self._attach(facts, name, "erasing"):
                rows = self._rows(facts, name, theirs("customer"))
                if rows:
                    found[name] = rows
        return found

    def rejected_rows(self, books: Lake) -> list[dict[str, Any]]:
        """Rejected rows that name them."""
        if not self._attach(books, "rejected_rows", "erasing"):
            return []
        rows = self.connection.sql("SELECT * EXCLUDE _month FROM erasing").to_arrow_table()
        return [r for r in rows.to_pylist() if self.rejected(r["values"], r["reason"])]

    def _rows(self, lake: Lake, name: str, where: str) -> list[dict[str, Any]]:
        """Without what only Heedful's own bookkeeping needs."""
        present = self._attach(lake, name, "erasing")
        names = [c for c in present if c not in {"_hash", "_month", "bucket"}]
        order = schema.table(name).columns if lake is self.tables else ()
        names.sort(key=lambda c: (list(order).index(c) if c in order else len(order), c))
        items = ", ".join(map(quoted, names))
        sql = f"SELECT {items} FROM erasing WHERE {where} ORDER BY ALL"
        return list(self.connection.sql(sql).to_arrow_table().to_pylist())
