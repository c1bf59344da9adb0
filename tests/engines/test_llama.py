"""The steps of models that are built like Llama give the logits of the models' own code, in 32 bits and in bfloat16."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config

from skillfactory_core import registry
from skillfactory_core.engine import Sampling
from skillfactory_core.engines.decode import decode
from skillfactory_core.engines.llama import GROWTH, LlamaForward, computes_in_bfloat16, is_alike
from skillfactory_core.engines.transformers import TransformersEngine, load_model
from skillfactory_core.errors import SkillFactoryError

POCKET = registry.find(registry.MODEL, "pocket").path
SMALL = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
}
CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    "llama with biases": LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True, head_dim=16),
    "qwen2": Qwen2Config(**SMALL),
    "mistral": MistralConfig(**SMALL, sliding_window=None),
}
PROMPTS = [[5, 6, 7, 8], [9], [5, 6, 7, 8], [3, 4]]


def made(config: Any) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    # Norms and biases begin as ones and zeros, which would hide a mistake in them.
    for name, weight in model.named_parameters():
        if "norm" in name or "bias" in name:
            torch.nn.init.normal_(weight, 1.0 if "norm" in name else 0.0, 0.3)
    return model


@pytest.mark.parametrize("name", CONFIGS)
def test_every_step_gives_the_logits_of_the_whole_text(name: str) -> None:
    """Over a growth of the cache, with rows of unlike prompts, and when rows are let go and fork, within and beyond the room for them."""
    model = made(CONFIGS[name])
    assert is_alike(model)
    forward, texts = LlamaForward(model, 0, torch.float32), [list(prompt) for prompt in PROMPTS]
    with torch.inference_mode():
        logits = forward.read(texts)
        for step in range(GROWTH + 9):
            expected = torch.stack([model(torch.tensor([text])).logits[0, -1] for text in texts])
            assert torch.allclose(logits, expected, atol=2e-4), f"step {step}"
            if step == 20:
                forward.reorder(torch.tensor([3, 1]), torch.tensor([0]))
                texts = [texts[3], texts[1]]
            if step == 30:
                forward.reorder(torch.tensor([0, 1, 0]), torch.tensor([2]))
                texts = [texts[0], texts[1], texts[0]]
            if step == GROWTH + 2:
                forward.reorder(torch.tensor([2, 2, 1, 0, 0]), torch.tensor([0, 1, 2, 3, 4]))
                texts = [texts[2], texts[2], texts[1], texts[0], texts[0]]
            tokens = torch.tensor([(7 * step + 11 * row) % 97 for row in range(len(texts))])
            texts = [[*text, token] for text, token in zip(texts, tokens.tolist(), strict=True)]
            logits = forward.advance(tokens)


def test_bfloat16_says_nearly_the_same() -> None:
    """The tokens' probabilities are those of 32 bits within a hundredth, on average over replies of a fixed seed."""
    model = load_model(POCKET, "cpu", "float32")
    sampling = Sampling(temperature=1.0, top_p=1, top_k=0, repetition_penalty=1.0, max_tokens=60)
    prompt = [40, 41, 42]
    replies = decode(model, [prompt] * 64, list(range(64)), sampling, {0}, 0, torch.bfloat16)
    gaps = []
    with torch.inference_mode():
        for reply in replies:
            tokens = [*reply.tokens, 0][: len(reply.logps)]
            logps = model(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            exact = logps.gather(1, torch.tensor(tokens)[:, None])[:, 0].exp()
            gaps.append((torch.tensor(reply.logps).exp() - exact).abs().mean())
    assert 0 < torch.stack(gaps).mean() < 0.01


def test_other_models_keep_their_own_code() -> None:
    windowed = MistralConfig(**SMALL, sliding_window=8)
    scaled = LlamaConfig(**SMALL, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0})
    other = LlamaConfig(**SMALL, hidden_act="gelu")
    assert not any(is_alike(made(config)) for config in (windowed, scaled, other))
    adapted = made(CONFIGS["llama"])
    adapted.model.layers[0].self_attn.q_proj.base_layer = torch.nn.Linear(1, 1)
    assert not is_alike(adapted)


def test_the_engine_computes_in_what_it_is_told() -> None:
    with pytest.raises(SkillFactoryError, match="engine 'transformers': dtype = 'half': choose float32 or bfloat16"):
        TransformersEngine(POCKET, 0, dtype="half")
    for dtype in ("float32", "bfloat16"):
        with TransformersEngine(POCKET, 0, dtype=dtype) as engine:
            assert engine.replicas[0].dtype == getattr(torch, dtype)


@pytest.mark.skipif(torch.cuda.is_available(), reason="of the CPU")
@pytest.mark.parametrize("computes", [True, False])
def test_a_cpu_that_computes_in_bfloat16_does(monkeypatch: pytest.MonkeyPatch, computes: bool) -> None:
    monkeypatch.setattr("skillfactory_core.engines.llama.computes_in_bfloat16", lambda: computes)
    with TransformersEngine(POCKET, 0) as engine:
        assert engine.replicas[0].dtype == (torch.bfloat16 if computes else torch.float32)
    assert isinstance(computes_in_bfloat16(), bool)


def test_another_model_is_loaded_once_and_in_32_bits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("skillfactory_core.engines.llama.computes_in_bfloat16", lambda: True)
    made(LlamaConfig(**SMALL, hidden_act="gelu")).save_pretrained(tmp_path)
    loads: list[str] = []
    inner = AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(
        AutoModelForCausalLM, "from_pretrained", lambda path, **rest: (loads.append(path), inner(path, **rest))[1]
    )
    assert load_model(str(tmp_path), "cpu").dtype == torch.float32
    assert loads == [str(tmp_path)]
