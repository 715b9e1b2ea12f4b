"""What fields of project files are for: the text that stands below each in its model.

It is read from the source when somebody asks, which few runs of the program do.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.definitions.fields import Model


def wording(model: type[Model], field: str) -> str:
    """What a field is for; nothing where its model does not say.

    Args:
        model: A model.
        field: The name of one of its fields.

    >>> from heedful.definitions.rules import Rules
    >>> wording(Rules, "session_gap_minutes")
    'Minutes without an event that end a session.'
    """
    for one in model.__mro__:
        found = _texts(one.__module__).get(one.__name__, {}).get(field)
        if found:
            return found
    return ""


@cache
def _texts(module: str) -> Mapping[str, Mapping[str, str]]:
    """The text below each field, by class and field."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):
        return {}
    return {
        node.name: {
            field.target.id: inspect.cleandoc(text.value.value)
            for field, text in itertools.pairwise(node.body)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        }
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
