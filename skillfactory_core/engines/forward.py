"""Forward: the logits of many rows of one model, prompts at once and then token by token; rows can fork and be let go."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch  # noqa: TID253 - this file is imported only where torch is in use
from transformers import Cache  # noqa: TID253

from skillfactory_core.engines.attention import row_attention
from skillfactory_core.engines.cache import RowLayer


class Forward(Protocol):
    """What `decode` asks of a model. It remembers each row's tokens, in a cache."""

    def read(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """One row for each prompt; returns the logits of their first tokens, (rows, vocabulary)."""

    def advance(self, tokens: torch.Tensor) -> torch.Tensor:
        """One more token of every row, (rows,); returns the logits of the next ones."""

    def reorder(self, rows: torch.Tensor, moved: torch.Tensor) -> None:
        """Row rows[i] at place i; one may be at several places. moved: the places whose row was elsewhere."""


class Prompts:
    """Prompts as a model reads them: padded on the left. Shapes are (prompts, longest)."""

    def __init__(self, prompts: Sequence[Sequence[int]], pad: int, device: torch.device) -> None:
        longest = max(len(p) for p in prompts)
        self.ids = torch.tensor([[pad] * (longest - len(p)) + list(p) for p in prompts], device=device)
        self.lengths = torch.tensor([len(p) for p in prompts], device=device)
        self.mask = torch.arange(longest, device=device) >= (longest - self.lengths)[:, None]

    def read(self, model: Any, cache: Cache) -> torch.Tensor:
        """Fill the cache; returns the logits of the first token, (prompts, vocabulary)."""
        output = model(
            input_ids=self.ids,
            attention_mask=self.mask.long(),
            position_ids=(self.mask.cumsum(1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits


class AnyForward:
    """By the model's own code, with a cache that is allocated ahead."""

    def __init__(self, model: Any, pad: int, room: int) -> None:
        """room: tokens that a row may have after its prompt."""
        self.model, self.pad, self.room = model, pad, room

    def read(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        asked = Prompts(prompts, self.pad, self.model.device)
        self.cache = Cache(layer_class_to_replicate=RowLayer)
        with row_attention(self.model):
            logits = asked.read(self.model, self.cache)
        after = torch.ones((len(prompts), self.room), dtype=torch.bool, device=self.model.device)
        self.mask = torch.cat([asked.mask, after], dim=1)
        self.width, self.positions = asked.mask.shape[1], asked.lengths
        return logits

    def advance(self, tokens: torch.Tensor) -> torch.Tensor:
        self.width += 1
        with row_attention(self.model):
            output = self.model(
                input_ids=tokens[:, None],
                attention_mask=self.mask[:, : self.width].long(),
                position_ids=self.positions[:, None],
                past_key_values=self.cache,
                use_cache=True,
            )
        self.positions = self.positions + 1
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def reorder(self, rows: torch.Tensor, moved: torch.Tensor) -> None:
        self.positions, self.mask = self.positions[rows], self.mask[rows]
        for layer in self.cache.layers:
            layer.reorder(rows, moved)
