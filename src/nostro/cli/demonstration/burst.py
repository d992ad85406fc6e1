"""What is left of a crowd of requests when the platform is killed half-way through them?

Everything that was acknowledged. What was not is sent again, and done once in either case.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from nostro.cli.demonstration.door import Answer, Order, Unanswered
from nostro.cli.demonstration.outage import recover
from nostro.cli.demonstration.scene import Scene, all_of

Whole = Callable[[Answer], bool]
"""Tells whether all that was sent with a request was accepted."""


async def through_a_kill(
    scene: Scene, orders: Sequence[Order], *, of: str, senders: int, whole: Whole
) -> list[Answer]:
    """Send orders, kill the platform when half are answered, start it again, send what is left and
    everything once more; return the answers in order. `of`: what is sent, in words."""
    answers = await _burst(scene, orders, of, senders, whole)
    await recover(scene)
    kept = await _finish(scene, orders, answers, of, whole)
    scene.facts.recoveries.append(kept)
    return [answers[place] for place in range(len(orders))]


async def _burst(
    scene: Scene, orders: Sequence[Order], of: str, senders: int, whole: Whole
) -> dict[int, Answer]:
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

    await asyncio.gather(*(sender() for _ in range(senders)))
    await scene.stage.killed()
    scene.facts.height_at_kill = scene.door.tally.height
    killed = ", ".join(f"{name} {pid}" for name, pid in scene.stage.processes.items())
    scene.say(f"SIGKILL to {killed}")
    scene.say(
        f"{len(answers)} requests were acknowledged, {unanswered} were in flight without an "
        f"answer, {len(waiting)} were not sent yet"
    )
    scene.check(f"the platform was killed while {of} were coming in", len(waiting) > 0)
    scene.done[f"requests of {of} in flight at the kill"] = unanswered
    refused = [answer.body for answer in answers.values() if not whole(answer)]
    scene.check(f"none of the {of} before the kill was refused", not refused, refused[:1])
    return answers


async def _finish(
    scene: Scene, orders: Sequence[Order], answers: dict[int, Answer], of: str, whole: Whole
) -> bool:
    """Send again: what was acknowledged must be there with the same answer, the rest must get
    one, which is put to the others."""
    acknowledged = dict(answers)
    missing = [place for place in range(len(orders)) if place not in acknowledged]
    rest = await all_of(missing, lambda place: scene.door.order(orders[place]))
    again = await all_of(list(acknowledged), lambda place: scene.door.order(orders[place]))
    lost = [
        first.body
        for answer, first in zip(again, acknowledged.values(), strict=True)
        if not answer.repeats(first)
    ]
    kept = scene.check(f"all acknowledged {of} are there with the same answer", not lost, lost[:1])
    refused = [answer.body for answer in rest if not whole(answer)]
    done = scene.check(f"all other {of} are accepted once", not refused, refused[:1])
    durable = sum(answer.replayed for answer in rest)
    scene.say(
        f"{len(again)} requests have kept their answers; of the other {len(rest)}, {durable} had "
        f"been carried out before the kill, {len(rest) - durable} are now"
    )
    answers.update(zip(missing, rest, strict=True))
    return kept and done
