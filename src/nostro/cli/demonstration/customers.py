"""Who are the customers, and how does their money come in?"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from nostro.cli.demonstration.door import Order
from nostro.cli.demonstration.ownbooks import nostro, wallet
from nostro.cli.demonstration.scene import Scene, all_of

DECIMALS = {
    "EUR": 2,
    "USD": 2,
    "GBP": 2,
    "CHF": 2,
    "JPY": 0,
    "BTC": 8,
    "ETH": 18,
    "ADA": 6,
    "USDT": 6,
}
FIAT = ("EUR", "USD", "GBP", "CHF", "JPY")
FEES = "income:fees:EUR"
EMPLOYER = "employer:acme:EUR"
STAFF = tuple(f"employee:{number:03d}:EUR" for number in range(1, 101))
_LIMITED = "debits_must_not_exceed_credits"


class Deposit(NamedTuple):
    """Money that comes in for a customer; `name` tells it from others of the same asset."""

    user: str
    asset: str
    amount: str
    name: str = "first"

    @property
    def transaction_id(self) -> str:
        """Return the id under which the bank, or the chain, knows it."""
        return f"{self.name}-{self.user}-{self.asset}"


DEPOSITS = tuple(
    Deposit(*line.split())
    for line in """
    alice EUR 4500000.00
    alice USD 42000.50
    alice BTC 1.50000001
    bob USD 98000.00
    bob GBP 15250.75
    bob USDT 250000.000001
    carla GBP 61000.00
    carla CHF 40200.10
    carla BTC 4.20000000
    dmitri JPY 12500000
    dmitri EUR 18000.00
    dmitri ETH 7.123456789012345678
    emiko JPY 9800000
    emiko USD 5200.25
    emiko ADA 150000.654321
    farid CHF 88000.00
    farid JPY 640000
    farid ETH 64.000000000000000001
    grace EUR 1.50
    grace ADA 0.000001
    grace GBP 2750.00
""".strip().splitlines()
)
REJECTED = Deposit("grace", "USD", "1000000.00")


async def open_books(scene: Scene) -> None:
    """Open the house's own accounts: positions for exchange, fees, an employer and its staff."""
    accounts = [{"id": f"position:{asset}", "asset": asset, "type": "equity"} for asset in FIAT]
    accounts += [
        {"id": FEES, "asset": "EUR", "type": "income"},
        {"id": EMPLOYER, "asset": "EUR", "limit": _LIMITED, "owner": "acme"},
    ]
    accounts += [{"id": id, "asset": "EUR", "limit": _LIMITED, "owner": "acme"} for id in STAFF]

    async def open_one(said: dict[str, str]) -> None:
        await scene.accepted(Order("/api/v1/ledger/accounts", said, key=f"open-{said['id']}"))
        scene.books.open(said["id"], said["asset"])
        scene.done["ledger accounts opened"] += 1

    await all_of(accounts, open_one)
    scene.say(f"{len(accounts)} accounts of the house are open")


async def bring_in(scene: Scene) -> None:
    """Announce deposits and confirm them: the first of a customer opens the customer, the first in
    an asset the wallet."""
    with scene.progress("deposits", len(DEPOSITS)) as advance:
        await all_of(_by_user(DEPOSITS), lambda own: _deposit_all(scene, own))
        advance(len(DEPOSITS))
    await scene.accepted(submission(REJECTED))
    scene.books.open_wallet(REJECTED.user, REJECTED.asset)
    too_late = confirmation(REJECTED)
    rejection = Order("/wallet/deposit/reject", {**too_late.body, "reason": "returned by bank"})
    await scene.accepted(rejection)
    scene.done["deposits rejected"] += 1
    await scene.refused(too_late, "wallets.deposit_already_rejected")
    too_fine = Deposit("emiko", "JPY", "0.5", "half-a-yen")
    await scene.refused(submission(too_fine), "money.too_many_decimals")


async def confirm(scene: Scene, deposit: Deposit) -> None:
    """Confirm a deposit, and book it."""
    await scene.accepted(confirmation(deposit))
    book(scene, deposit)


def book(scene: Scene, deposit: Deposit) -> None:
    """Write a confirmed deposit into the demo's own books."""
    scene.books.move(
        debit=nostro(deposit.asset),
        credit=wallet(deposit.user, deposit.asset),
        amount=Decimal(deposit.amount),
    )
    scene.done["deposits credited"] += 1


def submission(deposit: Deposit) -> Order:
    """Return the order that announces a deposit. Its transaction id is its key."""
    return Order(
        "/wallet/deposit",
        {
            "user_id": deposit.user,
            "currency": deposit.asset,
            "amount": deposit.amount,
            "transaction_id": deposit.transaction_id,
        },
    )


def confirmation(deposit: Deposit) -> Order:
    """Return the order that says a deposit has arrived."""
    name = {"user_id": deposit.user, "transaction_id": deposit.transaction_id}
    return Order("/wallet/deposit/confirm", name)


async def _deposit_all(scene: Scene, deposits: Sequence[Deposit]) -> None:
    for deposit in deposits:
        answer = await scene.accepted(submission(deposit))
        scene.check(
            f"{deposit.user} is to get {deposit.amount} {deposit.asset}, digit by digit",
            Decimal(answer.body["amount"]) == Decimal(deposit.amount),
            answer.body,
        )
        scene.books.open_wallet(deposit.user, deposit.asset)
        await confirm(scene, deposit)


def _by_user(deposits: Sequence[Deposit]) -> list[list[Deposit]]:
    users = dict.fromkeys(deposit.user for deposit in deposits)
    return [[one for one in deposits if one.user == user] for user in users]
