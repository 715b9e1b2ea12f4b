"""A small project without data, fresh for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from heedful.definitions import template
from heedful.project import Project


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose ledger is made; copying it is quicker than making it."""
    root = tmp_path_factory.mktemp("projects") / "shop"
    template.create(root, "saas")
    Project(root).ledger.engine.dispose()
    return root


@pytest.fixture
def project(empty: Path, tmp_path: Path) -> Project:
    return Project(Path(shutil.copytree(empty, tmp_path / "shop")))
