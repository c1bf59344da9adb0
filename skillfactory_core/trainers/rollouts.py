"""Roll-outs of GRPO: completions, by our own decoder or by servers, and their scores."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from skillfactory_core.engine import Sampling, stream_seed
from skillfactory_core.engines.transformers import end_ids, prompt_ids
from skillfactory_core.trainer import Reward

if TYPE_CHECKING:
    from skillfactory_core.engines.decode import Reply
    from skillfactory_core.trainers.rollout_server import RolloutServers


Draw = Callable[[Any, list[list[int]], list[int]], "list[Reply]"]
"(trainer, prompts as token ids, a seed for each) -> their replies"


def roll_out(draw: Draw, seed: int, prompts: list[Any], trainer: Any) -> dict[str, Any]:
    """TRL's rollout_func: completions with streams named by step and place."""
    tokenizer = trainer.processing_class
    step = trainer.state.global_step
    ids = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    # A place counts from the first row of the first process, so that their number changes nothing.
    before = trainer.accelerator.process_index * len(ids)
    replies = draw(trainer, ids, [stream_seed(seed, f"rollout/{step}/0/{before + row}") for row in range(len(ids))])
    end = [tokenizer.eos_token_id]
    return {
        "prompt_ids": ids,
        "completion_ids": [reply.tokens + end * reply.ended for reply in replies],
        "logprobs": [reply.logps for reply in replies],
    }


def by_decoder(sampling: Sampling, trainer: Any, prompts: list[list[int]], seeds: list[int]) -> "list[Reply]":
    """Replies from the model in this process, by our own decoder."""
    import torch

    from skillfactory_core.engines.decode import decode

    tokenizer = trainer.processing_class
    model = trainer.accelerator.unwrap_model(trainer.model)
    training = model.training
    model.eval()
    dtype = torch.bfloat16 if trainer.args.bf16 else None
    with whole(model, trainer.accelerator):
        replies = decode(model, prompts, seeds, sampling, end_ids(model, tokenizer), tokenizer.pad_token_id, dtype)
    model.train(training)
    return replies


def by_servers(
    servers: "RolloutServers", sampling: Sampling, trainer: Any, prompts: list[list[int]], seeds: list[int]
) -> "list[Reply]":
    """Replies from servers that hold the model."""
    ends = end_ids(trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class)
    return servers.draw(prompts, seeds, sampling, ends)


def score(
    reward: Callable[[str, str, str], Reward],
    tokenizer: Any,
    prompts: list[Any],
    completions: list[list[dict[str, str]]],
    completion_ids: list[list[int]],
    key: list[str],
    log_metric: Callable[[str, float], None] | None = None,
    **_: Any,
) -> list[float]:
    """TRL's reward function; the skill figures go to its log."""
    scored = [
        reward(k, completion[-1]["content"], "stop" if ids and ids[-1] == tokenizer.eos_token_id else "length")
        for k, completion, ids in zip(key, completions, completion_ids, strict=True)
    ]
    if log_metric is not None:
        # One by one: TRL takes the mean of all, over all processes, and not every completion has every figure.
        for each in scored:
            for name, figure in each.figures.items():
                log_metric(name, figure)
    return [s.value for s in scored]


@contextmanager
def whole(model: Any, accelerator: Any) -> Iterator[None]:
    """All weights on every process, where FSDP gives each a shard: else processes would have to generate in step, since each
    forward pass gathers the weights from all of them."""
    from torch.distributed.fsdp import FSDPModule

    sharded = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for module in sharded:
        module.set_reshard_after_forward(False, recurse=False)
        module.unshard()
    yield
    for module in sharded:
        module.set_reshard_after_forward(accelerator.state.fsdp_plugin.reshard_after_forward, recurse=False)
        module.reshard()
