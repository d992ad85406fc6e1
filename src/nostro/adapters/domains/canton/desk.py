"""Who is in charge of a coordinator's rounds on the ledger?

One `Desk` contract says it, by its epoch. Every choice that holds, executes or releases names the
contract id of the desk; a coordinator that takes over replaces the desk by one of a higher epoch,
and whatever an earlier one still has under way then fails for ever.
"""

from __future__ import annotations

import asyncio

from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.errors import Declined
from nostro.adapters.domains.canton.model import DESK, create, exercise
from nostro.adapters.domains.canton.reading import Reading
from nostro.adapters.domains.canton.submitting import Submitting
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.runtime.ports import NotDone, OutcomeUnknown

TAKING_MAX = 5
"""How often one coordinator tries to take the desk over from others that do the same."""


class Taken(Exception):
    """A coordinator of a higher epoch is in charge."""


class Charge:
    """Takes the desk of one coordinator, and says under which contract id it is held."""

    def __init__(
        self, terms: CantonTerms, client: CantonClient, reading: Reading, submitting: Submitting
    ) -> None:
        self._terms = terms
        self._client = client
        self._reading = reading
        self._submitting = submitting
        self._taking = asyncio.Lock()
        self._synchronizer = ""

    async def desk(self, epoch: int) -> str:
        """Return the contract id of the desk, held by this epoch. Raises Taken, or
        NotDone: whoever holds the desk, nothing is done for any round yet."""
        at_hand = self._held_by(epoch)
        if at_hand:
            return at_hand
        async with self._taking:
            for _ in range(TAKING_MAX):
                at_hand = self._held_by(epoch)
                if at_hand:
                    return at_hand
                before = dict(self._reading.view.desks)
                try:
                    await self._take(epoch)
                except OutcomeUnknown as unknown:
                    raise NotDone(f"the desk may be ours or not: {unknown}") from unknown
                except Declined as declined:
                    # Somebody else took it meanwhile; who, the ledger says.
                    await self._reading.read_on()
                    if self._reading.view.desks == before:
                        raise NotDone(f"the desk cannot be taken: {declined}") from declined
        raise NotDone("others take the desk over and over")

    async def synchronizer(self) -> str:
        """Return the id of the synchronizer on which rounds settle. Raises NotDone."""
        if not self._synchronizer:
            wanted = self._terms.synchronizer
            try:
                connected = await self._client.synchronizers(self._terms.executor)
            except Declined as declined:
                raise NotDone(f"no synchronizer is told: {declined}") from declined
            for each in connected:
                if wanted in (each.synchronizer_id, each.synchronizer_alias, ""):
                    self._synchronizer = each.synchronizer_id
                    break
            else:
                raise NotDone(f"the executor is not connected to {wanted or 'any synchronizer'}")
        return self._synchronizer

    def _held_by(self, epoch: int) -> str:
        """Return the desk's contract id when this epoch holds it, "" when it is to be taken."""
        desks = self._reading.view.desks
        if len(desks) > 1:
            raise NotDone(f"the coordinator has {len(desks)} desks: people must look")
        for contract_id, held_by in desks.items():
            if held_by > epoch:
                raise Taken
            return contract_id if held_by == epoch else ""
        return ""

    async def _take(self, epoch: int) -> None:
        terms = self._terms
        at = await self.synchronizer()
        for contract_id in self._reading.view.desks:
            command = exercise(DESK, contract_id, "Desk_Raise", epoch=str(epoch))
            name = f"desk:{terms.coordinator}:{epoch}"
            await self._submitting.submit(name, command, synchronizer=at)
            return
        command = create(
            DESK, executor=terms.executor, coordinator=terms.coordinator, epoch=str(epoch)
        )
        await self._submitting.submit(f"desk:{terms.coordinator}", command, synchronizer=at)
