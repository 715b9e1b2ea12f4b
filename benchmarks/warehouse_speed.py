"""How fast a table of PostgreSQL is imported, and with how much memory.

`python benchmarks/warehouse_speed.py postgresql://me@/scratch?host=/run/postgresql` makes the
table `heedful_bench` in that database, imports it into a project of its own, and drops it again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROWS = (20_000, 200_000, 1_000_000)
MAKE = """
CREATE TABLE heedful_bench AS SELECT 'o' || n AS order_id,
  timestamptz '2024-01-01' + n * interval '37 seconds' AS ordered_at,
  'c' || n % 50000 AS customer_id, (n % 20000)::numeric(12, 2) / 100 AS amount,
  jsonb_build_object('channel', 'web', 'basket', jsonb_build_object('items', n % 7)) AS detail,
  repeat(md5(n::text), 3) AS note
FROM generate_series(1, {rows}) AS n
"""
IMPORT = """
import json, resource, sys, time
from pathlib import Path
from heedful.definitions.source import Source
from heedful.store.importing import Importer
from heedful.store.lake import Lake

root = Path(sys.argv[1])
importer = Importer(root, Lake(root / "tables"), Lake(root / "books"), root / "staging", "UTC", {})
columns = {name: (name,) for name in ("order_id", "ordered_at", "customer_id", "amount")}
source = Source(name="s", table="orders", path=sys.argv[2], relation="heedful_bench",
                columns=columns, attributes={"items": ("detail.basket.items",)})
stages, last = {}, [time.perf_counter(), "reading"]
def tell(what, done, all_):
    if what != last[1]:
        now = time.perf_counter()
        stages[last[1]] = stages.get(last[1], 0) + now - last[0]
        stages[last[1] + " MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        last[:] = now, what
start = time.perf_counter()
done = importer.run(source, tell)
print(json.dumps({
    "seconds": time.perf_counter() - start, "rows": done.inserted,
    "cpu": time.process_time(), "reading": stages["reading"], "reading MB": stages["reading MB"],
    "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
"""


def main(url: str) -> None:
    """Measure, and print a table."""
    import psycopg

    print("| rows | seconds | CPU s | of which reading, s | peak MB while reading | peak MB |")
    print("|---|---|---|---|---|---|")
    for rows in ROWS:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS heedful_bench")
            connection.execute(MAKE.format(rows=rows).encode())
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "heedful.yaml").touch()
            done = subprocess.run(
                [sys.executable, "-c", IMPORT, folder, url],
                capture_output=True,
                text=True,
                check=True,
            )
        found = json.loads(done.stdout.splitlines()[-1])
        assert found["rows"] == rows
        print(
            f"| {rows:,} | {found['seconds']:.1f} | {found['cpu']:.1f} | {found['reading']:.1f} |"
            f" {found['reading MB']:,} | {found['peak MB']:,} |"
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE heedful_bench")


if __name__ == "__main__":
    main(sys.argv[1])
