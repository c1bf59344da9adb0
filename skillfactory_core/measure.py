"""Measures: what the skills of a run count in a response, beside what is counted of every response (skill_use.py).

A skill's plugin brings the functions. One that raises, or gives no number, takes nothing down: the response counts as no case
of it, and one line says whose it is.
"""

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Any

import attrs

from skillfactory_core import interval, registry
from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.interval import Interval
from skillfactory_core.plugins import in_one_line, plugins
from skillfactory_core.skill import Measure, Skill
from skillfactory_core.tags import TagFormat

NAME = re.compile(r"[a-z][a-z0-9_]*")
LOGGED = ("answers", "reflections", "well_formed", "retry_after_incorrect", "stop_after_correct", "verdict_agreement")
TAKEN = (*LOGGED, "step", "steps", "reward", "loss", "tokens", "clipped")
"what the log of a reinforcement run holds under these names is something else"


@attrs.frozen
class Measured:
    """One measure of a run, and the skill that it is of."""

    name: str
    skill: Skill
    of: Measure

    @property
    def meaning(self) -> str:
        """The first line of its docstring; empty where it has none."""
        says = inspect.getdoc(self.of) if inspect.isroutine(self.of) else ""
        return (says or "").partition("\n")[0].rstrip(".")


def measures_of(skills: Iterable[Skill]) -> tuple[Measured, ...]:
    """The measures of all skills; of two with one name, the first."""
    found: dict[str, Measured] = {}
    for skill in skills:
        for name, measure in skill.measures.items():
            found.setdefault(name, Measured(name, skill, measure))
    return tuple(found.values())


def measures_in(config: Config) -> tuple[Measured, ...]:
    """The measures of a run. A skill whose plugin is gone has none: the other figures of the run can still be read."""
    skills = registry.registered(registry.SKILL)
    return measures_of(skills[name][0] for name in config.skills if name in skills)


def check_names(skills: Iterable[Skill]) -> None:
    """Refuse a run in which a measure's name would stand for two things."""
    owner: dict[str, str] = {}
    for skill in skills:
        for name in skill.measures:
            if fault := misnamed(name):
                raise SkillFactoryError(f"skill '{skill.name}': its measure '{name}' {fault}")
            if owner.setdefault(name, skill.name) != skill.name:
                raise SkillFactoryError(
                    f"the skills '{owner[name]}' and '{skill.name}' both have a measure '{name}': choose one of them (skills = …)"
                )


def misnamed(name: str) -> str:
    """Why a measure cannot have a name; empty where it can."""
    if not NAME.fullmatch(name):
        return "needs a name of small letters, digits and _"
    return "is called like a figure that every log has: call it something else" if name in TAKEN else ""


def measure(measures: Iterable[Measured], text: str, tags: TagFormat) -> dict[str, float]:
    """The figures of one response; measures that it is no case of are left out."""
    found: dict[str, float] = {}
    for one in measures:
        try:
            value = one.of(text, tags)
            if value is None:
                continue
            if not isinstance(value, Real) or not isfinite(value):
                complain(one, f"gave {value!r:.40}, which is no number", text)
                continue
            found[one.name] = float(value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - of a plugin: a figure is not worth a run
            complain(one, f"raised {in_one_line(error)}", text)
    return found


def complain(one: Measured, how: str, text: str) -> None:
    """Say once whose measure does what none may."""
    loaded = plugins()
    topic = f"skill '{one.skill.name}', measure '{one.name}'"
    plugin = registry.giver(registry.SKILL, one.skill)
    if plugin is not None and topic not in loaded.topics:
        loaded.note(plugin, f"{topic} {how} on {text!a:.60}, which counts as no case; {plugin.way_out}", topic)


@attrs.define
class Totals:
    """The figures of many responses, added up by problem."""

    sums: dict[str, dict[str, list[float]]]
    "measure -> problem -> [sum, how many]"
    shares: set[str]
    "measures that were never outside of 0 to 1"

    @classmethod
    def of(cls, measures: Iterable[Measured]) -> "Totals":
        names = [one.name for one in measures]
        return cls({name: defaultdict(lambda: [0.0, 0]) for name in names}, set(names))

    def add(self, problem: str, figures: Mapping[str, float]) -> None:
        for name, figure in figures.items():
            total = self.sums[name][problem]
            total[0] += figure
            total[1] += 1
            if not 0 <= figure <= 1:
                self.shares.discard(name)

    def figures(self) -> dict[str, dict[str, Any]]:
        """measure -> mean over the responses that are a case of it, its interval where there is one, and of how many."""
        return {name: self.figure(name) for name in self.sums}

    def figure(self, name: str) -> dict[str, Any]:
        sums = [(total, int(count)) for total, count in self.sums[name].values()]
        count = sum(each for _, each in sums)
        if not count:
            return {"mean": None, "of": 0}
        found = interval.share(sums) if name in self.shares else interval.mean(sums)
        shown = found.named("mean") if found else {"mean": sum(total for total, _ in sums) / count}
        return {**shown, "of": count}


def pooled(every: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The figures of several difficulties as one: means over the cases of all."""
    names = dict.fromkeys(name for each in every for name in each)
    return {name: pool([each[name] for each in every if each.get(name, {}).get("of")]) for name in names}


def pool(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = [each["of"] for each in figures]
    if not counts:
        return {"mean": None, "of": 0}
    # Of one difficulty without an interval the mean counts all the same, so there is none of all.
    known = all("low" in each for each in figures)
    parts = [Interval(each["mean"], each.get("low", 0.0), each.get("high", 0.0)) for each in figures]
    one = interval.average(parts, counts)
    return {**(one.named("mean") if known else {"mean": one.mean}), "of": sum(counts)}
