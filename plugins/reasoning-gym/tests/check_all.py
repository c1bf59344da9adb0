"""Check every task as `sf check` does, and print what fails: python tests/check_all.py [NAME ...]

--problems N   problems of each variant (default 20)
--few N        problems of each split but the first (default 1; `sf check` makes 30, which takes long for slow datasets)
--json FILE    every finding
"""

import argparse
import json
import time
from pathlib import Path

import attrs

from skillfactory_core import registry
from skillfactory_core.check import problems as problems_check
from skillfactory_core.check.run import CHECKS, Finding, check_variant, variants_of
from skillfactory_core.check.subject import Settings
from skillfactory_core.check.watch import Board
from skillfactory_core.task import Task
from skillfactory_reasoning_gym.audit import LOOSE
from skillfactory_reasoning_gym.task import tasks

FEW_ANSWERS = {
    **dict.fromkeys(
        ("circuit_logic", "course_schedule", "game_of_life_halting", "isomorphic_strings", "ransom_note"), "two answers"
    ),
    "gcd": "many numbers have no divisor but 1 in common, at level 2",
    "propositional_logic": "a variable, or its negation, often follows",
    "shortest_path": "often there is no path, at level 1",
    "syllogism": "two answers, of which one is the rarer",
}
"datasets where an answer without skill is often right"
EXCEPTIONS: dict[str, dict[str, str]] = {}
for _name, _why in LOOSE.items():
    EXCEPTIONS.setdefault(f"rg_{_name}", {})["wrong answers"] = _why
for _name, _why in FEW_ANSWERS.items():
    EXCEPTIONS.setdefault(f"rg_{_name}", {})["trivial answers"] = _why
"task -> the checks that it does not pass, and why"


def findings(task: Task, problems: int, few: int) -> list[Finding]:
    """Those of every variant, made in this process, which is quicker: whatever could hang is in a worker anyway."""
    before, problems_check.FEW = problems_check.FEW, few
    try:
        tags = [record for record, _ in registry.registered(registry.TAGS).values()]
        prompts = [record for record, _ in registry.registered(registry.PROMPTS).values()]
        return [
            finding
            for name, variant in variants_of(task).items()
            for finding in check_variant(name, variant, Settings(problems), tags, prompts, tuple(CHECKS), Board())
        ]
    finally:
        problems_check.FEW = before


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--problems", type=int, default=20)
    parser.add_argument("--few", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("check_all.jsonl"))
    asked = parser.parse_args()
    with asked.json.open("a", encoding="utf-8") as file:
        for task in tasks():
            if asked.names and task.name not in asked.names:
                continue
            start = time.monotonic()
            found = findings(task, asked.problems, asked.few)
            failed = [each for each in found if each.state == "failed"]
            took = time.monotonic() - start
            print(f"{task.name}: {len(failed)} of {len(found)} failed, {took:.0f} s", flush=True)
            for each in failed:
                print(f"    {each.variant}, {each.check}: {each.what:.300}", flush=True)
            row = {"task": task.name, "seconds": round(took, 1), "findings": [attrs.asdict(each) for each in found]}
            file.write(json.dumps(row) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
