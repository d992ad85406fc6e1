"""How does an instruction reach its rail, once for each attempt, and what is told of it?

One try, no retry: whether and where to try again is decided by the execution room. No answer is
ever guessed. Without one the outcome is unknown, and the rail is asked until it says something;
`Absent` (the rail promises that it never will happen) is an answer, silence is none.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from nostro.adapters.rails.settlement.port import (
    Absent,
    Answer,
    Pending,
    RailOrder,
    Refused,
    Settled,
    SettlementRail,
)
from nostro.execution import AskInstruction, NoteOutcome, OutcomeKind, SendInstruction
from nostro.kernel.messages import Command, Effect
from nostro.runtime.deadline import within
from nostro.runtime.ports import NotDone, Outage

RAIL_DOWN = "rail_down"
ANSWER_S_MAX = 10.0
"""After this long without an answer the outcome is unknown (instant schemes allow ten seconds)."""
BEGUN_MAX = 100_000
"""Sends whose repetition would be recognised; older ones count as repeated."""

Outcomes = Sequence[tuple[str, Command]]

log = structlog.get_logger(__name__)


class RailsPerformer:
    """Sends instructions and asks about them; implements runtime.ports.Performer.

    `rails` by name, as the routes name them. `chain` keeps the instructions of several chains on
    one rail apart.

    A rail that cannot be reached certainly has not moved anything for this call; but the call may
    repeat one made before a crash. So it counts as refused (`rail_down`, which lets another rail be
    tried) only above the height told to `took_over`: before that nothing was performed. Otherwise
    the rail is asked, in its other regions too, and without an answer the outcome is unknown.
    """

    effects: tuple[type[Effect], ...] = (SendInstruction, AskInstruction)

    def __init__(
        self,
        rails: Mapping[str, SettlementRail],
        *,
        chain: str = "main",
        answer_s_max: float = ANSWER_S_MAX,
    ) -> None:
        self._rails = dict(rails)
        self._chain = chain
        self._answer_s_max = answer_s_max
        self._begun: OrderedDict[str, None] = OrderedDict()
        self._repeats_up_to: int | None = None

    def took_over(self, height: int) -> None:
        """Tell that effects above this journal height were never performed by another process: the
        head of the chain when this process became its writer."""
        self._repeats_up_to = max(height, self._repeats_up_to or 0)

    async def perform(self, effect: Effect, effect_id: str) -> Outcomes:
        """Send once, or ask once; safe to call again. Asking raises NotDone or OutcomeUnknown
        while nothing final can be learnt."""
        match effect:
            case SendInstruction():
                return self._outcomes(
                    effect, effect.instruction.instruction_id, *await self._send(effect, effect_id)
                )
            case AskInstruction():
                answer = await self._ask(effect, effect.instruction_id)
                if isinstance(answer, Pending):
                    raise NotDone(f"instruction {effect.instruction_id} is not final yet")
                return self._outcomes(effect, effect.instruction_id, answer, "")
        raise TypeError(f"{type(effect).__name__} ({effect_id}) is no deed of a rail")

    # -- sending ----------------------------------------------------------------------------------

    async def _send(self, effect: SendInstruction, effect_id: str) -> tuple[Answer | None, str]:
        """Return the answer, or None and why there is none."""
        rail = self._rails.get(effect.rail)
        if rail is None:
            log.error("rail_unknown", rail=effect.rail)
            return Refused(RAIL_DOWN), ""
        first = self._is_first(effect_id)
        self._begin(effect_id)
        try:
            sending = rail.send(self._order(effect), region=effect.region)
            return await within(self._answer_s_max, sending), ""
        except NotDone as outage:
            if first:
                del self._begun[effect_id]
                return Refused(RAIL_DOWN), ""
            return await self._asked_instead(effect, str(outage))
        except (Outage, TimeoutError) as outage:
            return None, str(outage)

    async def _asked_instead(self, effect: SendInstruction, why: str) -> tuple[Answer | None, str]:
        try:
            return await self._ask(effect, effect.instruction.instruction_id), ""
        except Outage:
            return None, why

    def _order(self, effect: SendInstruction) -> RailOrder:
        instruction = effect.instruction
        return RailOrder(
            instruction_id=self._reference(instruction.instruction_id),
            attempt=effect.attempt,
            participant_id=instruction.participant_id,
            currency=instruction.currency,
            direction=instruction.direction,
            amount_minor=instruction.amount_minor,
        )

    def _is_first(self, effect_id: str) -> bool:
        if self._repeats_up_to is None or effect_id in self._begun:
            return False
        return _height(effect_id) > self._repeats_up_to

    def _begin(self, effect_id: str) -> None:
        """Remember a send until it is certain that it did nothing."""
        self._begun[effect_id] = None
        if len(self._begun) > BEGUN_MAX:
            forgotten, _ = self._begun.popitem(last=False)
            if self._repeats_up_to is not None:
                self._repeats_up_to = max(self._repeats_up_to, _height(forgotten))

    # -- asking -----------------------------------------------------------------------------------

    async def _ask(self, effect: SendInstruction | AskInstruction, instruction_id: str) -> Answer:
        """Ask in the region of the attempt, then in the others: the books are the same."""
        rail = self._rails.get(effect.rail)
        if rail is None:
            raise NotDone(f"there is no rail {effect.rail!r}")
        reference = self._reference(instruction_id)
        others = (region for region in rail.regions if region != effect.region)
        silence = NotDone(f"{effect.rail} has no region")
        for region in (effect.region, *others):
            try:
                asking = rail.status(reference, attempt=effect.attempt, region=region)
                return await within(self._answer_s_max, asking)
            except (Outage, TimeoutError) as outage:
                silence = NotDone(f"nothing is known of {instruction_id}: {outage}")
        raise silence

    def _reference(self, instruction_id: str) -> str:
        return f"{self._chain}:{instruction_id}"

    # -- telling ----------------------------------------------------------------------------------

    def _outcomes(
        self,
        effect: SendInstruction | AskInstruction,
        instruction_id: str,
        answer: Answer | None,
        why: str,
    ) -> Outcomes:
        if answer is None:
            log.info("rail_silent", rail=effect.rail, instruction_id=instruction_id, why=why)
        command = _told(
            answer, instruction_id=instruction_id, attempt=effect.attempt, rail=effect.rail
        )
        # The key says all that the command says, so a key never comes with two contents.
        content = hashlib.sha256(msgspec.json.encode(command)).hexdigest()[:16]
        name = hashlib.sha256(instruction_id.encode()).hexdigest()[:32]
        return [(f"rail:{name}:{effect.attempt}:{command.outcome}:{content}", command)]


def _told(answer: Answer | None, *, instruction_id: str, attempt: int, rail: str) -> NoteOutcome:
    code, reference, charges_minor = "", "", 0
    match answer:
        case Settled():
            outcome = OutcomeKind.SETTLED
            reference, charges_minor = answer.rail_reference, answer.charges_minor
        case Refused():
            outcome, code = OutcomeKind.REFUSED, answer.code
        case Pending():
            outcome = OutcomeKind.PENDING
        case Absent():
            outcome = OutcomeKind.ABSENT
        case None:
            outcome = OutcomeKind.UNKNOWN
    return NoteOutcome(
        instruction_id=instruction_id,
        attempt=attempt,
        outcome=outcome,
        code=code,
        rail=rail,
        rail_reference=reference,
        charges_minor=charges_minor,
    )


def _height(effect_id: str) -> int:
    """Return the journal height in an effect's id `<chain>:<height>:<index>`."""
    return int(effect_id.rsplit(":", 2)[1])
