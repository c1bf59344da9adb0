"""Reflection: the model's critique of one attempt, ending in a verdict: the model's claim."""

import attrs


@attrs.frozen
class Reflection:
    """One critique and what became of it in the filter."""

    key: str
    "attempt key / prompt name / k"
    attempt: str
    problem: str
    prompt: str
    "name of the reflection prompt"
    k: int
    text: str
    tokens: int
    finish: str
    verdict: bool | None
    "True: 'correct'; False: 'incorrect'; None: no verdict, or two that differ"
    dropped: str
    "why the filter left it out (untrue, no_verdict, cut, empty, tags, error); empty where it was kept"
    error: str = ""
