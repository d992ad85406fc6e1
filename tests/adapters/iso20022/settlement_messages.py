"""Messages of securities as parties send them, to be bent by tests, and settlements to tell of."""

from __future__ import annotations

from typing import Any

from nostro.adapters.iso20022.securities import OneSide
from nostro.settlement import (
    Partial,
    Party,
    SettlementView,
    Status,
)
from tests.adapters.iso20022.messages import NS

ISIN = "US0378331005"
AT_US = 1_780_000_000_000_000


def party(id: str, *, by: str = "own") -> str:
    """Return a party: by its own id, by BIC, by LEI, or by account."""
    match by:
        case "bic":
            return f"<Id><AnyBIC>{id}</AnyBIC></Id>"
        case "lei":
            return f"<Id><PrtryId><Id>x</Id><Issr>OTHER</Issr></PrtryId></Id><LEI>{id}</LEI>"
        case "account":
            return (
                "<Id><NmAndAdr><Nm>Someone</Nm></NmAndAdr></Id>"
                f"<SfkpgAcct><Id>{id}</Id></SfkpgAcct>"
            )
    return f"<Id><PrtryId><Id>{id}</Id><Issr>NOSTRO</Issr></PrtryId></Id>"


def sese023(
    *,
    reference: str = "sell-1",
    movement: str = "DELI",
    payment: str = "APMT",
    common: str = "<CmonId>trade-1</CmonId>",
    links: str = "",
    trade_day: str = "<TradDt><Dt><Dt>2026-11-20</Dt></Dt></TradDt>",
    settlement_day: str = "<SttlmDt><Dt><Dt>2026-11-24</Dt></Dt></SttlmDt>",
    trade_ids: str = "",
    security: str = f"<ISIN>{ISIN}</ISIN>",
    quantity: str = "<Qty><Unit>50</Unit></Qty>",
    owner: str = "",
    account: str = "",
    hold: str = "",
    partial: str = "",
    deliverer: str = "",
    receiver: str = "",
    amount: str = "7524.00",
    currency: str = "USD",
    direction: str = "CRDT",
    settlement_amount: str | None = None,
    name: str = "sese.023.001.11",
    more: str = "",
) -> bytes:
    """Return an instruction: bob delivers 50 to alice for 7524.00 USD."""
    deliverer = deliverer or party("bob")
    receiver = receiver or party("alice")
    if settlement_amount is None:
        settlement_amount = (
            f'<SttlmAmt><Amt Ccy="{currency}">{amount}</Amt>'
            f"<CdtDbtInd>{direction}</CdtDbtInd></SttlmAmt>"
        )
    return (
        f'<Document xmlns="{NS}{name}"><SctiesSttlmTxInstr><TxId>{reference}</TxId>'
        f"<SttlmTpAndAddtlParams><SctiesMvmntTp>{movement}</SctiesMvmntTp><Pmt>{payment}</Pmt>"
        f"{common}</SttlmTpAndAddtlParams>{links}"
        f"<TradDtls>{trade_ids}{trade_day}{settlement_day}</TradDtls>"
        f"<FinInstrmId>{security}</FinInstrmId>"
        f"<QtyAndAcctDtls><SttlmQty>{quantity}</SttlmQty>{owner}{account}</QtyAndAcctDtls>"
        f"<SttlmParams>{hold}<SctiesTxTp><Cd>TRAD</Cd></SctiesTxTp>{partial}</SttlmParams>"
        f"<DlvrgSttlmPties><Pty1>{deliverer}</Pty1></DlvrgSttlmPties>"
        f"<RcvgSttlmPties><Pty1>{receiver}</Pty1></RcvgSttlmPties>"
        f"{settlement_amount}{more}</SctiesSttlmTxInstr></Document>"
    ).encode()


def sese020(
    *,
    reference: str = "sell-1",
    movement: str = "DELI",
    ours: str = "",
    about: str | None = None,
    reason: str = "<CxlRsn><Cd><Cd>OTHR</Cd></Cd></CxlRsn>",
) -> bytes:
    """Return a request to cancel."""
    if about is None:
        about = (
            f"<SctiesSttlmTxId><TxId>{reference}</TxId><SctiesMvmntTp>{movement}</SctiesMvmntTp>"
            "<Pmt>APMT</Pmt></SctiesSttlmTxId>"
        )
    service = f"<AcctSvcrTxId>{ours}</AcctSvcrTxId>" if ours else ""
    return (
        f'<Document xmlns="{NS}sese.020.001.07"><SctiesTxCxlReq>'
        f"<AcctOwnrTxId>{about}</AcctOwnrTxId>{service}{reason}"
        "</SctiesTxCxlReq></Document>"
    ).encode()


def settlement(**said: Any) -> SettlementView:
    """Return a settlement that was matched and waits."""
    usual: dict[str, Any] = {
        "number": 42,
        "bundle": 42,
        "trade_id": "trade-1",
        "seller": "bob",
        "buyer": "alice",
        "security": ISIN,
        "cash": "USD",
        "quantity_minor": 50,
        "amount_minor": 752_400,
        "settled_quantity_minor": 0,
        "settled_amount_minor": 0,
        "securities_domain": "securities",
        "cash_domain": "cash",
        "status": Status.PENDING,
        "matched": True,
        "held": (),
        "cancel_asked": (),
        "seller_reference": "sell-1",
        "buyer_reference": "buy-1",
        "seller_partial": Partial.PART,
        "buyer_partial": Partial.NPAR,
        "seller_partial_min_minor": 0,
        "buyer_partial_min_minor": 0,
        "trade_date": "2026-11-20",
        "settlement_date": "2026-11-24",
        "starts_at_us": 0,
        "round_id": "",
        "round_quantity_minor": 0,
        "round_amount_minor": 0,
        "settle_before_us": 0,
        "retry_count": 0,
        "recycled": 0,
        "waiting_reason": "",
        "waiting_code": "",
        "failure_reason": "",
        "failure_code": "",
        "dvp_atomic_transaction_id": "",
        "dvp_contract_id": "",
        "seller_securities_ref": "",
        "buyer_securities_ref": "",
        "seller_cash_ref": "",
        "buyer_cash_ref": "",
        "prefunded": False,
        "origin": "api",
        "instructed_at_us": AT_US,
        "initiated_at_us": None,
        "confirmed_at_us": None,
        "settled_at_us": None,
        "failed_at_us": None,
        "changed_at_us": AT_US,
        "height": 7,
    }
    return SettlementView(**{**usual, **said})


def seen_by(side: Party, *, security_scale: int = 0, **said: Any) -> OneSide:
    """Return such a settlement as one side is told of it."""
    return OneSide(settlement(**said), side, security_scale, 2)
