"""TRL's own parser reads the YAML, what it reads are the settings of our own trainer, and the reward is found."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import START, Outcome
from foreign import POCKET, lessons_of, needs_time, pocket_run

from skillfactory_core.run import open_run
from skillfactory_core.trainer import Lesson, Question, Reward

Sf = Callable[..., Outcome]
SAME = (
    *("learning_rate", "lr_scheduler_type", "weight_decay", "adam_beta1", "adam_beta2", "seed", "data_seed"),
    *("per_device_train_batch_size", "gradient_accumulation_steps", "logging_steps", "report_to", "save_total_limit"),
)
"what the YAML and our own trainer must agree on, in both kinds of training"
SAME_SFT = ("completion_only_loss", "train_sampling_strategy", "loss_type", "packing")
SAME_GRPO = (
    *("max_steps", "num_generations", "steps_per_generation", "generation_batch_size", "max_completion_length"),
    *("temperature", "beta", "loss_type", "scale_rewards", "num_iterations", "epsilon", "mask_truncated_completions"),
)


@pytest.fixture(scope="module")
def made(world: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pocket, exported."""
    from conftest import call

    folder = pocket_run(tmp_path_factory.mktemp("runs"))
    assert call("export", "trl", folder).code == 0
    return folder


def parsed(name: str, folder: Path, *more: str) -> tuple[Any, Any, Any]:
    """(script, training, model) arguments, as `trl NAME --config NAME.yaml` takes them apart."""
    parser = importlib.import_module(f"trl.scripts.{name}").make_parser()
    # Without a GPU its bf16 is refused; the note in the file says what to add.
    arguments = ["--config", str(folder / f"{name}.yaml"), "--use_cpu", "true", *more]
    script, training, model, _ = parser.parse_args_and_config(arguments, fail_with_unknown_args=True)
    return script, training, model


class Caught(Exception):
    """What our trainer wanted to train with."""


def ours(monkeypatch: pytest.MonkeyPatch, run: Path, name: str) -> Any:
    """The settings that our own trainer gives to TRL."""
    import skillfactory_core.trainers.buckets as buckets
    import skillfactory_core.trainers.order as order
    from skillfactory_core.trainers.trl import TrlTrainer

    def catch(*_: Any, args: Any, **__: Any) -> None:
        raise Caught(args)

    def score(*_: Any) -> Reward:
        return Reward(0.0, {})

    monkeypatch.setattr(order, "OrderedSFTTrainer", catch)
    monkeypatch.setattr(buckets, "BucketedGRPOTrainer", catch)
    config, folder, trainer = open_run(run).config, run / "out", TrlTrainer()
    user = ({"role": "user", "content": "Make 3 from 1, 2."},)
    lessons = [Lesson(user, "1 + 2")] * 9
    questions = [Question(str(number), user) for number in range(config.grpo.prompts)]
    with pytest.raises(Caught) as caught:  # noqa: PT012 - one of two
        if name == "sft":
            trainer.sft(str(POCKET), lessons, folder, config.sft, config.seed, print)
        else:
            trainer.grpo(str(POCKET), questions, score, folder, config.grpo, config.seed, print)
    return caught.value.args[0]


def test_trl_reads_the_settings_of_our_own_fine_tuning(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, training, model = parsed("sft", made / "export" / "trl")
    mine = ours(monkeypatch, made, "sft")
    assert {name: getattr(training, name) for name in SAME + SAME_SFT} == {
        name: getattr(mine, name) for name in SAME + SAME_SFT
    }
    settings = open_run(made).config.sft
    assert (training.num_train_epochs, training.max_length) == (settings.epochs, settings.context)
    assert training.get_warmup_steps(1000) == 1000 * settings.warmup
    assert training.bf16 and training.gradient_checkpointing
    assert (script.dataset_name, training.output_dir) == ("./sft", "sft-model")
    assert Path(model.model_name_or_path, "model.safetensors").is_file() and model.dtype == "float32"


def test_trl_reads_the_settings_of_our_own_reinforcement(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, training, model = parsed("grpo", made / "export" / "trl")
    mine = ours(monkeypatch, made, "grpo")
    assert {name: getattr(training, name) for name in SAME + SAME_GRPO} == {
        name: getattr(mine, name) for name in SAME + SAME_GRPO
    }
    settings = open_run(made).config.grpo
    assert (training.top_p, training.top_k, training.repetition_penalty) == (settings.top_p, settings.top_k, 1.0)
    assert script.reward_funcs == ["skillfactory_core.rewards.countdown"]
    assert (script.dataset_name, model.model_name_or_path) == ("./grpo", "sft-model")


def load(folder: Path, cache: Path) -> Any:
    from datasets import load_dataset

    return load_dataset(str(folder), cache_dir=str(cache), split="train")


def test_the_data_is_what_sf_itself_trains_on(made: Path, tmp_path: Path) -> None:
    rows = load(made / "export" / "trl" / "sft", tmp_path)
    assert [[*row["prompt"], *row["completion"]] for row in rows] == lessons_of(made)


def test_the_reward_that_the_file_names_grades_its_problems(made: Path, tmp_path: Path) -> None:
    rows = load(made / "export" / "trl" / "grpo", tmp_path)
    problems = list(open_run(made).problems("rl", "3"))
    assert [json.loads(row["problem"]) for row in rows] == [problem.params for problem in problems]
    module, _, name = parsed("grpo", made / "export" / "trl")[0].reward_funcs[0].rpartition(".")
    reward = getattr(importlib.import_module(module), name)
    right = [f"<think></think><answer>{problem.params['solution']}</answer>" for problem in problems]
    for texts, value in ((right, 1.0), (["<answer>no</answer>"] * len(problems), 0.0)):
        completions = [[{"role": "assistant", "content": text}] for text in texts]
        assert reward(prompts=rows["prompt"][:], completions=completions, problem=rows["problem"][:]) == [value] * len(
            problems
        )


def test_other_tags_are_told_to_the_reward(made: Path) -> None:
    import attrs

    from skillfactory_core.exporters.files import flat_yaml
    from skillfactory_core.exporters.trl import grpo

    config = open_run(made).config
    assert "env" not in grpo(config)
    settings = grpo(attrs.evolve(config, tags="other"))
    assert flat_yaml("", {"env": settings["env"]}, {}).strip() == 'env: {"SKILLFACTORY_TAGS": "other"}'


def test_sizes_that_do_not_divide_are_refused(sf: Sf, tmp_path: Path) -> None:
    assert sf(*START, tmp_path, "--until", "rearrange", "-s", "grpo.prompts=6").code == 0
    outcome = sf("export", "trl", tmp_path / "it")
    assert outcome.code == 2 and "must be a multiple of grpo.minibatch" in outcome.err


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-6, "1.0e-06"), (2.5e-7, "2.5e-07"), (0.05, "0.05"), (1.0, "1.0"), (True, "true"), (None, "null"), (3, "3")],
)
def test_every_number_is_one_in_yaml_too(value: Any, text: str) -> None:
    import yaml

    from skillfactory_core.exporters.files import scalar

    assert scalar(value) == text
    assert yaml.safe_load(scalar(value)) == value
    for awkward in ("it's: a #'name'", 'with "quotes" \\ and é', "- no", "null", "1e5"):
        assert yaml.safe_load(scalar(awkward)) == awkward


@needs_time
def test_both_commands_train_for_real_one_after_the_other(made: Path) -> None:
    little = ["--use_cpu", "true", "--max_steps", "1"]
    for name, more in (("sft", []), ("grpo", ["--max_completion_length", "16"])):
        command = [Path(sys.executable).with_name("trl"), name, "--config", f"{name}.yaml", *little, *more]
        done = subprocess.run(command, cwd=made / "export" / "trl", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert (made / "export" / "trl" / f"{name}-model" / "model.safetensors").is_file()
