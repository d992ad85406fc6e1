"""What does the ledger hold for this coordinator, as far as it has been read?

It begins with the active contracts at one offset and goes on with the updates after it. What our
own commands did is put in at once, ahead of the updates that will tell it again; what these bring
back that has been archived meanwhile is passed over. It is memory only: a new one reads the same.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator

import msgspec
import structlog

from nostro.adapters.domains.canton.answers import (
    AssignedEvent,
    ContractEntry,
    CreatedEvent,
    IncompleteUnassigned,
    Reassignment,
    Transaction,
    UnassignedEvent,
)
from nostro.adapters.domains.canton.model import (
    CLOSED,
    DESK,
    DVP,
    HOLDING,
    MANDATE,
    SETTLED,
    BadPayload,
    ClosedRound,
    DeliveryVersusPayment,
    Desk,
    Holding,
    Instrument,
    Mandate,
    SettledRound,
    name_of,
    payload,
    whole,
)
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.custody import Stage

log = structlog.get_logger(__name__)


class Piece(msgspec.Struct, frozen=True):
    """A holding: an amount in one contract, on its synchronizer ("": on its way between two)."""

    contract_id: str
    owner: str
    instrument: Instrument
    amount_minor: int
    round_id: str
    synchronizer: str
    moves: int = 0
    """How often it was taken off a synchronizer."""

    @property
    def of(self) -> tuple[str, Instrument]:
        """Return whose it is, and what."""
        return self.owner, self.instrument


class Round(msgspec.Struct, frozen=True):
    """Where a round stands. `contract_id`: of its DeliveryVersusPayment, which is archived unless
    it is held; of its ClosedRound once released. `update_id` "" when only the offset of the update
    is known that brought it there."""

    round_id: str
    stage: Stage
    offset: int
    update_id: str
    contract_id: str = ""
    contract: DeliveryVersusPayment | None = None


class LedgerView:
    """The contracts that concern one coordinator; `offset`: up to where all updates are in."""

    def __init__(self, terms: CantonTerms) -> None:
        self._terms = terms
        self._registrars = frozenset(terms.registrars)
        self.offset = 0
        self.desks: dict[str, int] = {}
        """Epoch by contract id: there must be one."""
        self.pieces: dict[str, Piece] = {}
        self.unassigned: dict[str, UnassignedEvent] = {}
        """Of pieces that are on their way."""
        self.rounds: dict[str, Round] = {}
        self._ids: list[str] = []
        self._free: dict[tuple[str, Instrument], dict[str, Piece]] = {}
        self._mandates: dict[str, dict[str, Mandate]] = {}
        self._accounts: dict[str, str] = {}
        self._held: dict[str, str] = {}
        self._gone: dict[str, int] = {}

    # What it tells

    def free(self, owner: str, instrument: Instrument) -> list[Piece]:
        """Return what an owner has and is not locked."""
        return list(self._free.get((owner, instrument), {}).values())

    def mandate(self, account: str) -> tuple[str, Mandate] | None:
        """Return the oldest mandate of an account with its contract id, None without any."""
        return next(iter(self._mandates.get(account, {}).items()), None)

    def beyond(self, after: str, limit: int) -> list[Round]:
        """Return rounds in order of their ids, those beyond `after`."""
        start = bisect_right(self._ids, after)
        return [self.rounds[each] for each in self._ids[start : start + limit]]

    @property
    def ahead(self) -> int:
        """Return how many contracts were archived that the updates up to `offset` do not have."""
        return len(self._gone)

    # What it hears

    def hear_active(self, entry: ContractEntry) -> None:
        """Take in an entry of the active contracts."""
        if entry.active is not None:
            active = entry.active
            moves = active.reassignment_counter
            self._created(active.created_event, "", active.synchronizer_id, moves)
        elif entry.unassigned is not None:
            self._on_its_way(entry.unassigned)
        elif entry.assigned is not None:
            told = entry.assigned.assigned_event
            self._created(told.created_event, "", told.target, told.reassignment_counter)

    def hear(self, told: Transaction | Reassignment) -> None:
        """Take in what a transaction or a reassignment did. What is in already is passed
        over: its contracts may be archived by now."""
        if told.offset <= self.offset:
            return
        if isinstance(told, Reassignment):
            self._reassigned(told)
            return
        for event in told.events:
            if event.archived is not None:
                self._archived(event.archived.contract_id, told.offset)
            elif event.created is not None:
                self._created(event.created, told.update_id, told.synchronizer_id)

    def name_update(self, round_id: str, update_id: str) -> None:
        """Take note which update brought a round to where it stands."""
        self.rounds[round_id] = msgspec.structs.replace(self.rounds[round_id], update_id=update_id)

    def read_to(self, offset: int) -> None:
        """Take note that all updates up to an offset are in."""
        self.offset = max(self.offset, offset)
        self._gone = {each: at for each, at in self._gone.items() if at > offset}

    # One contract

    def _created(
        self, event: CreatedEvent, update_id: str, synchronizer: str, moves: int = 0
    ) -> None:
        if event.contract_id in self._gone:
            return
        name = name_of(event.template_id)
        try:
            if name == HOLDING:
                self._take_piece(event, synchronizer, moves)
            elif name == MANDATE:
                self._take_mandate(event)
            else:
                self._take_own(name, event, update_id)
        except BadPayload as error:
            log.warning("canton_contract_not_read", error=str(error))

    def _take_piece(self, event: CreatedEvent, synchronizer: str, moves: int) -> None:
        told = payload(event, Holding)
        if told.instrument.admin not in self._registrars:
            return
        self._put(
            Piece(
                contract_id=event.contract_id,
                owner=told.owner,
                instrument=told.instrument,
                amount_minor=whole(told.amount),
                round_id=told.lock.round if told.lock else "",
                synchronizer=synchronizer,
                moves=moves,
            )
        )

    def _put(self, piece: Piece) -> None:
        self.pieces[piece.contract_id] = piece
        if not piece.round_id:
            self._free.setdefault(piece.of, {})[piece.contract_id] = piece

    def _take_mandate(self, event: CreatedEvent) -> None:
        told = payload(event, Mandate)
        if told.executor == self._terms.executor:
            self._mandates.setdefault(told.account, {})[event.contract_id] = told
            self._accounts[event.contract_id] = told.account

    def _take_own(self, name: str, event: CreatedEvent, update_id: str) -> None:
        """Take in what the executor alone makes."""
        if name == DESK:
            desk = payload(event, Desk)
            if self._is_ours(desk):
                self.desks[event.contract_id] = whole(desk.epoch)
        elif name == DVP:
            dvp = payload(event, DeliveryVersusPayment)
            if self._is_ours(dvp):
                self._held[event.contract_id] = dvp.round
                self._stands(Stage.HELD, dvp.round, event, update_id, event.contract_id, dvp)
        elif name == SETTLED:
            settled = payload(event, SettledRound)
            if self._is_ours(settled):
                self._stands(Stage.EXECUTED, settled.round, event, update_id, settled.dvp)
        elif name == CLOSED:
            closed = payload(event, ClosedRound)
            if self._is_ours(closed):
                self._stands(Stage.RELEASED, closed.round, event, update_id, event.contract_id)

    def _is_ours(self, contract: Desk | DeliveryVersusPayment | SettledRound | ClosedRound) -> bool:
        terms = self._terms
        return (contract.executor, contract.coordinator) == (terms.executor, terms.coordinator)

    def _stands(
        self,
        stage: Stage,
        round_id: str,
        event: CreatedEvent,
        update_id: str,
        contract_id: str,
        contract: DeliveryVersusPayment | None = None,
    ) -> None:
        """Say where a round stands; it goes forward only."""
        known = self.rounds.get(round_id)
        if known is None:
            insort(self._ids, round_id)
        elif stage is Stage.HELD or (known.stage is stage and known.update_id):
            return
        self.rounds[round_id] = Round(
            round_id, stage, event.offset, update_id, contract_id, contract
        )

    def _archived(self, contract_id: str, offset: int) -> None:
        if offset > self.offset:
            self._gone[contract_id] = offset
        self.desks.pop(contract_id, None)
        self._drop_piece(contract_id)
        account = self._accounts.pop(contract_id, None)
        if account is not None:
            del self._mandates[account][contract_id]
        round_id = self._held.pop(contract_id, None)
        if round_id is not None and self.rounds[round_id].contract_id == contract_id:
            self._forget(round_id)

    def _forget(self, round_id: str) -> None:
        """Take back that a round is held; what became of it is told by the same transaction."""
        if self.rounds[round_id].stage is Stage.HELD:
            del self.rounds[round_id]
            del self._ids[bisect_right(self._ids, round_id) - 1]

    def _drop_piece(self, contract_id: str) -> Piece | None:
        piece = self.pieces.pop(contract_id, None)
        self.unassigned.pop(contract_id, None)
        if piece is not None:
            self._free.get(piece.of, {}).pop(contract_id, None)
        return piece

    # Between synchronizers

    def _on_its_way(self, told: IncompleteUnassigned) -> None:
        moves = told.unassigned_event.reassignment_counter
        self._created(told.created_event, "", "", moves)
        if told.created_event.contract_id in self.pieces:
            self.unassigned[told.created_event.contract_id] = told.unassigned_event

    def _reassigned(self, told: Reassignment) -> None:
        for event in told.events:
            if event.assigned is not None:
                self._arrived(event.assigned)
            elif event.unassigned is not None:
                self._left(event.unassigned.value)

    def _left(self, told: UnassignedEvent) -> None:
        piece = self._drop_piece(told.contract_id)
        if piece is not None:
            moves = told.reassignment_counter
            self._put(msgspec.structs.replace(piece, synchronizer="", moves=moves))
            self.unassigned[told.contract_id] = told

    def _arrived(self, told: AssignedEvent) -> None:
        created = told.created_event
        self._drop_piece(created.contract_id)
        if name_of(created.template_id) == HOLDING:
            self._created(created, "", told.target, told.reassignment_counter)

    def on_their_way(self) -> Iterator[tuple[Piece, UnassignedEvent]]:
        """Go through the pieces that were taken off one synchronizer and have not come to
        another."""
        for contract_id, event in self.unassigned.items():
            yield self.pieces[contract_id], event
