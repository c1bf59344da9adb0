"""The command `sf`: loads the plugins, which bring every command, and turns errors into one line."""

import errno
import os
import sys
from pathlib import Path

import rich_click as click

from skillfactory_core import __version__
from skillfactory_core.errors import SkillFactoryError

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


class PluginGroup(click.RichGroup):
    """A group whose commands come from plugins; `-p` is read before they are asked."""

    def make_context(self, info_name: str | None, args: list[str], **extra: object) -> click.Context:  # type: ignore[override]
        from skillfactory_core.plugins import load_file, plugins

        for flag, value in zip(args, args[1:], strict=False):
            if flag in ("-p", "--plugin"):
                load_file(Path(value))
        plugins().manager.hook.register_commands(cli=self)
        return super().make_context(info_name, args, **extra)  # type: ignore[arg-type]


@click.group(cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="skillfactory")
@click.option("-p", "--plugin", multiple=True, metavar="FILE", help="Load a one-file plugin: sf -p ./my_task.py run …")
def sf(plugin: tuple[str, ...]) -> None:
    """Teach a language model to verify and retry from its own attempts.

    Start with: sf run --task countdown
    """


def main() -> None:
    """Run `sf`; errors that one line can explain end with exit code 2 and no traceback."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        sf(standalone_mode=False, prog_name=Path(sys.argv[0]).name)
    except SkillFactoryError as error:
        fail(str(error))
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        print("sf: interrupted; what is done is kept: run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (sf show … | head).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        fail(f"{error.strerror}: {error.filename or 'while writing'}; what is done is kept: mend that and run the same command again")


def fail(message: str) -> None:
    print(f"sf: {message}", file=sys.stderr)
    sys.exit(2)
