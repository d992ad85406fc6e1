"""How does a command become a transaction, once, or a refusal?

A command is interpreted against what is active now, travels while the contracts that it consumes
are locked, and is then judged and written. Under a change id at most one command is accepted within
the period that the submitter names; a refused one may be sent again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nostro.adapters.domains.canton_double.books import (
    Assigned,
    Completed,
    Created,
    Exercised,
    PartyHosted,
    Rejected,
    Submission,
    Transaction,
    Unassigned,
)
from nostro.adapters.domains.canton_double.errors import Refusal
from nostro.adapters.domains.canton_double.faults import Call
from nostro.adapters.domains.canton_double.ledger import ChangeId, Ledger
from nostro.runtime.ports import Clock

DEDUPLICATION_MAX_S = 7 * 86_400
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What a command is to do, if it is accepted. `made` returns the entry at its offset."""

    submission: Submission
    synchronizer: str
    used: frozenset[str]
    consumed: frozenset[str]
    made: Callable[[int, str, int], Completed]


class Deeds:
    """Takes commands, one after the other as the event loop runs them."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Clock,
        seed: int,
        call_s: float,
        synchronizers: Iterable[str],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._seed = seed
        self._call_s = call_s
        self.synchronizers = tuple(synchronizers)
        self._in_flight: dict[ChangeId, str] = {}
        self._locked: set[str] = set()
        self._late: set[asyncio.Task[None]] = set()

    def check(self, submission: Submission) -> None:
        """Refuse what is under way, or was accepted within the period."""
        change = submission.change_id
        if change in self._in_flight:
            raise Refusal(
                "SUBMISSION_ALREADY_IN_FLIGHT",
                f"The submission is already in-flight: {submission.command_id}",
                context={"existing_submission_id": self._in_flight[change]},
                definite=False,
            )
        known = self._ledger.accepted.get(change)
        if known is None or self._clock.now_us() - known.record_us > submission.period_us:
            return
        raise Refusal(
            "DUPLICATE_COMMAND",
            "A command with the given command id has already been successfully processed",
            context={
                "completion_offset": str(known.offset),
                "accepted": "true",
                "existing_submission_id": known.submission.submission_id,
            },
            definite=True,
        )

    async def do(self, plan: Plan, call: Call) -> Completed:
        """Let a plan travel, and return what was written; raises Refusal."""
        self.check(plan.submission)
        locked = sorted((plan.used | plan.consumed) & self._locked)
        if locked or call.faults.locked:
            raise self._rejected(plan, _locked(locked))
        self._in_flight[plan.submission.change_id] = plan.submission.submission_id
        self._locked |= plan.consumed
        if call.faults.late:
            self._land_late(plan, call.late_s)
            raise Refusal("REQUEST_TIME_OUT", "The time limit for the request has been reached")
        try:
            if self._call_s:
                await self._clock.sleep(self._call_s)
            return self._judged(plan)
        finally:
            self._let_go(plan)

    def submit(self, plan: Plan, call: Call) -> None:
        """Let a plan travel without waiting; what becomes of it is told as a completion."""
        self.check(plan.submission)
        locked = sorted((plan.used | plan.consumed) & self._locked)
        if locked or call.faults.locked:
            self._rejected(plan, _locked(locked))
            return
        self._in_flight[plan.submission.change_id] = plan.submission.submission_id
        self._locked |= plan.consumed
        self._land_late(plan, call.late_s if call.faults.late else self._call_s)

    def connected(self, synchronizer: str) -> bool:
        """Tell whether the participant is connected to a synchronizer."""
        return synchronizer in self.synchronizers

    def host(self, party: str) -> None:
        """Host a new party."""
        offset, update_id, record_us = self._next("party")
        entry = PartyHosted(
            offset=offset,
            update_id=update_id,
            synchronizer=self.synchronizers[0],
            record_us=record_us,
            party=party,
        )
        self._ledger.write(entry)

    def write(self, plan: Plan) -> Completed:
        """Write a plan at once, without travelling: for administrators."""
        return self._judged(plan)

    async def stop(self) -> None:
        """Forget what is still on its way."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    # -- judging ------------------------------------------------------------------------------

    def _judged(self, plan: Plan) -> Completed:
        gone = [each for each in sorted(plan.used) if self._ledger.active(each) is None]
        if gone:
            refusal = Refusal(
                "LOCAL_VERDICT_INACTIVE_CONTRACTS",
                f"Rejected transaction is referring to inactive contracts {gone}",
                resources=[("CONTRACT_ID", each) for each in gone],
            )
            raise self._rejected(plan, refusal)
        entry = plan.made(*self._next(plan.submission.command_id))
        self._ledger.write(entry)
        return entry

    def _rejected(self, plan: Plan, refusal: Refusal) -> Refusal:
        """Write that a command was refused, and return the refusal."""
        offset, update_id, record_us = self._next(plan.submission.command_id)
        self._ledger.write(
            Rejected(
                offset=offset,
                update_id=update_id,
                synchronizer=plan.synchronizer,
                record_us=record_us,
                submission=plan.submission,
                code=refusal.code,
                cause=refusal.cause,
            )
        )
        return refusal

    def _next(self, about: str) -> tuple[int, str, int]:
        """Return offset, update id and record time of what comes next."""
        offset = self._ledger.end + 1
        record_us = max(self._clock.now_us(), self._ledger.last_record_us + 1)
        return offset, f"1220{digest(self._seed, 'update', offset, record_us, about)}", record_us

    def _land_late(self, plan: Plan, after_s: float) -> None:
        async def land() -> None:
            try:
                await self._clock.sleep(after_s)
                self._judged(plan)
            except Refusal:
                return  # its completion tells
            finally:
                self._let_go(plan)

        task = asyncio.create_task(land(), name=f"late-{plan.submission.command_id}")
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _let_go(self, plan: Plan) -> None:
        self._in_flight.pop(plan.submission.change_id, None)
        self._locked -= plan.consumed


def transaction_plan(
    submission: Submission,
    *,
    synchronizer: str,
    used: frozenset[str],
    consumed: frozenset[str],
    nodes: tuple[Created | Exercised, ...],
) -> Plan:
    """Return the plan of a transaction."""

    def made(offset: int, update_id: str, record_us: int) -> Transaction:
        return Transaction(
            offset=offset,
            update_id=update_id,
            synchronizer=synchronizer,
            record_us=record_us,
            submission=submission,
            nodes=nodes,
        )

    return Plan(submission, synchronizer, used, consumed, made)


def unassignment_plan(
    submission: Submission,
    *,
    source: str,
    target: str,
    reassignments: tuple[tuple[str, str, int], ...],
) -> Plan:
    """Return the plan of taking contracts off a synchronizer."""

    def made(offset: int, update_id: str, record_us: int) -> Unassigned:
        return Unassigned(
            offset=offset,
            update_id=update_id,
            synchronizer=source,
            record_us=record_us,
            submission=submission,
            target=target,
            reassignments=reassignments,
        )

    contracts = frozenset(contract_id for _, contract_id, _ in reassignments)
    return Plan(submission, source, contracts, contracts, made)


def assignment_plan(
    submission: Submission,
    *,
    source: str,
    target: str,
    reassignments: tuple[tuple[str, str, int], ...],
) -> Plan:
    """Return the plan of putting contracts on their next synchronizer."""

    def made(offset: int, update_id: str, record_us: int) -> Assigned:
        return Assigned(
            offset=offset,
            update_id=update_id,
            synchronizer=target,
            record_us=record_us,
            submission=submission,
            source=source,
            reassignments=reassignments,
        )

    contracts = frozenset(contract_id for _, contract_id, _ in reassignments)
    return Plan(submission, target, frozenset(), contracts, made)


def digest(*parts: object) -> str:
    """Return 64 hex digits, always the same for the same parts."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def _locked(contracts: list[str]) -> Refusal:
    return Refusal(
        "LOCAL_VERDICT_LOCKED_CONTRACTS",
        f"Rejected transaction is referring to locked contracts {contracts}",
        resources=[("CONTRACT_ID", each) for each in contracts],
    )
