"""What settles in the benchmarks: who delivers what to whom, against how much?

Cash is of an asset that settles every day: one of a currency would wait for Monday.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from nostro.flows import books
from nostro.ledger import (
    AccountType,
    CreateTransfers,
    NewAccount,
    NewTransfer,
    OpenAccounts,
    RegisterAsset,
)
from nostro.runtime.engine import Engine
from nostro.settlement import InstructSettlements, NewSettlement

SECURITY, CASH = "ACME", "USDC"
SCALE = 8
PARTIES = tuple(f"party-{number:03d}" for number in range(1, 101))
FUNDS_MINOR = 10**15


class DvpTraffic:
    """Settlements between PARTIES, the same for a seed. A domain "": the coordinator's ledger."""

    def __init__(
        self, *, seed: int = 1, securities_domain: str = "", cash_domain: str = "", run: str = "t"
    ) -> None:
        self._chance = random.Random(seed)
        self._securities_domain, self._cash_domain = securities_domain, cash_domain
        self._run = run
        self._numbers = iter(range(1 << 60))

    def settlement(self) -> NewSettlement:
        """Return the next settlement."""
        seller, buyer = self._chance.sample(PARTIES, 2)
        return NewSettlement(
            trade_id=f"{self._run}-{next(self._numbers)}",
            seller=seller,
            buyer=buyer,
            security=SECURITY,
            quantity_minor=self._chance.randint(1, 1_000),
            cash=CASH,
            amount_minor=self._chance.randint(1, 100_000),
            securities_domain=self._securities_domain,
            cash_domain=self._cash_domain,
        )

    def commands(self, count: int) -> Iterator[InstructSettlements]:
        """Yield commands of so many settlements each, without end."""
        while True:
            yield InstructSettlements(settlements=[self.settlement() for _ in range(count)])


async def fund(engine: Engine, assets: tuple[str, ...] = (SECURITY, CASH)) -> None:
    """Give every party a lot of each asset on the ledger of an engine."""
    if SECURITY in assets:
        await _accepted(engine, "asset", RegisterAsset(code=SECURITY, scale=SCALE))
    accounts = [books.wallet_of(party, asset) for party in PARTIES for asset in assets]
    accounts += [
        NewAccount(id=books.issuer_account(asset), asset=asset, type=AccountType.ASSET)
        for asset in assets
    ]
    await _accepted(engine, "accounts", OpenAccounts(accounts=accounts))
    transfers = [
        NewTransfer(
            id=f"fund:{party}:{asset}",
            debit=books.issuer_account(asset),
            credit=books.wallet_account(party, asset),
            amount_minor=FUNDS_MINOR,
        )
        for party in PARTIES
        for asset in assets
    ]
    await _accepted(engine, "funds", CreateTransfers(transfers=transfers))


async def _accepted(
    engine: Engine, key: str, command: RegisterAsset | OpenAccounts | CreateTransfers
) -> None:
    receipt = await engine.submit(key=key, command=command, actor="bench")
    assert receipt.reply.accepted, receipt
