"""Our tasks under inspect_ai: the same problems, prompts and grades as in a run, and one line for what is wrong."""

import sys
from collections import Counter
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.util import registry_create
from replay import evaluated, figures, replaying, said, saying

from skillfactory_core import hookimpl, registry
from skillfactory_core.attempt import Grade
from skillfactory_core.cli import main
from skillfactory_core.engine import Request
from skillfactory_core.results import summarise
from skillfactory_core.run import Run, open_run
from skillfactory_core.stages.grpo import ask
from skillfactory_core.task import Task
from skillfactory_core.testing import Guesser, plugged, temporary_run
from skillfactory_inspect.exam import make_exam
from skillfactory_inspect.tasks import OWN, TASKS

VARIANTS = ("3", "4")
HOSTILE = [
    "",
    "<answer>" * 20_000,
    "</answer></think><answer>",
    "<think>" * 5_000 + "<answer>1</answer>",
    f"<answer>{'(' * 50_000}1{')' * 50_000}</answer>",
    f"<answer>{'9' * 50_000} * {'9' * 50_000}</answer>",
    "<answer>9**9**9**9</answer>",
    "<answer>__import__('os').system('false')</answer>",
    "<answer>\x00\x1b[31m\u202e\U0001f600</answer>",
    "<sample><reflect><verdict>Correct</verdict>" * 2_000,
]


class Thinker(Guesser):
    """A model that guesses twice when it is evaluated, and says of each guess what it likes."""

    def __call__(self, request: Request) -> str:
        if not request.key.startswith("skillfactory/"):
            return super().__call__(request)
        random, said = Random(request.seed), ""
        for _ in range(2):
            guess = super().__call__(attrs.evolve(request, seed=random.randrange(1 << 32)))
            verdict = random.choice(["Correct", "Incorrect", "Perhaps"])
            said += f"<sample>{guess}</sample><reflect><verdict>{verdict}</verdict></reflect>"
        return f"<think>{said}</think>{guess}" if random.random() < 0.9 else said


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A scripted run with responses of a method to two difficulties."""
    folder = tmp_path_factory.mktemp("runs") / "it"
    settings = {"evaluate": {"variants": list(VARIANTS), "problems": 6}}
    return temporary_run(folder, "countdown", settings, Thinker(folder))


def of_run(run: Run, variant: str) -> dict[str, Any]:
    return {"settings": str(run.folder), "variant": variant}


def test_every_installed_task_is_one_of_inspects() -> None:
    installed = {*registry.registered(registry.TASK)}
    assert installed and {*TASKS} == {*installed, "any"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_problems_and_prompts_are_those_of_a_run(run: Run, variant: str) -> None:
    task = TASKS["countdown"](**of_run(run, variant))
    prompts = registry.find(registry.PROMPTS, run.config.prompts)
    kind = registry.find(registry.TASK, "countdown").answer_kind
    wanted = {p.key: [*ask(p, prompts, kind).messages] for p in run.problems("evaluation", variant)}
    found = {s.id: [{"role": m.role, "content": m.text} for m in s.input] for s in task.dataset}
    assert len(wanted) == 6 and found == wanted


def test_problems_prompts_and_sampling_are_those_of_sf_evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = ("--task", "countdown", "--problems", "3", "--prepare", "--name", "it", "--runs", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["sf", "evaluate", "pocket", *about])
    main()
    prepared = open_run(tmp_path / "it")
    exam = make_exam("countdown", {}, settings="pocket", variant=4, problems=3)
    assert list(prepared.problems("evaluation", "4")) == list(exam.problems)
    same = ("task_options", "prompts", "tags", "evaluate_sampling")
    assert [getattr(prepared.config, name) for name in same] == [getattr(exam.config, name) for name in same]


def test_options_and_seed_make_the_problems() -> None:
    base = {s.id: s.metadata["params"] for s in TASKS["countdown"](problems=3).dataset}
    four = TASKS["countdown"](problems=3, numbers=4, largest=20).dataset
    assert all(len(s.metadata["params"]["numbers"]) == 4 for s in four)
    assert all(max(s.metadata["params"]["numbers"]) <= 20 for s in four)
    again = {s.id: s.metadata["params"] for s in TASKS["any"](task="countdown", problems=3).dataset}
    other = {s.id: s.metadata["params"] for s in TASKS["countdown"](problems=3, seed=1).dataset}
    train = {s.id: s.metadata["params"] for s in TASKS["countdown"](problems=3, split="train").dataset}
    assert again == base and other != base and train.keys().isdisjoint(base)


@pytest.mark.parametrize("variant", VARIANTS)
def test_grades_and_figures_are_those_of_the_run(run: Run, variant: str, tmp_path: Path) -> None:
    method = "skillfactory"
    stored = list(run.responses(method, variant))
    exam = make_exam("countdown", {}, **of_run(run, variant))
    log = evaluated(TASKS["countdown"](**of_run(run, variant)), replaying(exam, stored), tmp_path)
    assert log.status == "success" and log.eval.task == "skillfactory/countdown" and log.samples is not None
    assert log.eval.config.epochs == exam.samples == 2
    found = Counter(
        (s.id, s.scores["grade"].value, s.scores["grade"].answer, s.scores["grade"].metadata["reason"])
        for s in log.samples
        if s.scores and s.scores["grade"].metadata
    )
    assert found == Counter((r.problem, "C" if r.correct else "I", r.answer, r.reason) for r in stored)
    ours = summarise(run)["methods"][method][variant]
    assert 0 < ours["accuracy"] < 1
    graded, used = figures(log, "grade"), figures(log, "skill_use")
    assert graded["accuracy"] == pytest.approx(ours["accuracy"])
    assert ours["reflections"] == 2 and 0 < ours["well_formed"] < 1
    alike = {name: ours[name] for name in ("answers", "reflections", "well_formed")}
    alike |= {f"f1_{side}": ours["verdicts"][side]["f1"] for side in ("right", "wrong")}
    assert {name: used[name] for name in alike} == pytest.approx(alike)


def test_the_standard_error_is_by_problem(run: Run, tmp_path: Path) -> None:
    stored = list(run.responses("base", "3"))
    exam = make_exam("countdown", {}, **of_run(run, "3"))
    log = evaluated(TASKS["countdown"](**of_run(run, "3")), replaying(exam, stored), tmp_path)
    shares = [sum(r.correct for r in stored if r.problem == p.key) / exam.samples for p in exam.problems]
    mean = sum(shares) / len(shares)
    squares = sum((share - mean) ** 2 for share in shares)
    assert squares and figures(log, "grade")["stderr"] == pytest.approx(sqrt(squares / (len(shares) - 1) / len(shares)))


def test_verdicts_are_held_against_the_truth(tmp_path: Path) -> None:
    task = TASKS["countdown"](problems=1)
    (sample,) = task.dataset
    right = f"<answer>{sample.target}</answer>"
    tried = [("<answer>1</answer>", "Incorrect"), ("<answer>1</answer>", "Correct"), (right, "Correct")]
    tries = "".join(f"<sample>{a}</sample><reflect><verdict>{v}</verdict></reflect>" for a, v in tried)
    text = f"<think>{tries}</think>{right}"
    log = evaluated(task, saying(lambda _: said(text)), tmp_path, epochs=2)
    used = figures(log, "skill_use")
    assert used == {
        "answers": 3,
        "reflections": 3,
        "well_formed": 1,
        "verdict_agreement": pytest.approx(2 / 3),
        "f1_right": pytest.approx(2 / 3),
        "f1_wrong": pytest.approx(2 / 3),
    }
    assert figures(log, "grade")["accuracy"] == 1


def test_thinking_that_a_provider_took_out_of_the_text_counts(tmp_path: Path) -> None:
    task = TASKS["countdown"](problems=1)
    (sample,) = task.dataset
    inner = "<sample><answer>1</answer></sample><reflect><verdict>Incorrect</verdict></reflect>"
    parts = [ContentReasoning(reasoning=inner), ContentText(text=f"<answer>{sample.target}</answer>")]
    choice = ChatCompletionChoice(message=ChatMessageAssistant(content=parts), stop_reason="stop")
    log = evaluated(
        task, saying(lambda _: ModelOutput(model="m", choices=[choice], usage=ModelUsage())), tmp_path, epochs=1
    )
    assert figures(log, "grade")["accuracy"] == 1
    assert figures(log, "skill_use")["reflections"] == figures(log, "skill_use")["verdict_agreement"] == 1


@pytest.mark.parametrize("task", ["countdown", "multiplication", "letter_countdown", "acronym"])
def test_hostile_responses_are_graded(task: str, tmp_path: Path) -> None:
    texts = iter(HOSTILE)
    model = saying(lambda _: said(next(texts)))
    log = evaluated(TASKS[task](problems=len(HOSTILE)), model, tmp_path, epochs=1)
    assert log.status == "success" and figures(log, "grade")["accuracy"] == 0


def test_what_a_grader_cannot_check_is_not_right_and_says_so(tmp_path: Path) -> None:
    with plugged(Falling(), "falling"):
        task = TASKS["any"](task="falling", problems=2)
        log = evaluated(task, saying(lambda _: said("<answer>1</answer>")), tmp_path)
    assert log.status == "success" and log.samples and log.samples[0].scores
    score = log.samples[0].scores["grade"]
    assert (score.value, score.explanation) == ("I", "crash: could not be checked")


def test_an_option_that_is_named_as_an_argument_has_a_name_of_its_own() -> None:
    with plugged(Falling(), "falling"):
        made = TASKS["any"](task="falling", problems=1, option_seed=7, seed=1)
        assert made.dataset[0].metadata and made.dataset[0].metadata["params"]["number"] % 10 == 7
        assert "option_seed" not in OWN


def test_a_scorer_is_made_again_from_what_a_log_says_of_it() -> None:
    made = TASKS["countdown"](problems=1, numbers=4)
    assert made.scorer
    again: Any = registry_create("scorer", "skillfactory_inspect/grade", task="countdown", options={"numbers": 4})
    assert callable(again)


@attrs.frozen
class Number(Task):
    """A task whose grader raises, with an option that has the name of an argument."""

    name = "falling"
    summary = "a task whose grader raises"
    answer_kind = "a number"

    seed: int = 0

    def make(self, random: Any) -> dict[str, Any]:
        return {"number": 10 * random.randint(0, 999) + self.seed}

    def canonical(self, params: Any) -> str:
        return str(params["number"])

    def question(self, params: Any) -> str:
        return f"Say {params['number']}."

    def reference(self, params: Any) -> str:
        return str(params["number"])

    def grade(self, params: Any, answer: str) -> Grade:
        raise ZeroDivisionError(answer)


class Falling:
    """A plugin with that task."""

    @hookimpl
    def register_tasks(self) -> list[Task]:
        return [Number()]
