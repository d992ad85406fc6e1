"""What happens when a client asks twice: with the same words, and with others?"""

from __future__ import annotations

import asyncio

from nostro.cli.demonstration.customers import DEPOSITS, submission
from nostro.cli.demonstration.door import Answer, Order
from nostro.cli.demonstration.scene import Scene, all_of
from nostro.cli.demonstration.transfers import ALICE, DMITRI, TRANSFERS, book, transfer

AT_ONCE = 16


async def repeat(scene: Scene) -> None:
    """Send every order so far again with its key, then some with a changed body."""
    await _all_again(scene)
    await _changed(scene)
    await _at_once(scene)


async def _all_again(scene: Scene) -> None:
    """Every answer must come back as it was, marked as said before."""
    # What was refused at the door, before any key was looked at, is refused there again.
    known = [(order, first) for order, first in scene.sent if first.accepted or first.height]
    with scene.progress("retries with the same key", len(known)) as advance:
        again = await all_of(known, lambda one: scene.door.order(one[0]), advance=advance)
    same = sum(answer.repeats(first) for answer, (_, first) in zip(again, known, strict=True))
    scene.check(f"all {len(known)} retries get the first answer again", same == len(known), same)
    scene.done["retries answered as the first time"] += same


async def _changed(scene: Scene) -> None:
    """A key stands for what it was first used for, and for nothing else."""
    first = transfer("keyed-1", ALICE, DMITRI, "5.00")
    await scene.accepted(Order(TRANSFERS, first, key="keyed"))
    book(scene, first)
    other = transfer("keyed-1", ALICE, DMITRI, "5000.00")
    await scene.refused(Order(TRANSFERS, other, key="keyed"), "engine.key_reused")
    greedy = DEPOSITS[0]._replace(amount="9999999.00")
    await scene.refused(submission(greedy), "engine.key_reused")
    scene.done["retries with a changed body, refused"] += 2


async def _at_once(scene: Scene) -> None:
    """Many at once with one key are one transfer."""
    said = transfer("eager-1", ALICE, DMITRI, "7.00")
    order = Order(TRANSFERS, said, key="eager")
    answers: list[Answer] = await asyncio.gather(*(scene.door.order(order) for _ in range(AT_ONCE)))
    first = [answer for answer in answers if not answer.replayed]
    scene.check(
        f"of {AT_ONCE} equal requests at once one is carried out, the others get its answer",
        len(first) == 1 and all(one.repeats(first[0]) for one in answers if one.replayed),
        f"{len(first)} carried out",
    )
    book(scene, said)
