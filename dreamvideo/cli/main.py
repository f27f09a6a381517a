"""The program: its commands, and how anything that goes wrong becomes one line and an exit code."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, Any

import typer

from dreamvideo import __version__
from dreamvideo.cli.dream import dream
from dreamvideo.cli.events import with_events
from dreamvideo.cli.farm import join
from dreamvideo.cli.gif import gif, platforms
from dreamvideo.cli.jobs import app as jobs
from dreamvideo.cli.measure import measure
from dreamvideo.cli.models import layers, models
from dreamvideo.cli.pictures import compare, contact_sheet, poster
from dreamvideo.cli.recipe import recipe
from dreamvideo.cli.studio import studio
from dreamvideo.cli.visualize import visualize
from dreamvideo.cli.zoom import zoom
from dreamvideo.errors import DreamVideoError

# typer's own copy of click is private: its one public subclass of these leads to them.
_bases: Any = typer.BadParameter.__mro__
UsageError, ClickException = _bases[1:3]

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130  # and that of `PartialError`

app = typer.Typer(
    name="dreamvideo",
    help="Turn video into deep dreams that hold still.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for render in (dream, zoom, visualize):  # these take long: a program can watch them
    app.command()(with_events(render))
for command in (join, gif, compare, poster, contact_sheet, platforms, measure, layers, recipe, studio):
    app.command()(command)
app.add_typer(jobs, name="jobs")
app.add_typer(models, name="models")


@app.callback(invoke_without_command=True)
def _global(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"dreamvideo {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(EXIT_USAGE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and leave with its exit code.

    0: the file asked for is there and complete. 1: it could not be made. 2: wrong usage. 3: the input broke
    off, and what there was of it is in the output. 130: stopped by Ctrl-C. With DREAMVIDEO_DEBUG=1 an error
    keeps its traceback.
    """
    logging.basicConfig(format="dreamvideo: %(message)s", level=logging.WARNING)
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files are not always text
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = app(arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        return _fail(error, error.format_message() + where, EXIT_USAGE)
    except ClickException as error:
        return _fail(error, error.format_message(), error.exit_code)
    except DreamVideoError as error:
        return _fail(error, str(error), error.exit_code)
    except BrokenPipeError:  # `dreamvideo layers | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (OSError, MemoryError) as error:
        return _fail(error, f"{error or 'not enough memory'}", EXIT_FAILED)
    except Exception as error:
        told = f"unexpected {type(error).__name__}: {error}; DREAMVIDEO_DEBUG=1 shows where: please report it"
        return _fail(error, told, EXIT_FAILED)


def _fail(error: Exception, message: str, code: int) -> int:
    if os.environ.get("DREAMVIDEO_DEBUG"):
        raise error
    print("dreamvideo: " + " ".join(message.split()), file=sys.stderr)
    return code


def _terminate(number: int, frame: FrameType | None) -> None:
    """SIGTERM is a Ctrl-C: what was rendered is kept."""
    raise KeyboardInterrupt
