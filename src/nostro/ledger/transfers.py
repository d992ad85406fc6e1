"""Which transfers of a command are recorded, in order, and why are the others refused?

Most transfers are plain: `ledger.plain` takes these as fast as Python allows and stops at the first
that is anything else, or that is to be refused; `_judge` then applies every rule to that one, in
the order of ledger.rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nostro.kernel.messages import Rejection
from nostro.kernel.room import Context, Decision
from nostro.ledger.commands import Action, Balancing, NewTransfer
from nostro.ledger.content import ID_LENGTH_MAX, are_ids, check_content, is_id
from nostro.ledger.draft import Draft, TotalsNeeded
from nostro.ledger.events import LineKind, TransfersRefused
from nostro.ledger.holds import decide_hold, decide_post, decide_void
from nostro.ledger.moves import amount_that_fits, both_accounts, check_moving, line_of
from nostro.ledger.plain import plain_run
from nostro.ledger.repeats import repeated
from nostro.ledger.reversals import decide_reversal
from nostro.ledger.rules import (
    EXISTS,
    FINAL,
    LINKED_CHAIN_OPEN,
    LINKED_FAILED,
    TRANSFERS_MAX,
)
from nostro.ledger.state import LedgerState


def create_each(state: LedgerState, transfers: Sequence[NewTransfer], context: Context) -> Decision:
    """Decide transfers in order, each with its own result, linked ones as chains."""
    draft = _drafted(state, transfers, context, _take_each)
    return Decision(draft.events(), _body(draft))


def create_together(
    state: LedgerState, transfers: Sequence[NewTransfer], context: Context
) -> Decision:
    """Decide transfers in order, all or none; raises the first Rejection that is not final."""
    try:
        draft = _drafted(state, transfers, context, _take_all)
    except _Refused as refused:
        no, transfer = refused.no, transfers[refused.index]
        place = {"index": refused.index, "id": transfer.id[:ID_LENGTH_MAX]}
        told = Rejection(no.code, **{**no.facts, **place})
        if no.code not in FINAL:
            raise told from None
        return Decision((TransfersRefused([(transfer.id, no.code)]),), None, told)
    return Decision(draft.events(), _body(draft))


def _body(draft: Draft) -> dict[str, object]:
    body: dict[str, object] = {"created": len(draft.lines), "results": draft.results}
    if draft.notes:
        body["notes"] = draft.notes
    return body


class _Refused(Exception):
    """One of transfers that only go together was refused."""

    def __init__(self, index: int, no: Rejection) -> None:
        super().__init__(index, no)
        self.index = index
        self.no = no


_Take = Callable[[Draft, Sequence[NewTransfer], int], int]
"""Decides what begins at an index, records it in the draft, and returns the index after it."""


def _drafted(
    state: LedgerState, transfers: Sequence[NewTransfer], context: Context, take: _Take
) -> Draft:
    if len(transfers) > TRANSFERS_MAX:
        raise Rejection("ledger.too_many_transfers", count=len(transfers), count_max=TRANSFERS_MAX)
    ids = [transfer.id for transfer in transfers]
    well_formed = are_ids(ids)
    draft = Draft(state, context, ids)
    try:
        _run(draft, transfers, take, plain=well_formed)
    except TotalsNeeded:
        draft = Draft(state, context, ids)
        draft.add_up_totals()
        _run(draft, transfers, take, plain=False)
    return draft


def _run(draft: Draft, transfers: Sequence[NewTransfer], take: _Take, *, plain: bool) -> None:
    index, count = 0, len(transfers)
    while index < count:
        if plain:
            index = plain_run(draft, transfers, index)
        if index < count:
            index = take(draft, transfers, index)


def _take_all(draft: Draft, transfers: Sequence[NewTransfer], index: int) -> int:
    """Judge one transfer of those that only go together; raises _Refused."""
    try:
        _judge(draft, index, transfers[index])
    except Rejection as no:
        if no.code != EXISTS:
            raise _Refused(index, no) from None
        draft.refuse(index, transfers[index], no)
    return index + 1


def _take_each(draft: Draft, transfers: Sequence[NewTransfer], index: int) -> int:
    """Judge one transfer, or the chain that begins with it."""
    if transfers[index].linked:
        return _take_chain(draft, transfers, index)
    try:
        _judge(draft, index, transfers[index])
    except Rejection as no:
        draft.refuse(index, transfers[index], no)
    return index + 1


def _take_chain(draft: Draft, transfers: Sequence[NewTransfer], start: int) -> int:
    """Judge a chain: linked transfers and the one after them. One refused, and none is recorded.

    A repeat (`ledger.exists`) counts as success, so that a chain may be sent again.
    """
    end = start
    while end < len(transfers) and transfers[end].linked:
        end += 1
    if end == len(transfers):
        _fail_chain(draft, transfers, range(start, end), end - 1, Rejection(LINKED_CHAIN_OPEN))
        return end
    before = draft.begin()
    for index in range(start, end + 1):
        try:
            _judge(draft, index, transfers[index])
        except Rejection as no:
            if no.code == EXISTS:
                draft.refuse(index, transfers[index], no)
                continue
            draft.go_back(before)
            _fail_chain(draft, transfers, range(start, end + 1), index, no)
            return end + 1
    draft.keep()
    return end + 1


def _fail_chain(
    draft: Draft, transfers: Sequence[NewTransfer], chain: range, failed: int, no: Rejection
) -> None:
    for index in chain:
        told = no if index == failed else Rejection(LINKED_FAILED, failed_index=failed)
        draft.refuse(index, transfers[index], told)


def _judge(draft: Draft, index: int, transfer: NewTransfer) -> None:
    """Apply every rule to one transfer and record it, or raise the Rejection of the first broken
    rule (`ledger.exists` for a repeat)."""
    if not is_id(transfer.id):
        raise Rejection("ledger.bad_id", id=transfer.id[:ID_LENGTH_MAX])
    seen = draft.seen(transfer.id)
    if seen is not None:
        raise repeated(draft.state, transfer, seen)
    check_content(transfer)
    match transfer.action:
        case Action.TRANSFER:
            _decide_transfer(draft, transfer)
        case Action.HOLD:
            decide_hold(draft, transfer)
        case Action.POST:
            decide_post(draft, transfer)
        case Action.VOID:
            decide_void(draft, transfer)
        case Action.REVERSE:
            decide_reversal(draft, transfer)
    _note_what_differs(draft, index, transfer)


def _decide_transfer(draft: Draft, transfer: NewTransfer) -> None:
    debit, credit = both_accounts(draft, transfer)
    check_moving(transfer, debit, credit)
    amount = amount_that_fits(draft, transfer, debit, credit)
    draft.move(debit, credit, posted=amount, pending=0)
    draft.record(
        line_of(
            transfer,
            LineKind.POSTED,
            debit=debit.number,
            credit=credit.number,
            amount_minor=amount,
        )
    )


def _note_what_differs(draft: Draft, index: int, transfer: NewTransfer) -> None:
    """Tell what the caller could not know: the amount of a balancing transfer, a hold closed
    before it came."""
    line = draft.lines[-1]
    if transfer.balancing is not Balancing.NONE:
        draft.notes.append((index, "ledger.balanced", {"amount_minor": line.amount_minor}))
    elif line.kind == LineKind.HOLD_CLOSED:
        draft.notes.append((index, "ledger.hold_closed", {"hold": line.refers_to}))
