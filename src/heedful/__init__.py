"""Heedful measures how much heed a company pays to its customers."""

from heedful.definitions.problem import Problem, ProjectError
from heedful.project import NotFoundError, Project, open  # noqa: A004 - heedful.open

__all__ = ["NotFoundError", "Problem", "Project", "ProjectError", "open"]
__version__ = "0.1.0"
