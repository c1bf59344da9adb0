"""Tasks: problems depend on the seed and their number alone, and no problem is in two splits."""

from collections.abc import Mapping
from itertools import islice
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillfactory_core import registry
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.stages.problems import task_of, variants_of
from skillfactory_core.task import SPLITS, Task, make_problem, problem_hash, split_of

TASKS: list[Task] = [
    record
    for record, _ in registry.registered(registry.TASK).values()
    if type(record).make is not Task.make and record.name != "toy-sums"
]
"the tasks that make their problems; those read from a dataset may need the network"
EVERY_TASK = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@attrs.frozen
class Digits(Task):
    """Name a digit; there are only so many of them."""

    name = "digits"
    summary = "name a digit"
    answer_kind = "a digit"

    count: int = 10

    def make(self, random: Random) -> dict[str, Any]:
        return {"digit": random.randrange(self.count)}

    def canonical(self, params: Mapping[str, Any]) -> str:
        return str(params["digit"])

    def question(self, params: Mapping[str, Any]) -> str:
        return f"Name {params['digit']}."


def first(task: Task, count: int, seed: int, split: str) -> list[Any]:
    return list(islice(task.problems(seed, split), count))


def test_the_splits_share_out_the_whole_hash_space_once() -> None:
    assert sorted(percent for owned in SPLITS.values() for percent in owned) == list(range(100))


@given(st.integers(0, 2**64 - 1))
def test_every_hash_belongs_to_one_split(number: int) -> None:
    assert split_of(f"{number:016x}") in SPLITS


@EVERY_TASK
def test_no_problem_is_in_two_splits_whatever_the_seed(task: Task) -> None:
    split_by_hash: dict[str, str] = {}
    for seed in range(5):
        for split in SPLITS:
            for problem in first(task, 60, seed, split):
                assert split_by_hash.setdefault(problem.hash, split) == split
    assert set(split_by_hash.values()) == set(SPLITS)


@EVERY_TASK
def test_a_problem_depends_on_the_seed_and_its_number_alone(task: Task) -> None:
    for problem in first(task, 20, 7, "rl"):
        assert make_problem(task, 7, "rl", problem.index) == problem


@EVERY_TASK
def test_asking_for_more_problems_changes_none_of_the_first(task: Task) -> None:
    assert first(task, 30, 0, "train")[:10] == first(task, 10, 0, "train")


@EVERY_TASK
def test_the_problems_of_a_split_are_distinct_and_named_by_their_key(task: Task) -> None:
    problems = first(task, 200, 0, "train")
    assert len({p.hash for p in problems}) == len({p.key for p in problems}) == 200
    assert all(p.key == f"{task.name}/{task.variant}/train/{p.index}" for p in problems)


@EVERY_TASK
def test_another_seed_makes_other_problems(task: Task) -> None:
    assert {p.hash for p in first(task, 20, 0, "train")} != {p.hash for p in first(task, 20, 1, "train")}


@EVERY_TASK
def test_variants_are_named_as_they_name_themselves_and_hold_other_problems(task: Task) -> None:
    seen: set[str] = set()
    for name, variant in task.variants().items():
        assert variant.variant == name
        hashes = {p.hash for p in first(variant, 30, 0, "evaluation")}
        assert not hashes & seen
        seen |= hashes
    assert task.variant in task.variants()


def test_variants_keep_the_other_options() -> None:
    narrow = task_of(Config("countdown", task_options={"largest": 9}))
    assert {attrs.asdict(variant)["largest"] for variant in narrow.variants().values()} == {9}


@EVERY_TASK
def test_a_reference_answer_is_right(task: Task) -> None:
    for variant in task.variants().values():
        for problem in first(variant, 5, 3, "train"):
            assert task.grade(problem.params, task.reference(problem.params)).correct


def test_a_task_with_few_problems_ends_when_they_are_used_up() -> None:
    found = {split: first(Digits(), 100, 0, split) for split in ("train", "rl")}
    digits = [p.params["digit"] for problems in found.values() for p in problems]
    assert len(digits) == len(set(digits)) and 5 < len(digits) <= 10


def test_a_split_without_a_problem_is_an_error_and_no_endless_search() -> None:
    empty = next(split for split in SPLITS if split != split_of(problem_hash(Digits(1), {"digit": 0})))
    with pytest.raises(SkillFactoryError, match=rf"task 'digits' made no problem for split '{empty}'.*-o"):
        first(Digits(count=1), 1, 0, empty)


@pytest.mark.parametrize("method", ["canonical", "question", "reference", "grade"])
def test_a_task_that_lacks_a_method_says_so(method: str) -> None:
    class Bare(Task):
        name = "bare"

    with pytest.raises(TypeError, match=f"task 'bare' does not define {method}"):
        getattr(Bare(), method)({}, *(["1"] if method == "grade" else []))


def test_options_are_set_on_the_task() -> None:
    assert task_of(Config("countdown", task_options={"numbers": 5})).variant == "5"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"numbrs": 5}, "has no option 'numbrs': it has numbers, smallest"),
        ({"numbers": "many"}, "numbers is 'many'"),
        ({"smallest": 50, "largest": 5}, "smallest is 50, above largest, 5"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SkillFactoryError, match=f"task 'countdown'.*{said}"):
        task_of(Config("countdown", task_options=options))


def test_the_evaluation_may_pick_among_the_variants() -> None:
    config = attrs.evolve(Config("countdown"), evaluate=attrs.evolve(Config("countdown").evaluate, variants=("5", "3")))
    assert list(variants_of(config)) == ["5", "3"]
    assert list(variants_of(Config("countdown"))) == ["3", "4", "5", "6"]


def test_an_unknown_variant_is_named() -> None:
    config = attrs.evolve(Config("countdown"), evaluate=attrs.evolve(Config("countdown").evaluate, variants=("9",)))
    with pytest.raises(SkillFactoryError, match="no variant of task 'countdown' named '9'"):
        variants_of(config)
