"""The e-mail experiment of 64,000 customers, analysed as a file, gives its known figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[3] / "shared" / "data" / "hillstrom" / "hillstrom.csv"
CONTROL, MEN, WOMEN = "No E-Mail", "Mens E-Mail", "Womens E-Mail"

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="the public data sets are not beside the repository (../shared/data)"
)


def analysed(*words: str) -> dict:
    command = [sys.executable, "-m", "heedful.cli.main", "experiment", "analyse", str(FILE)]
    command += ["--variant", "segment", "--control", CONTROL, *words, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def readout():
    return analysed("--metric", "spend", "visit", "conversion", "--segment", "channel", "newbie")


def one(found: dict, kpi: str, variant: str) -> dict:
    (row,) = [o for o in found["outcomes"] if (o["kpi"], o["variant"]) == (kpi, variant)]
    return row


def test_variants_and_sample_ratio(readout):
    units = {each["name"]: each["units"] for each in readout["variants"]}
    assert units == {MEN: 21_307, CONTROL: 21_306, WOMEN: 21_387}
    assert round(readout["srm"]["p_value"], 2) == 0.90
    assert readout["srm"]["state"] == "ok"


@pytest.mark.parametrize(
    ("kpi", "scale", "digits", "men", "women", "control"),
    [
        ("visit", 100, 2, 18.28, 15.14, 10.62),
        ("conversion", 100, 3, 1.253, 0.884, 0.573),
        ("spend", 1, 4, 1.4226, 1.0772, 0.6528),
    ],
)
def test_values(readout, kpi, scale, digits, men, women, control):
    for variant, value in ((MEN, men), (WOMEN, women)):
        found = one(readout, kpi, variant)
        assert round(scale * found["value"], digits) == value
        assert round(scale * found["control_value"], digits) == control
        assert found["unit"] == (None if kpi == "spend" else "share")


def test_lifts_of_spend_and_their_p_values(readout):
    men, women = (one(readout, "spend", variant) for variant in (MEN, WOMEN))
    assert (round(men["difference"], 3), round(women["difference"], 3)) == (0.770, 0.424)
    assert f"{men['p_value']:.1e}" == "1.2e-07"
    assert round(women["p_value"], 4) == 0.0011
    assert men["p_adjusted"] == pytest.approx(2 * men["p_value"])  # Holm, of two
    assert men["low"] < men["difference"] < men["high"]
    assert (readout["decision"], readout["rule"]) == ("needs_review", "no_guardrails")


def test_segments_add_up_to_all(readout):
    for dimension, many in (("channel", 3), ("newbie", 2)):
        mine = [
            each
            for each in readout["segments"]
            if (each["dimension"], each["kpi"], each["variant"]) == (dimension, "visit", MEN)
        ]
        assert len(mine) == many
        assert sum(each["n"] for each in mine) == 21_307


def test_history_tells_something_of_spend_and_guardrails_hold():
    found = analysed(
        *("--metric", "spend", "--guardrail", "visit:2%", "--covariate", "history", "recency"),
        *("--stratum", "zip_code", "--capping", "99.9%"),
    )
    men = one(found, "spend", MEN)
    assert 0 < men["variance_reduction"] < 0.05
    assert "99.9% quantile" in men["method"]
    assert one(found, "visit", MEN)["verdict"] == "non_inferior"
    assert found["decision"] == "ship"
