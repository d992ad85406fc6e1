"""How does money reach wallets that may not take it?

What a trade brought or an order released is its owner's all the same: where the ledger refuses to
credit a wallet (frozen, closed), it goes to suspense, until someone releases it.
"""

from __future__ import annotations

from collections.abc import Sequence

from nostro.exchange import SuspendFunds
from nostro.flows import books
from nostro.kernel.reply import Reply
from nostro.kernel.room import Join, Order, Step
from nostro.ledger import TRANSFERS_MAX, CreateTransfers, CreateTransfersTogether, NewTransfer


def credited(transfers: Sequence[NewTransfer]) -> Sequence[Step]:
    """Return the steps that record transfers, of which only credits to wallets may be refused."""
    return [Join(_recorded, transfers)] if transfers else ()


def _recorded(transfers: Sequence[NewTransfer]) -> Sequence[Step]:
    starts = range(0, len(transfers), TRANSFERS_MAX)
    return [_command(transfers[start : start + TRANSFERS_MAX]) for start in starts]


def _command(transfers: Sequence[NewTransfer]) -> Order:
    def then(reply: Reply) -> Sequence[Step]:
        if not reply.body["results"]:
            return ()
        refused = ((transfers[index], code) for index, code, _ in reply.body["results"])
        return [step for transfer, code in refused for step in _suspended(transfer, code)]

    return Order(CreateTransfers(transfers=list(transfers)), then=then)


def _suspended(transfer: NewTransfer, reason: str) -> Sequence[Step]:
    what, user_id, asset = transfer.credit.split(":")
    assert what == "wallet", f"{transfer.id} is no credit to a wallet and was refused: {reason}"
    assert transfer.amount_minor is not None
    id = books.suspended_id(transfer.id)
    away = NewTransfer(
        id=id,
        debit=transfer.debit,
        credit=books.suspense_account(asset),
        amount_minor=transfer.amount_minor,
        code=books.TransferCode.SUSPENSE,
        reference=transfer.id,
    )
    noted = SuspendFunds(
        user_id=user_id,
        asset=asset,
        amount_minor=transfer.amount_minor,
        transfer_id=id,
        reason=reason,
    )
    return [Order(CreateTransfersTogether(transfers=[away])), Order(noted)]
