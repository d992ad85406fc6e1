"""What became of each payment, and what must the books say of it?

Waits until nothing is under way, reads every payment and every movement on a rail as the platform
tells them, and writes them into the demo's own books: whether the ledger agrees, account by
account, is looked at with all the rest (`proof`).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from decimal import Decimal
from typing import Any

from nostro.cli.demonstration.banks import open_rail
from nostro.cli.demonstration.payday import OTHER, RAIL, ROOT, SETTLEMENTS, pages, suspend
from nostro.cli.demonstration.scene import Broken, Scene, all_of
from nostro.cli.demonstration.traffic import CURRENCIES, FAILING, Payment, vostro

END_S = 120.0
PAUSE_S = 0.5
MOVING = ("planned", "initiated", "secured")
UNDER_WAY = ("accepted", "deferred", "batched", "certified", "settling", "held")
FINAL = ("settled", "reversed")


async def reach(scene: Scene) -> None:
    """Wait for the last cycle, read all that happened, and book it."""
    await _all_ended(scene)
    await suspend(scene)
    await _read(scene)
    check_ends(scene)
    check_rates(scene)
    _book(scene)


async def _all_ended(scene: Scene) -> None:
    started = time.monotonic()
    with scene.progress("payments at their end", len(scene.day.sent)) as advance:
        while left := await _left(scene):
            if time.monotonic() - started > END_S:
                raise Broken(f"after {END_S:.0f} s there are still {left}")
            await asyncio.sleep(PAUSE_S)
        advance(len(scene.day.sent))
    scene.say(f"nothing is under way any more, {time.monotonic() - started:.1f} s after the last")


async def _left(scene: Scene) -> str:
    """Return what is still under way, in words; "" when nothing is."""
    for state in MOVING:
        async for settlement in pages(scene, SETTLEMENTS, state=state):
            return f"settlements {state}, such as {settlement['settlement_id']}"
    for state in UNDER_WAY:
        async for _ in pages(scene, ROOT, state=state):
            return f"payments {state}"
    return ""


async def _read(scene: Scene) -> None:
    """Read every payment, settlement, batch and cycle."""
    day = scene.day
    with scene.progress("payments read", len(day.sent)) as advance:
        async for told in pages(scene, ROOT):
            day.ended[told["transaction_id"]] = told
            advance(told["transaction_id"] in day.sent)
    names = [one["settlement_id"] async for one in pages(scene, SETTLEMENTS)]
    settlements = await all_of(names, lambda name: scene.told(f"{SETTLEMENTS}/{name}/status"))
    for status in settlements:
        day.settlements[status["settlement"]["settlement_id"]] = status
    batches = [name for one in settlements for name in one["settlement"]["batch_ids"]]
    for told in await all_of(batches, lambda name: scene.told(f"/api/v1/batches/{name}")):
        day.batches[told["batch"]["batch_id"]] = told
        day.cycles[told["cycle"]["cycle_id"]] = told["cycle"]


def check_ends(scene: Scene) -> None:
    """Check that each payment that was acknowledged is there, as it was sent, and has an end."""
    day = scene.day
    wrong = [
        payment.id
        for payment in day.sent.values()
        if not _is_told(payment, day.ended.get(payment.id))
    ]
    scene.check("each payment sent is told as it was sent", not wrong, wrong[:3])
    # What was never accepted is told too, as refused.
    strangers = [
        name
        for name, told in day.ended.items()
        if name not in day.sent and told["state"] != "refused"
    ]
    scene.check("no payment is told that was not sent", not strangers, strangers[:3])
    ours = [day.ended[name] for name in day.sent if name in day.ended]
    day.states = Counter(told["state"] for told in ours)
    day.deferred = sum(told["deferrals"] > 0 for told in ours)
    odd = set(day.states) - set(FINAL)
    scene.check("each payment is settled, or reversed", not odd, day.states)
    back = [one for one in ours if one["state"] == "reversed"]
    scene.check(
        f"what could not be paid out to {FAILING} is reversed, and nothing else",
        bool(back) and all(one["counterparty_id"] == FAILING for one in back),
        len(back),
    )
    _check_failovers(scene)


def _check_failovers(scene: Scene) -> None:
    """Check that what could not go by one way went by another; a circuit that has opened spares the
    rest the attempt."""
    attempts = [
        move["attempts"]
        for status in scene.day.settlements.values()
        for move in status["instructions"]
        if move["state"] == "settled" and move["attempts"]
    ]
    tried = sum(any(one["code"] == "rail_down" for one in each) for each in attempts)
    elsewhere = sum((each[-1]["rail"], each[-1]["region"]) == (RAIL, OTHER) for each in attempts)
    scene.check("while a rail is down, movements take another way", 0 < tried <= elsewhere, tried)
    scene.done["movements that found a rail down, and took another way"] = tried
    scene.done["movements that took that way, the circuit of the other open"] = elsewhere - tried


def _is_told(payment: Payment, told: dict[str, Any] | None) -> bool:
    return told is not None and (
        payment.payer,
        payment.payee,
        payment.source,
        payment.target,
        payment.amount,
        payment.window,
    ) == (
        told["payer"],
        told["counterparty_id"],
        told["source_currency"],
        told["destination_currency"],
        Decimal(told["amount"]),
        told["settlement_window"],
    )


def check_rates(scene: Scene) -> None:
    """Check what each bank got against the demo's own conversion."""
    rates, wrong = scene.day.rates, []
    for payment, told in _final(scene):
        decimals = CURRENCIES[payment.target][0]
        own = rates.received(payment.amount, payment.source, payment.target, decimals=decimals)
        if Decimal(told["received"] or 0) != own:
            wrong.append(f"{payment.id}: told {told['received']}, own {own}")
    scene.check("what each payment brings is our own conversion", not wrong, wrong[:3])


def _final(scene: Scene) -> list[tuple[Payment, dict[str, Any]]]:
    day = scene.day
    both = ((payment, day.ended.get(payment.id)) for payment in day.sent.values())
    return [(payment, told) for payment, told in both if told and told["state"] in FINAL]


# -- the demo's own books --------------------------------------------------------------------------


def _book(scene: Scene) -> None:
    """Write into the own books what moved: payments, rails, trades that squared positions."""
    for payment, told in _final(scene):
        received = Decimal(told["received"])
        book_payment(scene, payment, received)
        if told["state"] == "reversed":
            book_back(scene, payment, received)
    for status in scene.day.settlements.values():
        for move in status["instructions"]:
            if move["state"] == "settled":
                book_movement(scene, move)
    for cycle in scene.day.cycles.values():
        if cycle["state"] == "settled":
            _book_trades(scene, cycle)


def book_payment(scene: Scene, payment: Payment, received: Decimal) -> None:
    """Write a payment that settled into the demo's own books."""
    for debit, credit, amount in _legs(payment, received):
        scene.books.move(debit=debit, credit=credit, amount=amount)


def book_back(scene: Scene, payment: Payment, received: Decimal) -> None:
    """Write the reversal of a payment into the demo's own books."""
    for debit, credit, amount in _legs(payment, received):
        scene.books.move(debit=credit, credit=debit, amount=amount)


def _legs(payment: Payment, received: Decimal) -> list[tuple[str, str, Decimal]]:
    """Return what a payment moves: from, to, how much."""
    payer, payee = vostro(payment.payer, payment.source), vostro(payment.payee, payment.target)
    if payment.source == payment.target:
        return [(payer, payee, payment.amount)]
    return [
        (payer, f"fx:{payment.source}", payment.amount),
        (f"fx:{payment.target}", payee, received),
    ]


def book_movement(scene: Scene, move: dict[str, Any]) -> None:
    """Write a movement on a rail into the demo's own books, with what the rail charged."""
    currency, amount = move["currency"], Decimal(move["amount"])
    bank = vostro(move["participant_id"], currency)
    rail = open_rail(scene.books, move["rail"], currency)
    transit = f"transit:{currency}"
    if move["direction"] == "in":
        scene.books.move(debit=rail, credit=transit, amount=amount)
        scene.books.move(debit=transit, credit=bank, amount=amount)
        scene.done["pay-ins on rails"] += 1
    elif move["purpose"] == "return":
        scene.books.move(debit=bank, credit=transit, amount=amount)
        scene.books.move(debit=transit, credit=rail, amount=amount)
        scene.done["pay-ins returned"] += 1
    else:
        scene.books.move(debit=bank, credit=transit, amount=amount)
        scene.books.move(debit=transit, credit=rail, amount=amount)
        scene.done["pay-outs on rails"] += 1
    charges = Decimal(move["charges"])
    if charges:
        scene.books.move(debit=f"fees:{currency}", credit=rail, amount=charges)


def _book_trades(scene: Scene, cycle: dict[str, Any]) -> None:
    for trade in cycle["fx_trades"]:
        sell, buy = trade["sell_currency"], trade["buy_currency"]
        for debit, credit, amount in (
            (f"fx:{sell}", f"desk:{sell}", trade["sell"]),
            (f"desk:{buy}", f"fx:{buy}", trade["buy"]),
        ):
            scene.books.move(debit=debit, credit=credit, amount=Decimal(amount))
        scene.done["trades that squared positions"] += 1
