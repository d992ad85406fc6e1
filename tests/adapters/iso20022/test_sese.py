"""Does a sese.023 instruct what it says, and is each side told rightly where it stands?"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from nostro.adapters.iso20022.cash_leg import cash_notification
from nostro.adapters.iso20022.directory import Names, directory_of
from nostro.adapters.iso20022.securities import OneSide
from nostro.adapters.iso20022.sese020 import (
    DENIED,
    OTHER_SIDE_MISSING,
    Cancellation,
    cancellation_advice,
    read_cancellation,
)
from nostro.adapters.iso20022.sese023 import read_instruction
from nostro.adapters.iso20022.sese024 import (
    CANCELLED,
    FUTURE,
    ON_HOLD,
    OTHER_ON_HOLD,
    OWN_REASONS,
    PARTLY,
    REASONS,
    REJECTIONS,
    UNMATCHED,
    rejection_advice,
    status_advice,
)
from nostro.adapters.iso20022.sese025 import confirmation
from nostro.adapters.iso20022.trees import codes_of, find
from nostro.adapters.iso20022.xml import MessageRefused, library, message_name, read
from nostro.settlement import (
    Partial,
    Party,
    Reason,
    Status,
)
from tests.adapters.iso20022.messages import BANKS, SUED
from tests.adapters.iso20022.settlement_messages import (
    AT_US,
    ISIN,
    party,
    seen_by,
    sese020,
    sese023,
)

TODAY = "2026-11-23"


def fields(**said: Any) -> dict[str, Any]:
    """Return what a message instructs, which must be something."""
    read = read_instruction(sese023(**said), directory_of(BANKS))
    assert read.refused is None, read.refused
    return read.fields


def refused(**said: Any) -> str:
    """Return the code with which the instruction of a message is refused."""
    read = read_instruction(sese023(**said), directory_of(BANKS))
    assert read.refused is not None
    assert read.reference == said.get("reference", "sell-1")
    return read.refused.code


def whole(data: bytes) -> str:
    """Return the code with which a message is refused as a whole."""
    with pytest.raises(MessageRefused) as no:
        read_instruction(data, Names())
    return no.value.code


# -- what is not taken -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed"),
        (b"{}", "malformed"),
        (sese023()[:-20], "malformed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + sese023(), "not_allowed"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + sese023(), "not_allowed"),
        (b"<?xml-stylesheet href='x'?>" + sese023(), "not_allowed"),
        (sese023(more="<a>" * 40 + "</a>" * 40), "not_allowed"),
        (sese023(name="sese.023.001.10"), "unexpected_message"),
        (sese020(), "unexpected_message"),
        (sese023(more="<Bogus/>"), "not_schematic"),
        (sese023(hold="<HldInd><Indc>true</Indc></HldInd>"), "not_schematic"),
        (sese023(partial="<PrtlSttlmInd>MAYB</PrtlSttlmInd>"), "not_schematic"),
        (sese023(movement="SELL"), "not_schematic"),
        (sese023(reference="x" * 36), "not_schematic"),
        (sese023(security="<ISIN>AAPL</ISIN>"), "not_schematic"),
        (sese023(amount="1.000001"), "not_schematic"),
        (sese023(amount="NaN"), "not_schematic"),
        (sese023(currency="USDC"), "not_schematic"),
        (sese023(deliverer=party("not a bic", by="bic")), "not_schematic"),
        (sese023(quantity="<Qty><Unit>1</Unit><FaceAmt>1</FaceAmt></Qty>"), "not_schematic"),
        (sese023(settlement_day=""), "not_schematic"),
        (sese023(quantity="<Qty><Unit>1e400</Unit></Qty>"), "not_schematic"),
    ],
)
def test_a_message_that_is_not_safe_or_not_of_its_schema_is_refused_as_a_whole(
    data: bytes, code: str
) -> None:
    assert whole(data) == f"iso20022.{code}"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"payment": "FREE"}, "not_against_payment"),
        ({"settlement_amount": ""}, "field_missing"),
        ({"trade_day": ""}, "field_missing"),
        ({"settlement_day": "<SttlmDt><DtCd><Cd>WISS</Cd></DtCd></SttlmDt>"}, "field_missing"),
        ({"security": "<Desc>shares</Desc>"}, "field_missing"),
        ({"security": "<ISIN>US0378331006</ISIN>"}, "bad_isin"),
        ({"direction": "DBIT"}, "direction_differs"),
        ({"movement": "RECE"}, "direction_differs"),
        ({"deliverer": party("NOBKFIHH", by="bic")}, "party_unknown"),
        ({"receiver": party("529900T8BM49AURSDO55", by="lei")}, "party_unknown"),
        (
            {"receiver": "<Id><NmAndAdr><Nm>Someone</Nm></NmAndAdr></Id>"},
            "party_missing",
        ),
        ({"common": "<CmonId>trade 1</CmonId>"}, "bad_id"),
        ({"reference": "söll"}, "bad_id"),
        ({"quantity": "<Qty><AmtsdVal>1</AmtsdVal></Qty>"}, "not_supported"),
        (
            {
                "links": "<Lnkgs><PrcgPos><Cd>WITH</Cd></PrcgPos>"
                "<Ref><SctiesSttlmTxId>x</SctiesSttlmTxId></Ref></Lnkgs>"
            },
            "not_supported",
        ),
    ],
)
def test_an_instruction_that_cannot_be_settled_here_is_refused_with_its_reference(
    said: dict[str, Any], code: str
) -> None:
    assert refused(**said) == f"iso20022.{code}"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_broken_message_is_never_more_than_refused(data: st.DataObject) -> None:
    good = sese023()
    at = data.draw(st.integers(0, len(good) - 1))
    broken = good[:at] + data.draw(st.binary(max_size=6)) + good[at + 1 :]
    with suppress(MessageRefused):
        read_instruction(broken, Names())


# -- what is instructed ----------------------------------------------------------------------------


def test_a_delivery_is_the_sellers_side() -> None:
    assert fields() == {
        "side": "seller",
        "reference": "sell-1",
        "seller_account_id": "bob",
        "buyer_account_id": "alice",
        "security": ISIN,
        "cash": "USD",
        "quantity": "50",
        "amount": "7524.00",
        "trade_date": "2026-11-20",
        "settlement_date": "2026-11-24",
        "trade_id": "trade-1",
    }


def test_a_receipt_is_the_buyers_side_with_its_own_terms() -> None:
    told = fields(
        movement="RECE",
        direction="DBIT",
        reference="buy-1",
        hold="<HldInd><Ind>true</Ind></HldInd>",
        partial="<PrtlSttlmInd>PARQ</PrtlSttlmInd>",
        common="",
        trade_ids="<TradId>T-77</TradId>",
    )
    assert (told["side"], told["reference"], told["trade_id"]) == ("buyer", "buy-1", "T-77")
    assert (told["hold"], told["buyer_partial"]) == (["buyer"], "PARQ")
    assert "seller_partial" not in told


def test_a_hold_that_is_said_not_to_be_is_none() -> None:
    assert "hold" not in fields(hold="<HldInd><Ind>false</Ind></HldInd>")


def test_parties_are_found_by_bic_lei_account_and_own_id() -> None:
    told = fields(deliverer=party("NDEAFIHHXXX", by="bic"), receiver=party(SUED.lei, by="lei"))
    assert (told["seller_account_id"], told["buyer_account_id"]) == ("NORD", "SUED")
    told = fields(receiver=party("carol", by="account"))
    assert told["buyer_account_id"] == "carol"
    owner = "<AcctOwnr><Id><AnyBIC>DEUTDEFF</AnyBIC></Id></AcctOwnr>"
    assert fields(owner=owner)["seller_account_id"] == "SUED"
    account = "<SfkpgAcct><Id>dave</Id></SfkpgAcct>"
    assert fields(account=account, deliverer=party("erin"))["seller_account_id"] == "dave"


def test_our_code_of_an_asset_goes_before_its_isin() -> None:
    other = "<OthrId><Id>AAPL</Id><Tp><Prtry>NOSTRO</Prtry></Tp></OthrId>"
    assert fields(security=f"<ISIN>{ISIN}</ISIN>{other}")["security"] == "AAPL"
    theirs = "<OthrId><Id>037833100</Id><Tp><Cd>CUSP</Cd></Tp></OthrId>"
    assert fields(security=f"<ISIN>{ISIN}</ISIN>{theirs}")["security"] == ISIN


def test_numbers_stay_exactly_as_they_were_written() -> None:
    told = fields(quantity="<Qty><FaceAmt>1000000.00001</FaceAmt></Qty>", amount="0.10")
    assert (told["quantity"], told["amount"]) == ("1000000.00001", "0.10")


def test_a_link_for_information_binds_nothing() -> None:
    links = (
        "<Lnkgs><PrcgPos><Cd>INFO</Cd></PrcgPos>"
        "<Ref><SctiesSttlmTxId>x</SctiesSttlmTxId></Ref></Lnkgs>"
    )
    assert fields(links=links)["reference"] == "sell-1"


# -- where it stands -------------------------------------------------------------------------------


def advice(side: Party, *, today: str = TODAY, **said: Any) -> Any:
    """Return a status advice as it is read back."""
    data = status_advice(seen_by(side, **said), today=today)
    assert message_name(data) == "sese.024.001.12"
    return read(data, "sese.024.001.12").scties_sttlm_tx_sts_advc


def reasons(told: Any, path: str) -> list[str]:
    return [find(each, "Cd/Cd") for each in find(told, path) or ()]


def test_a_lack_is_told_as_ones_own_or_as_the_other_sides() -> None:
    for reason, seller, buyer in (
        ("lack_of_securities", "LACK", "CLAC"),
        ("lack_of_cash", "CMON", "MONY"),
    ):
        for side, code in ((Party.SELLER, seller), (Party.BUYER, buyer)):
            told = advice(side, waiting_reason=reason, settlement_date=TODAY)
            assert reasons(told, "SttlmSts/Pdg/Rsn") == [code]
            late = advice(side, waiting_reason=reason, settlement_date="2026-11-20")
            assert reasons(late, "SttlmSts/Flng/Rsn") == [code]


def test_a_hold_is_told_as_ones_own_or_as_the_other_sides() -> None:
    held: dict[str, Any] = {"held": (Party.SELLER,), "settlement_date": TODAY}
    seller = advice(Party.SELLER, **held)
    assert reasons(seller, "SttlmSts/Pdg/Rsn") == [ON_HOLD]
    assert find(seller, "TxDtls/SttlmParams/HldInd/Ind") is True
    buyer = advice(Party.BUYER, **held)
    assert reasons(buyer, "SttlmSts/Pdg/Rsn") == [OTHER_ON_HOLD]
    assert find(buyer, "TxDtls/SttlmParams/HldInd/Ind") is False


def test_what_is_not_matched_says_so_and_nothing_of_settling() -> None:
    told = advice(Party.SELLER, matched=False, buyer_reference="")
    assert reasons(told, "MtchgSts/Umtchd/Rsn") == [UNMATCHED]
    assert find(told, "SttlmSts") is None


def test_what_waits_for_its_day_is_pending_for_that() -> None:
    assert reasons(advice(Party.BUYER), "SttlmSts/Pdg/Rsn") == [FUTURE]


def test_what_settled_in_part_is_pending_for_the_rest() -> None:
    told = advice(Party.BUYER, status=Status.PARTIALLY_SETTLED, settlement_date=TODAY)
    assert reasons(told, "SttlmSts/Pdg/Rsn") == [PARTLY]


def test_what_is_cancelled_or_to_be_cancelled_says_so() -> None:
    told = advice(Party.SELLER, status=Status.FAILED, failure_reason="cancelled")
    assert reasons(told, "PrcgSts/Canc/Rsn") == [CANCELLED]
    assert find(told, "SttlmSts") is None
    told = advice(Party.SELLER, cancel_asked=(Party.SELLER,))
    assert find(told, "PrcgSts/CxlReqd") is not None
    assert find(advice(Party.BUYER, cancel_asked=(Party.SELLER,)), "PrcgSts/CxlReqd") is None


def test_what_failed_is_failing_whatever_its_day() -> None:
    told = advice(Party.SELLER, status=Status.FAILED, failure_reason="timed_out")
    assert reasons(told, "SttlmSts/Flng/Rsn")[:1] == ["OTHR"]
    assert find(told.sttlm_sts.flng.rsn[0], "AddtlRsnInf") == "timed out"


def test_each_side_is_told_its_own_reference_and_its_own_movement() -> None:
    seller, buyer = advice(Party.SELLER), advice(Party.BUYER)
    assert find(seller, "TxId/AcctOwnrTxId") == "sell-1"
    assert find(buyer, "TxId/AcctOwnrTxId") == "buy-1"
    assert find(seller, "TxId/AcctSvcrTxId") == "S42"
    assert find(seller, "TxDtls/SctiesMvmntTp") == "DELI"
    assert find(buyer, "TxDtls/SttlmAmt/CdtDbtInd") == "DBIT"
    assert find(buyer, "TxDtls/FinInstrmId/ISIN") == ISIN


def test_a_settlement_in_what_is_no_currency_is_told_without_its_amount() -> None:
    told = advice(Party.SELLER, cash="USDC", security="AAPL", trade_id="x" * 60)
    assert find(told, "TxDtls/SttlmAmt") is None
    assert told.tx_dtls.trad_id == []
    assert told.tx_dtls.fin_instrm_id.othr_id[0].id == "AAPL"


def test_a_reference_that_does_not_fit_is_not_cut() -> None:
    told = advice(Party.SELLER, seller_reference="x" * 40)
    assert find(told, "TxId/AcctOwnrTxId") == "NONREF"


def test_a_party_that_does_not_fit_is_refused_and_not_cut() -> None:
    with pytest.raises(MessageRefused) as no:
        status_advice(seen_by(Party.SELLER, buyer="x" * 48), today=TODAY)
    assert no.value.code == "iso20022.not_expressible"


def test_a_rejection_has_its_reason_and_ours_in_words() -> None:
    data = rejection_advice(reference="sell-1", code="settlement.bad_lot", words="a lot is 10")
    told = read(data, "sese.024.001.12").scties_sttlm_tx_sts_advc
    assert reasons(told, "PrcgSts/Rjctd/Rsn") == ["DQUA"]
    assert told.prcg_sts.rjctd.rsn[0].addtl_rsn_inf == "settlement.bad_lot a lot is 10"


def test_every_code_of_ours_is_one_of_the_standard() -> None:
    advice_of = library("sese.024.001.12").Document
    at = "SctiesSttlmTxStsAdvc"
    pending = codes_of(advice_of, f"{at}/SttlmSts/Pdg/Rsn/Cd/Cd")
    failing = codes_of(advice_of, f"{at}/SttlmSts/Flng/Rsn/Cd/Cd")
    both = {*REASONS.values(), ON_HOLD, OTHER_ON_HOLD, PARTLY}
    both.update(code for each in OWN_REASONS.values() for code in each.values())
    assert both <= pending & failing
    assert FUTURE in pending
    assert UNMATCHED in codes_of(advice_of, f"{at}/MtchgSts/Umtchd/Rsn/Cd/Cd")
    assert CANCELLED in codes_of(advice_of, f"{at}/PrcgSts/Canc/Rsn/Cd/Cd")
    rejecting = codes_of(advice_of, f"{at}/PrcgSts/Rjctd/Rsn/Cd/Cd")
    assert {*REJECTIONS.values(), "OTHR"} <= rejecting
    cancelling = library("sese.027.001.07").Document
    at = "SctiesTxCxlReqStsAdvc/PrcgSts"
    assert {*DENIED.values(), "OTHR"} <= codes_of(cancelling, f"{at}/Dnd/Rsn/Cd/Cd")
    assert OTHER_SIDE_MISSING in codes_of(cancelling, f"{at}/PdgCxl/Rsn/Cd/Cd")


def test_every_reason_has_a_code_for_each_side() -> None:
    told = {*OWN_REASONS, *REASONS, Reason.CANCELLED, Reason.HELD_BACK}
    assert told == set(Reason), "on hold and cancelled are told of themselves"


# -- what has settled ------------------------------------------------------------------------------

SETTLED: dict[str, Any] = {
    "status": Status.SETTLED,
    "settled_quantity_minor": 50,
    "settled_amount_minor": 752_400,
    "round_quantity_minor": 50,
    "round_amount_minor": 752_400,
    "settled_at_us": AT_US,
    "confirmed_at_us": AT_US,
}


def confirmed(side: Party, **said: Any) -> Any:
    """Return a confirmation as it is read back."""
    data = confirmation(seen_by(side, **said))
    assert message_name(data) == "sese.025.001.11"
    return read(data, "sese.025.001.11").scties_sttlm_tx_conf


def paid(of: OneSide) -> bytes:
    return cash_notification(of, message_id="N1", at_us=AT_US)


@pytest.mark.parametrize("status", [Status.PENDING, Status.EXECUTING, Status.FAILED])
def test_what_has_not_settled_is_not_confirmed(status: Status) -> None:
    for tell in (confirmation, paid):
        with pytest.raises(MessageRefused) as no:
            tell(seen_by(Party.SELLER, status=status))
        assert no.value.code == "iso20022.not_settled"


def test_what_is_paid_in_no_currency_is_not_confirmed_by_iso() -> None:
    for tell in (confirmation, paid):
        with pytest.raises(MessageRefused) as no:
            tell(seen_by(Party.SELLER, **{**SETTLED, "cash": "USDC"}))
        assert no.value.code == "iso20022.not_a_currency"


def test_the_whole_is_confirmed_without_a_word_of_parts() -> None:
    told = confirmed(Party.SELLER, **SETTLED)
    assert find(told, "QtyAndAcctDtls/SttldQty/Qty/Unit") == 50
    assert find(told, "QtyAndAcctDtls/PrevslySttldQty") is None
    assert find(told, "AddtlParams/PrtlSttlm") is None
    assert str(find(told, "SttldAmt/Amt").value) == "7524.00"
    assert find(told, "SttldAmt/CdtDbtInd") == "CRDT"


def test_a_part_is_confirmed_with_what_was_before_it_and_what_remains() -> None:
    part = {
        **SETTLED,
        "status": Status.PARTIALLY_SETTLED,
        "settled_quantity_minor": 30,
        "settled_amount_minor": 451_440,
        "round_quantity_minor": 10,
        "round_amount_minor": 150_480,
        "settled_at_us": None,
    }
    told = confirmed(Party.BUYER, **part)
    assert find(told, "AddtlParams/PrtlSttlm") == "PAIN"
    assert find(told, "QtyAndAcctDtls/SttldQty/Qty/Unit") == 10
    assert find(told, "QtyAndAcctDtls/PrevslySttldQty/Unit") == 20
    assert find(told, "QtyAndAcctDtls/RmngToBeSttldQty/Unit") == 20
    assert str(find(told, "QtyAndAcctDtls/RmngToBeSttldAmt/Amt").value) == "3009.60"
    assert find(told, "SttldAmt/CdtDbtInd") == "DBIT"
    last = {**SETTLED, "round_quantity_minor": 20, "round_amount_minor": 300_960}
    told = confirmed(Party.BUYER, **last)
    assert find(told, "AddtlParams/PrtlSttlm") == "PARC"
    assert find(told, "QtyAndAcctDtls/RmngToBeSttldQty/Unit") == 0


def test_the_cash_is_a_credit_of_the_seller_and_a_debit_of_the_buyer() -> None:
    for side, direction in ((Party.SELLER, "CRDT"), (Party.BUYER, "DBIT")):
        data = cash_notification(seen_by(side, **SETTLED), message_id="N1", at_us=AT_US)
        assert message_name(data) == "camt.054.001.08"
        document = read(data, "camt.054.001.08")
        (told,) = document.bk_to_cstmr_dbt_cdt_ntfctn.ntfctn
        (entry,) = told.ntry
        assert find(entry, "CdtDbtInd") == direction
        assert str(find(entry, "Amt").value) == "7524.00"
        assert find(entry, "NtryRef") == "S42"


@given(
    quantity=st.integers(1, 10**20),
    scale=st.integers(0, 8),
    partial=st.sampled_from(Partial),
    side=st.sampled_from(Party),
)
@settings(max_examples=60, deadline=None)
def test_whatever_settles_can_be_told(
    quantity: int, scale: int, partial: Partial, side: Party
) -> None:
    said = {
        **SETTLED,
        "quantity_minor": quantity,
        "settled_quantity_minor": quantity,
        "round_quantity_minor": quantity,
        "seller_partial": partial,
        "buyer_partial": partial,
    }
    of = seen_by(side, security_scale=scale, **said)
    read(status_advice(of, today=TODAY), "sese.024.001.12")
    read(confirmation(of), "sese.025.001.11")


# -- cancelling ------------------------------------------------------------------------------------


def test_a_cancellation_names_the_reference_or_our_id() -> None:
    asked = read_cancellation(sese020(ours="S42", movement="RECE"))
    assert asked == Cancellation("sell-1", "S42", "RECE", "buyer", "OTHR")
    assert read_cancellation(sese020(reason="")).reason == ""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (sese023(), "unexpected_message"),
        (sese020(about="<IntraPosMvmntId>x</IntraPosMvmntId>"), "not_supported"),
        (sese020(reason="<CxlRsn/>"), "not_schematic"),
        (b"<!DOCTYPE a><a/>", "not_allowed"),
    ],
)
def test_a_cancellation_of_something_else_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(MessageRefused) as no:
        read_cancellation(data)
    assert no.value.code == f"iso20022.{code}"


def test_a_cancellation_is_done_waits_for_the_other_side_or_is_denied() -> None:
    asked = read_cancellation(sese020(ours="S42"))

    def told(**said: Any) -> Any:
        data = cancellation_advice(asked, **said)
        return read(data, "sese.027.001.07").scties_tx_cxl_req_sts_advc.prcg_sts

    assert told(cancelled=True).canc is not None
    assert reasons(told(cancelled=False), "PdgCxl/Rsn") == ["CONF"]
    denied = told(cancelled=False, code="settlement.decided", words="it is final")
    assert reasons(denied, "Dnd/Rsn") == ["LATE"]
