"""Registers one task for each dataset of reasoning-gym, from a table: nothing of reasoning-gym is imported for that."""

from skillfactory_core import hookimpl
from skillfactory_core.task import Task
from skillfactory_reasoning_gym.task import tasks


@hookimpl
def register_tasks() -> list[Task]:
    return list(tasks())
