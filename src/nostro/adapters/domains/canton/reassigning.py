"""How does a holding come to the synchronizer on which rounds settle?

In two transactions, which are not atomic: it is taken off one synchronizer, and then brought to the
other. Between the two it is nowhere and cannot be used, though its owner does not change. What
stopped half way, whoever began it, is brought to its end before the holding is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nostro.adapters.domains.canton.errors import Declined
from nostro.adapters.domains.canton.ledger_view import Piece
from nostro.adapters.domains.canton.reading import Reading
from nostro.adapters.domains.canton.shapes import Assign, Unassign
from nostro.adapters.domains.canton.submitting import Submitting
from nostro.runtime.ports import NotDone

STEPS_MAX = 4
"""To bring one holding home: to where it was going, off there, and to us; and one that was lost."""


class Reassigning:
    """Brings holdings to one synchronizer; the registrar of each submits it."""

    def __init__(self, reading: Reading, submitting: Submitting) -> None:
        self._reading = reading
        self._submitting = submitting

    async def bring(self, pieces: Sequence[Piece], synchronizer: str) -> None:
        """Bring these to a synchronizer, if they are not there. Raises NotDone, OutcomeUnknown or
        Declined; what has come by then stays."""
        for piece in pieces:
            if piece.synchronizer != synchronizer:
                await self._bring(piece.contract_id, synchronizer)

    async def finish(self, synchronizer: str) -> int:
        """Bring to its end what was taken off a synchronizer to come to this one, and say how many
        holdings did."""
        begun = [
            piece
            for piece, event in self._reading.view.on_their_way()
            if event.target == synchronizer
        ]
        await self.bring(begun, synchronizer)
        return len(begun)

    async def _bring(self, contract_id: str, synchronizer: str) -> None:
        for _ in range(STEPS_MAX):
            piece = self._reading.view.pieces.get(contract_id)
            if piece is None or piece.synchronizer == synchronizer:
                return  # if it is gone, whoever wanted it will hear so
            try:
                await self._step(piece, synchronizer)
            except Declined:
                await self._reading.read_on()
                if self._reading.view.pieces.get(contract_id) == piece:
                    raise
        raise NotDone(f"holding {contract_id} does not come to {synchronizer}")

    async def _step(self, piece: Piece, synchronizer: str) -> None:
        begun = self._reading.view.unassigned.get(piece.contract_id)
        submitter = piece.instrument.admin
        if begun is not None:
            step = Assign(
                reassignment_id=begun.reassignment_id, source=begun.source, target=begun.target
            )
            name = _command_id("assign", begun.reassignment_id)
            await self._submitting.reassign(name, step, submitter=submitter)
            return
        leave = Unassign(
            contract_id=piece.contract_id, source=piece.synchronizer, target=synchronizer
        )
        name = _command_id("unassign", f"{piece.contract_id} {piece.moves}")
        await self._submitting.reassign(name, leave, submitter=submitter)


def _command_id(step: str, what: str) -> str:
    """Return the command id of a step: what it is about may be longer than a command id."""
    return f"{step}:{hashlib.sha256(what.encode()).hexdigest()}"
