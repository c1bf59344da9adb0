"""One command line for each command, which its --help shows at the end. `first` and `second` are names of runs."""

import rich_click as click

EXAMPLES = {
    "run": "sf run --task countdown --preset smoke --name first",
    "sample": "sf sample first --shard 0/4",
    "grade": "sf grade responses.jsonl --task countdown -o grades.jsonl",
    "reflect": "sf reflect first",
    "rearrange": "sf rearrange first --strategy CCW --to first-ccw",
    "sft": "sf sft first",
    "grpo": "sf grpo first --method rl-only",
    "validate": "sf validate first",
    "evaluate": "sf evaluate first --suite skillfactory-countdown",
    "counterfactual": "sf counterfactual first --method sft --responses 50",
    "reproduce": "sf reproduce first --until rearrange",
    "study": "sf study docs/examples/study.toml --to runs/study",
    "report": "sf report first second -o both.html",
    "import": "sf import table attempts.jsonl --run imported --task gsm8k --map response=text",
    "regrade": "sf regrade first --dry-run",
    "new": "sf new task my_first",
    "check": "sf check countdown -o numbers=5 --problems 50",
    "doctor": "sf doctor --run first",
    "serve": "sf serve pocket --port 8001",
    "forecast": "sf forecast first --json",
    "show": "sf show first --trace 3",
    "view": "sf view first --no-open",
    "results": "sf results first --json",
    "compare": "sf compare first second --ablations",
    "export": "sf export trl first -o exported",
}
"command -> an example; of those that list what there is, the same for all"


def example(name: str, command: click.Command) -> str:
    """The example of a command; empty for one that brings none."""
    flags = {flag for parameter in command.params for flag in parameter.opts}
    lists = {parameter.name for parameter in command.params} <= {"name", "as_json"} and "--json" in flags
    return EXAMPLES.get(name, f"sf {name} --json" if lists else "")


def show_examples(name: str, command: click.Command) -> None:
    """Put its example at the end of a command's help, unless it has an end of its own."""
    line = example(name, command)
    if line and not command.epilog:
        command.epilog = f"Example: {line}"
