"""Settings: which source wins, what is refused and how it is said, and that config.toml gives them back."""

import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from skillfactory_core.config import (
    PRESETS,
    Config,
    flatten,
    merge,
    model_settings,
    parse_flag,
    preset_settings,
    read_settings,
    rl_only_settings,
    structure,
    unstructure,
)
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.resolve import resolve

SCALARS = st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5)
TABLES = st.recursive(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), SCALARS, max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), SCALARS | inner, max_size=3),
    max_leaves=6,
)


def resolved(file: Path | None = None, **given: Any) -> Config:
    return resolve("countdown", given.pop("preset", "smoke"), file, given.pop("flags", {"model": "scripted"}), **given)


def test_without_any_source_the_settings_are_the_papers() -> None:
    config = structure({"task": "countdown"})
    assert (config.sample.problems, config.sample.attempts, config.reflect.reflections) == (4000, 16, 4)
    assert attrs.astuple(config.sampling) == (0.7, 0.8, 20, 1.1, 4096)
    assert (config.sft.rate, config.sft.batch, config.sft.context) == (1e-6, 1, 4096)
    assert (config.grpo.prompts, config.grpo.minibatch, config.grpo.rollouts, config.grpo.steps) == (256, 32, 16, 150)
    assert (config.grpo.max_prompt, config.grpo.max_tokens, config.evaluate_sampling.max_tokens) == (512, 4096, 16384)


def test_the_paper_preset_says_what_the_defaults_are() -> None:
    # The paper's SFT lasts one epoch or two; everything else is one figure.
    assert structure({"task": "t", **preset_settings("paper")}) == structure({"task": "t"})


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_made_of_settings_that_exist(preset: str) -> None:
    structure({"task": "t", **preset_settings(preset)})


def test_each_source_wins_over_the_one_before(world: None, tmp_path: Path) -> None:
    def problems(config: Config) -> int:
        return config.sample.problems

    file = tmp_path / "mine.toml"
    file.write_text("[sample]\nproblems = 5\n")
    assert problems(structure({"task": "countdown"})) == 4000
    assert problems(structure({"task": "countdown", **preset_settings("smoke")})) == 24
    assert problems(resolved()) == 8
    assert problems(resolved(file)) == 5
    assert problems(resolved(file, settings=["sample.problems=3"])) == 3
    assert problems(resolved(file, settings=["sample.problems=3", "sample.problems=2"])) == 2


def test_a_source_changes_only_the_settings_it_names(world: None, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[sample]\nproblems = 5\n")
    config = resolved(file, settings=["sample.attempts=9"])
    assert (config.sample.problems, config.sample.attempts) == (5, 9)
    assert config.reflect.reflections == 2


def test_a_models_settings_for_a_task_win_over_those_for_a_preset_and_those_over_those_for_all(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[all]\nseed = 1\npart = 2\n[smoke]\nseed = 3\n[task.csqa]\nseed = 4\n")
    assert model_settings(str(path), "smoke", "countdown") == {"seed": 3, "part": 2}
    assert model_settings(str(path), "default", "countdown") == {"seed": 1, "part": 2}
    assert model_settings(str(path), "smoke", "csqa") == {"seed": 4, "part": 2}


def test_options_of_the_task_come_from_every_source(world: None) -> None:
    config = resolved(options=["numbers=4"], settings=["task_options.smallest=2"])
    assert config.task_options == {"largest": 9, "numbers": 4, "smallest": 2}


def test_the_rl_baseline_has_the_settings_of_grpo_but_for_its_own() -> None:
    config = structure({"task": "t", "grpo": {"steps": 7}, "rl_only": {"rate": 0.5}})
    assert rl_only_settings(config) == attrs.evolve(config.grpo, rate=0.5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sede": 1}, "no setting named 'sede': did you mean 'seed'?"),
        ({"sample": {"problms": 3}}, "sample: no setting named 'problms': did you mean 'problems'?"),
        ({"zzz": 1}, "no setting named 'zzz': there is task, method, model"),
        ({"rl_only": {"stpes": 3}}, "rl_only: no setting named 'stpes': did you mean 'steps'?"),
        ({"rl_only": {"steps": "x"}}, "rl_only.steps: 'x' is not a whole number"),
        ({"task": 3}, "task: 3 is not text"),
        ({"sample": {"problems": "x"}}, "sample.problems: 'x' is not a whole number"),
        ({"sample": {"problems": 2.0}}, "sample.problems: 2.0 is not a whole number"),
        ({"sample": {"problems": True}}, "sample.problems: True is not a whole number"),
        ({"sft": {"rate": "fast"}}, "sft.rate: 'fast' is not a number"),
        ({"sft": {"rate": True}}, "sft.rate: True is not a number"),
        ({"baselines": 1}, "baselines: 1 is not true or false"),
        ({"skills": "verify"}, "skills: 'verify' is not a list of texts"),
        ({"skills": ["verify", 3]}, "is not a list of texts"),
        ({"evaluate": {"variants": "34"}}, "evaluate.variants: '34' is not a list of texts"),
        ({"sample": 3}, "sample: must be a table of settings"),
        ({"sample": []}, "sample: must be a table of settings"),
        ({"task_options": 3}, "task_options: must be a table of settings"),
        ({"sample": {"problems": 0}}, "sample: 'problems' must be >= 1: 0"),
        ({"sample": {"attempts": -1}}, "'attempts' must be >= 1: -1"),
        ({"reflect": {"reflections": 0}}, "'reflections' must be >= 1: 0"),
        ({"rearrange": {"per_problem": -1}}, "'per_problem' must be >= 0: -1"),
        ({"evaluate": {"samples": -1}}, "'samples' must be >= 0: -1"),
        ({"evaluate": {"problems": -2}}, "'problems' must be >= 1: -2"),
        ({"part": 0}, "'part' must be >= 1: 0"),
        ({"most_failures": 2}, "'most_failures' must be <= 1: 2"),
        ({"sampling": {"temperature": -1}}, "'temperature' must be >= 0: -1"),
        ({"sampling": {"top_p": 0}}, "'top_p' must be > 0: 0"),
        ({"grpo": {"rollouts": 1}}, "'rollouts' must be >= 2: 1"),
        ({"sft": {"rate": 0}}, "'rate' must be > 0: 0"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named_in_one_line(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SkillFactoryError) as error:
        structure({"task": "t", **settings})
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_missing_task_is_named() -> None:
    with pytest.raises(SkillFactoryError, match="task: is missing"):
        structure({})


@pytest.mark.parametrize(
    ("flag", "tables"),
    [
        ("seed=3", {"seed": 3}),
        ("sft.rate=1e-3", {"sft": {"rate": 1e-3}}),
        ("baselines=false", {"baselines": False}),
        ("model=Qwen/Qwen2.5-1.5B-Instruct", {"model": "Qwen/Qwen2.5-1.5B-Instruct"}),
        ('skills=["verify"]', {"skills": ["verify"]}),
        ("phrases=a=b", {"phrases": "a=b"}),
        ("phrases=", {"phrases": ""}),
        ("a.b.c=1", {"a": {"b": {"c": 1}}}),
    ],
)
def test_a_flag_is_toml_or_text(flag: str, tables: dict[str, Any]) -> None:
    assert parse_flag(flag) == tables


@pytest.mark.parametrize("flag", ["", "seed", "=3"])
def test_a_flag_without_a_name_or_a_value_is_refused(flag: str) -> None:
    with pytest.raises(SkillFactoryError, match="write NAME=VALUE"):
        parse_flag(flag)


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"a = 1\na = 2"])
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SkillFactoryError, match=r"mine\.toml cannot be read"):
        read_settings(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SkillFactoryError, match=r"mine\.toml cannot be read.*No such file"):
        read_settings(tmp_path / "mine.toml")


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(SkillFactoryError, match="no preset named 'tiny': choose one of default, smoke, paper"):
        preset_settings("tiny")


@given(
    st.fixed_dictionaries(
        {"task": st.text(min_size=1)},
        optional={
            "seed": st.integers(-(2**60), 2**60),
            "most_failures": st.floats(0, 1),
            "skills": st.lists(st.text()),
            "task_options": TABLES,
            "sft": st.fixed_dictionaries({}, optional={"rate": st.floats(1e-9, 1), "batch": st.integers(1, 2**60)}),
        },
    )
)
def test_settings_survive_config_toml(settings: dict[str, Any]) -> None:
    config = structure(settings)
    assert structure(tomllib.loads(tomli_w.dumps(unstructure(config)))) == config


@given(TABLES, TABLES)
def test_merged_settings_are_those_above_then_those_below(below: dict[str, Any], above: dict[str, Any]) -> None:
    merged = flatten(merge(below, above))
    assert flatten(above).items() <= merged.items()
    assert merged.keys() <= flatten(above).keys() | flatten(below).keys()


@given(TABLES)
def test_merging_with_nothing_changes_nothing(tables: dict[str, Any]) -> None:
    assert merge(tables, {}) == merge({}, tables) == tables
