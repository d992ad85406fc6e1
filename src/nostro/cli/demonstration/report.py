"""What does the demo tell at its end?

A report for people, and as the last line of standard output one JSON object for programs.
"""

from __future__ import annotations

import json

from nostro.cli import printout
from nostro.cli.demonstration.scene import VERIFIED, Scene
from nostro.cli.printout import Output


def tell(scene: Scene, *, seconds: float) -> None:
    """Print the report. Every figure in it was counted or measured in this run."""
    _heading("What was done")
    done = [{"count": f"{count:,}", "what": what} for what, count in scene.done.items()]
    printout.rows(done, Output.TABLE, right=["count"])
    _tell_books(scene)
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
