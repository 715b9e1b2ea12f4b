"""Real orders, replayed week by week: what is told is what the months show."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from heedful.project import Project

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the public data sets are not beside the repository (../shared/data)"
)


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("replay") / "olist_orders"
    shutil.copytree(HERE / "olist_orders", root)
    for source in root.glob("sources/*.yaml"):
        text = source.read_text("utf-8")
        source.write_text(text.replace("../../../../shared/data", DATA.as_posix()), "utf-8")
    project = Project(root)
    assert list(project.tables.import_())
    project.refresh()
    project.findings.refresh()
    return project


def test_two_years_of_orders_tell_little_and_what_they_tell_is_there(orders: Project) -> None:
    found = [one for one in orders.findings.all() if one.kind != "data"]
    assert 4 <= len(found) <= 14
    late = sorted(one.opened_at.date() for one in found if one.kpi == "late_delivery")
    months = orders.kpis.shelf().series("late_delivery", "month")
    assert months is not None
    by_month = dict(zip(months.start.tolist(), months.estimates.value.tolist(), strict=True))
    # One in twenty is late in January, one in five in March, one in twenty in April.
    assert by_month[date(2018, 3, 1)] > 3 * by_month[date(2018, 1, 1)]
    assert by_month[date(2018, 3, 1)] > 3 * by_month[date(2018, 4, 1)]
    assert date(2018, 2, 12) <= late[0] <= date(2018, 3, 19)
    assert any(date(2018, 4, 1) <= day <= date(2018, 5, 14) for day in late)


def test_every_finding_says_what_its_leg_says(orders: Project) -> None:
    for one in orders.findings.all():
        if one.kind == "change":
            leg = one.legs[0]
            assert leg.difference is not None
            assert ("up" in one.title) == (leg.difference > 0), one.title
