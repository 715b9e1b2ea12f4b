"""The door to a project: rooms named as nouns, each with its own few verbs."""

from heedful.project.missing import NotFoundError
from heedful.project.project import CATALOGUE, Project, check, open  # noqa: A004 - heedful.open

__all__ = ["CATALOGUE", "NotFoundError", "Project", "check", "open"]
