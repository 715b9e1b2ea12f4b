from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from dataclasses import replace

import pytest

from heedful.experiments import audit
from heedful.experiments.contract import as_contract
from heedful.experiments.naming import Names


def content(download):
    head, data = download.href.split(",")
    raw = base64.b64decode(data)
    if head == "data:application/gzip;base64":
        assert download.name.endswith(".gz")
        raw = gzip.decompress(raw)
    return raw.decode()


def close(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, float):
        return one == pytest.approx(other, rel=1e-9)
    return one == other


@pytest.mark.parametrize("name", ["say_why", "mails", "empty", "holdout", "bare"])
def test_the_contract_is_inside(samples, name):
    readout = samples[name]()
    download, _ = audit.downloads(readout)
    assert download.name == f"{readout.name}.json"
    assert close(json.loads(content(download)), as_contract(readout))


def test_a_large_contract_is_compressed_and_says_what_it_leaves_out(samples):
    readout = samples["crowded"]()
    download, _ = audit.downloads(readout)
    assert download.name == "mails.json.gz"
    assert "without 2,400 day-by-day figures of other outcomes" in download.words
    found = json.loads(content(download))
    assert len(found["outcomes"]) == len(readout.outcomes)
    assert {look["kpi"] for look in found["looks"]} == {"spend"}


def test_a_spreadsheet_has_a_row_each_comparison(samples):
    readout = samples["mails"]()
    _, download = audit.downloads(readout)
    rows = list(csv.DictReader(io.StringIO(content(download))))
    assert [(row["kpi"], row["variant"]) for row in rows] == [
        (one.kpi, one.variant) for one in readout.outcomes
    ]
    for row, one in zip(rows, readout.outcomes, strict=True):
        assert float(row["difference"]) == pytest.approx(one.difference, rel=1e-9)
        assert row["why"] == ""


def test_a_spreadsheet_runs_no_formula(samples):
    readout = samples["say_why"]()
    evil = replace(readout.outcomes[0], title="=HYPERLINK(1)", variant="@x", difference=-0.5)
    _, download = audit.downloads(replace(readout, outcomes=(evil,)))
    (row,) = csv.DictReader(io.StringIO(content(download)))
    assert (row["title"], row["variant"]) == ("'=HYPERLINK(1)", "'@x")
    assert float(row["difference"]) == -0.5


def test_a_name_is_safe_as_that_of_a_file(samples):
    download, _ = audit.downloads(replace(samples["empty"](), name='../a b"<c>.csv'))
    assert download.name == "..-a-b--c-.csv.json"


def test_days_are_a_spreadsheet(samples):
    readout = samples["mails"]()
    rows = list(csv.DictReader(io.StringIO(content(audit.days_csv(readout.looks, "mails")))))
    assert len(rows) == len(readout.looks) == 28
    assert rows[0]["date"] == "2026-03-02"


def test_every_figure_of_every_comparison(samples):
    readout = samples["mails"]()
    sheet = audit.figures(readout, Names.of(readout))
    assert len(sheet.rows) == len(readout.outcomes) + len(readout.pooled)
    assert all(len(row) == len(sheet.heads) for row in sheet.rows)
    assert sheet.rows[0][:3] == ("Spend a customer", "Men's mail against No mail", "better")
    assert sheet.rows[-1][1] == "All variants together against No mail"


def test_what_covariates_did_is_told(samples):
    readout = samples["say_why"]()
    sheet = audit.figures(readout, Names.of(readout))
    row = dict(zip(sheet.heads, sheet.rows[5], strict=True))
    assert (row["Without covariates"], row["Variance they took"]) == ("+0.11\u00a0EUR", "18%")


def test_definitions_say_what_counts(samples):
    sheet = audit.definitions(samples["say_why"]())
    rows = {row[1]: dict(zip(sheet.heads, row, strict=True)) for row in sheet.rows}
    assert rows["refunded"]["Counts"] == "day 4 to day 33 after the exposure; 1,804 still wait"
    assert rows["refunded"]["Margin"] == "+10%"
    assert rows["confidence"]["Margin"] == "–"


def test_each_kpi_is_defined_once(samples):
    sheet = audit.definitions(samples["mails"]())
    assert [row[1] for row in sheet.rows] == ["spend", "conversion", "unsubscribed", "visit"]


def test_segments_of_other_outcomes(samples):
    readout = samples["say_why"]()
    sheet = audit.other_segments(readout, Names.of(readout))
    assert [row[:2] for row in sheet.rows] == [
        ("Ease", "device: Mobile"),
        ("Ease", "device: Desktop"),
    ]
    assert all(len(row) == len(sheet.heads) for row in sheet.rows)
    assert sheet.rows[0][-1] == "0.71"


@pytest.mark.parametrize("most", [2, 3, 6, 50])
def test_curves_are_read_at_a_few_days_with_the_first_and_the_last(samples, most):
    points = samples["holdout"]().curves
    found = audit.watched(points, {"holdout": "Held out", "open": "Everyone else"}, most)
    assert (found.days[0], found.days[-1]) == ("day 0", "day 180")
    assert len(found.days) <= most + 1
    (held, cells), _ = found.rows
    assert (held, cells[-1]) == ("Held out", ("58.3%", "(56.8–59.8%) n 2,332"))
