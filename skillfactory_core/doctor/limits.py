"""What the limits of a run cut."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from skillfactory_core import registry
from skillfactory_core.arms import asked_with
from skillfactory_core.doctor.finding import Finding
from skillfactory_core.engines.transformers import prompt_ids
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run
from skillfactory_core.stages.grpo import ask
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.rearrange import lessons
from skillfactory_core.trainer import Lesson

LENGTHS = 20_000
"traces of a run that are measured, at most: the first ones"
MOST_CUT = 0.05
"share of texts beyond a limit that counts as a fault"


def limits(tokenizer: Any, prompts: PromptSet, run: Run | None) -> Iterator[Finding]:
    """What the limits of a run cut."""
    from skillfactory_core.trainers.trl import tokens_of

    if run is None:
        yield Finding("lengths", "not checked", "there is no run", "name one with --run")
        return
    config = run.config
    traces = [len(tokens_of(tokenizer, Lesson(*lesson))) for lesson in islice(lessons(run), LENGTHS)]
    yield share("traces", traces, config.sft.context, "sft.context", "sf rearrange")
    task = task_of(config)
    tags = registry.find_tags(config.tags)
    for what, arm in {
        "prompts": "sft",
        **({"prompts that explain": "rl-instructed"} if config.instructed else {}),
    }.items():
        used = asked_with(arm, prompts, tags)
        asked = (ask(problem, used, task.answer_kind).messages for problem in run.problems("rl", task.variant))
        lengths = [len(prompt_ids(tokenizer, list(messages))) for messages in asked]
        yield share(what, lengths, config.grpo.max_prompt, "grpo.max_prompt", "sf sample")
    for folder in sorted({part.parent for part in (run.folder / "8-evaluation").glob("*-*/*.parquet")}):
        finishes = [finish for (finish,) in run.responses(*folder.name.rsplit("-", 1)).every("finish")]
        cuts, most = finishes.count("length"), config.evaluate_sampling.max_tokens
        what = f"{cuts:,} of {len(finishes):,} responses cut at {most:,} tokens"
        # No fault: how long a model goes on is what it has learnt.
        do = "if 'end' is ok, raise evaluate_sampling.max_tokens" if cuts > MOST_CUT * len(finishes) else ""
        yield Finding(f"responses {folder.name}", "ok", what, do)


def share(what: str, lengths: Sequence[int], limit: int, setting: str, command: str) -> Finding:
    """How many texts are longer than a limit, which leaves them out."""
    if not lengths:
        return Finding(what, "not checked", f"the run has no {what}", f"{command} makes them")
    long = sum(length > limit for length in lengths)
    told = f"{long:,} of {len(lengths):,} ({long / len(lengths):.1%}) longer than {setting} = {limit:,} tokens"
    high = long > MOST_CUT * len(lengths)
    do = f"raise {setting}" if high else ""
    return Finding(what, "failed" if high else "ok", f"{told}; the longest has {max(lengths):,}", do)
