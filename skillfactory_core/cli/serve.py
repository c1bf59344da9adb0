"""sf serve: a model behind a server of vLLM, for the engine `openai`."""

import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path

import attrs
import rich_click as click

from skillfactory_core.errors import SkillFactoryError


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("model")
@click.argument("extra", nargs=-1, type=click.UNPROCESSED, metavar="[-- VLLM_FLAGS]")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at. 0.0.0.0: all of this machine."
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen at.")
@click.option("--dtype", default="", help="Numbers of the weights. Default: bfloat16 on a GPU, float32 without one.")
@click.option(
    "--max-model-len",
    default=0,
    type=click.IntRange(min=0),
    help="Most tokens of prompt and reply. Default: the model's.",
)
@click.option(
    "--rollouts",
    is_flag=True,
    help="For the completions of GRPO: takes new weights from whoever reaches the port, so keep that to machines you trust.",
)
@click.option("--wait", default=1800.0, show_default=True, help="Seconds that it may take to load.")
@click.option(
    "--log", default=None, type=click.Path(path_type=Path), help="Where vLLM's words go. Default: sf-serve-PORT.log."
)
def serve(
    model: str,
    extra: tuple[str, ...],
    host: str,
    port: int,
    dtype: str,
    max_model_len: int,
    rollouts: bool,
    wait: float,
    log: Path | None,
) -> None:
    """Serve MODEL (a name, a folder or a Hub name) by vLLM until Ctrl-C, for runs with --engine openai.

    Flags after -- go to vllm serve as they are.
    """
    from skillfactory_core import serve as serving
    from skillfactory_core.choices import find_model
    from skillfactory_core.engines.transformers import PLAIN_TEMPLATE

    found = find_model(model)
    vllm = serving.find_vllm()
    if any(flag.split("=")[0] == "--api-key" for flag in extra):
        raise SkillFactoryError(
            "sf serve: give the key in the environment variable VLLM_API_KEY, not in a flag that all can read"
        )
    serving.check_port(host, port)
    log = log or Path(f"sf-serve-{port}.log")
    near = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        template = ""
        if serving.lacks_template(found.path):
            file = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".jinja"))
            file.write(PLAIN_TEMPLATE)
            file.flush()
            template = file.name
        if rollouts and not serving.on_gpu():
            copied = serving.untie(found.path, Path(stack.enter_context(tempfile.TemporaryDirectory())))
            found = attrs.evolve(found, path=copied)
        arguments = serving.command(vllm, found, model, host, port, dtype, max_model_len, template, rollouts, extra)
        try:
            process = stack.enter_context(serving.started(arguments, log, rollouts))
            click.echo(f"starting vllm serve; its log is {log}", err=True)
            serving.wait_until_healthy(process, near, port, wait, log)
            address = f"http://{f'[{near}]' if ':' in near else near}:{port}/v1"
            use = (
                f"-s trainer_options.rollout_servers={address}"
                if rollouts
                else f"--engine openai -s engine_options.base_urls={address}"
            )
            click.echo(f"serving {model}: sf run --task TASK --model {model} {use}")
            process.wait()
            raise serving.ended(process, log)
        except KeyboardInterrupt:
            stack.close()
            click.echo("stopped", err=True)
