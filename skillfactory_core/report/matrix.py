"""Matrix: verdict against truth, as four counts. What the model claims stands in the rows, what the task knows in the columns."""

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Matrix:
    """The verdicts of one method on one exam."""

    right_right: int
    "said right, and it is"
    right_wrong: int
    "said right, and it is wrong"
    wrong_right: int
    wrong_wrong: int

    @property
    def total(self) -> int:
        return self.right_right + self.right_wrong + self.wrong_right + self.wrong_wrong

    @property
    def agree(self) -> float:
        """The share of verdicts that are true."""
        return (self.right_right + self.wrong_wrong) / self.total


def matrix(verdicts: Mapping[str, Mapping[str, Any]]) -> Matrix | None:
    """The counts behind precision and recall: recall times support are the hits. None where there are no verdicts."""
    hits = {kind: round((verdicts[kind]["recall"] or 0) * verdicts[kind]["support"]) for kind in ("right", "wrong")}
    missed = {kind: verdicts[kind]["support"] - hits[kind] for kind in ("right", "wrong")}
    found = Matrix(hits["right"], missed["wrong"], missed["right"], hits["wrong"])
    return found if found.total else None


def matrices(summary: Mapping[str, Any]) -> dict[str, dict[str, Matrix]]:
    """method -> exam -> the matrix, for the methods that give verdicts."""
    every = {
        method: {exam: matrix(figures["verdicts"]) for exam, figures in by_exam.items()}
        for method, by_exam in summary["methods"].items()
    }
    there = {method: {exam: one for exam, one in by.items() if one} for method, by in every.items()}
    return {method: by for method, by in there.items() if by}
