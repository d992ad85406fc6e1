"""What can an operator tell the platform to do?

Each command is a module of this package with its name, exposing `register(app)`. Only the module of
the command that was called is imported, so `nostro --help` answers at once. Statuses: `exits.Exit`.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import cleandoc
from io import TextIOWrapper
from typing import Annotated

import typer

from nostro import __version__
from nostro.cli import printout
from nostro.cli.exits import Exit, Failure, failure_of

__all__ = ["COMMANDS", "Exit", "Failure", "main"]

# Command (and module) to its line in `nostro --help`, in the order it is listed.
COMMANDS = {
    "demo": "Run the main job on a fresh platform, and prove the books.",
    "up": "Start the platform and stay up.",
    "serve": "Serve some routes of a running platform on a port of their own.",
    "token": "Issue a token for development.",
    "pay": "Send payments from a file: CSV, JSON lines, pacs.008.",
    "net": "Net a file of obligations, without a platform, and price it.",
    "settle": "Compare settlement domains with what was decided, and repair them.",
    "doctor": "Check every backend, and say the remedy.",
    "migrate": "Bring the schema of the database to this version.",
    "verify": "Audit the journal: hashes, balances, snapshots, views.",
    "export": "Write the journal as JSON lines.",
    "simulate": "Run the platform in seeded bad weather under the auditor's eyes.",
    "config": "The settings in force.",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line (default: that of the process) and exit with an `Exit` status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        _build(_called(words))(words, prog_name="nostro")
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`); nothing is left to say to anyone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except Exception as error:
        sys.exit(_explain(error))


def _called(words: Sequence[str]) -> str:
    """Return the command's name: the first word that is no option, "" when there is none."""
    return next((word for word in words if not word.startswith("-")), "")


def _build(called: str) -> typer.Typer:
    app = typer.Typer(
        name="nostro",
        help="Settles trades and payments to finality in a double-entry ledger anyone can audit.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    completing = "_NOSTRO_COMPLETE" in os.environ
    for name, summary in COMMANDS.items():
        if find_spec(f"nostro.cli.{name}") is None:
            continue
        if name == called:
            _log_to_stderr()
        if name == called or completing:
            import_module(f"nostro.cli.{name}").register(app)
        else:
            app.command(name, help=summary)(_not_called)
    for command in app.registered_commands:
        command.help = command.help or _unwrapped(command.callback.__doc__ or "")
    return app


def _unwrapped(text: str) -> str:
    """Return paragraphs without their line ends: the terminal decides where a line ends."""
    paragraphs = cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _log_to_stderr() -> None:
    """Keep what the parts log out of the result on stdout; a long-running process says more."""
    from nostro.adapters.telemetry.logging import configure_logging

    configure_logging(log_level="warning")


def _not_called() -> None:
    """Stand in the list of commands for one whose module this call does not need."""
    raise AssertionError("the command that was called is always registered by its own module")


def _show_version(wanted: bool) -> None:
    if wanted:
        printout.print_line(__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Take the options that stand before any command."""


def _explain(error: Exception) -> Exit:
    failure = failure_of(error)
    if failure is None:
        traceback.print_exception(error)
        printout.complain("this is a bug of Nostro", "report it together with the lines above")
        return Exit.BUG
    printout.complain(failure.what, failure.remedy)
    return failure.status
