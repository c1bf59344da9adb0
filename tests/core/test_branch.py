"""Counterfactuals: responses cut after a reflection, with the verdict kept, swapped or dropped, and what comes of each."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from conftest import Outcome

from skillfactory_core import registry
from skillfactory_core.branch import cuts
from skillfactory_core.choices import choose
from skillfactory_core.counterfactual import effects
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.run import Run, open_run
from skillfactory_core.stages.branch import branch, branches_of, chosen
from skillfactory_core.stages.evaluate import Examiner
from skillfactory_core.stages.problems import exams_of
from skillfactory_core.table import Table

TAGS = registry.find_tags("sample-reflect")
Sf = Callable[..., Outcome]


def checked(answer: str, verdict: str) -> str:
    return (
        f"<sample>Try. <answer>{answer}</answer></sample>\n<reflect>I looked. <verdict>{verdict}</verdict></reflect>\n"
    )


TEXT = f"<think>\n{checked('1 + 1', 'Incorrect')}{checked('2 + 2', 'Correct')}</think>\n<answer>2 + 2</answer>"


def test_a_response_can_be_cut_after_every_clear_verdict() -> None:
    found = cuts(TEXT, TAGS)
    assert [(cut.answer, cut.verdict) for cut in found] == [("1 + 1", False), ("2 + 2", True)]
    assert all(TEXT.startswith(cut.begun) and cut.begun.endswith("</reflect>\n") for cut in found)


def test_what_is_kept_is_token_by_token_what_the_model_wrote() -> None:
    """Or else a model goes on from something that it never saw: pocket has a token for `</reflect>` with its line's end."""
    from skillfactory_core.engines.transformers import load_tokenizer

    tokenizer = load_tokenizer(registry.find(registry.MODEL, "pocket").path)
    tokens = tokenizer(TEXT)["input_ids"]
    for cut in cuts(TEXT, TAGS):
        begun = tokenizer(cut.begun)["input_ids"]
        assert begun == tokens[: len(begun)]


def test_a_verdict_is_kept_swapped_or_dropped_and_nothing_else_changes() -> None:
    first, second = cuts(TEXT, TAGS)
    assert first.changed("kept", TAGS) == first.begun
    assert first.changed("swapped", TAGS) == first.begun.replace("Incorrect", "Correct")
    assert first.changed("dropped", TAGS).endswith("<reflect>I looked.</reflect>\n")
    assert second.changed("swapped", TAGS).endswith("<verdict>Incorrect</verdict></reflect>\n")
    assert second.changed("swapped", TAGS).count("Incorrect") == 2


@pytest.mark.parametrize(
    "text",
    [
        "no tags at all",
        "<think><sample>1</sample><reflect>I looked, and stop",
        "<think><sample>1</sample><reflect>Well.</reflect></think>",
        "<think><sample>1</sample><reflect><verdict>Perhaps</verdict></reflect></think>",
        "<think><sample>1</sample><reflect><verdict>Correct</verdict><verdict>Incorrect</verdict></reflect></think>",
        "<think><reflect><verdict>Correct</verdict></reflect></think>",
        f"<think></think>{checked('1', 'Correct')}",
    ],
)
def test_what_has_no_clear_verdict_on_an_attempt_is_not_cut(text: str) -> None:
    assert cuts(text, TAGS) == []


class Obedient(Engine):
    """Does what the verdict says: after Correct it answers with what it tried last, otherwise it tries the solution of `SOLVED`."""

    name = "obedient"
    summary = "for tests"

    def __init__(self, solutions: dict[str, str]) -> None:
        super().__init__("", 0)
        self.solutions = solutions
        self.asked: list[str] = []

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        for request in requests:
            self.asked.append(request.key)
            verdict = request.prefix.rpartition("<verdict>")[2]
            tried = TAGS.parse(request.prefix).tries[-1].answer
            dropped = request.prefix.endswith("I looked.</reflect>\n")
            stops = verdict.startswith("Correct") and not dropped
            answer = tried if stops else self.solutions[request.messages[-1]["content"]]
            more = "" if stops else checked(str(answer), "Correct")
            text = f"{request.prefix}{more}</think>\n<answer>{answer}</answer>"
            yield Generation(request.key, text, 9, "stop")


@pytest.fixture
def cut(copied: Path) -> Run:
    """A run whose fine-tuned model has tried something wrong first, half the time without noticing."""
    run = open_run(copied)
    for exam in ("3", "4"):
        table = run.responses("sft", exam)
        rows = table.read(0)
        shutil.rmtree(table.folder)
        texts = {
            k: f"<think>\n{checked('1 + 1', ('Correct', 'Incorrect')[k % 2])}</think>\n<answer>1</answer>"
            for k in range(99)
        }
        Table(table.folder, table.record).finish(
            0, [attrs.evolve(row, text=texts[row.k], finish="stop") for row in rows]
        )
    return run


def examiner(run: Run) -> Examiner:
    from skillfactory_core.stages.grpo import ask

    choices = choose(run.config)
    solutions = {}
    for exam in ("3", "4", "5", "6"):
        for problem in run.problems("evaluation", exam):
            task = registry.find(registry.TASK, "countdown")
            asked = ask(problem, choices.prompts, task.answer_kind).messages[-1]["content"]
            solutions[asked] = task.reference(problem.params)
    return Examiner(run, "sft", choices.prompts, choices.tags, Obedient(solutions))


def test_the_effect_of_a_verdict_is_that_of_an_obedient_model(cut: Run) -> None:
    branch(examiner(cut), 1000, 2)
    found = {(each["variant"], each["attempts"]): each for each in effects(cut)}
    # All attempts are wrong. Where the model had noticed, it succeeds; swapped, it does so where it had not.
    each = found["3", "all"]
    responses = cut.responses("sft", "3").read(0)
    noticed = sum(response.k % 2 for response in responses) / len(responses)
    assert each["kept"]["success"] == pytest.approx(noticed)
    assert each["swapped"]["success"] == pytest.approx(1 - noticed)
    assert each["dropped"] == {"success": 1.0, "again": 1.0}
    assert each["kept"]["again"] == pytest.approx(noticed)
    assert each["dropping"]["difference"] == pytest.approx(noticed - 1)
    assert each["dropping"]["low"] <= each["dropping"]["difference"] <= each["dropping"]["high"]
    assert ("3", "right") not in found
    assert each == {**found["3", "wrong"], "attempts": "all"}
    assert {exam for exam, _ in found} == {"3", "4"}


def test_branches_are_linked_to_what_they_were_cut_from_and_made_once(cut: Run) -> None:
    first = examiner(cut)
    branch(first, 3, 2, ["3"])
    made = branches_of(cut, "sft", "3").read(0)
    texts = {response.key: response.text for response in cut.responses("sft", "3")}
    assert len(made) == len(first.engine.asked) == 3 * 3 * 2  # type: ignore[attr-defined]
    assert all(one.text.startswith(one.begun) and one.key.startswith(one.response) for one in made)
    assert all(texts[one.response].startswith(one.begun) for one in made if one.change == "kept")
    again = examiner(cut)
    branch(again, 3, 2, ["3"])
    assert not again.engine.asked  # type: ignore[attr-defined]
    branch(again, 4, 2, ["3"])
    assert len(again.engine.asked) == 6  # type: ignore[attr-defined]
    assert {one.key for one in made} < {one.key for one in branches_of(cut, "sft", "3").read(0)}


def test_branches_are_graded_again_with_the_rest(sf: Sf, cut: Run) -> None:
    branch(examiner(cut), 3, 1, ["3"])
    sf("regrade", cut.folder)
    table = branches_of(cut, "sft", "3")
    before = table.read(0)
    table.finish(0, [attrs.evolve(one, correct=not one.correct, truth=not one.truth) for one in before])
    outcome = sf("regrade", cut.folder)
    assert outcome.code == 0, outcome.err
    assert table.read(0) == before


def test_the_same_places_are_chosen_however_many_responses_are_looked_at_together(
    cut: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = examiner(cut)
    exam = exams_of(cut.config)["3"]
    table = cut.responses("sft", "3")
    rows = [attrs.evolve(row, text=row.text if row.k else "no reflection") for row in table.read(0)]
    table.finish(0, rows)
    every = list(chosen(asked, exam, 1000))
    assert len(every) == sum(row.k > 0 for row in rows) == 3
    for number in (1, 2, 3):
        assert list(chosen(asked, exam, number)) == every[:number]
        monkeypatch.setattr("skillfactory_core.stages.branch.LOOK_AT", 1)


def test_responses_without_reflections_are_said_to_have_none(sf: Sf, copied: Path) -> None:
    outcome = sf("counterfactual", copied)
    assert outcome.code == 0, outcome.err
    assert "there is nothing to change" in outcome.out
    assert json.loads((copied / "8-evaluation" / "counterfactual.json").read_text()) == []


def test_a_run_that_was_not_evaluated_is_one_line(sf: Sf, empty: Run) -> None:
    outcome = sf("counterfactual", empty.folder)
    assert outcome.code == 2 and "has no responses to cut: sf evaluate" in outcome.err
