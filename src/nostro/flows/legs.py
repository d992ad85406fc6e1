"""As which transfers do the legs of a round stand in a ledger, and what does its refusal mean?

A leg is one transfer from party to party. Where somebody passes on what he receives in the same
round, the legs go through a clearing account, all receipts before all deliveries: only what is net
must be there, and every leg is recorded gross all the same (CIP-112 and T2S call this net
locking).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nostro.flows import books
from nostro.kernel.movement import Lacking, Move
from nostro.ledger import AccountType, NewAccount, NewTransfer

LACKING = ("ledger.exceeds_credits", "ledger.exceeds_debits")
NEVER_HAD = "ledger.debit_not_found"
NEVER_GOT = "ledger.credit_not_found"
BLOCKED_ACCOUNT = (
    "ledger.debit_frozen",
    "ledger.credit_frozen",
    "ledger.debit_closed",
    "ledger.credit_closed",
)
BLOCKED_CREDIT = ("ledger.credit_frozen", "ledger.credit_closed")
WORTH_ANOTHER_TRY = (NEVER_GOT, *BLOCKED_CREDIT)
"""What is refused together with others and may be done by itself: with accounts opened first, or,
of what was set aside, past a wallet that takes nothing."""
OF_CUSTODY = {
    "custody.lacking": "lacking",
    "custody.account_unknown": "account",
    "custody.account_blocked": "account",
    "custody.stuck": "stuck",
    "custody.released": "closed",
    "custody.executed": "done",
    "custody.unknown": "unknown",
    "custody.fenced": "fenced",
    "custody.content_differs": "content_differs",
}
"""What custody refuses, in the words in which every settlement domain does."""
_DVP = int(books.TransferCode.DVP)


def source_account(move: Move) -> str:
    """Return the account that a leg leaves."""
    purse = books.unsettled_account if move.prefunded else books.wallet_account
    return purse(move.source, move.asset)


def passes_on(moves: Sequence[Move]) -> bool:
    """Tell whether somebody gives of what he receives in the same round."""
    if len(moves) <= 2:
        (first, *others) = moves
        if all(first.asset != each.asset for each in others):
            return False
    given = {(move.source, move.asset) for move in moves if not move.prefunded}
    return any((move.target, move.asset) in given for move in moves)


def receiving_accounts(moves: Sequence[Move]) -> list[NewAccount]:
    """Return the accounts, each once, that must be there for legs to arrive."""
    wallets = {(move.target, move.asset): None for move in moves}
    return [books.wallet_of(party, asset) for party, asset in wallets]


def clearing_accounts(moves: Sequence[Move]) -> list[NewAccount]:
    """Return the accounts through which legs go that somebody passes on; nothing stays there."""
    return [
        NewAccount(id=books.clearing_account(asset), asset=asset, type=AccountType.LIABILITY)
        for asset in sorted({move.asset for move in moves})
    ]


def transfers_of(stem: str, moves: Sequence[Move]) -> list[NewTransfer]:
    """Return the transfers of legs, to be recorded together; `stem` names them, numbered from 1."""
    if passes_on(moves):
        return _cleared(stem, moves)
    return [
        NewTransfer(
            id=f"{stem}:{number}",
            debit=source_account(move),
            credit=books.wallet_account(move.target, move.asset),
            amount_minor=move.amount_minor,
            code=_DVP,
        )
        for number, move in enumerate(moves, 1)
    ]


def _cleared(stem: str, moves: Sequence[Move]) -> list[NewTransfer]:
    receipts = [
        NewTransfer(
            id=f"{stem}:{number}.in",
            debit=books.clearing_account(move.asset),
            credit=books.wallet_account(move.target, move.asset),
            amount_minor=move.amount_minor,
            code=_DVP,
        )
        for number, move in enumerate(moves, 1)
    ]
    deliveries = [
        NewTransfer(
            id=f"{stem}:{number}.out",
            debit=source_account(move),
            credit=books.clearing_account(move.asset),
            amount_minor=move.amount_minor,
            code=_DVP,
        )
        for number, move in enumerate(moves, 1)
    ]
    return receipts + deliveries


def lacking_of(code: str, facts: Mapping[str, Any], moves: Sequence[Move]) -> list[Lacking]:
    """Return who has how much of what these legs take, where the ledger's refusal says so."""
    if code == NEVER_HAD:
        account = facts["account"]
        return [Lacking(m.source, m.asset, 0) for m in moves if source_account(m) == account][:1]
    if code not in LACKING:
        return []
    _, party, asset = facts["account"].split(":")
    return [Lacking(party, asset, facts["available_minor"])]


def said(code: str) -> str:
    """Return a ledger's refusal in the words in which every settlement domain refuses: `lacking`,
    `account`, else as it is."""
    if code in LACKING or code == NEVER_HAD:
        return "lacking"
    return "account" if code == NEVER_GOT or code in BLOCKED_ACCOUNT else code
