"""How does the platform show, on a fresh machine, that it does its job?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `nostro demo` to the command line."""
    app.command("demo")(demo)


def demo(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where to put the ledger, and leave it: a directory that is empty."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the temporary data directory in place.")
    ] = False,
) -> None:
    """Run the main job on a fresh platform, and prove the books.

    Customers' money, and a day of 20,000 payments between thirty banks: netted, certified, settled.
    It starts a platform of its own, beside any that runs here, and kills it on the way. The report
    goes to standard output, its last line is one JSON object; progress goes to standard error.
    """
    from nostro.cli.demonstration.play import run

    raise typer.Exit(run(data_dir, keep=keep))
