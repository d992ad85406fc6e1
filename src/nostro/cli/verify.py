"""How does an operator have the books audited?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure
from nostro.cli.printout import Output, OutputOption

if TYPE_CHECKING:
    from nostro.consensus import Committee
    from nostro.runtime.verify import Report, Verdict


def register(app: typer.Typer) -> None:
    """Add `nostro verify` to the command line."""
    app.command("verify")(verify)


def verify(
    file: Annotated[
        Path | None,
        typer.Option(help="Audit a file that `nostro export` wrote; needs no database."),
    ] = None,
    url: Annotated[str | None, typer.Option(help="PostgreSQL whose journal is audited.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded PostgreSQL keeps the ledger.")
    ] = None,
    chain: Annotated[str | None, typer.Option(help="The chain to audit.")] = None,
    certificates: Annotated[
        bool,
        typer.Option("--certificates", help="Check the members' certificates, and nothing else."),
    ] = False,
    committee: Annotated[
        Path | None,
        typer.Option(help="The members you trust: their `committee.json`, got from them."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Audit the journal: hashes, balances, snapshots, views. Status 1: something contradicts it.

    Every row is read and every hash made again; an independent bookkeeping checks conservation and
    limits at every line; snapshots and views are compared with what the rows come to; the
    certificate of every batch is checked with public keys only. Nothing is changed, and the
    platform may run meanwhile.
    """
    trusted = _trusted(committee) if committee else None
    if file:
        report = _of_file(file, trusted)
    else:
        report = _of_database(url, data_dir, chain, trusted, only_certificates=certificates)
    if output is Output.TABLE:
        printout.rows([_record(verdict) for verdict in report.verdicts], output, right=("height",))
    else:
        printout.facts(_facts(report), output)
    where = f"chain {report.chain}, height {report.height}, hash {report.hash}"
    if not report.sound:
        bad = report.first_bad_height
        raise Failure(
            f"the audit failed: {where}"
            + ("" if bad is None else f"; the first bad height is {bad}"),
            remedy="stop the platform and keep everything as it is; a copy of the journal that is"
            " still sound (a backup, an earlier `nostro export`) shows what was changed",
            status=Exit.CHECK_FAILED,
        )
    printout.note(f"sound: {where}, in {report.seconds:.1f} s")


def _trusted(file: Path) -> Committee:
    from nostro.adapters.members.committee import genesis_of
    from nostro.adapters.members.home import CommitteeFile

    try:
        return genesis_of(msgspec.json.decode(file.read_bytes(), type=CommitteeFile))
    except (OSError, ValueError) as error:
        raise Failure(
            f"{file} names no committee: {error}",
            remedy="name the members' `committee.json`, as they published it",
            status=Exit.USAGE,
        ) from error


def _of_file(file: Path, trusted: Committee | None) -> Report:
    from nostro.adapters.journal_file import JournalUnreadable
    from nostro.wiring.audit import audit_file, height_of_file

    if not file.is_file():
        raise Failure(
            f"there is no file {file}",
            remedy="`nostro export --output FILE` writes one",
            status=Exit.USAGE,
        )
    try:
        with printout.progress(f"reading {file}", height_of_file(file)) as advance:
            return audit_file(file, trusted=trusted, progress=advance)
    except (OSError, JournalUnreadable) as error:
        raise Failure(
            f"{file} is no exported journal: {error}",
            remedy="name a file that `nostro export` wrote, as it wrote it",
        ) from error


def _of_database(
    url: str | None,
    data_dir: Path | None,
    chain: str | None,
    trusted: Committee | None,
    *,
    only_certificates: bool,
) -> Report:
    from nostro.adapters.postgres.migrate import check, refuse_foreign
    from nostro.cli.migrate import administered
    from nostro.wiring.audit import audit_certificates, audit_database, height_of_database
    from nostro.wiring.domains import own_stores
    from nostro.wiring.settings import load_settings

    settings = load_settings(postgres_url=url, data_dir=data_dir, chain=chain)
    with administered(settings) as database:
        check(database)
        refuse_foreign(database, settings.chain)
        total = height_of_database(database, settings.chain)
        with printout.progress("auditing the journal", total) as advance:
            if only_certificates:
                return audit_certificates(
                    database, settings.chain, trusted=trusted, progress=advance
                )
            return audit_database(
                database,
                settings.chain,
                trusted=trusted,
                data_dir=None if url else settings.data_dir,
                domains=own_stores(settings, database),
                progress=advance,
            )


def _record(verdict: Verdict) -> printout.Record:
    return {
        "check": verdict.check,
        "sound": "ok" if verdict.sound else "BAD",
        "height": verdict.height,
        "told": verdict.told,
    }


def _facts(report: Report) -> printout.Record:
    return {
        "sound": report.sound,
        "chain": report.chain,
        "height": report.height,
        "hash": report.hash,
        "first_bad_height": report.first_bad_height,
        "seconds": round(report.seconds, 3),
        "checks": [
            {
                "check": verdict.check,
                "sound": verdict.sound,
                "height": verdict.height,
                "told": verdict.told,
            }
            for verdict in report.verdicts
        ],
    }
