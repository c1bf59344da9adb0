"""Check a task: what `sf check` does, as one call of a test."""

from skillfactory_core import registry
from skillfactory_core.check.run import check_task as findings_of
from skillfactory_core.check.subject import Settings
from skillfactory_core.task import Task
from skillfactory_core.testing.demand import demand


def check_task(
    task: Task, problems: int = 50, seed: int = 0, most_trivial: float = 0.5, open_ended: bool = False
) -> None:
    """Every check of `sf check` on every variant, with all prompt sets and tag formats that are installed.

    The settings are those of the command: problems of each variant, their seed, the share of them that an answer
    without skill may solve, and whether any text may stand beside a right answer.
    """
    tags = [record for record, _ in registry.registered(registry.TAGS).values()]
    prompts = [record for record, _ in registry.registered(registry.PROMPTS).values()]
    settings = Settings(problems, seed, most_trivial, open_ended)
    found = list(findings_of(task, settings, tags, prompts))
    failed = [f"{finding.check} ({finding.variant}): {finding.what}" for finding in found if finding.state == "failed"]
    demand(
        not failed, f"task '{task.name}': {len(failed)} of {len(found)} checks failed; the first, {''.join(failed[:1])}"
    )
