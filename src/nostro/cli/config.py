"""Which settings are in force, and where does each come from?"""

from __future__ import annotations

from typing import Annotated

import typer

from nostro.cli import printout
from nostro.cli.printout import Output, OutputOption
from nostro.wiring.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add `config` to the command line."""
    group = typer.Typer(help="The settings in force.", no_args_is_help=True)
    group.command("show")(show)
    group.callback()(lambda: None)  # keeps `show` a command of its own while it is the only one
    app.add_typer(group, name="config")


def show(
    origin: Annotated[
        bool,
        typer.Option("--origin", help="Say where each value comes from: env, file or default."),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print every setting; secrets are masked."""
    settings = load_settings()
    values = settings.model_dump(mode="json")
    if output is Output.TABLE or origin:
        printout.rows([_record(settings, key, values[key], origin) for key in values], output)
    else:
        printout.facts(values, output)


def _record(settings: Settings, key: str, value: object, origin: bool) -> printout.Record:
    record = {"key": key, "value": value}
    return record | {"origin": settings.origin(key).value} if origin else record
