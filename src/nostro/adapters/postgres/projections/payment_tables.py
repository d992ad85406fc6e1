"""Which tables do the rooms of cross-border payments fill, together?"""

from __future__ import annotations

from typing import Any

import psycopg

from nostro.adapters.postgres.projections.gathering import Places, Rows, Ship, Table
from nostro.kernel.room import Position

_MINOR, _TEXT, _BIG, _INT, _BOOL, _JSON = (
    "numeric",
    "text",
    "bigint",
    "integer",
    "boolean",
    "jsonb",
)

PARTICIPANTS = Table(
    "participants",
    1,
    {
        "participant_id": _TEXT,
        "name": _TEXT,
        "bic": _TEXT,
        "lei": _TEXT,
        "country": _TEXT,
        "suspended": _BOOL,
        "reason": _TEXT,
        "opened_at_us": _BIG,
        "last_height": _BIG,
    },
)
CURRENCIES = Table(
    "participant_currencies",
    2,
    {"participant_id": _TEXT, "currency": _TEXT, "seq": _BIG, "credit_line": _MINOR},
)
PAYMENT_TERMS = (
    "seq, accepted_at_us, transaction_id, payer, payee, source_currency, amount,"
    " destination_currency, destination_account, settlement_window, priority, value_date, actor,"
    " idempotency_key, details, hits"
)
PAYMENT_COURSE = "state, reason, cycle_id, cut_off_at_us, retries, last_at_us, last_height"
COPY_PAYMENTS = f"COPY nostro.payments ({PAYMENT_TERMS}, {PAYMENT_COURSE}) FROM STDIN"
PAYMENTS = Table(
    "payments",
    1,
    {
        "transaction_id": _TEXT,
        "state": _TEXT,
        "reason": _TEXT,
        "cycle_id": _TEXT,
        "cut_off_at_us": _BIG,
        "retries": "smallint",
        "last_at_us": _BIG,
        "last_height": _BIG,
    },
    frozenset({"retries"}),
)
"""What of a payment may change."""
PAYMENT_EVENTS = Table(
    "payment_events",
    1,
    {
        "seq": _BIG,
        "at_us": _BIG,
        "transaction_id": _TEXT,
        "event_type": _TEXT,
        "cycle_id": _TEXT,
        "actor": _TEXT,
        "details": _JSON,
    },
)
CYCLES = Table(
    "cycles",
    1,
    {
        "cycle_id": _TEXT,
        "seq": _BIG,
        "state": _TEXT,
        "gross": _BOOL,
        "value_date": _TEXT,
        "cut_off_at_us": _BIG,
        "opened_at_us": _BIG,
        "planned_at_us": _BIG,
        "closed_at_us": _BIG,
        "payments_count": _BIG,
        "batches_count": _BIG,
        "gross_count": _BIG,
        "deferred_count": _BIG,
        "plans_refused": _BIG,
        "refusal": _TEXT,
        "caps": _JSON,
        "positions": _JSON,
        "fx_trades": _JSON,
        "rate_set": _JSON,
        "report": _JSON,
        "last_height": _BIG,
    },
)
BATCHES = Table(
    "batches",
    1,
    {
        "batch_id": _TEXT,
        "seq": _BIG,
        "cycle_id": _TEXT,
        "number": _INT,
        "of_count": _INT,
        "items_count": _INT,
        "state": _TEXT,
        "unwound": _BOOL,
        "reason": _TEXT,
        "body_hash": _TEXT,
        "rejected": _BOOL,
        "epoch": _BIG,
        "consensus_height": _BIG,
        "round": _BIG,
        "entry_hash": _TEXT,
        "entry": _TEXT,
        "certificate": _TEXT,
        "signers": _JSON,
        "created_at_us": _BIG,
        "certified_at_us": _BIG,
        "settled_at_us": _BIG,
        "last_height": _BIG,
    },
)
COPY_ITEMS = "COPY nostro.batch_items (batch_id, place, transaction_id, destination) FROM STDIN"
BATCH_EVENTS = Table(
    "batch_events",
    1,
    {
        "seq": _BIG,
        "at_us": _BIG,
        "batch_id": _TEXT,
        "event_type": _TEXT,
        "actor": _TEXT,
        "details": _JSON,
    },
)
CYCLE_SETTLEMENTS = Table(
    "cycle_settlements",
    1,
    {
        "settlement_id": _TEXT,
        "seq": _BIG,
        "state": _TEXT,
        "batch_ids": _JSON,
        "missing": _BIG,
        "instructions_count": _BIG,
        "participant_id": _TEXT,
        "code": _TEXT,
        "reason": _TEXT,
        "failed": _JSON,
        "breaks": _BIG,
        "planned_at_us": _BIG,
        "initiated_at_us": _BIG,
        "secured_at_us": _BIG,
        "ended_at_us": _BIG,
        "last_at_us": _BIG,
        "last_height": _BIG,
    },
    frozenset({"breaks", "instructions_count"}),
)
INSTRUCTIONS = Table(
    "instructions",
    1,
    {
        "instruction_id": _TEXT,
        "settlement_id": _TEXT,
        "place": _BIG,
        "participant_id": _TEXT,
        "currency": _TEXT,
        "direction": _TEXT,
        "amount": _MINOR,
        "purpose": _TEXT,
        "transaction_id": _TEXT,
        "state": _TEXT,
        "code": _TEXT,
        "rail": _TEXT,
        "rail_reference": _TEXT,
        "charges": _MINOR,
        "confirmed_by": _TEXT,
        "planned_at_us": _BIG,
        "last_at_us": _BIG,
        "last_height": _BIG,
    },
)
ATTEMPTS = Table(
    "rail_attempts",
    2,
    {
        "instruction_id": _TEXT,
        "attempt": _INT,
        "settlement_id": _TEXT,
        "rail": _TEXT,
        "region": _TEXT,
        "outcome": _TEXT,
        "code": _TEXT,
        "asks": _BIG,
        "started_at_us": _BIG,
        "ended_at_us": _BIG,
        "next_attempt_at_us": _BIG,
    },
    frozenset({"asks"}),
)
CIRCUITS = Table(
    "circuits",
    2,
    {
        "rail": _TEXT,
        "region": _TEXT,
        "is_open": _BOOL,
        "until_us": _BIG,
        "reason": _TEXT,
        "last_at_us": _BIG,
        "last_height": _BIG,
    },
)
COMMITTEE = Table(
    "committee",
    1,
    {
        "epoch": _BIG,
        "chain_id": _TEXT,
        "members": _JSON,
        "ruleset_version": _BIG,
        "activation_height": _BIG,
        "formed_at_us": _BIG,
        "height": _BIG,
    },
)
EVIDENCE = Table(
    "evidence",
    1,
    {
        "seq": _BIG,
        "at_us": _BIG,
        "member_id": _TEXT,
        "epoch": _BIG,
        "consensus_height": _BIG,
        "round": _BIG,
        "step": _TEXT,
        "first": _TEXT,
        "second": _TEXT,
    },
)
LIMITS = Table(
    "limits",
    4,
    {
        "scope": _TEXT,
        "participant": _TEXT,
        "counterparty": _TEXT,
        "currency": _TEXT,
        "amount": _MINOR,
        "actor": _TEXT,
        "set_at_us": _BIG,
        "last_height": _BIG,
    },
)
THRESHOLDS = Table(
    "thresholds",
    1,
    {"scope": _TEXT, "used_ppm": _BIG, "actor": _TEXT, "set_at_us": _BIG, "last_height": _BIG},
)
EXPOSURES = Table(
    "exposures",
    3,
    {
        "payer": _TEXT,
        "payee": _TEXT,
        "currency": _TEXT,
        "open_amount": _MINOR,
        "open_count": _BIG,
        "offset_amount": _MINOR,
        "last_height": _BIG,
    },
    frozenset({"open_amount", "open_count", "offset_amount"}),
)
ALERTS = Table(
    "alerts",
    1,
    {
        "seq": _BIG,
        "at_us": _BIG,
        "raised": _BOOL,
        "scope": _TEXT,
        "participant": _TEXT,
        "counterparty": _TEXT,
        "currency": _TEXT,
        "used": _MINOR,
        "limit_amount": _MINOR,
        "used_ppm": _BIG,
    },
)
FLOWS = Table(
    "payment_flows_daily",
    2,
    {
        "currency": _TEXT,
        "day": _TEXT,
        "in_amount": _MINOR,
        "in_count": _BIG,
        "out_amount": _MINOR,
        "out_count": _BIG,
    },
    frozenset({"in_amount", "in_count", "out_amount", "out_count"}),
)


class PaymentTables:
    """The rows of all these tables that a batch touches, gathered by five projections."""

    def __init__(self, ship: Ship) -> None:
        self._ship = ship
        self.places = Places()
        self.payment_lines: list[str] = []
        """New payments and new items of batches, as COPY text."""
        self.item_lines: list[str] = []
        self.open_sums: dict[tuple[str, str, str], list[int]] = {}
        """Payer, payee and currency to what is to be added to the exposure, and the height."""
        self.payments = Rows(PAYMENTS)
        self.payment_events = Rows(PAYMENT_EVENTS)
        self.batch_events = Rows(BATCH_EVENTS)
        self.participants = Rows(PARTICIPANTS)
        self.currencies = Rows(CURRENCIES)
        self.cycles = Rows(CYCLES)
        self.batches = Rows(BATCHES)
        self.cycle_settlements = Rows(CYCLE_SETTLEMENTS)
        self.instructions = Rows(INSTRUCTIONS)
        self.attempts = Rows(ATTEMPTS)
        self.circuits = Rows(CIRCUITS)
        self.committee = Rows(COMMITTEE)
        self.evidence = Rows(EVIDENCE)
        self.limits = Rows(LIMITS)
        self.thresholds = Rows(THRESHOLDS)
        self.exposures = Rows(EXPOSURES)
        self.alerts = Rows(ALERTS)
        self.flows = Rows(FLOWS)
        self.all = [each for each in vars(self).values() if isinstance(each, Rows)]

    def tell_batch(
        self, batch_id: str, event_type: str, position: Position, *, actor: str, details: Any
    ) -> int:
        """Take in an entry about a batch; return its sequence."""
        seq = self.places.take(position)
        self.batch_events.insert(seq, position.at_us, batch_id, event_type, actor, details)
        return seq

    def tell_payment(
        self,
        transaction_id: str,
        event_type: str,
        position: Position,
        *,
        actor: str,
        details: Any,
        cycle_id: str = "",
    ) -> None:
        """Take in an entry about one payment alone."""
        self.payment_events.insert(
            self.places.take(position),
            position.at_us,
            transaction_id,
            event_type,
            cycle_id,
            actor,
            details,
        )

    def add_up(self) -> None:
        """Make of the sums of exposures what is wanted of their rows."""
        exposures = self.exposures
        for key, (amount, count, offset, height) in self.open_sums.items():
            exposures.ensure(*key, 0, 0, 0, height)
            exposures.patch(
                *key,
                open_amount=amount,
                open_count=count,
                offset_amount=offset,
                last_height=height,
            )
        self.open_sums.clear()

    def ship(self) -> None:
        """Send what has gathered as new rows."""
        self.add_up()
        for statement, lines in (
            (COPY_PAYMENTS, self.payment_lines),
            (COPY_ITEMS, self.item_lines),
        ):
            if lines:
                self._ship(statement, "".join(lines).encode())
                lines.clear()
        for rows in self.all:
            rows.ship(self._ship)

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Change the rows that have changed, in the transaction under way."""
        for rows in self.all:
            rows.update(connection)

    def forget(self) -> None:
        """Drop what has gathered: it is written, or never will be."""
        self.payment_lines.clear()
        self.item_lines.clear()
        self.open_sums.clear()
        self.places.forget()
        for rows in self.all:
            rows.forget()
