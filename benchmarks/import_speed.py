"""How fast files become tables, beside what DuckDB alone takes to rewrite the same file.

Each measurement runs in a process of its own, so that its peak of memory is its own.
Run with `python benchmarks/import_speed.py [ROWS]`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROWS = 2_000_000
DUCKDB = "COPY of DuckDB"
EVENTS = """
SELECT 'e' || i AS event_id,
  strftime(TIMESTAMP '2025-01-01' + to_seconds(CAST(i * 15.7 AS BIGINT) % 31536000),
    '%Y-%m-%d %H:%M:%S') AS occurred_at,
  'c' || (hash(i) % 100000) AS customer_id,
  list_extract(['Page Viewed', 'Form Started', 'Form Submitted', 'Order Completed'],
    1 + CAST(hash(i + 1) % 4 AS BIGINT)) AS event,
  '/path/' || (hash(i + 2) % 300) AS page,
  list_extract(['mobile', 'desktop', 'tablet'], 1 + CAST(hash(i + 3) % 3 AS BIGINT)) AS device,
  list_extract(['email', 'paid, search', 'web'], 1 + CAST(hash(i + 4) % 3 AS BIGINT)) AS channel,
  hash(i + 5 + {salt} * (i % 10 = 0)::INT) % 10 AS step,
  round((hash(i + 6) % 10000) / 100.0, 2) AS seconds,
  list_extract(['DE', 'FR', 'US'], 1 + CAST(hash(i + 7) % 3 AS BIGINT)) AS country
FROM range({rows}) AS t(i)
"""


def measured(folder: Path, what: str, path: str) -> dict[str, object]:
    """Do one thing; how long it took, and the most memory it held."""
    begin = time.perf_counter()
    if what == DUCKDB:
        reader = "read_csv" if path.endswith("csv") else "read_parquet"
        duckdb.execute(
            f"COPY (SELECT * FROM {reader}('{folder / path}')) TO '{folder / 'out.parquet'}'"
        )
        done = ""
    else:
        from heedful.definitions.source import Source
        from heedful.store.importing import Importer
        from heedful.store.lake import Lake

        data = folder / f"data-{Path(path).suffix[1:]}"
        tables, books = Lake(data / "tables"), Lake(data / "books")
        importer = Importer(folder, tables, books, data / "staging", "UTC", {})
        found = importer.run(Source(name="events", table="events", path=path))
        done = f"{found.inserted:,} new, {found.updated:,} changed, {found.unchanged:,} the same"
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"seconds": seconds, "peak": peak, "done": done}


def main() -> None:
    if len(sys.argv) > 2:
        print(json.dumps(measured(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for salt, stem in ((0, "events"), (1, "changed")):
            sql = EVENTS.format(rows=rows, salt=salt)
            duckdb.execute(f"COPY ({sql}) TO '{folder / stem}.csv'")
            duckdb.execute(f"COPY ({sql}) TO '{folder / stem}.parquet'")
        print(f"{rows:,} events of 10 columns")
        for suffix in ("csv", "parquet"):
            size = (folder / f"events.{suffix}").stat().st_size / 1e6
            print(f"\n{suffix}, {size:,.0f} MB{'rows/s':>26}{'seconds':>9}{'peak MB':>9}")
            for what, stem in (
                (DUCKDB, "events"),
                ("import", "events"),
                ("import again", "events"),
                ("a tenth changed", "changed"),
            ):
                command = [sys.executable, __file__, name, what, f"{stem}.{suffix}"]
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found = json.loads(out.splitlines()[-1])
                speed = rows / found["seconds"]
                line = f"{what:<20}{speed:>18,.0f}{found['seconds']:>9.1f}{found['peak']:>9,}"
                print(f"{line}  {found['done']}", flush=True)


if __name__ == "__main__":
    main()
