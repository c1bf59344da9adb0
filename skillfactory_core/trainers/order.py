"""The order of lessons in SFT: by length, and the same for one process as for many."""

from collections.abc import Iterator
from typing import Any

import torch  # noqa: TID253 - this file is imported only where torch is in use
from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices  # noqa: TID253
from trl import SFTTrainer  # noqa: TID253

from skillfactory_core.engine import stream_seed


class ByLength(LengthGroupedSampler):  # type: ignore[misc]
    """Batches of like length, in an order drawn from the seed and the epoch.

    The sampler of transformers draws from the generator of the process: another number of processes, or a start from a
    checkpoint, and step 7 would see other lessons.
    """

    def __init__(self, batch: int, lessons: Any, seed: int) -> None:
        super().__init__(batch, dataset=lessons)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(stream_seed(self.seed, f"order/{self.epoch}"))
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=generator))


class OrderedSFTTrainer(SFTTrainer):  # type: ignore[misc]
    """TRL's trainer with that order."""

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        update = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return ByLength(update, self.train_dataset if train_dataset is None else train_dataset, self.args.seed)
