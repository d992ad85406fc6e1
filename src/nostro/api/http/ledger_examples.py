"""What do the answers of the ledger look like in the documentation?"""

from __future__ import annotations

from typing import Any

AT = "2026-01-31T09:30:00.000000Z"

TOTALS = {
    "debits_posted": "20.00",
    "credits_posted": "101.50",
    "debits_pending": "5.00",
    "credits_pending": "0.00",
}
BALANCE: dict[str, Any] = {
    "account": "wallet:alice:EUR",
    "asset": "EUR",
    "side": "credit",
    "posted": "81.50",
    "held": "5.00",
    "available": "76.50",
    "pending_in": "0.00",
    "pending_out": "5.00",
    "totals": TOTALS,
    "height": 42,
}
ACCOUNT: dict[str, Any] = {
    "id": "wallet:alice:EUR",
    "number": 3,
    "asset": "EUR",
    "type": "liability",
    "side": "credit",
    "limit": "debits_must_not_exceed_credits",
    "overdraft": "0.00",
    "owner": "alice",
    "status": "open",
    "metadata": {},
    "opened_at": AT,
    "opened_height": 1,
    "balance": BALANCE,
}
_PAGE: dict[str, Any] = {"next_cursor": None, "has_more": False, "height": 42}
ACCOUNTS = {"data": [ACCOUNT], **_PAGE}
TRANSFER: dict[str, Any] = {
    "id": "payroll-2026-01-0001",
    "action": "transfer",
    "kind": "posted",
    "debit": "employer:EUR",
    "credit": "wallet:alice:EUR",
    "amount": "1250.00",
    "asset": "EUR",
    "asked": None,
    "refers_to": "",
    "resolved_by": "",
    "code": 0,
    "reference": "salary January",
    "timeout_s": 0,
    "effective_at": None,
    "metadata": {},
    "recorded_at": AT,
    "height": 42,
}
TRANSFERS = {"data": [TRANSFER], **_PAGE}
STATEMENT: dict[str, Any] = {
    "account": "wallet:alice:EUR",
    "asset": "EUR",
    "opening": BALANCE,
    "closing": {**BALANCE, "posted": "1331.50", "available": "1326.50"},
    "data": [
        {
            "id": "payroll-2026-01-0001",
            "kind": "posted",
            "side": "credit",
            "counterpart": "employer:EUR",
            "amount": "1250.00",
            "change": "1250.00",
            "balance": "1331.50",
            "available": "1326.50",
            "code": 0,
            "reference": "salary January",
            "refers_to": "",
            "effective_at": None,
            "metadata": {},
            "recorded_at": AT,
            "height": 42,
        }
    ],
    **_PAGE,
}
_EVEN = {
    "debits_posted": "101.50",
    "credits_posted": "101.50",
    "debits_pending": "5.00",
    "credits_pending": "5.00",
}
TRIAL_BALANCE = {
    "balanced": True,
    "height": 42,
    "data": [
        {
            "asset": "EUR",
            "accounts": 3,
            "totals": _EVEN,
            "difference": "0.00",
            "pending_difference": "0.00",
            "by_type": [{"type": "liability", "accounts": 2, "totals": TOTALS}],
        }
    ],
}
ASSETS = {
    "data": [
        {"code": "EUR", "scale": 2, "name": ""},
        {"code": "BTC", "scale": 8, "name": ""},
    ],
    "height": 42,
}
