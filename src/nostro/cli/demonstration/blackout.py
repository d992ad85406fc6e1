"""What is left of a day of payments when the whole platform is killed in the middle of it?

Everything it acknowledged; cycles, votes and movements on rails that were under way go on where
they were.
"""

from __future__ import annotations

import asyncio
from collections import deque
from random import Random

from nostro.cli.demonstration.door import Answer, Order, Unanswered
from nostro.cli.demonstration.outage import recover
from nostro.cli.demonstration.payday import PAYMENTS, SHORT_MIX, bulks, note, single
from nostro.cli.demonstration.scene import Scene, all_of
from nostro.cli.demonstration.traffic import RTGS

SINGLES = 60
SENDERS = 16
MIX_SEED = 11


async def survive(scene: Scene) -> None:
    """Kill the platform while the payments of the evening come in, start it again, and finish."""
    traffic = scene.day.traffic
    alone = traffic.take(SINGLES, {RTGS: 1})
    together = traffic.take(PAYMENTS - len(scene.day.sent) - SINGLES, SHORT_MIX)
    together.sort(key=lambda payment: payment.window != RTGS)
    orders = [single(payment) for payment in alone] + bulks(together)
    Random(MIX_SEED).shuffle(orders)
    acknowledged = await _burst(scene, orders)
    await recover(scene)
    scene.facts.recoveries.append(await _finish(scene, orders, acknowledged))
    note(scene, [*alone, *together])
    scene.check(f"{PAYMENTS:,} payments are sent", len(scene.day.sent) == PAYMENTS)


async def _burst(scene: Scene, orders: list[Order]) -> dict[int, Answer]:
    """Send the orders, kill the platform half-way, and return the answers by position."""
    waiting = deque(enumerate(orders))
    answers: dict[int, Answer] = {}
    kill_after = len(orders) // 2
    unanswered = 0

    async def sender() -> None:
        nonlocal unanswered
        while waiting and len(answers) < kill_after:
            position, order = waiting.popleft()
            try:
                answers[position] = await scene.door.send(order)
            except Unanswered:
                unanswered += 1
            else:
                if len(answers) == kill_after:
                    scene.stage.kill()

    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    await scene.stage.killed()
    scene.facts.height_at_kill = scene.door.tally.height
    killed = ", ".join(f"{name} {pid}" for name, pid in scene.stage.processes.items())
    scene.say(f"SIGKILL to {killed}")
    scene.say(
        f"{len(answers)} requests were acknowledged, {unanswered} were in flight without an "
        f"answer, {len(waiting)} were not sent yet"
    )
    scene.check("the platform was killed while payments were coming in", len(waiting) > 0)
    scene.done["requests of payments in flight at the kill"] = unanswered
    refused = [answer.body for answer in answers.values() if not _all_accepted(answer)]
    scene.check("no payment before the kill was refused", not refused, refused[:1])
    return answers


async def _finish(scene: Scene, orders: list[Order], acknowledged: dict[int, Answer]) -> bool:
    """Send again: what was acknowledged must be there with the same answer, the rest must get
    one."""
    missing = [place for place in range(len(orders)) if place not in acknowledged]
    rest = await all_of(missing, lambda place: scene.door.order(orders[place]))
    again = await all_of(list(acknowledged), lambda place: scene.door.order(orders[place]))
    lost = [
        first.body
        for answer, first in zip(again, acknowledged.values(), strict=True)
        if not answer.repeats(first)
    ]
    kept = scene.check(
        "each acknowledged payment is there with the same answer", not lost, lost[:1]
    )
    refused = [answer.body for answer in rest if not _all_accepted(answer)]
    done = scene.check("each other payment is accepted once", not refused, refused[:1])
    durable = sum(answer.replayed for answer in rest)
    scene.say(
        f"{len(again)} requests have kept their answers; of the other {len(rest)}, {durable} had "
        f"been carried out before the kill, {len(rest) - durable} are now"
    )
    return kept and done


def _all_accepted(answer: Answer) -> bool:
    """Tell whether all that was sent with a request is accepted."""
    body = answer.body
    return answer.accepted and (
        "results" not in body or body["accepted"] == len(body["results"]) > 0
    )
