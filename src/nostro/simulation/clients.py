"""What do clients do all day: honestly, clumsily, twice, too late and all at once?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import msgspec

from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.ledger import (
    AccountType,
    Action,
    Balancing,
    CloseAccount,
    CreateTransfers,
    CreateTransfersTogether,
    FreezeAccount,
    Limit,
    NewAccount,
    NewTransfer,
    OpenAccounts,
    RegisterAsset,
    UnfreezeAccount,
)
from nostro.simulation.courses import Courses
from nostro.simulation.network import Network
from nostro.wallets import (
    ApproveWithdrawal,
    CancelWithdrawal,
    ClearPayout,
    ConfirmDeposit,
    OpenWallet,
    RejectDeposit,
    ReleaseDeposit,
    RequestWithdrawal,
    SubmitDeposit,
)

ASSETS = ("USD", "BTC", "JPY")
THINK_MEAN_S = 1.6
RUSH = 8
CUSTOMERS = ("ann", "ben", "cem")
OFFICERS = ("olga", "omar", "ann")


class Client:
    """Someone with commands to send. `ops`: how many things it sets out to do."""

    clumsy = 0.06
    """How often it uses a key for two contents."""

    def __init__(self, name: str, network: Network, random: Random, ops: int) -> None:
        self._name = name
        self._network = network
        self._random = random
        self._ops = ops
        self._keys = 0
        self._under_way: list[asyncio.Task[Any]] = []

    async def work(self) -> None:
        """Do everything, and return when every command has its answer."""
        for _ in range(self._ops):
            await asyncio.sleep(self._random.expovariate(1 / THINK_MEAN_S))
            self._start(self._do_something())
        for task in self._under_way:
            await task

    def _start(self, deed: Coroutine[Any, Any, Any]) -> None:
        self._under_way.append(asyncio.get_running_loop().create_task(deed))

    async def _do_something(self) -> None:
        raise NotImplementedError

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    async def _ask(
        self, command: Command, *, key: str = "", actor: str = ""
    ) -> Receipt | Rejection:
        """Send a command; now and then under the same key again, or with another content too."""
        if not key:
            self._keys += 1
            key = f"{self._name}-{self._keys}"
        actor = actor or self._name
        if self._chance(self.clumsy):
            self._start(self._network.ask(key, self._changed(command), actor))
        answer = await self._network.ask(key, command, actor)
        if self._chance(0.08):
            self._start(self._ask_again(key, command, actor))
        return answer

    async def _ask_again(self, key: str, command: Command, actor: str) -> None:
        await asyncio.sleep(self._random.uniform(0, 30))
        await self._network.ask(key, command, actor)

    def _changed(self, command: Command) -> Command:
        """Return a command with another content under the same key."""
        match command:
            case SubmitDeposit(amount_minor=amount) | RequestWithdrawal(amount_minor=amount):
                return msgspec.structs.replace(command, amount_minor=amount + 1)
            case CreateTransfers(transfers=transfers):
                return CreateTransfers(transfers=transfers[:-1])
            case _:
                return UnfreezeAccount(account="nobody", reason=f"{self._name}-{self._keys}")


class Clerk(Client):
    """Keeps books in the ledger: all kinds of transfers, also those that cannot be."""

    def __init__(
        self,
        name: str,
        network: Network,
        random: Random,
        ops: int,
        *,
        ids: list[str],
        holds: list[str],
    ) -> None:
        super().__init__(name, network, random, ops)
        self._ids = ids
        """Ids of transfers that any clerk has sent: others refer to them, or send them again."""
        self._holds = holds
        self._sent: list[NewTransfer] = []
        self._count = 0

    @staticmethod
    def opening() -> OpenAccounts:
        """Return the accounts that all clerks work with."""
        debits, credits = (
            Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
            Limit.CREDITS_MUST_NOT_EXCEED_DEBITS,
        )
        accounts = []
        for asset in ASSETS:
            accounts += [
                NewAccount(id=f"cash:{asset}", asset=asset, type=AccountType.ASSET),
                NewAccount(id=f"a:{asset}", asset=asset, limit=debits),
                NewAccount(id=f"b:{asset}", asset=asset, limit=debits),
                NewAccount(id=f"c:{asset}", asset=asset, limit=debits, overdraft_minor=500),
                NewAccount(id=f"till:{asset}", asset=asset, limit=credits),
            ]
        return OpenAccounts(accounts=accounts)

    async def _do_something(self) -> None:
        dice = self._random.random()
        if dice < 0.51:
            transfers = self._transfers(self._random.randint(1, 6))
            await self._ask(CreateTransfers(transfers=transfers))
        elif dice < 0.54:
            self._rush()
        elif dice < 0.68:
            transfers = self._transfers(self._random.randint(1, 3))
            await self._ask(CreateTransfersTogether(transfers=transfers))
        elif dice < 0.78:
            self._race_for_a_hold()
        elif dice < 0.88 and self._sent:
            await self._send_again()
        else:
            await self._ask(self._about_an_account())

    def _transfers(self, count: int) -> list[NewTransfer]:
        return [self._transfer() for _ in range(count)]

    def _transfer(self) -> NewTransfer:
        dice = self._random
        asset = dice.choice(ASSETS)
        action = dice.choices(tuple(Action), (50, 20, 12, 8, 10))[0]
        refers_to = ""
        if action in (Action.POST, Action.VOID):
            refers_to = dice.choice(self._holds[-12:]) if self._holds else "nothing"
        elif action is Action.REVERSE:
            refers_to = dice.choice(self._ids[-20:]) if self._ids else "nothing"
        if refers_to:
            return self._new(action, refers_to=refers_to)
        debit, credit = self._sides(asset)
        return self._new(
            action,
            debit=debit,
            credit=credit,
            amount_minor=self._amount(),
            balancing=dice.choices(tuple(Balancing), (85, 8, 7))[0],
            linked=self._chance(0.15),
            timeout_s=dice.choice((0, 2, 10, 25)) if action is Action.HOLD else 0,
        )

    def _new(self, action: Action, **content: Any) -> NewTransfer:
        """Return a transfer under a new id; others may refer to it, or send it again."""
        self._count += 1
        name = f"{self._name}.{self._count}"
        if action is Action.POST and self._chance(0.5):
            content["amount_minor"] = self._random.randint(1, 60)
        self._ids.append(name)
        if action is Action.HOLD:
            self._holds.append(name)
        transfer = NewTransfer(id=name, action=action, **content)
        self._sent.append(transfer)
        return transfer

    def _sides(self, asset: str) -> tuple[str, str]:
        """Return two accounts; sometimes of two assets, the same one, or one that is not there."""
        names = [f"{name}:{asset}" for name in ("cash", "a", "b", "c", "till")]
        names += ["cash:" + self._random.choice(ASSETS), "nowhere"]
        weights = (40, 20, 20, 15, 15, 2, 1)
        debit, credit = self._random.choices(names, weights, k=2)
        while debit == credit and self._chance(0.8):
            credit = self._random.choices(names, weights)[0]
        return debit, credit

    def _amount(self) -> int:
        if self._chance(0.04):
            return self._random.choice((0, -1, 10**38, 10**38 - 1, 10**25))
        return self._random.randint(1, 200)

    def _rush(self) -> None:
        """Send more at once than the platform lets wait."""
        for _ in range(RUSH):
            self._start(self._ask(CreateTransfers(transfers=self._transfers(1))))

    def _race_for_a_hold(self) -> None:
        """Send a hold and what resolves it at the same time, in any order."""
        hold = self._new(
            Action.HOLD,
            debit="cash:USD",
            credit="a:USD",
            amount_minor=self._random.randint(1, 90),
            timeout_s=self._random.choice((0, 5)),
        )
        ends = [self._new(Action.VOID, refers_to=hold.id)]
        if self._chance(0.4):
            ends.append(self._new(Action.POST, refers_to=hold.id))
        for transfer in (hold, *ends):
            self._start(self._ask(CreateTransfers(transfers=[transfer])))

    async def _send_again(self) -> None:
        """Send an old id under a new key, perhaps with another content."""
        transfer = self._random.choice(self._sent[-15:])
        if self._chance(0.5):
            transfer = msgspec.structs.replace(transfer, code=7)
        await self._ask(CreateTransfers(transfers=[transfer]))

    def _about_an_account(self) -> Command:
        dice = self._random
        account = f"{dice.choice('abc')}:{dice.choice(ASSETS)}"
        match dice.randrange(6):
            case 0:
                return FreezeAccount(account=account)
            case 1 | 2:
                return UnfreezeAccount(account=account)
            case 3:
                return CloseAccount(account=dice.choice((f"spare:{self._name}", account)))
            case 4:
                return RegisterAsset(code=f"T{dice.randrange(4)}", scale=dice.randrange(3))
            case _:
                spare = NewAccount(id=f"spare:{self._name}", asset=dice.choice(ASSETS))
                return OpenAccounts(accounts=[spare])


class Customer(Client):
    """Brings money in and takes it out; others confirm, approve and freeze."""

    async def _do_something(self) -> None:
        dice = self._random.random()
        if dice < 0.5:
            await self._deposit()
        elif dice < 0.93:
            await self._withdraw()
        else:
            await self._be_frozen()

    async def _deposit(self) -> None:
        dice, asset = self._random, self._random.choice(ASSETS)
        self._keys += 1
        transaction = f"tx{self._keys}"
        user = self._name
        submit = SubmitDeposit(
            user_id=user,
            transaction_id=transaction,
            asset=asset,
            amount_minor=dice.randint(1, 2_000),
        )
        confirm = ConfirmDeposit(user_id=user, transaction_id=transaction)
        reject = RejectDeposit(user_id=user, transaction_id=transaction, reason="bounced")
        if self._chance(0.15):  # the news of the money is faster than its announcement
            self._start(self._ask(confirm, key=f"{user}:{transaction}:early", actor="watcher"))
        await self._ask(submit, key=f"{user}:{transaction}")
        if self._chance(0.1):
            self._start(self._ask(reject, actor="watcher"))
        if self._chance(0.9):
            await self._ask(confirm, key=f"{user}:{transaction}:confirm", actor="watcher")
        if self._chance(0.1):
            again = msgspec.structs.replace(submit, amount_minor=submit.amount_minor + 1)
            await self._ask(again)

    async def _withdraw(self) -> None:
        dice, asset = self._random, self._random.choice(ASSETS)
        self._keys += 1
        withdrawal = f"{self._name}-w{self._keys}"
        request = RequestWithdrawal(
            withdrawal_id=withdrawal,
            user_id=self._name,
            asset=asset,
            amount_minor=dice.randint(1, 1_200),
            destination=dice.choice(("IBAN 1", "IBAN 2", "test-fail", "test-refuse")),
        )
        if self._chance(0.1):
            self._start(self._ask(CancelWithdrawal(withdrawal_id=withdrawal)))
        await self._ask(request, key=withdrawal)
        for officer in OFFICERS:
            if self._chance(0.8):
                approve = ApproveWithdrawal(withdrawal_id=withdrawal)
                self._start(self._ask(approve, actor=officer))
        if self._chance(0.15):
            await self._ask(CancelWithdrawal(withdrawal_id=withdrawal))

    async def _be_frozen(self) -> None:
        """Meet an operator, who stops the wallet for a while."""
        asset = self._random.choice(ASSETS)
        await self._ask(OpenWallet(user_id=self._name, asset=asset))
        account = f"wallet:{self._name}:{asset}"
        await self._ask(FreezeAccount(account=account), actor="operator")
        await asyncio.sleep(self._random.uniform(1, 10))
        await self._ask(UnfreezeAccount(account=account), actor="operator")


class Operator(Client):
    """Mends what frozen wallets have led to."""

    clumsy = 0.0

    async def mend(self, courses: Courses) -> None:
        """Let all wallets move, and bring to an end what stands in suspense."""
        for user in CUSTOMERS:
            for asset in ASSETS:
                await self._ask(UnfreezeAccount(account=f"wallet:{user}:{asset}"))
        deposits, withdrawals = courses.suspended()
        for deposit in deposits:
            user, transaction = deposit.id.split(":")
            await self._ask(ReleaseDeposit(user_id=user, transaction_id=transaction))
        for withdrawal in withdrawals:
            await self._ask(ClearPayout(withdrawal_id=withdrawal.id))
