"""What does a bank hear that speaks ISO 20022 with us?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.adapters.iso20022.messages import NS, UETR, pacs004, pacs008, transfer
from tests.api.door import Door, live_door

PACS008 = "/api/v1/iso20022/pacs.008"
PACS004 = "/api/v1/iso20022/pacs.004"
LATE = "<PmtTpInf><LclInstrm><Prtry>T+2</Prtry></LclInstrm></PmtTpInf>"


def late(**said: str) -> str:
    """Return a transfer that waits for a later window, without a day that may be past."""
    return transfer(kind=LATE, **said)


def undated(data: bytes) -> bytes:
    return data.replace(b"<IntrBkSttlmDt>2026-11-23</IntrBkSttlmDt>", b"")


@pytest.fixture
async def door(wheel_postgres: str) -> AsyncIterator[Door]:
    async with live_door(wheel_postgres) as opened:
        for id, bic in (("NORD", "NDEAFIHH"), ("SUED", "DEUTDEFF")):
            bank = {"participant_id": id, "name": id, "bic": bic, "currencies": ["EUR"]}
            answer = await opened.post("/api/v1/participants", bank)
            assert answer.status_code == 201, answer.text
        money = {"currency": "EUR", "amount": "5000.00", "reference": "f-1"}
        answer = await opened.post("/api/v1/participants/NORD/funding", money)
        assert answer.status_code == 201, answer.text
        await opened.get("/api/v1/participants")
        yield opened


async def send(door: Door, path: str, data: bytes, **headers: str) -> httpx.Response:
    headers.setdefault("content_type", "application/xml")
    return await door.post(path, data, **headers)


def statuses(answer: httpx.Response) -> list[tuple[str, str]]:
    """Return status and reason of each transaction of a pacs.002."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/xml"
    root = ET.fromstring(answer.content)
    at = f"{{{NS}pacs.002.001.10}}"
    return [
        (each.findtext(f"{at}TxSts") or "", each.findtext(f".//{at}Rsn/{at}Cd") or "")
        for each in root.iter(f"{at}TxInfAndSts")
    ]


async def test_what_is_not_xml_by_its_media_type_is_not_read(door: Door) -> None:
    for said in ("application/json", "text/plain"):
        answer = await send(door, PACS008, pacs008(), content_type=said)
        assert answer.status_code == 415
    answer = await send(door, "/api/v1/transactions", pacs008())
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "iso20022.malformed"),
        (b"{}", 400, "iso20022.malformed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400, "iso20022.not_allowed"),
        (b"<a>" * 1_000, 400, "iso20022.not_allowed"),
        (pacs004(), 422, "iso20022.unexpected_message"),
        (pacs008(count=7), 422, "iso20022.count_differs"),
        (pacs008().replace(b"ChrgBr", b"Bogus"), 422, "iso20022.not_schematic"),
    ],
)
async def test_a_message_that_cannot_be_taken_is_a_problem(
    door: Door, data: bytes, status: int, code: str
) -> None:
    answer = await send(door, PACS008, data)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_each_transaction_has_a_status_of_its_own(door: Door) -> None:
    data = undated(
        pacs008(
            late(),
            late(uetr="", tx_id="T-2", payee="BNPAFRPP"),
            late(uetr="", tx_id="T-3", currency="XQX"),
            late(uetr="", tx_id="T-4", amount="9999.00"),
            late(uetr="", tx_id="T-5", amount="1.005"),
            late(
                uetr="",
                tx_id="T-6",
                creditor_account="<CdtrAcct><Id><IBAN>DE00370400440532013000</IBAN></Id></CdtrAcct>",
            ),
            late(uetr="", tx_id="T-7", amount="1.00"),
        )
    )
    told = statuses(await send(door, PACS008, data))
    assert [status for status, _ in told] == [
        "ACSP",
        "RJCT",
        "RJCT",
        "RJCT",
        "RJCT",
        "ACSP",  # this platform has no registry of IBANs, and the spelling is one
        "ACSP",
    ]
    assert [reason for _, reason in told] == ["", "RC01", "AM03", "AM04", "AM12", "", ""]


async def test_a_message_that_comes_again_is_accepted_once(door: Door) -> None:
    data = undated(pacs008(late()))
    assert statuses(await send(door, PACS008, data)) == [("ACSP", "")]
    again = await send(door, PACS008, data)
    assert statuses(again) == [("ACSP", "NARR")]
    assert b"accepted before" in again.content
    other = undated(pacs008(late(amount="7.00")))
    assert statuses(await send(door, PACS008, other)) == [("RJCT", "DU03")]


async def test_under_one_key_the_first_answer_is_told_again(door: Door) -> None:
    data = undated(pacs008(late()))
    first = await send(door, PACS008, data, idempotency_key="k-1")
    again = await send(door, PACS008, data, idempotency_key="k-1")
    assert statuses(first) == statuses(again) == [("ACSP", "")]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await send(door, PACS008, undated(pacs008(late(uetr=""))), idempotency_key="k-1")
    assert other.json()["code"] == "engine.key_reused"


async def test_who_asks_for_json_hears_json(door: Door) -> None:
    data = undated(pacs008(late(), late(uetr="", payee="BNPAFRPP")))
    told = (await send(door, PACS008, data, accept="application/json")).json()
    assert told["message_id"] == "MSG-1"
    assert [(each["result"], each.get("code", "")) for each in told["results"]] == [
        ("accepted", ""),
        ("refused", "iso20022.agent_unknown"),
    ]


async def test_the_status_of_a_payment_can_be_asked_for(door: Door) -> None:
    await send(door, PACS008, undated(pacs008(late())))
    path = f"/api/v1/transactions/{UETR}"
    fresh = {"at_least": door.engine.height}
    assert statuses(await door.client.get(f"{path}/pacs.002", params=fresh)) == [("ACSP", "")]
    assert (await door.post(f"{path}/cancel", {})).status_code == 200
    fresh = {"at_least": door.engine.height}
    answer = await door.client.get(f"{path}/pacs.002", params=fresh)
    assert statuses(answer) == [("CANC", "CUST")]
    not_returned = await door.client.get(f"{path}/pacs.004", params=fresh)
    assert not_returned.json()["code"] == "iso20022.not_returned"
    unknown = await door.client.get("/api/v1/transactions/nobody/pacs.002")
    assert unknown.json()["code"] == "payments.unknown"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"uetr": "00000000-0000-4000-8000-000000000000"}, "NARR"),
        ({"amount": "1250.49"}, "NARR"),
        ({"currency": "USD"}, "NARR"),
        ({}, "NARR"),
    ],
)
async def test_a_return_of_what_is_not_settled_is_rejected(
    door: Door, said: dict[str, Any], reason: str
) -> None:
    await send(door, PACS008, undated(pacs008(late())))
    await door.get("/api/v1/participants")
    answer = await send(door, PACS004, pacs004(**said))
    assert statuses(answer) == [("RJCT", reason)]


async def test_a_statement_has_what_is_booked_between_its_balances(door: Door) -> None:
    fresh: dict[str, Any] = {"currency": "EUR", "at_least": door.engine.height}
    answer = await door.client.get("/api/v1/participants/NORD/camt.053", params=fresh)
    assert answer.status_code == 200, answer.text
    root = ET.fromstring(answer.content)
    at = f"{{{NS}camt.053.001.08}}"
    balances = {
        each.findtext(f".//{at}Cd"): (each.findtext(f"{at}Amt"), each.findtext(f"{at}CdtDbtInd"))
        for each in root.iter(f"{at}Bal")
    }
    assert balances["OPBD"] == ("0.00", "CRDT")
    assert balances["CLBD"] == ("5000.00", "CRDT")
    (entry,) = root.iter(f"{at}Ntry")
    assert entry.findtext(f"{at}Amt") == "5000.00"
    told = await door.client.get("/api/v1/participants/NORD/camt.054", params=fresh)
    assert told.status_code == 200
    assert b"BkToCstmrDbtCdtNtfctn" in told.content


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("NOBODY/camt.053", {"currency": "EUR"}, "payments.participant_unknown"),
        ("NORD/camt.053", {"currency": "USD"}, "payments.currency_not_held"),
        ("NORD/camt.053", {}, "request.missing_parameter"),
        (
            "NORD/camt.054",
            {"currency": "EUR", "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
            "iso20022.bad_period",
        ),
    ],
)
async def test_a_statement_that_there_is_not_is_a_problem(
    door: Door, path: str, query: dict[str, str], code: str
) -> None:
    answer = await door.client.get(f"/api/v1/participants/{path}", params=query)
    assert answer.json()["code"] == code
