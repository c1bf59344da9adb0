"""GRPO with micro-batches of like length: the same gradient without the padding.

TRL pads every completion of a step to the longest one. Within one optimiser update the order of completions does not
matter to the sum of the loss, so they are sorted by length, and each micro-batch is cut to its own longest.
"""

from typing import Any

import torch  # noqa: TID253 - this file is imported only where torch is in use
from trl import GRPOTrainer  # noqa: TID253

Inputs = dict[str, Any]


class BucketedGRPOTrainer(GRPOTrainer):  # type: ignore[misc]
    """TRL's trainer with sorted and trimmed micro-batches."""

    _buffered_inputs: list[Inputs]

    def _prepare_inputs(self, generation_batch: Inputs) -> Inputs:
        every = self.args.steps_per_generation * self.num_iterations
        fresh = self.model.training and (self._step % every == 0 or self._buffered_inputs is None)
        inputs: Inputs = super()._prepare_inputs(generation_batch)
        if not fresh:
            return inputs
        update = self.args.gradient_accumulation_steps
        batches: list[Inputs] = self._buffered_inputs
        self._buffered_inputs = [
            batch for start in range(0, len(batches), update) for batch in by_length(batches[start : start + update])
        ]
        first: Inputs = self._buffered_inputs[self._step % self.args.steps_per_generation]
        return first

    def _compute_loss(self, model: Any, inputs: Inputs) -> Any:
        return super()._compute_loss(model, trimmed(inputs))


def by_length(batches: list[Inputs]) -> list[Inputs]:
    """The rows of some micro-batches, dealt again from the shortest completion to the longest."""
    lengths = torch.cat([batch["completion_mask"].sum(1) for batch in batches])
    order = torch.argsort(lengths, stable=True).split([len(batch["completion_ids"]) for batch in batches])
    return [
        {
            name: torch.cat([batch[name] for batch in batches])[rows] if is_rows(batches[0], name) else value
            for name, value in batches[0].items()
        }
        for rows in order
    ]


def is_rows(batch: Inputs, name: str) -> bool:
    """Whether an entry holds one row per completion."""
    value = batch[name]
    return isinstance(value, torch.Tensor) and value.dim() > 0 and len(value) == len(batch["completion_ids"])


def trimmed(inputs: Inputs) -> Inputs:
    """A micro-batch without the columns that are padding in all of its rows."""
    width = inputs["completion_ids"].shape[1]
    kept = max(1, int(inputs["completion_mask"].sum(1).max()))
    cut = {
        name: value[:, :kept]
        for name, value in inputs.items()
        if is_rows(inputs, name) and value.dim() == 2 and value.shape[1] == width and not name.startswith("prompt")
    }
    room = int((inputs["prompt_mask"].sum(0) == 0).sum())
    prompts = {name: inputs[name][:, room:] for name in ("prompt_ids", "prompt_mask")}
    return {**inputs, **cut, **prompts}
