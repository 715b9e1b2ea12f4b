"""What docs/assignment.md shows works as it says, with the payload behind a web server."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from heedful.experiments.assigning import assign
from heedful.experiments.payload import payload

PAGE = (Path(__file__).parents[2] / "docs" / "assignment.md").read_text(encoding="utf-8")
UNITS = [f"c-{i}" for i in range(1040, 1052)]
MEMBERS = {"exposure_id", "exposed_at", "experiment", "variant", "customer_id"}


def snippet(language, host, unit):
    text = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]
    assert text.count("https://features.example.com") == text.count("c-1042") == 1
    return text.replace("https://features.example.com", host).replace("c-1042", unit)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def tests(planned):
    holdout = planned("held", design="holdout", variants={"out": 0.3, "in": 0.7})
    one = planned("short_checkout", holdout="held", population={"country": ("DE",)}, share=0.8)
    return {"held": holdout, "short_checkout": one}


@pytest.fixture
def host(tests, tmp_path):
    there = tmp_path / "api" / "features" / "heedful"
    there.parent.mkdir(parents=True)
    there.write_text(json.dumps(payload(tests, dt.date(2024, 3, 5))), encoding="utf-8")
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def holds(tests, unit, variant, exposures):
    """Whether an app saw the variant and wrote down what it had to."""
    expected = assign(tests["short_checkout"], tests, unit, {"country": "DE"}).variant
    assert variant == (expected or "control")
    seen = [(row["experiment"], row["variant"], row["customer_id"]) for row in exposures]
    assert seen == ([("short_checkout", expected, unit)] if expected else [])
    assert all(set(row) == MEMBERS for row in exposures)
    return expected


def test_the_python_snippet(tests, host):
    seen = set()
    for unit in UNITS:
        names = {}
        exec(snippet("python", host, unit), names)
        seen.add(holds(tests, unit, names["variant"], names["exposures"]))
        names["growthbook"].destroy()
    assert seen == {None, "control", "new"}


def test_the_javascript_snippet(tests, host, node):
    seen = set()
    for unit in UNITS[:6]:
        show = "\nconsole.log(JSON.stringify({ variant, exposures }));process.exit(0);"
        found = json.loads(node(snippet("js", host, unit) + show))
        seen.add(holds(tests, unit, found["variant"], found["exposures"]))
    assert seen == {None, "control", "new"}


def test_the_page_names_the_sdks_that_are_tested():
    import growthbook

    lock = Path(__file__).parent / "javascript" / "package-lock.json"
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    script = packages["node_modules/@growthbook/growthbook"]["version"]
    named = re.search(r"Python SDK \((.*?)\) and the JavaScript SDK \((.*?)\)", PAGE).groups()
    assert named == tuple(v.rsplit(".", 1)[0] for v in (growthbook.__version__, script))


def test_the_lock_holds_no_address():
    lock = Path(__file__).parent / "javascript" / "package-lock.json"
    text = lock.read_text(encoding="utf-8")
    assert "integrity" in text
    assert "resolved" not in text
    assert "://" not in text
