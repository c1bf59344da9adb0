"""Training goes on from its newest whole checkpoint; one that a kill tore is removed."""

from pathlib import Path

from skillfactory_core.trainers.checkpoints import PIECES, last_checkpoint


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
