"""Response: one answer in an evaluation, graded by the final-answer rule."""

import attrs


@attrs.frozen
class Response:
    """What one method wrote to one evaluation problem."""

    key: str
    "method / problem key / k"
    method: str
    variant: str
    problem: str
    k: int
    text: str
    tokens: int
    finish: str
    correct: bool
    answer: str | None
    reason: str
    error: str = ""
