"""Fill: a run folder from a source. It gets its name when it is complete, so a kill leaves none that is half full."""

import gc
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skillfactory_core.config import Config
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.importing.block import Tidy
from skillfactory_core.importing.gather import Gatherer, repeated_keys
from skillfactory_core.importing.left_out import LeftOut
from skillfactory_core.importing.part import PartMaker
from skillfactory_core.importing.source import Source
from skillfactory_core.importing.spill import Spill
from skillfactory_core.pipeline import Pipeline
from skillfactory_core.progress import Progress
from skillfactory_core.prompts import FIELD
from skillfactory_core.run import Run, locked, open_run, start_run
from skillfactory_core.stages import grade, reflect
from skillfactory_core.stages.generate import chunks
from skillfactory_core.stages.problems import make_problems, task_of, variants_of

DRAFT = ".importing"
"ends the name of a run folder until it is complete"


def import_run(folder: Path, config: Config, source: Source) -> Run:
    """Make the run folder. What an earlier import left behind, when it was killed, is thrown away first."""
    draft = folder.with_name(folder.name + DRAFT)
    with locked(draft):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise SkillFactoryError(f"{folder} is there already: choose another --run, or remove it first")
        clear(draft)
        try:
            Filler(start_run(draft, config), source).fill()
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return open_run(folder)


def clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "run.lock":
            path.unlink()


class Filler:
    """Does the stages up to the reflections, from a source instead of an engine."""

    def __init__(self, run: Run, source: Source) -> None:
        self.run = run
        self.source = source
        self.task = task_of(run.config)
        self.pipeline = Pipeline(run)
        self.left_out = LeftOut()
        self.tidy = Tidy(source.columns, self.left_out)
        self.parts = PartMaker(self.task, self.pipeline.choices.tags, self.pipeline.choices.prompts)
        self.reflected = "reflections" in source.columns
        self.attempts = self.rows = 0
        check_wording(self.pipeline, source)

    def fill(self) -> None:
        stages = {"problems": self.problems, "sample": self.sample, "grade": lambda: grade.counts(self.run)}
        if self.reflected:
            stages["reflect"] = lambda: reflect.counts(self.run)
        self.pipeline.stages.update(stages)
        self.pipeline.do(*stages)

    def problems(self) -> dict[str, Any]:
        """Everything is done here, in one pass; the stages after it count."""
        others, not_made = self.other_problems()
        spills = self.run.folder / "spill"
        spill, keys = self.read(spills)
        repeated = None if keys is None else repeated_keys(keys, self.source.rows, self.left_out)
        gatherer = Gatherer(self.task, "correct" in self.source.columns, self.held_out(), self.left_out)
        with (
            Progress("write attempts", self.rows - self.left_out.rows, "attempts") as progress,
            ThreadPoolExecutor(1) as writer,
            no_collection(),
        ):
            writing: Future[None] | None = None
            for number, groups in enumerate(chunks(gatherer.groups(spill, repeated), self.run.config.part)):
                part = self.parts.make(groups)
                if writing is not None:
                    writing.result()
                writing = writer.submit(part.write, self.run, self.task.variant, number)
                self.attempts += len(part.attempts)
                progress.advance(len(part.attempts))
            if writing is not None:
                writing.result()
        shutil.rmtree(spills)
        self.check_any()
        return {
            f"train-{self.task.variant}": gatherer.problems,
            **others,
            "rows": self.rows,
            "left_out": self.left_out.rows,
            "mended_texts": self.tidy.mended,
            "not_compared": gatherer.not_compared,
            "other_extracted": self.parts.other_extracted,
            "imported": {
                "source": self.source.name,
                "columns": dict(self.source.columns),
                "left_out": self.left_out.summary(),
                "not_made": not_made,
            },
        }

    def read(self, folder: Path) -> tuple[Spill, Spill | None]:
        """Every row into its bucket; and every key, where a column holds one."""
        spill = Spill(folder / "rows", "by", self.source.bytes)
        keys = Spill(folder / "keys", "key", self.source.bytes // 16) if "key" in self.source.columns else None
        with Progress("read rows", self.source.rows, "rows") as progress:
            for count, block in self.source.blocks(self.tidy):
                self.rows += count
                spill.add(block)
                if keys is not None:
                    keys.add(block.select(["row", "key"]))
                progress.advance(count, f"{self.left_out.rows:,} left out" if self.left_out.rows else "")
        spill.flush()
        if keys is not None:
            keys.flush()
        return spill, keys

    def other_problems(self) -> tuple[dict[str, int], dict[str, str]]:
        """Make the problems for RL, validation and evaluation; (counts, what cannot be made and why)."""
        counts: dict[str, int] = {}
        not_made: dict[str, str] = {}
        for split in ("rl", "validation", "evaluation"):
            try:
                counts |= make_problems(self.run, (split,))
            except SkillFactoryError as error:
                not_made[split] = str(error)
        return counts, not_made

    def held_out(self) -> frozenset[str]:
        """The hashes of the problems for RL, validation and evaluation: no imported attempt may teach them."""
        tables = [self.run.problems(split, self.task.variant) for split in ("rl", "validation")]
        tables += [self.run.problems("evaluation", name) for name in variants_of(self.run.config)]
        return frozenset(digest for table in tables for (digest,) in table.every("hash"))

    def sample(self) -> dict[str, Any]:
        """The tokens of attempts from elsewhere are not counted: 0."""
        return {"attempts": self.attempts, "failed": 0, "cut": 0, "tokens": 0}

    def check_any(self) -> None:
        """An import without one right attempt is a mistake in the columns, or of no use."""
        why = f"; left out: {self.left_out}" if self.left_out.rows else ""
        if not self.attempts:
            raise SkillFactoryError(f"{self.source.name}: none of its {self.rows:,} rows can be imported{why}")
        if not any(correct for (correct,) in self.run.grades.every("correct")):
            raise SkillFactoryError(
                f"{self.source.name}: none of its {self.attempts:,} attempts is right, so nothing can be learnt from "
                f"them: look at the columns that --map names, and at the tag format's answers (-s tags=NAME){why}"
            )


@contextmanager
def no_collection() -> Iterator[None]:
    """Without Python's search for cycles: records have none, and it would take a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def check_wording(pipeline: Pipeline, source: Source) -> None:
    """Refuse a prompt set that words the task's questions from fields that the source does not hold."""
    name, prompts = pipeline.run.config.task, pipeline.choices.prompts
    if "problem" in source.columns:
        return
    lacking = sorted(set(FIELD.findall(prompts.questions.get(name, ""))) - source.columns.keys())
    if lacking:
        raise SkillFactoryError(
            f"prompt set '{prompts.name}' words the questions of {name} with {', '.join(lacking)}, which the source "
            "does not hold: choose another prompt set (-s prompts=NAME, sf prompt-sets), or name a column of such "
            "objects (--map problem=COLUMN)"
        )
