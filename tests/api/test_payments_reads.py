"""What is told of payments, participants, settlements, batches and members?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nostro.api.http.settlements import settlement_id_of
from nostro.consensus import CertificateView, CommitteeView, EvidenceView, Member
from nostro.execution import (
    AttemptView,
    InstructionState,
    InstructionView,
    SettlementState,
    SettlementSummary,
    SettlementView,
)
from nostro.ledger import Page, TransferView
from nostro.netting import (
    BatchState,
    BatchSummary,
    BatchView,
    CostReport,
    CycleState,
    CycleView,
    Edge,
    FxTrade,
    Position,
    Rate,
    RateSet,
)
from nostro.payments import (
    LedgerEntry,
    ParticipantView,
    PaymentFilters,
    PaymentState,
    PaymentSummary,
)
from tests.api.door import Door, front_door

CYCLE = "2026-01-30T1600Z"
BATCH = f"{CYCLE}.1"
AT_US = 1_769_788_800_000_000
AT = "2026-01-30T16:00:00.000000Z"

PAYMENT = PaymentSummary(
    transaction_id="a/b",
    state=PaymentState.SETTLED,
    reason="",
    payer="NORD",
    payee="SUED",
    source_currency="USD",
    source_scale=2,
    amount_minor=150,
    destination_currency="JPY",
    destination_scale=0,
    destination_minor=231,
    destination_account="acc",
    window="t+0",
    priority=5,
    value_date="2026-01-30",
    cycle_id=CYCLE,
    cut_off_at_us=AT_US,
    batch_id=BATCH,
    retries=1,
    accepted_at_us=AT_US,
    changed_at_us=AT_US,
    settled_at_us=None,
    actor="ann",
    idempotency_key="k",
    details={"remittance": "invoice"},
    hits=[],
    seq=1,
    height=9,
)
INSTRUCTION = InstructionView(
    instruction_id=f"{CYCLE}:NORD:USD",
    settlement_id=CYCLE,
    participant_id="NORD",
    currency="USD",
    scale=2,
    direction="in",
    amount_minor=150,
    purpose="position",
    transaction_id="",
    state=InstructionState.SETTLED,
    code="",
    rail="rtgs",
    rail_reference="F1",
    charges_minor=5,
    confirmed_by="rtgs",
    planned_at_us=AT_US,
    changed_at_us=AT_US,
    attempts=[
        AttemptView(
            instruction_id=f"{CYCLE}:NORD:USD",
            attempt=1,
            rail="rtgs",
            region="east",
            outcome="settled",
            code="",
            asks=2,
            started_at_us=AT_US,
            ended_at_us=AT_US,
            next_attempt_at_us=None,
        )
    ],
    height=8,
)
CERTIFICATE = CertificateView(
    consensus_height=3,
    batch_id=BATCH,
    cycle_id=CYCLE,
    epoch=1,
    round=0,
    rejected=False,
    reason="",
    body_hash="aa",
    entry_hash="bb",
    entry="ZQ==",
    certificate="Yw==",
    signers=["m1"],
    at_us=AT_US,
    height=7,
)
SETTLEMENT = SettlementSummary(
    settlement_id=CYCLE,
    state=SettlementState.CONFIRMED,
    batch_ids=[BATCH],
    missing=0,
    instructions_count=1,
    participant_id="",
    code="",
    reason="",
    failed_instructions=[],
    breaks=0,
    planned_at_us=AT_US,
    initiated_at_us=AT_US,
    secured_at_us=None,
    ended_at_us=None,
    changed_at_us=AT_US,
    height=8,
)
CYCLE_VIEW = CycleView(
    cycle_id=CYCLE,
    state=CycleState.SETTLED,
    gross=False,
    value_date="2026-01-30",
    cut_off_at_us=AT_US,
    opened_at_us=AT_US,
    planned_at_us=AT_US,
    closed_at_us=None,
    payments_count=1,
    batches_count=1,
    gross_count=0,
    deferred_count=0,
    plans_refused=0,
    refusal="",
    caps={},
    positions=[Position("NORD", "USD", -150)],
    fx_trades=[FxTrade("USD", 150, "JPY", 231)],
    rate_set=RateSet("id", "ecb", "reference", AT_US, AT_US, [Rate("USD", "JPY", 154, 100)]),
    report=CostReport(
        currency="USD",
        gross_cost_minor=2_000,
        grouped_cost_minor=1_500,
        cost_minor=500,
        lower_bound_minor=400,
        gap_ppm=250_000,
        wires_before=4,
        wires_after=1,
        fx_gross_minor=300,
        fx_volume_minor=150,
        saving_ppm=750_000,
        method="positions",
        solve_us=12,
    ),
    height=8,
)
BATCH_VIEW = BatchView(
    batch=BatchSummary(
        batch_id=BATCH,
        cycle_id=CYCLE,
        number=1,
        of=1,
        items_count=1,
        state=BatchState.SETTLED,
        reason="",
        body_hash="aa",
        epoch=1,
        consensus_height=3,
        round=0,
        entry_hash="bb",
        signers=["m1"],
        created_at_us=AT_US,
        certified_at_us=AT_US,
        settled_at_us=None,
        height=8,
    ),
    entry="ZQ==",
    certificate="Yw==",
    transaction_ids=["a/b"],
    before=[Edge("NORD", "SUED", "USD", 150, "JPY", 231, 1)],
    own_positions=[Position("SUED", "JPY", 231)],
    cycle=CYCLE_VIEW,
    events=[],
)


class Payments:
    """Views with one payment and one participant."""

    def __init__(self) -> None:
        self.asked: list[PaymentFilters] = []

    async def participant(self, participant_id: str) -> ParticipantView | None:
        found = [
            each for each in await self.participants() if each.participant_id == participant_id
        ]
        return found[0] if found else None

    async def participants(self) -> Sequence[ParticipantView]:
        return [
            ParticipantView(
                participant_id="NORD",
                name="Nord",
                bic="",
                lei="",
                country="FI",
                currencies=["USD", "JPY"],
                credit_lines_minor={"USD": 100, "JPY": 5},
                suspended=False,
                reason="",
                opened_at_us=AT_US,
                height=2,
            )
        ]

    async def payment(self, transaction_id: str) -> PaymentSummary | None:
        return PAYMENT if transaction_id == "a/b" else None

    async def timeline(self, transaction_id: str) -> Sequence[LedgerEntry]:
        return [
            LedgerEntry(
                entry_id=9 << 20,
                transaction_id=transaction_id,
                batch_id="",
                event_type="TRANSACTION_SUBMITTED",
                amount_minor=150,
                currency="USD",
                at_us=AT_US,
                actor="ann",
                details={},
            )
        ]

    async def postings(self, transaction_id: str) -> Sequence[TransferView]:
        return []

    async def instructions_of(self, transaction_id: str) -> Sequence[InstructionView]:
        return [INSTRUCTION]

    async def payments(
        self, filters: PaymentFilters, *, cursor: str | None = None, limit: int
    ) -> Page[PaymentSummary]:
        self.asked.append(filters)
        return Page([PAYMENT], "next" if limit == 1 else None, 9)


class Settlements:
    """Views with one settlement, its batch and its certificate."""

    async def batch(self, batch_id: str) -> BatchView | None:
        return BATCH_VIEW if batch_id == BATCH else None

    async def settlement(self, id: str) -> SettlementView | None:
        known = id in (CYCLE, BATCH)
        return SettlementView(settlement=SETTLEMENT, instructions=[INSTRUCTION]) if known else None

    async def settlements(self, **narrowed: Any) -> Page[SettlementSummary]:
        state = narrowed["state"]
        return Page([SETTLEMENT] if state in (None, SETTLEMENT.state) else [], None, 9)

    async def committee(self, epoch: int | None = None) -> CommitteeView | None:
        if epoch not in (None, 1):
            return None
        members = [Member(member_id=f"m{n}", public_key="k", proof="p") for n in range(4)]
        return CommitteeView(
            chain_id="main",
            epoch=1,
            members=members,
            ruleset_version=1,
            activation_height=1,
            formed_at_us=AT_US,
            height=1,
        )

    async def certificate(self, batch_id: str) -> CertificateView | None:
        return CERTIFICATE if batch_id == BATCH else None

    async def evidence(self) -> Sequence[EvidenceView]:
        return [
            EvidenceView(
                member_id="m3",
                epoch=1,
                consensus_height=3,
                round=0,
                step="prevote",
                first="a",
                second="b",
                at_us=AT_US,
                height=6,
            )
        ]


@pytest.fixture
def parts() -> dict[str, Any]:
    return {"payments": Payments(), "settlements": Settlements()}


async def told(door: Door, path: str, **query: Any) -> dict[str, Any]:
    answer = await door.client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("transactions/nothing", "payments.unknown"),
        ("participants/WEST", "payments.participant_unknown"),
        ("settlements/nothing/status", "execution.settlement_unknown"),
        ("batches/nothing", "netting.batch_unknown"),
        ("batches/nothing/certificate", "consensus.certificate_unknown"),
        ("committee?epoch=7", "consensus.committee_unknown"),
    ],
)
async def test_what_is_not_there_is_told_with_404(
    path: str, code: str, parts: dict[str, Any]
) -> None:
    async with front_door(parts=parts) as door:
        answer = await door.client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_a_platform_without_these_views_says_that_they_cannot_be_read() -> None:
    async with front_door() as door:
        for path in ("transactions", "transactions/p", "participants", "settlements", "evidence"):
            answer = await door.client.get(f"/api/v1/{path}")
            assert (answer.status_code, answer.json()["code"]) == (503, "views.unavailable")


async def test_a_filter_that_is_none_is_refused(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        answer = await door.client.get("/api/v1/transactions?state=gone&limit=0&colour=red")
        assert answer.status_code == 422
        assert {error["pointer"] for error in answer.json()["errors"]} == {
            "state",
            "limit",
            "colour",
        }


async def test_a_payment_is_told_with_its_life(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        full = await told(door, "transactions/a/b")
        payment = full["payment"]
        assert (payment["amount"], payment["received"]) == ("1.50", "231")
        assert (payment["state"], payment["deferrals"]) == ("settled", 1)
        assert payment["cut_off_at"] == AT
        assert payment["links"]["batch"] == f"/api/v1/batches/{BATCH}"
        assert full["timeline"][0]["event_type"] == "TRANSACTION_SUBMITTED"
        assert full["timeline"][0]["height"] == 9
        assert full["certificate"]["signers"] == ["m1"]
        assert full["instructions"][0]["charges"] == "0.05"
        assert full["instructions"][0]["attempts"][0]["asks"] == 2


async def test_payments_are_told_page_by_page_and_narrowed(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        page = await told(
            door,
            "transactions",
            state="settled",
            payer="NORD",
            window="t+0",
            limit=1,
            **{"from": AT},
        )
        assert (page["next_cursor"], page["has_more"], page["height"]) == ("next", True, 9)
        (asked,) = parts["payments"].asked
        assert (asked.state, asked.payer, asked.from_us) == ("settled", "NORD", AT_US)


async def test_a_participant_is_told_with_its_accounts(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        bank = await told(door, "participants/NORD")
        assert bank["accounts"] == {"USD": "vostro:NORD:USD", "JPY": "vostro:NORD:JPY"}
        assert bank["credit_lines"] == {"USD": "1.00", "JPY": "5"}
        assert (await told(door, "participants"))["data"] == [bank]


async def test_a_settlement_is_found_by_its_own_id_and_by_that_of_a_batch(
    parts: dict[str, Any],
) -> None:
    async with front_door(parts=parts) as door:
        status = await told(door, f"settlements/{CYCLE}/status")
        assert status == await told(door, f"settlements/{BATCH}/status")
        assert status["settlement"]["state"] == "confirmed"
        assert status["instructions"][0]["direction"] == "in"
        assert len((await told(door, "settlements"))["data"]) == 1
        assert (await told(door, "settlements", state="failed"))["data"] == []


async def test_a_batch_is_told_with_its_graph_and_its_savings(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        batch = await told(door, f"batches/{BATCH}")
        assert batch["before"][0]["amount"] == "1.50"
        assert batch["before"][0]["received"] == "231"
        cycle = batch["cycle"]
        assert cycle["after"] == [{"participant_id": "NORD", "currency": "USD", "net": "-1.50"}]
        report = cycle["report"]
        assert (report["gross_cost"], report["cost"], report["saving"]) == (
            "20.00",
            "5.00",
            "15.00",
        )
        assert (report["saving_percent"], report["gap_percent"]) == ("75.0000", "25.0000")
        assert cycle["rates"]["rates"] == [["USD", "JPY", "154", "100"]]
        certificate = await told(door, f"batches/{BATCH}/certificate")
        assert certificate["certificate"] == batch["certificate"] == "Yw=="


async def test_members_and_the_evidence_against_them_are_told(parts: dict[str, Any]) -> None:
    async with front_door(parts=parts) as door:
        committee = await told(door, "committee")
        assert (len(committee["members"]), committee["quorum"]) == (4, 3)
        assert committee == await told(door, "committee", epoch=1)
        assert (await told(door, "evidence"))["data"][0]["member_id"] == "m3"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (CYCLE, CYCLE),
        (BATCH, CYCLE),
        (f"{CYCLE}.12", CYCLE),
        ("rtgs.42", "rtgs.42"),
        ("rtgs.42.1", "rtgs.42"),
        ("anything", "anything"),
    ],
)
def test_the_id_of_a_batch_names_its_settlement(said: str, meant: str) -> None:
    assert settlement_id_of(said) == meant
