"""What do payments and participants look like in the documentation?"""

from __future__ import annotations

from typing import Any

from nostro.api.http.ledger_examples import AT, TRANSFER

CUT_OFF = "2026-01-31T16:00:00.000000Z"
CYCLE = "2026-01-31T1600Z"
ID = "pay-2026-0001"
PAYMENT: dict[str, Any] = {
    "transaction_id": ID,
    "amount": "125000.00",
    "source_currency": "USD",
    "destination_currency": "EUR",
    "source_account": "vostro:NORDBANK:USD",
    "destination_account": "DE89370400440532013000",
    "counterparty_id": "RHEINBANK",
    "idempotency_key": "0a1b2c3d",
    "settlement_window": "t+0",
    "priority": 5,
    "remittance": "invoice 4711",
    "debtor_name": "Acme Ltd",
    "creditor_name": "Muster GmbH",
}
LINKS = {
    "self": f"/api/v1/transactions/{ID}",
    "cancel": f"/api/v1/transactions/{ID}/cancel",
    "settlement": f"/api/v1/settlements/{CYCLE}/status",
}
ACCEPTED: dict[str, Any] = {
    "transaction_id": ID,
    "result": "accepted",
    "state": "accepted",
    "payer": "NORDBANK",
    "counterparty_id": "RHEINBANK",
    "amount": "125000.00",
    "source_currency": "USD",
    "destination_currency": "EUR",
    "settlement_window": "t+0",
    "value_date": "2026-01-31",
    "cycle_id": CYCLE,
    "cut_off_at": CUT_OFF,
    "height": 42,
    "recorded_at": AT,
    "links": LINKS,
}
STANDS: dict[str, Any] = {
    "transaction_id": ID,
    "state": "cancelled",
    "exists": False,
    "height": 43,
    "recorded_at": AT,
}
BULK_TOLD: dict[str, Any] = {
    "accepted": 1,
    "held": 0,
    "duplicates": 0,
    "refused": 1,
    "height": 42,
    "recorded_at": AT,
    "results": [
        {"index": 0, "transaction_id": ID, "result": "accepted"},
        {
            "index": 1,
            "transaction_id": "pay-2026-0002",
            "result": "refused",
            "code": "ledger.exceeds_credits",
            "detail": "The account to debit has not enough available: "
            "account vostro:NORDBANK:USD, available 0.00.",
            "facts": {"account": "vostro:NORDBANK:USD", "available": "0.00"},
        },
    ],
}
TOLD: dict[str, Any] = {
    "transaction_id": ID,
    "state": "settled",
    "reason": "",
    "payer": "NORDBANK",
    "counterparty_id": "RHEINBANK",
    "amount": "125000.00",
    "source_currency": "USD",
    "received": "115207.37",
    "destination_currency": "EUR",
    "destination_account": "DE89370400440532013000",
    "settlement_window": "t+0",
    "priority": 5,
    "value_date": "2026-01-31",
    "cycle_id": CYCLE,
    "cut_off_at": CUT_OFF,
    "batch_id": f"{CYCLE}.1",
    "deferrals": 0,
    "accepted_at": AT,
    "changed_at": CUT_OFF,
    "settled_at": CUT_OFF,
    "actor": "operator",
    "idempotency_key": "0a1b2c3d",
    "details": {"remittance": "invoice 4711"},
    "hits": [],
    "height": 57,
    "links": {**LINKS, "batch": f"/api/v1/batches/{CYCLE}.1"},
}
PAYMENTS: dict[str, Any] = {
    "data": [TOLD],
    "next_cursor": None,
    "has_more": False,
    "height": 57,
}
ENTRY: dict[str, Any] = {
    "entry_id": "44040192",
    "event_type": "TRANSACTION_SUBMITTED",
    "batch_id": "",
    "amount": "125000.00",
    "currency": "USD",
    "actor": "operator",
    "details": {"window": "t+0"},
    "recorded_at": AT,
    "height": 42,
}
INSTRUCTION: dict[str, Any] = {
    "instruction_id": f"{CYCLE}:NORDBANK:USD",
    "settlement_id": CYCLE,
    "participant_id": "NORDBANK",
    "currency": "USD",
    "amount": "91250.00",
    "direction": "in",
    "purpose": "position",
    "transaction_id": "",
    "state": "settled",
    "code": "",
    "rail": "rtgs",
    "rail_reference": "FED20260131-1",
    "charges": "0.00",
    "confirmed_by": "rtgs",
    "planned_at": CUT_OFF,
    "changed_at": CUT_OFF,
    "attempts": [
        {
            "attempt": 1,
            "rail": "rtgs",
            "region": "east",
            "outcome": "settled",
            "code": "",
            "asks": 0,
            "started_at": CUT_OFF,
            "ended_at": CUT_OFF,
            "next_attempt_at": None,
        }
    ],
    "height": 55,
}
CERTIFICATE: dict[str, Any] = {
    "batch_id": f"{CYCLE}.1",
    "cycle_id": CYCLE,
    "consensus_height": 7,
    "epoch": 0,
    "round": 0,
    "rejected": False,
    "reason": "",
    "body_hash": "9f2c",
    "entry_hash": "77d0",
    "entry": "eyJoIjo3fQ==",
    "certificate": "eyJzIjpbXX0=",
    "signers": ["m1", "m2", "m3"],
    "certified_at": CUT_OFF,
    "height": 54,
}
IN_FULL: dict[str, Any] = {
    "payment": TOLD,
    "timeline": [ENTRY],
    "certificate": CERTIFICATE,
    "instructions": [INSTRUCTION],
    "postings": [TRANSFER],
}

NEW_PARTICIPANT: dict[str, Any] = {
    "participant_id": "NORDBANK",
    "name": "Nord Bank AS",
    "bic": "NDEAFIHH",
    "country": "FI",
    "currencies": ["USD", "EUR"],
    "credit_lines": {"USD": "1000000.00"},
}
_ACCOUNTS = {"USD": "vostro:NORDBANK:USD", "EUR": "vostro:NORDBANK:EUR"}
PARTICIPANT_OPENED: dict[str, Any] = {
    "participant_id": "NORDBANK",
    "result": "created",
    "accounts": _ACCOUNTS,
    "height": 12,
    "recorded_at": AT,
}
PARTICIPANT: dict[str, Any] = {
    **NEW_PARTICIPANT,
    "lei": "",
    "accounts": _ACCOUNTS,
    "suspended": False,
    "reason": "",
    "opened_at": AT,
    "height": 12,
}
PARTICIPANT_STANDS: dict[str, Any] = {
    "participant_id": "NORDBANK",
    "suspended": True,
    "exists": False,
    "height": 13,
    "recorded_at": AT,
}
FUNDING: dict[str, Any] = {"currency": "USD", "amount": "500000.00", "reference": "wire-88231"}
FUNDED: dict[str, Any] = {
    "participant_id": "NORDBANK",
    "account": "vostro:NORDBANK:USD",
    **FUNDING,
    "height": 14,
    "recorded_at": AT,
}
