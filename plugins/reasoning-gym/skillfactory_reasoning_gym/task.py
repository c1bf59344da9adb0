"""A task for each dataset of reasoning-gym: made and scored by it, in a process that can be killed."""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from random import Random
from typing import Any, ClassVar

import attrs

from skillfactory_core.attempt import Grade
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.task import Task
from skillfactory_core.workers import Lost
from skillfactory_reasoning_gym import wire
from skillfactory_reasoning_gym.audit import COMPARED, GUARDED, LISTED, LONGEST, STRICTER, readable
from skillfactory_reasoning_gym.option import free, option
from skillfactory_reasoning_gym.table import Row, rows

PREFIX = "rg_"
DEFAULT = "default"
MAX_LENGTH = 16_384
"characters in an answer; more where the reference itself is a quarter of that"
SCORE_SECONDS = 1.0
"computing time that a scorer has"
MAKE_SECONDS = 10.0
"computing time in which a problem is made; some datasets do not end for some seeds, which are passed over"
DRAWS = 100
"entries in a row that may be unfit, because they have no answer or their own scorer refuses it"


@attrs.frozen(eq=False, repr=False, slots=False)
class GymTask(Task):
    """One dataset of reasoning-gym; a subclass is made for each row of the table, with its options as fields."""

    row: ClassVar[Row]
    answer_kind: ClassVar[str] = "the answer alone, in the form that the question asks for"

    level: str = attrs.field(default=DEFAULT, converter=str)
    "a level of the dataset's curriculum; the options that one sets go on top"

    def __attrs_post_init__(self) -> None:
        if self.level not in self.levels():
            known = ", ".join(self.levels())
            raise SkillFactoryError(f"task '{self.name}': level is {self.level!r:.40}: give one of {known}")
        if self.own():
            refuse(self.name, self.row.name, self.options())

    def levels(self) -> tuple[str, ...]:
        return (DEFAULT, *self.row.levels)

    def own(self) -> dict[str, Any]:
        """The options that are not at their defaults."""
        values = {name: free(getattr(self, name)) for name in self.row.options}
        return {name: value for name, value in values.items() if value != self.row.options[name][1]}

    def options(self) -> str:
        """What the dataset is configured with, as JSON text: the level's settings, and one's own on top."""
        return json.dumps({**self.row.levels.get(self.level, {}), **self.own()}, sort_keys=True)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, GymTask) and attrs.astuple(self) == attrs.astuple(other)

    def __hash__(self) -> int:
        return hash((type(self), attrs.astuple(self)))

    def make(self, random: Random) -> dict[str, Any]:
        from skillfactory_reasoning_gym import pool

        options, why = self.options(), ""
        for _ in range(DRAWS):
            request = {"do": "make", "dataset": self.row.name, "options": options, "seed": random.getrandbits(31)}
            try:
                reply = pool.ask(request, MAKE_SECONDS)
            except Lost as lost:
                reply = {"unfit": str(lost)}
            if "entry" in reply:
                return {"entry": reply["entry"], "options": options}
            why = " ".join(str(reply[key]) for key in ("unfit", "limit", "raised", "why") if key in reply)
        raise SkillFactoryError(
            f"task '{self.name}': reasoning-gym makes nothing in {DRAWS} tries, the last with {why:.200}; change its options (-o)"
        )

    def canonical(self, params: Mapping[str, Any]) -> str:
        question: str = entry_in(self.name, params["entry"])["question"]
        return question

    def question(self, params: Mapping[str, Any]) -> str:
        if not (isinstance(params.get("entry"), str) and isinstance(params.get("options"), str)):
            raise SkillFactoryError(f"{self.name} problem: give entry and options, each a text of JSON")
        entry = entry_in(self.name, params["entry"])
        try:
            fits = isinstance(json.loads(params["options"]), dict) and readable(self.row.name, entry)
        except (ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            raise SkillFactoryError(
                f"{self.name} problem: it holds what reasoning-gym does not make: {params['entry']:.80}"
            )
        question: str = entry["question"]
        return question

    def reference(self, params: Mapping[str, Any]) -> str:
        reference: str = entry_in(self.name, params["entry"])["answer"]
        return reference

    def grade(self, params: Mapping[str, Any], answer: str) -> Grade:
        entry = entry_in(self.name, params["entry"])
        if len(answer) > max(MAX_LENGTH, 4 * len(entry["answer"])):
            return Grade(False, answer, "too_long")
        text = answer.strip()
        if not text:
            return Grade(False, None, "no_answer")
        if text == entry["answer"].strip():
            return Grade(True, answer, "ok")
        name = self.row.name
        if self.row.compares or name in COMPARED:
            return Grade(False, answer, "wrong")
        if name in LISTED:
            right = text in [each.strip() for each in entry["metadata"]["valid_answers"]]
            return Grade(right, answer, "ok" if right else "wrong")
        guard = GUARDED.get(name)
        if (
            guard is not None
            and guard.answer is not None
            and not (len(text) <= LONGEST and guard.answer.fullmatch(text))
        ):
            return Grade(False, answer, "unparsable")
        reply = scored(name, params["options"], params["entry"], text)
        if "score" not in reply:
            return Grade(False, answer, reply.get("lost") or ("limit" if "limit" in reply else "unparsable"))
        right = reply["score"] == 1 and (name not in STRICTER or STRICTER[name].holds(entry, text))
        return Grade(right, answer, "ok" if right else "wrong")

    @property
    def grade_seconds(self) -> float:
        return 0.01 if self.row.compares or self.row.name in {**COMPARED, **LISTED} else 2 * SCORE_SECONDS

    def variants(self) -> "Mapping[str, GymTask]":
        """The defaults and harder levels. Who sets what these set is evaluated on just that."""
        harder = self.row.variants
        if self.own().keys() & {name for level in harder for name in self.row.levels[level]}:
            return {self.variant: self}
        return {
            DEFAULT: attrs.evolve(self, level=DEFAULT),
            **{f"level-{n}": attrs.evolve(self, level=n) for n in harder},
        }

    @property
    def variant(self) -> str:
        return self.level if self.level == DEFAULT else f"level-{self.level}"


@lru_cache(maxsize=1024)
def entry_in(task: str, text: str) -> Mapping[str, Any]:
    """The entry in the params of a problem, which may come from a user's file."""
    try:
        entry = wire.read(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise SkillFactoryError(f"{task} problem: entry is no JSON ({error}): {text!r:.80}") from error
    fields = {"question": str, "answer": str, "metadata": dict}
    wrong = [
        name for name, kind in fields.items() if not (isinstance(entry, dict) and isinstance(entry.get(name), kind))
    ]
    if wrong:
        raise SkillFactoryError(f"{task} problem: its entry has no proper {wrong[0]}: {text!r:.80}")
    found: Mapping[str, Any] = entry
    return found


@lru_cache(maxsize=8192)
def scored(dataset: str, options: str, entry: str, answer: str) -> dict[str, Any]:
    """The reply of a worker about an answer. What killed one once is not tried again in this process."""
    from skillfactory_reasoning_gym import pool

    request = {"do": "score", "dataset": dataset, "options": options, "entry": entry, "answer": answer}
    try:
        return pool.ask(request, SCORE_SECONDS)
    except Lost as lost:
        return {"lost": str(lost)}


@cache
def refuse(task: str, dataset: str, options: str) -> None:
    """An error for options that the dataset does not take."""
    from skillfactory_reasoning_gym import pool

    reply = pool.ask({"do": "options", "dataset": dataset, "options": options}, MAKE_SECONDS)
    if reply:
        why = reply.get("why") or f"reasoning-gym refuses {options}"
        raise SkillFactoryError(f"task '{task}': {why}")


def class_of(row: Row) -> type[GymTask]:
    """The class of a task, with the options of its dataset as fields."""
    fields = {name: option(kind, default) for name, (kind, default) in row.options.items()}
    title = "".join(word.capitalize() for word in row.name.split("_"))
    settings = {"frozen": True, "eq": False, "repr": False, "slots": False}
    made: type[GymTask] = attrs.make_class(title, fields, bases=(GymTask,), **settings)  # type: ignore[arg-type]
    made.name = PREFIX + row.name
    made.row = row
    made.summary = f"{row.name.replace('_', ' ')}, of reasoning-gym ({row.category})"
    made.__module__ = __name__
    return made


@cache
def tasks() -> tuple[GymTask, ...]:
    """A task for each row of the table."""
    return tuple(class_of(row)() for row in rows())


def __getattr__(name: str) -> Any:
    """The classes by their names, for whoever unpickles a task."""
    found = {type(task).__name__: type(task) for task in tasks()} if name[:1].isupper() else {}
    if name not in found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found[name]
