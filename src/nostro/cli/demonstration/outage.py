"""What is left when the whole platform is killed in the middle of its work?

Everything it acknowledged. What it did not acknowledge it may have done or not; sent again with the
same keys, it is done once in either case.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from nostro.cli.demonstration.customers import (
    DEPOSITS,
    EMPLOYER,
    FEES,
    STAFF,
    Deposit,
    book as book_deposit,
    confirmation,
    submission,
)
from nostro.cli.demonstration.door import IN_FLIGHT_MAX, Answer, Order, Unanswered
from nostro.cli.demonstration.payouts import book_request, end, withdrawal
from nostro.cli.demonstration.scene import Scene, all_of
from nostro.cli.demonstration.transfers import (
    BULK,
    POSTED,
    TRANSFERS,
    VOIDED,
    book,
    book_hold,
    transfer,
)

TRANSFERS_SENT, HOLDS_SENT, WITHDRAWALS_SENT = 900, 200, 60
DEPOSITS_EACH = 4
KILL_AFTER = 400
"""The answer at which the platform is killed, after about a third of all."""
HANGING_UP = 32
"""How many senders hang up before the burst, as soon as they have sent their order."""
MIX_SEED = 7
PAYERS = STAFF[10:]
RETIRING = (("alice", "EUR"), ("bob", "USD"), ("farid", "CHF"), ("emiko", "JPY"))
"""Who withdraws in the burst, small amounts that need no approval."""

Booking = Callable[[Scene], None]


class Entry(NamedTuple):
    """An order of the burst, and what it does to the books once it is acknowledged."""

    order: Order
    booking: Booking


async def survive(scene: Scene) -> None:
    """Kill the platform with hundreds of orders in flight, start it again, and finish."""
    announced = list(_announced())
    await all_of(announced, lambda deposit: scene.accepted(submission(deposit)))
    entries = list(_entries(announced))
    acknowledged = await _hang_up(scene, entries)
    acknowledged |= await _burst(scene, entries)
    await recover(scene)
    await _finish(scene, entries, acknowledged)
    await _resolve_holds(scene)
    await end(scene, [_payout(number) for number in range(WITHDRAWALS_SENT)], "settled")


async def _hang_up(scene: Scene, entries: list[Entry]) -> dict[int, Answer]:
    """Send the first orders and hang up; return the answers that came all the same."""
    answers: dict[int, Answer] = {}

    async def client(position: int) -> None:
        with contextlib.suppress(Unanswered):
            order = entries[position].order
            answers[position] = await scene.door.send(order, patience_s=0)

    await all_of(range(HANGING_UP), client)
    scene.say(f"{HANGING_UP - len(answers)} orders were sent by who hung up before the answer")
    return answers


async def _burst(scene: Scene, entries: list[Entry]) -> dict[int, Answer]:
    """Send the others, kill the platform in the middle, and return the answers by position."""
    waiting = deque(list(enumerate(entries))[HANGING_UP:])
    answers: dict[int, Answer] = {}
    unanswered = 0

    async def client() -> None:
        nonlocal unanswered
        while waiting and len(answers) < KILL_AFTER:
            position, entry = waiting.popleft()
            try:
                answers[position] = await scene.door.send(entry.order)
            except Unanswered:
                unanswered += 1
            else:
                if len(answers) == KILL_AFTER:
                    scene.stage.kill()

    await asyncio.gather(*(client() for _ in range(IN_FLIGHT_MAX)))
    await scene.stage.killed()
    scene.facts.height_at_kill = scene.door.tally.height
    killed = ", ".join(f"{name} {pid}" for name, pid in scene.stage.processes.items())
    scene.say(f"SIGKILL to {killed}")
    scene.say(
        f"{len(answers)} orders were acknowledged, {unanswered} were in flight without an "
        f"answer, {len(waiting)} were not sent yet"
    )
    scene.check("the platform was killed while orders were coming in", len(waiting) > 0)
    scene.done["orders in flight at the kill"] = unanswered
    refused = [answer.body for answer in answers.values() if not answer.accepted]
    scene.check("no order of the burst was refused", not refused, refused[:1])
    return answers


async def recover(scene: Scene) -> None:
    """Start the platform again on the same data."""
    started = time.monotonic()
    url = await scene.stage.start()
    await scene.door.open(url)
    ready = await scene.door.read("/readyz")
    took_s = time.monotonic() - started
    scene.facts.recovery_s = max(scene.facts.recovery_s, took_s)
    scene.say(f"up again on the same data after {took_s:.1f} s: {ready['status']}")


async def _finish(scene: Scene, entries: list[Entry], acknowledged: dict[int, Answer]) -> None:
    """Send again: what was acknowledged must be there with the same answer, the rest must get
    one."""
    open_ones = [number for number in range(len(entries)) if number not in acknowledged]
    order_of = [entry.order for entry in entries]

    with scene.progress("orders sent again", len(entries)) as advance:
        rest = await all_of(
            open_ones, lambda number: scene.door.order(order_of[number]), advance=advance
        )
        again = await all_of(
            list(acknowledged), lambda number: scene.door.order(order_of[number]), advance=advance
        )
    lost = [
        order_of[number].path
        for answer, (number, first) in zip(again, acknowledged.items(), strict=True)
        if not answer.repeats(first)
    ]
    kept = scene.check("each acknowledged order is there with the same answer", not lost, lost[:3])
    refused = [answer.body for answer in rest if not answer.accepted]
    done = scene.check("each order without an answer is carried out once", not refused, refused[:1])
    durable = sum(answer.replayed for answer in rest)
    scene.say(
        f"{len(again)} acknowledged orders have kept their answers; of the other {len(rest)}, "
        f"{durable} had been carried out before the kill, {len(rest) - durable} are now"
    )
    scene.facts.recoveries.append(kept and done)
    for entry in entries:
        entry.booking(scene)


async def _resolve_holds(scene: Scene) -> None:
    """Post every other hold of the burst and void the rest, in one command."""
    names = [f"hold-burst-{number:03d}" for number in range(HOLDS_SENT)]
    transfers = [
        {"id": f"end-{name}", "action": "void" if number % 2 else "post", "refers_to": name}
        for number, name in enumerate(names)
    ]
    answer = await scene.accepted(Order(BULK, {"transfers": transfers}, key="end-holds"))
    created = answer.body["created"]
    scene.check("every hold of the burst is there once", created == HOLDS_SENT, answer.body)
    for number, name in enumerate(names):
        if number % 2:
            scene.books.void(name)
            scene.done[VOIDED] += 1
        else:
            scene.books.post(name)
            scene.done[POSTED] += 1


def _announced() -> Iterator[Deposit]:
    """Yield small deposits that are announced before the burst, and confirmed in it."""
    for number in range(DEPOSITS_EACH):
        for deposit in DEPOSITS:
            yield deposit._replace(amount=str(number + 1), name=f"burst-{number}")


def _entries(announced: Sequence[Deposit]) -> list[Entry]:
    """Return the orders of the burst, the kinds mixed as on any day, the same way each time."""
    entries = [_confirmation(deposit) for deposit in announced]
    entries += [_transfer(number) for number in range(TRANSFERS_SENT)]
    entries += [_hold(number) for number in range(HOLDS_SENT)]
    entries += [_withdrawal(number) for number in range(WITHDRAWALS_SENT)]
    Random(MIX_SEED).shuffle(entries)
    return entries


def _confirmation(deposit: Deposit) -> Entry:
    return Entry(confirmation(deposit), lambda scene: book_deposit(scene, deposit))


def _transfer(number: int) -> Entry:
    payer, payee = PAYERS[number % len(PAYERS)], PAYERS[(number * 7 + 1) % len(PAYERS)]
    said = transfer(f"burst-{number:03d}", payer, payee, f"{1 + number % 9}.{number % 100:02d}")
    return Entry(Order(TRANSFERS, said, key=f"burst-{number}"), lambda scene: book(scene, said))


def _hold(number: int) -> Entry:
    said = transfer(f"hold-burst-{number:03d}", EMPLOYER, FEES, f"{1 + number % 50}.00")
    order = Order(TRANSFERS, {**said, "action": "hold"})
    return Entry(order, lambda scene: book_hold(scene, said))


def _withdrawal(number: int) -> Entry:
    order = _payout(number)
    return Entry(order, lambda scene: book_request(scene, order))


def _payout(number: int) -> Order:
    user, asset = RETIRING[number % len(RETIRING)]
    return withdrawal(f"wd-burst-{number:02d}", user, asset, f"{1 + number}")
