"""Attention for one new token per row on a CPU, where PyTorch's own kernel is tens of times slower.

With grouped queries, transformers' sdpa path copies the whole cache at every step to repeat its heads, and the CPU
kernel has no fast path for a single query. Two matrix products over the cache as it lies do the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch  # noqa: TID253 - this file is imported only where torch is in use
from transformers import AttentionInterface, AttentionMaskInterface  # noqa: TID253
from transformers.integrations.sdpa_attention import sdpa_attention_forward  # noqa: TID253
from transformers.masking_utils import sdpa_mask  # noqa: TID253

NAME = "skillfactory_rows"


def row_attention_forward(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """query (rows, heads, 1, size), key and value (rows, key heads, width, size), boolean mask (rows, 1, 1, width)."""
    rows, heads, length, size = query.shape
    if length != 1 or (attention_mask is not None and attention_mask.dtype != torch.bool):
        output: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return output
    grouped = query.view(rows, key.shape[1], heads // key.shape[1], size)
    scores = torch.matmul(grouped, key.transpose(-1, -2)) * (size**-0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, float("-inf"))
    mixed = torch.matmul(scores.softmax(dim=-1), value)
    return mixed.view(rows, 1, heads, value.shape[-1]), None


AttentionInterface.register(NAME, row_attention_forward)
AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def row_attention(model: Any) -> Iterator[None]:
    """Use it within the block, where the model is on the CPU and would use sdpa."""
    before = model.config._attn_implementation
    if before == "sdpa" and model.device.type == "cpu":
        model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before
