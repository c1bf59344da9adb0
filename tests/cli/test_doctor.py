"""sf doctor: each fault of a tokenizer, a template or a limit is found, and what is sound is not."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome

from skillfactory_core.doctor.limits import MOST_CUT
from skillfactory_core.doctor.tokens import LESSONS
from skillfactory_core.run import open_run

Sf = Callable[..., Outcome]
TURNS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'assistant' %}END{% endif %}{% endfor %}"
PROMPT = "{% if add_generation_prompt %}<|assistant|>{% endif %}"
SOUND = TURNS.replace("END", "<|end|>") + PROMPT
SPECIAL = ("<|end|>", "<|pad|>", "<|stop|>", "<|system|>", "<|user|>", "<|assistant|>")
CHECKS = ["chat template", "prompt", "completion", "end", "padding", "tags", "lengths"]


def save(
    folder: Path,
    template: str | None = SOUND,
    ends: tuple[str, ...] = ("<|end|>",),
    pad: str | None = "<|pad|>",
    special: tuple[str, ...] = (),
    added: tuple[str, ...] = (),
    lowercase: bool = False,
) -> Path:
    """A model of no weights: a tokenizer of bytes, with its template and generation settings."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import GenerationConfig, LlamaConfig, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.add_special_tokens([*SPECIAL, *special])
    tokenizer.add_tokens(list(added))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token=pad)
    fast.chat_template = template
    fast.save_pretrained(folder)
    LlamaConfig(vocab_size=len(fast)).save_pretrained(folder)
    GenerationConfig(eos_token_id=[fast.convert_tokens_to_ids(end) for end in ends]).save_pretrained(folder)
    return folder


def examined(sf: Sf, *args: str | Path) -> tuple[int, dict[str, dict[str, str]]]:
    """(exit code, check -> finding)"""
    outcome = sf("doctor", "--json", *args)
    assert "Traceback" not in outcome.err, outcome.err
    told = json.loads(outcome.out)
    assert told["passed"] == (outcome.code == 0)
    return outcome.code, {finding["check"]: finding for finding in told["checks"]}


def test_pocket_is_sound(sf: Sf) -> None:
    code, findings = examined(sf, "--model", "pocket")
    assert code == 0
    assert {name: finding["state"] for name, finding in findings.items()} == dict.fromkeys(CHECKS[:-1], "ok") | {
        "lengths": "not checked"
    }


def test_a_sound_tokenizer_passes_every_check(sf: Sf, tmp_path: Path) -> None:
    code, findings = examined(sf, "--model", save(tmp_path / "model"))
    assert code == 0, findings
    assert list(findings) == CHECKS


THOUGHTLESS = SOUND.replace("{{ m.content }}", "{{ m.content.split('</' + 'think>')[-1] }}")
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + SOUND
FAULTS: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "the template does not write the start of a reply": (
        {"template": SOUND.replace(PROMPT, "")},
        {"completion"},
        r"a lesson teaches '<\|assistant\|><think>.*' where its trace has '<think>",
    ),
    "the template writes the prompt alone in another way": (
        {"template": SOUND.replace(PROMPT, "{% if add_generation_prompt %}<|assistant|>Well: {% endif %}")},
        {"prompt", "completion"},
        r"the trainer's prompt and the engine's part at token \d+: '<think",
    ),
    "the template leaves the thoughts out of a reply": (
        {"template": THOUGHTLESS},
        {"completion"},
        "where its trace has '<think>",
    ),
    "the template refuses system messages": ({"template": NO_SYSTEM}, {"chat template"}, "no system role"),
    "no token ends a reply": (
        {"template": SOUND.replace("<|end|>", "")},
        {"end"},
        r"no lesson holds a token that ends a reply \('<\|end\|>'\)",
    ),
    "the template ends a reply in a token at which generation does not stop": (
        {"template": SOUND.replace("<|end|>", "<|stop|>")},
        {"end"},
        r"no lesson holds a token that ends a reply \('<\|end\|>'\)",
    ),
    "reinforcement would end replies in another token than the template": (
        {"template": SOUND.replace("<|end|>", "<|stop|>"), "ends": ("<|end|>", "<|stop|>")},
        {"end"},
        r"lessons end in '<\|stop\|>', and reinforcement ends replies in '<\|end\|>'",
    ),
    "there is no template": ({"template": None}, {"end"}, "no lesson holds a token that ends a reply"),
    "a tag is a special token": (
        {"special": ("<think>", "</think>")},
        {"completion", "tags"},
        "</think>, <think> are special tokens: they vanish",
    ),
    "the tokenizer forgets capitals": (
        {"lowercase": True},
        {"completion"},
        "a lesson teaches .*correct.* where its trace has .*Correct",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_with_what_to_do(sf: Sf, tmp_path: Path, fault: str) -> None:
    made, failing, said = FAULTS[fault]
    code, findings = examined(sf, "--model", save(tmp_path / "model", **made), "--prompts", "paper")
    failed = {name: finding for name, finding in findings.items() if finding["state"] == "failed"}
    assert code == 1
    assert failed.keys() == failing, fault
    assert any(re.search(said, finding["what"]) for finding in failed.values()), failed
    assert all(finding["do"] for finding in failed.values())


def test_a_tag_that_is_one_plain_token_is_no_fault(sf: Sf, tmp_path: Path) -> None:
    code, findings = examined(sf, "--model", save(tmp_path / "model", added=("<think>", "</think>")))
    assert code == 0
    assert findings["tags"]["what"] == "plain text, each one token: </think>, <think>"


def test_padding_with_the_end_token_is_no_fault_while_the_loss_covers_the_end(sf: Sf, tmp_path: Path) -> None:
    code, findings = examined(sf, "--model", save(tmp_path / "model", pad="<|end|>"))
    assert code == 0
    assert findings["padding"]["what"] == "'<|end|>' pads and ends replies; the loss covers every token of the reply"


@pytest.mark.parametrize(
    ("pad", "failing"), [("<|end|>", {"end", "padding"}), (None, {"end", "padding"}), ("<|pad|>", set())]
)
def test_a_collator_that_masks_the_padding_token_masks_the_end_where_both_are_one(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pad: str | None, failing: set[str]
) -> None:
    """As the collators of other libraries do."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling as Collator

    collate = Collator.torch_call

    def masking(self: Any, examples: Any) -> Any:
        batch = collate(self, examples)
        batch["labels"][batch["labels"] == self.pad_token_id] = -100
        return batch

    monkeypatch.setattr(Collator, "torch_call", masking)
    _, findings = examined(sf, "--model", save(tmp_path / "model", pad=pad))
    failed = {name: finding for name, finding in findings.items() if finding["state"] == "failed"}
    assert failed.keys() == failing
    assert all("pad_token" in finding["do"] for finding in failed.values())


def test_a_run_tells_what_its_limits_cut(sf: Sf, copied: Path, tmp_path: Path) -> None:
    model = save(tmp_path / "model")
    code, findings = examined(sf, "--model", model, "--run", copied)
    count = open_run(copied).traces.count()
    assert code == 0, findings
    assert re.match(
        rf"0 of {count} \(0.0%\) longer than sft.context = [\d,]+ tokens; the longest has", findings["traces"]["what"]
    )
    assert findings["prompts"]["state"] == "ok"
    assert re.match(r"0 of \d+ responses cut at", findings["responses skillfactory-4"]["what"])

    settings = (copied / "config.toml").read_text()
    settings = re.sub(r"context = \d+", "context = 200", settings)
    (copied / "config.toml").write_text(re.sub(r"max_prompt = \d+", "max_prompt = 20", settings))
    code, findings = examined(sf, "--model", model, "--run", copied)
    assert code == 1
    assert {name for name, finding in findings.items() if finding["state"] == "failed"} == {"traces", "prompts"}
    assert findings["traces"]["do"] == "raise sft.context"
    assert f"of {count}" in findings["traces"]["what"]


def test_responses_that_are_cut_are_told(sf: Sf, copied: Path, tmp_path: Path) -> None:
    import attrs

    table = open_run(copied).responses("sft", "4")
    table.finish(0, [attrs.evolve(response, finish="length") for response in table.read(0)])
    _, findings = examined(sf, "--model", save(tmp_path / "model"), "--run", copied)
    assert re.match(r"([1-9]\d*) of \d+ responses cut at", findings["responses sft-4"]["what"])
    assert "raise evaluate_sampling.max_tokens" in findings["responses sft-4"]["do"]


def test_a_run_without_traces_is_not_checked_for_them(sf: Sf, empty: Any, tmp_path: Path) -> None:
    code, findings = examined(sf, "--model", save(tmp_path / "model"), "--run", empty.folder)
    assert code == 0
    assert findings["traces"] == {
        "check": "traces",
        "state": "not checked",
        "what": "the run has no traces",
        "do": "sf rearrange makes them",
    }


def test_the_findings_are_a_table_for_people(sf: Sf, tmp_path: Path) -> None:
    outcome = sf("doctor", "--model", save(tmp_path / "model", template=SOUND.replace("<|end|>", "")))
    assert outcome.code == 1
    assert "FAILED" in outcome.out and "not checked" in outcome.out and "generation_config.json" in outcome.out
    assert outcome.err.splitlines()[-1].endswith("1 of 7 checks failed: end")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("doctor --tags sample-reflect", "name one with --model, or a run with --run"),
        ("doctor --model pockt", "no model named 'pockt': did you mean 'pocket'?"),
        ("doctor --model .", "has no tokenizer: save one into that folder"),
        ("doctor --run nowhere", "is not a run folder"),
        ("doctor --model pocket --tags sample", "no tag format named 'sample'"),
        ("doctor --model pocket --prompts pockte", "no prompt set named 'pockte': did you mean 'pocket'?"),
    ],
)
def test_a_wrong_command_is_refused_in_one_line(
    sf: Sf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = sf(*words.split())
    assert outcome.code == 2
    assert said in outcome.err.splitlines()[-1]


def test_the_page_names_the_numbers_of_the_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "check-a-model.md").read_text(encoding="utf-8")
    assert f"up to {LESSONS} of its traces" in page
    assert page.count(f"at most {MOST_CUT * 100:.0f} %") == 2
