"""The kit for authors of plugins: checks to call in a test, a scripted engine, and runs that take a second.

Every check returns nothing, or raises an AssertionError whose one line says what does not hold. Any test runner will do.
"""

from skillfactory_core.engines.scripted import ScriptedEngine
from skillfactory_core.testing.cases import Case, case_name, check_case, check_table, read_cases
from skillfactory_core.testing.engine import check_engine, plain_requests
from skillfactory_core.testing.exporter import check_exporter
from skillfactory_core.testing.guesser import Guesser
from skillfactory_core.testing.plug import check_plugin, plugged
from skillfactory_core.testing.prompts import check_prompt_set
from skillfactory_core.testing.run import small_run, temporary_run
from skillfactory_core.testing.skill import check_skill
from skillfactory_core.testing.still import StillTrainer
from skillfactory_core.testing.strategy import check_strategy
from skillfactory_core.testing.tags import check_tag_format
from skillfactory_core.testing.task import check_task
from skillfactory_core.testing.trainer import check_trainer

__all__ = [
    "Case",
    "Guesser",
    "ScriptedEngine",
    "StillTrainer",
    "case_name",
    "check_case",
    "check_engine",
    "check_exporter",
    "check_plugin",
    "check_prompt_set",
    "check_skill",
    "check_strategy",
    "check_table",
    "check_tag_format",
    "check_task",
    "check_trainer",
    "plain_requests",
    "plugged",
    "read_cases",
    "small_run",
    "temporary_run",
]
