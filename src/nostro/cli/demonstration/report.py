"""What does the demo tell at its end?

A report for people, and as the last line of standard output one JSON object for programs.
"""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec

from nostro.cli import printout
from nostro.cli.demonstration.day import Day
from nostro.cli.demonstration.scene import VERIFIED, Scene
from nostro.cli.printout import Output, Record


def tell(scene: Scene, *, seconds: float) -> None:
    """Print the report. Every figure in it was counted or measured in this run."""
    _heading("What was done")
    done = [{"count": f"{count:,}", "what": what} for what, count in scene.done.items()]
    printout.rows(done, Output.TABLE, right=["count"])
    _tell_books(scene)
    if scene.day.opened:
        _tell_payments(scene.day)
    if scene.audit:
        _heading("Audit")
        printout.rows([line.record() for line in scene.audit], Output.TABLE)
    _heading("Result")
    _tell_result(scene, seconds)
    facts, tally = scene.facts, scene.door.tally
    summary = {
        "commands": tally.commands,
        "height": facts.height,
        "rejected": tally.rejected,
        "replayed": tally.replayed,
        "recovered": facts.recovered,
        "conserved": facts.conserved,
        "chain": facts.chain,
        "seconds": round(seconds, 1),
        **scene.day.summary(),
        **scene.session.summary(),
        **scene.dvp.summary(),
    }
    printout.print_line(json.dumps(summary))


def _tell_books(scene: Scene) -> None:
    if scene.balances:
        _heading("Balances, as the platform tells them and as the demo kept them itself")
        amounts = ["posted", "held", "own books"]
        printout.rows([line.record() for line in scene.balances], Output.TABLE, right=amounts)
    if scene.trial_balance:
        _heading("Trial balance")
        sums = ["accounts", "debits", "credits", "difference"]
        printout.rows([line.record() for line in scene.trial_balance], Output.TABLE, right=sums)


def _tell_payments(day: Day) -> None:
    """Print what became of the payments, what netting saved, and how long each stage took."""
    _heading("Payments")
    states = [{"count": f"{count:,}", "state": state} for state, count in day.states.most_common()]
    states.append({"count": f"{day.deferred:,}", "state": "put off to a later cycle on the way"})
    for reason, count in day.reasons.most_common():
        states.append({"count": f"{count:,}", "state": f"of these at noon: {reason}"})
    printout.rows(states, Output.TABLE, right=["count"])
    for title, life in day.lives.items():
        _heading(f"The life of {title}")
        events = [msgspec.structs.asdict(moment) for moment in life]
        printout.rows(events, Output.TABLE, right=["after_ms"])
    _heading("Accounts of the banks, all those of a currency together")
    printout.rows(_by_currency(day), Output.TABLE, right=["accounts", "posted", "own books"])
    _heading("What netting saved, in US dollars at the ECB's rates")
    savings = day.savings
    costs = (
        ("each payment alone", savings.gross),
        ("same payer, payee and currencies in one wire", savings.grouped),
        ("what two owe each other set off", savings.bilateral),
        ("netted over all", savings.cost),
    )
    printout.rows(
        [
            {
                "way": way,
                "cost": f"{Decimal(cents).scaleb(-2):,}",
                "saved": f"{savings.percent(cents):.2f} %",
            }
            for way, cents in costs
        ],
        Output.TABLE,
        right=["cost", "saved"],
    )
    printout.print_line(f"wires: {savings.wires_before:,} before, {savings.wires_after:,} after")
    _heading("Time in each stage, in milliseconds")
    times = [msgspec.structs.asdict(one) for one in day.latencies]
    right = ["payments", "p50_ms", "p99_ms", "most_ms"]
    printout.rows(times, Output.TABLE, right=right)


def _by_currency(day: Day) -> list[Record]:
    rows: list[Record] = []
    for currency in sorted({currency for currency, _, _ in day.vostros}):
        ours = [(told, own) for each, told, own in day.vostros if each == currency]
        told, own = (sum(side) for side in zip(*ours, strict=True))
        rows.append({"asset": currency, "accounts": len(ours), "posted": told, "own books": own})
    return rows


def _tell_result(scene: Scene, seconds: float) -> None:
    facts, tally = scene.facts, scene.door.tally
    failed = [check for check in scene.checks if not check.holds]
    heights = f"{facts.height_at_kill:,} acknowledged at the kill, {facts.height:,} at the end"
    printout.facts(
        {
            "commands": f"{tally.commands:,}, of which {tally.rejected} refused as they should be",
            "replays": f"{tally.replayed:,} requests got the answer of the first time",
            "heights": heights,
            "recovery": f"{facts.recovery_s:.1f} s from start to ready, after SIGKILL to all",
            "chain": facts.chain,
            "checks": f"{len(scene.checks) - len(failed)} of {len(scene.checks)} hold",
            "time": f"{seconds:.1f} s",
        },
        Output.TABLE,
    )
    for check in failed:
        printout.print_line(f"not so: {check.what}")
    balance = facts.conserved and facts.chain == VERIFIED
    printout.print_line(f"books balance: {'yes' if balance else 'no'}")


def _heading(text: str) -> None:
    printout.print_line(f"\n{text}\n")
