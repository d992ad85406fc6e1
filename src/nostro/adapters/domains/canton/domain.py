"""How does a Canton ledger take part in settlements?

A round that is held is a DeliveryVersusPayment contract with the holdings that it locks; what is
executed or released leaves a SettledRound or a ClosedRound. So the ledger itself says where every
round stands, and this adapter keeps nothing: started anew, it reads the same.

A hold, and the closing of a round that was never held, go under the same command id, of which the
ledger takes one; see desk.py for what a later coordinator does about an earlier one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.desk import Charge, Taken
from nostro.adapters.domains.canton.errors import Declined, Gone
from nostro.adapters.domains.canton.ledger_view import Piece, Round
from nostro.adapters.domains.canton.model import DESK, DVP, FENCED as FENCED_CAUSE, exercise
from nostro.adapters.domains.canton.orders import (
    NoAccount,
    Plan,
    differs,
    hold_arguments,
    planned,
    wrong_with,
)
from nostro.adapters.domains.canton.picking import Busy, Picked, Picking, Short
from nostro.adapters.domains.canton.reading import Reading
from nostro.adapters.domains.canton.reassigning import Reassigning
from nostro.adapters.domains.canton.shapes import LedgerCommand
from nostro.adapters.domains.canton.submitting import Submitting
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.adapters.domains.port import (
    ACCOUNT,
    CLOSED,
    CONTENT_DIFFERS,
    DONE,
    FENCED,
    ITEMS_MAX,
    LACKING,
    REJECTED,
    STUCK,
    UNKNOWN,
    Absent,
    DomainHead,
    ExecuteAnswer,
    Executed,
    Held,
    HoldAnswer,
    HoldOrder,
    Refused,
    ReleaseAnswer,
    Released,
    RoundAt,
    RoundOrder,
    Silent,
    StatusAnswer,
)
from nostro.custody import Stage
from nostro.kernel.movement import Lacking
from nostro.runtime.ports import Clock, NotDone, Outage, OutcomeUnknown

TURNS_MAX = 6
"""How often one call looks again at a round that others changed meanwhile."""
PICKING_MAX = 1_000
"""How often a round waits for others to be through with an owner's holdings."""

_Order = TypeVar("_Order")
_Answer = TypeVar("_Answer")
log = structlog.get_logger(__name__)


class CantonDomain:
    """A domain that is a Canton ledger; implements Domain. `ids` is the source of submission ids;
    the client is closed with it."""

    def __init__(
        self, terms: CantonTerms, client: CantonClient, *, ids: Callable[[], str], clock: Clock
    ) -> None:
        self._terms = terms
        self._client = client
        self._reading = Reading(terms, client)
        self._submitting = Submitting(terms, client, self._reading, ids=ids, clock=clock)
        self._charge = Charge(terms, client, self._reading, self._submitting)
        self._reassigning = Reassigning(self._reading, self._submitting)
        self._picking = Picking()

    @property
    def name(self) -> str:
        """Return the name under which the coordinator knows it."""
        return self._terms.name

    async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[HoldAnswer]:
        """Lock what each round needs."""
        await self._reading.opened()
        return await _each(orders, self._hold)

    async def execute(self, orders: Sequence[RoundOrder]) -> Sequence[ExecuteAnswer]:
        """Deliver what is locked, each round as a whole."""
        await self._reading.opened()
        return await _each(orders, self._execute)

    async def release(self, orders: Sequence[RoundOrder]) -> Sequence[ReleaseAnswer]:
        """Unlock what is locked, and close each round."""
        await self._reading.opened()
        return await _each(orders, self._release)

    async def status(self, round_ids: Sequence[str]) -> Sequence[StatusAnswer]:
        """Say where each round stands; asking changes nothing."""
        await self._reading.read_on()

        async def stands(round_id: str) -> StatusAnswer:
            at = self._reading.view.rounds.get(round_id)
            return Absent() if at is None else await self._told(at)

        return await _each(round_ids, stands)

    async def head(self) -> DomainHead:
        """Say how far the participant is."""
        try:
            end = await self._client.ledger_end()
        except Declined as declined:
            raise NotDone(f"the participant does not say how far it is: {declined}") from declined
        if end < self._reading.view.offset:
            self._reading.reset()
        return DomainHead(self.name, end)

    async def rounds(self, *, after: str, limit: int = ITEMS_MAX) -> Sequence[RoundAt]:
        """List the rounds of this coordinator, in order of their ids."""
        await self._reading.read_on()
        found = self._reading.view.beyond(after, min(limit, ITEMS_MAX))
        told = await asyncio.gather(*(self._told(each) for each in found))
        return [RoundAt(each.round_id, answer) for each, answer in zip(found, told, strict=True)]

    async def finish_reassignments(self) -> int:
        """Bring holdings that were taken off their synchronizer, and should have come to ours, to
        us; say how many. Holds do so by themselves with the holdings that they need."""
        await self._reading.read_on()
        return await self._reassigning.finish(await self._charge.synchronizer())

    async def close(self) -> None:
        """Let the connections go. Never raises."""
        try:
            await self._client.close()
        except Exception as error:
            log.warning("canton_not_closed", error=repr(error))

    # A hold

    async def _hold(self, order: HoldOrder) -> HoldAnswer:
        wrong = wrong_with(order)
        if wrong:
            return Refused(REJECTED, detail=wrong)
        is_fresh = False
        for _ in range(TURNS_MAX):
            try:
                desk = await self._charge.desk(order.epoch)
            except Taken:
                return Refused(FENCED)
            at = self._reading.view.rounds.get(order.round_id)
            if at is not None and is_fresh:
                return await self._hold_again(order, at)
            if at is not None:
                # Another coordinator may have taken over, or ended it: the ledger says.
                await self._reading.read_on()
                is_fresh = True
                continue
            plan = await self._plan(order)
            if isinstance(plan, NoAccount):
                return Refused(ACCOUNT, detail=f"no mandate of {', '.join(plan.parties)}")
            refused = await self._lock(order, plan, desk)
            if refused is not None:
                return refused
            is_fresh = True
        raise NotDone(f"others take what {order.round_id} needs, again and again")

    async def _hold_again(self, order: HoldOrder, at: Round) -> HoldAnswer:
        """Answer a hold of a round that is known."""
        if at.stage is Stage.RELEASED:
            return Refused(CLOSED)
        if at.stage is Stage.HELD:
            plan = planned(order, self._reading.view, self._terms)
            if isinstance(plan, NoAccount) or differs(plan, at, self._reading.view):
                return Refused(CONTENT_DIFFERS)
        told = await self._told(at)
        assert not isinstance(told, Released)
        return told

    async def _plan(self, order: HoldOrder) -> Plan | NoAccount:
        """Return a round in the ledger's words; read on before anybody is said to be unknown."""
        plan = planned(order, self._reading.view, self._terms)
        if isinstance(plan, NoAccount):
            await self._reading.read_on()
            plan = planned(order, self._reading.view, self._terms)
        return plan

    async def _lock(self, order: HoldOrder, plan: Plan, desk: str) -> Refused | None:
        """Lock what a plan needs; None when one is to look again at where the round stands."""
        picked = await self._picked(plan)
        if isinstance(picked, Refused):
            return picked
        with self._picking.taken(picked):
            at = await self._charge.synchronizer()
            try:
                pieces = [piece for each in picked for piece in each.pieces]
                await self._bring(pieces, at)
                arguments = hold_arguments(plan, picked, epoch=order.epoch)
                command = exercise(DESK, desk, "Desk_Hold", **arguments)
                await self._submitting.submit(f"{order.round_id}:hold", command, synchronizer=at)
            except Declined as declined:
                return await self._again_or(declined, REJECTED)
        return None

    async def _picked(self, plan: Plan) -> list[Picked] | Refused:
        """Choose holdings, when others are through with them; read on before anybody is said to
        lack anything."""
        is_fresh = False
        for _ in range(PICKING_MAX):
            picked = self._picking.pick(self._reading.view, plan.needs)
            if isinstance(picked, Busy):
                await self._picking.another_is_through(picked)
                continue
            lacking = [
                Lacking(account, short.need.instrument.id, short.available_minor)
                for short in picked
                if isinstance(short, Short)
                for account, need in zip(plan.accounts, plan.needs, strict=True)
                if need is short.need
            ]
            if not lacking:
                return [each for each in picked if isinstance(each, Picked)]
            if is_fresh:
                return Refused(LACKING, lacking=tuple(lacking))
            await self._reading.read_on()
            is_fresh = True
        raise NotDone("others are never through with the holdings that are needed")

    async def _bring(self, pieces: Sequence[Piece], synchronizer: str) -> None:
        """Bring holdings to where rounds settle. An outage then leaves nothing held, so it is as
        if nothing was done."""
        try:
            await self._reassigning.bring(pieces, synchronizer)
        except OutcomeUnknown as unknown:
            raise NotDone(f"a holding is on its way: {unknown}") from unknown

    # An execution

    async def _execute(self, order: RoundOrder) -> ExecuteAnswer:
        is_fresh = False
        for _ in range(TURNS_MAX):
            try:
                desk = await self._charge.desk(order.epoch)
            except Taken:
                return Refused(FENCED)
            at = self._reading.view.rounds.get(order.round_id)
            if at is not None and at.stage is Stage.HELD:
                refused = await self._end(order, at, desk, _settling(at), f"{at.round_id}:execute")
                if refused is not None:
                    return refused
                is_fresh = True
            elif not is_fresh:
                await self._reading.read_on()
                is_fresh = True
            elif at is None:
                return Refused(UNKNOWN)
            else:
                told = await self._told(at)
                return told if isinstance(told, Executed) else Refused(CLOSED)
        return Refused(STUCK, detail="something that it names is not there, again and again")

    # A release

    async def _release(self, order: RoundOrder) -> ReleaseAnswer:
        is_fresh = False
        for _ in range(TURNS_MAX):
            try:
                desk = await self._charge.desk(order.epoch)
            except Taken:
                return Refused(FENCED)
            at = self._reading.view.rounds.get(order.round_id)
            if at is None:
                refused = await self._shut(order, desk)
            elif at.stage is Stage.HELD:
                name = f"{at.round_id}:release"
                refused = await self._end(order, at, desk, "AbortDeliveryVsPayment", name)
            elif is_fresh:
                told = await self._told(at)
                return told if isinstance(told, Released) else Refused(DONE)
            else:
                await self._reading.read_on()
                refused = None
            if refused is not None:
                return refused
            is_fresh = True
        return Refused(STUCK, detail="something that it names is not there, again and again")

    async def _shut(self, order: RoundOrder, desk: str) -> Refused | None:
        """Close a round that is not held, under the id of its hold: only one of them is done."""
        command = exercise(DESK, desk, "Desk_Close", round=order.round_id, epoch=str(order.epoch))
        return await self._send(command, f"{order.round_id}:hold")

    async def _end(
        self, order: RoundOrder, at: Round, desk: str, choice: str, command_id: str
    ) -> Refused | None:
        """Have the contract of a held round end, by one of its choices."""
        command = exercise(DVP, at.contract_id, choice, desk=desk, epoch=str(order.epoch))
        return await self._send(command, command_id)

    async def _send(self, command: LedgerCommand, command_id: str) -> Refused | None:
        """Submit; None when one is to look again at where the round stands."""
        at = await self._charge.synchronizer()
        try:
            await self._submitting.submit(command_id, command, synchronizer=at)
        except Declined as declined:
            return await self._again_or(declined, STUCK)
        return None

    # What all of them need

    async def _again_or(self, declined: Declined, code: str) -> Refused | None:
        """Read on after a refusal: None when it may be because others were faster."""
        await self._reading.read_on()
        if isinstance(declined, Gone) or FENCED_CAUSE in declined.error.cause:
            return None
        log.warning("canton_declined", code=declined.error.code, cause=declined.error.cause)
        return Refused(code, detail=str(declined))

    async def _told(self, at: Round) -> Held | Executed | Released:
        """Return where a round stands as the coordinator wants to know it. What is held or released
        goes by its contract, which the ledger lists; what is executed by the update that did it."""
        if at.stage is Stage.HELD:
            return Held(at.contract_id, at.contract_id)
        if at.stage is Stage.RELEASED:
            return Released(at.contract_id)
        return Executed(at.update_id or await self._reading.update_id_of(at), at.contract_id)


def _settling(at: Round) -> str:
    """Return the choice that executes a round: with both sides here, or with one."""
    contract = at.contract
    both = contract is not None and contract.deliveries and contract.payments
    return "SettleDeliveryVsPayment" if both else "TransferLockedLeg"


async def _each(
    orders: Sequence[_Order], deed: Callable[[_Order], Awaitable[_Answer]]
) -> list[_Answer | Silent]:
    """Do a deed for each, all at once. Raises NotDone when none was done, and OutcomeUnknown when
    there is no answer for any."""
    results = await asyncio.gather(*(deed(each) for each in orders), return_exceptions=True)
    answers: list[_Answer | Silent] = []
    outages: list[Outage] = []
    for result in results:
        if isinstance(result, Outage):
            outages.append(result)
            answers.append(Silent(str(result)))
        elif isinstance(result, BaseException):
            raise result
        else:
            answers.append(result)
    if outages and len(outages) == len(answers):
        if all(isinstance(each, NotDone) for each in outages):
            raise NotDone(str(outages[0])) from outages[0]
        raise OutcomeUnknown(str(outages[0])) from outages[0]
    return answers
