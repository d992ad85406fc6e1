"""Which transfers need no more than a look: plain moves, holds, and posts of whole holds?

Plain is what names two open accounts of one asset and an amount, and nothing that calls for another
rule; or posts all of an open hold that never expires. For these the books are changed here exactly
as the rules one by one would change them; whatever is not plain, or is to be refused, is left to
those.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.ledger.commands import Action, Balancing, NewTransfer
from nostro.ledger.content import is_plainly_described
from nostro.ledger.draft import Draft
from nostro.ledger.events import Line
from nostro.ledger.repeats import ALL_OF_IT
from nostro.ledger.rules import CODE_MAX
from nostro.ledger.state import (
    AMOUNT_PLAIN_MAX,
    CREDITS_LIMITED,
    DEBITS_LIMITED,
    Account,
    Hold,
)

_LIMITED_MAX = max(DEBITS_LIMITED, CREDITS_LIMITED)
"""A guard above this means more than one limit."""
_TRANSFER, _HOLD, _POST, _UNBALANCED = (
    Action.TRANSFER,
    Action.HOLD,
    Action.POST,
    Balancing.NONE,
)
"""Looking a member up in its enum takes a tenth of a microsecond; these stand still."""
_POSTED, _HELD, _HOLD_POSTED = 0, 1, 2
"""The values of LineKind; looking them up there would cost as much as a whole plain transfer."""


def plain_run(draft: Draft, transfers: Sequence[NewTransfer], start: int) -> int:
    """Record plain transfers from `start` on, and return the index of the first that is not."""
    transfer_, hold_, none_ = _TRANSFER, _HOLD, _UNBALANCED
    accounts, rooms, known = draft.state.accounts, draft.rooms, draft.known
    record = draft.lines.append
    index = start
    try:
        for index in range(start, len(transfers)):
            transfer = transfers[index]
            action, amount = transfer.action, transfer.amount_minor
            if amount is None:
                if known is None and _plain_post(draft, transfer):
                    continue
                return index
            if (
                (action is not transfer_ and action is not hold_)
                or not 0 < amount <= AMOUNT_PLAIN_MAX
                or transfer.balancing is not none_
                or transfer.linked
                or transfer.refers_to
                or transfer.timeout_s
            ):
                return index
            debit, credit = accounts[transfer.debit], accounts[transfer.credit]
            asset = debit.asset
            if credit.asset != asset or debit is credit or transfer.asset not in ("", asset):
                return index
            if known is not None and draft.seen(transfer.id) is not None:
                return index
            code, reference = transfer.code, transfer.reference
            effective_at_us, metadata = transfer.effective_at_us, transfer.metadata
            if reference or metadata or effective_at_us is not None:
                if not is_plainly_described(transfer):
                    return index
            elif not 0 <= code <= CODE_MAX:
                return index
            if action is hold_:
                if (debit.guard or credit.guard) and not _hold_room(rooms, debit, credit, amount):
                    return index
                draft.holds[transfer.id] = Hold(debit.number, credit.number, amount, 0)
                kind = _HELD
            else:
                if (debit.guard or credit.guard) and not _take_room(rooms, debit, credit, amount):
                    return index
                kind = _POSTED
            line = Line(
                transfer.id,
                debit.number,
                credit.number,
                amount,
                kind,
                code,
                "",
                reference,
                effective_at_us or 0,
                0,
                0,
                None,
                metadata or None,
            )
            record(line)
            if known is not None:
                known[transfer.id] = line
    except KeyError:  # an account that is not there: the rules will say which
        return index
    return len(transfers)


def _take_room(rooms: dict[int, int], debit: Account, credit: Account, amount: int) -> bool:
    """Take an amount out of what the limits of two accounts allow; or change nothing and say so."""
    debit_guard, credit_guard = debit.guard, credit.guard
    if debit_guard > _LIMITED_MAX or credit_guard > _LIMITED_MAX:
        return False
    debit_room = 0
    if debit_guard:
        number = debit.number
        room = rooms.get(number)
        debit_room = debit.room if room is None else room
        debit_room += amount if debit_guard == CREDITS_LIMITED else -amount
        if debit_room < 0:
            return False
    if credit_guard:
        number = credit.number
        room = rooms.get(number)
        credit_room = credit.room if room is None else room
        credit_room += amount if credit_guard == DEBITS_LIMITED else -amount
        if credit_room < 0:
            return False
        rooms[number] = credit_room
    if debit_guard:
        rooms[debit.number] = debit_room
    return True


def _hold_room(rooms: dict[int, int], debit: Account, credit: Account, amount: int) -> bool:
    """Take an amount that will be pending likewise: it uses room, and gives none."""
    debit_guard, credit_guard = debit.guard, credit.guard
    if debit_guard > _LIMITED_MAX or credit_guard > _LIMITED_MAX:
        return False
    debit_room = 0
    if debit_guard == DEBITS_LIMITED:
        room = rooms.get(debit.number)
        debit_room = (debit.room if room is None else room) - amount
        if debit_room < 0:
            return False
    if credit_guard == CREDITS_LIMITED:
        room = rooms.get(credit.number)
        credit_room = (credit.room if room is None else room) - amount
        if credit_room < 0:
            return False
        rooms[credit.number] = credit_room
    if debit_guard == DEBITS_LIMITED:
        rooms[debit.number] = debit_room
    return True


def _plain_post(draft: Draft, transfer: NewTransfer) -> bool:
    """Record the post of a whole hold that was open before this command; or change nothing and say
    so."""
    hold_id = transfer.refers_to
    hold = draft.state.holds.get(hold_id)
    if (
        hold is None
        or hold.expires_at_us
        or transfer.action is not _POST
        or transfer.balancing is not _UNBALANCED
        or transfer.linked
        or transfer.timeout_s
        or transfer.debit
        or transfer.credit
        or transfer.asset
        or hold_id in draft.holds
        or transfer.id == hold_id
        or not is_plainly_described(transfer)
    ):
        return False
    by_number = draft.state.by_number
    debit, credit = by_number[hold.debit], by_number[hold.credit]
    if debit.guard > _LIMITED_MAX or credit.guard > _LIMITED_MAX:
        return False
    amount, rooms = hold.amount_minor, draft.rooms
    # What was pending is posted: that uses no more room, and the other side of a limit gains.
    if debit.guard == CREDITS_LIMITED:
        rooms[debit.number] = draft.room(debit) + amount
    if credit.guard == DEBITS_LIMITED:
        rooms[credit.number] = draft.room(credit) + amount
    draft.holds[hold_id] = None
    draft.lines.append(
        Line(
            transfer.id,
            hold.debit,
            hold.credit,
            amount,
            _HOLD_POSTED,
            transfer.code,
            hold_id,
            transfer.reference,
            transfer.effective_at_us or 0,
            0,
            0,
            ALL_OF_IT,
            transfer.metadata or None,
        )
    )
    return True
