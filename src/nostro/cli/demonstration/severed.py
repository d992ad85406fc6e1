"""What becomes of settlements when a ledger is away for a while, and when their coordinator is
killed between the two executions?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

from nostro.cli.demonstration.delivery import count, instruct, make_deals
from nostro.cli.demonstration.door import Unanswered
from nostro.cli.demonstration.dvp_book import ABROAD, CASH, SECURITIES, Deal
from nostro.cli.demonstration.scene import Broken, Scene, all_of

OUTAGE, AT_KILL = 100, 200
STREAMS = 8
UNDER_WAY = 20
"""Settled ones after which others are at every stage of their way."""
OUTAGE_S = 1.5
TRIES_MAX = 5
SETTLE_DOWN_S = 0.4
LOOK_S, PAUSE_S = 0.02, 0.2
LOOKS_MAX = 300


async def ledger_away(scene: Scene) -> None:
    """Freeze the ledger of the securities while settlements come in, kill it, and let it be started
    again."""
    pid = scene.stage.processes[f"domain:{SECURITIES}"]
    os.kill(pid, signal.SIGSTOP)
    deals = make_deals("away", OUTAGE, ABROAD)
    await instruct(scene, deals)
    await asyncio.sleep(OUTAGE_S)
    waiting = await count(scene, "INITIATED")
    scene.say(f"{waiting} settlements wait for a ledger that has been away for {OUTAGE_S} s")
    scene.check("settlements wait for a ledger that is away", waiting > 0)
    os.kill(pid, signal.SIGKILL)
    names = [scene.dvp.names[deal.trade_id] for deal in deals]
    await _settled(scene, names, "what waited for a ledger is settled once it is back")


async def coordinator_killed(scene: Scene) -> None:
    """Catch settlements whose securities have moved and whose cash has not; kill the coordinator
    there, and look that it goes on forward."""
    cash = scene.stage.processes[f"domain:{CASH}"]
    for attempt in range(TRIES_MAX):
        await _cut_short(scene, f"cut-{attempt}", cash)
        await asyncio.sleep(SETTLE_DOWN_S)
        caught = await _half_done(scene)
        if caught:
            break
        os.kill(cash, signal.SIGCONT)
    else:
        raise Broken("no settlement was caught between its two executions")
    scene.say(f"{len(caught)} settlements have delivered and not yet paid: SIGKILL to the server")
    os.kill(scene.stage.processes["server"], signal.SIGKILL)
    await asyncio.sleep(LOOK_S)
    os.kill(cash, signal.SIGCONT)
    await _back(scene)
    what = "what was delivered before the kill is paid after it"
    scene.facts.recoveries.append(await _settled(scene, caught, what))


async def _cut_short(scene: Scene, name: str, cash: int) -> None:
    """Instruct settlements one by one, as fast as they are taken, and freeze the ledger of the cash
    once the first of them have settled and others are on their way."""
    before = await count(scene, "SETTLED")
    deals = make_deals(name, AT_KILL, ABROAD)

    async def stream(of: Sequence[Deal]) -> None:
        for deal in of:
            await instruct(scene, [deal])

    streams = [deals[first::STREAMS] for first in range(STREAMS)]
    streaming = asyncio.ensure_future(all_of(streams, stream))
    for _ in range(LOOKS_MAX):
        if streaming.done() or await count(scene, "SETTLED") >= before + UNDER_WAY:
            break
        await asyncio.sleep(LOOK_S)
    os.kill(cash, signal.SIGSTOP)
    await streaming


async def _half_done(scene: Scene) -> list[str]:
    """Return the settlements that stand between the two executions."""
    told = await scene.told("/settlements", status="EXECUTING", limit=AT_KILL)
    return [each["settlement_id"] for each in told["data"] if each["buyer_securities_ledger_ref"]]


async def _back(scene: Scene) -> None:
    """Wait until the server, which its supervisor starts again, answers."""
    for _ in range(LOOKS_MAX):
        with contextlib.suppress(Unanswered):
            ready = await scene.door.read("/readyz")
            if ready.get("status") == "ready":
                return
        await asyncio.sleep(PAUSE_S)
    raise Broken("the server did not come back")


async def _settled(scene: Scene, names: Sequence[str], what: str) -> bool:
    """Tell whether these have settled, each once."""
    open_ones = list(names)
    for _ in range(LOOKS_MAX):
        told = await all_of(open_ones, lambda name: scene.told(f"/settlements/{name}"))
        open_ones = [each["settlement_id"] for each in told if each["status"] != "SETTLED"]
        if not open_ones:
            break
        await asyncio.sleep(PAUSE_S)
    return scene.check(what, not open_ones, open_ones[:3])
