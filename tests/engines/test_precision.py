"""bfloat16 on a CPU: the same replies but for close calls, the same lessons but for rounding, and weights that stay in 32 bits."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from skillfactory_core import registry
from skillfactory_core.engine import Request, Sampling
from skillfactory_core.engines.cache import RowLayer
from skillfactory_core.engines.transformers import TransformersEngine
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.precision import mixed
from skillfactory_core.trainer import Lesson, SftSettings
from skillfactory_core.trainers.trl import TrlTrainer

GREEDY = Sampling(temperature=0, top_p=1, top_k=0, repetition_penalty=1.0, max_tokens=60)
POCKET = registry.find(registry.MODEL, "pocket").path


def test_replies_in_bfloat16_are_those_in_32_bits_but_for_close_calls() -> None:
    asked = [
        Request(f"{a}/{b}", ({"role": "user", "content": f"Make {a} from {b}, {a % 9 + 2}, 7."},), seed=a)
        for a in range(20, 40)
        for b in (3, 8)
    ]
    texts = []
    for dtype in ("float32", "bfloat16"):
        with TransformersEngine(POCKET, seed=0, dtype=dtype) as engine:
            assert {weight.dtype for weight in engine.replicas[0].parameters()} == {torch.float32}
            texts.append({reply.key: reply.text for reply in engine.generate(asked, GREEDY)})
    same = sum(texts[0][key] == texts[1][key] for key in texts[0])
    assert 0.6 * len(asked) <= same < len(asked), "rounding shows in some, or nothing was rounded"


@pytest.mark.parametrize(("dtype", "kept"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_cache_is_kept_in_what_the_model_computes_in(dtype: str, kept: torch.dtype) -> None:
    layer, states = RowLayer(), torch.ones(2, 1, 3, 4)
    with mixed(dtype, "cpu"):
        keys, values = layer.update(states, states)
    assert keys.dtype == values.dtype == kept and torch.equal(keys.float(), states)


def test_training_in_bfloat16_ends_near_training_in_32_bits(tmp_path: Path) -> None:
    lessons = [Lesson(({"role": "user", "content": f"Make {n} from 3, 8."},), f"3 * 8 = {n}.") for n in range(20, 36)]
    settings, weights, losses = SftSettings(batch=8, rate=1e-3, epochs=4.0, context=96, checkpoints=1), [], []
    for dtype in ("float32", "bfloat16"):
        seen: list[float] = []
        TrlTrainer(dtype=dtype).sft(
            POCKET, lessons, tmp_path / dtype, settings, 0, lambda f, seen=seen: seen.append(f["loss"])
        )
        weights.append(load_file(tmp_path / dtype / "model" / "model.safetensors"))
        losses.append(seen)
    assert {value.dtype for value in weights[1].values()} == {value.dtype for value in weights[0].values()}
    assert losses[0] != losses[1] and losses[0][-1] == pytest.approx(losses[1][-1], rel=0.1)
    assert losses[1][-1] < 0.7 * losses[1][0]


@pytest.mark.parametrize(
    "make", [lambda: TransformersEngine(POCKET, 0, dtype="half"), lambda: TrlTrainer(dtype="half")]
)
def test_other_numbers_are_refused_in_one_line(make: object) -> None:
    with pytest.raises(SkillFactoryError, match="dtype = 'half': choose float32 or bfloat16") as refused:
        make()  # type: ignore[operator]
    assert "\n" not in str(refused.value)
