"""What do messages of ISO 20022 look like, in short?"""

from __future__ import annotations

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:'
_UETR = "6f1d1d52-8f6a-4c8e-9a41-0a4f3c2b1e5d"
_CLEARING = "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>"


def _header(id: str, more: str = "") -> str:
    return f"<GrpHdr><MsgId>{id}</MsgId><CreDtTm>2026-01-30T09:30:00Z</CreDtTm>{more}</GrpHdr>"


PACS008 = (
    f'{_HEAD}pacs.008.001.08"><FIToFICstmrCdtTrf>'
    f"{_header('MSG-1', '<NbOfTxs>1</NbOfTxs>' + _CLEARING)}"
    f"<CdtTrfTxInf><PmtId><EndToEndId>E2E-1</EndToEndId><UETR>{_UETR}</UETR></PmtId>"
    '<IntrBkSttlmAmt Ccy="EUR">1250.50</IntrBkSttlmAmt><ChrgBr>SHAR</ChrgBr>'
    "<Dbtr><Nm>Acme Ltd</Nm></Dbtr>"
    "<DbtrAgt><FinInstnId><BICFI>NDEAFIHH</BICFI></FinInstnId></DbtrAgt>"
    "<CdtrAgt><FinInstnId><BICFI>DEUTDEFF</BICFI></FinInstnId></CdtrAgt>"
    "<Cdtr><Nm>Sample GmbH</Nm></Cdtr>"
    "<CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct></CdtTrfTxInf>"
    "</FIToFICstmrCdtTrf></Document>"
)
PACS004 = (
    f'{_HEAD}pacs.004.001.09"><PmtRtr>'
    f"{_header('RTR-1', '<NbOfTxs>1</NbOfTxs>' + _CLEARING)}"
    f"<TxInf><OrgnlUETR>{_UETR}</OrgnlUETR>"
    '<RtrdIntrBkSttlmAmt Ccy="EUR">1250.50</RtrdIntrBkSttlmAmt>'
    "<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn></RtrRsnInf></TxInf></PmtRtr></Document>"
)
PACS002 = (
    f'{_HEAD}pacs.002.001.10"><FIToFIPmtStsRpt>{_header("N4f2a")}'
    f"<TxInfAndSts><OrgnlUETR>{_UETR}</OrgnlUETR><TxSts>ACSP</TxSts></TxInfAndSts>"
    "</FIToFIPmtStsRpt></Document>"
)
CAMT053 = (
    f'{_HEAD}camt.053.001.08"><BkToCstmrStmt>{_header("N4f2a")}'
    "<Stmt><Id>N4f2a</Id>...</Stmt></BkToCstmrStmt></Document>"
)
CAMT054 = (
    f'{_HEAD}camt.054.001.08"><BkToCstmrDbtCdtNtfctn>{_header("N4f2a")}'
    "<Ntfctn><Id>N4f2a</Id>...</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
)
_AGAINST_PAYMENT = "<SctiesMvmntTp>DELI</SctiesMvmntTp><Pmt>APMT</Pmt>"
_TRADE_DATE = "<TradDt><Dt><Dt>2026-01-30</Dt></Dt></TradDt>"
_DATES = f"{_TRADE_DATE}<SttlmDt><Dt><Dt>2026-02-02</Dt></Dt></SttlmDt>"
_OURS = "<Issr>NOSTRO</Issr></PrtryId></Id></Pty1>"
SESE023 = (
    f'{_HEAD}sese.023.001.11"><SctiesSttlmTxInstr><TxId>sell-0001</TxId>'
    f"<SttlmTpAndAddtlParams>{_AGAINST_PAYMENT}<CmonId>trade-2026-0001</CmonId>"
    f"</SttlmTpAndAddtlParams><TradDtls>{_DATES}</TradDtls>"
    "<FinInstrmId><ISIN>US0378331005</ISIN></FinInstrmId>"
    "<QtyAndAcctDtls><SttlmQty><Qty><Unit>50</Unit></Qty></SttlmQty></QtyAndAcctDtls>"
    "<SttlmParams><HldInd><Ind>false</Ind></HldInd><SctiesTxTp><Cd>TRAD</Cd></SctiesTxTp>"
    "<PrtlSttlmInd>PART</PrtlSttlmInd></SttlmParams>"
    f"<DlvrgSttlmPties><Pty1><Id><PrtryId><Id>bob</Id>{_OURS}</DlvrgSttlmPties>"
    f"<RcvgSttlmPties><Pty1><Id><PrtryId><Id>alice</Id>{_OURS}</RcvgSttlmPties>"
    '<SttlmAmt><Amt Ccy="USD">7524.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></SttlmAmt>'
    "</SctiesSttlmTxInstr></Document>"
)
SESE020 = (
    f'{_HEAD}sese.020.001.07"><SctiesTxCxlReq><AcctOwnrTxId><SctiesSttlmTxId>'
    f"<TxId>sell-0001</TxId>{_AGAINST_PAYMENT}</SctiesSttlmTxId></AcctOwnrTxId>"
    "<AcctSvcrTxId>S1042</AcctSvcrTxId></SctiesTxCxlReq></Document>"
)
_IDS = "<AcctOwnrTxId>sell-0001</AcctOwnrTxId><AcctSvcrTxId>S1042</AcctSvcrTxId>"
SESE024 = (
    f'{_HEAD}sese.024.001.12"><SctiesSttlmTxStsAdvc><TxId>{_IDS}</TxId>'
    "<PrcgSts><AckdAccptd><NoSpcfdRsn>NORE</NoSpcfdRsn></AckdAccptd></PrcgSts>"
    "<MtchgSts><Mtchd/></MtchgSts>"
    "<SttlmSts><Pdg><Rsn><Cd><Cd>LACK</Cd></Cd></Rsn></Pdg></SttlmSts>"
    "</SctiesSttlmTxStsAdvc></Document>"
)
SESE025 = (
    f'{_HEAD}sese.025.001.11"><SctiesSttlmTxConf><TxIdDtls>{_IDS}{_AGAINST_PAYMENT}</TxIdDtls>'
    "...</SctiesSttlmTxConf></Document>"
)
SESE027 = (
    f'{_HEAD}sese.027.001.07"><SctiesTxCxlReqStsAdvc><CxlReqRef>sell-0001</CxlReqRef>'
    "<PrcgSts><PdgCxl><Rsn><Cd><Cd>CONF</Cd></Cd></Rsn></PdgCxl></PrcgSts>"
    "</SctiesTxCxlReqStsAdvc></Document>"
)
IN = {"pacs.008": PACS008, "pacs.004": PACS004, "sese.023": SESE023, "sese.020": SESE020}
OUT = {
    "pacs.002": PACS002,
    "pacs.004": PACS004,
    "camt.053": CAMT053,
    "camt.054": CAMT054,
    "sese.024": SESE024,
    "sese.025": SESE025,
    "sese.027": SESE027,
}
