"""CommonsenseQA: everyday questions with five choices."""

import attrs

from skillfactory_core import hookimpl
from skillfactory_core.task import Task
from skillfactory_tasks.choice import ChoiceTask


@attrs.frozen(kw_only=True)
class Csqa(ChoiceTask):
    """Any set of questions with choices; by default the published one, whose test split has no answers."""

    name = "csqa"
    summary = "everyday questions with five choices (CommonsenseQA)"

    source: str = "tau/commonsense_qa"
    evaluation_split: str = "validation"
    answer_column: str = "answerKey"


@hookimpl
def register_tasks() -> list[Task]:
    return [Csqa()]
