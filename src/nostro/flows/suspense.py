"""What stands in for a bank's account that the ledger will not book to?

What is final is booked, whatever an account's owner or an officer has done to it since. A transfer
that is refused goes by way of suspense: from the account that pays or, if it will not pay, from
claims (what that bank then owes us); and on to the account that receives or, if it takes nothing,
it stays in suspense (what we then owe that bank). Someone clears both by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from nostro.flows import books
from nostro.kernel.reply import Reply
from nostro.kernel.room import Order, Step
from nostro.ledger import CreateTransfers, NewTransfer

EXISTS = "ledger.exists"
LEGS = ("out", "claim", "in")
"""From the account that pays into suspense, or from claims if it will not pay; and out of it."""
Then = Callable[[Reply], Sequence[Step]]


def refused(reply: Reply) -> dict[int, tuple[str, Mapping[str, Any]]]:
    """Return which transfers of a command were refused, by index: code and facts."""
    results = reply.body["results"]
    return {index: (code, facts) for index, code, facts in results if code != EXISTS}


def recorded(transfers: Sequence[NewTransfer]) -> Order:
    """Return the order that records transfers, each of which names both accounts."""

    def then(reply: Reply) -> Sequence[Step]:
        return [step for index in refused(reply) for step in by_suspense(transfers[index])]

    return Order(CreateTransfers(transfers=list(transfers)), then=then)


def by_suspense(transfer: NewTransfer, void: NewTransfer | None = None) -> Sequence[Step]:
    """Return the steps that book a refused transfer by way of suspense; `void` releases the hold
    that it was to post."""
    currency = transfer.debit.rpartition(":")[2]
    suspense = books.suspense_account(currency)
    take = _leg(transfer, "out", debit=transfer.debit, credit=suspense)
    claim = _leg(transfer, "claim", debit=books.claims_account(currency), credit=suspense)
    give = _leg(transfer, "in", debit=suspense, credit=transfer.credit)
    together = [take]
    instead = [claim]
    if void is not None:
        together.insert(0, msgspec.structs.replace(void, linked=True))
        instead.insert(0, void)

    def then(reply: Reply) -> Sequence[Step]:
        return [Order(CreateTransfers(transfers=instead))] if refused(reply) else []

    return [
        Order(CreateTransfers(transfers=together), then=then),
        Order(CreateTransfers(transfers=[give])),
    ]


def leg_id(transfer_id: str, leg: str) -> str:
    """Return the id of one of the LEGS by which a refused transfer is booked."""
    head, _, name = transfer_id.partition(":")
    return f"{head}.{leg}:{name}"


def _leg(transfer: NewTransfer, leg: str, *, debit: str, credit: str) -> NewTransfer:
    return NewTransfer(
        id=leg_id(transfer.id, leg),
        debit=debit,
        credit=credit,
        amount_minor=transfer.amount_minor,
        code=books.TransferCode.SUSPENSE,
        reference=transfer.id,
    )
