"""The built-in commands, registered by the same hook as anybody else's."""

import click

from skillfactory_core import hookimpl
from skillfactory_core.cli import (
    check,
    compare,
    counterfactual,
    doctor,
    evaluate,
    export,
    forecast,
    grade,
    import_,
    listing,
    new,
    rearrange,
    report,
    reproduce,
    results,
    run,
    serve,
    show,
    stage,
    study,
    view,
)


@hookimpl
def register_commands(cli: click.Group) -> None:
    cli.add_command(run.run)
    for command in stage.commands():
        cli.add_command(command)
        after = {"sample": grade.grade, "reflect": rearrange.rearrange, "validate": evaluate.evaluate}.get(
            command.name or ""
        )
        if after is not None:
            cli.add_command(after)
    cli.add_command(counterfactual.counterfactual)
    cli.add_command(reproduce.reproduce)
    cli.add_command(study.study)
    cli.add_command(report.report)
    cli.add_command(import_.import_)
    cli.add_command(grade.regrade)
    cli.add_command(new.new)
    cli.add_command(check.check)
    cli.add_command(doctor.doctor)
    cli.add_command(serve.serve)
    for command in listing.commands():
        cli.add_command(command)
    cli.add_command(forecast.forecast)
    cli.add_command(show.show)
    cli.add_command(view.view)
    cli.add_command(results.results)
    cli.add_command(compare.compare)
    cli.add_command(export.export)
