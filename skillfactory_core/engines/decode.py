"""Decode: sample many replies from a transformers model at once, fast where plain `generate` is slow.

`generate` grows its cache by concatenation, computes every row by itself and finished ones to the end. Here the cache is allocated
ahead, texts that are the same so far are computed once, a reply that has ended is dropped at once, and each draws from its own random
stream, so that neither its neighbours nor the order of work can change what it says. Models that are built like Llama take their
steps on a CPU in fewer and larger operations (llama.py).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from skillfactory_core.engine import Sampling

if TYPE_CHECKING:
    import torch

    from skillfactory_core.engines.forward import Forward


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
    """The replies that are being decoded together. A row of the model is a text: that of every reply which has said the same so far."""

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

        self.forward, self.device, self.sampling = forward, device, sampling
        self.prompts = list(dict.fromkeys(tuple(prompt) for prompt in prompts))
        number = {prompt: row for row, prompt in enumerate(self.prompts)}
        self.row = torch.tensor([number[tuple(prompt)] for prompt in prompts], device=device)
        "of each living reply"
        self.living = torch.arange(len(prompts), device=device)
        self.ends = torch.tensor(sorted(ends), device=device)
        self.streams = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
        self.tokens = torch.full((len(prompts), sampling.max_tokens), pad, device=device)
        self.logps = torch.zeros((len(prompts), sampling.max_tokens), device=device)
        self.lengths = torch.full((len(prompts),), sampling.max_tokens, device=device)
        self.ended = torch.zeros(len(prompts), dtype=torch.bool, device=device)

    def run(self) -> list[Reply]:
        logits = self.read()
        for step in range(self.sampling.max_tokens):
            drawn, logps = self.draw(logits, step)
            self.tokens[self.living, step] = drawn
            self.logps[self.living, step] = logps
            finished = (drawn[:, None] == self.ends).any(dim=1)
            # Every text is that of one reply, and none has ended: so it stays.
            settled = len(self.living) == len(logits) and not finished.any()
            if not settled:
                self.lengths[self.living[finished]] = step
                self.ended[self.living[finished]] = True
                self.living, self.row, drawn = self.living[~finished], self.row[~finished], drawn[~finished]
            if not len(self.living) or step + 1 == self.sampling.max_tokens:
                break
            logits = self.forward.advance(self.fork(drawn, settled, *logits.shape))
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

    def fork(self, drawn: "torch.Tensor", settled: bool, rows: int, vocabulary: int) -> "torch.Tensor":
        """Make a row of each different text that there is after these tokens; returns the rows' tokens, (rows,)."""
        import torch

        if not settled:
            different, number = torch.unique(self.row * vocabulary + drawn, return_inverse=True)
            came_from, count = different // vocabulary, len(different)
            # A text goes on in the place of what it came from, if it is the first to; the others take the places that are left.
            stays = came_from < count
            stays[1:] &= came_from[1:] != came_from[:-1]
            place = torch.where(stays, came_from, -1)
            left = torch.ones(count, dtype=torch.bool, device=self.device)
            left[place[stays]] = False
            place[~stays] = left.nonzero()[:, 0]
            source = torch.empty_like(came_from)
            source[place] = came_from
            self.row = place[number]
            moved = (source != torch.arange(count, device=self.device)).nonzero()[:, 0]
            if len(moved) or count != rows:
                self.forward.reorder(source, moved)
                if self.sampling.repetition_penalty != 1.0:
                    self.seen = self.seen[source]
            rows = count
        tokens = drawn.new_empty(rows)
        tokens[self.row] = drawn
        if self.sampling.repetition_penalty != 1.0:
            self.seen.scatter_(1, tokens[:, None], True)
        return tokens

    def draw(self, logits: "torch.Tensor", step: int) -> "tuple[torch.Tensor, torch.Tensor]":
        """One token of each living reply and its log-probability; the order of filters is that of transformers."""
        import torch

        sampling = self.sampling
        if sampling.repetition_penalty != 1.0:
            penalised = torch.where(
                logits > 0, logits / sampling.repetition_penalty, logits * sampling.repetition_penalty
            )
            logits = torch.where(self.seen, penalised, logits)
        if sampling.temperature == 0:
            drawn = logits.argmax(dim=-1)[self.row]
            return drawn, torch.zeros_like(drawn, dtype=logits.dtype)
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
        cumulative = probabilities.cumsum(dim=-1)[self.row]
        at = self.uniforms(step)[:, None] * cumulative[:, -1:]
        index = torch.searchsorted(cumulative, at, right=True).clamp(max=logits.shape[-1] - 1)[:, 0]
        chosen = probabilities[self.row, index]
        if not chosen.all():
            # Rounding can point past the last token with weight; step back onto it.
            last = (probabilities > 0).long().cumsum(dim=-1).argmax(dim=-1)
            index = torch.minimum(index, last[self.row])
            chosen = probabilities[self.row, index]
        return index if choices is None else choices[self.row, index], chosen.log()

    def uniforms(self, step: int) -> "torch.Tensor":
        """One uniform draw per living reply from its own stream; drawn in blocks, since calls cost more than numbers."""
        import numpy as np
        import torch

        block = 64
        if step % block == 0:
            self.drawn = torch.zeros((len(self.streams), block), device=self.device)
            fresh = np.stack([self.streams[reply].random(block, dtype=np.float32) for reply in self.living.tolist()])
            self.drawn[self.living] = torch.from_numpy(fresh).to(self.device)
        return self.drawn[self.living, step % block]

    def replies(self) -> list[Reply]:
        tokens, logps = self.tokens.tolist(), self.logps.tolist()
        return [
            Reply(row[:length], ended, values[: length + ended])
            for row, length, ended, values in zip(
                tokens, self.lengths.tolist(), self.ended.tolist(), logps, strict=True
            )
        ]
