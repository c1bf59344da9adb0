"""Rearrange: right and wrong attempts, with true reflections, become silver traces.

Each part of the tables is read, arranged and written on its own, by one process or by many. A problem's traces depend on its
own attempts and its own random stream, so any number of workers, interrupted or not, makes the same bytes.
"""

import heapq
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import cached_property
from hashlib import sha256
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import attrs

from skillfactory_core.attempt import GradedAttempt
from skillfactory_core.deadline import deadline, on
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.plugins import load_file, plugins
from skillfactory_core.problem import Problem
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import PromptSet
from skillfactory_core.reflection import Reflection
from skillfactory_core.run import Run
from skillfactory_core.skill import Phrase, Skill
from skillfactory_core.stages.problems import task_of
from skillfactory_core.stages.reflect import demand_verdicts
from skillfactory_core.strategy import Arrangement, Pair, Strategy
from skillfactory_core.tags import TagFormat
from skillfactory_core.trace import Trace

Banks = Mapping[str, Sequence[Phrase]]
MANY = 50_000
"attempts from which more processes than one pay for their start"


@attrs.frozen(slots=False)
class Rearranger:
    """Makes the traces of a run, part by part."""

    run: Run
    prompts: PromptSet
    tags: TagFormat
    skills: tuple[Skill, ...]
    banks: Banks
    strategy: Strategy

    @cached_property
    def reflects(self) -> bool:
        return any(skill.reflects for skill in self.skills)

    @cached_property
    def retries(self) -> bool:
        return any(skill.retries for skill in self.skills)

    def part(self, number: int) -> Counter[str]:
        """Make one part unless it is there; returns its counts."""
        task = task_of(self.run.config)
        if number not in self.run.traces.parts():
            pairs = pairs_of(self.run, number, self.reflects)
            problems = self.run.problems("train", task.variant).read(number)
            traces: list[Trace] = []
            for problem in problems:
                with on(problem.key):
                    traces += self.traces(problem, pairs.get(problem.key, ()), task.answer_kind)
            self.run.traces.finish(number, traces)
        return counts_of(self.run, number, self.reflects)

    def traces(self, problem: Problem, pairs: Sequence[Pair], answer_kind: str) -> Iterator[Trace]:
        """The traces of one problem, from a random stream of its own: no other problem can change them."""
        random = Random(f"{self.run.config.seed}-{self.strategy.name}-{problem.key}")
        for index, arranged in enumerate(islice(self.arranged(pairs, random), self.limit)):
            yield self.write(problem, index, arranged, answer_kind, random)

    @property
    def limit(self) -> int | None:
        return self.run.config.rearrange.per_problem or None

    def arranged(self, pairs: Sequence[Pair], random: Random) -> Iterator[Arrangement]:
        right = [pair for pair in pairs if pair.correct]
        wrong = [pair for pair in pairs if not pair.correct]
        for _ in range(self.run.config.rearrange.repeats):
            for arrangement in self.strategy.arrange(right, wrong, random):
                if not self.retries:
                    arrangement = Arrangement((arrangement.pairs[arrangement.final],))
                yield distinct(arrangement) if self.run.config.rearrange.distinct else arrangement

    def write(self, problem: Problem, index: int, arranged: Arrangement, answer_kind: str, random: Random) -> Trace:
        """One trace in the words of the prompt set, the tag format and the phrase banks."""
        glue = [
            random.choice(
                [*self.banks.get("correct" if p.correct else "incorrect", ()), *self.banks.get("generic", ())]
            )
            for p in arranged.pairs[:-1]
        ]
        question = self.prompts.question(problem.task, problem.params, problem.question)
        messages = self.prompts.final.messages(question=question, answer_kind=answer_kind)
        ending = random.choice(list(self.banks[arranged.ending])) if arranged.ending else None
        closing = random.choice(list(self.banks["closing"]))
        answer = arranged.pairs[arranged.final].answer
        return Trace(
            key=f"{problem.key}/{self.strategy.name}/{index}",
            problem=problem.key,
            strategy=self.strategy.name,
            system=messages[0]["content"] if messages[0]["role"] == "system" else None,
            prompt=messages[-1]["content"],
            shape="".join("C" if pair.correct else "I" for pair in arranged.pairs),
            segments=self.tags.write(arranged.pairs, glue, closing, answer, arranged.final, ending),
        )


def rearrange(made_by: Rearranger, workers: int = 0) -> dict[str, Any]:
    """Fill `5-traces` with so many processes (0: as many as there are cores, where it pays); returns the counts."""
    run = made_by.run
    numbers = run.attempts.parts()
    if not workers:
        workers = len(os.sched_getaffinity(0)) if run.attempts.count() >= MANY else 1
    counts: Counter[str] = Counter()
    with Progress("rearrange", len(numbers), "parts") as progress:
        for part in made_by_processes(run, numbers, workers) if workers > 1 else map(made_by.part, numbers):
            counts += part
            progress.advance(1)
    if run.config.rearrange.subsample:
        subsample(run, run.config.rearrange.subsample)
        counts += Counter({"traces_left_out_by_subsample": counts["traces"] - run.traces.count()})
    if not run.traces.count():
        if made_by.reflects:
            demand_verdicts(run, made_by.tags)
        raise SkillFactoryError(
            f"there are no traces ({', '.join(f'{name} {count}' for name, count in counts.items()) or 'no attempts'}): sample more "
            "attempts (-s sample.attempts=64), reflect more (-s reflect.reflections=8) or take an easier task (-o)"
        )
    return dict(sorted(counts.items(), key=lambda item: (item[0] not in ("traces", "problems_with_traces"), item[0])))


def made_by_processes(run: Run, numbers: Sequence[int], workers: int) -> Iterator[Counter[str]]:
    """The same by processes that look everything up anew from the run folder."""
    needed = (run, plugins().files)
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start, initargs=needed) as pool:
        try:
            yield from pool.map(_part, numbers)
        except BrokenProcessPool as error:
            raise SkillFactoryError(
                "a worker of the stage rearrange was killed, perhaps for lack of memory; the parts that are written are kept: "
                "run the same command again, or with --workers 1"
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_made_by: Rearranger | None = None
_stack = ExitStack()


def _start(run: Run, files: Sequence[Path]) -> None:
    """In a worker process: the plugins and the choices of the run."""
    global _made_by
    from skillfactory_core.choices import choose

    Thread(target=_leave_with_parent, daemon=True).start()
    for file in files:
        load_file(file)
    choices = choose(run.config)
    _stack.enter_context(deadline(run.config.most_seconds))
    _made_by = Rearranger(run, choices.prompts, choices.tags, choices.skills, choices.banks, choices.strategy)


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _part(number: int) -> Counter[str]:
    assert _made_by is not None
    return _made_by.part(number)


def pairs_of(run: Run, number: int, reflects: bool) -> dict[str, list[Pair]]:
    """The usable pairs of a part, by problem: every attempt with each of its true reflections."""
    grades: dict[str, GradedAttempt] = {g.attempt: g for g in run.grades.read(number) if not g.dropped}
    reflections: dict[str, list[Reflection]] = defaultdict(list)
    if reflects:
        for reflection in run.reflections.read(number):
            if not reflection.dropped:
                reflections[reflection.attempt].append(reflection)
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for attempt in run.attempts.read(number):
        grade = grades.get(attempt.key)
        if grade is None or grade.answer is None:
            continue
        critiques: Sequence[Reflection | None] = reflections.get(attempt.key, ()) if reflects else [None]
        for critique in critiques:
            pairs[attempt.problem].append(Pair(attempt, grade.answer, grade.correct, critique))
    return pairs


def counts_of(run: Run, number: int, reflects: bool) -> Counter[str]:
    """What became of the problems of a part, read from the tables: a resumed run counts the same."""
    made: Counter[str] = Counter()
    with_traces = set()
    for problem, shape in run.traces.columns(number, "problem", "shape"):
        made[f"traces_of_{len(shape)}"] += 1
        made["traces"] += 1
        with_traces.add(problem)
    problem_of, right = {}, set()
    for attempt, problem, correct, dropped in run.grades.columns(number, "attempt", "problem", "correct", "dropped"):
        problem_of[attempt] = problem
        if correct and not dropped:
            right.add(attempt)
    kept = set(right)
    if reflects:
        kept &= {a for a, dropped in run.reflections.columns(number, "attempt", "dropped") if not dropped}
    problems = set(problem_of.values())
    with_right, usable = {problem_of[a] for a in right}, {problem_of[a] for a in kept}
    made["problems_with_traces"] = len(with_traces)
    made["problems_without_right_attempt"] = len(problems - with_right - with_traces)
    made["problems_without_true_reflection_on_right_attempt"] = len(with_right - usable - with_traces)
    made["problems_that_the_strategy_left_out"] = len(usable - with_traces)
    return made


def distinct(arrangement: Arrangement) -> Arrangement:
    """Without the pairs that repeat the text of an earlier attempt, of the last one or of the final one."""
    pairs = arrangement.pairs
    always = {len(pairs) - 1, arrangement.final % len(pairs)}
    seen = {pairs[index].attempt.text for index in always}
    kept = []
    for index, pair in enumerate(pairs):
        if index in always or pair.attempt.text not in seen:
            seen.add(pair.attempt.text)
            kept.append(index)
    final = kept.index(arrangement.final % len(pairs))
    return attrs.evolve(arrangement, pairs=tuple(pairs[index] for index in kept), final=final)


def subsample(run: Run, count: int) -> None:
    """Keep so many traces of the whole run, by the hash of their keys; doing it again changes nothing."""

    def draw(key: str) -> bytes:
        return sha256(f"{run.config.seed}-{key}".encode()).digest()

    kept = set(heapq.nsmallest(count, (draw(key) for (key,) in run.traces.every("key"))))
    for number in run.traces.parts():
        traces = run.traces.read(number)
        chosen = [trace for trace in traces if draw(trace.key) in kept]
        if len(chosen) < len(traces):
            run.traces.finish(number, chosen)


def join_banks(skills: Sequence[Skill], replaced: Banks | None = None, endings: Sequence[str] = ()) -> Banks:
    """The phrase banks of all skills, joined by name, or those that replace them."""
    banks: dict[str, tuple[Phrase, ...]] = {}
    for skill in skills:
        for bank, phrases in skill.phrases.items():
            banks[bank] = (*banks.get(bank, ()), *phrases)
    joined: Banks = replaced if replaced is not None else banks
    needed = ["closing", *endings]
    if any(skill.retries for skill in skills) and not joined.get("generic"):
        needed += ["correct", "incorrect"]
    missing = [bank for bank in needed if not joined.get(bank)]
    if missing:
        raise SkillFactoryError(
            f"the phrase banks {', '.join(missing)} are missing or empty: choose skills that bring them, or add "
            f"{missing[0]}.txt to the folder given as phrases"
        )
    return joined


def read_strategy(strategy: type[Strategy], options: Mapping[str, Any]) -> Strategy:
    """A strategy with its options set."""
    known = [field.name for field in attrs.fields(strategy)]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise SkillFactoryError(
            f"strategy '{strategy.name}' has no option '{unknown[0]}': it has {', '.join(known) or 'none'}"
        )
    try:
        return strategy(**options)
    except (TypeError, ValueError) as error:
        raise SkillFactoryError(f"strategy '{strategy.name}': {error.args[0]}") from error


def lessons(run: Run) -> Iterator[tuple[tuple[dict[str, str], ...], str]]:
    """(messages, completion) of every trace, as the trainer learns them."""
    for trace in run.traces:
        system = ({"role": "system", "content": trace.system},) if trace.system else ()
        yield (*system, {"role": "user", "content": trace.prompt}), trace.completion
