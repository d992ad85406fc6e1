"""How does an operator find out whether a settlement domain did what was decided, and mend it?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure
from nostro.cli.printout import Output, OutputOption

if TYPE_CHECKING:
    from nostro.adapters.domains.reconcile import Report


def register(app: typer.Typer) -> None:
    """Add `nostro settle` to the command line."""
    settle = typer.Typer(
        name="settle", help="Look after settlement across ledgers.", no_args_is_help=True
    )
    settle.command("reconcile")(reconcile)
    settle.callback()(lambda: None)
    app.add_typer(settle)


def reconcile(
    domain: Annotated[str, typer.Option(help="The settlement domain to compare.")],
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Hold and execute again what was lost, release what nobody wants, and open it;"
            " the platform must be stopped.",
        ),
    ] = False,
    url: Annotated[str | None, typer.Option(help="PostgreSQL of the coordinator.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded PostgreSQL keeps the ledgers.")
    ] = None,
    chain: Annotated[str | None, typer.Option(help="The coordinator's chain.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Compare a domain with what was decided, round by round. Status 1: they differ.

    Without --repair nothing is changed, and the platform may run meanwhile.
    """
    from nostro.adapters.postgres.migrate import check, refuse_foreign
    from nostro.cli.migrate import administered
    from nostro.wiring.domains import store_beside
    from nostro.wiring.reconciling import compare, mend
    from nostro.wiring.settings import load_settings
    from nostro.wiring.settlement import domain_names

    settings = load_settings(postgres_url=url, data_dir=data_dir, chain=chain)
    if domain not in domain_names(settings):
        raise Failure(
            f"there is no domain {domain!r}",
            remedy="name one of NOSTRO_SETTLEMENT_DOMAINS",
            status=Exit.USAGE,
        )
    with administered(settings) as database:
        check(database)
        refuse_foreign(database, settings.chain)
        store = store_beside(database, domain, embedded=settings.postgres_url is None)
        mended: list[str] = []
        if repair:
            repaired = mend(settings, database, store, domain)
            mended, report = repaired.mended, repaired.after
        else:
            report = compare(settings, database, store, domain)
    _tell(report, mended, output)
    if not report.sound:
        raise Failure(
            f"{len(report.breaks)} of {report.rounds} rounds stand otherwise at {domain}",
            remedy="people must look at what is left, with both books at hand"
            if repair
            else "stop the platform, then `nostro settle reconcile --repair`",
            status=Exit.CHECK_FAILED,
        )
    printout.note(f"{domain} and the coordinator agree on {report.rounds} rounds")


def _tell(report: Report, mended: list[str], output: Output) -> None:
    breaks: list[printout.Record] = [
        {
            "round": each.round_id,
            "break": str(each.kind),
            "ours": each.ours,
            "theirs": each.theirs,
            "remedy": str(each.remedy),
        }
        for each in report.breaks
    ]
    if output is Output.TABLE:
        if breaks:
            printout.rows(breaks, output)
        for round_id in mended:
            printout.note(f"mended {round_id}")
        return
    facts = {
        "domain": report.domain,
        "sound": report.sound,
        "behind": report.behind,
        "rounds": report.rounds,
        "height": report.height,
        "seen_height": report.seen_height,
        "mended": mended,
        "breaks": breaks,
    }
    printout.facts(facts, output)
