"""Which banks take part, and may these two deal with each other in these currencies?"""

from __future__ import annotations

from typing import Any

from nostro.kernel.asset import seeded
from nostro.kernel.messages import Event, Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX
from nostro.kernel.room import Context, Decision
from nostro.payments import commands as c, events as e
from nostro.payments.checks import check_reason, is_id, is_participant_id, is_text
from nostro.payments.cycles import released
from nostro.payments.state import FUNDING, Participant, Payment, PaymentsState, Stage, vostro

NAME_MAX = 140
CURRENCIES_MAX = 200
SUSPENDED = "payments.participant_suspended"
_SHOWN_MAX = 48


# -- a payment -------------------------------------------------------------------------------------


def check_parties(state: PaymentsState, payment: c.NewPayment) -> str:
    """Return the payer of a well-formed payment.

    The payer may be the payee only to exchange one of its currencies for another. Raises Rejection
    `payments.participant_unknown`, `payments.participant_suspended`, `payments.currency_not_held`,
    `payments.account_currency_differs`, `payments.destination_account_differs` or
    `payments.same_party`.
    """
    _, payer, held = payment.source_account.split(":")
    _check_holds(state, payer, held)
    if held != payment.source_currency:
        raise Rejection(
            "payments.account_currency_differs",
            source_account=payment.source_account,
            source_currency=payment.source_currency[:_SHOWN_MAX],
        )
    payee, currency = payment.counterparty_id, payment.destination_currency
    _check_holds(state, payee, currency)
    target = payment.destination_account
    if target.startswith("vostro:") and target != vostro(payee, currency):
        raise Rejection(
            "payments.destination_account_differs",
            destination_account=target,
            counterparty_account=vostro(payee, currency),
        )
    if payer == payee and held == currency:
        raise Rejection("payments.same_party", participant_id=payer, currency=currency)
    return payer


def _check_holds(state: PaymentsState, participant_id: str, currency: str) -> None:
    participant = _known(state, participant_id)
    if participant.suspended:
        raise Rejection(SUSPENDED, participant_id=participant_id)
    if currency not in participant.currencies:
        raise _not_held(participant_id, currency)


def _not_held(participant_id: str, currency: str) -> Rejection:
    return Rejection(
        "payments.currency_not_held",
        participant_id=participant_id,
        currency=currency[:_SHOWN_MAX],
    )


def _known(state: PaymentsState, participant_id: str) -> Participant:
    participant = state.participants.get(participant_id)
    if participant is None:
        raise Rejection("payments.participant_unknown", participant_id=participant_id[:_SHOWN_MAX])
    return participant


# -- a participant ---------------------------------------------------------------------------------


def open_participant(state: PaymentsState, command: c.OpenParticipant) -> Decision:
    """Admit a bank, or more of its currencies."""
    _check_content(command)
    known = state.participants.get(command.participant_id)
    new = list(dict.fromkeys(command.currencies))
    lines = command.credit_lines_minor
    if known is not None:
        _check_same(known, command)
        new = [currency for currency in new if currency not in known.currencies]
        if not new:
            return Decision(body={"participant_id": command.participant_id, "exists": True})
    event = e.ParticipantOpened(
        command.participant_id,
        command.name,
        command.bic,
        command.lei,
        command.country,
        new,
        {currency: lines[currency] for currency in new if lines.get(currency)},
    )
    return Decision([event], body={"participant_id": command.participant_id, "currencies": new})


def _check_content(command: c.OpenParticipant) -> None:
    if not is_participant_id(command.participant_id):
        raise Rejection("payments.bad_id", participant_id=command.participant_id[:_SHOWN_MAX])
    texts = (
        ("name", command.name, NAME_MAX),
        ("bic", command.bic, 11),
        ("lei", command.lei, 20),
        ("country", command.country, 2),
    )
    for field, text, length_max in texts:
        if not is_text(text, length_max=length_max) or (field == "name" and not text):
            raise Rejection("payments.bad_participant", field=field, length_max=length_max)
    if not 0 < len(command.currencies) <= CURRENCIES_MAX:
        raise Rejection("payments.bad_participant", field="currencies")
    for currency in command.currencies:
        seeded(currency)
    for currency, line_minor in sorted(command.credit_lines_minor.items()):
        if currency not in command.currencies or not 0 <= line_minor <= AMOUNT_MINOR_MAX:
            raise Rejection(
                "payments.bad_participant",
                field="credit_lines_minor",
                currency=currency[:_SHOWN_MAX],
            )


def _check_same(known: Participant, command: c.OpenParticipant) -> None:
    """Raise Rejection `payments.participant_exists` if what was said before is said otherwise."""
    differs = [
        field
        for field in ("name", "bic", "lei", "country")
        if getattr(known, field) != getattr(command, field)
    ]
    lines, said = known.credit_lines_minor, command.credit_lines_minor
    both = [currency for currency in command.currencies if currency in known.currencies]
    if any(lines.get(currency, 0) != said.get(currency, 0) for currency in both):
        differs.append("credit_lines_minor")
    if differs:
        raise Rejection(
            "payments.participant_exists", participant_id=known.participant_id, differs=differs
        )


def suspend(state: PaymentsState, command: c.SuspendParticipant) -> Decision:
    """Take no payment from or to a participant, and fail those that nobody nets yet. What is being
    netted or in a batch goes its way: it is counted with by others."""
    check_reason(command.reason)
    participant = _known(state, command.participant_id)
    body = _standing(participant, suspended=True)
    if participant.suspended:
        return Decision(body={**body, "exists": True})
    events: list[Event] = [e.ParticipantSuspended(command.participant_id, command.reason)]
    by_cycle: dict[str, list[Payment]] = {}
    for payment in state.payments.values():
        parties = (payment.item.payer, payment.item.payee)
        waits = payment.stage is Stage.ACCEPTED or payment.stage is Stage.HELD
        if waits and command.participant_id in parties:
            by_cycle.setdefault(payment.cycle_id, []).append(payment)
    for cycle_id, payments in by_cycle.items():
        items = [released(payment, SUSPENDED) for payment in payments]
        events.append(e.PaymentsFailed(cycle_id, items))
    return Decision(events, body=body)


def resume(state: PaymentsState, command: c.ResumeParticipant) -> Decision:
    """Take a participant's payments again."""
    participant = _known(state, command.participant_id)
    body = _standing(participant, suspended=False)
    if not participant.suspended:
        return Decision(body={**body, "exists": True})
    return Decision([e.ParticipantResumed(command.participant_id)], body=body)


def _standing(participant: Participant, *, suspended: bool) -> dict[str, Any]:
    return {"participant_id": participant.participant_id, "suspended": suspended}


def funding_key(command: c.FundParticipant) -> str:
    """Return the key under which a funding is remembered; no participant id has a colon."""
    return f"{FUNDING}{command.participant_id}:{command.reference}"


def fund(state: PaymentsState, command: c.FundParticipant, context: Context) -> Decision:
    """Note money that arrived for a settlement account."""
    participant = _known(state, command.participant_id)
    if command.currency not in participant.currencies:
        raise _not_held(command.participant_id, command.currency)
    if command.amount_minor <= 0:
        raise Rejection("payments.amount_not_positive", amount_minor=command.amount_minor)
    if command.amount_minor > AMOUNT_MINOR_MAX:
        raise Rejection("payments.amount_too_large")
    if not is_id(command.reference):
        raise Rejection("payments.bad_reference", reference=command.reference[:_SHOWN_MAX])
    key = funding_key(command)
    if state.seen.hot(key) is not None or key in context.recalled:
        raise Rejection(
            "payments.funding_exists",
            participant_id=command.participant_id,
            reference=command.reference,
        )
    event = e.ParticipantFunded(
        command.participant_id, command.currency, command.amount_minor, command.reference
    )
    return Decision([event], body={"participant_id": command.participant_id})
