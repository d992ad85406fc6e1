"""What does a party hear that speaks ISO 20022 of its settlements?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.adapters.iso20022.messages import NS
from tests.adapters.iso20022.settlement_messages import party, sese020, sese023
from tests.api.callers import bearer
from tests.api.door import Door
from tests.api.settling import AAPL, act, day, held, instruct, read, settling

SESE023 = "/api/v1/iso20022/sese.023"
SESE020 = "/api/v1/iso20022/sese.020"
STATUS = "sese.024.001.12"


@pytest.fixture
async def door(wheel_postgres: str) -> AsyncIterator[Door]:
    async with settling(wheel_postgres) as opened:
        yield opened


def dates(trade: str = "", settlement: str = "") -> dict[str, str]:
    """Return the dates of an instruction, today unless they are said."""
    return {
        "trade_day": f"<TradDt><Dt><Dt>{trade or day()}</Dt></Dt></TradDt>",
        "settlement_day": f"<SttlmDt><Dt><Dt>{settlement or day()}</Dt></Dt></SttlmDt>",
    }


def sell(**said: Any) -> bytes:
    return sese023(**{**dates(), **said})


def buy(**said: Any) -> bytes:
    usual = {"reference": "buy-1", "movement": "RECE", "direction": "DBIT"}
    return sese023(**{**dates(), **usual, **said})


async def send(
    door: Door, data: bytes, *, of: str, path: str = SESE023, **headers: str
) -> httpx.Response:
    headers.setdefault("content_type", "application/xml")
    return await door.ask("POST", path, data, of=of, **headers)


def codes(answer: httpx.Response, name: str = STATUS) -> set[str]:
    """Return which of its statuses a message tells, and the codes of their reasons."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/xml"
    at = f"{{{NS}{name}}}"
    root = ET.fromstring(answer.content)
    told: set[str] = set()
    for status in ("PrcgSts", "MtchgSts", "SttlmSts"):
        for found in root.iter(f"{at}{status}"):
            told.update(each.tag.removeprefix(at) for each in found)
            told.update(each.text or "" for each in found.iter(f"{at}Cd") if not len(each))
    return told


async def message(
    door: Door, id: str, name: str, *, of: str, side: str = "", status: int = 200
) -> httpx.Response:
    query: dict[str, Any] = {"at_least": door.engine.height}
    if side:
        query["side"] = side
    headers = bearer(of, *(("operator",) if of == "operator" else ()))
    answer = await door.client.get(f"/settlements/{id}/{name}", params=query, headers=headers)
    assert answer.status_code == status, answer.text
    return answer


# -- what is wrong ---------------------------------------------------------------------------------


async def test_what_is_not_a_message_of_ours_is_a_problem(door: Door) -> None:
    for data, status, code in (
        (b"", 400, "malformed"),
        (b"{}", 400, "malformed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400, "not_allowed"),
        (b"<a>" * 1_000, 400, "not_allowed"),
        (sese020(), 422, "unexpected_message"),
        (sell(more="<Bogus/>"), 422, "not_schematic"),
    ):
        answer = await send(door, data, of="bob")
        assert (answer.status_code, answer.json()["code"]) == (status, f"iso20022.{code}")
    for said in ("application/json", "text/plain"):
        assert (await send(door, sell(), of="bob", content_type=said)).status_code == 415
    assert (await read(door, "/settlements"))["total"] == 0


async def test_nobody_instructs_for_somebody_else(door: Door) -> None:
    for data in (sell(), buy(deliverer=party("bob"), receiver=party("carol"))):
        answer = await send(door, data, of="eve")
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_your_account")
    answer = await door.client.post(SESE023, content=sell())
    assert answer.status_code == 415
    assert (await read(door, "/settlements"))["total"] == 0


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"payment": "FREE"}, "SETR"),
        ({"security": "<ISIN>US0378331006</ISIN>"}, "DSEC"),
        ({"security": "<ISIN>US5949181045</ISIN>"}, "DSEC"),
        ({"quantity": "<Qty><Unit>0.001</Unit></Qty>"}, "DQUA"),
        ({"amount": "7524.001"}, "DQUA"),
        ({"receiver": party("bob")}, "INVL"),
        ({"receiver": party("DEUTDEFF", by="bic")}, "INVL"),
        (dates(trade="2020-01-01"), "DDAT"),
        ({"currency": "XQX"}, "DSEC"),
    ],
)
async def test_an_instruction_that_is_refused_hears_why_in_its_status(
    door: Door, said: dict[str, Any], code: str
) -> None:
    answer = await send(door, sell(**said), of="bob")
    assert codes(answer) == {"Rjctd", code}
    assert b"<AcctOwnrTxId>sell-1</AcctOwnrTxId>" in answer.content
    as_json = await send(door, sell(**said), of="bob", accept="application/json")
    assert 400 <= as_json.status_code < 500
    assert as_json.json()["remedy"]


async def test_what_no_party_could_be_called_is_rejected_and_not_our_fault(door: Door) -> None:
    for number, id in enumerate(("a:b", "a b", "\u00e9", "x" * 35, "S1;DROP")):
        for whose in ("receiver", "deliverer"):
            data = sell(reference=f"odd-{number}", **{whose: party(id)})
            answer = await send(door, data, of="bob")
            assert answer.status_code in (200, 403), (id, answer.text)


async def test_numbers_and_days_that_are_none_are_rejected_and_not_our_fault(door: Door) -> None:
    odd: list[dict[str, Any]] = [
        {"quantity": "<Qty><Unit>0</Unit></Qty>"},
        {"quantity": "<Qty><Unit>-1</Unit></Qty>"},
        {"amount": "0.001"},
        {"common": "<CmonId>match:1</CmonId>"},
        {**dates(settlement="9999-12-31")},
        {**dates(trade="0001-01-01")},
    ]
    for number, said in enumerate(odd):
        data = sese023(**{**dates(), "reference": f"odd-{number}", **said})
        answer = await send(door, data, of="bob")
        assert answer.status_code in (200, 422), (said, answer.text)
        if answer.status_code == 200:
            assert b"Rjctd" in answer.content, said


async def test_a_reference_with_other_content_is_rejected(door: Door) -> None:
    await send(door, sell(), of="bob")
    assert codes(await send(door, sell(amount="1.00"), of="bob")) == {"Rjctd", "REFE"}


async def test_messages_are_for_the_parties_only(door: Door) -> None:
    id = (await instruct(door, hold=["seller"]))["settlement_id"]
    for name in ("sese.024", "sese.025", "camt.054"):
        answer = await message(door, id, name, of="eve", status=404)
        assert answer.json()["code"] == "settlement.unknown"
        answer = await message(door, id, name, of="bob", side="buyer", status=403)
        assert answer.json()["code"] == "auth.not_your_account"
        await message(door, id, name, of="operator", status=422)
    for name in ("sese.025", "camt.054"):
        answer = await message(door, id, name, of="bob", status=409)
        assert answer.json()["code"] == "iso20022.not_settled"


# -- the course of a settlement --------------------------------------------------------------------


async def test_two_messages_that_agree_settle_and_are_confirmed(door: Door) -> None:
    assert codes(await send(door, sell(), of="bob")) >= {"AckdAccptd", "Umtchd", "CMIS"}
    assert codes(await send(door, buy(), of="alice")) == {"AckdAccptd", "Mtchd"}
    assert await held(door, AAPL, "alice") == ("50.00", "0.00")
    page = await read(door, "/settlements", of="alice")
    view = page["data"][0]
    assert (view["status"], view["trade_id"]) == ("SETTLED", "trade-1")
    assert (view["seller_reference"], view["buyer_reference"]) == ("sell-1", "buy-1")
    id = view["settlement_id"]
    for user, direction, reference in (("bob", b"CRDT", b"sell-1"), ("alice", b"DBIT", b"buy-1")):
        confirmed = (await message(door, id, "sese.025", of=user)).content
        assert b"<Unit>50.00</Unit>" in confirmed
        assert b'Ccy="USD">7524.00</' in confirmed
        assert b"PrtlSttlm>" not in confirmed
        cash = (await message(door, id, "camt.054", of=user)).content
        for told in (confirmed, cash):
            assert b"<CdtDbtInd>" + direction in told
            assert reference in told


async def test_a_message_that_comes_again_instructs_once(door: Door) -> None:
    first = await send(door, sell(), of="bob", accept="application/json")
    again = await send(door, sell(), of="bob", accept="application/json")
    assert (first.json()["exists"], again.json()["exists"]) == (False, True)
    assert first.json()["settlement_id"] == again.json()["settlement_id"]
    keyed = await send(door, sell(), of="bob", idempotency_key="k")
    replayed = await send(door, sell(), of="bob", idempotency_key="k")
    assert codes(keyed) == codes(replayed)
    assert replayed.headers["idempotent-replayed"] == "true"


async def test_a_hold_is_told_to_each_side_as_whose_it_is(door: Door) -> None:
    hold = "<HldInd><Ind>true</Ind></HldInd>"
    await send(door, sell(hold=hold), of="bob")
    assert codes(await send(door, buy(), of="alice")) == {"AckdAccptd", "Mtchd", "Pdg", "PRCY"}
    id = (await read(door, "/settlements", of="bob"))["data"][0]["settlement_id"]
    assert "PREA" in codes(await message(door, id, "sese.024", of="bob"))
    assert "PRCY" in codes(await message(door, id, "sese.024", of="operator", side="buyer"))
    await act(door, id, "release", of="bob")
    assert codes(await message(door, id, "sese.024", of="bob")) == {"AckdAccptd", "Mtchd"}


async def test_a_lack_is_told_to_each_side_as_whose_it_is(door: Door) -> None:
    lots = "<Qty><Unit>5000</Unit></Qty>"
    await send(door, sell(quantity=lots), of="bob")
    await send(door, buy(quantity=lots), of="alice")
    id = (await read(door, "/settlements", of="bob"))["data"][0]["settlement_id"]
    assert "LACK" in codes(await message(door, id, "sese.024", of="bob"))
    assert "CLAC" in codes(await message(door, id, "sese.024", of="alice"))


async def test_a_part_is_confirmed_with_the_rest(door: Door) -> None:
    partial = "<PrtlSttlmInd>PART</PrtlSttlmInd>"
    hold = "<HldInd><Ind>true</Ind></HldInd>"
    await send(door, sell(partial=partial, hold=hold), of="bob")
    await send(door, buy(partial="<PrtlSttlmInd>PARQ</PrtlSttlmInd>"), of="alice")
    id = (await read(door, "/settlements", of="bob"))["data"][0]["settlement_id"]
    await act(door, id, "release", {"quantity": "20"}, of="bob")
    confirmed = (await message(door, id, "sese.025", of="alice")).content
    assert b"<PrtlSttlm>PAIN</PrtlSttlm>" in confirmed
    assert b"<RmngToBeSttldQty><Unit>30.00</Unit>" in confirmed
    await act(door, id, "release", of="bob")
    confirmed = (await message(door, id, "sese.025", of="alice")).content
    assert b"<PrtlSttlm>PARC</PrtlSttlm>" in confirmed
    assert b"<PrevslySttldQty><Unit>20.00</Unit>" in confirmed


async def test_a_cancellation_waits_for_the_other_side_and_is_then_done(door: Door) -> None:
    hold = "<HldInd><Ind>true</Ind></HldInd>"
    await send(door, sell(hold=hold), of="bob")
    await send(door, buy(), of="alice")
    name = "sese.027.001.07"
    asked = await send(door, sese020(), of="bob", path=SESE020)
    assert codes(asked, name) == {"PdgCxl", "CONF"}
    id = (await read(door, "/settlements", of="bob"))["data"][0]["settlement_id"]
    assert "CxlReqd" in codes(await message(door, id, "sese.024", of="bob"))
    theirs = sese020(reference="buy-1", movement="RECE", ours=id)
    assert codes(await send(door, theirs, of="alice", path=SESE020), name) == {"Canc"}
    assert "CANI" in codes(await message(door, id, "sese.024", of="bob"))
    again = await send(door, theirs, of="alice", path=SESE020)
    assert codes(again, name) == {"Dnd", "DSET"}


async def test_a_cancellation_of_what_is_not_ones_own_is_refused(door: Door) -> None:
    await send(door, sell(), of="bob")
    for data, of in ((sese020(), "eve"), (sese020(ours="S1"), "eve"), (sese020(ours="S9"), "bob")):
        answer = await send(door, data, of=of, path=SESE020)
        assert (answer.status_code, answer.json()["code"]) == (404, "settlement.unknown")
    wrong = sese020(ours="S1", movement="RECE")
    answer = await send(door, wrong, of="bob", path=SESE020)
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_your_account")
