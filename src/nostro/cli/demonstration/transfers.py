"""What moves within the ledger: at once, in two phases, in bulk, together, back?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nostro.cli.demonstration.customers import EMPLOYER, FEES, STAFF
from nostro.cli.demonstration.door import Order
from nostro.cli.demonstration.ownbooks import wallet
from nostro.cli.demonstration.scene import Scene, all_of

TRANSFERS = "/api/v1/ledger/transfers"
BULK = "/api/v1/ledger/transfers/bulk"
POSTED, VOIDED = "holds posted, in full or in part", "holds voided"
PAYROLL = Decimal("2500000.00")
EURO_CENTS = Decimal("0.01")
SALARY = Decimal("1875.25")
BULK_SIZE = 1000
BULKS = 4
ALICE, BOB, CARLA = wallet("alice", "EUR"), wallet("bob", "USD"), wallet("carla", "GBP")
DMITRI, EMIKO = wallet("dmitri", "EUR"), wallet("emiko", "USD")


def transfer(
    id: str, debit: str, credit: str, amount: str | Decimal, asset: str = "EUR", **more: Any
) -> dict[str, Any]:
    """Return a transfer as the API reads it."""
    said = {"id": id, "debit": debit, "credit": credit, "amount": str(amount), "asset": asset}
    return {**said, **more}


async def move_singly(scene: Scene) -> None:
    """Move money one transfer at a time."""
    await move(scene, transfer("gift-1", ALICE, DMITRI, "250.00", reference="for the books"))
    # A JSON number is read digit by digit: no float in between.
    await move(scene, {**transfer("gift-2", DMITRI, ALICE, "0"), "amount": 0.1}, "0.1")
    await move(scene, transfer("payroll-fund", ALICE, EMPLOYER, PAYROLL))
    await scene.refused(
        Order(TRANSFERS, transfer("gift-3", DMITRI, ALICE, "99999999.00")),
        "ledger.exceeds_credits",
    )
    await scene.refused(
        Order(TRANSFERS, transfer("gift-4", ALICE, BOB, "1.00")), "ledger.assets_differ"
    )
    await scene.refused(
        Order(TRANSFERS, transfer("gift-5", ALICE, "nobody:EUR", "1.00")),
        "ledger.credit_not_found",
    )


async def pay_salaries(scene: Scene) -> None:
    """Pay everybody in one command, and then let them pay each other by the thousand."""
    salaries = [transfer(f"salary-{n:03d}", EMPLOYER, id, SALARY) for n, id in enumerate(STAFF)]
    with scene.progress("transfers in bulk", len(STAFF) + BULKS * BULK_SIZE) as advance:
        await move_all(scene, "salaries", salaries)
        advance(len(STAFF))
        await all_of(range(BULKS), lambda bulk: move_all(scene, f"lunch-{bulk}", _lunches(bulk)))
        advance(BULKS * BULK_SIZE)
    poor = transfer("lunch-poor", STAFF[0], STAFF[1], "5000000.00")
    fine = transfer("lunch-fine", STAFF[0], STAFF[1], "1.00")
    answer = await scene.accepted(Order(BULK, {"transfers": [poor, fine]}, key="lunch-mixed"))
    results = [(one["result"], one.get("code", "")) for one in answer.body["results"]]
    scene.check(
        "of two transfers in bulk, the one that is not covered is refused and the other stands",
        results == [("refused", "ledger.exceeds_credits"), ("created", "")],
        results,
    )
    book(scene, fine)


async def hold_and_release(scene: Scene) -> None:
    """Hold, post in part, void; and void before the hold has come."""
    for name, amount in (("taxi", "80.00"), ("hotel", "640.00"), ("car", "300.00")):
        await hold(scene, transfer(f"hold-{name}", ALICE, FEES, amount))
    await resolve(scene, "post", "hold-taxi", amount="62.40")
    await resolve(scene, "post", "hold-hotel")
    await resolve(scene, "void", "hold-car")
    await scene.refused(
        Order(TRANSFERS, {"id": "car-again", "action": "post", "refers_to": "hold-car"}),
        "ledger.hold_already_voided",
    )
    early = {"id": "void-flight", "action": "void", "refers_to": "hold-flight"}
    await scene.accepted(Order(TRANSFERS, early))
    late = transfer("hold-flight", ALICE, FEES, "410.00", action="hold")
    await scene.refused(Order(TRANSFERS, late), "ledger.hold_closed")
    scene.done["holds refused because their void came first"] += 1
    # These stay open: a balance has a part that is held, and the reports must say so.
    await hold(scene, transfer("hold-rent", DMITRI, FEES, "1200.00"))
    await hold(
        scene, transfer("hold-visa", EMIKO, "position:USD", "310.25", "USD", timeout_s=86_400)
    )


async def move_together(scene: Scene) -> None:
    """Link transfers into chains; let one take as much as is there; take one back."""
    first, second, third = STAFF[:3]
    chain = [
        transfer("chain-1", first, second, "10.00", linked=True),
        transfer("chain-2", second, third, "10.00", linked=True),
        transfer("chain-3", third, first, "10.00"),
    ]
    await move_all(scene, "chain", chain)
    scene.done["linked chains"] += 1
    torn = [
        transfer("torn-1", first, second, "10.00", linked=True),
        transfer("torn-2", second, third, "7000000.00"),
    ]
    answer = await scene.accepted(Order(BULK, {"transfers": torn}, key="torn"))
    codes = [one.get("code", "") for one in answer.body["results"]]
    scene.check(
        "a chain with one link that does not hold moves nothing",
        codes == ["ledger.linked_failed", "ledger.exceeds_credits"],
        codes,
    )
    await _sweep(scene)
    back = {"id": "gift-1-back", "action": "reverse", "refers_to": "gift-1"}
    await scene.accepted(Order(TRANSFERS, back))
    scene.books.move(debit=DMITRI, credit=ALICE, amount=Decimal("250.00"))
    scene.done["reversals"] += 1
    again = {"id": "gift-1-again", "action": "reverse", "refers_to": "gift-1"}
    await scene.refused(Order(TRANSFERS, again), "ledger.already_reversed")


async def freeze(scene: Scene) -> None:
    """Stop an account and let it move again."""
    account, other = STAFF[-1], STAFF[-2]
    at = f"/api/v1/ledger/accounts/{account}"
    await scene.accepted(Order(f"{at}/freeze", {"reason": "asked by compliance"}, key="freeze"))
    await scene.refused(
        Order(TRANSFERS, transfer("frozen-1", account, other, "1.00")), "ledger.debit_frozen"
    )
    await scene.accepted(Order(f"{at}/unfreeze", {"reason": "cleared"}, key="unfreeze"))
    await move(scene, transfer("frozen-2", account, other, "1.00"))


async def move(scene: Scene, said: dict[str, Any], amount: str = "") -> None:
    """Record one transfer; its id is its key."""
    await scene.accepted(Order(TRANSFERS, said))
    book(scene, {**said, "amount": amount or said["amount"]})


async def move_all(scene: Scene, key: str, transfers: list[dict[str, Any]]) -> None:
    """Record transfers in one command, every one of which must be recorded."""
    answer = await scene.accepted(Order(BULK, {"transfers": transfers}, key=key))
    created = answer.body["created"]
    scene.check(f"all of {key} is recorded", created == len(transfers), f"{created} created")
    for said in transfers:
        book(scene, said)


async def hold(scene: Scene, said: dict[str, Any]) -> None:
    """Set money aside."""
    await scene.accepted(Order(TRANSFERS, {**said, "action": "hold"}))
    book_hold(scene, said)


def book_hold(scene: Scene, said: dict[str, Any]) -> None:
    """Write a hold into the demo's own books."""
    amount = Decimal(said["amount"])
    scene.books.hold(said["id"], debit=said["debit"], credit=said["credit"], amount=amount)
    scene.done["holds"] += 1


async def resolve(scene: Scene, action: str, name: str, amount: str = "") -> None:
    """Post a hold, all or part of it, or void it."""
    said = {"id": f"{action}-{name}", "action": action, "refers_to": name}
    if amount:
        said |= {"amount": amount, "asset": "EUR"}
    await scene.accepted(Order(TRANSFERS, said))
    if action == "post":
        scene.books.post(name, Decimal(amount) if amount else None)
        scene.done[POSTED] += 1
    else:
        scene.books.void(name)
        scene.done[VOIDED] += 1


async def _sweep(scene: Scene) -> None:
    """Move all that one account has, without knowing how much that is."""
    source, target = STAFF[3], EMPLOYER
    there = scene.books.accounts[source].posted
    said = transfer("sweep", source, target, "1000000.00", balancing="debit")
    answer = await scene.accepted(Order(TRANSFERS, said))
    moved = Decimal(answer.body["amount"])
    scene.check(f"a balancing transfer takes all there is ({there})", moved == there, moved)
    scene.books.move(debit=source, credit=target, amount=there)
    scene.done["balancing transfers"] += 1


def book(scene: Scene, said: dict[str, Any]) -> None:
    """Write a transfer into the demo's own books."""
    amount = Decimal(said["amount"])
    scene.books.move(debit=said["debit"], credit=said["credit"], amount=amount)
    scene.done["transfers"] += 1


def _lunches(bulk: int) -> list[dict[str, Any]]:
    """Return a thousand small payments: each of the staff pays ten others."""
    payments = []
    for number in range(BULK_SIZE):
        payer = number % len(STAFF)
        payee = (payer + 1 + number // len(STAFF)) % len(STAFF)
        amount = EURO_CENTS * (100 + (number * 37 + bulk * 11) % 900)
        payments.append(
            transfer(f"lunch-{bulk}-{number:04d}", STAFF[payer], STAFF[payee], amount, code=7)
        )
    return payments
