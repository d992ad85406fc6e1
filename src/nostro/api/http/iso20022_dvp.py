"""How does a party speak ISO 20022 of its settlements: sese.023 and sese.020 in, sese.024,
sese.025, sese.027 and camt.054 out?

A sese.023 is one side's instruction, decided exactly as POST /settlements with a `side`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from nostro.adapters import iso20022 as iso
from nostro.api.http import iso20022_examples as examples
from nostro.api.http.dvp import (
    VIEWS,
    DvpPath,
    cancelled_by,
    seen_in_time,
    settlement_seen,
    side_of,
)
from nostro.api.http.dvp_bodies import InstructBody
from nostro.api.http.dvp_instructing import INSTRUCTING, instructed_by
from nostro.api.http.iso20022 import (
    ROOT,
    XML,
    MessageOperation,
    new_message_id,
    now_us,
    spoken_xml,
    wants_json,
)
from nostro.api.http.ledger_reads import AtLeast
from nostro.api.operations import Call, KeyRule, Operation, Result, answered
from nostro.api.problem_table import row_for
from nostro.api.problems import ProblemRaised, Spoken, detail_of
from nostro.api.shapes import Shape
from nostro.kernel.messages import Rejection
from nostro.settlement import (
    Party,
    SettlementView,
)

_shape = Shape(InstructBody)
AUTH = "auth."


class SideQuery(msgspec.Struct, frozen=True, kw_only=True):
    """To which side it is told; a party's own, if it is left out."""

    side: Party | None = None
    at_least: AtLeast | None = None


# -- in --------------------------------------------------------------------------------------------


async def submit_sese023(call: Call, data: bytes) -> Spoken:
    """Instruct one side, and tell it where it stands."""
    directory = iso.directory_of(await call.desk.platform.payments.participants())
    told = await asyncio.to_thread(iso.read_instruction, data, directory)
    try:
        if told.refused is not None:
            raise told.refused
        body: InstructBody = _shape.read(msgspec.json.encode(told.fields))
        done, receipt = await instructed_by(call, body)
    except (Rejection, ProblemRaised) as no:
        if wants_json(call) or no.code.startswith(AUTH):
            raise
        call.sees("")  # nobody's accounts were touched
        return spoken_xml(await _rejected(told.reference, no))
    if wants_json(call):
        return answered(done, receipt=receipt)
    await call.desk.fresh(receipt.height)
    view = await settlement_seen(call, int(done.settlement_id[1:]))
    return spoken_xml(await _status(call, view, Party(told.fields["side"])), receipt)


async def _rejected(reference: str, no: Rejection | ProblemRaised) -> bytes:
    words = getattr(no, "detail", "") or detail_of(row_for(no.code).title, no.facts)
    return await asyncio.to_thread(
        iso.rejection_advice, reference=reference, code=no.code, words=words
    )


async def submit_sese020(call: Call, data: bytes) -> Spoken:
    """Ask to cancel for one side, and tell it what became of that."""
    asked = await asyncio.to_thread(iso.read_cancellation, data)
    view = await _asked_for(call, asked)
    side = side_of(call, view, Party(asked.side))
    done, receipt = None, None
    code = words = ""
    try:
        done, receipt = await cancelled_by(call, view, side, asked.reason)
    except ProblemRaised as no:
        if wants_json(call):
            raise
        code, words = no.code, row_for(no.code).title
    if wants_json(call):
        return answered(done, receipt=receipt)
    cancelled = done is not None and done.cancelled is True
    message = await asyncio.to_thread(
        iso.cancellation_advice, asked, cancelled=cancelled, code=code, words=words
    )
    return spoken_xml(message, receipt)


async def _asked_for(call: Call, asked: iso.Cancellation) -> SettlementView:
    """Return the settlement by our id of it, or by the caller's own reference."""
    if asked.settlement_id[:1] == "S" and asked.settlement_id[1:].isdecimal():
        return await seen_in_time(call, int(asked.settlement_id[1:]))
    desk, party = call.desk, call.acting_for(None)
    await desk.fresh(desk.platform.engine.height)
    view = await desk.platform.dvp.settlement_by_reference(party, asked.reference)
    if view is None:
        raise ProblemRaised("settlement.unknown", facts={"reference": asked.reference})
    return view


# -- out -------------------------------------------------------------------------------------------


async def get_sese024(call: Call, query: SideQuery) -> Spoken:
    """Tell one side where its settlement stands."""
    view, side = await _seen(call, query)
    return spoken_xml(await _status(call, view, side))


async def get_sese025(call: Call, query: SideQuery) -> Spoken:
    """Tell one side what has settled."""
    view, side = await _seen(call, query)
    of = await _one_side(call, view, side)
    return spoken_xml(await asyncio.to_thread(iso.confirmation, of))


async def get_dvp_camt054(call: Call, query: SideQuery) -> Spoken:
    """Tell one side what it has paid, or been paid."""
    view, side = await _seen(call, query)
    of = await _one_side(call, view, side)
    message = await asyncio.to_thread(
        iso.cash_notification, of, message_id=new_message_id(), at_us=now_us()
    )
    return spoken_xml(message)


async def _seen(call: Call, query: SideQuery) -> tuple[SettlementView, Party]:
    await call.desk.fresh(query.at_least)
    view = await settlement_seen(call, int(call.params.settlement_id[1:]))
    return view, side_of(call, view, query.side)


async def _status(call: Call, view: SettlementView, side: Party) -> bytes:
    of = await _one_side(call, view, side)
    today = datetime.now(UTC).date().isoformat()
    return await asyncio.to_thread(iso.status_advice, of, today=today)


async def _one_side(call: Call, view: SettlementView, side: Party) -> iso.OneSide:
    desk = call.desk
    security, cash = await desk.asset(view.security), await desk.asset(view.cash)
    return iso.OneSide(view, side, security.scale, cash.scale)


# -- operations ------------------------------------------------------------------------------------

_TAKEN = (
    "iso20022.too_large",
    "iso20022.malformed",
    "iso20022.not_allowed",
    "iso20022.unknown_message",
    "iso20022.unexpected_message",
    "iso20022.not_schematic",
    "iso20022.not_expressible",
    "iso20022.unavailable",
    "auth.not_your_account",
    "auth.user_unnamed",
    "engine.key_reused",
    *VIEWS,
)
_REFUSED = (
    "iso20022.not_against_payment",
    "iso20022.field_missing",
    "iso20022.not_supported",
    "iso20022.bad_isin",
    "iso20022.direction_differs",
    "iso20022.party_missing",
    "iso20022.party_unknown",
    "iso20022.bad_id",
    *INSTRUCTING,
)


def _message_in(
    name: str, message: str, answer: str, summary: str, description: str, handler: Any, *more: str
) -> Operation:
    return MessageOperation(
        name=name,
        method="POST",
        path=f"{ROOT}/{message}",
        tag="iso20022",
        summary=summary,
        description=description,
        handler=handler,
        media_type=XML,
        body_example=examples.IN[message],
        key=KeyRule.OPTIONAL,
        actor="the party",
        problems=(*more, *_TAKEN),
        results={
            200: Result(
                description=f"A {answer}; JSON where `Accept` asks for it.",
                example=examples.OUT[answer],
                media_type=XML,
            )
        },
    )


def _of_settlement(
    name: str, message: str, summary: str, handler: Callable[..., Any], *more: str
) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=f"/settlements/{{settlement_id:dvp}}/{message}",
        tag="iso20022",
        summary=summary,
        description="As one side sees it; codes are in docs/iso20022.md.",
        handler=handler,
        query=SideQuery,
        params=DvpPath,
        problems=(
            "settlement.unknown",
            "auth.not_your_account",
            *more,
            "iso20022.not_expressible",
            "iso20022.unavailable",
            *VIEWS,
        ),
        results={
            200: Result(description="The message.", example=examples.OUT[message], media_type=XML)
        },
    )


_SETTLED = ("iso20022.not_settled", "iso20022.not_a_currency")
OPERATIONS = (
    _message_in(
        "submitSese023",
        "sese.023",
        "sese.024",
        "Instruct one side with a sese.023",
        "Deliveries and receipts against payment. The side is matched with the other's, or waits "
        "for it; its TxId is its reference, and the CmonId, or else the TradId, the trade id.",
        submit_sese023,
        *_REFUSED,
    ),
    _message_in(
        "submitSese020",
        "sese.020",
        "sese.027",
        "Ask to cancel with a sese.020",
        "By our id of the settlement (AcctSvcrTxId), or the party's own reference.",
        submit_sese020,
        "settlement.unknown",
        "settlement.decided",
        "settlement.prefunded",
        "settlement.ended",
        "iso20022.not_supported",
    ),
    _of_settlement(
        "getSese024", "sese.024", "Where a settlement stands, as a sese.024", get_sese024
    ),
    _of_settlement(
        "getSese025", "sese.025", "What has settled, as a sese.025", get_sese025, *_SETTLED
    ),
    _of_settlement(
        "getDvpCamt054",
        "camt.054",
        "The cash of a settlement, as a camt.054",
        get_dvp_camt054,
        *_SETTLED,
    ),
)
