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
IN = {"pacs.008": PACS008, "pacs.004": PACS004}
OUT = {"pacs.002": PACS002, "pacs.004": PACS004, "camt.053": CAMT053, "camt.054": CAMT054}
