"""How does an operator bring a database's schema to this version?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure
from nostro.cli.printout import Output, OutputOption

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from nostro.wiring.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `nostro migrate` to the command line."""
    app.command("migrate")(migrate)


def migrate(
    url: Annotated[
        str | None, typer.Option(help="PostgreSQL to migrate, as a user who may create roles.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded PostgreSQL keeps the ledger.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; status 5 if behind.")
    ] = False,
    accept_changed: Annotated[
        bool,
        typer.Option("--accept-changed", help="Record the present text of applied files as right."),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Bring the schema of the database to this version."""
    from nostro.adapters.postgres import migrate as schema
    from nostro.wiring.settings import load_settings

    settings = load_settings(postgres_url=url, data_dir=data_dir)
    with administered(settings, new=not check) as database:
        accepted = list(schema.accept_changed(database)) if accept_changed else []
        if check:
            schema.check(database)
        applied = [] if check else list(schema.migrate(database))
        names = list(schema.schema_state(database).applied)
    printout.facts({"applied": applied, "accepted": accepted, "schema": names}, output)


def administered(settings: Settings, *, new: bool = False) -> AbstractContextManager[str]:
    """Yield the URL of the database in force, for its administrator.

    The embedded PostgreSQL is started for it unless it runs already. `new`: make one where there is
    none; otherwise that is a Failure, for whoever only looks has mistaken the directory.
    """
    from contextlib import nullcontext

    from nostro.adapters.postgres.cluster import Layout
    from nostro.adapters.postgres.launcher import borrowed

    if settings.postgres_url is not None:
        return nullcontext(settings.postgres_url.get_secret_value())
    if not new and Layout(settings.data_dir).major() is None:
        raise Failure(
            f"there is no ledger in {settings.data_dir}",
            remedy="name its directory with --data-dir or NOSTRO_DATA_DIR; `nostro up` begins one",
            status=Exit.USAGE,
        )
    return borrowed(settings.data_dir, bin_dir=settings.postgres_bin_dir)
