"""Decode: sample many replies from a transformers model at once, fast where plain `generate` is slow.

`generate` grows its cache by concatenation and computes finished rows to the end. Here the cache is allocated ahead,
finished rows are dropped every few steps, equal prompts are read once, and each row draws from its own random stream,
so that neither its neighbours nor the order of work can change what it says. Models that are built like Llama take their
steps on a CPU in fewer and larger operations (llama.py).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from skillfactory_core.engine import Sampling

if TYPE_CHECKING:
    import torch

    from skillfactory_core.engines.forward import Forward

DROP_EVERY = 16
"steps between looks for finished rows"
DROP_SHARE = 0.1
"share of finished rows that is worth the copy of the cache"


@attrs.frozen
class Reply:
    """The tokens of one row."""

    tokens: list[int]
    "without the end token"
    ended: bool
    "an end token was drawn; otherwise the row was cut at max_tokens"
    logps: list[float]
    "log-probability of each token (and of the end token) under the sampling distribution"


def decode(
    model: Any,
    prompts: Sequence[Sequence[int]],
    seeds: Sequence[int],
    sampling: Sampling,
    ends: set[int],
    pad: int,
    dtype: "torch.dtype | None" = None,
) -> list[Reply]:
    """Sample one reply to each prompt (token ids); `seeds[i]` is the stream of row i. dtype: what to compute in, where it is not that
    of the weights; only models that are built like Llama, and on a CPU, are cast for it."""
    import torch

    from skillfactory_core.engines.forward import AnyForward
    from skillfactory_core.engines.llama import LlamaForward, is_alike

    with torch.inference_mode():
        forward: Forward = (
            LlamaForward(model, pad, dtype or model.dtype)
            if is_alike(model)
            else AnyForward(model, pad, sampling.max_tokens)
        )
        return _Batch(forward, model.device, prompts, seeds, sampling, ends, pad).run()


class _Batch:
    """The rows that are being decoded together. Rows keep their number when others are dropped."""

    def __init__(
        self,
        forward: "Forward",
        device: "torch.device",
        prompts: Sequence[Sequence[int]],
        seeds: Sequence[int],
        sampling: Sampling,
        ends: set[int],
        pad: int,
    ) -> None:
        import numpy as np
        import torch

        self.forward, self.device, self.prompts, self.sampling = forward, device, prompts, sampling
        self.ends = torch.tensor(sorted(ends), device=self.device)
        self.rows = torch.arange(len(prompts), device=self.device)
        self.streams = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
        self.tokens = torch.full((len(prompts), sampling.max_tokens), pad, device=self.device)
        self.logps = torch.zeros((len(prompts), sampling.max_tokens), device=self.device)
        self.lengths = torch.full((len(prompts),), sampling.max_tokens, device=self.device)
        self.ended = torch.zeros(len(prompts), dtype=torch.bool, device=self.device)

    def run(self) -> list[Reply]:
        logits = self.read()
        for step in range(self.sampling.max_tokens):
            drawn, logps = self.draw(logits, step)
            self.tokens[self.rows, step] = drawn
            self.logps[self.rows, step] = logps
            finished = (drawn[:, None] == self.ends).any(dim=1) & ~self.ended[self.rows]
            self.lengths[self.rows[finished]] = step
            self.ended[self.rows[finished]] = True
            if (step + 1) % DROP_EVERY == 0 or step < 2:
                self.drop_finished()
                drawn = self.tokens[self.rows, step]
            if not len(self.rows) or step + 1 == self.sampling.max_tokens:
                break
            logits = self.forward.advance(drawn)
        return self.replies()

    def read(self) -> "torch.Tensor":
        """The logits of the first tokens, (rows, vocabulary)."""
        import torch

        logits = self.forward.read(self.prompts)
        if self.sampling.repetition_penalty != 1.0:
            self.seen = torch.zeros_like(logits, dtype=torch.bool)
            for row, prompt in enumerate(self.prompts):
                self.seen[row, torch.tensor(prompt, device=self.device)] = True
        return logits

    def draw(self, logits: "torch.Tensor", step: int) -> "tuple[torch.Tensor, torch.Tensor]":
        """One token per row and its log-probability; the order of filters is that of transformers."""
        import torch

        sampling = self.sampling
        if sampling.repetition_penalty != 1.0:
            penalised = torch.where(
                logits > 0, logits / sampling.repetition_penalty, logits * sampling.repetition_penalty
            )
            logits = torch.where(self.seen, penalised, logits)
        if sampling.temperature == 0:
            drawn = logits.argmax(dim=-1)
            logps = torch.zeros_like(logits[:, 0])
        else:
            logits = logits / sampling.temperature
            choices = None
            if sampling.top_k and sampling.top_k < logits.shape[-1]:
                logits, choices = logits.topk(sampling.top_k, dim=-1)
            elif sampling.top_p < 1:
                logits, choices = logits.sort(dim=-1, descending=True)
            probabilities = logits.softmax(dim=-1)
            if sampling.top_p < 1:
                before = probabilities.cumsum(dim=-1) - probabilities
                probabilities = probabilities.masked_fill(before >= sampling.top_p, 0.0)
                probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
            cumulative = probabilities.cumsum(dim=-1)
            at = self.uniforms(step)[:, None] * cumulative[:, -1:]
            index = torch.searchsorted(cumulative, at, right=True).clamp(max=logits.shape[-1] - 1)
            chosen = probabilities.gather(1, index)
            if not chosen.all():
                # Rounding can point past the last token with weight; step back onto it.
                last = (probabilities > 0).long().cumsum(dim=-1).argmax(dim=-1, keepdim=True)
                index = torch.minimum(index, last)
                chosen = probabilities.gather(1, index)
            logps = chosen.log()[:, 0]
            drawn = (index if choices is None else choices.gather(1, index))[:, 0]
        if sampling.repetition_penalty != 1.0:
            self.seen.scatter_(1, drawn[:, None], True)
        return drawn, logps

    def uniforms(self, step: int) -> "torch.Tensor":
        """One uniform draw per row from its own stream; drawn in blocks, since calls cost more than numbers."""
        import numpy as np
        import torch

        block = 64
        if step % block == 0:
            self.drawn = torch.zeros((len(self.prompts), block), device=self.device)
            fresh = np.stack([self.streams[row].random(block, dtype=np.float32) for row in self.rows.tolist()])
            self.drawn[self.rows] = torch.from_numpy(fresh).to(self.device)
        return self.drawn[self.rows, step % block]

    def drop_finished(self) -> None:
        """Forget rows that have ended, where there are enough of them to pay for the copy."""
        alive = ~self.ended[self.rows]
        count = int(alive.sum())
        if len(self.rows) - count < max(1, DROP_SHARE * len(self.rows)) and count:
            return
        keep = alive.nonzero()[:, 0]
        self.rows = self.rows[keep]
        if self.sampling.repetition_penalty != 1.0:
            self.seen = self.seen[keep]
        self.forward.keep(keep)

    def replies(self) -> list[Reply]:
        tokens, logps = self.tokens.tolist(), self.logps.tolist()
        return [
            Reply(row[:length], ended, values[: length + ended])
            for row, length, ended, values in zip(
                tokens, self.lengths.tolist(), self.ended.tolist(), logps, strict=True
            )
        ]
