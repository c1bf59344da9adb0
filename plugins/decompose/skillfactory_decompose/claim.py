"""Claim: what a check says of the step that it is about."""

import re

from skillfactory_decompose.split import bare, goal_of

HOLDS, FAILS = "holds", "fails"
"the words that the reflection prompts ask for at the end of a check (prompts.toml)"
LAST_WORD = re.compile(r"(\w+)\W*$")


def claim(step: str, check: str) -> bool | None:
    """What its last word says; else whether it did the step again and came to the same; None: it is about something else."""
    said = by_word(check)
    if said is not None:
        return said
    if bare(step) == bare(check):
        return True
    goal = bare(goal_of(step))
    return False if goal and goal == bare(goal_of(check)) else None


def by_word(check: str) -> bool | None:
    """What a check says by its last word; None where that is neither of the two."""
    last = LAST_WORD.search(check[-40:])
    return {HOLDS: True, FAILS: False}.get(last[1].casefold()) if last else None
