"""Entries of reasoning-gym as JSON text and back: tuples, sets and keys that are no text come back as what they were.

Nothing but texts, numbers, lists, tuples, sets and dictionaries comes out of it, whatever the text holds.
"""

import json
from typing import Any

TUPLE, SET, PAIRS = "!tuple", "!set", "!pairs"


def write(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def read(text: str) -> Any:
    return json.loads(text, object_hook=whole)


def plain(value: Any) -> Any:
    """A value that JSON has."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, dict):
        if all(type(key) is str for key in value):
            return {key: plain(each) for key, each in value.items()}
        return {PAIRS: [[plain(key), plain(each)] for key, each in value.items()]}
    if isinstance(value, tuple):
        return {TUPLE: [plain(each) for each in value]}
    if isinstance(value, set | frozenset):
        return {SET: sorted((plain(each) for each in value), key=repr)}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if hasattr(value, "tolist"):  # a number or an array of numpy
        return plain(value.tolist())
    for kind in (bool, int, float, str):
        if isinstance(value, kind):  # a member of an enumeration
            return kind(value)
    return str(value)


def whole(found: dict[str, Any]) -> Any:
    """An object of JSON as the value that it stands for."""
    if len(found) != 1:
        return found
    ((mark, inner),) = found.items()
    if not isinstance(inner, list):
        return found
    if mark == TUPLE:
        return tuple(inner)
    if mark == SET:
        return set(inner)
    return dict(inner) if mark == PAIRS else found
