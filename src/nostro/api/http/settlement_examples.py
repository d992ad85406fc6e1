"""What do settlements, batches and members look like in the documentation?"""

from __future__ import annotations

from typing import Any

from nostro.api.http.ledger_examples import AT
from nostro.api.http.payment_examples import (
    CERTIFICATE as CERTIFICATE,
    CUT_OFF,
    CYCLE,
    ID,
    INSTRUCTION,
)

BATCH = f"{CYCLE}.1"
SETTLEMENT: dict[str, Any] = {
    "settlement_id": CYCLE,
    "state": "confirmed",
    "batch_ids": [BATCH],
    "certificates_missing": 0,
    "instructions_count": 1,
    "participant_id": "",
    "code": "",
    "reason": "",
    "failed_instructions": [],
    "breaks": 0,
    "planned_at": CUT_OFF,
    "initiated_at": CUT_OFF,
    "secured_at": CUT_OFF,
    "ended_at": CUT_OFF,
    "changed_at": CUT_OFF,
    "height": 57,
}
SETTLEMENTS: dict[str, Any] = {
    "data": [SETTLEMENT],
    "next_cursor": None,
    "has_more": False,
    "height": 57,
}
STATUS: dict[str, Any] = {"settlement": SETTLEMENT, "instructions": [INSTRUCTION]}
CONFIRM: dict[str, Any] = {
    "instruction_id": f"{CYCLE}:NORDBANK:USD",
    "currency": "USD",
    "amount": "91250.00",
    "rail_reference": "FED20260131-1",
}
_AT: dict[str, Any] = {"height": 58, "recorded_at": CUT_OFF}
CONFIRMED: dict[str, Any] = {
    "settlement_id": CYCLE,
    "instruction_id": f"{CYCLE}:NORDBANK:USD",
    "state": "settled",
    "exists": False,
    **_AT,
}
REVERSED: dict[str, Any] = {"settlement_id": CYCLE, "exists": False, **_AT}
REPORT: dict[str, Any] = {
    "currency": "USD",
    "gross_cost": "182.50",
    "grouped_cost": "150.00",
    "bilateral_cost": "91.20",
    "cost": "41.30",
    "saving": "141.20",
    "saving_percent": "77.3698",
    "lower_bound": "40.00",
    "gap_percent": "3.2500",
    "wires_before": 12,
    "wires_after": 3,
    "fx_gross": "250000.00",
    "fx_volume": "33750.00",
    "method": "positions",
    "solve_us": 812,
}
_CYCLE: dict[str, Any] = {
    "cycle_id": CYCLE,
    "state": "settled",
    "gross": False,
    "value_date": "2026-01-31",
    "cut_off_at": CUT_OFF,
    "opened_at": CUT_OFF,
    "planned_at": CUT_OFF,
    "closed_at": CUT_OFF,
    "payments_count": 12,
    "batches_count": 1,
    "gross_count": 0,
    "deferred_count": 0,
    "plans_refused": 0,
    "refusal": "",
    "after": [{"participant_id": "NORDBANK", "currency": "USD", "net": "-91250.00"}],
    "fx_trades": [
        {"sell": "33750.00", "sell_currency": "USD", "buy": "31106.00", "buy_currency": "EUR"}
    ],
    "rates": {
        "rate_set_id": "5f0b",
        "provider": "ecb",
        "kind": "reference",
        "as_of": AT,
        "fetched_at": AT,
        "rates": [["EUR", "USD", "1085", "1000"]],
    },
    "report": REPORT,
    "height": 57,
}
IN_FULL: dict[str, Any] = {
    "batch": {
        "batch_id": BATCH,
        "cycle_id": CYCLE,
        "number": 1,
        "of": 1,
        "payments_count": 12,
        "state": "settled",
        "reason": "",
        "body_hash": "9f2c",
        "epoch": 0,
        "consensus_height": 7,
        "round": 0,
        "entry_hash": "77d0",
        "signers": ["m1", "m2", "m3"],
        "created_at": CUT_OFF,
        "certified_at": CUT_OFF,
        "settled_at": CUT_OFF,
        "height": 57,
    },
    "certificate": "eyJzIjpbXX0=",
    "transaction_ids": [ID],
    "before": [
        {
            "payer": "NORDBANK",
            "payee": "RHEINBANK",
            "amount": "125000.00",
            "source_currency": "USD",
            "received": "115207.37",
            "destination_currency": "EUR",
            "count": 1,
        }
    ],
    "positions": [{"participant_id": "NORDBANK", "currency": "USD", "net": "-125000.00"}],
    "cycle": _CYCLE,
    "events": [
        {
            "entry_id": "56623104",
            "event_type": "BATCH_CREATED",
            "actor": "netting",
            "details": {"payments": 12},
            "recorded_at": CUT_OFF,
        }
    ],
}
COMMITTEE: dict[str, Any] = {
    "chain_id": "main",
    "epoch": 0,
    "members": [{"member_id": "m1", "public_key": "d75a", "proof": "92a0"}],
    "quorum": 1,
    "ruleset_version": 1,
    "activation_height": 1,
    "formed_at": AT,
    "height": 2,
}
PROOF: dict[str, Any] = {
    "data": [
        {
            "member_id": "m4",
            "epoch": 0,
            "consensus_height": 7,
            "round": 0,
            "step": "precommit",
            "first": "eyJ2IjoiYSJ9",
            "second": "eyJ2IjoiYiJ9",
            "recorded_at": CUT_OFF,
            "height": 56,
        }
    ]
}
