"""Random histories of a ledger in which most things make sense and some do not."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from nostro.kernel.messages import Command
from nostro.ledger import (
    Action,
    Balancing,
    CloseAccount,
    CreateTransfers,
    CreateTransfersTogether,
    FreezeAccount,
    Limit,
    NewAccount,
    NewTransfer,
    UnfreezeAccount,
)

MAX = 10**38 - 1
ACCOUNTS = [
    NewAccount(id="free", asset="USD"),
    NewAccount(id="wallet", asset="USD", limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS),
    NewAccount(
        id="overdraft",
        asset="USD",
        limit=Limit.DEBITS_MUST_NOT_EXCEED_CREDITS,
        overdraft_minor=50,
    ),
    NewAccount(id="drawer", asset="USD", limit=Limit.CREDITS_MUST_NOT_EXCEED_DEBITS),
    NewAccount(id="other", asset="USD"),
    NewAccount(id="euro", asset="EUR"),
    NewAccount(id="euros", asset="EUR"),
]
NAMES = [account.id for account in ACCOUNTS]
SPOILS: list[dict[str, Any]] = [
    {"id": "bad id"},
    {"amount_minor": None},
    {"amount_minor": 0},
    {"amount_minor": MAX + 1},
    {"amount_minor": 5},
    {"balancing": Balancing.DEBIT},
    {"refers_to": ""},
    {"refers_to": "t1"},
    {"refers_to": "bad id"},
    {"timeout_s": 2},
    {"timeout_s": -1},
    {"code": -1},
    {"reference": "\n"},
    {"effective_at_us": 0},
    {"metadata": {"": "x"}},
    {"debit": ""},
    {"credit": ""},
    {"debit": "nobody"},
    {"credit": "nobody"},
    {"debit": "free"},
    {"credit": "euro"},
    {"asset": "EUR"},
    {"linked": True},
    {"code": 9},
    {"reference": "other"},
    {"effective_at_us": 9},
    {"metadata": {"other": "x"}},
]
Story = list[Command | int]


def story(seed: int, length: int) -> Story:
    """Return steps: commands, or microseconds that pass before a tick. The same for a seed."""
    return _Teller(Random(seed)).tell(length)


class _Teller:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.sent: list[NewTransfer] = []
        self.number = 0

    def tell(self, length: int) -> Story:
        funds = [
            self._new(Action.TRANSFER, debit="other", credit=name, amount_minor=60)
            for name in ("wallet", "overdraft", "free")
        ]
        steps: Story = [CreateTransfers(transfers=funds)]
        return steps + [self._step() for _ in range(length)]

    def _step(self) -> Command | int:
        roll = self.rng.random()
        if roll < 0.60:
            return CreateTransfers(transfers=self._batch())
        if roll < 0.75:
            return CreateTransfersTogether(transfers=self._batch()[:3])
        if roll < 0.90:
            return self.rng.choice([0, 500_000, 1_500_000, 4_000_000])
        account = self.rng.choice(NAMES)
        if roll < 0.93:
            return FreezeAccount(account=account)
        return CloseAccount(account=account) if roll > 0.99 else UnfreezeAccount(account=account)

    def _batch(self) -> list[NewTransfer]:
        batch = [self._transfer() for _ in range(self.rng.randint(1, 8))]
        if self.rng.random() < 0.4:
            start = self.rng.randrange(len(batch))
            for index in range(start, self.rng.randint(start, len(batch) - 1)):
                batch[index] = msgspec.structs.replace(batch[index], linked=True)
        self.sent += batch
        return batch

    def _transfer(self) -> NewTransfer:
        roll = self.rng.random()
        if roll < 0.10 and self.sent:
            return self.rng.choice(self.sent)
        if roll < 0.15 and self.sent:
            return self._spoilt(self.rng.choice(self.sent))
        transfer = self._sensible()
        return self._spoilt(transfer) if roll > 0.95 else transfer

    def _spoilt(self, transfer: NewTransfer) -> NewTransfer:
        return msgspec.structs.replace(transfer, **self.rng.choice(SPOILS))

    def _sensible(self) -> NewTransfer:
        action = self.rng.choices(list(Action), [40, 22, 18, 12, 8])[0]
        if action is Action.TRANSFER or action is Action.HOLD:
            return self._move(action)
        kinds = (Action.TRANSFER, Action.POST) if action is Action.REVERSE else (Action.HOLD,)
        known = [t.id for t in self.sent if t.action in kinds]
        if not known or self.rng.random() < 0.15:
            known = [t.id for t in self.sent] + [f"t{self.number + n}" for n in range(1, 6)]
        amount = self.rng.choice([None, None, 5, 20]) if action is Action.POST else None
        asset = self.rng.choice(["", "", "USD"])
        refers_to = self.rng.choice(known[-6:])
        return self._new(action, refers_to=refers_to, amount_minor=amount, asset=asset)

    def _move(self, action: Action) -> NewTransfer:
        rng = self.rng
        debit, credit = rng.sample(NAMES[:5], 2) if rng.random() < 0.9 else NAMES[5:]
        fields: dict[str, Any] = {"amount_minor": rng.randint(1, 30)}
        if rng.random() < 0.04:
            fields["amount_minor"] = rng.choice([MAX, MAX // 2, 10**24, 10**24 + 1])
        if rng.random() < 0.1:
            fields["amount_minor"] = rng.choice([None, 40])
            fields["balancing"] = rng.choice([Balancing.DEBIT, Balancing.CREDIT])
        if action is Action.HOLD:
            fields["timeout_s"] = rng.choice([0, 0, 1, 3])
        if rng.random() < 0.2:
            fields |= {"code": 7, "reference": "r", "effective_at_us": 5, "metadata": {"a": "b"}}
        return self._new(action, debit=debit, credit=credit, **fields)

    def _new(self, action: Action, **fields: Any) -> NewTransfer:
        self.number += 1
        return NewTransfer(id=f"t{self.number}", action=action, **fields)
