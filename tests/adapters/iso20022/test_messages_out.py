"""Do the messages that we send say what happened, in a form that the schema allows?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from nostro.adapters.iso20022 import (
    MessageRefused,
    Original,
    Period,
    References,
    Reversal,
    Told,
    check_whole,
    notification,
    payment_return,
    read_returns,
    return_reason,
    statement,
    status_reason,
    status_report,
    told_of,
)
from nostro.adapters.iso20022.reasons import REASONS, STATUSES
from nostro.adapters.iso20022.xml import message_name, read
from nostro.kernel.messages import Rejection
from nostro.ledger import BalanceView, LineKind, Side, Statement, StatementLine, Totals
from nostro.payments import PaymentState, PaymentSummary
from tests.adapters.iso20022.messages import NORD, SUED, UETR, pacs004, participant

AT_US = 1_769_765_400_123_456


def payment(state: PaymentState = PaymentState.SETTLED, **changes: Any) -> PaymentSummary:
    """Return a payment of 1,250.50 EUR, received as 1,360.00 USD."""
    view = PaymentSummary(
        transaction_id=UETR,
        state=state,
        reason="",
        payer="NORD",
        payee="SUED",
        source_currency="EUR",
        source_scale=2,
        amount_minor=125_050,
        destination_currency="USD",
        destination_scale=2,
        destination_minor=136_000,
        destination_account="DE89370400440532013000",
        window="t+0",
        priority=5,
        value_date="2026-01-30",
        cycle_id="2026-01-30T1600Z",
        cut_off_at_us=AT_US,
        batch_id="2026-01-30T1600Z.1",
        retries=0,
        accepted_at_us=AT_US,
        changed_at_us=AT_US,
        settled_at_us=AT_US if state is PaymentState.SETTLED else None,
        actor="operator",
        idempotency_key="",
        details={"end_to_end_id": "E2E-1"},
        hits=[],
        seq=1,
        height=42,
    )
    return msgspec.structs.replace(view, **changes)


def parsed(data: bytes) -> Any:
    """Return a message of ours as the library reads it, every rule of its schema checked."""
    return read(data, message_name(data))


# -- pacs.002 --------------------------------------------------------------------------------------


def report(*told: Told, original: Original | None = None) -> Any:
    data = status_report(told, original=original, message_id="N1", at_us=AT_US)
    return parsed(data).fito_fipmt_sts_rpt


@pytest.mark.parametrize("state", list(PaymentState))
def test_every_state_has_a_status(state: PaymentState) -> None:
    (told,) = report(told_of(payment(state))).tx_inf_and_sts
    assert told.tx_sts == STATUSES[state]
    assert (told.orgnl_uetr, told.orgnl_end_to_end_id) == (UETR, "E2E-1")
    assert bool(told.sts_rsn_inf) is (told.tx_sts not in ("ACSP", "ACSC"))


def test_a_settled_payment_says_when() -> None:
    (told,) = report(told_of(payment())).tx_inf_and_sts
    assert str(told.fctv_intr_bk_sttlm_dt.dt_tm) == "2026-01-30T09:30:00.123Z"


@pytest.mark.parametrize(
    ("state", "reason", "code"),
    [
        (PaymentState.FAILED, "counterparty_failed", "ED05"),
        (PaymentState.FAILED, "something else", "ED05"),
        (PaymentState.REFUSED, "ledger.exceeds_credits", "AM04"),
        (PaymentState.REFUSED, "never.heard_of", "NARR"),
        (PaymentState.DEFERRED, "liquidity", "AM04"),
        (PaymentState.CANCELLED, "sent twice", "CUST"),
        (PaymentState.HELD, "", "RR04"),
    ],
)
def test_reasons_are_told_in_codes_and_words(state: PaymentState, reason: str, code: str) -> None:
    (told,) = report(told_of(payment(state, reason=reason))).tx_inf_and_sts
    (why,) = told.sts_rsn_inf
    assert why.rsn.cd == code
    assert reason in why.addtl_inf[0]


def test_words_that_are_too_long_or_broken_still_make_a_message() -> None:
    reason = "x" * 2_000 + "\x00\x1f\ufffe"
    (told,) = report(told_of(payment(PaymentState.FAILED, reason=reason))).tx_inf_and_sts
    assert all(0 < len(line) <= 105 for line in told.sts_rsn_inf[0].addtl_inf)


def test_an_id_that_does_not_fit_is_left_out_not_cut() -> None:
    view = payment(transaction_id="i" * 64, details={})
    (told,) = report(told_of(view)).tx_inf_and_sts
    assert (told.orgnl_tx_id, told.orgnl_uetr) == (None, None)


def test_a_group_says_how_many_stand_how() -> None:
    told = [Told(References(tx_id=str(n)), "RJCT" if n else "ACSP") for n in range(3)]
    (group,) = report(*told, original=Original("MSG-1", "pacs.008.001.08")).orgnl_grp_inf_and_sts
    assert (group.orgnl_msg_id, group.grp_sts, group.orgnl_nb_of_txs) == ("MSG-1", "PART", "3")
    counts = {each.dtld_sts: each.dtld_nb_of_txs for each in group.nb_of_txs_per_sts}
    assert counts == {"ACSP": "1", "RJCT": "2"}


def test_reason_codes_are_four_letters_or_digits() -> None:
    assert all(len(code) == 4 and code.isalnum() for code in REASONS.values())
    assert status_reason("netting.amount_too_small") == "AM06"
    assert status_reason("never.heard_of") == "NARR"


# -- pacs.004 --------------------------------------------------------------------------------------


def test_a_return_tells_the_payer_of_its_money() -> None:
    view = payment(PaymentState.REVERSED, reason="AC04: account closed")
    data = payment_return(view, payer=NORD, payee=SUED, message_id="N1", at_us=AT_US)
    body = parsed(data).pmt_rtr
    (told,) = body.tx_inf
    assert (told.rtrd_intr_bk_sttlm_amt.value, told.rtrd_intr_bk_sttlm_amt.ccy) == (
        Decimal("1250.50"),
        "EUR",
    )
    assert told.rtr_rsn_inf[0].rsn.cd == "AC04"
    assert body.grp_hdr.instd_agt.fin_instn_id.bicfi == "NDEAFIHH"
    (asked,) = read_returns(data).returns
    check_whole(asked, view)


def test_a_bank_without_a_bic_is_named_by_our_id() -> None:
    view = payment(PaymentState.REVERSED)
    data = payment_return(view, payer=participant("NORD"), payee=SUED, message_id="N1", at_us=AT_US)
    assert parsed(data).pmt_rtr.grp_hdr.instd_agt.fin_instn_id.othr.id == "NORD"


def test_a_return_asks_for_one_payment_with_a_reason() -> None:
    told = read_returns(pacs004(tx_id="TX-1"))
    (asked,) = told.returns
    assert told.original.message_id == "RTR-1"
    assert asked.transaction_ids == [UETR, "TX-1"]
    assert (asked.reason, asked.words) == ("AC04", "account closed")


@pytest.mark.parametrize(
    ("amount", "currency", "fits"),
    [
        ("1250.50", "EUR", True),
        ("1250.5", "EUR", True),
        ("1360.00", "USD", True),
        ("1250.50", "USD", False),
        ("1250.49", "EUR", False),
        ("0.01", "EUR", False),
    ],
)
def test_only_the_whole_payment_is_returned(amount: str, currency: str, fits: bool) -> None:
    asked = Reversal(References(uetr=UETR), Decimal(amount), currency, "AC04", "")
    if fits:
        check_whole(asked, payment())
        return
    with pytest.raises(Rejection) as caught:
        check_whole(asked, payment())
    assert caught.value.code == "iso20022.return_differs"


def test_a_reason_that_is_a_code_stays_one() -> None:
    assert return_reason("AC04: closed") == "AC04"
    assert return_reason("counterparty_failed") == "ED05"
    assert return_reason("because") == "NARR"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<a/>", "iso20022.unknown_message"),
        (pacs004().replace(b"pacs.004.001.09", b"pacs.004.001.01"), "iso20022.unexpected_message"),
        (pacs004().replace(b">1<", b">2<"), "iso20022.count_differs"),
        (pacs004(uetr="x"), "iso20022.not_schematic"),
    ],
)
def test_what_is_no_return_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(MessageRefused) as caught:
        read_returns(data)
    assert caught.value.code == code


# -- camt ------------------------------------------------------------------------------------------


def balance(minor: int) -> BalanceView:
    totals = Totals(credits_posted=max(minor, 0), debits_posted=max(-minor, 0))
    return BalanceView(
        account="vostro:NORD:EUR",
        asset="EUR",
        scale=2,
        side=Side.CREDIT,
        height=9,
        totals=totals,
        posted=minor,
        pending_in=0,
        pending_out=0,
        available=minor,
    )


def line(id: str, change: int, after: int, *, kind: LineKind = LineKind.POSTED) -> StatementLine:
    return StatementLine(
        id=id,
        seq=7,
        height=9,
        at_us=AT_US,
        effective_at_us=AT_US,
        kind=kind,
        side=Side.CREDIT if change > 0 else Side.DEBIT,
        counterpart="fx:EUR",
        amount_minor=abs(change) or 5,
        change_minor=change,
        code=5,
        reference="",
        refers_to="",
        metadata=None,
        balance=balance(after),
    )


LINES = [
    line(f"payment:{UETR}", 0, 0, kind=LineKind.HELD),
    line(f"payment.post:{UETR}", -125_050, -125_050, kind=LineKind.HOLD_POSTED),
    line(f"payment.reverse:{UETR}", 125_050, 0, kind=LineKind.REVERSAL),
    line("funding:NORD:EUR:f-1", 70, 70),
    line("other", -1, 69),
]
BOOKS = Statement(
    account="vostro:NORD:EUR",
    asset="EUR",
    scale=2,
    opening=balance(-5),
    closing=balance(64),
    lines=LINES,
    next_cursor=None,
    height=9,
)
PERIOD = Period(AT_US - 10, AT_US)


def test_a_statement_has_balances_and_what_is_booked() -> None:
    data = statement(NORD, BOOKS, LINES, period=PERIOD, message_id="N1", at_us=AT_US)
    (told,) = parsed(data).bk_to_cstmr_stmt.stmt
    balances = {
        each.tp.cd_or_prtry.cd: (each.amt.value, each.cdt_dbt_ind.value) for each in told.bal
    }
    assert balances == {
        "OPBD": (Decimal("0.05"), "DBIT"),
        "CLBD": (Decimal("0.64"), "CRDT"),
        "CLAV": (Decimal("0.64"), "CRDT"),
    }
    assert [(each.cdt_dbt_ind.value, each.amt.value) for each in told.ntry] == [
        ("DBIT", Decimal("1250.50")),
        ("CRDT", Decimal("1250.50")),
        ("CRDT", Decimal("0.70")),
        ("DBIT", Decimal("0.01")),
    ]
    assert [each.rvsl_ind for each in told.ntry] == [None, True, None, None]
    assert told.ntry[0].ntry_dtls[0].tx_dtls[0].refs.uetr == UETR
    assert [each.bk_tx_cd.domn.fmly.cd for each in told.ntry] == ["ICDT", "RCDT", "RCDT", "NTAV"]
    summary = told.txs_summry
    assert summary.ttl_cdt_ntries.sum - summary.ttl_dbt_ntries.sum == Decimal("0.69")


def test_a_notification_has_entries_and_no_balances() -> None:
    data = notification(SUED, BOOKS, LINES, period=PERIOD, message_id="N1", at_us=AT_US)
    (told,) = parsed(data).bk_to_cstmr_dbt_cdt_ntfctn.ntfctn
    assert len(told.ntry) == 4
    assert told.acct.ownr.id.org_id.lei == SUED.lei


def test_an_empty_period_makes_a_statement_too() -> None:
    data = statement(participant("X" * 48), BOOKS, [], period=PERIOD, message_id="N1", at_us=AT_US)
    (told,) = parsed(data).bk_to_cstmr_stmt.stmt
    assert told.ntry == []
    assert told.txs_summry.ttl_ntries.nb_of_ntries == "0"


def test_what_is_no_currency_cannot_be_told() -> None:
    books = msgspec.structs.replace(BOOKS, asset="BTC.X")
    with pytest.raises(MessageRefused) as caught:
        statement(NORD, books, [], period=PERIOD, message_id="N1", at_us=AT_US)
    assert caught.value.code == "iso20022.not_a_currency"


def test_more_digits_than_iso_has_cannot_be_told() -> None:
    books = msgspec.structs.replace(BOOKS, opening=balance(10**20))
    with pytest.raises(MessageRefused) as caught:
        statement(NORD, books, [], period=PERIOD, message_id="N1", at_us=AT_US)
    assert caught.value.code == "iso20022.not_expressible"
