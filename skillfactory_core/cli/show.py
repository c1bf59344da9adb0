"""sf show: one trace with the origin of every stretch of it."""

import json

import attrs
import rich_click as click

from skillfactory_core.cli.stage import folder_of
from skillfactory_core.errors import SkillFactoryError
from skillfactory_core.trace import Trace

COLOURS = {"attempt": "cyan", "reflection": "magenta", "glue": "yellow", "closing": "yellow", "answer": "bold green"}


@click.command()
@click.argument("run")
@click.option(
    "--trace", "number", type=click.IntRange(min=0), default=0, show_default=True, help="Number of the trace."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(run: str, number: int, as_json: bool) -> None:
    """Show one trace of RUN and where each segment of it came from."""
    from skillfactory_core.run import open_run

    opened = open_run(folder_of(run))
    count = 0
    for count, trace in enumerate(opened.traces, 1):
        if count - 1 == number:
            click.echo(json.dumps(attrs.asdict(trace), indent=2)) if as_json else show_trace(trace)
            return
    raise SkillFactoryError(f"{opened.folder} has {count} traces, numbered from 0: there is no trace {number}")


def show_trace(trace: Trace) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    console.print(Text(f"{trace.key}\n", style="bold"), Text(f"{trace.prompt}\n", style="italic"), sep="\n")
    text = Text()
    origins = []
    for segment in trace.segments:
        text.append(segment.text, style=COLOURS.get(segment.kind, "dim"))
        if segment.kind != "tag":
            grade = {True: " (right)", False: " (wrong)", None: ""}[segment.correct]
            origins.append(f"{segment.kind:<11}{segment.source}{grade}")
    console.print(text)
    console.print(Text("\norigins, in order", style="bold"))
    for origin in origins:
        console.print(Text(origin), soft_wrap=True)
