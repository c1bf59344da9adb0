"""Pipeline: the stages of a run in order, each skipped when done, timed and recorded in the manifest."""

import resource
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from skillfactory_core.arms import BEST, FROM_BASE, asked_with, is_best, trained_as
from skillfactory_core.choices import choose, open_engine
from skillfactory_core.deadline import deadline
from skillfactory_core.engine import Engine
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.late import late
from skillfactory_core.plugins import plugins
from skillfactory_core.prompts import PromptSet
from skillfactory_core.run import Run, checksums
from skillfactory_core.shard import WHOLE, Shard
from skillfactory_core.spent import Clock, with_stops
from skillfactory_core.stages.evaluate import Examiner, evaluate, exams_here, take_over
from skillfactory_core.stages.grade import grade
from skillfactory_core.stages.grpo import grpo
from skillfactory_core.stages.problems import LEFT_OUT, Exam, exams_of, make_exams, make_problems
from skillfactory_core.stages.rearrange import Rearranger, rearrange
from skillfactory_core.stages.reflect import reflect
from skillfactory_core.stages.report import report
from skillfactory_core.stages.sample import sample
from skillfactory_core.stages.sft import sft
from skillfactory_core.stages.teach import teach
from skillfactory_core.stages.validate import last_is_best, validate
from skillfactory_core.unchanged import check_task, check_words

FILES = {
    "problems": "1-problems/*/*.parquet",
    "sample": "2-attempts/*.parquet",
    "grade": "3-grades/*.parquet",
    "reflect": "4-reflections/*.parquet",
    "rearrange": "5-traces/*.parquet",
    "sft": "6-sft/model",
    "grpo": "7-grpo/{arm}/model",
    "validate": "7-grpo/{arm}/validation/*/*.parquet",
    "evaluate": "8-evaluation/{arm}-*/*.parquet",
}
"stage -> what it makes: listed in the manifest, and made again where it is gone"


def files_of(stage: str) -> str:
    """The pattern of the files that a stage makes; none for the report."""
    kind, _, arm = stage.partition("-")
    return FILES.get(kind, "").format(arm=arm)


def files_made(folder: Path, stage: str) -> dict[str, str]:
    """The files that a stage made, with checksums: without those of the best of its checkpoints, whose names go on from its own."""
    arm = stage.partition("-")[2]
    others = f"8-evaluation/{arm}{BEST}-"
    return {path: digest for path, digest in checksums(folder, files_of(stage)).items() if not path.startswith(others)}


class Pipeline:
    """The stages of one run."""

    def __init__(self, run: Run, workers: int = 0, shard: Shard = WHOLE, exams: Sequence[str] = ()) -> None:
        """`exams`: the only ones that methods are evaluated on now."""
        self.run = run
        self.exams = exams
        self.workers = workers
        self.shard = shard
        self.choices = choose(run.config)
        check_words(run, self.choices)
        check_task(run)
        self.opened: tuple[str, Engine] | None = None

    @cached_property
    def stages(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Stage name -> what does it, in the order of a run."""
        run, c = self.run, self.choices
        traces = self._taught() if run.config.teacher else self._own()
        trained = {**traces, "sft": lambda: sft(run, c.start, c.trainer)} if run.config.trains else {}
        return {
            "problems": self._problems,
            **trained,
            **{f"grpo-{arm}": self._grpo(arm) for arm in run.config.reinforced},
            **{f"validate-{arm}": self._validate(arm) for arm in run.config.reinforced if run.config.grpo.validation},
            **{f"evaluate-{arm}": self._evaluate(arm) for arm in run.config.arms},
            "report": lambda: {"page": str(report(run))},
        }

    def _problems(self) -> dict[str, Any]:
        """The problems of the run; where it has them, those of exams that came since."""
        if not self.complete("problems"):
            return make_problems(self.run)
        before = {k: v for k, v in (self.run.finished("problems") or {}).items() if not k.startswith(LEFT_OUT)}
        return before | make_exams(self.run, self._suites())

    def _suites(self) -> list[Exam]:
        """The exams that came from suites."""
        return [exam for exam in exams_of(self.run.config).values() if exam.suite]

    def _own(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Traces from the model's own attempts."""
        run, c = self.run, self.choices
        reflects = any(skill.reflects for skill in c.skills)
        engine = late(lambda: self.engine(c.model.path))
        reflecting = {"reflect": lambda: reflect(run, c.prompts, engine, c.tags, self.shard)} if reflects else {}
        made_by = Rearranger(run, c.prompts, c.tags, c.skills, c.banks, c.strategy)
        return {
            "sample": lambda: sample(run, c.prompts, engine, self.shard),
            "grade": lambda: grade(run, c.tags, c.prompts),
            **reflecting,
            "rearrange": lambda: rearrange(made_by, self.workers),
        }

    def _taught(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Traces from a teacher's file."""
        return {"rearrange": lambda: teach(self.run, self.choices.prompts, self.choices.tags)}

    @cached_property
    def needs(self) -> dict[str, str]:
        """Stage -> the stage whose work it starts from; on half of that work it would count as done for good."""
        first, *others = (name for name in self.stages if name in FILES)
        needs = dict(zip(others, (first, *others), strict=False))
        for arm in self.run.config.reinforced:
            needs[f"grpo-{arm}"] = "problems" if arm in FROM_BASE else "sft"
            needs[f"validate-{arm}"] = needs[f"evaluate-{arm}"] = f"grpo-{arm}"
        for arm in self.run.config.arms:
            if arm not in self.run.config.reinforced:
                before = f"validate-{trained_as(arm)}" if is_best(arm) else arm
                needs[f"evaluate-{arm}"] = "problems" if arm == "base" else before
        return needs

    def up_to(self, last: str | None) -> list[str]:
        """The stages up to one of them (to all of its methods, where it has several), or all."""
        names = list(self.stages)
        if last is None:
            return names
        found = [
            i for i, name in enumerate(names) if name == last or (last not in names and name.startswith(f"{last}-"))
        ]
        if not found:
            raise SkillFactoryError(f"no stage named '{last}': there are {', '.join(names)}")
        return names[: found[-1] + 1]

    def _grpo(self, method: str) -> Callable[[], dict[str, Any]]:
        c = self.choices
        start = c.start if method in FROM_BASE else str(self.run.sft / "model")
        return lambda: grpo(self.run, method, start, self.prompts_of(method), c.tags, c.trainer)

    def _validate(self, arm: str) -> Callable[[], dict[str, Any]]:
        return lambda: validate(self.run, arm, self.examiner(arm), lambda model: late(lambda: self.engine(model)))

    def _evaluate(self, method: str) -> Callable[[], dict[str, Any]]:
        def stage() -> dict[str, Any]:
            arm = trained_as(method)
            if not is_best(method) or not last_is_best(self.run, arm):
                return evaluate(self.examiner(method), self.shard, self.exams)
            # The same weights: what is missing of their responses is made under the name of the last.
            evaluate(self.examiner(arm), self.shard, self.exams)
            return take_over(self.run, method, arm, self.shard, self.exams)

        return stage

    def prompts_of(self, method: str) -> PromptSet:
        """What a method is asked with, in training and evaluation."""
        return asked_with(method, self.choices.prompts, self.choices.tags)

    def examiner(self, method: str) -> Examiner:
        """Who asks a method."""
        engine = late(lambda: self.engine(self.model_of(method)))
        return Examiner(self.run, method, self.prompts_of(method), self.choices.tags, engine, trained_as(method))

    def model_of(self, method: str) -> str:
        """Where the weights of a method are."""
        if method == "base":
            return self.choices.start
        trained = self.run.sft if method == "sft" else self.run.grpo(trained_as(method))
        folder = trained / ("best" if is_best(method) else "model")
        if not folder.is_dir():
            raise SkillFactoryError(
                f"method '{method}' has no model yet: {folder} does not exist; run its training first"
            )
        return str(folder)

    def engine(self, model: str) -> Engine:
        """The engine that holds a model; the one before it is closed."""
        if self.opened is not None and self.opened[0] == model:
            return self.opened[1]
        self.close()
        self.opened = (model, open_engine(self.choices.engine, model, self.run.config))
        return self.opened[1]

    def close(self) -> None:
        if self.opened is not None:
            self.opened[1].close()
            self.opened = None

    def do(self, *names: str) -> None:
        """Do these stages, or all; those that are done are skipped, except the report."""
        try:
            for name in self.due(names or self.stages):
                if name.startswith(("sft", "grpo")):
                    # Training wants the memory, and loads weights of its own.
                    self.close()
                with self._recorded(name) as summary, deadline(self.run.config.most_seconds):
                    summary |= self.stages[name]()
        finally:
            self.close()

    def due(self, names: Iterable[str]) -> Iterator[str]:
        """Those that are not done; an error where one of them cannot start."""
        for name in names:
            if not self.done(name):
                if not self.ready(name):
                    need = self.needs[name]
                    command = "sample" if need == "problems" else need.split("-")[0]
                    raise SkillFactoryError(
                        f"stage '{name}' needs stage '{need}', which is not finished: sf {command} {self.run.folder}"
                    )
                yield name

    def done(self, name: str) -> bool:
        """Whether there is nothing to do. Failed generations are retried until another stage has built on the rest;
        the report is made anew every time."""
        summary = self.run.finished(name) or {}
        built_upon = any(self.run.finished(stage) for stage, need in self.needs.items() if need == name)
        if name == "report" or not self.complete(name) or not self.covers(name):
            return False
        return built_upon or not summary.get("failed")

    def covers(self, name: str) -> bool:
        """Whether a finished stage did the exams that it is asked for: suites may have come since."""
        summary = self.run.finished(name) or {}
        if name == "problems":
            return all({f"evaluation-{e.name}", f"{LEFT_OUT}{e.name}"} & summary.keys() for e in self._suites())
        exams = exams_here(self.run, self.exams) if name.startswith("evaluate-") else ()
        return all(f"accuracy_{exam}" in summary for exam in exams)

    def complete(self, name: str) -> bool:
        """Whether a stage was finished and all its files are there."""
        summary = self.run.finished(name)
        files = summary.get("files", ()) if summary is not None else ()
        return summary is not None and all((self.run.folder / path).exists() for path in files)

    def ready(self, name: str) -> bool:
        """Whether a stage can start."""
        return name not in self.needs or self.complete(self.needs[name])

    @contextmanager
    def _recorded(self, name: str) -> Iterator[dict[str, Any]]:
        summary: dict[str, Any] = {}
        self.run.event(event="started", stage=name)
        clock = Clock()
        try:
            yield summary
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            self.run.event(event="stopped", stage=name, reason=reason, **clock.spent())
            raise
        summary |= with_stops(self.run, name, clock.spent())
        summary["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if files_of(name):
            summary["files"] = files_made(self.run.folder, name)
        self.run.record(name, summary)
        for broken in plugins().tell("stage_finished", run=self.run, stage=name, summary=summary):
            print(f"sf: plugin '{broken.name}' ({broken.distribution}): {broken.error}", file=sys.stderr)
