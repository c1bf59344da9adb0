"""What Python forgets and the source says: the string under a field, and annotations and defaults as they were written."""

import ast
import inspect
from functools import cache
from textwrap import dedent
from typing import Any

LONGEST = 100
"characters of a signature on one line"


def field_notes(owner: type) -> dict[str, str]:
    """field -> the string under it; of the class and of those it derives from."""
    notes: dict[str, str] = {}
    for each in reversed(owner.__mro__):
        if each.__module__.startswith("skillfactory"):
            notes |= own_notes(each)
    return notes


@cache
def own_notes(owner: type) -> dict[str, str]:
    (body,) = ast.parse(dedent(inspect.getsource(owner))).body
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(note, ast.Expr):
            notes[field.target.id] = inspect.cleandoc(str(ast.literal_eval(note.value)))
    return notes


def annotations(owner: type) -> dict[str, str]:
    """field -> its type as the source writes it."""
    (body,) = ast.parse(dedent(inspect.getsource(owner))).body
    assert isinstance(body, ast.ClassDef)
    fields = [f for f in body.body if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)]
    return {f.target.id: ast.unparse(f.annotation) for f in fields if isinstance(f.target, ast.Name)}


def signature(function: Any) -> str:
    """As the source writes it, one argument on each line where there are many."""
    (source,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(source, ast.FunctionDef) and source.returns is not None
    given = source.args
    values = [""] * (len(given.args) - len(given.defaults)) + [f" = {ast.unparse(value)}" for value in given.defaults]
    words = [f"{ast.unparse(one)}{value}" for one, value in zip(given.args, values, strict=True)]
    words += [f"{stars}{ast.unparse(rest)}" for stars, rest in (("*", given.vararg), ("**", given.kwarg)) if rest]
    line, returned = ", ".join(words), ast.unparse(source.returns).replace("'", "")
    if len(line) > LONGEST:
        line = "".join(f"\n    {word}," for word in words) + "\n"
    return f"({line}) -> {returned}"
