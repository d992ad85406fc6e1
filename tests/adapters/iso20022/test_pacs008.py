"""Which pacs.008 are refused, and what becomes of the others?"""

from __future__ import annotations

import pytest

from nostro.adapters.iso20022 import (
    MessageRefused,
    directory_of,
    read_pacs008,
    read_transfers,
)
from tests.adapters.iso20022.messages import BANKS, NS, UETR, pacs008, participant, transfer

KNOWN = directory_of(BANKS)
LAUGHS = (
    b'<!DOCTYPE lolz [<!ENTITY lol "lol">'
    + b"".join(
        b'<!ENTITY lol%d "%s">' % (n, b"&lol%s;" % (b"" if n == 1 else b"%d" % (n - 1)) * 10)
        for n in range(1, 10)
    )
    + b"]>"
)


def refusal(data: bytes) -> str:
    with pytest.raises(MessageRefused) as caught:
        read_pacs008(data, KNOWN)
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "iso20022.malformed"),
        (b"not xml", "iso20022.malformed"),
        (b"\xff\xfe\x00", "iso20022.malformed"),
        (pacs008()[:-20], "iso20022.malformed"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "iso20022.malformed"),
        (LAUGHS + b"<Document>&lol9;</Document>", "iso20022.not_allowed"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "iso20022.not_allowed"),
        (b"<?php echo 1 ?><a/>", "iso20022.not_allowed"),
        (b"<a>" * 100_000, "iso20022.not_allowed"),
        (b"<a>" + b"<b/>" * 500_001 + b"</a>", "iso20022.not_allowed"),
        (b"<a " + b"".join(b'x%d="" ' % n for n in range(100)) + b"/>", "iso20022.not_allowed"),
        (b"<Document/>", "iso20022.unknown_message"),
        (b'<x:Document xmlns:x="urn:other"/>', "iso20022.unknown_message"),
        (pacs008().replace(b"pacs.008.001.08", b"pain.001.001.09"), "iso20022.unexpected_message"),
        (pacs008().replace(b"pacs.008.001.08", b"pacs.008.001.02"), "iso20022.unexpected_message"),
        (b" " * 8_000_001, "iso20022.too_large"),
        (pacs008().replace(b"ChrgBr", b"Bogus"), "iso20022.not_schematic"),
        (pacs008().replace(b"SHAR", b"NONE"), "iso20022.not_schematic"),
        (pacs008().replace(b"<MsgId>MSG-1</MsgId>", b""), "iso20022.not_schematic"),
        (pacs008().replace(b"MSG-1", b"M" * 36), "iso20022.not_schematic"),
        (pacs008(transfer(uetr="not-a-uuid")), "iso20022.not_schematic"),
        (pacs008(transfer(currency="euro")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="-1")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="1e3")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="0E-99999999")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="1E99999999")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="Infinity")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="NaN")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="1.123456")), "iso20022.not_schematic"),
        (pacs008(transfer(amount="1" * 19)), "iso20022.not_schematic"),
        (pacs008(transfer(payer="nope")), "iso20022.not_schematic"),
        (pacs008(count=2), "iso20022.count_differs"),
        (pacs008(header="<CtrlSum>1250.51</CtrlSum>"), "iso20022.sum_differs"),
        (
            pacs008(header='<TtlIntrBkSttlmAmt Ccy="USD">1250.50</TtlIntrBkSttlmAmt>'),
            "iso20022.sum_differs",
        ),
        (pacs008(transfer(payer="BNPAFRPP")), "iso20022.agent_unknown"),
        (pacs008(transfer(payee="BNPAFRPP")), "iso20022.agent_unknown"),
        (pacs008(transfer(creditor_account="")), "iso20022.no_creditor_account"),
        (
            pacs008(transfer(uetr="", tx_id="", end_to_end="NOTPROVIDED")),
            "iso20022.no_transaction_id",
        ),
        (pacs008(transfer(uetr="", tx_id="a b")), "iso20022.bad_id"),
    ],
)
def test_what_is_no_message_of_ours_is_refused_whole(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_a_refusal_is_a_value_error_too_so_that_a_file_can_be_told_to_be_none() -> None:
    with pytest.raises(ValueError, match="malformed"):
        read_pacs008(b"hello")


def test_a_schema_fault_names_its_place() -> None:
    with pytest.raises(MessageRefused) as caught:
        read_pacs008(pacs008(transfer(currency="euro")), KNOWN)
    (why,) = caught.value.facts["why"]
    assert why.startswith("FIToFICstmrCdtTrf/CdtTrfTxInf[0]/IntrBkSttlmAmt/Ccy:")


def test_a_payment_has_the_fields_that_the_door_asks_for() -> None:
    assert read_pacs008(pacs008(), KNOWN) == [
        {
            "transaction_id": UETR,
            "amount": "1250.50",
            "source_currency": "EUR",
            "destination_currency": "EUR",
            "source_account": "vostro:NORD:EUR",
            "destination_account": "DE89370400440532013000",
            "counterparty_id": "SUED",
            "settlement_window": "t+0",
            "priority": 5,
            "value_date": "2026-11-23",
            "remittance": "invoice 4711",
            "end_to_end_id": "E2E-1",
            "uetr": UETR,
            "debtor_name": "Acme Ltd",
            "debtor_account": "12345",
            "creditor_name": "Müller & Söhne",
            "purpose": "SUPP",
        }
    ]


@pytest.mark.parametrize("version", ["08", "09", "10", "11", "12", "13"])
def test_every_version_from_08_on_is_read_alike(version: str) -> None:
    assert read_pacs008(pacs008(version=version), KNOWN) == read_pacs008(pacs008(), KNOWN)


def test_one_transaction_that_cannot_be_taken_does_not_stop_the_others() -> None:
    told = read_transfers(
        pacs008(transfer(), transfer(uetr="", tx_id="TX-2", payer="BNPAFRPP"), transfer()), KNOWN
    )
    assert [each.refused.code if each.refused else "" for each in told.transfers] == [
        "",
        "iso20022.agent_unknown",
        "",
    ]
    assert told.original.message_id == "MSG-1"
    assert told.transfers[1].references.tx_id == "TX-2"


def test_without_a_directory_banks_are_called_by_their_bics() -> None:
    (payment,) = read_pacs008(pacs008())
    assert payment["source_account"] == "vostro:NDEAFIHH:EUR"
    assert payment["counterparty_id"] == "DEUTDEFF500"


def test_a_bank_without_a_bic_is_called_by_our_id() -> None:
    other = "<Othr><Id>SUED</Id></Othr>"
    data = pacs008().replace(b"<BICFI>DEUTDEFF500</BICFI>", other.encode())
    assert read_pacs008(data, KNOWN)[0]["counterparty_id"] == "SUED"


def test_a_branch_that_takes_part_itself_goes_before_its_head_office() -> None:
    branch = participant("BRANCH", "DEUTDEFF500")
    payment = read_pacs008(pacs008(), directory_of([*BANKS, branch]))[0]
    assert payment["counterparty_id"] == "BRANCH"


def test_a_bank_that_takes_no_part_settles_through_the_one_that_instructs() -> None:
    through = (
        "<InstgAgt><FinInstnId><BICFI>NDEAFIHH</BICFI></FinInstnId></InstgAgt>"
        "<InstdAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></InstdAgt>"
    )
    data = pacs008(transfer(payer="BNPAFRPP", payee="BARCGB22"))
    data = data.replace(b"</ChrgBr>", b"</ChrgBr>" + through.encode())
    (payment,) = read_pacs008(data, KNOWN)
    assert (payment["source_account"], payment["counterparty_id"]) == ("vostro:NORD:EUR", "SUED")


@pytest.mark.parametrize(
    ("said", "id"),
    [
        ({}, UETR),
        ({"uetr": ""}, "NORD:TX-1"),
        ({"uetr": "", "tx_id": ""}, "NORD:E2E-1"),
    ],
)
def test_the_uetr_names_a_payment_else_what_the_payer_calls_it(
    said: dict[str, str], id: str
) -> None:
    assert read_pacs008(pacs008(transfer(**said)), KNOWN)[0]["transaction_id"] == id


@pytest.mark.parametrize(
    ("said", "window", "priority"),
    [
        ({"more": "<SttlmPrty>URGT</SttlmPrty>"}, "rtgs", 0),
        ({"more": "<SttlmPrty>HIGH</SttlmPrty>"}, "t+0", 2),
        ({"more": "<SttlmPrty>NORM</SttlmPrty>"}, "t+0", 5),
        ({"kind": "<PmtTpInf><InstrPrty>HIGH</InstrPrty></PmtTpInf>"}, "t+0", 2),
        ({"kind": "<PmtTpInf><SvcLvl><Cd>URGP</Cd></SvcLvl></PmtTpInf>"}, "rtgs", 5),
        ({"kind": "<PmtTpInf><LclInstrm><Prtry>T+2</Prtry></LclInstrm></PmtTpInf>"}, "t+2", 5),
    ],
)
def test_what_is_urgent_settles_at_once(said: dict[str, str], window: str, priority: int) -> None:
    (payment,) = read_pacs008(pacs008(transfer(**said)), KNOWN)
    assert (payment["settlement_window"], payment["priority"]) == (window, priority)


def test_the_currency_of_the_creditors_account_is_what_it_receives() -> None:
    account = "<CdtrAcct><Id><Othr><Id>999</Id></Othr></Id><Ccy>USD</Ccy></CdtrAcct>"
    (payment,) = read_pacs008(pacs008(transfer(creditor_account=account)), KNOWN)
    assert (payment["source_currency"], payment["destination_currency"]) == ("EUR", "USD")


@pytest.mark.parametrize("amount", ["0.00001", "999999999999999999", "1000000000000.12345"])
def test_amounts_stay_as_they_were_written(amount: str) -> None:
    assert read_pacs008(pacs008(transfer(amount=amount)), KNOWN)[0]["amount"] == amount


def test_the_namespace_may_have_a_prefix() -> None:
    data = pacs008().decode().replace('<?xml version="1.0" encoding="UTF-8"?>', "")
    data = data.replace("<", "<p:").replace("<p:/", "</p:").replace("xmlns=", "xmlns:p=")
    assert NS in data
    assert read_pacs008(data.encode(), KNOWN) == read_pacs008(pacs008(), KNOWN)
