"""The default engine: any causal language model of transformers, in this process, on CPU or GPU."""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from queue import Queue
from typing import Any

from skillfactory_core import hookimpl
from skillfactory_core.engine import Engine, Generation, Request, Sampling
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.threads import spin_briefly

MEMORY_SHARE = 0.4
"share of the device's memory that the cache of one batch may take"
PROMPT_ROOM = 512
"tokens of a prompt that this reckons with"


class TransformersEngine(Engine):
    """Batches through `decode`; the batch is the chunk, so a resumed run repeats it exactly."""

    name = "transformers"
    summary = "any Hub or local model, in this process, on the CPU or on every GPU"
    chunk = 512
    together = True

    def __init__(self, model: str, seed: int, dtype: str = "", **options: Any) -> None:
        """dtype: bfloat16 or float32, of weights and cache. By default: bfloat16 on a GPU, and on a CPU that computes in it where the
        model is built like Llama; else float32."""
        super().__init__(model, seed, **options)
        if dtype not in ("", "float32", "bfloat16"):
            raise SkillFactoryError(f"engine '{self.name}': dtype = {dtype!r}: choose float32 or bfloat16")
        self.tokenizer = load_tokenizer(model)
        self.replicas = [load_model(model, device, dtype) for device in devices()]

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Generation]:
        longest = getattr(self.replicas[0].config, "max_position_embeddings", None) or sys.maxsize
        fitting: list[tuple[Request, list[int]]] = []
        known: dict[str, list[int]] = {}
        for request in requests:
            asked = repr((request.messages, request.prefix))
            prompt = known[asked] = known.get(asked) or prompt_ids(
                self.tokenizer, list(request.messages), request.prefix
            )
            if len(prompt) >= longest:
                reason = f"the prompt has {len(prompt)} tokens, and the model takes {longest}"
                yield Generation(request.key, "", 0, "error", reason)
            else:
                fitting.append((request, prompt))
        # Prompts of like length share a batch; every device gets batches of its own.
        fitting.sort(key=lambda work: len(work[1]))
        rows = min(self.rows(sampling.max_tokens), max(1, ceil(len(fitting) / len(self.replicas))))
        batches = [fitting[start : start + rows] for start in range(0, len(fitting), rows)]
        if len(self.replicas) == 1:
            for batch in batches:
                yield from self._batch(self.replicas[0], batch, sampling)
            return
        idle: Queue[Any] = Queue()
        for replica in self.replicas:
            idle.put(replica)

        def on_a_device(batch: Sequence[tuple[Request, list[int]]]) -> list[Generation]:
            replica = idle.get()
            try:
                return list(self._batch(replica, batch, sampling))
            finally:
                idle.put(replica)

        with ThreadPoolExecutor(len(self.replicas)) as pool:
            for generations in pool.map(on_a_device, batches):
                yield from generations

    def _batch(
        self, replica: Any, work: Sequence[tuple[Request, list[int]]], sampling: Sampling
    ) -> Iterator[Generation]:
        """Generations of one batch; in halves where it does not fit into memory."""
        import torch

        from skillfactory_core.engines.decode import decode

        ends = end_ids(replica, self.tokenizer)
        lacked = ""
        try:
            prompts, seeds = [prompt for _, prompt in work], [request.seed for request, _ in work]
            replies = decode(replica, prompts, seeds, sampling, ends, self.tokenizer.pad_token_id)
        except torch.OutOfMemoryError as error:
            lacked = f"out of memory: {error}".splitlines()[0]
        if lacked:
            # Not while the error is held, and with it the caches of the batch that failed.
            torch.cuda.empty_cache()
            if len(work) == 1:
                yield Generation(work[0][0].key, "", 0, "error", lacked)
            else:
                yield from self._batch(replica, work[: len(work) // 2], sampling)
                yield from self._batch(replica, work[len(work) // 2 :], sampling)
            return
        texts = self.tokenizer.batch_decode([reply.tokens for reply in replies], skip_special_tokens=True)
        for (request, _), reply, text in zip(work, replies, texts, strict=True):
            finish = "stop" if reply.ended else "length"
            yield Generation(request.key, request.prefix + text, len(reply.tokens), finish)

    def rows(self, max_tokens: int) -> int:
        """Rows per batch: all of a chunk, or as many as the memory of the device holds caches for."""
        import torch

        config = self.replicas[0].config
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        per_token = 2 * config.num_hidden_layers * heads * head * self.replicas[0].dtype.itemsize
        if self.replicas[0].device.type == "cuda":
            total = torch.cuda.get_device_properties(0).total_memory
        else:
            total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return max(1, min(self.chunk, int(MEMORY_SHARE * total / (per_token * (max_tokens + PROMPT_ROOM)))))

    def close(self) -> None:
        import torch

        self.replicas.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def devices() -> list[str]:
    """Every GPU of this machine, each for a model of its own; without any, the CPU."""
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]


def load(model: str) -> tuple[Any, Any]:
    """(model, tokenizer) of a folder or Hub name, on the first device; in 32 bits on a CPU."""
    device = devices()[0]
    return load_model(model, device, "float32" if device == "cpu" else ""), load_tokenizer(model)


def load_model(model: str, device: str, dtype: str = "") -> Any:
    """The weights of a folder or Hub name on a device; one clear line where that fails."""
    spin_briefly()
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    from skillfactory_core.engines.llama import computes_in_bfloat16, is_built_alike

    disable_progress_bar()
    try:
        if device == "cpu" and not dtype:
            suits = computes_in_bfloat16() and is_built_alike(AutoConfig.from_pretrained(model))
            dtype = "bfloat16" if suits else "float32"
        language_model = AutoModelForCausalLM.from_pretrained(
            model, dtype=getattr(torch, dtype or "bfloat16"), attn_implementation="sdpa"
        )
    except (OSError, ValueError) as error:
        raise model_error(model, error) from error
    language_model.eval()
    return language_model.to(device)


def load_tokenizer(model: str) -> Any:
    """The tokenizer of a model, with a pad token and a chat template or an error that says what is missing."""
    spin_briefly()
    from transformers import AutoTokenizer

    folder = Path(model)
    if folder.is_dir() and not any((folder / f).exists() for f in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise SkillFactoryError(
            f"model {model} has no tokenizer: save one into that folder (tokenizer.save_pretrained)"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError, KeyError) as error:
        raise model_error(model, error) from error
    if tokenizer.eos_token_id is None:
        raise SkillFactoryError(f"model {model}: its tokenizer has no end-of-sequence token; replies could not end")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_TEMPLATE
    return tokenizer


PLAIN_TEMPLATE = "{% for message in messages %}{{ message.content }}\n\n{% endfor %}"
"for models without a chat template: the messages, one after the other"


def model_error(model: str, error: Exception) -> SkillFactoryError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SkillFactoryError(
        f"model '{model}' cannot be loaded: {reason} (give a folder, a Hub name that can be reached, or one of sf models)"
    )


def prompt_ids(tokenizer: Any, messages: list[dict[str, str]], prefix: str = "") -> list[int]:
    """The tokens a model sees before it replies."""
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids: list[int] = tokenizer(text + prefix, add_special_tokens=False)["input_ids"]
    return ids


def token_ends(tokenizer: Any, text: str) -> list[int]:
    """Where each token of a text ends."""
    if not tokenizer.is_fast:
        raise SkillFactoryError(
            f"tokenizer {tokenizer.name_or_path} cannot tell where its tokens end: save a fast one (tokenizer.json) with the model"
        )
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [end for _, end in offsets]


def end_ids(language_model: Any, tokenizer: Any) -> set[int]:
    """Every token that ends a reply."""
    ends = language_model.generation_config.eos_token_id
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    return {tokenizer.eos_token_id, *listed}


@hookimpl
def register_engines() -> list[type[Engine]]:
    return [TransformersEngine]
