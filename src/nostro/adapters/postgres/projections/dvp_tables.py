"""Which tables do settlements, delivery against payment, fill?"""

from __future__ import annotations

from typing import Any

import psycopg

from nostro.adapters.postgres.projections.gathering import Rows, Ship, Table
from nostro.ledger import LINE_BITS
from nostro.settlement import Told

_MINOR, _TEXT, _BIG, _BOOL, _JSON = ("numeric", "text", "bigint", "boolean", "jsonb")

SETTLEMENTS = Table(
    "settlements",
    1,
    {
        "settlement": _BIG,
        "bundle": _BIG,
        "trade_id": _TEXT,
        "seller_account_id": _TEXT,
        "buyer_account_id": _TEXT,
        "security": _TEXT,
        "cash": _TEXT,
        "quantity": _MINOR,
        "amount": _MINOR,
        "settled_quantity": _MINOR,
        "settled_amount": _MINOR,
        "securities_domain": _TEXT,
        "cash_domain": _TEXT,
        "status": _TEXT,
        "matched": _BOOL,
        "on_hold": _JSON,
        "cancel_asked": _JSON,
        "seller_reference": _TEXT,
        "buyer_reference": _TEXT,
        "seller_partial": _TEXT,
        "buyer_partial": _TEXT,
        "seller_partial_min": _MINOR,
        "buyer_partial_min": _MINOR,
        "trade_date": _TEXT,
        "settlement_date": _TEXT,
        "starts_at_us": _BIG,
        "round_id": _TEXT,
        "round_quantity": _MINOR,
        "round_amount": _MINOR,
        "settle_before_us": _BIG,
        "retry_count": _BIG,
        "recycled": _BIG,
        "waiting_reason": _TEXT,
        "waiting_code": _TEXT,
        "failure_reason": _TEXT,
        "failure_code": _TEXT,
        "dvp_atomic_transaction_id": _TEXT,
        "dvp_contract_id": _TEXT,
        "seller_securities_ref": _TEXT,
        "buyer_securities_ref": _TEXT,
        "seller_cash_ref": _TEXT,
        "buyer_cash_ref": _TEXT,
        "prefunded": _BOOL,
        "origin": _TEXT,
        "instructed_at_us": _BIG,
        "initiated_at_us": _BIG,
        "confirmed_at_us": _BIG,
        "settled_at_us": _BIG,
        "failed_at_us": _BIG,
        "last_at_us": _BIG,
        "last_height": _BIG,
    },
)
EVENTS = Table(
    "settlement_events",
    1,
    {
        "seq": _BIG,
        "at_us": _BIG,
        "settlement": _BIG,
        "event_type": _TEXT,
        "status": _TEXT,
        "trade_id": _TEXT,
        "height": _BIG,
        "facts": _JSON,
    },
)
PENALTIES = Table(
    "settlement_penalties",
    1,
    {
        "seq": _BIG,
        "day": _TEXT,
        "settlement": _BIG,
        "penalty": _TEXT,
        "failing": _TEXT,
        "failing_account_id": _TEXT,
        "other_account_id": _TEXT,
        "asset": _TEXT,
        "amount": _MINOR,
        "rate_ppm": _BIG,
        "at_us": _BIG,
        "height": _BIG,
    },
)
INSTRUMENTS = Table(
    "settlement_instruments",
    1,
    {
        "code": _TEXT,
        "domain": _TEXT,
        "lot": _MINOR,
        "calendar": _TEXT,
        "penalty_class": _TEXT,
        "actor": _TEXT,
        "set_at_us": _BIG,
        "last_height": _BIG,
    },
)
DOMAINS = Table(
    "settlement_domains",
    1,
    {
        "name": _TEXT,
        "state": _TEXT,
        "reason": _TEXT,
        "actor": _TEXT,
        "domain_height": _BIG,
        "set_at_us": _BIG,
        "last_height": _BIG,
    },
)
PENALTY_RATES = Table(
    "settlement_penalty_rates",
    2,
    {
        "penalty_class": _TEXT,
        "valid_from": _TEXT,
        "rate_ppm": _BIG,
        "actor": _TEXT,
        "set_at_us": _BIG,
        "last_height": _BIG,
    },
)


class DvpTables:
    """The rows of all these tables that a batch touches."""

    def __init__(self, ship: Ship) -> None:
        self._ship = ship
        self.settlements = Rows(SETTLEMENTS)
        self.events = Rows(EVENTS)
        self.penalties = Rows(PENALTIES)
        self.instruments = Rows(INSTRUMENTS)
        self.domains = Rows(DOMAINS)
        self.penalty_rates = Rows(PENALTY_RATES)
        self.all = [each for each in vars(self).values() if isinstance(each, Rows)]

    def tell(self, told: Told) -> None:
        """Take in what happened."""
        about = told.about
        self.events.insert(
            seq_of(told),
            told.at_us,
            about.number,
            told.event_type,
            told.status,
            about.trade_id,
            told.height,
            told.facts,
        )

    def ship(self) -> None:
        """Send what has gathered as new rows."""
        for rows in self.all:
            rows.ship(self._ship)

    def update(self, connection: psycopg.Connection[Any]) -> None:
        """Change the rows that have changed, in the transaction under way."""
        for rows in self.all:
            rows.update(connection)

    def clear(self) -> None:
        """Drop what has gathered: it is written."""
        for rows in self.all:
            rows.clear()

    def forget(self) -> None:
        """Drop everything, also what is thought to be there."""
        for rows in self.all:
            rows.forget()


def seq_of(told: Told) -> int:
    """Return where something stands in the order of all that is told."""
    return told.height << LINE_BITS | told.place
