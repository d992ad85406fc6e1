"""How does a day of payments go: with a rail down, sent twice, short of money, a bank failing?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from nostro.cli.demonstration.door import Answer, Order
from nostro.cli.demonstration.scene import Broken, Scene, all_of
from nostro.cli.demonstration.traffic import (
    CURRENCIES,
    FAILING,
    RTGS,
    T0,
    T1,
    T2,
    Payment,
)

ROOT = "/api/v1/transactions"
BULK = f"{ROOT}/bulk"
SETTLEMENTS = "/api/v1/settlements"
LIMITS = "/api/v1/risk/limits"
PAYMENTS = 20_000
MORNING, NOON, AFTERNOON = 7_000, 4_500, 1_440
TO_FAILING, TO_FAILING_AT_ONCE = 50, 10
BULK_SIZE = 500
AT_A_TIME = 4
"""Requests with hundreds of payments in flight."""
RAIL, REGION, OTHER = "rtgs", "east", "west"
SHORT = tuple(currency for currency in CURRENCIES if currency != "USD")
AT_ONCE = 16
CONFLICTS = 12
WAIT_S = 60.0
PAUSE_S = 0.1

# Of a thousand: with the singles of the evening some 300 payments of the day are gross.
MIX = {RTGS: 12, T0: 650, T1: 250, T2: 88}
SHORT_MIX = {RTGS: 12, T0: 800, T1: 188}


async def morning(scene: Scene) -> None:
    """Send payments while the central bank cannot be reached at one of its sites."""
    scene.stage.switchboard.close_region(RAIL, REGION)
    scene.say(f"{RAIL} is down in the {REGION}: what would go there takes another way")
    payments = scene.day.traffic.take(MORNING, MIX, failing_pays=True)
    await send_all(scene, "payments in the morning", payments)


async def send_all(scene: Scene, label: str, payments: Sequence[Payment]) -> None:
    """Send payments by the hundred, the urgent ones first; each of them must be accepted."""
    orders = bulks(sorted(payments, key=lambda payment: payment.window != RTGS))
    turns = asyncio.Semaphore(AT_A_TIME)

    async def send(order: Order) -> Answer:
        async with turns:
            answer = await scene.accepted(order)
        advance(len(order.body["transactions"]))
        return answer

    with scene.progress(label, len(payments)) as advance:
        answers = await all_of(orders, send)
    accepted = sum(answer.body["accepted"] for answer in answers)
    refused = [one for answer in answers for one in answer.body["results"] if "code" in one]
    scene.check(f"all {len(payments)} {label} are accepted", accepted == len(payments), refused[:2])
    note(scene, payments)


def bulks(payments: Sequence[Payment]) -> list[Order]:
    """Return the orders that send payments together, each under a key."""
    starts = range(0, len(payments), BULK_SIZE)
    return [_bulk(payments[start : start + BULK_SIZE]) for start in starts]


def note(scene: Scene, payments: Sequence[Payment]) -> None:
    """Write down what is acknowledged."""
    scene.day.sent |= {payment.id: payment for payment in payments}


def single(payment: Payment, *, key: str = "") -> Order:
    """Return the order that sends one payment. Its id is its key, unless one is named."""
    return Order(ROOT, payment.body(), key=key)


def _bulk(payments: Sequence[Payment], *, key: str | None = None) -> Order:
    key = f"bulk-{payments[0].id}" if key is None else key
    return Order(BULK, {"transactions": [payment.body() for payment in payments]}, key=key)


# -- duplicates ------------------------------------------------------------------------------------


async def storm(scene: Scene) -> None:
    """Send much of the morning again: with the same keys, with others, with changed content."""
    await _again_with_keys(scene)
    await _again_without(scene)
    await _conflicts(scene)
    await _together(scene)
    await _beyond_means(scene)


async def _again_with_keys(scene: Scene) -> None:
    """Each request that comes again gets the answer of the first time."""
    known = [(order, first) for order, first in scene.sent if order.path == BULK]
    known = [(order, first) for order, first in known if order.key.startswith("bulk-pay")]
    again = await all_of(known, lambda one: scene.door.order(one[0]))
    same = sum(answer.repeats(first) for answer, (_, first) in zip(again, known, strict=True))
    scene.check(f"all {len(known)} requests sent again are replayed", same == len(known), same)
    count = sum(len(order.body["transactions"]) for order, _ in known)
    scene.done["payments sent again under their keys, replayed"] += count


async def _again_without(scene: Scene) -> None:
    """Payments that come again in another request are told as duplicates, and done once."""
    sent = list(scene.day.sent.values())[: 3 * BULK_SIZE]
    orders = [msgspec.structs.replace(order, key="") for order in bulks(sent)]
    answers = await all_of(orders, scene.accepted)
    duplicates = sum(answer.body["duplicates"] for answer in answers)
    scene.check(
        f"all {len(sent)} payments sent in other requests are duplicates",
        duplicates == len(sent),
        duplicates,
    )
    one = await scene.accepted(single(sent[0], key="again-alone"))
    scene.check("so is one that is sent alone", one.body["result"] == "duplicate", one.body)
    scene.done["payments sent again without keys, told as duplicates"] += duplicates + 1


async def _conflicts(scene: Scene) -> None:
    """An id, and a key, stand for what they were first used for, and for nothing else."""
    sent = list(scene.day.sent.values())[:CONFLICTS]
    changed = [payment._replace(amount=payment.amount * 2) for payment in sent]
    for payment in changed:
        answer = await scene.refused(single(payment), "payments.exists")
        scene.check("a changed payment is a conflict", answer.status == 409, answer.status)
    used = next(order.key for order, _ in scene.sent if order.path == BULK and order.key)
    answer = await scene.refused(_bulk(changed, key=used), "engine.key_reused")
    scene.check("a key that is used for another request is refused", answer.status == 422)
    answer = await scene.accepted(_bulk(changed, key="conflicts"))
    codes = {one.get("code") for one in answer.body["results"]}
    scene.check("in bulk each is refused alone", codes == {"payments.exists"}, codes)
    scene.done["changed payments under a known id or key, refused"] += 2 * CONFLICTS + 1


async def _together(scene: Scene) -> None:
    """Many at once are one payment."""
    [payment] = scene.day.traffic.take(1, {T0: 1})
    order = single(payment)
    answers = await asyncio.gather(*(scene.door.order(order) for _ in range(AT_ONCE)))
    first = [answer for answer in answers if not answer.replayed]
    scene.check(
        f"of {AT_ONCE} equal payments at once one is accepted, the others get its answer",
        len(first) == 1 and all(one.repeats(first[0]) for one in answers if one.replayed),
        f"{len(first)} accepted",
    )
    note(scene, [payment])


async def _beyond_means(scene: Scene) -> None:
    [payment] = scene.day.traffic.take(1, {T0: 1})
    rich = payment._replace(id="too-much", amount=payment.amount + 10**12)
    await scene.refused(single(rich), "ledger.exceeds_credits")
    scene.done["payments refused for lack of funds"] += 1


# -- liquidity -------------------------------------------------------------------------------------


async def shortfall(scene: Scene) -> None:
    """Let the platform lend nothing but dollars for a cycle: what other currencies do not cover
    themselves has to wait."""
    for currency in SHORT:
        await scene.accepted(_platform_limit(currency, "0"))
    scene.say(f"the platform lends no {', '.join(SHORT)}: what it pays out must have come in")
    payments = scene.day.traffic.take(NOON, SHORT_MIX)
    await send_all(scene, "payments at noon", payments)
    last = next(one for one in reversed(payments) if one.window == T0)
    told = await scene.told(f"{ROOT}/{last.id}", at_least=scene.door.tally.height)
    cycle = told["payment"]["cycle_id"]
    await until(scene, f"cycle {cycle} is planned", lambda: _is_planned(scene, cycle))
    await _tell_deferred(scene)
    for currency in SHORT:
        await scene.accepted(_platform_limit(currency, None))
    scene.stage.switchboard.open_region(RAIL, REGION)
    scene.say(f"limits are lifted; {RAIL} is up again in the {REGION}")


def _platform_limit(currency: str, amount: str | None) -> Order:
    body = {"scope": "platform", "currency": currency, "amount": amount}
    return Order(LIMITS, body, method="PUT")


async def _is_planned(scene: Scene, cycle: str) -> bool:
    told = await scene.door.read(f"{SETTLEMENTS}/{cycle}/status")
    return "settlement" in told


async def _tell_deferred(scene: Scene) -> None:
    waiting = [one async for one in pages(scene, ROOT, state="deferred")]
    reasons = scene.day.reasons
    for one in waiting:
        reasons[one["reason"]] += 1
    told = ", ".join(f"{count} for {reason}" for reason, count in reasons.most_common())
    said = bool(waiting) and "" not in reasons
    scene.check("a shortfall defers some payments, and says why", said, reasons)
    scene.say(f"{len(waiting)} payments wait for another cycle: {told}")


# -- failure ---------------------------------------------------------------------------------------


async def bank_fails(scene: Scene) -> None:
    """Let a bank fail that others still pay to: what cannot be paid out to it goes back."""
    # Nothing of its own may be under way: then it owes in no cycle, and is only paid to.
    await until(scene, f"{FAILING} owes nothing", lambda: _owes_nothing(scene))
    board = scene.stage.switchboard
    board.set(msgspec.structs.replace(board.faults(), failed=frozenset({FAILING})))
    scene.say(f"{FAILING} has failed: nothing can be paid out to it any more")
    traffic = scene.day.traffic
    payments = traffic.take(AFTERNOON, SHORT_MIX)
    payments += traffic.to(FAILING, TO_FAILING, T0)
    payments += traffic.to(FAILING, TO_FAILING_AT_ONCE, RTGS)
    await send_all(scene, "payments in the afternoon", payments)


async def _owes_nothing(scene: Scene) -> bool:
    async for payment in pages(scene, ROOT, payer=FAILING):
        if payment["state"] not in ("settled", "refused"):
            return False
    return True


async def suspend(scene: Scene) -> None:
    """Stop the bank that has failed; what is sent to it then is refused."""
    await scene.accepted(
        Order(f"/api/v1/participants/{FAILING}/suspend", {"reason": "failed"}, key="suspend")
    )
    [payment] = scene.day.traffic.to(FAILING, 1, T0)
    await scene.refused(single(payment), "payments.participant_suspended")


# -- reading ---------------------------------------------------------------------------------------


async def until(scene: Scene, what: str, is_so: Callable[[], Any]) -> None:
    """Wait until something is so; raises Broken when it takes too long."""
    deadline = time.monotonic() + WAIT_S
    while not await is_so():
        if time.monotonic() > deadline:
            raise Broken(f"not within {WAIT_S:.0f} s: {what}")
        await asyncio.sleep(PAUSE_S)


async def pages(scene: Scene, path: str, *, user: str = "", **query: Any) -> Any:
    """Yield all that a list has, page by page."""
    cursor: dict[str, Any] = {}
    height = scene.door.tally.height
    while True:
        page = await scene.told(path, user=user, limit=500, at_least=height, **query, **cursor)
        for one in page["data"]:
            yield one
        if not page["next_cursor"]:
            return
        cursor = {"cursor": page["next_cursor"]}
