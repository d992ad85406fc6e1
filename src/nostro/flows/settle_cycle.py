"""Which story does a settlement tell: sent, paid in, final, paid out; or failed, or reversed?

No payment is final before every pay-in of its cycle has arrived, and nothing is paid out before
that. What has been paid in is on its way until then: no bank's, and none can spend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nostro.execution import (
    AskInstruction,
    AttemptStarted,
    Direction,
    FundsSecured,
    InstructionFailed,
    InstructionSettled,
    NewInstruction,
    NoteOutcome,
    OutcomeAsked,
    OutcomeKind,
    Purpose,
    ReverseSettlement,
    SendInstruction,
    SettlementFailed,
    SettlementReversed,
    StartPayOuts,
)
from nostro.flows import books, suspense
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Reply
from nostro.kernel.room import Amend, Later, Order, Perform, Step
from nostro.ledger import (
    TRANSFERS_MAX,
    AccountType,
    Action,
    CreateTransfers,
    NewAccount,
    NewTransfer,
    OpenAccounts,
)
from nostro.netting import CloseCycle, CycleClosed
from nostro.payments import (
    ReversePayments,
    SettleBatches,
    SuspendParticipant,
    UnwindCycle,
)

COUNTERPARTY_FAILED = "counterparty_failed"


def _nothing(_no: Rejection) -> Sequence[Step]:
    return []


def send(event: AttemptStarted) -> Sequence[Step]:
    """Send the instruction to the rail, once the row is durable."""
    effect = SendInstruction(
        settlement_id=event.settlement_id,
        instruction=event.instruction,
        attempt=event.attempt,
        rail=event.rail,
        region=event.region,
    )
    return [Perform(effect)]


def ask(event: OutcomeAsked) -> Sequence[Step]:
    """Ask the rail what became of an attempt."""
    effect = AskInstruction(
        settlement_id=event.settlement_id,
        instruction_id=event.instruction_id,
        attempt=event.attempt,
        rail=event.rail,
        region=event.region,
    )
    return [Perform(effect)]


def secure(event: FundsSecured) -> Sequence[Step]:
    """Credit the pay-ins, make the payments final, set the pay-outs aside, and have them sent."""
    settle = SettleBatches(cycle_id=event.settlement_id, batch_ids=event.batch_ids)
    close = CloseCycle(cycle_id=event.settlement_id, outcome="settled")
    # The postings of what has become final come first: they bring the money that is paid out.
    return [*_credit(event.pay_ins), Order(settle), Order(close), Later(_set_aside(event))]


def _credit(pay_ins: Sequence[NewInstruction]) -> Sequence[Step]:
    """Credit what has been paid in. Until now it was on its way: a bank that could spend it before
    finality would have it twice if the settlement failed and it were returned."""
    transfers = [
        NewTransfer(
            id=books.instruction_id(each.instruction_id, "final"),
            debit=books.transit_account(each.currency),
            credit=books.vostro_account(each.participant_id, each.currency),
            amount_minor=each.amount_minor,
            code=books.TransferCode.PAY_IN,
        )
        for each in pay_ins
    ]
    starts = range(0, len(transfers), TRANSFERS_MAX)
    return [suspense.recorded(transfers[start : start + TRANSFERS_MAX]) for start in starts]


def _set_aside(event: FundsSecured) -> Sequence[Step]:
    """Hold what is to be paid out, portion by portion; then have it sent."""
    refused: list[tuple[str, str]] = []

    def portion(start: int) -> Sequence[Step]:
        some = event.pay_outs[start : start + TRANSFERS_MAX]
        if not some:
            return [Order(StartPayOuts(settlement_id=event.settlement_id, refused=refused))]

        def then(reply: Reply) -> Sequence[Step]:
            found = suspense.refused(reply).items()
            refused.extend((some[index].instruction_id, code) for index, (code, _) in found)
            return portion(start + TRANSFERS_MAX)

        return [Order(CreateTransfers(transfers=[_aside(each) for each in some]), then=then)]

    return portion(0)


def _aside(instruction: NewInstruction) -> NewTransfer:
    currency = instruction.currency
    return NewTransfer(
        id=books.instruction_id(instruction.instruction_id),
        action=Action.HOLD,
        debit=books.vostro_account(instruction.participant_id, currency),
        credit=books.transit_account(currency),
        amount_minor=instruction.amount_minor,
        code=books.TransferCode.PAY_OUT,
        reference=instruction.transaction_id,
    )


def book(event: InstructionSettled) -> Sequence[Step]:
    """Book what has moved on the account that the rail moves, with its charges."""
    instruction = event.instruction
    currency = instruction.currency
    rail = books.rail_account(event.rail, currency)
    account = NewAccount(id=rail, asset=currency, type=AccountType.ASSET)
    if instruction.direction is Direction.OUT and instruction.purpose is not Purpose.RETURN:
        moves = _pay_out(event, rail)
    else:
        moves = [Order(CreateTransfers(transfers=[_through(event, rail)]))]
    if event.charges_minor:
        charge = NewTransfer(
            id=books.instruction_id(instruction.instruction_id, "charge"),
            debit=books.fees_account(currency),
            credit=rail,
            amount_minor=event.charges_minor,
            code=books.TransferCode.CHARGE,
            reference=event.rail_reference,
        )
        moves.append(Order(CreateTransfers(transfers=[charge])))
    return [Order(OpenAccounts(accounts=[account])), *moves]


def _through(event: InstructionSettled, rail: str) -> NewTransfer:
    """Return the booking of a pay-in, or of its return: on its way to an account of the bank, which
    it reaches with finality only."""
    instruction = event.instruction
    transit = books.transit_account(instruction.currency)
    inward = instruction.direction is Direction.IN
    return NewTransfer(
        id=books.instruction_id(instruction.instruction_id),
        debit=rail if inward else transit,
        credit=transit if inward else rail,
        amount_minor=instruction.amount_minor,
        code=books.TransferCode.PAY_IN if inward else books.TransferCode.PAY_OUT,
        reference=event.rail_reference,
    )


def _pay_out(event: InstructionSettled, rail: str) -> list[Step]:
    instruction = event.instruction
    name = instruction.instruction_id
    post = NewTransfer(
        id=books.instruction_id(name, "post"),
        action=Action.POST,
        refers_to=books.instruction_id(name),
        code=books.TransferCode.PAY_OUT,
        reference=event.rail_reference,
    )
    left = NewTransfer(
        id=books.instruction_id(name, "rail"),
        debit=books.transit_account(instruction.currency),
        credit=rail,
        amount_minor=instruction.amount_minor,
        code=books.TransferCode.PAY_OUT,
        reference=event.rail_reference,
    )
    return [_posted(post, instruction), Order(CreateTransfers(transfers=[left]))]


def _posted(post: NewTransfer, instruction: NewInstruction) -> Order:
    """Post a pay-out's hold, or book it by way of suspense."""
    move = NewTransfer(
        id=post.id,
        debit=books.vostro_account(instruction.participant_id, instruction.currency),
        credit=books.transit_account(instruction.currency),
        amount_minor=instruction.amount_minor,
    )

    def then(reply: Reply) -> Sequence[Step]:
        return suspense.by_suspense(move, _void(instruction)) if suspense.refused(reply) else []

    return Order(CreateTransfers(transfers=[post]), then=then)


def _void(instruction: NewInstruction) -> NewTransfer:
    return NewTransfer(
        id=books.instruction_id(instruction.instruction_id, "void"),
        action=Action.VOID,
        refers_to=books.instruction_id(instruction.instruction_id),
        code=books.TransferCode.PAY_OUT,
    )


def fail(event: InstructionFailed) -> Sequence[Step]:
    """Release what was set aside for a pay-out; if its receiver has failed, reverse what was not
    paid out to it."""
    instruction = event.instruction
    if instruction.direction is Direction.IN:
        return []  # it fails its settlement
    if instruction.purpose is Purpose.RETURN:
        return _credit([instruction])  # what cannot go back is the bank's own, with us
    steps: list[Step] = [Order(CreateTransfers(transfers=[_void(instruction)]))]
    if event.code == COUNTERPARTY_FAILED:
        steps.append(Order(_reversal(event), otherwise=_nothing))
    return steps


def _reversal(event: InstructionFailed) -> ReversePayments:
    instruction = event.instruction
    if instruction.purpose is Purpose.GROSS:
        return ReversePayments(
            cycle_id=event.settlement_id,
            transaction_ids=[instruction.transaction_id],
            reason=event.code,
        )
    return ReversePayments(
        cycle_id=event.settlement_id,
        participant_id=instruction.participant_id,
        currency=instruction.currency,
        up_to_minor=instruction.amount_minor,
        reason=event.code,
    )


def unwind(event: SettlementFailed) -> Sequence[Step]:
    """Take the payments out of their batches: those of a failed counterparty fail, and it is
    suspended; the others wait for the next window."""
    command = UnwindCycle(
        cycle_id=event.settlement_id,
        participant_id=event.participant_id,
        fail=event.code == COUNTERPARTY_FAILED,
        reason=event.code,
    )
    steps: list[Step] = [
        Order(command),
        Order(CloseCycle(cycle_id=event.settlement_id, outcome="unwound")),
    ]
    if command.fail:
        # Whoever has failed would bring down the next window too.
        suspend = SuspendParticipant(participant_id=event.participant_id, reason=event.code)
        steps.append(Order(suspend))
    return steps


def reverse(event: SettlementReversed) -> Sequence[Step]:
    """Reverse the payments of a settlement, or those that are named, and tell which of these it
    does not have."""

    def then(reply: Reply) -> Sequence[Step]:
        missing = reply.body["missing"]
        return [Amend(lambda told: _with(told, missing=missing))] if missing else []

    return [Order(reversal(event), then=then)]


def _with(reply: Reply, **more: Any) -> Reply:
    return Reply(reply.code, reply.facts, {**reply.body, **more})


def reversal(of: SettlementReversed | ReverseSettlement) -> ReversePayments:
    """Return the order that reverses payments, for a settlement that is or will be reversed."""
    return ReversePayments(
        cycle_id=of.settlement_id, transaction_ids=of.transaction_ids, reason=of.reason
    )


def reversal_ahead(outcome: NoteOutcome) -> ReversePayments | None:
    """Return the reversal that an outcome may lead to: its receiver has failed."""
    if outcome.outcome is not OutcomeKind.REFUSED or outcome.code != COUNTERPARTY_FAILED:
        return None
    cycle_id = outcome.instruction_id.partition(":")[0]
    return ReversePayments(cycle_id=cycle_id, reason=outcome.code)


def trade(event: CycleClosed) -> Sequence[Step]:
    """Book the trades that square our position, once the cycle's payments are final."""
    transfers: list[NewTransfer] = []
    for number, each in enumerate(event.fx_trades, start=1):
        legs = (
            ("sold", each.sell_currency, each.sell_minor),
            ("bought", each.buy_currency, each.buy_minor),
        )
        for leg, currency, amount_minor in legs:
            fx, desk = books.fx_account(currency), books.desk_account(currency)
            sold = leg == "sold"
            transfers.append(
                NewTransfer(
                    id=books.trade_id(event.cycle_id, number, leg),
                    debit=fx if sold else desk,
                    credit=desk if sold else fx,
                    amount_minor=amount_minor,
                    code=books.TransferCode.FX,
                    reference=event.cycle_id,
                )
            )
    return [*books.in_commands(transfers)]
