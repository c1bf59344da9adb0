"""Sorting and trimming micro-batches changes what is computed, not what comes out."""

import torch

from skillfactory_core.trainers.buckets import by_length, trimmed


def batch(lengths: list[int], start: int, width: int = 9) -> dict[str, object]:
    rows = len(lengths)
    mask = torch.arange(width)[None, :] < torch.tensor(lengths)[:, None]
    ids = torch.arange(rows * width).view(rows, width) + 1000 * start
    prompts = torch.tensor([[0, 1, 1]] * rows)
    return {
        "prompt_ids": prompts * 7,
        "prompt_mask": prompts,
        "completion_ids": ids,
        "completion_mask": mask.long(),
        "advantages": torch.arange(rows) + 10.0 * start,
        "num_items_in_batch": torch.tensor(99),
    }


def test_rows_stay_whole_and_come_in_order_of_length() -> None:
    before = [batch([9, 2, 5], 1), batch([1, 8, 3], 2)]
    after = by_length(before)
    lengths = [b["completion_mask"].sum(1).tolist() for b in after]
    assert lengths == [[1, 2, 3], [5, 8, 9]]
    rows = {(tuple(b["completion_ids"][i].tolist()), float(b["advantages"][i])) for b in before for i in range(3)}
    assert rows == {
        (tuple(b["completion_ids"][i].tolist()), float(b["advantages"][i])) for b in after for i in range(3)
    }
    assert all(b["num_items_in_batch"] == 99 for b in after)


def test_trimming_cuts_only_padding() -> None:
    whole = batch([4, 2, 3], 1)
    cut = trimmed(whole)
    assert cut["completion_ids"].shape == (3, 4)
    assert cut["completion_mask"].sum() == whole["completion_mask"].sum()
    assert cut["prompt_ids"].shape == (3, 2)
    assert torch.equal(cut["advantages"], whole["advantages"])


def test_a_batch_of_empty_completions_keeps_one_column() -> None:
    assert trimmed(batch([0, 0], 1))["completion_ids"].shape == (2, 1)


def test_a_batch_as_long_as_it_has_rows_is_cut_by_columns_not_rows() -> None:
    square = trimmed(batch([2] * 9, 1, width=9))
    assert square["completion_ids"].shape == (9, 2)
    assert square["advantages"].shape == (9,)
