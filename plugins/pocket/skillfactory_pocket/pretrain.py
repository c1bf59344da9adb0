"""Pretrain pocket from nothing: corpus -> tokenizer -> a small Llama, by one loop of plain torch that can be stopped."""

import copy
import json
import os
import shutil
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from skillfactory_core.errors import SkillFactoryError
from skillfactory_pocket.corpus.document import Document
from skillfactory_pocket.corpus.mixture import LAST_WEIGHTS, WEIGHTS, documents
from skillfactory_pocket.tokenizer import ASSISTANT, END, USER, build_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

IGNORED = -100
CHECKPOINT = "checkpoint.pt"
SHORT = 512
"tokens of a row in which plain attention is the faster one on a CPU"
Rows = tuple["torch.Tensor", "torch.Tensor"]


@attrs.frozen
class Phase:
    """Steps with rows of their own lengths; the learning rates rise and fall once."""

    steps: int
    rows: tuple[int, ...]
    "tokens per row: a batch has rows of one length, for documents that need it; attention over long rows costs most"
    rate: float = 1.0
    "share of the peak learning rates that they rise to"
    last: bool = False
    "read exercises too, and what repeats an answer"


@attrs.frozen
class Recipe:
    """Sizes and schedule of the shipped weights."""

    hidden: int = 192
    layers: int = 5
    heads: int = 4
    head: int = 32
    key_value_heads: int = 1
    "one, and small: what a decoder does on a long trace is to read its cache"
    feed_forward: int = 512
    tokens: int = 8192
    "tokens per optimiser step"
    phases: tuple[Phase, ...] = (
        Phase(5000, (256, 512)),
        # Distances as in a long trace: without these steps, what is written after 600 tokens is noise.
        Phase(800, (1536,), rate=0.3),
        Phase(800, (1536,), rate=0.3, last=True),
    )
    rate: float = 3e-3
    "peak learning rate of the embeddings and norms (AdamW); linear warm-up, then linear to a twentieth, in each phase"
    matrix_rate: float = 0.02
    "peak learning rate of the weight matrices (Muon)"
    warmup: int = 200
    block: int = 100
    "steps that share a stream of documents; there is a checkpoint after each block"
    seed: int = 0
    compiled: bool = True
    "compile the model: worth a quarter of the time, and needs a C++ compiler"


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
        head_dim=recipe.head,
        num_key_value_heads=recipe.key_value_heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM._from_config(config)


def encode(tokenizer: "PreTrainedTokenizerFast", batch: list[Document]) -> list[tuple[list[int], list[int]]]:
    """(tokens, labels) of each document; prompts carry no loss."""
    user, assistant, end = tokenizer.convert_tokens_to_ids([USER, ASSISTANT, END])
    prompts = tokenizer([d.prompt for d in batch])["input_ids"]
    completions = tokenizer([d.completion for d in batch])["input_ids"]
    encoded = []
    for document, prompt, completion in zip(batch, prompts, completions, strict=True):
        head = [user, *prompt, assistant] if document.prompt else [assistant]
        tail = [*completion, end]
        learned = tail
        if document.learned_after:
            (mark,) = tokenizer(document.learned_after)["input_ids"]
            learned = [t if before == mark else IGNORED for before, t in zip([assistant, *tail], tail, strict=False)]
        encoded.append((head + tail, [IGNORED] * len(head) + learned))
    return encoded


def rows_of(tokenizer: "PreTrainedTokenizerFast", seed: int, tokens: int, phase: Phase) -> Iterator[Rows]:
    """Batches of (tokens, labels), each (tokens / length, length) int64 with one of the phase's; whole documents only."""
    stream = documents(seed, LAST_WEIGHTS if phase.last else WEIGHTS)
    waiting: dict[int, list[tuple[list[int], list[int]]]] = {length: [] for length in phase.rows}
    while True:
        while not (ready := [n for n in phase.rows if sum(len(d[0]) for d in waiting[n]) > 2 * tokens]):
            for document in encode(tokenizer, [next(stream) for _ in range(1000)]):
                # In the first phase the longest worksheets, and markup now and then, do not fit into the longest row: left out.
                for length in (n for n in phase.rows if len(document[0]) <= n):
                    waiting[length].append(document)
                    break
        yield pack(waiting[ready[-1]], tokens, ready[-1], tokenizer.pad_token_id)


def pack(waiting: list[tuple[list[int], list[int]]], tokens: int, length: int, pad: int) -> Rows:
    """One batch of the documents that wait, the last ones first, which is cheap; a row takes what fits of sixty."""
    import torch

    batch = []
    for _ in range(tokens // length):
        row: list[int] = []
        labels: list[int] = []
        tries = 0
        while tries < min(60, len(waiting)):
            at = len(waiting) - 1 - tries
            if len(row) + len(waiting[at][0]) <= length:
                document = waiting.pop(at)
                row += document[0]
                labels += document[1]
            else:
                tries += 1
        gap = length - len(row)
        batch.append((row + [pad] * gap, labels + [IGNORED] * gap))
    return torch.tensor([t for t, _ in batch]), torch.tensor([x for _, x in batch])


def phases(recipe: Recipe) -> Iterator[tuple[int, Phase]]:
    """(first step, phase) of each phase."""
    return zip(accumulate((phase.steps for phase in recipe.phases), initial=0), recipe.phases, strict=False)


def schedule(recipe: Recipe, step: int) -> float:
    """The share of the peak learning rates at a step: in each phase a linear warm-up, then linear to a twentieth."""
    begin, phase = [(first, phase) for first, phase in phases(recipe) if first <= step][-1]
    warmup, at = min(recipe.warmup, phase.steps // 4), step - begin
    if at < warmup:
        return phase.rate * (at + 1) / warmup
    return phase.rate * max(0.05, 1 - (at - warmup) / (phase.steps - warmup))


def blocks(recipe: Recipe) -> Iterator[tuple[int, int, Phase]]:
    """(first step, the step after it, phase) of each block: each has a stream of documents of its own."""
    for begin, phase in phases(recipe):
        end = begin + phase.steps
        for first in range(begin, end, recipe.block):
            yield first, min(first + recipe.block, end), phase


def batches(tokenizer: "PreTrainedTokenizerFast", recipe: Recipe, start: int) -> Iterator[Rows]:
    """The batches of the steps from `start`, the first of a block."""
    for first, until, phase in blocks(recipe):
        if first >= start:
            yield from islice(rows_of(tokenizer, recipe.seed + 1 + first, recipe.tokens, phase), until - first)


def pretrain(target: Path, work: Path, recipe: Recipe) -> None:
    """Write weights, configuration and tokenizer into `target`; log one JSON line per block.

    The state after each block is in `work`: the same call goes on from there, to the same weights (where it compiles the model, up
    to rounding). `work/weights` is the model of that moment, to be looked at.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = build_tokenizer()
    model = build_model(recipe, tokenizer).to(device)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    optimizers = [
        torch.optim.Muon(matrices, lr=recipe.matrix_rate, weight_decay=0.01),
        torch.optim.AdamW(others, lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.01),
    ]
    origin = made_from(recipe, tokenizer)
    done = load(work / CHECKPOINT, origin, model, optimizers)
    forward = torch.compile(model) if recipe.compiled and shutil.which("g++") else model
    begun, losses, ends = time.monotonic(), [], {until for _, until, _ in blocks(recipe)}
    for step, (tokens, labels) in enumerate(batches(tokenizer, recipe, done), done):
        for optimizer, rate in zip(optimizers, (recipe.matrix_rate, recipe.rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * schedule(recipe, step)
        # On a CPU the kernel's backward pass costs a short row twice the time, and a long one half of it.
        attention = "eager" if tokens.shape[1] <= SHORT else "sdpa"
        if model.config._attn_implementation != attention:
            model.set_attn_implementation(attention)
        with torch.autocast(device, torch.bfloat16):
            loss = forward(input_ids=tokens.to(device), labels=labels.to(device)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
        if step + 1 in ends:
            speed = len(losses) * recipe.tokens / (time.monotonic() - begun)
            line = {"step": step + 1, "loss": round(sum(losses) / len(losses), 4), "tokens_per_second": round(speed)}
            print(json.dumps(line), flush=True)
            save(work / CHECKPOINT, step + 1, origin, model, optimizers)
            write(work / "weights", model, tokenizer)
            begun, losses = time.monotonic(), []
    write(target, model, tokenizer)


def write(folder: Path, model: "LlamaForCausalLM", tokenizer: "PreTrainedTokenizerFast") -> None:
    """The model as it ships: rounded to bfloat16, which halves it."""
    import torch

    copy.deepcopy(model).to("cpu", torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def made_from(recipe: Recipe, tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    """What decides the weights, to be compared: the recipe, and a digest of the tokenizer and of how each mixture begins."""
    digest = sha256(tokenizer.backend_tokenizer.to_str().encode())
    for weights in (WEIGHTS, LAST_WEIGHTS):
        digest.update(repr(list(islice(documents(recipe.seed, weights), 1000))).encode())
    return {**attrs.asdict(recipe), "corpus": digest.hexdigest()[:16]}


def save(path: Path, step: int, origin: dict[str, Any], model: Any, optimizers: list[Any]) -> None:
    """All that the next step needs; the file is whole or the one before."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "step": step,
        "made_from": origin,
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def load(path: Path, origin: dict[str, Any], model: Any, optimizers: list[Any]) -> int:
    """The step to go on with; 0 without a checkpoint."""
    import torch

    if not path.exists():
        return 0
    state = torch.load(path, map_location=model.device)
    if (before := state.get("made_from")) != origin:
        raise SkillFactoryError(
            f"checkpoint {path} is of another recipe or corpus, {before}: remove it, or choose another folder (--work)"
        )
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return int(state["step"])
