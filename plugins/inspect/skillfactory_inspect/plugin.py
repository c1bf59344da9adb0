"""What inspect_ai loads: tasks, scorers and the model provider are registered by being imported."""

from skillfactory_inspect.provider import SkillFactoryAPI
from skillfactory_inspect.scorers import grade, skill_use
from skillfactory_inspect.tasks import TASKS

__all__ = ["TASKS", "SkillFactoryAPI", "grade", "skill_use"]
