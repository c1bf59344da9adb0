"""Pretrain pocket from nothing: corpus -> tokenizer -> a small Llama, by one loop of plain torch."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from skillfactory_pocket.corpus import Document, documents
from skillfactory_pocket.tokenizer import ASSISTANT, END, USER, build_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

IGNORED = -100
Rows = tuple["torch.Tensor", "torch.Tensor"]


@attrs.frozen
class Recipe:
    """Sizes and schedule of the shipped weights."""

    hidden: int = 128
    layers: int = 5
    heads: int = 4
    key_value_heads: int = 2
    feed_forward: int = 384
    row: int = 256
    "tokens per row"
    rows: int = 32
    "rows per optimiser step"
    steps: int = 3000
    long_row: int = 1024
    "tokens per row in the last steps, so that the positions of a long trace are trained"
    long_share: float = 0.1
    rate: float = 4e-3
    "peak learning rate of the embeddings and norms (AdamW); linear warm-up, then linear to nothing"
    matrix_rate: float = 0.02
    "peak learning rate of the weight matrices (Muon)"
    warmup: int = 200
    seed: int = 0


def build_model(recipe: Recipe, tokenizer: "PreTrainedTokenizerFast") -> "LlamaForCausalLM":
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def encode(tokenizer: "PreTrainedTokenizerFast", batch: list[Document]) -> list[tuple[list[int], list[int]]]:
    """(tokens, labels) of each document; prompts carry no loss."""
    user, assistant, end = tokenizer.convert_tokens_to_ids([USER, ASSISTANT, END])
    (equals,) = tokenizer(" = ")["input_ids"]
    prompts = tokenizer([d.prompt for d in batch])["input_ids"]
    completions = tokenizer([d.completion for d in batch])["input_ids"]
    encoded = []
    for document, prompt, completion in zip(batch, prompts, completions, strict=True):
        head = [user, *prompt, assistant] if document.prompt else [assistant]
        tail = [*completion, end]
        if document.kind == "drill":
            # Operands are drawn at random: only the values can be learned.
            learned = [t if before == equals else IGNORED for before, t in zip([assistant, *tail], tail, strict=False)]
        else:
            learned = tail
        encoded.append((head + tail, [IGNORED] * len(head) + learned))
    return encoded


def rows_of(tokenizer: "PreTrainedTokenizerFast", seed: int, recipe: Recipe, length: int) -> Iterator[Rows]:
    """Batches of (tokens, labels), each (rows, length) int64; whole documents only, best fit first."""
    import torch

    stream = documents(seed)
    count = recipe.rows * recipe.row // length
    waiting: list[tuple[list[int], list[int]]] = []
    pad = tokenizer.pad_token_id
    while True:
        batch = []
        for _ in range(count):
            if len(waiting) < 200:
                fresh = encode(tokenizer, [next(stream) for _ in range(2000)])
                waiting += [d for d in fresh if len(d[0]) <= length]
            tokens: list[int] = []
            labels: list[int] = []
            tries = 0
            while tries < 30 and waiting:
                # The last ones first: popping from the end is cheap.
                at = len(waiting) - 1 - tries
                if at < 0:
                    break
                if len(tokens) + len(waiting[at][0]) <= length:
                    document = waiting.pop(at)
                    tokens += document[0]
                    labels += document[1]
                else:
                    tries += 1
            gap = length - len(tokens)
            batch.append((tokens + [pad] * gap, labels + [IGNORED] * gap))
        yield torch.tensor([t for t, _ in batch]), torch.tensor([x for _, x in batch])


def pretrain(target: Path, recipe: Recipe) -> None:
    """Write weights, configuration and tokenizer into `target`; log one JSON line per 100 steps."""
    import torch

    tokenizer = build_tokenizer()
    model = build_model(recipe, tokenizer)
    # Compiling is worth a quarter of the time and needs a C++ compiler.
    forward = torch.compile(model) if shutil.which("g++") else model
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    muon = torch.optim.Muon(matrices, lr=recipe.matrix_rate, weight_decay=0.01)
    adam = torch.optim.AdamW(others, lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.01)

    def schedule(step: int) -> float:
        if step < recipe.warmup:
            return (step + 1) / recipe.warmup
        share = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
        return max(0.01, 1 - share)

    schedulers = [torch.optim.lr_scheduler.LambdaLR(o, schedule) for o in (muon, adam)]
    long_from = int(recipe.steps * (1 - recipe.long_share))
    batches = rows_of(tokenizer, recipe.seed + 1, recipe, recipe.row)
    start = time.monotonic()
    losses: list[float] = []
    for step in range(recipe.steps):
        if step == long_from:
            batches = rows_of(tokenizer, recipe.seed + 2, recipe, recipe.long_row)
        tokens, labels = next(batches)
        with torch.autocast("cpu", torch.bfloat16):
            loss = forward(input_ids=tokens, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, scheduler in zip((muon, adam), schedulers, strict=True):
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - start
            done = (step + 1) * recipe.rows * recipe.row
            print(
                json.dumps(
                    {
                        "step": step + 1,
                        "loss": round(sum(losses) / len(losses), 4),
                        "tokens_per_second": round(done / seconds),
                        "seconds": round(seconds),
                    }
                ),
                flush=True,
            )
            losses = []
        if (step + 1) % 1000 == 0 or step + 1 == recipe.steps:
            model.save_pretrained(target)
            tokenizer.save_pretrained(target)
