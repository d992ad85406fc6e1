"""Does the platform keep its promises in bad weather, seed after seed?"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import StrEnum
from time import perf_counter
from typing import Annotated

import typer

from nostro.cli import printout
from nostro.cli.exits import Exit, Failure
from nostro.cli.printout import Output, OutputOption
from nostro.simulation.runs import STORIES, replay_command, run_seeds
from nostro.simulation.world import Run

SEEDS_MAX = 1_000_000
FAILURES_SHOWN_MAX = 20


class StoryName(StrEnum):
    """What is played."""

    LEDGER = "ledger"
    PAYMENTS = "payments"
    EXCHANGE = "exchange"
    SETTLEMENT = "settlement"
    ALL = "all"


class WeatherName(StrEnum):
    """How bad it gets."""

    MILD = "mild"
    HARSH = "harsh"


def register(app: typer.Typer) -> None:
    """Add `simulate` to the command line."""
    app.command("simulate")(simulate)


def simulate(
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="A..B", help="Seeds to run, both ends included.")
    ] = "1..100",
    story: Annotated[
        StoryName,
        typer.Option(
            "--story",
            help="Clerks and customers, banks that pay each other, traders, or dealers who settle "
            "across ledgers.",
        ),
    ] = StoryName.ALL,
    weather: Annotated[
        WeatherName, typer.Option("--weather", help="What messages, disk and processes meet.")
    ] = WeatherName.HARSH,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=256, help="Processes; default: one a core.")
    ] = os.cpu_count() or 1,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run the whole platform in seeded bad weather under the eyes of an independent auditor.

    One run: a platform on memory adapters, its clients, 60 virtual seconds of storm, then as long
    as it takes until all is finished, and the audit. The story of the ledger: 3 clerks, and 3
    customers with deposits and withdrawals (about 280 commands sent 380 times). The story of
    payments: 4 banks, 4 to 7 members of which up to a third lie, 3 rails. That of the exchange: 6
    traders on 3 markets, 2 liquidity providers. That of settlement: 4 dealers, securities and cash
    on 3 ledgers that fail by themselves, one of which may be brought back from an old backup. The
    same seed gives the same run, byte for byte.
    """
    wanted = _range(seeds)
    started = perf_counter()
    runs: list[Run] = []
    stories = [name for name in STORIES if story.value in (name, StoryName.ALL)]
    with printout.progress(f"simulating {weather} weather", len(wanted) * len(stories)) as advance:
        for name in stories:
            for run in run_seeds(wanted, weather.value, jobs=min(jobs, len(wanted)), story=name):
                runs.append(run)
                advance(1)
                if run.violation:
                    printout.note(f"{name}, seed {run.seed}: {run.violation}")
    failed = [run for run in runs if run.violation]
    printout.facts(_record(runs, failed, perf_counter() - started), output)
    if failed:
        raise Failure(
            f"{len(failed)} of {len(runs)} seeds broke a promise",
            remedy=f"`{replay_command(failed[0])}` repeats the first one exactly",
            status=Exit.CHECK_FAILED,
        )


def _range(text: str) -> Sequence[int]:
    said = re.fullmatch(r"(\d{1,18})(?:\.\.(\d{1,18}))?", text)
    if said is None:
        raise Failure(f"--seeds {text!r} is no range", remedy="say 1..1000", status=Exit.USAGE)
    first, last = int(said[1]), int(said[2] or said[1])
    if not first <= last < first + SEEDS_MAX:
        raise Failure(
            f"--seeds {text} is empty or more than {SEEDS_MAX} seeds",
            remedy="say 1..1000",
            status=Exit.USAGE,
        )
    return range(first, last + 1)


def _record(runs: Sequence[Run], failed: Sequence[Run], seconds: float) -> printout.Record:
    failures = [
        {
            "story": run.story,
            "seed": run.seed,
            "violation": run.violation,
            "replay": replay_command(run),
        }
        for run in failed[:FAILURES_SHOWN_MAX]
    ]
    record: dict[str, object] = {
        "seeds": len(runs),
        "weather": runs[0].weather,
        "failed": len(failed),
        "commands": sum(run.commands for run in runs),
        "rows": sum(run.rows for run in runs),
        "rejected": sum(run.rejected for run in runs),
        "replayed": sum(run.replayed for run in runs),
        "keys_reused": sum(run.keys_reused for run in runs),
        "crashes": sum(run.crashes for run in runs),
        "takeovers": sum(run.takeovers for run in runs),
        "snapshots": sum(run.snapshots for run in runs),
        "payouts": sum(run.payouts for run in runs),
        "payments": sum(run.payments for run in runs),
        "settled": sum(run.settled for run in runs),
        "failed_payments": sum(run.failed for run in runs),
        "reversed": sum(run.reversed for run in runs),
        "deferred": sum(run.deferred for run in runs),
        "cycles": sum(run.cycles for run in runs),
        "certificates": sum(run.certificates for run in runs),
        "movements": sum(run.movements for run in runs),
        "member_restarts": sum(run.member_restarts for run in runs),
        "orders": sum(run.orders for run in runs),
        "trades": sum(run.trades for run in runs),
        "routes": sum(run.routes for run in runs),
        "suspensions": sum(run.suspensions for run in runs),
        "settlements": sum(run.settlements for run in runs),
        "rounds": sum(run.rounds for run in runs),
        "partials": sum(run.partials for run in runs),
        "restored": sum(run.restored for run in runs),
        "quarantines": sum(run.quarantines for run in runs),
        "virtual_hours": round(sum(run.virtual_s for run in runs) / 3600, 1),
        "seconds": round(seconds, 1),
    }
    return {**record, "failures": failures} if failures else record
