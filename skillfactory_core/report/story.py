"""Story: what the run did, step by step, told from the stage summaries; whatever is missing is simply not told."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from markupsafe import Markup

from skillfactory_core.arms import FROM_BASE
from skillfactory_core.attempt import UNCHECKED
from skillfactory_core.config import Config
from skillfactory_core.method import Method
from skillfactory_core.report.charts import Share, split_chart

Counts = Mapping[str, Any]


@attrs.frozen
class Chapter:
    """One step of the method in words."""

    stage: str
    title: str
    text: str


CHAPTERS = (
    Chapter(
        "problems",
        "Pose",
        "The task makes problems for training, for reinforcement learning and for evaluation. No two sets share one.",
    ),
    Chapter(
        "sample",
        "Attempt",
        "The model tries each training problem many times, asked in several ways.",
    ),
    Chapter(
        "grade",
        "Grade",
        "The task checks every answer. Wrong attempts stay: a trace needs something to recover from.",
    ),
    Chapter(
        "reflect",
        "Reflect",
        "The same model criticises each attempt and gives a verdict. Only reflections whose verdict is true are kept.",
    ),
    Chapter(
        "rearrange",
        "Rearrange",
        "Attempts, with the reflections on them if there are any, are put in order: these are the texts to learn.",
    ),
    Chapter(
        "sft",
        "Fine-tune",
        "The model learns to write such traces. This installs the habit; it need not make it more accurate.",
    ),
    Chapter(
        "grpo",
        "Reinforce",
        "Only a right final answer is rewarded. The model finds out by itself when the habit pays.",
    ),
    Chapter(
        "grpo-rl-only",
        "Reinforce the baseline",
        "The same reinforcement learning from the base model, without traces: what the traces have to beat.",
    ),
    Chapter(
        "grpo-rl-instructed",
        "Reinforce, instructed",
        "The same from the base model, whose prompt explains the tags: what an instruction does in the place of the traces.",
    ),
    Chapter(
        "validate",
        "Choose",
        "Every checkpoint answers problems of a split of its own. The best is evaluated beside the last.",
    ),
    Chapter(
        "evaluate",
        "Evaluate",
        "Every method answers the same unseen problems, of the known difficulty and of others.",
    ),
)
DROPPED = {
    "untrue": "verdict was not true",
    "no_verdict": "no clear verdict",
    "cut": "cut off",
    "empty": "empty",
    "tags": "stray tags",
    "error": "failed",
}
LENGTH = re.compile(r"traces_of_\d+$")
IN_BARS = ("right", "wrong", "unchecked", "graded", "kept", "reflections")


@attrs.frozen
class Step:
    """One chapter as the page shows it."""

    chapter: Chapter
    done: bool
    seconds: float | None
    figures: Sequence[tuple[str, str]]
    "what was counted, and how many"
    shares: Sequence[Share]

    def picture(self, label: str = "") -> Markup:
        """The shares as one bar; `label` tells one run from another."""
        key = f"step-{self.chapter.stage}{label and '-'}{label}"
        return split_chart(re.sub(r"[^\w-]", "-", key), self.chapter.title, self.shares) if self.shares else Markup()


def steps(stages: Mapping[str, Counts], config: Config) -> list[Step]:
    """The chapters of a run; the baseline's only where there is one."""
    skipped = {f"grpo-{arm}" for arm in FROM_BASE} - {f"grpo-{arm}" for arm in config.reinforced}
    skipped |= set() if config.grpo.validation else {"validate"}
    if "rearrange" in stages:
        # A method without reflections, or with a teacher's traces, leaves these stages out.
        skipped |= {"sample", "grade", "reflect"} - stages.keys()
    if not config.trains:
        skipped = {chapter.stage for chapter in CHAPTERS} - {"problems", "evaluate"}
    shown = [chapter for chapter in CHAPTERS if chapter.stage in stages or chapter.stage not in skipped]
    of_method = {stage: stages.get(f"{stage}-{config.method}") for stage in ("grpo", "validate")}
    counted = {**stages, **of_method, "evaluate": evaluations(stages)}
    return [step(chapter, counted.get(chapter.stage)) for chapter in shown]


def evaluations(stages: Mapping[str, Counts]) -> Counts | None:
    """The evaluations of all methods as one step."""
    done = [counts for stage, counts in stages.items() if stage.startswith("evaluate")]
    return {"methods": len(done), "seconds": sum(counts.get("seconds") or 0 for counts in done)} if done else None


def step(chapter: Chapter, counts: Counts | None) -> Step:
    if counts is None:
        return Step(chapter, False, None, (), ())
    shares = {"grade": grades, "reflect": reflections, "rearrange": lengths}.get(chapter.stage, nothing)(counts)
    return Step(chapter, True, counts.get("seconds"), list(figures(counts, hide=bool(shares))), shares)


def figures(counts: Counts, hide: bool = False) -> list[tuple[str, str]]:
    """The counts with their names in words. `hide` leaves out those that the bar of shares shows."""
    found = []
    for name, value in counts.items():
        if (
            name in ("seconds", "cpu_seconds", "step", "peak_mb")
            or isinstance(value, bool)
            or not isinstance(value, int | float)
        ):
            continue
        if hide and (name.startswith(("dropped_", "reason_", "traces_of_")) or name in IN_BARS):
            continue
        found.append((name.replace("_", " "), said(value)))
    return found


def said(value: float) -> str:
    """A count as it is, any other figure in three digits."""
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1000 else f"{value:.3g}"


def count(counts: Counts, name: str) -> int:
    value = counts.get(name, 0)
    return int(value) if isinstance(value, int | float) else 0


def grades(counts: Counts) -> list[Share]:
    """Right, wrong, and not checked."""
    right = count(counts, "right")
    unchecked = sum(count(counts, f"reason_{reason}") for reason in UNCHECKED)
    wrong = count(counts, "graded") - right - unchecked
    return [
        Share("right", "right", right),
        Share("wrong", "wrong", max(0, wrong)),
        Share("not checked", "other", unchecked),
    ]


def reflections(counts: Counts) -> list[Share]:
    """Kept, and why the others were not."""
    dropped = [(name, count(counts, name)) for name in counts if name.startswith("dropped_")]
    reasons = [(DROPPED.get(name.removeprefix("dropped_"), name), number) for name, number in dropped]
    rest = [Share(f"dropped: {reason}", f"drop-{place % 3}", number) for place, (reason, number) in enumerate(reasons)]
    return [Share("kept", "right", count(counts, "kept")), *rest]


def lengths(counts: Counts) -> list[Share]:
    """Traces by their number of attempts."""
    found = sorted((int(name.removeprefix("traces_of_")), count(counts, name)) for name in counts if LENGTH.match(name))
    return [Share(f"{n} attempt{'s' if n > 1 else ''}", f"length-{min(n, 5)}", number) for n, number in found]


def nothing(counts: Counts) -> list[Share]:
    return []


def opening(stages: Mapping[str, Counts], config: Config, method: Method) -> str:
    """Two plain sentences: what the run's method did, or does where it is not there yet."""
    if not config.trains:
        return f"This run trains nothing. It evaluates the model {config.model} as it is."
    attempts, kept = count(stages.get("sample", {}), "attempts"), count(stages.get("reflect", {}), "kept")
    traces = count(stages.get("rearrange", {}), "traces")
    first = (
        "SkillFactory rearranges a model's own right and wrong attempts, and its own true reflections on them, "
        "into traces that try, check and try again, and fine-tunes the model on these"
    )
    if attempts and kept and traces:
        tuned = "fine-tuned the model on these" if "sft" in stages else "will fine-tune the model on these"
        first = (
            f"From {attempts:,} of the model's own attempts, right and wrong, and {kept:,} of its own true reflections "
            f"on them, SkillFactory made {traces:,} traces that try, check and try again, and {tuned}"
        )
    if config.method != attrs.fields(Config).method.default:
        made = f"; {traces:,} traces came of it" if traces else ""
        first = f"This run fine-tunes the model by {method.title} ({method.summary}){made}"
    done = f"grpo-{config.method}" in stages
    second = f"Reinforcement learning that reward{'ed' if done else 's'} nothing but a right final answer then "
    own = config.method == attrs.fields(Config).method.default
    second += (
        f"{'taught' if done else 'teaches'} it when to use that habit" if own else "follows" if not done else "followed"
    )
    baseline = "; the same reinforcement learning without traces is the baseline" if config.baselines else ""
    return f"{first}. {second}{baseline}."
