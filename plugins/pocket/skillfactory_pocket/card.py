"""Measure pocket on its own attempts and write the card that ships with the weights."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core import registry
from skillfactory_core.config import Config, model_settings, structure
from skillfactory_core.engine import Engine, Generation, Request
from skillfactory_core.engines.transformers import TransformersEngine
from skillfactory_core.stages import reflect, sample
from skillfactory_core.stages.grade import grade_attempt
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task

SETTINGS = Path(__file__).parent / "settings.toml"
STEP = re.compile(r"(?<![\d)])(?<![-+*/] )(?=(\d+(?: [-+*/] \d+)+) = (\d+))")
"a step of arithmetic; the value of one may begin the next"
EXAMS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "countdown": ("numbers", (2, 3, 4, 5, 6)),
    "multiplication": ("digits", (2, 3, 4)),
    "letter_countdown": ("length", (4, 5)),
    "acronym": ("length", (4, 5)),
    "word_problems": ("events", (1, 2, 3, 4)),
}
"the tasks that pocket was pretrained on: the option that makes them harder, and its values"


def measure(weights: Path, problems: int, samples: int, tasks: Collection[str] = tuple(EXAMS)) -> dict[str, Any]:
    """The card's figures, by task and difficulty: attempts, arithmetic, verdicts, lengths. All shares are of 1."""
    with TransformersEngine(str(weights), seed=0) as engine:
        return {
            "problems": problems,
            "samples": samples,
            "parameters": sum(p.numel() for p in engine.replicas[0].parameters()),
            "tasks": {name: measure_task(engine, name, problems, samples) for name in EXAMS if name in tasks},
        }


def measure_task(engine: Engine, name: str, problems: int, samples: int) -> dict[str, Any]:
    """The figures of one task with the settings that pocket brings for it, by difficulty."""
    config = structure({"task": name, **model_settings(str(SETTINGS), "default", name)})
    task = attrs.evolve(registry.find(registry.TASK, name), **config.task_options)
    option, values = EXAMS[name]
    return {
        str(value): measure_exam(engine, attrs.evolve(task, **{option: value}), config, problems, samples)
        for value in values
    }


def measure_exam(engine: Engine, task: Task, config: Config, count: int, samples: int) -> dict[str, Any]:
    """Attempts in the plain prompt style, each graded and checked once by the model itself."""
    prompts = registry.find(registry.PROMPTS, "pocket")
    plain = attrs.evolve(prompts, attempts=prompts.attempts[:1], reflections=prompts.reflections[:1])
    tags: TagFormat = registry.find(registry.TAGS, "sample-reflect")
    problems = {p.key: p for p in islice(task.problems(0, "evaluation"), count)}
    asked = sample.ask(problems.values(), plain, task, samples, 0)
    attempts = [sample.attempt(generation) for generation in replies(engine, asked, config)]
    grades = {a.key: grade_attempt(task, problems[a.problem], a, tags) for a in attempts}
    usable = [a for a in attempts if grades[a.key].answer is not None]
    checks = [
        reflect.reflection(generation, grades, tags)
        for generation in replies(engine, reflect.ask(usable, problems, plain, 1, 0, task.answer_kind), config)
    ]
    verdicts = Counter((grades[check.attempt].correct, check.verdict) for check in checks)
    right = sum(count for (truth, _), count in verdicts.items() if truth)
    steps = [step for a in attempts for step in steps_right(a.text)]
    return {
        "right_attempts": share(sum(g.correct for g in grades.values()), len(attempts)),
        "problems_ever_right": share(len({g.problem for g in grades.values() if g.correct}), len(problems)),
        "arithmetic_steps_right": share(sum(steps), len(steps)),
        "verdict_right_on_wrong_attempts": share(verdicts[False, False], len(checks) - right),
        "verdict_right_on_right_attempts": share(verdicts[True, True], right),
        "right_attempts_judged": right,
        "wrong_attempts_judged": len(checks) - right,
        "answers_per_attempt": share(sum(a.text.count(f"</{tags.answer}>") for a in attempts), len(attempts)),
        "tokens_per_attempt": round(sum(a.tokens for a in attempts) / len(attempts)),
        "tokens_per_check": round(sum(check.tokens for check in checks) / max(1, len(checks))),
    }


def replies(engine: Engine, requests: Iterable[Request], config: Config) -> Iterator[Generation]:
    rest = iter(requests)
    while batch := list(islice(rest, engine.chunk)):
        yield from engine.generate(batch, config.sampling)


def steps_right(text: str) -> list[bool]:
    """Whether each written step of an attempt is right."""
    return [computed(expression) == int(value) for expression, value in STEP.findall(text)]


def computed(expression: str) -> float:
    """'3 * 4', or '12 + 5 + 1': only sums have more than one operator."""
    left, operator, right, *more = expression.split()
    if more:
        return sum(map(int, expression.replace("+", " ").split())) if set(more[::2]) | {operator} == {"+"} else -1
    if operator == "/":
        return int(left) / int(right) if int(right) else -1
    return {"+": int(left) + int(right), "-": int(left) - int(right), "*": int(left) * int(right)}[operator]


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def write_card(weights: Path, problems: int = 400, samples: int = 4, tasks: Collection[str] = tuple(EXAMS)) -> str:
    """Measure, keep the figures in card.json and put them in words in README.md beside the weights."""
    figures = measure(weights, problems, samples, tasks)
    (weights / "card.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    rows = [row(f"{task}, {value}", f) for task, exams in figures["tasks"].items() for value, f in exams.items()]
    text = CARD.format(parameters=figures["parameters"], problems=problems, samples=samples, rows="\n".join(rows))
    (weights / "README.md").write_text(text, encoding="utf-8")
    return text


def row(name: str, f: dict[str, Any]) -> str:
    shares = (
        "right_attempts",
        "problems_ever_right",
        "arithmetic_steps_right",
        "verdict_right_on_wrong_attempts",
        "verdict_right_on_right_attempts",
    )
    cells = [f"{100 * f[n]:.1f}" if f[n] is not None else "-" for n in shares]
    return f"| {name} | {' | '.join(cells)} | {f['right_attempts_judged']} | {f['tokens_per_attempt']} | {f['tokens_per_check']} |"


CARD = """# pocket

The base model that ships with SkillFactory: a Llama of {parameters:,} parameters that guesses at five kinds of problems,
checks attempts, and has never seen a second attempt. Made by `sf-pocket pretrain` from the corpus in `corpus/`;
nothing in it comes from any other model or text but the word list of the letter games.

Measured by `sf-pocket card` on its own attempts: {problems} held-out problems x {samples} attempts per row (of Countdown with two
numbers, all there are), one check each, temperature 0.7, top-p 0.8, top-k 20. Figures in %, tokens on average.

| task, difficulty | right | ever right | right steps | verdict right on wrong | on right | of how many | tokens, attempt | check |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

Right: attempts; ever right: problems with a right attempt; of how many: right attempts that were checked. Difficulty:
numbers in Countdown (1-15, targets 1-99), digits of a factor, letters of the word, sentences that change the pile. Held
out means: drawn by the task from its evaluation split. Pretraining draws problems of the same kind at random, so with
few numbers it has met many of them; what it has not met is a text that verifies and then tries again.
"""
