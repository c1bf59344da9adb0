"""Unchanged: refuse to go on with a run whose prompts, phrases or task are not those that it began with."""

import json
from hashlib import sha256
from pathlib import Path

from skillfactory_core.choices import Choices
from skillfactory_core.deadline import on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import Run, write_text
from skillfactory_core.stages.problems import task_of


def check_words(run: Run, c: Choices) -> None:
    """Prompts and phrases can lie in files of the user: refuse to go on with others than the run began with."""
    taught = Path(run.config.teacher).read_bytes() if run.config.teacher else b""
    explained = repr(c.prompts.instruct).encode() if run.config.instructed else b""
    words = sha256(repr((c.prompts, c.banks, c.tags, c.strategy)).encode() + taught + explained).hexdigest()
    manifest = run.manifest()
    if "words" not in manifest:
        write_text(run.folder / "manifest.json", json.dumps({**manifest, "words": words}, indent=2) + "\n")
    elif manifest["words"] != words:
        raise SkillFactoryError(
            f"{run.folder} was started with other prompts, phrases, tags or teacher's traces (prompts = "
            f"{run.config.prompts!r}, phrases = {run.config.phrases!r}); put those files back, or start a new run "
            "with --name"
        )


def check_task(run: Run) -> None:
    """So can the task: refuse to go on where it asks otherwise than it did, for the attempts are at what was asked."""
    task = task_of(run.config)
    if (run.finished("problems") or {}).get("imported"):
        return
    first = next(iter(run.problems("train", task.variant)), None)
    if first is None:
        return
    with on(first.key):
        now = task.question(first.params)
    if now != first.question:
        raise SkillFactoryError(
            f"{run.folder} was started when task '{task.name}' asked {first.question!r:.80}, and now it asks {now!r:.80}; "
            "put that back, or start a new run with --name"
        )
