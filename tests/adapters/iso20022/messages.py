"""Messages as banks send them, to be bent by tests."""

from __future__ import annotations

from nostro.payments import ParticipantView

NS = "urn:iso:std:iso:20022:tech:xsd:"
UETR = "6f1d1d52-8f6a-4c8e-9a41-0a4f3c2b1e5d"


def participant(id: str, bic: str = "", *, lei: str = "", name: str = "") -> ParticipantView:
    """Return a bank with accounts in EUR and USD."""
    return ParticipantView(
        participant_id=id,
        name=name or id.title(),
        bic=bic,
        lei=lei,
        country="",
        currencies=["EUR", "USD"],
        credit_lines_minor={},
        suspended=False,
        reason="",
        opened_at_us=0,
        height=1,
    )


NORD = participant("NORD", "NDEAFIHH")
SUED = participant("SUED", "DEUTDEFFXXX", lei="7LTWFZYICNSX8D621K86")
BANKS = (NORD, SUED)


def transfer(
    *,
    uetr: str = UETR,
    end_to_end: str = "E2E-1",
    tx_id: str = "TX-1",
    amount: str = "1250.50",
    currency: str = "EUR",
    more: str = "",
    kind: str = "",
    payer: str = "NDEAFIHHXXX",
    payee: str = "DEUTDEFF500",
    creditor_account: str = "<CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct>",
    tail: str = "<Purp><Cd>SUPP</Cd></Purp><RmtInf><Ustrd>invoice 4711</Ustrd></RmtInf>",
) -> str:
    """Return one CdtTrfTxInf."""
    ids = f"<TxId>{tx_id}</TxId>" if tx_id else ""
    ids += f"<UETR>{uetr}</UETR>" if uetr else ""
    return (
        f"<CdtTrfTxInf><PmtId><EndToEndId>{end_to_end}</EndToEndId>{ids}</PmtId>{kind}"
        f'<IntrBkSttlmAmt Ccy="{currency}">{amount}</IntrBkSttlmAmt>{more}'
        "<ChrgBr>SHAR</ChrgBr>"
        "<Dbtr><Nm>Acme  Ltd</Nm></Dbtr>"
        "<DbtrAcct><Id><Othr><Id>12345</Id></Othr></Id></DbtrAcct>"
        f"<DbtrAgt><FinInstnId><BICFI>{payer}</BICFI></FinInstnId></DbtrAgt>"
        f"<CdtrAgt><FinInstnId><BICFI>{payee}</BICFI></FinInstnId></CdtrAgt>"
        f"<Cdtr><Nm>Müller &amp; Söhne</Nm></Cdtr>{creditor_account}{tail}</CdtTrfTxInf>"
    )


def pacs008(
    *transfers: str, count: int | None = None, header: str = "", version: str = "08"
) -> bytes:
    """Return a pacs.008 with these transactions, one by default."""
    told = transfers or (transfer(),)
    number = len(told) if count is None else count
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="{NS}pacs.008.001.{version}"><FIToFICstmrCdtTrf><GrpHdr>'
        f"<MsgId>MSG-1</MsgId><CreDtTm>2026-11-20T09:30:00Z</CreDtTm><NbOfTxs>{number}</NbOfTxs>"
        f"{header}<IntrBkSttlmDt>2026-11-23</IntrBkSttlmDt>"
        "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>"
        f"</GrpHdr>{''.join(told)}</FIToFICstmrCdtTrf></Document>"
    ).encode()


def pacs004(
    *, uetr: str = UETR, tx_id: str = "", amount: str = "1250.50", currency: str = "EUR"
) -> bytes:
    """Return a pacs.004 that returns one payment."""
    ids = f"<OrgnlTxId>{tx_id}</OrgnlTxId>" if tx_id else ""
    ids += f"<OrgnlUETR>{uetr}</OrgnlUETR>" if uetr else ""
    return (
        f'<Document xmlns="{NS}pacs.004.001.09"><PmtRtr><GrpHdr>'
        "<MsgId>RTR-1</MsgId><CreDtTm>2026-11-20T09:30:00Z</CreDtTm><NbOfTxs>1</NbOfTxs>"
        "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>"
        f"<TxInf><RtrId>R-1</RtrId>{ids}"
        f'<RtrdIntrBkSttlmAmt Ccy="{currency}">{amount}</RtrdIntrBkSttlmAmt>'
        "<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>account closed</AddtlInf></RtrRsnInf>"
        "</TxInf></PmtRtr></Document>"
    ).encode()
