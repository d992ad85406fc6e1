"""What do limits, exposures, liquidity and forecasts look like in the documentation?"""

from __future__ import annotations

from typing import Any

from nostro.api.http.ledger_examples import AT
from nostro.api.http.payment_examples import CUT_OFF, CYCLE

NEW_LIMIT: dict[str, Any] = {
    "scope": "net_debit",
    "currency": "USD",
    "participant": "NORDBANK",
    "amount": "5000000.00",
}
_HOLDER = {"scope": "net_debit", "participant": "NORDBANK", "counterparty": "", "currency": "USD"}
LIMIT_STANDS: dict[str, Any] = {
    **_HOLDER,
    "amount": "5000000.00",
    "used": "125000.00",
    "exists": False,
    "height": 42,
    "recorded_at": AT,
}
LIMIT: dict[str, Any] = {
    **_HOLDER,
    "amount": "5000000.00",
    "used": "4250000.00",
    "used_ppm": 850_000,
    "actor": "operator",
    "set_at": AT,
    "height": 42,
}
ALERT: dict[str, Any] = {
    **_HOLDER,
    "alert_id": 44_040_193,
    "used": "4250000.00",
    "limit": "5000000.00",
    "used_ppm": 850_000,
    "raised_at": AT,
    "cleared_at": None,
    "height": 42,
}
THRESHOLD: dict[str, Any] = {
    "scope": "net_debit",
    "used_ppm": 800_000,
    "actor": "operator",
    "set_at": AT,
    "height": 41,
}
THRESHOLD_STANDS: dict[str, Any] = {
    "scope": "net_debit",
    "used_ppm": 800_000,
    "exists": False,
    "height": 41,
    "recorded_at": AT,
}
COUNTERPARTIES: dict[str, Any] = {
    "data": [
        {
            "participant": "NORDBANK",
            "currency": "USD",
            "owes": "4500000.00",
            "owes_count": 36,
            "owed": "250000.00",
            "bilateral_net": "4300000.00",
            "net": "4250000.00",
            "counterparties": [
                {
                    "counterparty": "RHEINBANK",
                    "owes": "4500000.00",
                    "owes_count": 36,
                    "owed": "200000.00",
                    "net": "4300000.00",
                },
            ],
            "herstatt": {
                "total": "90000.00",
                "irrevocable": "90000.00",
                "uncertain": "0.00",
                "failed": "0.00",
                "buckets": [{"from_minutes": 0, "to_minutes": 15, "amount": "90000.00"}],
            },
            "limits": [LIMIT],
            "alerts": [ALERT],
        }
    ],
    "currencies": [
        {
            "currency": "USD",
            "gross": "9100000.00",
            "count": 71,
            "bilateral_net": "6200000.00",
            "multilateral_net": "4800000.00",
            "payers": 12,
            "hhi_ppm": 271_000,
            "top5_ppm": 880_000,
            "limits": [],
            "alerts": [],
        }
    ],
    "height": 42,
}
LIQUIDITY: dict[str, Any] = {
    "data": [
        {
            "currency": "USD",
            "position": "12500000.00",
            "available_at_start": "12000000.00",
            "at_rails": [
                {
                    "rail": "rtgs",
                    "posted": "12500000.00",
                    "pending_in": "0.00",
                    "pending_out": "0.00",
                    "available_at_start": "12000000.00",
                }
            ],
            "vostros": {
                "accounts": 12,
                "posted": "12600000.00",
                "held": "9100000.00",
                "overdrawn": "100000.00",
                "credit_lines": "8000000.00",
            },
            "transit": "0.00",
            "suspense": "0.00",
            "fx": "0.00",
            "desk": "0.00",
            "claims": "0.00",
            "coming_in": "0.00",
            "going_out": "0.00",
            "settled_today": {"incoming": "3400000.00", "outgoing": "3300000.00"},
            "windows": [
                {
                    "cycle_id": CYCLE,
                    "cut_off_at": CUT_OFF,
                    "count": 71,
                    "unpriced_count": 0,
                    "pay_in_gross": "9100000.00",
                    "pay_in_net_low": "4800000.00",
                    "pay_in_net_high": "4800000.00",
                    "pay_out_gross": "9000000.00",
                    "pay_out_net_low": "4700000.00",
                    "pay_out_net_high": "4700000.00",
                    "prefunded": "4100000.00",
                    "projected_low": "12600000.00",
                    "projected_high": "12600000.00",
                }
            ],
        }
    ],
    "rate_set": "9f86d081884c7d659a2feaa0c55ad015",
    "height": 42,
}


def _expected(middle: str, *bounds: tuple[int, str, str]) -> dict[str, Any]:
    return {
        "middle": middle,
        "intervals": [{"level": level, "low": low, "high": high} for level, low, high in bounds],
    }


def _measured(wape_ppm: int) -> dict[str, Any]:
    return {
        "coverage": [
            {"level": 80, "covered_ppm": 783_333, "pooled_ppm": 805_000},
            {"level": 90, "covered_ppm": 916_666, "pooled_ppm": 897_000},
            {"level": 95, "covered_ppm": 950_000, "pooled_ppm": 951_000},
        ],
        "points": 60,
        "pooled_points": 600,
        "wape_ppm": wape_ppm,
    }


FORECAST: dict[str, Any] = {
    "currency": "EUR",
    "model": "calendar",
    "history": {
        "first_day": "2025-01-02",
        "last_day": "2026-01-30",
        "days": 394,
        "open_days": 274,
        "windows": 12,
        "pooled_currencies": ["EUR", "GBP", "USD"],
    },
    "measured": {
        "incoming": _measured(154_000),
        "outgoing": _measured(161_000),
        "difference": _measured(812_000),
    },
    "data": [
        {
            "day": "2026-02-02",
            "is_open": True,
            "incoming": _expected(
                "1200000.00",
                (80, "970000.00", "1510000.00"),
                (90, "930000.00", "1630000.00"),
                (95, "840000.00", "1810000.00"),
            ),
            "outgoing": _expected(
                "1150000.00",
                (80, "940000.00", "1430000.00"),
                (90, "890000.00", "1540000.00"),
                (95, "810000.00", "1730000.00"),
            ),
            "difference": _expected(
                "50000.00",
                (80, "-340000.00", "440000.00"),
                (90, "-520000.00", "620000.00"),
                (95, "-700000.00", "800000.00"),
            ),
        }
    ],
}
