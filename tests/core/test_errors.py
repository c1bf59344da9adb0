"""Failed look-ups say what was asked, what is near, and which command lists what there is."""

from skillfactory_core.errors import not_found


def test_the_nearest_name_is_suggested() -> None:
    error = not_found("task", "contdown", ["countdown", "csqa"], "tasks")
    assert str(error) == "no task named 'contdown': did you mean 'countdown'? (sf tasks)"


def test_without_a_near_name_only_the_command_is_given() -> None:
    assert str(not_found("task", "zzz", ["countdown"], "tasks")) == "no task named 'zzz' (sf tasks)"


def test_a_note_comes_last() -> None:
    assert str(not_found("task", "zzz", [], "tasks", "; mind the gap")).endswith("(sf tasks); mind the gap")
