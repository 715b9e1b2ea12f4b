from __future__ import annotations

import re

import pytest

from heedful.experiments.page import styles
from heedful.experiments.palette import TOKENS, contrast

COLOURS = {token.name: token for token in TOKENS}
GROUNDS = {"ink": ("paper", "shelf", "good-tint", "bad-tint", "care-tint")}
TEXTS = {
    **GROUNDS,
    "ink-2": ("paper", "shelf", "good-tint", "bad-tint", "care-tint"),
    "ink-3": ("paper", "shelf"),
    "good": ("paper", "good-tint"),
    "bad": ("paper", "bad-tint"),
    "care": ("paper", "care-tint"),
}
MARKS = {"series": ("paper", "band", "bad-tint"), "compare": ("paper", "band"), "bad": ("paper",)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme):
    for limit, pairs in ((4.5, TEXTS), (3.0, MARKS)):
        for name, grounds in pairs.items():
            for ground in grounds:
                one, other = (getattr(COLOURS[each], scheme) for each in (name, ground))
                assert contrast(one, other) >= limit, (name, ground)


def test_the_sheet_uses_tokens_that_exist():
    used = set(re.findall(r"var\(--([\w-]+)\)", styles()))
    assert used <= set(COLOURS) | {"sans", "mono", "small", "tiny", "edge"}
    assert set(COLOURS) <= used | set(re.findall(r"var\(--([\w-]+)\)", _drawings()))


def test_each_colour_is_said_by_its_token():
    rules = re.sub(r"--[\w-]+: [^;]+;", "", styles())
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgb\(", rules)


def _drawings():
    from pathlib import Path

    from heedful.experiments import charts

    return Path(charts.__file__).read_text(encoding="utf-8")
