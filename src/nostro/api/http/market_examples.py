"""What do markets, books and fees look like in the documentation?"""

from __future__ import annotations

from typing import Any

from nostro.api.http.ledger_examples import AT
from nostro.api.http.order_examples import TRADES as TRADES

_RECORDED = {"height": 42, "recorded_at": AT}
RULES: dict[str, Any] = {
    "quantity_min": "0.00010000",
    "quantity_max": "100.00000000",
    "value_min": "10.00",
    "band_bps": "500",
    "reference_s": 300,
    "routing": "book",
    "provider": "",
    "fee_schedule": "standard",
    "orders_per_user_max": 1000,
    "day_ends": "00:00",
    "settling": "instant",
}
MARKET: dict[str, Any] = {
    "symbol": "BTC/USD",
    "name": "BTC-USD",
    "base": "BTC",
    "quote": "USD",
    "tick": "0.01",
    "lot": "0.00001000",
    "state": "open",
    "rules": RULES,
    "reference_price": "65000.00",
    "last_price": "64990.00",
    "best_bid": "64985.50",
    "best_ask": "64990.00",
    "sequence": 88231,
}
MARKETS: dict[str, Any] = {"data": [MARKET]}
BOOK: dict[str, Any] = {
    "symbol": "BTC/USD",
    "level": 2,
    "sequence": 88231,
    "state": "open",
    "bids": [{"price": "64985.50", "quantity": "0.75000000", "orders": 3}],
    "asks": [{"price": "64990.00", "quantity": "0.20000000", "orders": 1}],
    "height": 42,
    "at": AT,
}
CANDLES: dict[str, Any] = {
    "symbol": "BTC/USD",
    "interval": "1m",
    "data": [
        {
            "start": "2026-01-31T09:30:00.000000Z",
            "open": "64980.00",
            "high": "64995.00",
            "low": "64980.00",
            "close": "64990.00",
            "volume": "1.25000000",
            "value": "81231.87",
            "trades": 14,
        }
    ],
}
TICKER: dict[str, Any] = {
    "symbol": "BTC/USD",
    "state": "open",
    "last_price": "64990.00",
    "last_trade_id": "507",
    "best_bid": "64985.50",
    "best_ask": "64990.00",
    "open": "64100.00",
    "high": "65220.00",
    "low": "64050.00",
    "change": "890.00",
    "volume": "812.50000000",
    "value": "52731250.00",
    "trades": 9120,
    "sequence": 88231,
    "at": AT,
}
NEW_MARKET: dict[str, Any] = {
    "symbol": "BTC/USD",
    "tick": "0.01",
    "lot": "0.00001",
    "quantity_min": "0.0001",
    "value_min": "10.00",
    "band_bps": 500,
    "fee_schedule": "standard",
}
CHANGE: dict[str, Any] = {"quantity_min": "0.001", "band_bps": "250"}
STATE: dict[str, Any] = {"state": "open", "reason": "start of trading"}
REFERENCE: dict[str, Any] = {"price": "65000.00"}
CREATED: dict[str, Any] = {"symbol": "BTC/USD", "name": "BTC-USD", "exists": False, **_RECORDED}
CHANGED: dict[str, Any] = {
    "symbol": "BTC/USD",
    "state": "open",
    "rules": RULES,
    "reference_price": "65000.00",
    **_RECORDED,
}
FEES: dict[str, Any] = {"name": "standard", "maker_bps": "-0.5", "taker_bps": "10"}
FEES_SET: dict[str, Any] = {**FEES, **_RECORDED}
SCHEDULES: dict[str, Any] = {
    "data": [{**FEES, "users": 0, "actor": "operator", "set_at": AT, "height": 42}]
}
ASSIGNMENT: dict[str, Any] = {"schedule": "market-maker"}
ASSIGNED: dict[str, Any] = {
    "user_id": "alice",
    "schedule": "market-maker",
    **_RECORDED,
}
KILL: dict[str, Any] = {"user_id": "alice", "engaged": True, "reason": "runaway program"}
KILLED: dict[str, Any] = {"user_id": "alice", "engaged": True, "cancelled": 3, **_RECORDED}
SUSPENSION: dict[str, Any] = {
    "suspension_id": "3",
    "user_id": "alice",
    "currency": "USD",
    "amount": "6482.75",
    "transfer_id": "match.quote:507",
    "reason": "ledger.credit_frozen",
    "state": "suspended",
    "releases": 0,
    "actor": "",
    "suspended_at": AT,
    "changed_at": AT,
    "height": 42,
}
SUSPENSIONS: dict[str, Any] = {
    "data": [SUSPENSION],
    "next_cursor": None,
    "has_more": False,
    "height": 57,
}
RELEASED: dict[str, Any] = {"suspension_id": "3", "state": "released", "exists": False, **_RECORDED}
