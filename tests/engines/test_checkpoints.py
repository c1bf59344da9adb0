"""Training goes on from its newest whole checkpoint; one that a kill tore is removed."""

from hashlib import sha256
from pathlib import Path

import pytest

from skillfactory_core.choices import find_model
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.testing.run import one_thread
from skillfactory_core.trainer import GrpoSettings, Question, Reward
from skillfactory_core.trainers.checkpoints import PIECES, finish, last_checkpoint
from skillfactory_core.trainers.trl import TrlTrainer

TINY = GrpoSettings(
    steps=3, prompts=2, minibatch=1, rollouts=2, micro_batch=2, max_tokens=4, rate=1e-3, checkpoints=3, validation=1
)


def checkpoint(folder: Path, step: int, without: str = "", state: str = "{}") -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    for name, *_ in PIECES:
        if name != without:
            (path / name).write_bytes(b"x")
    (path / "trainer_state.json").write_text(state)
    return path


def test_the_newest_whole_checkpoint_is_taken(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    assert last_checkpoint(tmp_path) == str(newest)


def test_torn_checkpoints_are_removed_and_the_one_before_is_taken(tmp_path: Path) -> None:
    whole = checkpoint(tmp_path, 2)
    torn = [checkpoint(tmp_path, 4, without="optimizer.pt"), checkpoint(tmp_path, 6, state='{"step')]
    assert last_checkpoint(tmp_path) == str(whole)
    assert not any(path.exists() for path in torn)


def test_without_a_checkpoint_training_starts_anew(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "nothing") is None


def trained(folder: Path, last_call: int | None = None) -> None:
    """Three steps of pocket, one of two completions paid; the power goes with a call of the reward."""
    calls = 0

    def reward(key: str, completion: str, finish: str) -> Reward:
        nonlocal calls
        calls += 1
        if calls == last_call:
            raise InterruptedError("the power")
        return Reward(float(calls % 2), {})

    questions = [Question(f"q{n}", ({"role": "user", "content": f"Make {n} from 1, {n}, 3."},)) for n in range(4, 10)]
    folder.mkdir(exist_ok=True)
    with one_thread():
        TrlTrainer().grpo(find_model("pocket").path, questions, reward, folder, TINY, 0, lambda figures: None)


def weights(folder: Path) -> dict[str, str]:
    return {
        str(path.parent.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("model.safetensors")
    }


def test_the_weights_of_every_step_that_was_saved_stay_and_are_the_same_after_a_kill(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    trained(tmp_path / "whole")
    found = weights(tmp_path / "whole")
    # Two updates make a step: what is compared is numbered by steps.
    assert set(found) == {"steps/1", "steps/2", "model"} and len(set(found.values())) == 3
    assert not list((tmp_path / "whole" / "steps").rglob("optimizer*"))
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "whole" / "steps" / "1").num_parameters() > 1e6
    with pytest.raises(InterruptedError, match="the power"):
        # The completions of the third step are being scored.
        trained(tmp_path / "torn", last_call=2 * 2 * 2 + 1)
    assert (tmp_path / "torn" / "checkpoints" / "checkpoint-4").is_dir()
    # As if it had come between the checkpoint and its place among the steps.
    for path in (tmp_path / "torn" / "steps" / "2").iterdir():
        path.unlink()
    (tmp_path / "torn" / "steps" / "2").rmdir()
    trained(tmp_path / "torn")
    assert weights(tmp_path / "torn") == found


def test_weights_in_pieces_are_refused(tmp_path: Path) -> None:
    from types import SimpleNamespace

    trainer = SimpleNamespace(
        remove_callback=lambda kind: None, accelerator=SimpleNamespace(is_main_process=True), is_fsdp_enabled=True
    )
    with pytest.raises(SkillFactoryError, match=r"grpo\.validation cannot be used with FSDP"):
        finish(trainer, tmp_path, updates=1)
