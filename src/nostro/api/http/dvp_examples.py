"""What do settlements of trades look like in the documentation?"""

from __future__ import annotations

from typing import Any

from nostro.api.http.ledger_examples import AT

LATER = "2026-02-02T00:00:00.000000Z"
INSTRUCTION: dict[str, Any] = {
    "trade_id": "trade-2026-0001",
    "seller_account_id": "bob",
    "buyer_account_id": "alice",
    "symbol": "AAPL/USDC",
    "quantity": "50.00000000",
    "amount": "7524.00",
    "cycle": "t1",
    "seller_partial": "PART",
    "buyer_partial": "PARQ",
    "buyer_partial_min": "10",
}
INSTRUCTED: dict[str, Any] = {
    "settlement_id": "S1042",
    "trade_id": "trade-2026-0001",
    "status": "PENDING",
    "matched": True,
    "exists": False,
    "height": 42,
    "recorded_at": AT,
}
INSTRUCTED_MANY: dict[str, Any] = {
    "instructed": 1,
    "refused": 1,
    "results": [
        {
            "index": 0,
            "trade_id": "trade-2026-0001",
            "settlement_id": "S1042",
            "status": "PENDING",
        },
        {
            "index": 1,
            "trade_id": "trade-2026-0002",
            "code": "settlement.date_closed",
            "detail": "The settlement date is no settlement day of both sides: settlement date "
            "2026-02-01, next day 2026-02-02.",
            "facts": {"settlement_date": "2026-02-01", "next_day": "2026-02-02"},
        },
    ],
    "height": 42,
    "recorded_at": AT,
}
STANDS: dict[str, Any] = {
    "settlement_id": "S1042",
    "status": "PENDING",
    "height": 43,
    "recorded_at": AT,
}
CANCELLED: dict[str, Any] = {**STANDS, "cancelled": False}
RETRIED: dict[str, Any] = {**STANDS, "retry_count": 1}
SETTLEMENT: dict[str, Any] = {
    "settlement_id": "S1042",
    "trade_id": "trade-2026-0001",
    "buyer_account_id": "alice",
    "seller_account_id": "bob",
    "symbol": "AAPL/USDC",
    "security": "AAPL",
    "cash": "USDC",
    "quantity": "50.00000000",
    "amount": "7524.000000",
    "status": "SETTLED",
    "matched": True,
    "on_hold": [],
    "cancel_asked": [],
    "settled_quantity": "50.00000000",
    "settled_amount": "7524.000000",
    "remaining_quantity": "0.00000000",
    "remaining_amount": "0.000000",
    "securities_domain": "securities",
    "cash_domain": "cash",
    "bundle_id": "S1042",
    "seller_reference": "trade-2026-0001",
    "buyer_reference": "trade-2026-0001",
    "seller_partial": "PART",
    "buyer_partial": "PARQ",
    "trade_date": "2026-01-31",
    "settlement_date": "2026-02-02",
    "instructed_at": AT,
    "initiated_at": LATER,
    "confirmed_at": LATER,
    "settled_at": LATER,
    "failed_at": None,
    "failure_reason": None,
    "pending_reason": "",
    "retry_count": 0,
    "recycled_count": 0,
    "dvp_atomic_transaction_id": "main.S1042.1",
    "dvp_contract_id": None,
    "seller_securities_ledger_ref": "securities:811",
    "seller_cash_ledger_ref": "cash:640",
    "buyer_securities_ledger_ref": "securities:811",
    "buyer_cash_ledger_ref": "cash:640",
    "origin": "api",
    "height": 57,
}
SETTLEMENTS: dict[str, Any] = {
    "data": [SETTLEMENT],
    "total": 1,
    "next_cursor": None,
    "has_more": False,
    "height": 57,
}
EVENT: dict[str, Any] = {
    "event_id": "main.57.3",
    "event_type": "settlement.settled",
    "settlement_id": "S1042",
    "trade_id": "trade-2026-0001",
    "status": "SETTLED",
    "at": LATER,
    "height": 57,
    "details": {
        "round_id": "main.S1042.1",
        "quantity": "50.00000000",
        "amount": "7524.000000",
        "settled_quantity": "50.00000000",
        "settled_amount": "7524.000000",
    },
}
TIMELINE: dict[str, Any] = {
    "settlement_id": "S1042",
    "data": [EVENT],
    "next_cursor": None,
    "has_more": False,
    "height": 57,
}
PENALTY: dict[str, Any] = {
    "settlement_id": "S1042",
    "day": "2026-02-02",
    "penalty": "SEFP",
    "failing": "seller",
    "failing_account_id": "bob",
    "other_account_id": "alice",
    "asset": "USDC",
    "amount": "0.752400",
    "rate_ppm": 100,
    "height": 61,
}
PENALTIES: dict[str, Any] = {
    "data": [PENALTY],
    "next_cursor": None,
    "has_more": False,
    "height": 61,
}
POSITIONS: dict[str, Any] = {
    "data": [
        {
            "account_id": "bob",
            "asset": "AAPL",
            "earmarked": "50.00000000",
            "delivering": "0.00000000",
            "receiving": "0.00000000",
        }
    ]
}
INSTRUMENT: dict[str, Any] = {
    "domain": "securities",
    "lot": "1.00000000",
    "calendar": "XNYS",
    "penalty_class": "liquid_shares",
}
_INSTRUMENT = {"code": "AAPL", **INSTRUMENT}
INSTRUMENTS: dict[str, Any] = {"data": [_INSTRUMENT]}
INSTRUMENT_SET: dict[str, Any] = {**_INSTRUMENT, "height": 40, "recorded_at": AT}
RATE_SET: dict[str, Any] = {
    "penalty_class": "liquid_shares",
    "valid_from": "2026-02-01",
    "rate_ppm": 100,
    "height": 41,
    "recorded_at": AT,
}
_DOMAIN = {
    "name": "securities",
    "state": "open",
    "reason": "",
    "height": 811,
    "changed_at": None,
}
DOMAINS: dict[str, Any] = {"data": [_DOMAIN]}
DOMAIN_SET: dict[str, Any] = {
    "name": "securities",
    "state": "closed",
    "reason": "maintenance",
    "height": 44,
    "recorded_at": AT,
}
ISSUE: dict[str, Any] = {
    "reference": "issue-0001",
    "account_id": "bob",
    "asset": "AAPL",
    "amount": "1000",
}
ISSUED: dict[str, Any] = {
    "domain": "securities",
    "reference": "issue-0001",
    "account_id": "bob",
    "asset": "AAPL",
    "amount": "1000.00000000",
    "exists": False,
    "height": 12,
}
HOLDINGS: dict[str, Any] = {
    "domain": "securities",
    "account_id": "bob",
    "data": [
        {
            "asset": "AAPL",
            "owned": "1000.00000000",
            "earmarked": "50.00000000",
            "available": "950.00000000",
        }
    ],
    "height": 811,
}
