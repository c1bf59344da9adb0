"""sf forecast: what a run will have to learn from, from the attempts so far."""

import json
from typing import Any

import rich_click as click

from skillfactory_core.cli.stage import folder_of


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def forecast(run: str, as_json: bool) -> None:
    """Tell from the attempts of RUN so far how many pairs and traces there will be, and how much RL can learn.

    Works while RUN is being sampled, and writes nothing.
    """
    from skillfactory_core.choices import choose
    from skillfactory_core.forecast import forecast as look_ahead
    from skillfactory_core.run import open_run

    opened = open_run(folder_of(run))
    found = look_ahead(opened, choose(opened.config))
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))


def lines(found: dict[str, Any]) -> list[str]:
    """The figures in words."""
    said = []
    for variant, f in found["variants"].items():
        reasons = ", ".join(f"{name} {count}" for name, count in sorted(f["reasons"].items(), key=lambda r: -r[1]))
        left_out = ", ".join(f"{name} {count}" for name, count in f["left_out"].items()) or "none"
        most = "at most " if found["bound"] else ""
        f = {**f, "yield": percent(f["problems_with_traces"])}
        said += [
            f"difficulty {variant}: {f['problems_attempted']:,} of {found['problems_planned']:,} problems, {f['attempts']:,} attempts",
            f"  right           {percent(f['right'])} ({percent(f['right_low'])} to {percent(f['right_high'])}); grades: {reasons}",
            f"  by problem      none right {percent(f['problems_none_right'])}, all right {percent(f['problems_all_right'])}",
            f"  left out        {left_out}",
            f"  usable pairs    {most}{f['right_pairs']:,} right, {f['wrong_pairs']:,} wrong",
            f"  traces          {most}{f['traces_so_far']:,} from {f['problems_arranged']:,} problems, of which {f['yield']} have one",
            f"                  {f['traces_expected']:,} expected from all problems",
            f"  RL              {percent(f['groups_without_signal'])} of groups of {found['rollouts']} without signal (all alike)",
        ]
    if found["bound"]:
        said.append(
            "There are no reflections yet: pairs and traces count as if every attempt gets one true reflection."
        )
    return said


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
