"""How does money go out: held, approved by someone else, sent; or refused, taken back, returned?"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Sequence
from decimal import Decimal

from nostro.cli.demonstration.door import Answer, Order
from nostro.cli.demonstration.ownbooks import nostro, wallet
from nostro.cli.demonstration.scene import Broken, Scene

OFFICER, SECOND_OFFICER = "officer.smith", "officer.jones"
IBAN = "DE89370400440532013000"
PAYOUT_TIMEOUT_S = 30.0
PAUSE_S = 0.05
PAGE = 500
_ENDED = frozenset({"settled", "failed", "cancelled", "refused"})


async def pay_out(scene: Scene) -> None:
    """Withdraw: at once, with one approval, with two, against the rules, in vain."""
    rent = withdrawal("wd-rent", "alice", "EUR", "1200.00")
    car = withdrawal("wd-car", "bob", "USD", "25000.00")
    villa = withdrawal("wd-villa", "alice", "EUR", "1250000.00")
    returned = withdrawal("wd-lost", "emiko", "ADA", "5000.654321", "test-fail-closed-account")
    await request(scene, rent)
    await request(scene, car)
    await scene.refused(_approval("wd-car", "bob"), "wallets.approver_is_requester")
    await approve(scene, "wd-car", OFFICER, missing=0)
    await _approve_with_six_eyes(scene, villa)
    await _cancel(scene, withdrawal("wd-cold", "carla", "BTC", "2.50000000"))
    poor = withdrawal("wd-poor", "dmitri", "JPY", "999999999")
    await scene.refused(poor, "ledger.exceeds_credits")
    scene.done["withdrawals refused for lack of funds"] += 1
    unknown = withdrawal("wd-none", "dmitri", "CHF", "1.00", key="wd-none")
    await scene.refused(unknown, "wallets.wallet_unknown")
    await request(scene, returned)
    await end(scene, [rent, car, villa], "settled")
    await end(scene, [returned], "failed")


def withdrawal(
    id: str, user: str, asset: str, amount: str, destination: str = IBAN, *, key: str = ""
) -> Order:
    """Return the order that asks for a payout. Its withdrawal id is its key unless one is named."""
    body = {
        "withdrawal_id": id,
        "user_id": user,
        "currency": asset,
        "amount": amount,
        "destination": destination,
    }
    return Order("/wallet/withdraw", body, key=key)


async def request(scene: Scene, order: Order) -> Answer:
    """Ask for a payout; the funds are held."""
    answer = await scene.accepted(order)
    book_request(scene, order)
    return answer


def book_request(scene: Scene, order: Order) -> None:
    """Write the hold of a withdrawal into the demo's own books."""
    said = order.body
    scene.books.hold(
        said["withdrawal_id"],
        debit=wallet(said["user_id"], said["currency"]),
        credit=nostro(said["currency"]),
        amount=Decimal(said["amount"]),
    )


async def approve(scene: Scene, id: str, officer: str, *, missing: int) -> None:
    """Approve a withdrawal, after which so many approvals must still be missing."""
    answer = await scene.accepted(_approval(id, officer))
    left = answer.body.get("approvals_missing", 0)
    scene.check(f"after {officer}, {id} misses {missing} approvals", left == missing, left)
    scene.done["approvals by a second person"] += 1


async def end(scene: Scene, orders: Sequence[Order], expected: str) -> None:
    """Wait until withdrawals have ended, each as expected, and book it."""
    users = sorted({order.body["user_id"] for order in orders})
    wanted = {order.body["withdrawal_id"] for order in orders}
    states: dict[str, str] = {}
    for user in users:
        states |= await _ended(scene, user, wanted)
    wrong = {id: state for id, state in states.items() if state != expected}
    scene.check(f"{len(wanted)} withdrawals are {expected}", not wrong, wrong)
    for id in wanted:
        if states[id] == "settled":
            scene.books.post(id)
        else:
            scene.books.void(id)
        scene.done[f"withdrawals {states[id]}"] += 1


async def _approve_with_six_eyes(scene: Scene, order: Order) -> None:
    """A very large one needs two approvals, by two people."""
    await request(scene, order)
    id = order.body["withdrawal_id"]
    await approve(scene, id, OFFICER, missing=1)
    again = Order(f"/wallet/withdraw/{id}/approve", {}, key="hasty", actor=OFFICER)
    answer = await scene.accepted(again)
    left = answer.body.get("approvals_missing")
    scene.check("who approves twice counts once", left == 1, left)
    await approve(scene, id, SECOND_OFFICER, missing=0)


async def _cancel(scene: Scene, order: Order) -> None:
    """One that awaits approval can be taken back; approved it cannot be any more."""
    await request(scene, order)
    id = order.body["withdrawal_id"]
    await scene.accepted(Order(f"/wallet/withdraw/{id}/cancel", {"reason": "changed her mind"}))
    scene.books.void(id)
    scene.done["withdrawals cancelled"] += 1
    await scene.refused(_approval(id, OFFICER), "wallets.withdrawal_not_awaiting_approval")


def _approval(id: str, officer: str) -> Order:
    return Order(f"/wallet/withdraw/{id}/approve", {}, actor=officer)


async def _ended(scene: Scene, user: str, wanted: Container[str]) -> dict[str, str]:
    """Return the states of a customer's withdrawals that are wanted, once all have ended."""
    try:
        async with asyncio.timeout(PAYOUT_TIMEOUT_S):
            while True:
                told = await scene.door.read(
                    f"/wallet/{user}", limit=PAGE, at_least=scene.door.tally.height
                )
                states = {
                    each["withdrawal_id"]: str(each["state"])
                    for each in told["withdrawals"]
                    if each["withdrawal_id"] in wanted
                }
                if all(state in _ENDED for state in states.values()):
                    return states
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise Broken(f"payouts of {user} have not ended after {PAYOUT_TIMEOUT_S:.0f} s") from None
