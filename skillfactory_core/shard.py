"""Shard: one of several processes that share out the parts of a run's tables; all they have in common is the disk."""

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from skillfactory_core.deadline import deadline
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.run import held

if TYPE_CHECKING:
    from skillfactory_core.pipeline import Pipeline


@attrs.frozen
class Shard:
    """`index` of `count`, counted from 0."""

    index: int = 0
    count: int = 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, parts: Iterable[int], before: int = 0) -> list[int]:
        """Its share of some parts: every one whose place, counted on from `before`, has this remainder."""
        return [number for place, number in enumerate(parts, before) if place % self.count == self.index]


WHOLE = Shard()


def parse_shard(text: str) -> Shard:
    """`0/4`: the first of four."""
    found = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
    shard = Shard(*map(int, found.groups())) if found else Shard(0, 0)
    if not shard.index < shard.count:
        raise SkillFactoryError(
            f"shard '{text}': write INDEX/COUNT with an index from 0 to COUNT - 1, such as 0/4 to 3/4"
        )
    return shard


@contextmanager
def locked_share(folder: Path, shard: Shard) -> Iterator[None]:
    """Hold a run together with the other shards of the same count: nobody else can have it, and nobody this shard."""
    with ExitStack() as stack:
        in_use = f"{folder} is in use by another process; wait for it"
        stack.enter_context(held(folder / "run.lock", in_use, shared=True))
        own = folder / f"shard-{shard.index}-of-{shard.count}.lock"
        stack.enter_context(held(own, f"shard {shard} of {in_use}"))
        for other in folder.glob("shard-*.lock"):
            if not other.stem.endswith(f"-of-{shard.count}"):
                with held(
                    other, f"shard {shard} of {folder} overlaps with {other.stem.replace('-', ' ')}; wait for it"
                ):
                    pass
        yield


def share(pipeline: "Pipeline", names: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Do the parts of a pipeline's shard in some stages; yields (stage, counts of these parts).

    Nothing is put into the manifest, which other shards might write at the same time: the stage is finished by the same command
    without a shard, which finds all parts there.
    """
    run, shard = pipeline.run, str(pipeline.shard)
    try:
        for name in pipeline.due(names):
            run.event(event="shard started", stage=name, shard=shard)
            with deadline(run.config.most_seconds):
                counts = pipeline.stages[name]()
            yield name, counts
            run.event(event="shard finished", stage=name, shard=shard)
    finally:
        pipeline.close()
