"""LlamaForward: the steps of models that are built like Llama, on a CPU, in few and large operations.

transformers' own code spends most of a step of a small model on the way between hundreds of small operations. Here query, key and value
are one product, and so are the two halves of the feed-forward block; query and key are rotated at once; and the cache lies as the two
products over it want it. The sum of the layers stays in 32 bits, whatever the products are computed in.
"""

from collections.abc import Sequence
from typing import Any

import torch  # noqa: TID253 - this file is imported only where torch is in use
from torch.nn.functional import linear, rms_norm, silu  # noqa: TID253
from transformers import DynamicCache  # noqa: TID253

from skillfactory_core.engines.cache import reordered
from skillfactory_core.engines.forward import Prompts

BUILT_ALIKE = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "mistral": "MistralForCausalLM"}
"their classes by model_type"
GROWTH = 32
"tokens of room added when the cache is full; a step reads all the room, since PyTorch would copy a part of it"


def computes_in_bfloat16() -> bool:
    """Whether this CPU does: others only store in it, and are slower with it than with 32 bits."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def is_built_alike(config: Any) -> bool:
    """Whether a model of this configuration gives the logits of LlamaForward, as far as that tells."""
    return (
        config.model_type in BUILT_ALIKE
        and config.hidden_act == "silu"
        and not getattr(config, "sliding_window", None)
        and config.rope_parameters["rope_type"] == "default"
    )


def is_alike(model: Any) -> bool:
    """Whether LlamaForward gives this model's logits."""
    return (
        is_built_alike(model.config)
        and type(model).__name__ == BUILT_ALIKE[model.config.model_type]
        and model.device.type == "cpu"
        and all(linear_is_plain(module) for module in model.modules())
    )


def linear_is_plain(module: torch.nn.Module) -> bool:
    """No adapter and no quantisation in its place."""
    return not hasattr(module, "base_layer") and (
        not isinstance(module, torch.nn.Linear) or type(module) is torch.nn.Linear
    )


class Layer:
    """The weights of one layer, joined, and its cache: keys (rows, groups, size, room), values (rows, groups, room, size)."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.first_norm, self.second_norm = (
            norm.weight.float() for norm in (layer.input_layernorm, layer.post_attention_layernorm)
        )
        self.qkv = joined([attention.q_proj, attention.k_proj, attention.v_proj], dtype)
        self.output = joined([attention.o_proj], dtype)
        self.gate_up = joined([mlp.gate_proj, mlp.up_proj], dtype)
        self.down = joined([mlp.down_proj], dtype)

    def grow(self, rows: int, more: int) -> None:
        """Room for more tokens of the first rows. It holds zeros: what is masked still takes part in a product."""
        self.keys = torch.nn.functional.pad(self.keys[:rows], (0, more))
        self.values = torch.nn.functional.pad(self.values[:rows], (0, 0, 0, more))

    def reorder(self, rows: torch.Tensor, moved: torch.Tensor, width: int) -> None:
        self.keys = reordered(self.keys, rows, moved, width, 3)
        self.values = reordered(self.values, rows, moved, width, 2)


class LlamaForward:
    """The weights of a model as they are when it is made, and the cache of its rows."""

    def __init__(self, model: Any, pad: int, dtype: torch.dtype) -> None:
        config = model.config
        self.model, self.pad, self.dtype = model, pad, dtype
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.eps = config.rms_norm_eps
        self.embedding = model.get_input_embeddings().weight
        self.norm = model.model.norm.weight.float()
        self.head = joined([model.get_output_embeddings()], dtype)
        self.layers = [Layer(layer, dtype) for layer in model.model.layers]

    def read(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        asked, cache = Prompts(prompts, self.pad, self.model.device), DynamicCache()
        logits = asked.read(self.model, cache)
        for layer, seen in zip(self.layers, cache.layers, strict=True):
            layer.keys = seen.keys.transpose(2, 3).to(self.dtype).contiguous()
            layer.values = seen.values.to(self.dtype)
        self.bias = torch.zeros(asked.mask.shape, dtype=self.dtype).masked_fill(~asked.mask, float("-inf"))[:, None]
        self.width, self.positions = asked.mask.shape[1], asked.lengths
        return logits

    def advance(self, tokens: torch.Tensor) -> torch.Tensor:
        rows = len(tokens)
        if self.width == self.bias.shape[-1]:
            self.grow(rows)
        self.bias[..., self.width] = 0
        bias = self.bias.repeat_interleave(self.groups, dim=0) if self.groups > 1 else self.bias
        hidden = self.embedding[tokens].float()
        cos, sin = (part.to(self.dtype) for part in self.model.model.rotary_emb(hidden, self.positions[:, None]))
        half = self.size // 2
        sin = torch.cat([-sin[..., :half], sin[..., half:]], dim=-1)
        for layer in self.layers:
            states = linear(self.normed(hidden, layer.first_norm), *layer.qkv).view(rows, -1, self.size)
            query_key = states[:, : self.heads + self.groups]
            query_key = query_key * cos + query_key.roll(half, -1) * sin
            keys, values = layer.keys[:rows], layer.values[:rows]
            keys[..., self.width] = query_key[:, self.heads :]
            values[:, :, self.width] = states[:, self.heads + self.groups :]
            query = query_key[:, : self.heads].reshape(rows * self.groups, -1, self.size)
            scores = torch.baddbmm(bias, query, keys.flatten(0, 1), alpha=self.size**-0.5)
            context = torch.bmm(scores.softmax(-1), values.flatten(0, 1)).view(rows, -1)
            hidden += linear(context, *layer.output)
            gate, up = linear(self.normed(hidden, layer.second_norm), *layer.gate_up).chunk(2, dim=-1)
            hidden += linear(silu(gate).mul_(up), *layer.down)
        self.width += 1
        self.positions = self.positions + 1
        return linear(self.normed(hidden, self.norm), *self.head).float()

    def normed(self, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return rms_norm(hidden, weight.shape, weight, self.eps).to(self.dtype)

    def grow(self, rows: int) -> None:
        self.bias = torch.nn.functional.pad(self.bias, (0, GROWTH), value=float("-inf"))
        for layer in self.layers:
            layer.grow(rows, GROWTH)

    def reorder(self, rows: torch.Tensor, moved: torch.Tensor) -> None:
        self.bias, self.positions = self.bias[rows], self.positions[rows]
        for layer in self.layers:
            layer.reorder(rows, moved, self.width)


def joined(projections: Sequence[Any], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The weight and bias of some projections of the same input as one."""
    weight = torch.cat([projection.weight for projection in projections]).to(dtype)
    biases = [projection.bias for projection in projections if projection.bias is not None]
    return weight, torch.cat(biases).to(dtype) if biases else None
