"""Do the views of payments agree with a twin that keeps every payment's life in a list?"""

from __future__ import annotations

import random
from collections.abc import Callable

import psycopg
import pytest

from nostro.execution import SettlementFailed, SettlementInitiated
from nostro.kernel.messages import Event
from nostro.netting import BatchCreated
from nostro.payments import (
    BatchAssigned,
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    TransactionCancelled,
    TransactionsDeduped,
    TransactionsRefused,
    TransactionsSubmitted,
    WindowClosed,
)
from tests import databases
from tests.adapters.postgres.chronicle import rows
from tests.adapters.postgres.payment_story import (
    RATES,
    Story,
    achieved,
    follow_story,
    released,
    settled,
    submitted,
)


class Twin:
    """Payments by id: state, batch, number of deferrals, and the names of what happened."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.story = Story()
        self.lives: dict[str, list[str]] = {}
        self.stands: dict[str, tuple[str, str | None, int]] = {}
        self.cycles = 0
        self.certificates = 0

    def waiting(self) -> list[str]:
        """Return the payments that wait for a cycle."""
        return [
            id_ for id_, (state, *_) in self.stands.items() if state in ("accepted", "deferred")
        ]

    def note(self, id_: str, event: str, state: str = "", batch: str | None = None) -> None:
        """Add to a life, and change how the payment stands when a state is given."""
        self.lives[id_].append(event)
        if state:
            self.stands[id_] = (state, batch, self.stands[id_][2] + (state == "deferred"))

    def submit(self) -> None:
        """Accept some payments; refuse some of them in the same row; repeat some later."""
        ids = [f"p{len(self.lives) + n}" for n in range(self.dice.randint(1, 6))]
        for id_ in ids:
            self.lives[id_] = ["TRANSACTION_SUBMITTED"]
            self.stands[id_] = ("accepted", None, 0)
        cycle = f"c{self.cycles}"
        events: list[Event] = [
            TransactionsSubmitted([submitted(id_, cycle_id=cycle) for id_ in ids], "x")
        ]
        poor = [id_ for id_ in ids if self.dice.random() < 0.2]
        if poor:
            events.append(TransactionsRefused([(id_, "ledger.no") for id_ in poor]))
            for id_ in poor:
                self.note(id_, "TRANSACTION_REFUSED", "refused")
        self.story.happen(*events)
        again = [id_ for id_ in ids if self.dice.random() < 0.2]
        self.story.happen(TransactionsDeduped(again, "x"))
        for id_ in again:
            self.note(id_, "TRANSACTION_DEDUPED")

    def cancel(self) -> None:
        """Take one payment back."""
        ids = self.waiting()
        if ids:
            id_ = self.dice.choice(ids)
            self.story.happen(TransactionCancelled(released(id_, "no"), "x"))
            self.note(id_, "TRANSACTION_CANCELLED", "cancelled")

    def close(self) -> None:
        """Let a cycle run: some are deferred by the plan, then it settles or comes apart."""
        cycle, self.cycles = f"c{self.cycles}", self.cycles + 1
        ids = self.waiting()
        self.dice.shuffle(ids)
        late = ids[: len(ids) // 4]
        batches: dict[str, list[str]] = {}
        for place, id_ in enumerate(ids[len(late) :]):
            batches.setdefault(f"{cycle}.{place // 3 + 1}", []).append(id_)
        events: list[Event] = [WindowClosed(cycle, False, 1, "2023-11-14", [])]
        for number, (batch, some) in enumerate(batches.items(), start=1):
            items = [(id_, 100) for id_ in some]
            events.append(
                BatchCreated(cycle, batch, number, len(batches), [], "2023-11-14", RATES, 1)
            )
            events.append(BatchAssigned(cycle, batch, items))
            for id_ in some:
                self.note(id_, "BATCH_CREATED", "batched", batch)
                self.stands[id_] = ("batched", batch, self.stands[id_][2])
        self.story.happen(*events, *self.defer(cycle, late))
        if batches:
            self.certify(cycle, batches)

    def defer(self, cycle: str, ids: list[str]) -> list[Event]:
        """Have payments wait for the next cycle."""
        for id_ in ids:
            self.note(id_, "TRANSACTION_DEFERRED", "deferred")
        next_cycle = f"c{self.cycles}"
        return [PaymentsDeferred(cycle, [(id_, "late", next_cycle, 2) for id_ in ids])]

    def certify(self, cycle: str, batches: dict[str, list[str]]) -> None:
        """Certify every batch, begin, and end in one way or the other."""
        for batch, some in batches.items():
            self.certificates += 1
            self.story.happen(achieved(cycle, batch, self.certificates))
            for id_ in some:
                self.note(id_, "CONSENSUS_ACHIEVED", "certified", batch)
        if self.dice.random() < 0.1:
            return  # and there it stays
        self.story.happen(SettlementInitiated(cycle, list(batches)))
        everybody = [id_ for some in batches.values() for id_ in some]
        for batch, some in batches.items():
            for id_ in some:
                self.note(id_, "SETTLEMENT_INITIATED", "settling", batch)
        if self.dice.random() < 0.4:
            self.come_apart(cycle, list(batches), everybody)
            return
        self.story.happen(
            *(
                PaymentsSettled(cycle, batch, [settled(id_, 100) for id_ in some])
                for batch, some in batches.items()
            )
        )
        for batch, some in batches.items():
            for id_ in some:
                self.note(id_, "SETTLEMENT_CONFIRMED", "settled", batch)
        back = [id_ for id_ in everybody if self.dice.random() < 0.2]
        self.story.happen(PaymentsReversed(cycle, [settled(id_, 100) for id_ in back], "r", "x"))
        for id_ in back:
            self.note(id_, "SETTLEMENT_REVERSED", "reversed", self.stands[id_][1])

    def come_apart(self, cycle: str, batches: list[str], ids: list[str]) -> None:
        """Fail the settlement: some payments fail with it, the others wait."""
        for id_ in ids:
            self.note(id_, "SETTLEMENT_FAILED")
        failed = [id_ for id_ in ids if self.dice.random() < 0.3]
        for id_ in failed:
            self.note(id_, "SETTLEMENT_FAILED", "failed")
        others = [id_ for id_ in ids if id_ not in failed]
        self.story.happen(
            SettlementFailed(cycle, batches, "alba", "x", []),
            PaymentsFailed(cycle, [released(id_, "x") for id_ in failed]),
            *self.defer(cycle, others),
        )


@pytest.mark.parametrize("seed", range(4))
async def test_states_and_lives_are_those_of_the_twin(
    fresh_database: Callable[[str], str], seed: int
) -> None:
    twin = Twin(seed)
    url = fresh_database(databases.NAMES[0])
    for _ in range(3):
        for _ in range(25):
            twin.dice.choice((twin.submit, twin.submit, twin.cancel, twin.close))()
        await twin.story.write(url)
        follow_story(url, rows_max=twin.dice.choice((1, 3, 1_000)))  # a new follower each time
        shown = rows(
            url, "SELECT transaction_id, state, batch_id, retries FROM nostro.payments_now"
        )
        assert {id_: tuple(rest) for id_, *rest in shown} == twin.stands
        assert lives(url) == twin.lives


def lives(url: str) -> dict[str, list[str]]:
    """Return what the ledger of settlements says of every payment."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(url) as connection:
        for id_, event in connection.execute(
            "SELECT transaction_id, event_type FROM nostro.settlement_ledger ORDER BY timestamp"
        ):
            found.setdefault(id_, []).append(event)
    return found
