"""Pages over a year of the demo and a million readings: server time, first paint, weight.

    python benchmarks/page_speed.py DEMO_PROJECT [--readings 1000000] [--rounds 20]

Copies the project, multiplies its readings by more dimensions, serves it on one core and asks for
every page: first each once (nothing is kept yet), then again in turns. What is measured is the
time from sending a request to the last byte of the answer, on loopback. First paint and weight
are Chromium's own figures.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pyarrow.compute as pc

import heedful

PAGES = (
    "/",
    "/?grain=week",
    "/?segment=device:mobile",
    "/?against=year",
    "/stages",
    "/stages/retention",
    "/stages/onboarding?grain=week",
    "/kpis",
    "/kpis/csat_ai",
    "/kpis/reopen_rate?grain=week",
    "/kpis/form_abandonment?segment=device:mobile",
    "/findings",
    "/actions",
    "/experiments",
    "/cohorts",
    "/data",
    "/definitions",
    "/sql",
    "/api/v1/kpis",
    "/api/v1/readings?kpi=nps",
    "/api/v1/score",
)
HEAVY = ("/", "/stages/retention", "/kpis/csat_ai?grain=week", "/findings")


def multiplied(source: Path, target: Path, wanted: int) -> int:
    """Copy a project, and give its readings more dimensions until there are enough."""
    shutil.copytree(source, target)
    books = heedful.open(target).books
    import deltalake

    found = deltalake.DeltaTable(str(target / "data" / "books" / "readings")).to_pyarrow_table()
    broken = found.filter(pc.is_valid(found["dimension"]))
    place = found.schema.get_field_index("dimension")
    count, copy = found.num_rows, 0
    while count < wanted:
        copy += 1
        part = broken.slice(0, min(broken.num_rows, wanted - count))
        names = pc.binary_join_element_wise(part["dimension"], str(copy), "_")
        books.append("readings", part.set_column(place, found.schema.field(place), names))
        count += part.num_rows
    return count


def first_link(process: subprocess.Popen[str]) -> tuple[str, float]:
    """The link that a starting server prints, and how long it took."""
    began = time.perf_counter()
    assert process.stdout is not None
    for line in process.stdout:
        if "/enter/" in line:
            return line.strip(), time.perf_counter() - began
    raise SystemExit("the server ended without printing a link")


def percentile(times: list[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        count = multiplied(given.project, root, given.readings)
        measure(root, count, given.rounds)


def measure(root: Path, count: int, rounds: int) -> None:
    core = min(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "heedful", "serve", "-p", str(root), "--port", "8790"]
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        link, started = first_link(process)
        print(f"{count:,} readings; from start to the first page: {started:.1f} s")
        base = link.split("/enter/")[0]
        with httpx.Client(base_url=base, timeout=60) as client:
            form = {"name": "Bench", "email": "bench@example.org", "password": "long enough 123"}
            client.post(link, data=form, follow_redirects=True).raise_for_status()
            server_times(client, rounds)
        print(f"peak memory of the server: {peak(process.pid):,.0f} MB")
        painted(base, form["email"], form["password"])
    finally:
        process.terminate()
        process.wait()


def server_times(client: httpx.Client, rounds: int) -> None:
    first: dict[str, float] = {}
    again: dict[str, list[float]] = {page: [] for page in PAGES}
    skipped = []
    for page in PAGES:
        began = time.perf_counter()
        answer = client.get(page, follow_redirects=True)
        first[page] = 1000 * (time.perf_counter() - began)
        if answer.status_code != 200:
            skipped.append(f"{page} ({answer.status_code})")
    for _ in range(rounds):
        for page in PAGES:
            began = time.perf_counter()
            client.get(page)
            again[page].append(1000 * (time.perf_counter() - began))
    print("\n| page | first time, ms | median | p95 |\n|---|---|---|---|")
    for page, times in again.items():
        print(
            f"| `{page}` | {first[page]:.0f} | {statistics.median(times):.1f}"
            f" | {percentile(times, 0.95):.1f} |"
        )
    every = [one for times in again.values() for one in times]
    print(
        f"| all pages | {sum(first.values()):.0f} | {statistics.median(every):.1f}"
        f" | **{percentile(every, 0.95):.1f}** |"
    )
    if skipped:
        print("not measured:", ", ".join(skipped))


def peak(pid: int) -> float:
    """Peak resident memory of a process, MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def painted(base: str, email: str, password: str) -> None:
    """Largest contentful paint and bytes of a page, as Chromium sees them, cold and warm."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        print("no chromium: paint and weight were not measured")
        return
    script = """() => new Promise(done => {
      let paint = 0;
      const seen = list => { for (const one of list.getEntries()) paint = one.startTime; };
      new PerformanceObserver(seen).observe({type: 'largest-contentful-paint', buffered: true});
      setTimeout(() => {
        const all = [...performance.getEntriesByType('resource'),
          ...performance.getEntriesByType('navigation')];
        done({paint, sent: all.reduce((sum, one) => sum + one.transferSize, 0),
          plain: all.reduce((sum, one) => sum + one.decodedBodySize, 0)});
      }, 700);
    })"""
    print("\n| page | largest paint, ms | sent, KB | unpacked, KB |\n|---|---|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for page in HEAVY:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            tab = context.new_page()
            tab.goto(f"{base}/login")
            tab.fill("#email", email)
            tab.fill("#password", password)
            tab.click("button.button-main")
            fresh = browser.new_context(
                storage_state=context.storage_state(), viewport={"width": 1440, "height": 900}
            )
            tab = fresh.new_page()
            tab.goto(f"{base}{page}")
            found = tab.evaluate(script)
            print(
                f"| `{page}` | {found['paint']:.0f} | {found['sent'] / 1000:.0f}"
                f" | {found['plain'] / 1000:.0f} |"
            )
            context.close()
            fresh.close()
        browser.close()


if __name__ == "__main__":
    main()
