"""How does a payout reach its rail exactly once, when answers get lost and processes die?

By asking first. Performing may be a repeat after a crash and nobody here remembers, so the rail is
asked what it knows of the reference before anything is sent, and again before anything is sent
again. The reference comes from the withdrawal, so every attempt of every process names the same
movement. No answer is ever guessed: without one, the outage is passed on and the effect stays in
the outbox.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence

from nostro.adapters.rails.port import Payout, PayoutRail, RailState, RailStatus, Refused
from nostro.kernel.messages import Command, Effect
from nostro.runtime.ports import NotDone, Outage
from nostro.wallets import (
    AwaitPayout,
    RecordPayoutFailed,
    RecordPayoutSent,
    RecordPayoutSettled,
    SendPayout,
)

ATTEMPTS_MAX = 5
"""Tries of one performance; afterwards the runtime calls again, later."""
PAUSE_FIRST_S = 0.05
PAUSE_LAST_S = 2.0

Outcomes = Sequence[tuple[str, Command]]
Sleep = Callable[[float], Awaitable[None]]


class PayoutPerformer:
    """Hands payouts to a rail and asks it until they are final; implements runtime.ports.Performer.

    `chain` keeps the references of several chains on one rail apart. `sleep` takes seconds.
    """

    effects: tuple[type[Effect], ...] = (SendPayout, AwaitPayout)

    def __init__(self, *, rail: PayoutRail, sleep: Sleep, chain: str = "main") -> None:
        self._rail = rail
        self._sleep = sleep
        self._chain = chain

    async def perform(self, effect: Effect, effect_id: str) -> Outcomes:
        """Send, or ask until final; safe to call again. Raises NotDone or OutcomeUnknown when the
        rail gave no answer to go on with."""
        match effect:
            case SendPayout():
                return await self._persist(lambda: self._send(effect))
            case AwaitPayout():
                return await self._persist(lambda: self._await(effect))
        raise TypeError(f"{type(effect).__name__} ({effect_id}) is not a payout")

    async def _persist(self, attempt: Callable[[], Awaitable[Outcomes]]) -> Outcomes:
        pause = PAUSE_FIRST_S
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return await attempt()
            except Outage:
                await self._sleep(pause)
                pause = min(pause * 2, PAUSE_LAST_S)
        return await attempt()

    async def _send(self, effect: SendPayout) -> Outcomes:
        reference = self._reference(effect.withdrawal_id)
        known = await self._rail.status(reference)
        match known.state:
            case RailState.PENDING | RailState.SETTLED:
                return _sent(effect.withdrawal_id)
            case RailState.FAILED:
                return _failed(effect.withdrawal_id, known.reason)
            case RailState.UNKNOWN_REFERENCE:
                pass
        answer = await self._rail.send(
            Payout(
                reference=reference,
                asset=effect.asset,
                amount_minor=effect.amount_minor,
                destination=effect.destination,
            )
        )
        if isinstance(answer, Refused):
            return _failed(effect.withdrawal_id, answer.reason)
        return _sent(effect.withdrawal_id)

    async def _await(self, effect: AwaitPayout) -> Outcomes:
        status: RailStatus = await self._rail.status(self._reference(effect.withdrawal_id))
        match status.state:
            case RailState.SETTLED:
                return _settled(effect.withdrawal_id)
            case RailState.FAILED:
                return _failed(effect.withdrawal_id, status.reason)
            case RailState.PENDING:
                raise NotDone(f"payout {effect.withdrawal_id} is not final yet")
            case RailState.UNKNOWN_REFERENCE:
                raise NotDone(f"the rail took payout {effect.withdrawal_id} and knows it no more")

    def _reference(self, withdrawal_id: str) -> str:
        return f"{self._chain}:{withdrawal_id}"


# The key says all that the command says, so a key never comes with two contents.


def _sent(withdrawal_id: str) -> Outcomes:
    return [(f"payout:{withdrawal_id}:sent", RecordPayoutSent(withdrawal_id=withdrawal_id))]


def _settled(withdrawal_id: str) -> Outcomes:
    return [(f"payout:{withdrawal_id}:settled", RecordPayoutSettled(withdrawal_id=withdrawal_id))]


def _failed(withdrawal_id: str, reason: str) -> Outcomes:
    why = hashlib.sha256(reason.encode()).hexdigest()[:16]
    command = RecordPayoutFailed(withdrawal_id=withdrawal_id, reason=reason)
    return [(f"payout:{withdrawal_id}:failed:{why}", command)]
