"""What do orders, trades and markets look like in the documentation?"""

from __future__ import annotations

from typing import Any

from nostro.api.http.ledger_examples import AT

ORDER: dict[str, Any] = {
    "user_id": "alice",
    "symbol": "BTC/USD",
    "side": "BUY",
    "type": "LIMIT",
    "price": "65000.00",
    "quantity": "0.25000000",
    "time_in_force": "GTC",
    "client_order_id": "my-order-0001",
}
ASSET_ORDER: dict[str, Any] = {
    "user_id": "alice",
    "asset": "ADA",
    "quantity": 100,
    "price": 2,
    "order_type": "buy",
}
_WHO = {
    "order_id": "1042",
    "client_order_id": "my-order-0001",
    "user_id": "alice",
    "symbol": "BTC/USD",
    "side": "buy",
    "type": "limit",
}
_FILLED = {
    "filled": "0.10000000",
    "remaining": "0.15000000",
    "average_price": "64990.00",
    "value": "6499.00",
    "fees": "16.25",
    "fee_asset": "USD",
}
_FILL = {
    "trade_id": "507",
    "price": "64990.00",
    "quantity": "0.10000000",
    "value": "6499.00",
    "fee": "16.25",
}
PLACED: dict[str, Any] = {
    **_WHO,
    "status": "partially_filled",
    "reason": "",
    "price": "65000.00",
    "quantity": "0.25000000",
    **_FILLED,
    "fills": [_FILL],
    "height": 42,
    "recorded_at": AT,
}
AMENDMENT: dict[str, Any] = {"quantity": "0.20000000", "price": "64950.00"}
AMENDED: dict[str, Any] = {
    **PLACED,
    "price": "64950.00",
    "quantity": "0.20000000",
    "remaining": "0.10000000",
    "average_price": None,
    "fills": [],
    "height": 43,
}
CANCELLED: dict[str, Any] = {
    "order_id": "1042",
    "symbol": "BTC/USD",
    "status": "cancelled",
    "reason": "cancelled",
    "quantity": "0.25000000",
    "filled": "0.10000000",
    "remaining": "0.15000000",
    "value": "6499.00",
    "fees": "16.25",
    "fee_asset": "USD",
    "height": 44,
    "recorded_at": AT,
}
CANCELLED_ALL: dict[str, Any] = {
    "cancelled": ["1042", "1043"],
    "count": 2,
    "has_more": False,
    "height": 45,
    "recorded_at": AT,
}
BATCH: dict[str, Any] = {
    "user_id": "alice",
    "orders": [
        {name: said for name, said in ORDER.items() if name != "user_id"},
        {"symbol": "BTC/USD", "side": "SELL", "price": "66000.005", "quantity": "0.1"},
    ],
}
BATCH_TOLD: dict[str, Any] = {
    "placed": 1,
    "refused": 1,
    "height": 42,
    "recorded_at": AT,
    "results": [
        {
            "index": 0,
            "order": {
                name: told for name, told in PLACED.items() if name not in ("height", "recorded_at")
            },
        },
        {
            "index": 1,
            "code": "exchange.price_off_tick",
            "detail": "The price is no multiple of the market's tick: price 66000.005, tick 0.01.",
            "facts": {
                "price": "66000.005",
                "tick": "0.01",
                "nearest_below": "66000.00",
                "nearest_above": "66000.01",
            },
        },
    ],
}
TOLD: dict[str, Any] = {
    **_WHO,
    "status": "partially_filled",
    "reason": "",
    "price": "65000.00",
    "stop_price": None,
    "quantity": "0.25000000",
    "quote_amount": None,
    "display_quantity": None,
    "time_in_force": "gtc",
    "expires_at": None,
    "post_only": "no",
    "self_trade": "cancel_taker",
    **_FILLED,
    "held": "9766.25",
    "held_asset": "USD",
    "maker_fee_bps": "-0.5",
    "taker_fee_bps": "25",
    "fills_count": 1,
    "placed_at": AT,
    "changed_at": AT,
    "closed_at": None,
    "height": 42,
}
OWN_FILL: dict[str, Any] = {
    "trade_id": "507",
    "order_id": "1042",
    "symbol": "BTC/USD",
    "side": "buy",
    "role": "taker",
    "price": "64990.00",
    "quantity": "0.10000000",
    "value": "6499.00",
    "fee": "16.25",
    "fee_asset": "USD",
    "provider": "",
    "at": AT,
    "height": 42,
}
IN_FULL: dict[str, Any] = {**TOLD, "fills": [OWN_FILL]}
_END = {"next_cursor": None, "has_more": False, "height": 57}
ORDERS: dict[str, Any] = {"data": [TOLD], **_END}
OWN_FILLS: dict[str, Any] = {"data": [OWN_FILL], **_END}
TRADE: dict[str, Any] = {
    "trade_id": "507",
    "symbol": "BTC/USD",
    "price": "64990.00",
    "quantity": "0.10000000",
    "value": "6499.00",
    "side": "buy",
    "sequence": 88231,
    "at": AT,
}
TRADES: dict[str, Any] = {"data": [TRADE], **_END}
