"""What the search for personal data costs an import of comments, as a share of it.

Each import runs in a process of its own, turn about.
Run with `python benchmarks/masking_speed.py [ROWS]`.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROWS = 1_000_000
TURNS = 3
# Of a hundred comments, two hold an e-mail address, two a phone number and six other long numbers.
COMMENTS = """
SELECT 'f' || i AS feedback_id,
  strftime(TIMESTAMP '2025-01-01' + to_seconds(CAST(i * 15.7 AS BIGINT) % 31536000),
    '%Y-%m-%d %H:%M:%S') AS said_at,
  'c' || (hash(i) % 100000) AS customer_id,
  list_extract(['The box came late and ', 'I could not find the form, ', 'Lovely plants, but ',
    'Nobody answered for days and '], 1 + CAST(hash(i + 1) % 4 AS BIGINT))
  || list_extract(['then it was broken. ', 'the chat did not help at all. ', 'I paid 39.95 EUR. ',
    'my neighbour had the same. '], 1 + CAST(hash(i + 2) % 4 AS BIGINT))
  || CASE WHEN i % 100 IN (3, 53) THEN 'Write to p' || i || '@mail.example please.'
       WHEN i % 100 IN (7, 57) THEN 'Call +31 6 ' || (10000000 + hash(i) % 89999999) || ' today.'
       WHEN i % 100 IN (11, 61, 21) THEN 'It was order 2025' || (100000 + i % 899999) || '.'
       WHEN i % 100 IN (31, 41, 71) THEN 'That was on 2025-03-12 at 14:30:05.'
       ELSE 'It is a pity, as I like the idea.' END AS text
FROM range({rows}) AS t(i)
"""


def run(folder: Path, personal: str) -> dict[str, float]:
    """Import the comments once."""
    from heedful.definitions.source import Source
    from heedful.store.importing import Importer
    from heedful.store.lake import Lake

    with tempfile.TemporaryDirectory() as data:
        root = Path(data)
        importer = Importer(
            folder, Lake(root / "tables"), Lake(root / "books"), root / "staging", "UTC", {}
        )
        source = Source(name="voices", table="feedback", path="in.csv", personal=personal)
        begin = time.perf_counter()
        done = importer.run(source)
        seconds = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds,
        "cpu": used.ru_utime + used.ru_stime,
        "rows": done.inserted,
        "masked": len(done.notes),
    }


def main() -> None:
    """Print seconds and processor seconds, kept and masked, and their ratios."""
    if len(sys.argv) > 2:
        print(json.dumps(run(Path(sys.argv[1]), sys.argv[2])))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        query = COMMENTS.format(rows=rows)
        duckdb.execute(f"COPY ({query}) TO '{folder / 'in.csv'}' (HEADER)")
        found: dict[str, list[dict[str, float]]] = {"keep": [], "mask": []}
        for _ in range(TURNS):
            for personal, many in found.items():
                done = subprocess.run(
                    [sys.executable, __file__, str(folder), personal],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                many.append(json.loads(done.stdout))
    for measure in ("seconds", "cpu"):
        kept, masked = (
            statistics.median(one[measure] for one in found[p]) for p in ("keep", "mask")
        )
        print(f"{measure}: kept {kept:.1f}, masked {masked:.1f}, ratio {masked / kept:.2f}")


if __name__ == "__main__":
    main()
