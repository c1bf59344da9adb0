"""Coverage-guided fuzzing of the graders: `python tests/fuzz/fuzz_grader.py --task countdown --inputs 1000000`.

Needs `pip install atheris` (Linux; the extra `fuzz`). Half of the inputs are drawn from the signs that a task's answers
are made of, half are any text. Each is graded twice; what a grade may be is checked, and where a task has an oracle of
its own or a property that no right answer may lack, that too. The first input that breaks a promise is printed and ends
the run with an error. For mathematics the symbolic workers are left out, because a million questions to sympy take a day;
`--symbolic` asks them.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))

with atheris.instrument_imports(include=["skillfactory_tasks"]):
    from skillfactory_tasks import symbolic
    from skillfactory_tasks.acronym import Acronym
    from skillfactory_tasks.countdown import Countdown
    from skillfactory_tasks.csqa import Csqa
    from skillfactory_tasks.dictionary import words
    from skillfactory_tasks.gsm8k import Gsm8k
    from skillfactory_tasks.letter_countdown import LetterCountdown
    from skillfactory_tasks.math import Math
    from skillfactory_tasks.multiplication import Multiplication

import attrs
from countdown_oracle import oracle

from skillfactory_core.attempt import REASONS, UNCHECKED, Grade
from skillfactory_core.task import Task

Params = dict[str, Any]
ANYTHING = " \n×·÷−–.,!^_'\"*`$%²\u2028\ud800\u0663{}()\\"
CHEAP = 120
"characters up to which the recursive oracle is asked"


@attrs.frozen
class Target:
    """A task to fuzz."""

    task: Task
    limit: int
    "characters that an answer may have"
    pieces: list[str]
    "what answers are made of"
    problems: list[Params]
    lacks: Callable[[Params, str], bool] = lambda params, text: False
    "whether a text lacks something that every right answer has"


def digits(text: str) -> str:
    return "".join(c for c in text if c in "0123456789")


def letters(text: str) -> str:
    return "".join(c for c in text.lower() if c in "abcdefghijklmnopqrstuvwxyz")


CHOICES = {"A": "bank", "B": "a b", "C": "C", "D": "(d)", "E": "$e$"}
QUESTION = {"question": "?"}
TARGETS = [
    Target(
        Countdown(),
        512,
        [*"0123456789" * 2, *"((()))++--**//=", *ANYTHING],
        [
            {"numbers": numbers, "target": target}
            for numbers, target in (([1], 1), ([3, 7, 25], 46), ([8, 3, 8, 3], 24), ([0, 1, 2, 2], 0), ([1, 2, 3, 4, 5, 6], -1))
        ],
        lambda params, text: len(text) <= CHEAP and oracle(params["numbers"], params["target"], text) != "ok",
    ),
    Target(
        Multiplication(),
        512,
        [*"0123456789" * 2, "144", "1,234,321", ".0", "\\boxed{", "}", "**", "+", "-", "{,}", "\\,", *ANYTHING],
        [{"a": 12, "b": 12}, {"a": 1111, "b": 1111}, {"a": 0, "b": 7}, {"a": -12, "b": 12}],
        lambda params, text: str(abs(params["a"] * params["b"])) not in digits(text),
    ),
    Target(
        LetterCountdown(),
        256,
        [*"spareltin" * 2, "real", "spas", "Laser", "**", *ANYTHING],
        [{"letters": list("spasrel"), "length": 4}, {"letters": "NOTES", "length": 3}],
        lambda params, text: letters(text) not in words(),
    ),
    Target(
        Acronym(),
        256,
        [*"spareltin" * 2, "spar", "Pose", "**", *ANYTHING],
        [{"words": ["silver", "pencil", "amber", "orange", "river", "salad", "eagle"], "length": 4}],
        lambda params, text: letters(text) not in words(),
    ),
    Target(
        Gsm8k(),
        512,
        [*"0123456789" * 2, "29", "1,250", "$", "the answer is ", "x = ", "dollars", "half", "not", "\\frac{", "}{", "\\text{", *ANYTHING],
        [{**QUESTION, "answer": gold} for gold in ("29", "1250", "1/3", "-4.5")],
        lambda params, text: not digits(text),
    ),
    Target(
        Csqa(),
        4096,
        [*"ABCDEabcde" * 2, "answer", "The answer is ", "option ", ": ", "bank", "a b", "\\boxed{", "\\text{", "}", *ANYTHING],
        [{**QUESTION, "choices": CHOICES, "answer": letter} for letter in "ABCDE"],
        lambda params, text: params["answer"].lower() not in letters(text),
    ),
    Target(
        Math(deadline=1),
        4096,
        [*"0123456789xyi" * 2, "\\frac{", "}{", "\\sqrt", "^", "_", "\\pi", "\\pm", "\\cup", "=", "<", "|", "[", "]", "&", "\\\\",
         "\\begin{pmatrix}", "\\end{pmatrix}", "\\text{", "\\{", "\\}", "and", "sin", "+", "-", "/", "!", "\\overline{", *ANYTHING],
        [{**QUESTION, "answer": gold} for gold in ("7", r"\frac{x+1}{2}", "(1,2]", "1,2", "y=2x+1", r"2\sqrt{3}", r"\text{even}")],
    ),
]  # fmt: skip


def text_of(target: Target, data: bytes) -> str:
    if data[0] & 1:
        return "".join(target.pieces[byte % len(target.pieces)] for byte in data[1:])
    return data[1:].decode("utf-8", "surrogateescape")


def grade_one(target: Target, data: bytes, last: int) -> None:
    if not data:
        return
    text = text_of(target, data)
    os.pwrite(last, len(data).to_bytes(4, "big") + data, 0)
    params = target.problems[(data[0] >> 1) % len(target.problems)]
    grade = target.task.grade(params, text)
    shown = f"{params} {text!a}: {grade}"
    assert isinstance(grade, Grade) and grade.reason in REASONS, shown
    assert grade.reason not in UNCHECKED or target.task.name == "math", shown
    assert grade.correct == (grade.reason == "ok"), shown
    assert (grade.reason == "too_long") == (len(text) > target.limit), shown
    assert (
        (grade.answer is None) == (grade.reason == "no_answer") == (not text.strip() and len(text) <= target.limit)
    ), shown
    assert not (grade.correct and target.lacks(params, text)), shown
    if target.task.name == "countdown" and len(text) <= CHEAP:
        assert grade.reason == oracle(params["numbers"], params["target"], text), shown
    assert target.task.grade(params, text) == grade, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=[target.task.name for target in TARGETS], required=True)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many inputs to try")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--symbolic", action="store_true", help="mathematics: also ask sympy")
    options = parser.parse_args()
    target = next(target for target in TARGETS if target.task.name == options.task)
    if not options.symbolic:
        symbolic.compare = lambda *_: "wrong"  # type: ignore[assignment]
    fuzzer = [
        sys.argv[0],
        f"-runs={options.inputs}",
        f"-seed={options.seed}",
        "-max_len=1200",
        "-timeout=10",  # seconds of the clock: on a busy machine a process may have to wait for one or two
        "-verbosity=0",
        "-print_final_stats=1",
        f"-artifact_prefix={tempfile.gettempdir()}/",
    ]
    # The input that is being graded, for the case that a run hangs or is killed: its length in four bytes, and itself.
    last = os.open(Path(tempfile.gettempdir(), f"fuzz_{options.task}.input"), os.O_RDWR | os.O_CREAT, 0o600)
    atheris.Setup(fuzzer, lambda data: grade_one(target, data, last))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
