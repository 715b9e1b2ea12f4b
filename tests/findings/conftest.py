"""The simulated company, imported and measured; and a small shop that any test may break."""

from __future__ import annotations

from pathlib import Path

import pytest

from heedful.cli.demonstration import annotate
from heedful.demo import Truths, simulate
from heedful.project import Project

CUSTOMERS = 7_000


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Truths]:
    """A year of the simulated company with what was planted in it, looked at once."""
    root: Path = tmp_path_factory.mktemp("findings") / "company"
    truths = simulate(root, customers=CUSTOMERS)
    project = Project(root)
    assert list(project.tables.import_())
    annotate(project)
    project.refresh()
    project.findings.refresh()
    return project, truths
