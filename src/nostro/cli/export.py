"""How does an operator take the journal out, for an auditor or for the archive?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure


def register(app: typer.Typer) -> None:
    """Add `nostro export` to the command line."""
    app.command("export")(export)


def export(
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; stdout without it.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="PostgreSQL whose journal is written.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded PostgreSQL keeps the ledger.")
    ] = None,
    chain: Annotated[str | None, typer.Option(help="The chain to write.")] = None,
) -> None:
    """Write the journal as JSON lines, which `nostro verify --file` audits without a database.

    Each line has the row with its hashes, the events as JSON, and the exact text that was hashed.
    A file is there whole or not at all. The platform may run meanwhile.
    """
    from nostro.adapters.journal_file import JournalUnreadable, write_journal
    from nostro.adapters.postgres.evidence import Evidence
    from nostro.adapters.postgres.migrate import check, refuse_foreign
    from nostro.cli.migrate import administered
    from nostro.wiring.settings import load_settings

    settings = load_settings(postgres_url=url, data_dir=data_dir, chain=chain)
    with administered(settings) as database:
        check(database)
        refuse_foreign(database, settings.chain)
        with Evidence(database, settings.chain) as evidence, _target(file) as target:
            end = evidence.end()
            rows = write_journal(target, chain=settings.chain, end=end, entries=evidence.entries())
            with printout.progress("writing the journal", end.height if end else 0) as advance:
                try:
                    for _ in rows:
                        advance(1)
                except JournalUnreadable as torn:
                    raise Failure(
                        f"height {torn.height} is damaged: {torn}", remedy="`nostro verify`"
                    ) from torn


@contextmanager
def _target(file: Path | None) -> Iterator[BinaryIO]:
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = file.with_name(f"{file.name}.part")
    if file.is_dir():
        raise _unwritable(file, "it is a directory", Exit.USAGE)
    try:
        target = unfinished.open("wb")
    except OSError as error:
        raise _unwritable(file, error.strerror, Exit.USAGE) from error
    try:
        with target:
            yield target
        unfinished.replace(file)
    except OSError as error:
        raise _unwritable(file, error.strerror, Exit.CHECK_FAILED) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _unwritable(file: Path, why: str | None, status: Exit) -> Failure:
    return Failure(
        f"{file} cannot be written: {why}",
        remedy="mend that, or name another file with --output",
        status=status,
    )
