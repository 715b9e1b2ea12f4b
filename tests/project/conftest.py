"""A small project without data, fresh for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from heedful.definitions import template
from heedful.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "shop"
    template.create(root, "saas")
    return Project(root)
