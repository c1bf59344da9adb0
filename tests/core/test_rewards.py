"""skillfactory_core.rewards: tasks as reward functions, in other trainers' words and inside a real one."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from skillfactory_core import registry, rewards
from skillfactory_core.errors import SkillFactoryError

SUM = {"numbers": [1, 2], "target": 3}
CHOICE = {"question": "Which?", "choices": {"A": "bank", "B": "river", "C": None}, "answer": "B"}


def test_every_installed_task_is_a_reward_function() -> None:
    for name in registry.registered(registry.TASK):
        assert getattr(rewards, name.replace("-", "_")).__name__ == name


def test_a_task_that_is_not_installed_is_an_attribute_error_with_a_suggestion() -> None:
    with pytest.raises(AttributeError, match="did you mean 'countdown'"):
        rewards.contdown  # noqa: B018


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("<answer>1+2</answer>", 1.0),
        ("<think><answer>9</answer></think> So <answer>1+2</answer>", 1.0),
        ("<think><answer>1+2</answer></think> So <answer>2</answer>", 0.0),
        ("<think><answer>1+2</answer>", 0.0),
        ("1+2", 0.0),
        ("", 0.0),
        ([{"role": "assistant", "content": "<answer>1+2</answer>"}], 1.0),
        ([{"role": "assistant", "content": None}], 0.0),
        ([], 0.0),
    ],
)
def test_a_reward_is_one_for_a_right_final_answer_and_zero_otherwise(completion: Any, reward: float) -> None:
    assert rewards.countdown(completions=[completion], problem=[SUM]) == [reward]
    assert rewards.countdown(completions=[completion], problem=[json.dumps(SUM)]) == [reward]


def test_a_problem_may_come_in_columns_of_its_own_fields() -> None:
    found = rewards.countdown(
        prompts=["p", "q"],
        completions=["<answer>1+2</answer>", "<answer>1+2</answer>"],
        completion_ids=[[1], [2]],
        numbers=[[1, 2], [1, 2]],
        target=[3, 4],
        trainer_state=object(),
        log_extra=print,
    )
    assert found == [1.0, 0.0]


def test_nulls_that_arrow_filled_in_are_no_choices() -> None:
    assert rewards.csqa(completions=["<answer>B</answer>", "<answer>C</answer>"], problem=[CHOICE, CHOICE]) == [1, 0]


@pytest.mark.parametrize(
    ("problem", "why"),
    [("{", "is not JSON"), ("[]", "is not an object"), ({"numbers": ["a"]}, "give a list"), (None, "not an object")],
)
def test_a_problem_that_cannot_be_graded_is_an_error_and_not_a_zero(problem: Any, why: str) -> None:
    with pytest.raises(SkillFactoryError, match=why):
        rewards.countdown(completions=["<answer>1+2</answer>"], problem=[problem])


def test_the_use_of_the_skill_goes_to_the_log() -> None:
    logged: dict[str, list[float]] = defaultdict(list)
    tried = (
        "<think>\n<sample>a <answer>3</answer></sample>\n<reflect>no <verdict>Incorrect</verdict></reflect>\n</think>"
    )
    rewards.countdown(
        completions=[f"{tried}\n<answer>1+2</answer>", "x"],
        problem=[SUM, SUM],
        log_metric=lambda name, value: logged[name].append(value),
    )
    # One by one, and only where there is a case: TRL takes the mean.
    dense = {"answers": [1, 0], "reflections": [1, 0], "well_formed": [1, 0]}
    assert logged == {**dense, "retry_after_incorrect": [0], "verdict_agreement": [1]}


def test_the_contract_of_verl() -> None:
    found = rewards.compute_score(
        data_source="countdown",
        solution_str="<answer>2+1</answer>",
        ground_truth=json.dumps(SUM),
        extra_info={},
        more=1,
    )
    assert found == {"score": 1.0, "acc": True, "reason": "ok"}
    assert rewards.compute_score("countdown", "?", SUM)["reason"] == "no_answer"


def test_the_tag_format_can_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILLFACTORY_TAGS", "no-such-tags")
    rewards.tags.cache_clear()
    with pytest.raises(SkillFactoryError, match="no tag format named 'no-such-tags'"):
        rewards.countdown(completions=["x"], problem=[SUM])
    rewards.tags.cache_clear()


def test_the_grpo_script_of_trl_takes_the_reward_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of `trl grpo --reward_funcs skillfactory_core.rewards.countdown` on pocket, in TRL's own script."""
    import subprocess
    import sys

    from skillfactory_core.choices import find_model

    rows = [{"prompt": "Make 3 from 1, 2.", "problem": json.dumps(SUM)}] * 4
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    flags = {
        "model_name_or_path": find_model("pocket").path,
        "dtype": "float32",
        "dataset_name": str(tmp_path),
        "reward_funcs": "skillfactory_core.rewards.countdown",
        "output_dir": str(tmp_path / "out"),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "num_generations": 2,
        "max_completion_length": 24,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "report_to": "none",
    }
    arguments = [part for name, value in flags.items() for part in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "trl.scripts.grpo", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    state = json.loads(next((tmp_path / "out").rglob("trainer_state.json")).read_text())
    step = state["log_history"][0]
    assert "rewards/countdown/mean" in step and "well_formed" in step
