"""Which story does a payment tell: accepted and held, final and posted; or released, or reversed?

Funds are held when a payment is accepted, in the same journal row. It is final when every pay-in of
its cycle has arrived: then its hold is posted. An account that the ledger will not book to (frozen,
closed) does not stop what is final (flows.suspense).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import msgspec

from nostro.flows import books, suspense
from nostro.kernel.reply import Reply
from nostro.kernel.room import Amend, Order, Step
from nostro.ledger import (
    Action,
    CreateTransfers,
    NewTransfer,
    OpenAccounts,
)
from nostro.payments import (
    ParticipantFunded,
    ParticipantOpened,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    RefusePayments,
    Released,
    Settled,
    Submitted,
    TransactionCancelled,
    TransactionsSubmitted,
)
from nostro.risk import Release, Reservation, Reserve

HELD_FOR_REVIEW = "payments.held_for_review"


def open_accounts(event: ParticipantOpened) -> Sequence[Step]:
    """Open a bank's settlement accounts, and those that it shares with the others."""
    accounts = [
        account
        for currency in event.currencies
        for account in books.settlement_accounts(
            event.participant_id,
            currency,
            credit_line_minor=event.credit_lines_minor.get(currency, 0),
        )
    ]
    return [Order(OpenAccounts(accounts=accounts))]


def fund(event: ParticipantFunded) -> Sequence[Step]:
    """Credit the money that arrived at our account."""
    transfer = NewTransfer(
        id=books.funding_id(event.participant_id, event.reference),
        debit=books.rail_account(books.FUNDING_RAIL, event.currency),
        credit=books.vostro_account(event.participant_id, event.currency),
        amount_minor=event.amount_minor,
        code=books.TransferCode.FUNDING,
        reference=event.reference,
    )
    return [suspense.recorded([transfer])]


# -- acceptance ------------------------------------------------------------------------------------


def accept(event: TransactionsSubmitted) -> Sequence[Step]:
    """Hold the funds, count the payments against the limits, refuse those that fail either."""
    items = event.items

    def held(reply: Reply) -> Sequence[Step]:
        poor = suspense.refused(reply)
        if not poor:
            return [Order(Reserve(items=_reservations(items)), then=reserved({}))]
        rich = [item for index, item in enumerate(items) if index not in poor]
        refused = {items[index].transaction_id: no for index, no in poor.items()}
        return [Order(Reserve(items=_reservations(rich)), then=reserved(refused))]

    def reserved(refused: dict[str, tuple[str, Mapping[str, Any]]]) -> Any:
        def then(reply: Reply) -> Sequence[Step]:
            over = reply.body["refused"]
            if not over and not refused:
                return []
            steps: list[Step] = []
            if over:
                voids = [_void(transaction_id) for transaction_id, _, _ in over]
                steps.append(Order(CreateTransfers(transfers=voids)))
                refused.update({each: (code, facts) for each, code, facts in over})
            told = [(each, code) for each, (code, _) in refused.items()]
            steps.append(Order(RefusePayments(refused=told)))
            steps.append(Amend(_without(refused, items)))
            return steps

        return then

    return [Order(CreateTransfers(transfers=[_hold(item) for item in items]), then=held)]


def _hold(item: Submitted) -> NewTransfer:
    source = item.source_currency
    same = source == item.destination_currency
    return NewTransfer(
        id=books.payment_hold_id(item.transaction_id),
        action=Action.HOLD,
        debit=books.vostro_account(item.payer, source),
        credit=books.vostro_account(item.payee, source) if same else books.fx_account(source),
        amount_minor=item.amount_minor,
        code=books.TransferCode.PAYMENT,
    )


def _reservations(items: Sequence[Submitted]) -> list[Reservation]:
    return [
        Reservation(
            item.transaction_id,
            item.payer,
            item.payee,
            item.source_currency,
            item.amount_minor,
            item.destination_currency,
        )
        for item in items
    ]


def _without(
    refused: Mapping[str, tuple[str, Mapping[str, Any]]], items: Sequence[Submitted]
) -> Any:
    """Return how the answer to a submission changes when some of it was refused after all."""

    def change(reply: Reply) -> Reply:
        body = dict(reply.body)
        if "payment" in body and items[0].transaction_id in refused:
            code, facts = refused[items[0].transaction_id]
            return Reply(code=code, facts={**facts, "transaction_id": items[0].transaction_id})
        told = {index: result for index, *result in body["results"]}
        taken = {index for index, (code, _) in told.items() if code != HELD_FOR_REVIEW}
        places = (index for index in count() if index not in taken)
        for item, index in zip(items, places, strict=False):
            if item.transaction_id in refused:
                told[index] = list(refused[item.transaction_id])
        body["accepted"] -= len(refused)
        body["results"] = [[index, *told[index]] for index in sorted(told)]
        return msgspec.structs.replace(reply, body=body)

    return change


# -- the end without settlement --------------------------------------------------------------------


def release(event: PaymentsFailed) -> Sequence[Step]:
    """Release the holds and the limits of payments that will never settle."""
    return _release(event.items)


def take_back(event: TransactionCancelled) -> Sequence[Step]:
    """Release the hold and the limits of a payment that was taken back."""
    return _release([event.item])


def _release(items: Sequence[Released]) -> Sequence[Step]:
    freed = [
        Reservation(
            item.transaction_id,
            item.payer,
            item.payee,
            item.source_currency,
            item.amount_minor,
            item.destination_currency,
        )
        for item in items
    ]
    voids = [_void(item.transaction_id) for item in items]
    return [*books.in_commands(voids), Order(Release(items=freed))]


def _void(transaction_id: str) -> NewTransfer:
    return NewTransfer(
        id=books.payment_void_id(transaction_id),
        action=Action.VOID,
        refers_to=books.payment_hold_id(transaction_id),
        code=books.TransferCode.PAYMENT,
    )


# -- finality --------------------------------------------------------------------------------------


def post(event: PaymentsSettled) -> Sequence[Step]:
    """Post the holds of a batch and credit what is received in another currency; release limits."""
    transfers: list[NewTransfer] = []
    freed: list[Reservation] = []
    for item in event.items:
        transaction_id, source = item.transaction_id, item.source_currency
        transfers.append(
            NewTransfer(
                id=books.payment_post_id(transaction_id),
                action=Action.POST,
                refers_to=books.payment_hold_id(transaction_id),
                code=books.TransferCode.PAYMENT,
                reference=event.batch_id,
            )
        )
        if source != item.destination_currency:
            transfers.append(_credit(item, event.batch_id))
        freed.append(
            Reservation(
                transaction_id,
                item.payer,
                item.payee,
                source,
                item.amount_minor,
                item.destination_currency,
            )
        )
    by_id = {item.transaction_id: item for item in event.items}

    def booked(reply: Reply) -> Sequence[Step]:
        steps: list[Step] = []
        for index in suspense.refused(reply):
            steps += _instead(transfers[index], by_id, event.batch_id)
        return steps

    return [
        Order(CreateTransfers(transfers=transfers), then=booked),
        Order(Release(items=freed)),
    ]


def _credit(item: Settled, batch_id: str) -> NewTransfer:
    currency = item.destination_currency
    return NewTransfer(
        id=books.payment_credit_id(item.transaction_id),
        debit=books.fx_account(currency),
        credit=books.vostro_account(item.payee, currency),
        amount_minor=item.destination_minor,
        code=books.TransferCode.FX,
        reference=batch_id,
    )


def _instead(refused: NewTransfer, by_id: Mapping[str, Settled], batch_id: str) -> Sequence[Step]:
    """Book a leg that the ledger refused by way of suspense."""
    if refused.action is Action.TRANSFER:
        return suspense.by_suspense(refused)
    item = by_id[refused.id.partition(":")[2]]
    source = item.source_currency
    same = source == item.destination_currency
    move = NewTransfer(
        id=refused.id,
        debit=books.vostro_account(item.payer, source),
        credit=books.vostro_account(item.payee, source) if same else books.fx_account(source),
        amount_minor=item.amount_minor,
        reference=batch_id,
    )
    return suspense.by_suspense(move, _void(item.transaction_id))


# -- reversal --------------------------------------------------------------------------------------


def give_back(event: PaymentsReversed) -> Sequence[Step]:
    """Book settled payments back, by new postings that name the old ones; what a payee no longer
    has is claimed from it."""
    transfers = [transfer for item in event.items for transfer in _reversal(item)]
    return [suspense.recorded(transfers)]


def _reversal(item: Settled) -> list[NewTransfer]:
    source, destination = item.source_currency, item.destination_currency
    payer = books.vostro_account(item.payer, source)
    payee = books.vostro_account(item.payee, destination)
    if source == destination:
        return [
            NewTransfer(
                id=books.payment_reversal_id(item.transaction_id),
                debit=payee,
                credit=payer,
                amount_minor=item.amount_minor,
                code=books.TransferCode.REVERSAL,
                reference=books.payment_post_id(item.transaction_id),
            )
        ]
    return [
        NewTransfer(
            id=books.payment_credit_reversal_id(item.transaction_id),
            debit=payee,
            credit=books.fx_account(destination),
            amount_minor=item.destination_minor,
            code=books.TransferCode.REVERSAL,
            reference=books.payment_credit_id(item.transaction_id),
        ),
        NewTransfer(
            id=books.payment_reversal_id(item.transaction_id),
            debit=books.fx_account(source),
            credit=payer,
            amount_minor=item.amount_minor,
            code=books.TransferCode.REVERSAL,
            reference=books.payment_post_id(item.transaction_id),
        ),
    ]
