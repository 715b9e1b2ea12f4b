"""Instruments of a project, from its files to a reading."""

from __future__ import annotations

from pathlib import Path

import pytest

import heedful
from heedful.project.project import check
from heedful.surveys import reference

PAGE = Path(__file__).parents[2] / "docs" / "instruments.md"
SETTINGS = "name: Acme\ntimezone: UTC\ncurrency: EUR\nteams: {cx: {name: Care}}\n"
SOURCE = "table: responses\npath: in.csv\nobserved_until: 2026-02-01\n"


def example(name: str) -> str:
    """A file that the page shows."""
    (text,) = [
        block.split("```")[0]
        for block in reference.INTRODUCTION.split("```yaml\n")[1:]
        if block.startswith(f"# {name}\n")
    ]
    return text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "heedful.yaml": SETTINGS,
        "instruments/mood.yaml": example("instruments/mood.yaml"),
        "kpis/mood.yaml": example("kpis/mood.yaml"),
        "kpis/ease.yaml": "owner: cx\nplaybook: csat\n",
        "playbooks/csat.md": "# When satisfaction falls\n\nRead the comments.\n",
        "sources/answers.yaml": SOURCE,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_page_is_current():
    again = "run make docs"
    assert PAGE.read_text(encoding="utf-8") == reference.page(), again


def test_the_example_measures_answers_on_its_own_scale(root):
    assert check(root).problems == ()
    rows = [
        "response_id,answered_at,customer_id,instrument,score,scale_min,scale_max,scale_reversed"
    ]
    rows += [f"m{n},2026-01-05,c{n},mood,{score},,," for n, score in enumerate([80, 81, 100, 3])]
    # Asked as 1 = very low effort to 5 = very high effort, and as usual on seven points.
    rows += [f"e{n},2026-01-05,c{n},ces,{n + 1},1,5,true" for n in range(5)]
    rows += [f"f{n},2026-01-05,c{n},ces,{n + 1},,," for n in range(7)]
    (root / "in.csv").write_text("\n".join(rows) + "\n")
    project = heedful.open(root)
    (done,) = project.tables.import_()
    assert (done.inserted, done.rejected) == (16, 0)
    project.refresh()
    found = {
        one["kpi"]: (one["value"], one["n"])
        for one in project.kpis.readings("mood", "ease", grain="month").to_pylist()
    }
    assert found["mood"] == (0.5, 4)
    assert found["ease"] == (pytest.approx((2 + 3) / 12), 12)


def test_a_changed_instrument_changes_what_counts(root):
    test_the_example_measures_answers_on_its_own_scale(root)
    path = root / "instruments" / "mood.yaml"
    path.write_text(path.read_text().replace("top: 20 ", "top: 21 "))
    project = heedful.open(root)
    project.refresh()
    (one,) = project.kpis.readings("mood", grain="month").to_pylist()
    assert one["value"] == 0.75


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("mood", "titel: Mood\n", 'instruments/mood.yaml:1: unknown field "titel"'),
        ("mood", "id: mood\n", 'instruments/mood.yaml:1: unknown field "id"; the name of the file'),
        ("mood", "top: 60\n", "instruments/mood.yaml:1: top 60 of 101 answers is more than half"),
        (
            "nps",
            "",
            "instruments/nps.yaml:4: nps is asked on 0 to 10 only, not on 0 to 100; name the",
        ),
        ("Mood", "", "instruments/Mood.yaml:1: file name"),
    ],
)
def test_what_is_wrong_is_said(root, name, text, problem):
    whole = example("instruments/mood.yaml").split("\n", 1)[1]
    if text.startswith("top"):
        whole = whole.replace("top: 20 ", "other: 20 ").replace("other: 20", "# 20")
    (root / "instruments" / f"{name}.yaml").write_text(text + whole)
    said = [str(one) for one in check(root).problems]
    assert any(one.startswith(problem) for one in said), said
