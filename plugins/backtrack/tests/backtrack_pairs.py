"""Attempts and reflections for the tests, in the words that a model would use."""

from collections.abc import Sequence

from skillfactory_core.attempt import Attempt
from skillfactory_core.reflection import Reflection
from skillfactory_core.strategy import Pair

RIGHT, WRONG = "<verdict>Correct</verdict>", "<verdict>Incorrect</verdict>"


def pair(text: str, correct: bool, number: int = 0, answer: str = "9", says: str = "Looked at.") -> Pair:
    """An attempt with its answer in the tag, and a true reflection on it."""
    key = f"countdown/3/train/0/original/{number}"
    attempt = Attempt(key, "countdown/3/train/0", "original", number, f"{text} <answer>{answer}</answer>", 9, "stop")
    critique = f"{says} {RIGHT if correct else WRONG}"
    reflection = Reflection(f"{key}/check/0", key, attempt.problem, "check", 0, critique, 9, "stop", correct, "")
    return Pair(attempt, answer, correct, reflection)


def chained(*ways: Sequence[str], says: Sequence[str] = ()) -> list[Pair]:
    """Attempts as chains of equations, as pocket writes them; the last one is right."""
    last = len(ways) - 1
    words = [*says, *["Looked at."] * len(ways)]
    return [
        pair("; ".join(way) + ".", number == last, number, f"way {number}", words[number])
        for number, way in enumerate(ways)
    ]
