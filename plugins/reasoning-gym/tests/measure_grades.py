"""How fast answers are graded, and how soon hostile ones are given up: python tests/measure_grades.py --out measured.md"""

import argparse
import platform
import statistics
import time
from itertools import islice
from pathlib import Path

from skillfactory_core.task import Task
from skillfactory_reasoning_gym.audit import COMPARED, GUARDED, LISTED
from skillfactory_reasoning_gym.task import PREFIX, tasks

PROBLEMS, ANSWERS = 4, 50
TASKS = {
    "compared here": ("letter_counting", "spiral_matrix", "n_queens"),
    "scored in a worker": ("chain_sum", "number_sorting", "tower_of_hanoi", "mini_sudoku", "knights_knaves"),
    "evaluated in a worker": ("bitwise_arithmetic", "polynomial_multiplication", "simple_integration"),
}
HOSTILE = {
    "simple_integration": ("9**9**9", "exp(exp(exp(9999)))"),
    "polynomial_multiplication": ("((9**99)**99)**99*((9**99)**99)**99", "9**9**9"),
    "coin_flip": ("1e999999999",),
    "rubiks_cube": ("R " * 8_000,),
}


def rate(task: Task, turn: int) -> float:
    """Wrong answers per second, none of them given before, so that nothing is remembered; after one that opens the dataset."""
    given = [
        (problem.params, f"{turn}{number} {task.reference(problem.params)}" if number % 2 else f"{turn}{number}")
        for problem in islice(task.problems(0, "train"), PROBLEMS)
        for number in range(ANSWERS)
    ]
    task.grade(given[0][0], "0")
    start = time.perf_counter()
    for params, answer in given:
        task.grade(params, answer)
    return len(given) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    found = {task.row.name: task for task in tasks()}
    assert {*TASKS["compared here"]} & {*COMPARED, *LISTED} and {*TASKS["evaluated in a worker"]} <= set(GUARDED)
    lines = [
        "# Measured",
        "",
        f"Written by `tests/measure_grades.py` on {platform.machine()}, Python {platform.python_version()}, one caller.",
        "",
        "| how | task | answers per second |",
        "| --- | --- | --- |",
    ]
    for how, names in TASKS.items():
        for name in names:
            lines.append(
                f"| {how} | `{PREFIX}{name}` | {statistics.median(rate(found[name], turn) for turn in (1, 2, 3)):,.0f} |"
            )
            print(lines[-1], flush=True)
    lines += [
        "",
        "Half of these answers are a number, the other half a number and the reference.",
    ]
    lines += ["", "| task | hostile answer | grade | seconds until then |", "| --- | --- | --- | --- |"]
    for name, answers in HOSTILE.items():
        params = next(found[name].problems(0, "train")).params
        found[name].grade(params, "0")
        for answer in answers:
            start = time.perf_counter()
            reason = found[name].grade(params, answer).reason
            shown = answer if len(answer) < 40 else f"{answer[:10]}… ({len(answer):,} characters)"
            lines.append(f"| `{PREFIX}{name}` | `{shown}` | {reason} | {time.perf_counter() - start:.2f} |")
            print(lines[-1], flush=True)
    asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
