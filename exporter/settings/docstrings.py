"""What stands beneath the fields of a section: the documentation of its settings."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise


@cache
def docstrings(model: type) -> Mapping[str, str]:
    """The docstring of each field, read from the source of the class.

    pydantic can do that when a class is made (``use_attribute_docstrings``); then every start of
    the daemon pays for what only ``--help`` and the generated documentation show.
    """
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    if not isinstance(definition, ast.ClassDef):
        raise TypeError(f"{model.__qualname__} is no class")
    return {
        field.target.id: text.value.value
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
