"""The training loop: it can be stopped at any moment, and what it writes can be loaded."""

from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from skillfactory_core.errors import SkillFactoryError
from skillfactory_pocket import pretrain as loop
from skillfactory_pocket.cli import main as sf_pocket
from skillfactory_pocket.corpus.document import Document
from skillfactory_pocket.tokenizer import build_tokenizer

TINY = loop.Recipe(
    hidden=32, layers=1, heads=1, head=32, key_value_heads=1, feed_forward=32, tokens=1024, block=2, warmup=2,
    phases=(loop.Phase(4, (512,)), loop.Phase(2, (1024,), last=True)), compiled=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(documents_read=1500)


@pytest.fixture(autouse=True)
def small_tokenizer(monkeypatch: pytest.MonkeyPatch, tokenizer: Any) -> None:
    monkeypatch.setattr(loop, "build_tokenizer", lambda: tokenizer)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loop.pretrain(tmp_path / "whole", tmp_path / "work", TINY)
    saves = []

    def stopping(path: Path, *rest: Any) -> None:
        whole(path, *rest)
        saves.append(rest[0])
        if rest[0] == 2:
            raise KeyboardInterrupt

    whole = loop.save
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save", stopping)
        with pytest.raises(KeyboardInterrupt):
            loop.pretrain(tmp_path / "other", tmp_path / "again", TINY)
    assert saves == [2] and not (tmp_path / "other").exists()
    capsys.readouterr()
    loop.pretrain(tmp_path / "other", tmp_path / "again", TINY)
    out = capsys.readouterr().out
    assert '"step": 2' not in out and '"step": 4' in out and '"step": 6' in out
    assert weights(tmp_path / "other") == weights(tmp_path / "whole")


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    loop.pretrain(tmp_path / "it", tmp_path / "work", attrs.evolve(TINY, phases=TINY.phases[:1]))
    with pytest.raises(
        SkillFactoryError, match=r"^checkpoint .*checkpoint\.pt is of another recipe or corpus, .*: remove it"
    ):
        loop.pretrain(tmp_path / "it", tmp_path / "work", TINY)


def test_a_checkpoint_of_another_corpus_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop.pretrain(tmp_path / "it", tmp_path / "work", TINY)
    monkeypatch.setattr(loop, "documents", lambda seed, weights: iter([Document("markup", "", "", str(weights))]))
    monkeypatch.setattr(loop, "Recipe", lambda seed: TINY)
    outcome = CliRunner().invoke(sf_pocket, ["pretrain", "--work", str(tmp_path / "work"), "--weights", str(tmp_path)])
    assert (
        outcome.exit_code == 2
        and "is of another recipe or corpus" in outcome.output
        and "Traceback" not in outcome.output
    )


def test_prompts_carry_no_loss_and_drills_only_on_what_can_be_known(tokenizer: Any) -> None:
    check = Document("check", "countdown", "Make 5 from 2, 3. Check: 2 + 3 = 6.", "2 + 3 = 5.")
    drill = Document("drill", "", "", "2 + 3 = 5, 4 + 4 = 8.", learned_after=" = ")
    (tokens, labels), (_, drilled) = loop.encode(tokenizer, [check, drill])
    learned = [token for token in labels if token != loop.IGNORED]
    assert tokenizer.decode(learned) == "2 + 3 = 5.<|end|>" and len(tokens) == len(labels)
    assert tokenizer.decode([token for token in drilled if token != loop.IGNORED]) == "58"


def test_rows_hold_whole_documents_and_are_as_long_as_was_asked(tokenizer: Any) -> None:
    rows = loop.rows_of(tokenizer, seed=1, tokens=2048, phase=loop.Phase(9, (256, 512)))
    for _ in range(5):
        tokens, labels = next(rows)
        assert tokens.shape == labels.shape and tuple(tokens.shape) in ((8, 256), (4, 512))
        ends = (tokens == tokenizer.eos_token_id).sum(1)
        assert (ends > 1).all() and ((labels == loop.IGNORED) | (labels == tokens)).all()
        # A text that is too long for 256 has a row of 512 nearly to itself.
        assert (tokens == tokenizer.pad_token_id).float().mean() < (0.2 if tokens.shape[1] == 256 else 0.5)


def test_the_rate_rises_and_falls_in_each_phase() -> None:
    recipe = loop.Recipe(phases=(loop.Phase(1000, (256,)), loop.Phase(100, (512,), rate=0.5)))
    rates = [loop.schedule(recipe, step) for step in (0, 199, 600, 999, 1000, 1024, 1099)]
    assert rates == pytest.approx([1 / 200, 1, 0.5, 0.05, 0.5 / 25, 0.5, 0.025])
