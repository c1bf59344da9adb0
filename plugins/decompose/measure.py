"""Write MEASURED.md, and the short of it into README.md, from two finished runs of the same sizes.

    python plugins/decompose/measure.py RUNS/decompose RUNS/paper

The first is a run of the method decompose, the second one of the paper's method. Every figure comes from their folders.
"""

import argparse
import os
import platform
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from skillfactory_core.choices import find_model
from skillfactory_core.compare import compare
from skillfactory_core.evaluation import Response
from skillfactory_core.results import summarise
from skillfactory_core.run import Run, open_run
from skillfactory_core.trace import Trace
from skillfactory_decompose.count import counts
from skillfactory_decompose.tags import SHORT, SUBGOALS

HERE = Path(__file__).parent
SIZES = (
    "sample.problems",
    "reflect.reflections",
    "sft.epochs",
    "sft.rate",
    "grpo.problems",
    "grpo.steps",
    "evaluate.problems",
)
OWN = re.compile(f"(</?)({'|'.join(SHORT.marks)})>")
MARKED = re.compile(r"(<!-- from measure.py -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decompose", type=Path)
    parser.add_argument("paper", type=Path)
    arguments = parser.parse_args()
    ours, paper = open_run(arguments.decompose), open_run(arguments.paper)
    (HERE / "MEASURED.md").write_text(page(ours, paper), encoding="utf-8")
    readme = HERE / "README.md"
    parts = iter((trace_of(ours), accuracies(ours, paper)))
    text = MARKED.sub(lambda found: f"{found[1]}{next(parts)}\n{found[2]}", readme.read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8")


def page(ours: Run, paper: Run) -> str:
    """The measured page."""
    return f"""# decompose, measured

Written by `python plugins/decompose/measure.py {ours.folder} {paper.folder}`, on {platform.machine()} with {os.cpu_count()} cores that
others used as well. Countdown with the embedded model, trained on problems of {task_variant(ours)} numbers. The runs are the command

```text
{command(ours)}
```

and the same without `--method decompose`.

## How often it is right

{accuracies(ours, paper)}

{gaps(ours, paper)}

## How the skill is used

{measures(ours)}

{skill_use((ours, paper))}

{form(ours)}

## What it was trained on

{traces(ours)}

{cost((ours, paper))}

## Two responses

{responses(ours)}
"""


def command(run: Run) -> str:
    """The command of a run, but for the folder."""
    tables = attrs.asdict(run.config)
    sizes = {name: tables[name.split(".")[0]][name.split(".")[1]] for name in SIZES}
    flags = " ".join(f"-s {name}={value}" for name, value in sizes.items())
    variants = ", ".join(f'"{name}"' for name in run.config.evaluate.variants)
    return f"sf run --task countdown --method decompose --no-baselines {flags} -s 'evaluate.variants=[{variants}]'"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(figures: Mapping[str, Any], name: str = "accuracy") -> str:
    return f"{100 * figures[name]:.1f} ({100 * figures['low']:.1f} to {100 * figures['high']:.1f})"


def labelled(ours: Run, paper: Run) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(how a model is called, its figures by difficulty)."""
    found, others = summarise(ours)["methods"], summarise(paper)["methods"]
    yield "the base model", found["base"]
    yield "decompose, after SFT", found["sft"]
    yield "decompose, after SFT and GRPO", found[ours.config.method]
    yield "the paper's traces, after SFT", others["sft"]
    yield "the paper's traces, after SFT and GRPO", others[paper.config.method]


def accuracies(ours: Run, paper: Run) -> str:
    """Accuracy by difficulty, and how long the responses are."""
    rows = []
    variants: list[str] = []
    for label, by in labelled(ours, paper):
        variants = list(by)
        lengths = [
            f"{sum(each[name] for each in by.values()) / len(by):.{digits}f}"
            for name, digits in (("tokens", 0), ("answers", 1))
        ]
        rows.append([label, *map(percent, by.values()), *lengths])
    heads = ["", *(f"{name} numbers, %" for name in variants), "tokens", "attempts"]
    return f"{table(heads, rows)}\n\nWith 95 % intervals; tokens and attempts are means per response."


def gaps(ours: Run, paper: Run) -> str:
    """The paired differences."""
    found = compare([ours, paper])
    first, second = (f"{run.folder.name}/{run.config.method}" for run in (ours, paper))
    base = f"{ours.folder.name}/base"
    rows = []
    for exam, differences in found["differences"].items():
        for gap in differences if exam != "mean" else ():
            pair = {gap["method"], gap["against"]}
            if pair in ({first, base}, {first, second}):
                turned = gap["against"] == first
                low, high = (-gap["high"], -gap["low"]) if turned else (gap["low"], gap["high"])
                ahead = {"difference": -gap["difference"] if turned else gap["difference"], "low": low, "high": high}
                other = "the base model" if base in pair else "the paper's method"
                rows.append([exam, f"decompose against {other}", percent(ahead, "difference")])
    return f"On the same problems, in points:\n\n{table(['numbers', '', 'difference'], rows)}"


def measures(run: Run) -> str:
    """The skill's own measures."""
    summary = summarise(run)
    rows = []
    for method in ("sft", run.config.method):
        for variant, figures in summary["methods"][method].items():
            for name, found in figures["measures"].items():
                mean = "-" if found["mean"] is None else f"{found['mean']:.3f}"
                rows.append([method, variant, name, mean, f"{found['of']:,}"])
    meanings = "\n".join(f"- `{name}`: {meaning}" for name, meaning in summary["measures"].items())
    return f"{meanings}\n\n{table(['model', 'numbers', 'measure', 'mean', 'responses with a case'], rows)}"


def skill_use(runs: Sequence[Run]) -> str:
    """Form and verdicts, for both methods after GRPO."""
    rows = []
    for run in runs:
        for variant, figures in summarise(run)["methods"][run.config.method].items():
            shares = [figures["well_formed"], figures["truncated"]]
            shares += [figures[name]["share"] for name in ("retry_after_incorrect", "stop_after_correct")]
            f1 = [figures["verdicts"][side]["f1"] for side in ("right", "wrong")]
            cells = ["-" if each is None else f"{100 * each:.1f}" for each in (*shares, *f1)]
            rows.append([run.config.method, variant, *cells])
    heads = ["method", "numbers", "well formed", "cut off", "tries again", "stops", "F1 right", "F1 wrong"]
    return f"In %, of the responses after GRPO:\n\n{table(heads, rows)}"


def form(run: Run) -> str:
    """Where responses lose their form: whether they keep it up to the length of the longest trace."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(find_model(run.config.model).path)
    longest = max(len(tokenizer.encode(trace.completion)) for trace in run.traces)
    malformed = kept = 0
    for variant in summarise(run)["variants"]:
        for response in run.responses(run.config.method, variant):
            if response.finish == "stop" and not SHORT.parse(response.text).well_formed:
                begun = tokenizer.decode(tokenizer.encode(response.text)[:longest])
                begun = begun[: begun.rfind(f"</{SHORT.reflection}>") + len(SHORT.reflection) + 3]
                malformed += 1
                kept += SHORT.parse(f"{begun}</{SHORT.think}><{SHORT.answer}></{SHORT.answer}>").well_formed
    return (
        f"The longest trace has {longest} tokens. Of the {malformed} responses that came to their own end malformed, {kept} are well "
        "formed up to the last reflection within that length."
    )


def traces(run: Run) -> str:
    """How many attempts could be taken apart, and how many traces show what."""
    found = counts(run)
    rows = [[name, f"{count:,}"] for name, count in found.items()]
    shapes: Counter[str] = Counter()
    for trace in run.traces:
        shapes["traces"] += 1
        shapes["with one decomposition"] += len(trace.shape) == 1
        shapes["with more than one"] += len(trace.shape) > 1
        shapes["with a failed subgoal that is done again"] += does_again(trace)
    return table(["attempts", ""], rows) + "\n\n" + table(["traces", ""], ([k, f"{n:,}"] for k, n in shapes.items()))


def does_again(trace: Trace) -> bool:
    return any(len(body.works) > len(body.goals) for body in SHORT.bodies(trace.completion))


def cost(runs: Sequence[Run]) -> str:
    """Seconds of the stages, as they passed on a busy machine, and the length of the traces."""
    stages = [run.manifest()["stages"] for run in runs]
    names = [name for name in stages[0] if not name.startswith(("problems", "report"))]
    rows = []
    for name in names:
        other = name.replace(runs[0].config.method, runs[1].config.method)
        rows.append([name, f"{stages[0][name]['seconds']:.0f}", f"{stages[1][other]['seconds']:.0f}"])
    return f"{table(['seconds of', 'decompose', 'the paper'], rows)}\n\n{lengths(runs)}"


def lengths(runs: Sequence[Run]) -> str:
    """Tokens of the model for each attempt of a trace, with all that stands around it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(find_model(runs[0].config.model).path)

    def each(run: Run, renamed: Mapping[str, str]) -> str:
        tokens = attempts = 0
        for trace in run.traces:
            tokens += len(tokenizer.encode(OWN.sub(lambda tag: f"{tag[1]}{renamed[tag[2]]}>", trace.completion)))
            attempts += len(trace.shape)
        return f"{tokens / attempts:.1f}"

    same, long = dict(zip(SHORT.marks, SHORT.marks, strict=True)), dict(zip(SHORT.marks, SUBGOALS.marks, strict=True))
    rows = [
        ["decompose, as it is: " + ", ".join(SHORT.marks), each(runs[0], same)],
        ["decompose, with the tags " + ", ".join(SUBGOALS.marks), each(runs[0], long)],
        ["the paper's traces", each(runs[1], same)],
    ]
    return table(["tokens of a trace for each attempt in it", ""], rows)


def trace_of(run: Run) -> str:
    """The first trace of two or three decompositions with a failed subgoal; else the first of two."""
    numbered = list(enumerate(run.traces))
    short = [(n, trace) for n, trace in numbered if 1 < len(trace.shape) < 4 and does_again(trace)]
    number, trace = (short or [(n, trace) for n, trace in numbered if len(trace.shape) == 2])[0]
    return f"The problem is `{trace.prompt}`, the command `sf show {run.folder.name} --trace {number}`.\n\n```xml\n{trace.completion}\n```"


def responses(run: Run) -> str:
    """The first response that is right after more than one attempt, and the first that is wrong."""
    table_of = list(run.responses(run.config.method, task_variant(run)))
    retried = next((one for one in table_of if one.correct and len(SHORT.parse(one.text).tries) > 1), None)
    wrong = next((one for one in table_of if not one.correct), None)
    return "\n\n".join(shown(one) for one in (retried, wrong) if one is not None)


def task_variant(run: Run) -> str:
    return str(summarise(run)["trained_on"])


def shown(response: Response) -> str:
    text = response.text if len(response.text) < 1500 else f"{response.text[:1500]}\n[… cut here …]"
    return f"`{response.key}`, {'right' if response.correct else 'wrong'}, {response.tokens} tokens:\n\n```xml\n{text}\n```"


if __name__ == "__main__":
    main()
