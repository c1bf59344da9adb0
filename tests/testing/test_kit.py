"""The kit: our own plugins pass its checks, and of every way to be wrong it tells which."""

import random as shared
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import attrs
import pytest

from skillfactory_core import hookimpl, registry
from skillfactory_core.attempt import Grade
from skillfactory_core.exporter import Exporter
from skillfactory_core.plugins import plugins
from skillfactory_core.prompts import Prompt, PromptSet
from skillfactory_core.run import Run
from skillfactory_core.skill import Phrase, Skill
from skillfactory_core.strategy import Arrangement, Pair, Strategy
from skillfactory_core.tags import Parsed, TagFormat
from skillfactory_core.task import Task
from skillfactory_core.testing import (
    StillTrainer,
    check_exporter,
    check_plugin,
    check_prompt_set,
    check_skill,
    check_strategy,
    check_tag_format,
    check_task,
    check_trainer,
    plugged,
)
from skillfactory_core.testing.demand import demand


def records(kind: registry.Kind) -> list[Any]:
    return [record for record, _ in registry.registered(kind).values()]


def refuses(check: Callable[[], None], said: str) -> None:
    """A check fails, and its one line says this."""
    with pytest.raises(AssertionError) as failure:
        check()
    assert said in str(failure.value) and "\n" not in str(failure.value)


def test_demand_says_its_line_just_when_nothing_holds() -> None:
    demand([1], "never said")
    refuses(lambda: demand([], "said"), "said")


# Plugins.


@pytest.mark.parametrize("name", [plugin.name for plugin in plugins().found])
def test_every_built_in_plugin_is_one(name: str) -> None:
    check_plugin(plugins().manager.get_plugin(name))


def module(**contents: Any) -> ModuleType:
    made = ModuleType("kit_module")
    vars(made).update(contents)
    return made


@attrs.frozen
class Twice(Task):
    name = "kit-twice"
    summary = "twice a number"
    answer_kind = "a whole number"

    def make(self, random: Random) -> dict[str, Any]:
        return {"number": random.randint(1, 9_999)}

    def canonical(self, params: Any) -> str:
        return str(params["number"])

    def question(self, params: Any) -> str:
        return f"What is twice {params['number']}?"

    def reference(self, params: Any) -> str:
        return str(2 * params["number"])

    def grade(self, params: Any, answer: str) -> Grade:
        right = answer.strip() == self.reference(params)
        return Grade(right, answer, "ok" if right else "wrong")


@hookimpl
def register_tasks() -> list[Task]:
    return [Twice()]


def giving(*given: Any) -> ModuleType:
    """A module whose hook gives these for tasks."""

    def register_tasks() -> list[Any]:
        return list(given)

    return module(register_tasks=hookimpl(register_tasks))


def test_a_module_with_a_hook_is_a_plugin_while_it_is_plugged_in() -> None:
    ours = module(register_tasks=register_tasks)
    check_plugin(ours)
    with plugged(ours):
        assert registry.find(registry.TASK, "kit-twice") == Twice()
        with plugged(ours) as again:
            assert again.name == "kit_module"
        assert registry.find(registry.TASK, "kit-twice") == Twice()
    assert "kit-twice" not in registry.registered(registry.TASK)
    assert not [plugin for plugin in plugins().found if plugin.name == "kit_module"]


def test_a_plugin_that_is_installed_stays() -> None:
    countdown = plugins().manager.get_plugin("countdown")
    with plugged(countdown) as record:
        assert record.name == "countdown"
    assert "countdown" in registry.registered(registry.TASK)


def test_what_is_plugged_in_goes_when_the_test_fails() -> None:
    with pytest.raises(ZeroDivisionError), plugged(module(register_tasks=register_tasks)):
        raise ZeroDivisionError
    assert "kit-twice" not in registry.registered(registry.TASK)


def unknown_hook() -> list[Task]:
    return []


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (module(), "plugin 'kit_module' has no hook"),
        (module(register_taks=hookimpl(unknown_hook)), "there is no hook named register_taks"),
        (giving("a task"), "register_tasks gave 'a task', which is not a Task"),
        (giving(), "register_tasks gave no task"),
        (giving(Twice(), Twice()), "registers two tasks named 'kit-twice'"),
        (giving(registry.find(registry.TASK, "countdown")), "two plugins register a task named 'countdown'"),
        (giving(attrs.make_class("Nameless", [], bases=(Task,), frozen=True)()), "which has no name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_plugin_is_told(plugin: ModuleType, said: str) -> None:
    refuses(lambda: check_plugin(plugin), said)
    assert "kit-twice" not in registry.registered(registry.TASK)


# Tasks.


def test_a_sound_task_passes() -> None:
    check_task(Twice(), problems=20)


def test_what_is_wrong_with_a_task_is_told() -> None:
    @attrs.frozen
    class Greedy(Twice):
        def grade(self, params: Any, answer: str) -> Grade:
            return Grade(True, answer, "ok")

    refuses(lambda: check_task(Greedy(), problems=20), "'' is graded right")


def test_the_settings_of_the_command_are_those_of_the_check() -> None:
    @attrs.frozen
    class Halves(Twice):
        def trivial(self, params: Any) -> dict[str, str]:
            return {"twice the number": self.reference(params)}

    refuses(lambda: check_task(Halves(), problems=20), "twice the number solves 100%")
    check_task(Halves(), problems=20, most_trivial=1.0)


# Skills.


@pytest.mark.parametrize("skill", records(registry.SKILL), ids=lambda skill: skill.name)
def test_our_skills_pass(skill: Skill) -> None:
    check_skill(skill)


def skill(*texts: str, bank: str = "generic", summary: str = "a skill for tests", **more: Any) -> Skill:
    return Skill("kit", summary, phrases={bank: tuple(Phrase(text, f"{bank}:1") for text in texts)}, **more)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (skill("Again.", summary=" "), "skill 'kit' has no summary"),
        (Skill("kit", "a skill for tests"), "skill 'kit' does nothing"),
        (skill("Again.", bank="genric"), "no trace draws from a bank 'genric'"),
        (skill(), "bank 'generic' is empty"),
        (skill("Again. "), "is not one line without white space around it"),
        (skill("One\nTwo"), "is not one line"),
        (skill("Again.", "Again."), "'Again.' is there twice"),
        (skill("So <answer>"), "'So <answer>' breaks a trace in tag format 'plain'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_skill_is_told(broken: Skill, said: str) -> None:
    refuses(lambda: check_skill(broken), said)


def test_a_bank_of_an_ending_is_known_when_a_strategy_names_it() -> None:
    refuses(lambda: check_skill(skill("Sure.", bank="surely")), "no trace draws from a bank 'surely'")
    check_skill(skill("Sure.", bank="surely"), endings=["surely"])


# Prompt sets.


@pytest.mark.parametrize("prompts", records(registry.PROMPTS), ids=lambda prompts: prompts.name)
def test_our_prompt_sets_pass(prompts: PromptSet) -> None:
    check_prompt_set(prompts)


ASK = Prompt("plain", "{question} Give {answer_kind}.")
JUDGE = Prompt("check", "{question} {attempt} Right?")
GOOD = PromptSet("kit", "prompts for tests", (ASK,), (JUDGE,), attrs.evolve(ASK, name="final"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"summary": ""}, "prompt set 'kit' has no summary"),
        ({"attempts": (ASK, ASK)}, "two prompts for attempts have one name: plain, plain"),
        ({"attempts": (Prompt("mute", "Say something."),)}, "prompt 'mute' does not say the question"),
        ({"reflections": (Prompt("blind", "{question} Right?"),)}, "prompt 'blind' does not say the attempt"),
        ({"final": Prompt("final", "{question} {attempt}")}, "nobody fills {attempt} there"),
        ({"questions": {"countdown": "Make {aim}."}}, "words the task with {aim}, which no problem has"),
        ({"phrases": {"closing": (Phrase("</think>", "closing:1"),)}}, "'</think>' breaks a trace"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_prompt_set_is_told(changes: dict[str, Any], said: str) -> None:
    check_prompt_set(GOOD)
    refuses(lambda: check_prompt_set(attrs.evolve(GOOD, **changes)), said)


# Tag formats.


@pytest.mark.parametrize("tags", records(registry.TAGS), ids=lambda tags: tags.name)
def test_our_tag_formats_pass(tags: TagFormat) -> None:
    check_tag_format(tags)


NAMES = ("kit", "tags for tests", "muse", "go", "doubt", "claim", "out", "Yes", "No")


class Forgetful(TagFormat):
    def parse(self, text: str) -> Parsed:
        return attrs.evolve(super().parse(text), tries=())


class Silent(TagFormat):
    def write(self, *given: Any, **more: Any) -> Any:
        return super().write(*given, **more)[:-1]


class Fragile(TagFormat):
    def parse(self, text: str) -> Parsed:
        if text.startswith("</"):
            raise ValueError("no tag is open")
        return super().parse(text)


class Strict(TagFormat):
    def parse(self, text: str) -> Parsed:
        return attrs.evolve(super().parse(text), well_formed=False)


class Blurred(TagFormat):
    def write(self, *given: Any, **more: Any) -> Any:
        written = super().write(*given, **more)
        return tuple(attrs.evolve(s, source="somewhere") if s.kind == "attempt" else s for s in written)


class Torn(TagFormat):
    def extract(self, text: str, final: bool) -> str | None:
        return (super().extract(text, final) or "")[:1]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Forgetful, "tag format 'kit' reads () in"),
        (Silent, "tag format 'kit' reads the answer None in"),
        (Fragile, "tag format 'kit' raised ValueError (no tag is open)"),
        (Strict, "calls its own trace malformed"),
        (Blurred, "a segment says it is from somewhere, and is not"),
        (Torn, "reads the answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_tag_format_is_told(kind: type[TagFormat], said: str) -> None:
    check_tag_format(TagFormat(*NAMES))
    refuses(lambda: check_tag_format(kind(*NAMES)), said)


# Strategies.


@pytest.mark.parametrize("strategy", records(registry.STRATEGY), ids=lambda strategy: strategy.name)
def test_our_strategies_pass(strategy: type[Strategy]) -> None:
    check_strategy(strategy(), ends_right=strategy.name != "random")


Pairs = Sequence[Pair]


def strategy(arrange: Callable[[Pairs, Pairs, Random], Iterator[Arrangement]]) -> Strategy:
    contents = {"name": "kit", "summary": "a strategy for tests", "arrange": lambda self, *given: arrange(*given)}
    made: Strategy = type("Kit", (Strategy,), contents)()
    return made


def every_right_one(right: Pairs, wrong: Pairs, random: Random) -> Iterator[Arrangement]:
    yield from (Arrangement((pair,)) for pair in right)


def endless(right: Pairs, wrong: Pairs, random: Random) -> Iterator[Arrangement]:
    yield from cycle([Arrangement((pair,)) for pair in right])


def of_its_own_mind(right: Pairs, wrong: Pairs, random: Random) -> Iterator[Arrangement]:
    yield from (Arrangement((pair,)) for pair in right if Random().random() < 0.5)


def by_global_state(right: Pairs, wrong: Pairs, random: Random) -> Iterator[Arrangement]:
    shared.random()  # noqa: TID251 - what is tried here
    yield from every_right_one(right, wrong, random)


def popping(right: list[Pair], wrong: Pairs, random: Random) -> Iterator[Arrangement]:
    while right:
        yield Arrangement((right.pop(),))


def trusting(right: Pairs, wrong: Pairs, random: Random) -> Iterator[Arrangement]:
    yield Arrangement((right[0],))


@attrs.frozen
class Marked(Pair):
    """What a tag format of the same plugin has to know of it."""

    part: int = 0


def with_marks(right: Pairs, wrong: Pairs, random: Random) -> Iterator[Arrangement]:
    marked = [
        Marked(each.attempt, each.answer, each.correct, each.reflection, number) for number, each in enumerate(right)
    ]
    yield from (Arrangement((each,)) for each in marked)


def test_a_strategy_may_add_to_a_pair_what_its_tag_format_needs() -> None:
    check_strategy(strategy(with_marks))


@pytest.mark.parametrize(
    ("arrange", "said"),
    [
        (endless, "it gave 10,000 traces and went on"),
        (of_its_own_mind, "the same Random gave other traces"),
        (by_global_state, "it draws from Python's shared random"),
        (popping, "the same Random gave other traces"),
        (lambda right, wrong, random: iter([Arrangement(())]), "a trace holds no pair"),
        (lambda right, wrong, random: (Arrangement((pair, pair)) for pair in right), "holds an attempt twice"),
        (lambda right, wrong, random: (Arrangement((pair,), 1) for pair in right), "final is 1, and the trace has 1"),
        (lambda right, wrong, random: (Arrangement((pair,)) for pair in wrong), "the answer of a trace is wrong"),
        (lambda right, wrong, random: (Arrangement((p,), ending="x") for p in right), "do not name the bank 'x'"),
        (
            lambda right, wrong, random: (Arrangement((attrs.evolve(pair, answer="9"),)) for pair in right),
            "a trace holds a pair that was not given",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_strategy_is_told(arrange: Any, said: str) -> None:
    check_strategy(strategy(every_right_one))
    refuses(lambda: check_strategy(strategy(arrange)), said)


def test_a_strategy_that_cannot_do_without_pairs_fails() -> None:
    with pytest.raises(IndexError):
        check_strategy(strategy(trusting))


# Trainers.


def test_the_trainer_of_the_kit_passes(tmp_path: Path) -> None:
    check_trainer(StillTrainer, "anything", tmp_path)


class Tolerant(StillTrainer):
    def __init__(self, **options: Any) -> None:
        pass


class Mute(StillTrainer):
    def sft(self, model: str, lessons: Any, folder: Path, settings: Any, seed: int, log: Any) -> None:
        super().sft(model, lessons, folder, settings, seed, lambda figures: None)


class Weightless(StillTrainer):
    def sft(self, model: str, lessons: Any, folder: Path, settings: Any, seed: int, log: Any) -> None:
        log({"step": 1, "steps": 1})


class Counting(StillTrainer):
    def sft(self, model: str, lessons: Any, folder: Path, settings: Any, seed: int, log: Any) -> None:
        super().sft(model, lessons, folder, settings, seed, lambda figures: log({"step": 2, "steps": 1}))


class Wordless(StillTrainer):
    def sft(self, model: str, lessons: Any, folder: Path, settings: Any, seed: int, log: Any) -> None:
        super().sft(model, lessons, folder, settings, seed, lambda figures: log({"step": 1}))


class Inventing(StillTrainer):
    def grpo(self, model: str, questions: Any, reward: Any, *rest: Any) -> None:
        super().grpo(model, [attrs.evolve(questions[0], key="another")], reward, *rest)


class Endless(StillTrainer):
    def grpo(self, model: str, questions: Any, reward: Any, *rest: Any) -> None:
        super().grpo(model, questions, lambda key, text, finish: reward(key, text, "eos"), *rest)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Tolerant, "trainer 'kit-still' takes an option 'no_such_option'"),
        (Mute, "sft told no step"),
        (Weightless, "sft wrote no folder 'model'"),
        (Counting, "sft: step 2 of 1"),
        (Wordless, "the figures of a step lack 'steps'"),
        (Inventing, "asks for the reward of 'another', which is no question's key"),
        (Endless, "a completion ends in 'eos'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_trainer_is_told(kind: type[StillTrainer], said: str, tmp_path: Path) -> None:
    refuses(lambda: check_trainer(kind, "anything", tmp_path), said)


# Exporters.


@pytest.mark.parametrize("exporter", records(registry.EXPORTER), ids=lambda exporter: exporter.name)
def test_our_exporters_pass(exporter: type[Exporter], copied: Path) -> None:
    from skillfactory_core.run import open_run

    check_exporter(exporter, open_run(copied))


def exporter(write: Callable[[Run, Path], Any], needs: tuple[str, str] = ("rearrange", "traces")) -> type[Exporter]:
    contents = {
        "name": "kit",
        "summary": "an export for tests",
        "needs": needs,
        "export": lambda self, run, folder: write(run, folder),
    }
    return type("Kit", (Exporter,), contents)


def count(run: Run, folder: Path) -> dict[str, int]:
    (folder / "count.txt").write_text(str(sum(1 for _ in run.traces)))
    return {"traces": 1}


def changing(run: Run, folder: Path) -> dict[str, int]:
    (run.folder / "notes.txt").write_text("exported")
    return count(run, folder)


TICKS = iter(range(100))


def ticking(run: Run, folder: Path) -> dict[str, int]:
    (folder / "count.txt").write_text(str(next(TICKS)))
    return {"traces": 1}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (exporter(changing), "exporter 'kit' changed the run that it exports: notes.txt"),
        (exporter(ticking), "the same run gave another"),
        (exporter(lambda run, folder: count(run, folder) and None), "exporter 'kit' returned None"),
        (exporter(lambda run, folder: {"where": folder} | count(run, folder)), "its counts are no JSON"),
        (exporter(count, needs=("", "")), "needs has to name a stage"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_an_exporter_is_told(broken: type[Exporter], said: str, copied: Path) -> None:
    from skillfactory_core.run import open_run

    check_exporter(exporter(count), open_run(copied))
    refuses(lambda: check_exporter(broken, open_run(copied)), said)


def test_the_kit_loads_no_heavy_library() -> None:
    import subprocess

    script = "import sys, skillfactory_core.testing; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(subprocess.check_output([sys.executable, "-c", script], text=True).split())
    assert not loaded & {"torch", "transformers", "trl", "datasets", "pyarrow", "numpy", "jinja2"}
