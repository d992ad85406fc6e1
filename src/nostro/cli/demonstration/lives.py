"""Can one follow a payment, from the bank that sent it to its end?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from nostro.cli.demonstration.day import Moment
from nostro.cli.demonstration.payday import ROOT
from nostro.cli.demonstration.scene import Scene

SENT = ("TRANSACTION_SUBMITTED",)
PUT_OFF = (*SENT, "TRANSACTION_DEFERRED")
AGREED = ("BATCH_CREATED", "BATCH_OPTIMIZED", "CONSENSUS_SUBMITTED", "CONSENSUS_ACHIEVED")
PAID = (*AGREED, "SETTLEMENT_INITIATED", "SETTLEMENT_CONFIRMED")
TAKEN_BACK = "SETTLEMENT_REVERSED"


async def follow(scene: Scene) -> None:
    """Read the life of one payment that had to wait, and of one that was taken back."""
    waited = _find(scene, lambda told: told["state"] == "settled" and told["deferrals"] == 1)
    await _follow(scene, waited, (*PUT_OFF, *PAID))
    back = _find(scene, lambda told: told["state"] == "reversed" and not told["deferrals"])
    await _follow(scene, back, (*SENT, *PAID, TAKEN_BACK))


def _find(scene: Scene, fits: Callable[[dict[str, Any]], bool]) -> str:
    found = (name for name, told in scene.day.ended.items() if fits(told))
    return next(found, "")


async def _follow(scene: Scene, id: str, expected: tuple[str, ...]) -> None:
    told = await scene.told(f"{ROOT}/{id}") if id else {}
    timeline = told.get("timeline", [])
    events = tuple(entry["event_type"] for entry in timeline)
    scene.check(f"the life of {id or 'a payment'} is told to its end", events == expected, events)
    if not timeline:
        return
    payment = told["payment"]
    path = f"{payment['payer']} to {payment['counterparty_id']}"
    title = f"{id}: {payment['amount']} {payment['source_currency']}, {path}"
    start = datetime.fromisoformat(timeline[0]["recorded_at"])
    scene.day.lives[title] = [
        Moment(
            after_ms=round(
                (datetime.fromisoformat(entry["recorded_at"]) - start).total_seconds() * 1000
            ),
            event=entry["event_type"],
            by=entry["actor"],
            batch=entry["batch_id"],
        )
        for entry in timeline
    ]
