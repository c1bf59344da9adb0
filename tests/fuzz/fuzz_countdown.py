"""Coverage-guided fuzzing of the Countdown grader: `python tests/fuzz/fuzz_countdown.py --inputs 1000000`.

Needs `pip install atheris` (Linux; not among the dependencies). Each input is graded and compared with the
oracle of the tests where that is cheap; the first one that breaks a promise is printed and ends the run with
an error.
"""

import argparse
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))

with atheris.instrument_imports(include=["skillfactory_tasks"]):
    from skillfactory_tasks.countdown import Countdown

from countdown_oracle import oracle

from skillfactory_core.attempt import REASONS, Grade

ALPHABET = "0123456789" * 2 + "((()))++--**//= \n×·÷−–.,!^x_٣²\u2028\ud800"
PROBLEMS = [([1], 1), ([3, 7, 25], 46), ([8, 3, 8, 3], 24), ([0, 1, 2, 2], 0), ([1, 2, 3, 4, 5, 6], -1)]
CHEAP = 120
"characters up to which the recursive oracle is asked"


def text_of(data: bytes) -> str:
    """Half of the inputs are drawn from the signs of expressions, the others are any text."""
    if data[0] & 1:
        return "".join(ALPHABET[byte % len(ALPHABET)] for byte in data[1:])
    return data[1:].decode("utf-8", "surrogateescape")


def grade_one(data: bytes) -> None:
    if not data:
        return
    text = text_of(data)
    numbers, target = PROBLEMS[(data[0] >> 1) % len(PROBLEMS)]
    grade = Countdown().grade({"numbers": numbers, "target": target}, text)
    assert isinstance(grade, Grade) and grade.reason in REASONS, ascii(text)
    assert grade.correct == (grade.reason == "ok"), ascii(text)
    assert (grade.reason == "too_long") == (len(text) > 512), ascii(text)
    if len(text) <= CHEAP:
        expected = oracle(numbers, target, text)
        assert grade.reason == expected, f"{text!a}: {grade.reason}, but the oracle says {expected}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many inputs to try")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fuzzer = [
        sys.argv[0],
        f"-runs={options.inputs}",
        f"-seed={options.seed}",
        "-max_len=1200",
        "-timeout=1",
        "-verbosity=0",
    ]
    atheris.Setup([*fuzzer, "-print_final_stats=1"], grade_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
