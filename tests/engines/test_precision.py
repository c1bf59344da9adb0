"""Training in bfloat16 on a CPU: the same lessons but for rounding, and weights that stay in 32 bits."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from skillfactory_core import registry
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.trainer import Lesson, SftSettings
from skillfactory_core.trainers.trl import TrlTrainer

POCKET = registry.find(registry.MODEL, "pocket").path


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


def test_other_numbers_are_refused_in_one_line() -> None:
    with pytest.raises(SkillFactoryError, match="trainer 'trl': dtype = 'half': choose float32 or bfloat16"):
        TrlTrainer(dtype="half")
