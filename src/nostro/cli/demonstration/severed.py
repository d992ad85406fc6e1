"""What becomes of settlements when a ledger is away for a while, and when their coordinator is
killed between the two executions?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Sequence

from nostro.cli.demonstration.delivery import count, instruct, make_deals
from nostro.cli.demonstration.door import Unanswered
from nostro.cli.demonstration.dvp_book import ABROAD, CASH, SECURITIES, Deal
from nostro.cli.demonstration.scene import Broken, Scene, all_of

OUTAGE, AT_KILL = 100, 160
OUTAGE_S = 1.5
TRIES_MAX = 5
SETTLE_DOWN_S = 0.4
LOOK_S = 0.02
BACK_S = 60.0


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
    scene.facts.recoveries.append(await _settled(scene, caught))


async def _cut_short(scene: Scene, name: str, cash: int) -> None:
    """Instruct settlements one by one, as fast as they are taken, and freeze the ledger of the cash
    in the middle of it."""
    answered = 0

    async def one(deal: Deal) -> None:
        nonlocal answered
        await instruct(scene, [deal])
        answered += 1
        if answered == AT_KILL // 2:
            os.kill(cash, signal.SIGSTOP)

    await all_of(make_deals(name, AT_KILL, ABROAD), one)


async def _half_done(scene: Scene) -> list[str]:
    """Return the settlements that stand between the two executions."""
    told = await scene.told("/settlements", status="EXECUTING", limit=AT_KILL)
    return [each["settlement_id"] for each in told["data"] if each["buyer_securities_ledger_ref"]]


async def _back(scene: Scene) -> None:
    """Wait until the server, which its supervisor starts again, answers."""
    until = time.monotonic() + BACK_S
    while time.monotonic() < until:
        with contextlib.suppress(Unanswered):
            ready = await scene.door.read("/readyz")
            if ready.get("status") == "ready":
                return
        await asyncio.sleep(LOOK_S * 5)
    raise Broken("the server did not come back")


async def _settled(scene: Scene, names: Sequence[str]) -> bool:
    """Tell whether these have settled, each once."""
    until = time.monotonic() + BACK_S
    open_ones = list(names)
    while open_ones and time.monotonic() < until:
        told = [await scene.told(f"/settlements/{name}") for name in open_ones]
        open_ones = [each["settlement_id"] for each in told if each["status"] != "SETTLED"]
        await asyncio.sleep(LOOK_S)
    return scene.check(
        "what was delivered before the kill is paid after it", not open_ones, open_ones[:3]
    )
