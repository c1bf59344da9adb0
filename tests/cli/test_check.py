"""sf check: a sound task passes, and of every way to be broken the right check tells the first case."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from conftest import call

from skillfactory_core import registry
from skillfactory_core.attempt import Grade
from skillfactory_core.check import problems as check_problems
from skillfactory_core.check import subject
from skillfactory_core.check.poison import CANARY, another, changed, was_run
from skillfactory_core.check.run import CHECKS, Finding, check_task
from skillfactory_core.check.subject import Settings
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.problem import Problem
from skillfactory_core.prompts import Prompt, PromptSet
from skillfactory_core.tags import TagFormat
from skillfactory_core.task import Task

SF = Path(sys.executable).with_name("sf")
TAGS = [registry.find(registry.TAGS, "sample-reflect")]
PROMPTS = [record for record, _ in registry.registered(registry.PROMPTS).values()]
SMALL = Settings(problems=40)
Params = Mapping[str, Any]


@attrs.frozen
class Sum(Task):
    """Add two numbers; nothing is wrong with it."""

    name = "sum"
    summary = "the sum of two numbers"
    answer_kind = "a whole number"

    def make(self, random: Random) -> dict[str, Any]:
        a, b = random.randint(0, 9_999), random.randint(0, 9_999)
        return {"a": a, "b": b, "solution": str(a + b)}

    def canonical(self, params: Params) -> str:
        return f"{params['a']} + {params['b']}"

    def question(self, params: Params) -> str:
        return f"What is {params['a']} plus {params['b']}?"

    def reference(self, params: Params) -> str:
        return str(params["a"] + params["b"])

    def grade(self, params: Params, answer: str) -> Grade:
        if not answer.strip():
            return Grade(False, None, "no_answer")
        right = answer.strip() == str(params["a"] + params["b"])
        return Grade(right, answer, "ok" if right else "wrong")

    def solve(self, params: Params) -> str | None:
        return str(params["a"] + params["b"])

    def trivial(self, params: Params) -> Mapping[str, str]:
        return {"the first number": str(params["a"])}


def check(
    task: Task, settings: Settings = SMALL, tags: list[TagFormat] = TAGS, prompts: list[PromptSet] = PROMPTS
) -> dict[str, Finding]:
    """check -> what it found on the last variant."""
    return {finding.check: finding for finding in check_task(task, settings, tags, prompts)}


def with_methods(**methods: Any) -> Task:
    """The sum with something else in place of some of its methods."""
    return type("Broken", (Sum,), methods)()


def verdicts(right: Callable[[Params, str], Any]) -> Callable[..., Grade]:
    """A grader made of a condition."""

    def grade(self: Task, params: Params, answer: str) -> Grade:
        correct = bool(right(params, answer))
        return Grade(correct, answer, "ok" if correct else "wrong")

    return grade


def total(params: Params) -> str:
    return str(params["a"] + params["b"])


def on(trap: Callable[[str], Any], do: Callable[[Params, str], Any]) -> Callable[..., Any]:
    """A grader that is sound, but for the answers of which `trap` is true."""
    return lambda self, params, answer: do(params, answer) if trap(answer) else Sum.grade(self, params, answer)


def fail(*_: Any) -> None:
    raise ZeroDivisionError("division by zero")


def calling(do: Callable[[], Any]) -> Callable[..., Any]:
    """A method that does what `do` does, whatever it is given."""
    return lambda *_: do()


def in_main_thread_only(self: Task, params: Params, answer: str) -> Grade:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    return Sum.grade(self, params, answer)


def evaluating(self: Task, params: Params, answer: str) -> Grade:
    try:
        value = eval(answer)  # noqa: S307 - what is tried here
    except Exception:  # noqa: BLE001
        value = None
    return Sum.grade(self, params, str(value) if isinstance(value, int) else "")


def train_for_all(self: Task, seed: int, split: str) -> Iterator[Problem]:
    """The problems of a split, whatever split is asked for."""
    for problem in Task.problems(self, seed, "train"):
        yield attrs.evolve(problem, split=split, key=problem.key.replace("train", split))


def shuffled(self: Task, seed: int, split: str) -> Iterator[Problem]:
    found = list(itertools.islice(Task.problems(self, seed, split), 40))
    Random(time.perf_counter_ns()).shuffle(found)
    yield from found


def appending(self: Task, params: Any, answer: str) -> Grade:
    params["seen"] = params.get("seen", 0) + 1
    return Sum.grade(self, params, answer)


COUNTER = itertools.count()
STATES = itertools.cycle(("wrong", "unparsable", "limit"))
UNLIKE = {"a": 1, "b": 2, "solution": "3"}
BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    # Problems.
    "make raises": ({"make": fail}, "problems", "cannot be made: ZeroDivisionError: division by zero"),
    "make exits": ({"make": calling(sys.exit)}, "problems", "cannot be made: SystemExit"),
    "make counts": (
        {"make": lambda *_: {"a": next(COUNTER), "b": 1}},
        "problems",
        "is another problem when it is made",
    ),
    "make draws from nowhere": (
        {"make": lambda *_: {"a": Random(time.perf_counter_ns()).randint(0, 10**9), "b": 1}},
        "problems",
        "it may depend on nothing but the `random` that make is given",
    ),
    "make gives a tuple": ({"make": lambda self, random: (1, random.random())}, "problems", "cannot be made"),
    "make always gives the same": ({"make": lambda *_: dict(UNLIKE)}, "problems", "made no problem for split"),
    "params hold a set": (
        {"make": lambda self, random: {"a": random.randint(0, 999), "b": 2, "seen": {1}}},
        "problems",
        "params hold what JSON does not: TypeError",
    ),
    "params hold a tuple": (
        {"make": lambda self, random: {"a": random.randint(0, 999), "b": 2, "pair": (1, 2)}},
        "problems",
        "'pair': [1, 2]}, and were",
    ),
    "params hold numbers as keys": (
        {"make": lambda self, random: {"a": random.randint(0, 999), "b": 2, "by": {1: 2}}},
        "problems",
        "params come back from JSON as",
    ),
    "canonical raises": ({"canonical": fail}, "problems", "cannot be made: ZeroDivisionError"),
    "canonical counts": ({"canonical": lambda *_: str(next(COUNTER))}, "problems", "canonical does not stay the same"),
    "canonical is a number": (
        {"canonical": lambda self, params: params["a"]},
        "problems",
        ", and has to be a text",
    ),
    "canonical says more than the question": (
        {
            "make": lambda self, random: {"a": random.randint(0, 99), "b": 1, "note": random.randint(0, 10**9)},
            "canonical": lambda self, params: str(params),
        },
        "problems",
        "ask the same question, and canonical tells them apart",
    ),
    "the question is empty": ({"question": lambda *_: " "}, "problems", "the question is ' ', and has to be a text"),
    "the question changes": (
        {"question": lambda *_: f"Question {next(COUNTER)}?"},
        "problems",
        "asked twice, the question is 'Question ",
    ),
    "the question is broken Unicode": (
        {"question": lambda self, params: f"\ud800 {params}"},
        "problems",
        "cannot be written as UTF-8",
    ),
    "splits overlap": ({"problems": train_for_all}, "problems", "are the same problem"),
    "problems come in any order": ({"problems": shuffled}, "problems", "is another problem when it is made again"),
    "problems gives params": ({"problems": lambda *_: iter([dict(UNLIKE)])}, "problems", "gave what is no Problem"),
    # References.
    "the reference is wrong": (
        {"reference": calling(lambda: "12")},
        "references",
        "the reference '12' is graded wrong",
    ),
    "the reference raises": ({"reference": fail}, "references", "reference() raised ZeroDivisionError"),
    "the reference is a number": (
        {"reference": lambda self, params: params["a"] + params["b"]},
        "references",
        "has to be a text that is not empty",
    ),
    "the reference is empty": ({"reference": calling(str)}, "references", "the reference is ''"),
    "the reference holds a tag": (
        {
            "reference": lambda self, params: f"{total(params)}</answer>",
            "grade": verdicts(lambda params, answer: answer == f"{total(params)}</answer>"),
        },
        "references",
        "tag format 'sample-reflect' reads '",
    ),
    "what was read is not right": (
        {"grade": on(str.isdigit, lambda params, answer: Grade(answer == total(params), "the sum", "ok"))},
        "references",
        "is read as 'the sum', graded wrong",
    ),
    "grade raises": ({"grade": fail}, "references", ") raised ZeroDivisionError: division by zero"),
    "grade exits": ({"grade": calling(sys.exit)}, "references", ") raised SystemExit"),
    "grade is not there": ({"grade": Task.grade}, "references", "TypeError: task 'sum' does not define grade"),
    "grade gives a tuple": ({"grade": lambda *_: (True, "12", "ok")}, "references", "which is no Grade"),
    "grade gives nothing": ({"grade": lambda *_: None}, "references", "gave None, which is no Grade"),
    "grade gives another reason": (
        {"grade": lambda self, params, answer: Grade(True, answer, "right")},
        "references",
        "gave the reason 'right': it has to be one of ok, wrong",
    ),
    "grade is right for a wrong reason": (
        {"grade": lambda self, params, answer: Grade(True, answer, "wrong")},
        "references",
        "is correct=True with the reason 'wrong'",
    ),
    "grade gives half a point": (
        {"grade": lambda self, params, answer: Grade(0.5, answer, "ok")},  # type: ignore[arg-type]
        "references",
        "is correct=0.5",
    ),
    "grade is right about nothing": (
        {"grade": lambda self, params, answer: Grade(True, None, "ok")},
        "references",
        "with the answer None: what was read has to be told",
    ),
    "grade asks for white space": (
        {
            "reference": lambda self, params: f" {total(params)}",
            "grade": verdicts(lambda params, answer: answer == f" {total(params)}"),
        },
        "references",
        "which is not right",
    ),
    # Answers.
    "grade accepts everything": ({"grade": verdicts(lambda *_: True)}, "wrong answers", "'' is graded right"),
    "grade accepts what holds the answer": (
        {"grade": verdicts(lambda params, answer: len(answer) < 500 and total(params) in answer.split())},
        "wrong answers",
        "is graded right (if any text may stand beside an answer: --open-ended)",
    ),
    "grade takes the last word": (
        {"grade": verdicts(lambda params, answer: answer.split()[-1:] == [total(params)])},
        "wrong answers",
        " or ",
    ),
    "grade fails on what is no number": (
        {"grade": verdicts(lambda params, answer: int(answer) == int(total(params)))},
        "wrong answers",
        "grade('') raised ValueError: invalid literal for int()",
    ),
    "grade gives a reason at random": (
        {
            "grade": lambda self, params, answer: (
                Sum.grade(self, params, answer)
                if answer.strip() in ("", total(params))
                else Grade(False, answer, next(STATES))
            )
        },
        "changed answers",
        "a second time, and was",
    ),
    "grade works in the main thread only": (
        {"grade": in_main_thread_only},
        "changed answers",
        "raised ValueError: signal only works in main thread",
    ),
    "grade writes into the problem": ({"grade": appending}, "changed answers", "grade changes the params"),
    # Poison.
    "grade fails on many digits": (
        {"grade": on(str.isdigit, lambda params, answer: Sum().grade(params, str(int(answer))))},
        "poison",
        "' and on, 1,000,000 characters) raised ValueError: Exceeds the limit",
    ),
    "grade is slow": (
        {"grade": on(lambda answer: "<<" in answer, lambda *_: time.sleep(1) or Grade(False, "", "wrong"))},
        "poison",
        "grade('1<<99999999999') took 1,",
    ),
    "grade runs the answer": (
        {"grade": on(lambda answer: answer.startswith("setattr"), lambda *given: evaluating(Sum(), *given))},
        "poison",
        "grade runs the answer as code: setattr(",
    ),
    "grade accepts what is not a number": (
        {"grade": on(lambda answer: answer == "-nan", lambda params, answer: Grade(True, answer, "ok"))},
        "poison",
        "grade('-nan') is right",
    ),
    "grade ends the process": (
        {"grade": on(lambda answer: "(((" in answer, lambda *_: os.kill(os.getpid(), signal.SIGKILL))},
        "poison",
        "' and on, 3,000 characters) ended the process (SIGKILL)",
    ),
    # Search.
    "solve finds nothing": ({"solve": lambda *_: None}, "search", "finds no answer to 'What is "),
    "solve is wrong": ({"solve": lambda *_: "12"}, "search", "'12', is graded wrong"),
    "solve gives a number": ({"solve": lambda *_: 12}, "search", "gave 12, which is no text"),
    "solve reads the solution": (
        {"solve": lambda self, params: params["solution"]},
        "search",
        "raised KeyError: 'solution' (not told solution: the question does not depend on it)",
    ),
    # Prompts, tags, and answers without skill.
    "the question holds a tag": (
        {"question": lambda self, params: f"What is {params['a']} plus {params['b']}? <answer>"},
        "prompts and tags",
        "the question holds a tag of 'sample-reflect'",
    ),
    "there is no kind of answer": ({"answer_kind": None}, "prompts and tags", "answer_kind is None: say what"),
    "every answer is the same": (
        {
            "reference": calling(lambda: "7"),
            "grade": verdicts(lambda _, answer: answer == "7"),
            "solve": calling(lambda: "7"),
        },
        "trivial answers",
        "the most common reference solves 100% of 40 problems, above 50% (--most-trivial)",
    ),
    "a shortcut is right": (
        {"trivial": lambda self, params: {"adding": total(params)}},
        "trivial answers",
        "adding solves 100% of 40 problems",
    ),
    "trivial gives a list": ({"trivial": calling(list)}, "trivial answers", "trivial gave [], and has to give names"),
    "trivial raises": ({"trivial": fail}, "trivial answers", "trivial() raised ZeroDivisionError"),
    # Variants.
    "variants raises": ({"variants": fail}, "variants", "variants raised ZeroDivisionError"),
    "variants are misnamed": ({"variants": lambda self: {"easy": self}}, "variants", "'easy' calls itself 'default'"),
}
"what is broken: the methods, the check that has to fail, and what it has to say"


def test_a_sound_task_passes_every_check() -> None:
    findings = check(Sum())
    assert {name: finding.state for name, finding in findings.items()} == dict.fromkeys(CHECKS, "ok")
    assert all(finding.count for finding in findings.values())
    assert findings["problems"].count == 40 + 3 * check_problems.FEW
    assert findings["trivial answers"].rates["the first number"][1] == 40


@pytest.mark.parametrize("why", BROKEN)
def test_what_is_broken_fails_in_the_right_check_with_its_case(why: str) -> None:
    methods, name, said = BROKEN[why]
    findings = check(with_methods(**methods))
    assert findings[name].state == "failed", findings
    assert said in findings[name].what
    assert "\n" not in findings[name].what
    before = itertools.takewhile(lambda each: each != name, findings)
    assert all(findings[each].state == "ok" for each in before)


def test_every_check_fails_on_something() -> None:
    # What stands around an answer is a matter of the tag format, below.
    assert {name for _, name, _ in BROKEN.values()} == {*CHECKS, "variants"} - {"surroundings"}


def test_the_checks_after_one_without_problems_are_not_made() -> None:
    findings = check(with_methods(make=fail))
    assert [finding.state for finding in findings.values()] == ["failed", *["not checked"] * (len(CHECKS) - 1)]
    assert findings["poison"].what == "there are no problems"


def test_a_task_without_a_search_is_not_searched_and_passes() -> None:
    found = check(with_methods(solve=Task.solve))["search"]
    assert (found.state, found.what) == ("not checked", "the task defines no solve")


def test_a_search_may_leave_problems_out() -> None:
    def solve(self: Task, params: Params) -> str:
        if params["a"] % 2:
            raise NotImplementedError("odd numbers are not searched")
        return total(params)

    found = check(with_methods(solve=solve))["search"]
    assert found.state == "ok" and 0 < found.count < 40


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        (Settings(40, most_trivial=1.0), "ok"),
        (Settings(40, most_trivial=0.2), "failed"),
        (Settings(10, most_trivial=0.2), "ok"),  # too few to say anything
    ],
)
def test_how_much_a_trivial_answer_may_solve_is_a_setting(settings: Settings, state: str) -> None:
    task = with_methods(trivial=lambda self, params: {"half": total(params) if params["a"] % 2 else "?"})
    found = check(task, settings)["trivial answers"]
    right, of = found.rates["half"]
    assert found.state == state and of == settings.problems and 0.2 < right / of < 1


def test_where_any_text_may_stand_beside_an_answer_hedging_is_no_flaw() -> None:
    task = with_methods(grade=verdicts(lambda params, answer: len(answer) < 500 and total(params) in answer.split()))
    assert check(task)["wrong answers"].state == "failed"
    assert {f.state for f in check(task, attrs.evolve(SMALL, open_ended=True)).values()} == {"ok"}


def test_a_grader_that_is_slow_by_nature_says_so() -> None:
    slow = {"grade": on(lambda answer: "<<" in answer, lambda *_: time.sleep(0.05) or Grade(False, "", "wrong"))}
    assert check(with_methods(**slow))["poison"].state == "failed"
    assert check(with_methods(**slow, grade_seconds=1.0))["poison"].state == "ok"


def test_a_grader_that_is_slow_once_is_not_slow() -> None:
    """The machine may be busy: only the best of some tries counts."""

    def grade(self: Task, params: Params, answer: str) -> Grade:
        time.sleep(0.05 if next(COUNTER) % 40 == 0 else 0)
        return Sum.grade(self, params, answer)

    assert {finding.state for finding in check(with_methods(grade=grade)).values()} == {"ok"}


def test_a_grader_that_hangs_for_ever_is_a_failure_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "HANG", 1.0)
    start = time.monotonic()
    findings = check(with_methods(grade=evaluating))
    assert time.monotonic() - start < 20
    assert findings["poison"].state == "failed"
    assert findings["poison"].what.endswith(": grade('9**9**9') did not come back in 1.02 s")
    assert [findings[name].state for name in ("search", "prompts and tags", "trivial answers")] == ["ok"] * 3


def test_a_task_whose_problems_never_come_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(self: Task, random: Random) -> dict[str, Any]:
        while True:
            pass

    monkeypatch.setattr(check_problems, "STEP", 0.3)
    found = check(with_methods(make=make))["problems"]
    assert found.what == "making the problems of split 'train' did not come back in 0.3 s"


def test_a_flaw_of_one_variant_leaves_the_others_checked() -> None:
    @attrs.frozen
    class Levels(Sum):
        level: int = 1

        def variants(self) -> Mapping[str, "Levels"]:
            return {str(level): Levels(level) for level in (1, 2, 3)}

        @property
        def variant(self) -> str:
            return str(self.level)

        def reference(self, params: Params) -> str:
            if self.level == 2:
                os._exit(3)
            return total(params)

    failed = [finding for finding in check_task(Levels(), SMALL, TAGS, PROMPTS) if finding.state != "ok"]
    assert {finding.variant for finding in failed} == {"2"}
    assert failed[0].check == "references" and failed[0].what.endswith("reference() ended the process (exit code 3)")
    assert {finding.what for finding in failed[1:]} == {"the check of references did not end"}
    assert {finding.variant for finding in check_task(Levels(9), SMALL, TAGS, PROMPTS)} == {"1", "2", "3", "9"}


def test_an_error_that_one_line_explains_is_raised() -> None:
    def make(self: Task, random: Random) -> dict[str, Any]:
        raise SkillFactoryError("task 'sum': widen the options")

    with pytest.raises(SkillFactoryError, match="widen the options"):
        check(with_methods(make=make))


# Prompts and tags.


class Untidy(TagFormat):
    """Leaves white space around answers."""

    def extract(self, text: str, final: bool) -> str | None:
        found = super().extract(text, final)
        return text.rpartition(f"<{self.answer}>")[2].partition("</")[0] if found is not None else None


class First(TagFormat):
    """Takes the first answer of an attempt, not the last."""

    def extract(self, text: str, final: bool) -> str | None:
        end = f"</{self.answer}>"
        return super().extract(text if final else text[: text.find(end) + len(end)], final)


class Deaf(TagFormat):
    """Finds no final answer."""

    def extract(self, text: str, final: bool) -> str | None:
        return None if final else super().extract(text, final)


class Undecided(TagFormat):
    """Reads every verdict as wrong."""

    def read_verdict(self, text: str) -> bool | None:
        return None if super().read_verdict(text) is None else False


NAMES = {**attrs.asdict(TAGS[0]), "name": "other"}


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        (First(**NAMES), "surroundings"),
        (Deaf(**NAMES), "references"),
        (Undecided(**NAMES), "prompts and tags"),
    ],
)
def test_a_tag_format_that_does_not_read_what_it_writes_fails(tags: TagFormat, name: str) -> None:
    findings = check(Sum(), tags=[*TAGS, tags])
    assert findings[name].state == "failed" and "'other'" in findings[name].what


def test_white_space_that_a_tag_format_leaves_matters_to_graders_that_look_at_it() -> None:
    strict = with_methods(grade=verdicts(lambda params, answer: answer == total(params)))
    assert check(strict)["surroundings"].state == "ok"
    assert check(strict, tags=[Untidy(**NAMES)])["surroundings"].state == "failed"


def test_every_tag_format_and_prompt_set_is_named() -> None:
    findings = check(Sum(), tags=[*TAGS, TagFormat(**{**NAMES, "think": "thought", "answer": "final"})])
    assert findings["prompts and tags"].state == "ok"
    for name in ("sample-reflect", "other", *(prompts.name for prompts in PROMPTS)):
        assert name in findings["prompts and tags"].what


ASK, JUDGE = Prompt("ask", "{question} Give {answer_kind}."), Prompt("judge", "{question} {attempt}")


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        (
            PromptSet("own", "", (ASK,), (JUDGE,), ASK, questions={"sum": "Add {a} and {c}."}),
            "words the task with {c}, which no",
        ),
        (PromptSet("own", "", (Prompt("mute", "Go on."),), (JUDGE,), ASK), "prompt 'mute' does not say the question"),
        (PromptSet("own", "", (ASK,), (JUDGE,), Prompt("final", "Go on.")), "prompt 'final' does not say the question"),
        (PromptSet("own", "", (ASK,), (ASK,), ASK), "does not say the attempt"),
        (PromptSet("own", "", (JUDGE,), (JUDGE,), ASK), "prompt 'judge': nobody fills {attempt} there"),
        (PromptSet("own", "", (ASK,), (JUDGE,), Prompt("final", "{question} {attempt}")), "nobody fills {attempt}"),
        (PromptSet("own", "", (Prompt("s", "{question}", "{attempt}"),), (JUDGE,), ASK), "nobody fills {attempt}"),
        (PromptSet("own", "", (Prompt("told", "{question} {hint}"),), (JUDGE,), ASK), "nobody fills {hint}"),
        (PromptSet("own", "", (ASK,), (JUDGE,), ASK, hints=(ASK,)), "prompt 'ask' does not say the hint"),
    ],
    ids=str,
)
def test_a_prompt_that_does_not_ask_fails(prompts: PromptSet, said: str) -> None:
    found = check(Sum(), prompts=[prompts])["prompts and tags"]
    assert found.state == "failed" and "prompt set 'own'" in found.what and said in found.what


def test_a_prompt_set_may_word_the_task_and_use_braces_of_latex() -> None:
    prompts = PromptSet("own", "", (ASK,), (JUDGE,), ASK, questions={"sum": r"$\frac{x}{y}^{n}$ Add {a} and {b}."})
    assert check(Sum(), prompts=[prompts])["prompts and tags"].state == "ok"


# What answers are tried.


@pytest.mark.parametrize("reference", ["7", "(3 + 4) * 5", "Real", r"\frac{1}{2}", "-", "é"])
def test_a_changed_answer_is_a_change_of_one_thing(reference: str) -> None:
    for seed in range(20):
        made = changed(reference, "other", Random(seed))
        assert made["a character changed"] != reference and len(made["a character changed"]) == len(reference)
        assert len(made["a character left out"]) == len(reference) - 1
        assert len(made["a character doubled"]) == len(made["a character added"]) == len(reference) + 1
        assert made == changed(reference, "other", Random(seed))


def test_another_character_is_another_one_of_its_kind() -> None:
    for character in "0a+Zé":
        found = {another(character, Random(seed)) for seed in range(50)}
        assert character not in found
        assert all(each.isdigit() == character.isdigit() for each in found)
        assert all(each.islower() == (character == "a") for each in found)


def test_nobody_ran_the_poison_in_this_process() -> None:
    check(with_methods(**BROKEN["grade runs the answer"][0]))
    assert not was_run() and not hasattr(__builtins__, CANARY)


# The command.

DOUBLE_IT = (Path(__file__).parents[2] / "docs" / "examples" / "double_it.py").read_text(encoding="utf-8")


def sf_check(folder: Path, before: str = "", after: str = "", *options: str) -> "subprocess.CompletedProcess[str]":
    """`sf check` on the task of the tutorial, with one line of it changed, from its file."""
    assert before in DOUBLE_IT
    (folder / "mine.py").write_text(DOUBLE_IT.replace(before, after) if before else DOUBLE_IT, encoding="utf-8")
    command = [SF, "-p", "mine.py", "check", "double_it", "--problems", "40", *options]
    environment = {**os.environ, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_command_passes_a_sound_file_and_writes_nothing(tmp_path: Path) -> None:
    outcome = sf_check(tmp_path)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "FAILED" not in outcome.stdout and "the most common reference" in outcome.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_the_command_ends_with_1_and_one_line_for_a_broken_file(tmp_path: Path) -> None:
    outcome = sf_check(tmp_path, "right = int(answer) == 2", "right = int(answer) != 2")
    assert outcome.returncode == 1
    assert "FAILED" in outcome.stdout and "is graded wrong" in outcome.stdout
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("sf: task 'double_it': ") and "checks failed: references (3)" in line
    assert "Traceback" not in outcome.stdout


def test_the_command_says_it_as_json_whatever_the_task_prints(tmp_path: Path) -> None:
    before = "        if not WHOLE.fullmatch(answer):\n"
    outcome = sf_check(tmp_path, before, "        print('grading')\n        1 / len(answer)\n" + before, "--json")
    told = json.loads(outcome.stdout)
    assert outcome.returncode == 1 and told["task"] == "double_it" and told["passed"] is False
    failed = {finding["check"] for finding in told["checks"] if finding["state"] == "failed"}
    assert failed == {"wrong answers"}
    assert all(set(finding) == {f.name for f in attrs.fields(Finding)} for finding in told["checks"])
    assert "grading" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("contdown",), "no task named 'contdown': did you mean 'countdown'? (sf tasks)"),
        (("countdown", "-o", "numbrs=3"), "task 'countdown' has no option 'numbrs'"),
        (("countdown", "-o", "numbers"), "write NAME=VALUE"),
        (("countdown", "--prompts", "papr"), "no prompt set named 'papr': did you mean 'paper'?"),
        (("countdown", "--prompts", "nowhere.toml"), "prompt file nowhere.toml"),
        (("countdown", "--problems", "0"), "'--problems': 0 is not in the range"),
        (("countdown", "--most-trivial", "2"), "'--most-trivial'"),
        (("countdown", "-o", "largest=9", "-o", "smallest_target=5000", "-o", "largest_target=5001"), "widen"),
        (("gsm8k", "-o", "path=nowhere.jsonl"), "data file nowhere.jsonl cannot be read"),
    ],
)
def test_a_mistake_of_the_user_is_one_line_and_2(arguments: tuple[str, ...], said: str) -> None:
    outcome = call("check", *arguments)
    (line,) = outcome.err.splitlines()
    assert outcome.code == 2 and line.startswith("sf: ") and said in line and outcome.out == ""


@pytest.mark.parametrize("task", ["countdown", "multiplication", "letter_countdown", "acronym", "word_problems"])
def test_our_tasks_pass_and_are_solved_by_search(task: str) -> None:
    outcome = call("check", task, "--problems", "60", "--json")
    findings = json.loads(outcome.out)["checks"]
    assert outcome.code == 0, [finding for finding in findings if finding["state"] == "failed"]
    assert {finding["state"] for finding in findings} == {"ok"}
    assert {f["variant"] for f in findings} == set(registry.find(registry.TASK, task).variants())


def test_a_search_of_ours_reads_no_stored_solution() -> None:
    findings = json.loads(call("check", "countdown", "--problems", "20", "--json").out)["checks"]
    assert all(f["what"] == "solved by search, without solution" for f in findings if f["check"] == "search")


@pytest.mark.parametrize(
    ("a", "b"), [(12, 34), (-12, 34), (12, -34), (-12, -34), (0, 7), (-7, 0), (10**50 + 7, 10**50 - 9)]
)
def test_long_multiplication_is_multiplication(a: int, b: int) -> None:
    assert registry.find(registry.TASK, "multiplication").solve({"a": a, "b": b}) == str(a * b)


@pytest.mark.parametrize(
    ("task", "params"),
    [
        ("countdown", {"numbers": [1, 1], "target": 5}),
        ("letter_countdown", {"letters": list("xzxz"), "length": 4}),
        ("acronym", {"words": ["zoo", "xenon"], "length": 2}),
    ],
)
def test_a_search_of_ours_finds_nothing_where_there_is_nothing(task: str, params: Params) -> None:
    assert registry.find(registry.TASK, task).solve(params) is None


@pytest.mark.parametrize(
    ("task", "params", "wanted"),
    [
        ("countdown", {"numbers": [3, 4, 5], "target": 12}, {"the sum of all numbers": True, "their product": False}),
        ("multiplication", {"a": 2, "b": 2}, {"the sum of the factors": True}),
        (
            "word_problems",
            {"name": "Ann", "thing": "pens", "story": [["own", 12], ["buy", 17]]},
            {"the first number": False, "the sum of all numbers": True},
        ),
        (
            "letter_countdown",
            {"letters": list("real"), "length": 4},
            {"all letters as given": True, "the first of them": True},
        ),
        (
            "acronym",
            {"words": ["rat", "egg", "ant", "leg"], "length": 3},
            {"all initials": True, "the first of them": False, "a given word": False},
        ),
        (
            "csqa",
            {"question": "Which?", "choices": {"A": "one", "B": "three"}, "answer": "B"},
            {"'A'": False, "'B'": True, "the longest choice": True},
        ),
    ],
)
def test_what_our_tasks_offer_without_skill(task: str, params: Params, wanted: dict[str, bool]) -> None:
    found: Task = registry.find(registry.TASK, task)
    assert {name: found.grade(params, answer).correct for name, answer in found.trivial(params).items()} == wanted


def test_an_option_makes_a_variant_that_is_checked_too() -> None:
    outcome = call("check", "multiplication", "-o", "digits=7", "--problems", "20", "--json", "--prompts", "paper")
    findings = json.loads(outcome.out)["checks"]
    assert outcome.code == 0 and {f["variant"] for f in findings} == {"2", "3", "4", "5", "7"}
    assert all("pocket" not in f["what"] for f in findings)


LETTERS = "ABCDE"
ROWS: dict[str, list[dict[str, Any]]] = {
    "gsm8k": [
        {"question": f"Tom has {n} pears and eats two. And now?", "answer": f"#### {n - 2}"} for n in range(9, 99)
    ],
    "csqa": [
        {
            "question": f"What follows {n}?",
            "choices": [str(n + 1 + k - n * 7 % 5) for k in range(5)],
            "answerKey": LETTERS[n * 7 % 5],
        }
        for n in range(1000, 1090)
    ],
    "gpqa": [
        {
            "Question": f"What is {n} in metres?",
            "Correct Answer": f"{n} m",
            **{f"Incorrect Answer {k}": f"{n + k} m" for k in (1, 2, 3)},
        }
        for n in range(100, 190)
    ],
    "math": [{"problem": f"What is half of {n}?", "answer": rf"\frac{{{n}}}{{2}}"} for n in range(101, 191)],
    "openthoughts": [
        {
            "conversations": [
                {"from": "human", "value": f"Root of {n}?"},
                {"from": "gpt", "value": rf"<think></think>\boxed{{\sqrt{{{n}}}}}"},
            ]
        }
        for n in range(101, 191)
    ],
}


@pytest.mark.parametrize("task", ROWS)
def test_our_tasks_pass_on_the_rows_of_a_file(task: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[task]), encoding="utf-8")
    outcome = call("check", task, "-o", f"path={path}", "--json")
    findings = {finding["check"]: finding for finding in json.loads(outcome.out)["checks"]}
    assert outcome.code == 0, [finding for finding in findings.values() if finding["state"] == "failed"]
    assert findings.pop("search")["state"] == "not checked"
    assert {finding["state"] for finding in findings.values()} == {"ok"}
    assert findings["problems"]["count"] <= 90
    if task in ("csqa", "gpqa"):
        assert {"'A'", "'B'", "'C'", "'D'", "the longest choice"} <= set(findings["trivial answers"]["rates"])
