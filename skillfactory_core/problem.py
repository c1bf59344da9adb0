"""Problem: one instance of a task."""

from typing import Any

import attrs


@attrs.frozen
class Problem:
    """One question with everything its grader needs."""

    key: str
    "task/variant/split/index: names the problem in every later table"
    task: str
    "name of the task that made it and grades it"
    variant: str
    "name of the task's difficulty, such as '4'"
    split: str
    "train, rl, validation or evaluation; decided by the hash, so splits never meet"
    index: int
    "the item's number in its split"
    params: dict[str, Any]
    "what the task needs to ask and to grade; JSON values only"
    question: str
    "the problem in words, without any request about the form of the answer"
    hash: str
    "hash of the canonical form: two problems with one hash are the same problem"
