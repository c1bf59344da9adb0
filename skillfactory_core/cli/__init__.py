"""The command `sf`: loads the plugins, which bring every command, and turns errors into one line."""

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import rich_click as click
from click.exceptions import Abort, ClickException, NoArgsIsHelpError, UsageError

from skillfactory_core import __version__
from skillfactory_core.deadline import deadline
from skillfactory_core.errors import SkillFactoryError

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}

MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG),
}
"errors of the disk and of file names: they say all there is to say, and are no fault of the program"


class PluginGroup(click.RichGroup):
    """A group whose commands come from plugins; `-p` is read before they are asked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were added: that of the work."""
        return list(self.commands)

    def make_context(self, info_name: str | None, args: list[str], **extra: object) -> click.Context:  # type: ignore[override]
        from skillfactory_core.cli.completion import complete
        from skillfactory_core.cli.examples import show_examples
        from skillfactory_core.plugins import load_file, plugins

        for file in plugin_files(args):
            load_file(Path(file))
        self.commands = {}
        plugins().tell("register_commands", cli=self)
        for name, command in self.commands.items():
            show_examples(name, command)
            complete(command)
        # A command that is missing from the help may be one of theirs.
        self.epilog = plugins().not_in_use().replace("; not", "Not", 1) or None
        return super().make_context(info_name, args, **extra)  # type: ignore[arg-type]

    def add_command(self, cmd: click.Command, name: str | None = None, *args: object, **extra: object) -> None:
        """No plugin puts its command in the place of another's."""
        if (name or cmd.name) in self.commands:
            raise SkillFactoryError(f"there is a command named '{name or cmd.name}' already: choose another name")
        super().add_command(cmd, name, *args, **extra)  # type: ignore[arg-type]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, or an error that mentions plugins which are not in use: it may be one of theirs."""
        from skillfactory_core.plugins import plugins

        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            broken = plugins().not_in_use()
            raise UsageError(error.format_message().removesuffix("." if broken else "") + broken, ctx) from error


def plugin_files(args: Sequence[str]) -> Iterator[str]:
    """The values of -p before the command."""
    rest = iter(args)
    for arg in rest:
        if arg in ("-p", "--plugin"):
            yield from islice(rest, 1)
        elif arg.startswith(("--plugin=", "-p")):
            yield arg.removeprefix("--plugin=").removeprefix("-p")
        elif not arg.startswith("-"):
            return


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
        with deadline():
            sf(standalone_mode=False, prog_name=Path(sys.argv[0]).name)
    except SkillFactoryError as error:
        fail(str(error))
    except NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except ClickException as error:
        context = error.ctx if isinstance(error, UsageError) else None
        fail(" ".join(error.format_message().split()) + (f" ({context.command_path} --help)" if context else ""))
    except (KeyboardInterrupt, Abort):
        fail("interrupted; what is done is kept: run the same command again to go on", 130)
    except BrokenPipeError:
        # The reader of our output went away (sf show … | head).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in MACHINE:
            from skillfactory_core.blame import blamed

            fail_if(blamed(error))
            raise
        fail(
            f"{error.strerror}: {error.filename or 'while writing'}; what is done is kept: mend that and run the same command again"
        )
    except Exception as error:
        from skillfactory_core.blame import blamed

        fail_if(blamed(error))
        raise


def fail_if(message: str) -> None:
    """Fail with a line, where there is one."""
    if message:
        fail(message)


def fail(message: str, code: int = 2) -> None:
    sys.stderr.write(f"sf: {message}\n")  # print writes the end by itself, where another process may write in between
    sys.exit(code)
