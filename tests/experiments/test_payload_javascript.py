"""The JavaScript SDK makes of the payload what `assign` does."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from random import Random

from heedful.experiments.payload import payload

SCRIPT = (Path(__file__).parent / "javascript" / "evaluate.mjs").read_text(encoding="utf-8")


def test_the_javascript_sdk_agrees(world, agree, node):
    experiments, unit = world
    random = Random(4)
    worlds = [(experiments(random), [unit(random) for _ in range(150)]) for _ in range(39)]
    worlds.append((experiments(random), [unit(random) for _ in range(4000)]))
    day = dt.date(2024, 3, 5)
    asked = [{"payload": payload(tests, day), "users": users} for tests, users in worlds]
    answers = json.loads(node(SCRIPT, asked))
    assert list(map(len, answers)) == [150] * 39 + [4000]
    for (tests, users), found in zip(worlds, answers, strict=True):
        for attributes, of_unit in zip(users, found, strict=True):
            agree(tests, attributes, of_unit)
