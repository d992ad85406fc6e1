"""Deposits and withdrawals under the real engine, a memory journal and a rail in bad weather."""

from __future__ import annotations

import pytest

from nostro.adapters.memory.journal import MemoryDisk, MemoryJournal
from nostro.adapters.rails.payout import PayoutPerformer
from nostro.adapters.rails.records import MemoryRecords
from nostro.adapters.rails.simulator import FAIR, HARSH, RailWeather, SimulatedRail
from nostro.flows import FLOWS
from nostro.kernel.messages import Command
from nostro.kernel.reply import Receipt
from nostro.ledger import LedgerRoom
from nostro.runtime.engine import Engine
from nostro.runtime.house import House
from nostro.runtime.performers import Performing
from nostro.simulation.loop import LoopClock, seeded_loop
from nostro.wallets import (
    EFFECTS,
    AssetLimits,
    ConfirmDeposit,
    RequestWithdrawal,
    SubmitDeposit,
    WalletLimits,
    WalletsRoom,
    WithdrawalState,
)
from nostro.wallets.state import Withdrawal

PAYOUTS = 12
DEPOSITED = 1_000
PAID_OUT = 10


class Platform:
    """One life of the platform: an engine and its performers over a disk that outlives it."""

    def __init__(self, disk: MemoryDisk, clock: LoopClock, rail: SimulatedRail) -> None:
        house = House(
            rooms=[
                LedgerRoom(seen_hot_max=4),
                WalletsRoom(limits=WalletLimits(otherwise=AssetLimits()), ended_hot_max=4),
            ],
            flows=FLOWS,
            effects=EFFECTS,
            keys_hot_max=4,
        )
        performer = PayoutPerformer(rail=rail, sleep=clock.sleep)
        self.performing = Performing(house=house, clock=clock, chain="main", performers=[performer])
        self.engine = Engine(
            house=house,
            journal=MemoryJournal(disk),
            clock=clock,
            on_effects=self.performing.start,
        )
        self.performing.attach(self.engine)

    async def tell(self, key: str, command: Command) -> Receipt:
        """Submit a command and wait for its durable receipt."""
        return await self.engine.submit(key=key, command=command, actor="clerk")

    async def stop(self) -> None:
        """End this life: what is under way stays in the outbox."""
        await self.performing.stop()
        await self.engine.stop()


def deposit_commands() -> list[tuple[str, Command]]:
    name = {"user_id": "alice", "transaction_id": "tx-1"}
    return [
        ("d-1", SubmitDeposit(**name, asset="EUR", amount_minor=DEPOSITED)),
        ("d-2", ConfirmDeposit(**name)),
    ]


def request(number: int) -> tuple[str, Command]:
    command = RequestWithdrawal(
        withdrawal_id=f"w-{number}",
        user_id="alice",
        asset="EUR",
        amount_minor=PAID_OUT,
        destination="DE89",
    )
    return f"k-{number}", command


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("weather", [FAIR, HARSH], ids=["fair", "harsh"])
def test_every_withdrawal_ends_and_the_books_agree_with_the_rail(
    seed: int, weather: RailWeather
) -> None:
    loop = seeded_loop(f"payouts-{seed}")
    clock = LoopClock(loop)
    disk, records = MemoryDisk(), MemoryRecords()
    rails: list[SimulatedRail] = []

    async def start() -> Platform:
        rails.append(SimulatedRail(seed=seed, clock=clock, records=records, weather=weather))
        platform = Platform(disk, clock, rails[-1])
        await platform.engine.start()
        return platform

    async def story() -> None:
        platform = await start()
        for key, command in deposit_commands():
            assert (await platform.tell(key, command)).reply.accepted
        for number in range(PAYOUTS):
            assert (await platform.tell(*request(number))).reply.accepted
            if number % 3 == 2:
                await clock.sleep(0.05 * seed)  # sleeps: virtual time
                await platform.stop()
                platform = await start()
        for number in range(PAYOUTS):
            assert (await platform.tell(*request(number))).replayed
        for _ in range(1_000):
            if not disk.outbox:
                break
            await clock.sleep(1)  # sleeps: virtual time
        assert disk.outbox == {}
        await check(platform)
        await platform.stop()

    async def check(platform: Platform) -> None:
        memory = platform.engine._memory
        settled = 0
        for number in range(PAYOUTS):
            again = await platform.tell(f"again-{number}", request(number)[1])
            state = WithdrawalState(again.reply.body["state"])
            assert state in (WithdrawalState.SETTLED, WithdrawalState.FAILED)
            settled += state is WithdrawalState.SETTLED
        assert settled == sum(len(rail.moved) for rail in rails)
        wallet = memory.states["ledger"].accounts["wallet:alice:EUR"]
        assert wallet.credits_posted - wallet.debits_posted == DEPOSITED - settled * PAID_OUT
        assert wallet.debits_pending == 0

    loop.run(story())
    assert loop.complaints == []


def test_an_ended_withdrawal_is_read_back_from_the_journal_by_the_engine() -> None:
    loop = seeded_loop("recall")
    clock = LoopClock(loop)
    rail = SimulatedRail(seed=1, clock=clock, records=MemoryRecords())

    async def story() -> None:
        platform = Platform(MemoryDisk(), clock, rail)
        await platform.engine.start()
        for key, command in [*deposit_commands(), *(request(number) for number in range(40))]:
            await platform.tell(key, command)
            await clock.sleep(5)  # sleeps: virtual time
        state = platform.engine._memory.states["wallets"]
        assert state.ended.hot_count <= 4
        assert "withdrawal:w-0" not in state.withdrawals
        assert not isinstance(state.ended.hot("withdrawal:w-0"), Withdrawal)
        receipt = await platform.tell("another key", request(0)[1])
        assert receipt.reply.body["state"] == "settled"
        assert receipt.reply.body["exists"] is True
        await platform.stop()

    loop.run(story())
