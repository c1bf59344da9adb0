"""Entries go through JSON text and come back as they were."""

from typing import Any

import pytest

from skillfactory_reasoning_gym import wire


@pytest.mark.parametrize(
    "value",
    [
        {"a": (1, (2, "b")), "c": {1: "d", (2, 3): None}, "e": {"f"}, "g": [1.5, True, None]},
        {"!tuple": 1, "other": 2},
        {},
        (),
        {1: {2: {3: ()}}},
        "\ud7ff\n",
    ],
)
def test_a_value_comes_back(value: Any) -> None:
    assert wire.read(wire.write(value)) == value


@pytest.mark.parametrize("text", ['{"!tuple": 1}', '{"!set": {"a": 1}}', '{"!pairs": "ab"}'])
def test_a_mark_around_something_else_is_an_object(text: str) -> None:
    assert isinstance(wire.read(text), dict)


def test_numbers_of_numpy_become_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    assert wire.read(wire.write({"a": numpy.float64(1.5), "b": numpy.array([[1, 2]])})) == {"a": 1.5, "b": [[1, 2]]}
