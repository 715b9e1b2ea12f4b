"""Takes the README's pictures from the project that `make demo` made, in Debian's Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).with_name("pictures")
PORT = "8791"


def link_of(process: subprocess.Popen[str]) -> str:
    """The first login link, which the server prints once it is up."""
    for line in process.stdout or ():
        if "/enter/" in line:
            return line.strip()
    raise SystemExit("the server ended without printing a link")


def enter(tab: Page, link: str) -> str:
    """Come in as a person of the company."""
    tab.goto(link)
    tab.fill("#name", "Ida")
    tab.fill("#email", "ida@fernandferry.example")
    tab.fill("#password", "a window sill of ferns")
    tab.click("button.button-main")
    return link.split("/enter/")[0]


def worst(tab: Page, base: str) -> str:
    """Address of the finding that the overview puts first."""
    tab.goto(base)
    found = tab.locator(".findings h3 a").first.get_attribute("href")
    return f"{base}{found}"


def take(tab: Page, address: str, name: str, height: int) -> None:
    """One picture, from the top of the page down."""
    tab.goto(address)
    tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(500)
    clip = {"x": 0, "y": 0, "width": tab.viewport_size["width"], "height": height}  # type: ignore[index]
    tab.screenshot(path=PICTURES / f"{name}.png", clip=clip, full_page=True)


def main() -> None:
    """Serve a copy, so that the demo's own first link stays unused."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        raise SystemExit("no chromium: make browser installs Debian's")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(sys.argv[1], Path(folder) / "demo"))
        process = subprocess.Popen(
            [sys.executable, "-m", "heedful", "serve", "-p", str(root), "--port", PORT],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
                light = browser.new_context(viewport={"width": 1360, "height": 900})
                tab = light.new_page()
                base = enter(tab, link_of(process))
                finding = worst(tab, base)
                take(tab, base, "overview", 1500)
                take(tab, finding, "finding", 1700)
                state = light.storage_state()
                dark = browser.new_context(
                    viewport={"width": 1360, "height": 900},
                    color_scheme="dark",
                    storage_state=state,
                )
                take(dark.new_page(), f"{base}/kpis/form_abandonment?grain=week", "kpi-dark", 1300)
                browser.close()
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
