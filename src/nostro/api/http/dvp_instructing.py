"""How does one instruct a settlement: both sides at once, one of them, or many together?

A party instructs its own side. Both sides at once are instructed by who may speak for both, an
operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nostro.api.http import dvp_examples as examples
from nostro.api.http.dvp import ACTOR, TAG, accepted, facts_of, ordered
from nostro.api.http.dvp_bodies import (
    UNSET,
    AgreedBody,
    InstructBody,
    assets_of,
    check_agreed,
    check_list,
    check_side,
    new_settlement,
    new_side,
    refusal,
)
from nostro.api.operations import Call, KeyRule, Operation, Result, answered
from nostro.api.problem_table import row_for
from nostro.api.problems import ProblemRaised, Spoken, detail_of
from nostro.api.times import rfc3339
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt
from nostro.settlement import InstructSettlements, InstructSide, NewSettlement


class InstructedTold(msgspec.Struct, frozen=True, kw_only=True):
    """A settlement that is instructed. `status`: as it stood at once; `matched`: both sides agree,
    else it is alleged to the other. `exists`: it was instructed before, with the same content."""

    settlement_id: str
    trade_id: str
    status: str
    matched: bool
    exists: bool
    height: int
    recorded_at: str


class InstructionResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one settlement of many: `index` is its place, from 0. Refused: `code`,
    `detail` and `facts` tell why."""

    index: int
    trade_id: str
    settlement_id: str = ""
    status: str = ""
    exists: bool = False
    code: str = ""
    detail: str = ""
    facts: dict[str, Any] | msgspec.UnsetType = UNSET


class InstructedMany(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each settlement, in the order in which they were sent. `recorded_at` is null
    when there was nothing to record: all were refused at the door."""

    instructed: int
    refused: int
    results: list[InstructionResult]
    height: int
    recorded_at: str | None


async def instruct(call: Call, body: InstructBody) -> Spoken:
    """Instruct one settlement, one side of it, or many."""
    if body.settlements is not None:
        return await _many(call, body, body.settlements)
    if body.side is not None:
        return await _one_side(call, body)
    return await _agreed(call, body)


async def _agreed(call: Call, body: InstructBody) -> Spoken:
    check_agreed(body)
    _speak_for_both(call, body)
    try:
        new = await new_settlement(call.desk, body)
    except Rejection as no:
        raise refusal(no) from None
    receipt = await ordered(call, InstructSettlements(settlements=[new]), ACTOR)
    (result,) = accepted(call, receipt, *assets_of(body))["results"]
    if "code" in result:
        facts = facts_of(call, result.get("facts", {}), *assets_of(body))
        raise ProblemRaised(
            result["code"], facts=facts, height=receipt.height, replayed=receipt.replayed
        )
    told = _instructed(receipt, result, trade_id=new.trade_id, matched=True)
    return answered(told, status=201, receipt=receipt)


async def _one_side(call: Call, body: InstructBody) -> Spoken:
    told, receipt = await instructed_by(call, body)
    return answered(told, status=201, receipt=receipt)


async def instructed_by(call: Call, body: InstructBody) -> tuple[InstructedTold, Receipt]:
    """Instruct one side, and return what became of it; raises ProblemRaised."""
    side = body.side
    assert side is not None
    check_side(body, side)
    party = call.acting_for(getattr(body, f"{side.value}_account_id"))
    try:
        new = await new_side(call.desk, body, side, party)
    except Rejection as no:
        raise refusal(no) from None
    receipt = await ordered(call, InstructSide(instruction=new), party)
    result = accepted(call, receipt, *assets_of(body))
    told = _instructed(receipt, result, trade_id=new.trade_id, matched=result["matched"])
    return told, receipt


def _instructed(
    receipt: Receipt, result: Mapping[str, Any], *, trade_id: str, matched: bool
) -> InstructedTold:
    return InstructedTold(
        settlement_id=result["settlement_id"],
        trade_id=trade_id,
        status=result["status"],
        matched=matched,
        exists=result.get("exists", False),
        height=receipt.height,
        recorded_at=rfc3339(receipt.at_us),
    )


async def _many(call: Call, body: InstructBody, all: Sequence[AgreedBody]) -> Spoken:
    check_list(body)
    for each in all:
        _speak_for_both(call, each)
    results: list[InstructionResult | None] = [None] * len(all)
    drafted: list[tuple[int, NewSettlement]] = []
    for index, each in enumerate(all):
        try:
            drafted.append((index, await new_settlement(call.desk, each)))
        except Rejection as no:
            if body.linked:
                raise refusal(no, f"/settlements/{index}") from None
            facts = {name: fact for name, fact in no.facts.items() if name != "at"}
            results[index] = _refused(index, each, no.code, facts)
    receipt = None
    if drafted:
        command = InstructSettlements(settlements=[new for _, new in drafted], linked=body.linked)
        receipt = await ordered(call, command, ACTOR)
        said = accepted(call, receipt)["results"]
        for (index, _), result in zip(drafted, said, strict=True):
            results[index] = _result(call, index, all[index], result)
    return _told_many([each for each in results if each is not None], receipt, call)


def _result(
    call: Call, index: int, said: AgreedBody, result: Mapping[str, Any]
) -> InstructionResult:
    if "code" in result:
        facts = facts_of(call, result.get("facts", {}), *assets_of(said))
        return _refused(index, said, result["code"], facts)
    return InstructionResult(
        index=index,
        trade_id=said.trade_id or "",
        settlement_id=result["settlement_id"],
        status=result["status"],
        exists=result.get("exists", False),
    )


def _refused(index: int, said: AgreedBody, code: str, facts: dict[str, Any]) -> InstructionResult:
    detail = detail_of(row_for(code).title, facts)
    return InstructionResult(
        index=index, trade_id=said.trade_id or "", code=code, detail=detail, facts=facts
    )


def _told_many(results: list[InstructionResult], receipt: Receipt | None, call: Call) -> Spoken:
    refusals = sum(bool(each.code) for each in results)
    told = InstructedMany(
        instructed=len(results) - refusals,
        refused=refusals,
        results=results,
        height=call.desk.platform.engine.height if receipt is None else receipt.height,
        recorded_at=None if receipt is None else rfc3339(receipt.at_us),
    )
    return answered(told, receipt=receipt)


def _speak_for_both(call: Call, said: AgreedBody) -> None:
    """Refuse who may not speak for both sides; raises Rejection `auth.not_your_account`."""
    for party in (said.seller_account_id, said.buyer_account_id):
        call.acting_for(party)


INSTRUCTING = (
    "settlement.bad_trade_id",
    "settlement.bad_reference",
    "settlement.bad_party",
    "settlement.same_party",
    "settlement.bad_asset",
    "settlement.same_asset",
    "settlement.bad_amount",
    "settlement.bad_lot",
    "settlement.domain_unknown",
    "settlement.bad_date",
    "settlement.date_past",
    "settlement.date_too_far",
    "settlement.date_closed",
    "settlement.bad_partial",
    "settlement.trade_exists",
    "settlement.reference_exists",
    "settlement.too_many_unmatched",
    "asset.unknown",
    "money.not_a_number",
    "money.too_many_decimals",
    "money.too_large",
)
"""What can be wrong with an instruction, of both sides or of one."""

OPERATIONS = (
    Operation(
        name="instructDvp",
        method="POST",
        path="/settlements",
        tag=TAG,
        summary="Instruct a settlement",
        description="Securities and cash move together or not at all. Both sides at once, by an "
        "operator; or one `side`, which is matched with the other's; or a list, all or none when "
        "`linked`. A trade id is settled once, however often it is sent: with the same content it "
        "`exists`.",
        handler=instruct,
        body=InstructBody,
        body_example=examples.INSTRUCTION,
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=(
            *INSTRUCTING,
            "settlement.too_many",
            "settlement.bundle_too_large",
            "settlement.link_differs",
            "settlement.linked_days_differ",
            "auth.not_your_account",
            "auth.user_unnamed",
            "views.unavailable",
            "engine.key_reused",
        ),
        results={
            201: Result(
                description="It is instructed, or was before (`exists`).",
                shape=InstructedTold,
                example=examples.INSTRUCTED,
            ),
            200: Result(
                description="Of a list: what became of each.",
                shape=InstructedMany,
                example=examples.INSTRUCTED_MANY,
            ),
        },
    ),
)
