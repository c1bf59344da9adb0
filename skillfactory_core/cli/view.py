"""sf view: every record of a run, in the web browser."""

import rich_click as click

from skillfactory_core.cli.stage import folder_of


@click.command()
@click.argument("run")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8347,
    show_default=True,
    help="Port of 127.0.0.1. 0: any that is free.",
)
@click.option("--no-open", is_flag=True, help="Only say the address; open no browser.")
def view(run: str, port: int, no_open: bool) -> None:
    """Look through every record of RUN in a web browser: problems, attempts, grades, reflections, traces, responses.

    RUN is a run folder, or its name in runs/. Only this machine can reach it. Ctrl-C ends it.
    """
    import webbrowser

    from skillfactory_core.run import open_run
    from skillfactory_core.view.server import Server

    with Server(open_run(folder_of(run)), port) as server:
        click.echo(f"view: {server.address} (Ctrl-C ends it)")
        if not no_open:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("view: ended")
