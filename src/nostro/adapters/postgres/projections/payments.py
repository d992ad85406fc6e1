"""Which rows do payments leave: participants, payments, their own events, what settles each day?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nostro.adapters.postgres.copy import NULL
from nostro.adapters.postgres.projections.gathering import quick, written
from nostro.adapters.postgres.projections.payment_tables import PaymentTables
from nostro.kernel.messages import Event, kind_of
from nostro.kernel.room import Position
from nostro.payments import (
    EVENT_TYPES,
    BatchAssigned,
    ParticipantFunded,
    ParticipantOpened,
    ParticipantResumed,
    ParticipantSuspended,
    PaymentsDeferred,
    PaymentsFailed,
    PaymentsReversed,
    PaymentsSettled,
    Released,
    ReviewApproved,
    Settled,
    Submitted,
    TransactionCancelled,
    TransactionsDeduped,
    TransactionsRefused,
    TransactionsSubmitted,
    WindowClosed,
)

ACTOR = "payments"
"""Who reports what no command of its own ordered: the room."""
HELD = "TRANSACTION_HELD"
RTGS = "rtgs"
US_PER_S = 1_000_000
_NO_CYCLE = (None, None, 0, 0, 0, 0, 0, "", None, None, None, None, None)
"""A cycle's row from `planned_at_us` to `report` when it collects."""


class PaymentsProjection:
    """Keeps the views of payments. Needs no state: all is told by the events."""

    room = "payments"

    def __init__(self, tables: PaymentTables) -> None:
        self._tables = tables

    def restore(self, state: Any) -> None:
        """Start from a state of which everything is in the views."""
        self._tables.forget()

    def before(self, event: Event, position: Position, state: Any) -> None:
        """Do nothing: the event says all."""

    def after(self, event: Event, position: Position, index: int, state: Any) -> None:
        """Take in an event."""
        match event:
            case TransactionsSubmitted(items, actor):
                self._submit(items, actor, position)
            case BatchAssigned(_, batch_id, items):
                self._assign(batch_id, items)
            case PaymentsSettled(cycle_id, batch_id, settled):
                self._settle(batch_id, settled, position)
            case TransactionsDeduped(ids, actor):
                for id_ in ids:
                    self._tell(event, id_, position, actor=actor, details={})
            case TransactionsRefused(refused):
                for id_, code in refused:
                    self._end(event, id_, position, state="refused", reason=code)
            case PaymentsDeferred(cycle_id, deferred):
                self._defer(event, cycle_id, deferred, position)
            case PaymentsFailed(cycle_id, released):
                for item in released:
                    self._release(event, item, position, state="failed", cycle_id=cycle_id)
            case TransactionCancelled(item, actor):
                self._release(event, item, position, state="cancelled", actor=actor)
            case PaymentsReversed(cycle_id, reversed_, reason, actor):
                for each in reversed_:
                    self._end(
                        event,
                        each.transaction_id,
                        position,
                        state="reversed",
                        reason=reason,
                        cycle_id=cycle_id,
                        actor=actor or ACTOR,
                    )
            case _:
                self._seldom(event, position)

    def _seldom(self, event: Event, position: Position) -> None:
        tables = self._tables
        match event:
            case WindowClosed(cycle_id, gross, cut_off_at_us, value_date, items):
                self._collect(cycle_id, cut_off_at_us, position)
                tables.cycles.patch(
                    cycle_id,
                    state="open",
                    gross=gross,
                    value_date=value_date,
                    cut_off_at_us=cut_off_at_us,
                    payments_count=len(items),
                    last_height=position.height,
                )
            case ReviewApproved(id_, cycle_id, cut_off_at_us, actor):
                self._collect(cycle_id, cut_off_at_us, position)
                tables.payments.patch(
                    id_,
                    state="accepted",
                    cycle_id=cycle_id,
                    cut_off_at_us=cut_off_at_us,
                    last_at_us=position.at_us,
                    last_height=position.height,
                )
                self._tell(event, id_, position, actor=actor, details={"to_cycle": cycle_id})
            case ParticipantOpened():
                self._open(event, position)
            case ParticipantSuspended(id_, reason):
                tables.participants.patch(
                    id_, suspended=True, reason=reason, last_height=position.height
                )
            case ParticipantResumed(id_):
                tables.participants.patch(
                    id_, suspended=False, reason="", last_height=position.height
                )
            case ParticipantFunded():
                pass  # shown by the transfer
            case _:
                raise AssertionError(f"not an event of the payments: {event!r}")

    def _submit(self, items: Sequence[Submitted], actor: str, position: Position) -> None:
        """Write a row for each payment, as one string; most have nothing optional."""
        tables, height, at_us = self._tables, position.height, position.at_us
        seq = tables.places.take(position, len(items))
        lines, who = tables.payment_lines, quick(actor)
        plain_end = f"\taccepted\t\t%s\t%s\t0\t{at_us}\t{height}\n"
        cycles: dict[str, int] = {}
        held: list[Submitted] = []
        for item in items:
            cycle_id, cut_off = item.cycle_id, item.cut_off_at_us
            if item.window != RTGS:
                cycles[cycle_id] = cut_off
            end = plain_end % (cycle_id, cut_off)
            hits = NULL
            if item.hits:
                held.append(item)
                hits = quick(written(item.hits))
                end = end.replace("\taccepted", "\theld", 1)
            details = NULL if item.details is None else quick(written(item.details))
            key = quick(item.idempotency_key) if item.idempotency_key else NULL
            lines.append(
                f"{seq}\t{at_us}\t{item.transaction_id}\t{item.payer}\t{item.payee}"
                f"\t{item.source_currency}\t{item.amount_minor}\t{item.destination_currency}"
                f"\t{quick(item.destination_account)}\t{item.window}\t{item.priority}"
                f"\t{item.value_date}\t{who}\t{key}\t{details}\t{hits}{end}"
            )
            seq += 1
        for cycle_id, cut_off in cycles.items():
            self._collect(cycle_id, cut_off, position)
        for item in held:
            tables.tell_payment(
                item.transaction_id, HELD, position, actor=actor, details={"hits": item.hits}
            )

    def _collect(self, cycle_id: str, cut_off_at_us: int, position: Position) -> None:
        """Have a row for a cycle that takes payments."""
        self._tables.cycles.ensure(
            cycle_id,
            self._tables.places.take(position),
            "collecting",
            cycle_id.startswith(RTGS),
            "",
            cut_off_at_us,
            position.at_us,
            *_NO_CYCLE,
            position.height,
        )

    def _assign(self, batch_id: str, items: Sequence[tuple[str, int]]) -> None:
        self._tables.item_lines.extend(
            f"{batch_id}\t{place}\t{id_}\t{minor}\n" for place, (id_, minor) in enumerate(items)
        )

    def _settle(self, batch_id: str, items: Sequence[Settled], position: Position) -> None:
        tables = self._tables
        tables.batches.patch(
            batch_id, state="settled", settled_at_us=position.at_us, last_height=position.height
        )
        tables.tell_batch(
            batch_id,
            EVENT_TYPES["payments.payments_settled"],
            position,
            actor=ACTOR,
            details={"payments": len(items)},
        )
        paid: dict[str, list[int]] = {}
        received: dict[str, list[int]] = {}
        for item in items:
            paid.setdefault(item.source_currency, []).append(item.amount_minor)
            received.setdefault(item.destination_currency, []).append(item.destination_minor)
        day = datetime.fromtimestamp(position.at_us // US_PER_S, UTC).date().isoformat()
        for currency in sorted(paid.keys() | received.keys()):
            came, went = paid.get(currency, ()), received.get(currency, ())
            tables.flows.ensure(currency, day, 0, 0, 0, 0)
            tables.flows.patch(
                currency,
                day,
                in_amount=sum(came),
                in_count=len(came),
                out_amount=sum(went),
                out_count=len(went),
            )

    def _defer(
        self,
        event: Event,
        cycle_id: str,
        items: Sequence[tuple[str, str, str, int]],
        position: Position,
    ) -> None:
        for to_cycle, cut_off_at_us in sorted({each[2:] for each in items}):
            if not to_cycle.startswith(RTGS):
                self._collect(to_cycle, cut_off_at_us, position)
        for id_, reason, to_cycle, cut_off_at_us in items:
            self._tables.payments.patch(
                id_,
                state="deferred",
                reason=reason,
                cycle_id=to_cycle,
                cut_off_at_us=cut_off_at_us,
                retries=1,
                last_at_us=position.at_us,
                last_height=position.height,
            )
            details = {"reason": reason, "from_cycle": cycle_id, "to_cycle": to_cycle}
            self._tell(event, id_, position, actor=ACTOR, details=details, cycle_id=cycle_id)

    def _release(
        self,
        event: Event,
        item: Released,
        position: Position,
        *,
        state: str,
        cycle_id: str = "",
        actor: str = ACTOR,
    ) -> None:
        self._end(
            event,
            item.transaction_id,
            position,
            state=state,
            reason=item.reason,
            cycle_id=cycle_id,
            actor=actor,
        )

    def _end(
        self,
        event: Event,
        id_: str,
        position: Position,
        *,
        state: str,
        reason: str,
        cycle_id: str = "",
        actor: str = ACTOR,
    ) -> None:
        self._tables.payments.patch(
            id_,
            state=state,
            reason=reason,
            last_at_us=position.at_us,
            last_height=position.height,
        )
        details = {"reason": reason}
        self._tell(event, id_, position, actor=actor, details=details, cycle_id=cycle_id)

    def _tell(
        self,
        event: Event,
        id_: str,
        position: Position,
        *,
        actor: str,
        details: dict[str, str],
        cycle_id: str = "",
    ) -> None:
        self._tables.tell_payment(
            id_,
            EVENT_TYPES[kind_of(type(event))],
            position,
            actor=actor,
            details=details,
            cycle_id=cycle_id,
        )

    def _open(self, event: ParticipantOpened, position: Position) -> None:
        tables, id_ = self._tables, event.participant_id
        terms = {
            "name": event.name,
            "bic": event.bic,
            "lei": event.lei,
            "country": event.country,
        }
        tables.participants.ensure(id_, *terms.values(), False, "", position.at_us, position.height)
        tables.participants.patch(id_, **terms, last_height=position.height)
        for currency in event.currencies:
            line = event.credit_lines_minor.get(currency, 0)
            seq = tables.places.take(position)
            tables.currencies.ensure(id_, currency, seq, line)
            tables.currencies.patch(id_, currency, credit_line=line)
