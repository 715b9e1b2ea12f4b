"""`heedful serve` as somebody at a terminal meets it: a real server."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

PROJECT = "name: Corner shop\ntimezone: Europe/Berlin\ncurrency: EUR\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "heedful.yaml").write_text(PROJECT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def serving(project, port, *more):
    command = [sys.executable, "-m", "heedful", "serve", "-p", str(project), "--port", str(port)]
    return subprocess.Popen(
        [*command, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def first_link(server):
    for line in server.stdout:
        if "/enter/" in line:
            return line.strip()
    raise AssertionError(server.stderr.read())


def test_it_prints_a_link_serves_and_stops(project, port):
    server = serving(project, port)
    link = first_link(server)
    assert link.startswith(f"http://127.0.0.1:{port}/enter/")
    form = {"name": "Ida", "email": "ida@example.org", "password": "a window sill of ferns"}
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        assert browser.post(link, data=form).status_code == 200
        page = browser.get(f"http://127.0.0.1:{port}/")
        assert "Nothing is measured yet" in page.text
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=20)
    assert server.returncode in {0, 130}
    assert "Traceback" not in err
    # The secret was on the terminal once, and is in no log.
    assert link.rsplit("/", 1)[1] not in out + err
    again = serving(project, port)
    for line in again.stdout:
        if "is served on" in line:
            break
    time.sleep(0.3)
    again.terminate()
    rest, _ = again.communicate(timeout=20)
    # Somebody is in already: no link any more.
    assert "/enter/" not in rest


def test_a_port_in_use_is_said(project):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        done = serving(project, port)
        _, err = done.communicate(timeout=20)
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in err
    assert f"--port {port + 1}" in err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--refresh-at", "6 o'clock"), "such as 06:00"),
        (("--refresh-every", "soon"), "such as 30m, 6h or 1d"),
        (("--refresh-at", "06:00", "--refresh-every", "1h"), "not both"),
    ],
)
def test_wrong_usage_is_said(project, port, more, said):
    done = serving(project, port, *more)
    _, err = done.communicate(timeout=20)
    assert done.returncode == 2
    assert said in re.sub(r"[\s│]+", " ", err)


def test_links_begin_with_the_address_that_others_know(project, port):
    server = serving(project, port, "--https", "--address", "https://heedful.acme.example/")
    assert first_link(server).startswith("https://heedful.acme.example/enter/")
    server.terminate()
    server.communicate(timeout=20)
