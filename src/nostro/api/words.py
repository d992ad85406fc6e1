"""How is each word spelled that callers send, and what does the documentation say of it?

Ids are checked here, at the door, because keys and journal columns are made of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from nostro.api.amounts import Amount as Amount

Meta = msgspec.Meta

_LINE = r"^[^\x00-\x1f\x7f]*\Z"


def _spelled(characters: str, length_max: int, description: str, *examples: str) -> Meta:
    return Meta(
        pattern=rf"^[{characters}]{{1,{length_max}}}\Z",
        description=description,
        examples=list(examples),
    )


AccountId = Annotated[
    str,
    _spelled("A-Za-z0-9._:@/-", 128, "Id of an account.", "equity:opening", "fees:EUR"),
]
TransferId = Annotated[
    str,
    _spelled(
        "A-Za-z0-9._:@/-", 128, "Id of a transfer, chosen by its sender.", "payroll-2026-01-0001"
    ),
]
LineId = Annotated[
    str,
    Meta(
        pattern=r"^~?[A-Za-z0-9._:@/-]{1,128}\Z",
        description="Id of a transfer; of the line that let a hold expire, ~ and the hold's id.",
        examples=["payroll-2026-01-0001"],
    ),
]
AssetCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9._-]{0,23}\Z",
        description="Code of an asset of the registry.",
        examples=["EUR", "BTC"],
    ),
]
UserId = Annotated[str, _spelled("A-Za-z0-9._@-", 48, "Id of a customer.", "alice")]
TransactionId = Annotated[
    str,
    _spelled(
        "A-Za-z0-9._:@/-",
        66,
        "Id of the deposit, unique for the customer; the key where no Idempotency-Key is sent.",
        "tx-0001",
    ),
]
WithdrawalId = Annotated[
    str, _spelled("A-Za-z0-9._:@-", 64, "Id of a withdrawal, unique for the platform.", "wd-0001")
]


def _line(length_max: int, description: str, *examples: str) -> Meta:
    return Meta(
        pattern=_LINE,
        max_length=length_max,
        description=description,
        examples=list(examples) or None,
    )


Reason = Annotated[str, _line(500, "Why, in words.", "requested by compliance")]
Reference = Annotated[str, _line(256, "What the sender calls it.", "invoice 4711")]
Owner = Annotated[str, _line(128, "Who owns the account.", "alice")]
Name = Annotated[str, _line(100, "Name of the asset.", "Reward point")]
Destination = Annotated[
    str, _line(140, "Where to pay out to.", "DE89370400440532013000", "bc1qexample")
]
Metadata = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=64, pattern=_LINE)],
        Annotated[str, Meta(max_length=512, pattern=_LINE)],
    ],
    Meta(
        max_length=32,
        description="Up to 32 names, each with a line of text; kept, never interpreted.",
        examples=[{"channel": "web"}],
    ),
]
Moment = Annotated[
    datetime,
    Meta(
        tz=True,
        description="RFC 3339, with its offset; microseconds.",
        examples=["2026-01-31T09:30:00Z"],
    ),
]
Height = Annotated[int, Meta(ge=0, le=2**62, description="A height of the journal.", examples=[42])]

# -- payments --------------------------------------------------------------------------------------

PaymentId = Annotated[
    str,
    _spelled(
        "A-Za-z0-9._:@/-",
        64,
        "Id of the payment, chosen by its sender, unique for the platform.",
        "pay-2026-0001",
    ),
]
ParticipantId = Annotated[
    str, _spelled("A-Za-z0-9._@-", 48, "Id of a participant, a bank.", "NORDBANK")
]
SettlementAccount = Annotated[
    str,
    Meta(
        pattern=r"^vostro:[A-Za-z0-9._@-]{1,48}:[A-Z][A-Z0-9._-]{0,23}\Z",
        description="The payer's settlement account: vostro:, its participant, a colon, and the "
        "source currency.",
        examples=["vostro:NORDBANK:USD"],
    ),
]
PaymentAccount = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._:@/-]{1,64}\Z",
        description="Where the counterparty is to credit the payment; what looks like an IBAN "
        "must be one.",
        examples=["DE89370400440532013000"],
    ),
]
BodyKey = Annotated[
    str,
    Meta(
        pattern=r"^[\x21-\x7e]{1,240}\Z",
        description="As the Idempotency-Key header; where both are given they must be the same.",
        examples=["0a1b2c3d"],
    ),
]
Priority = Annotated[
    int, Meta(ge=0, le=9, description="0 is the most urgent, 9 the least.", examples=[5])
]
Day = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z",
        description="A date, YYYY-MM-DD.",
        examples=["2026-02-02"],
    ),
]
Remittance = Annotated[str, _line(140, "What it is for.", "invoice 4711")]
EndToEndId = Annotated[str, _line(35, "Reference carried from end to end.", "E2E-4711")]
Uetr = Annotated[
    str,
    Meta(
        pattern=r"^([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})?\Z",
        description="Unique end-to-end transaction reference, a UUID of version 4.",
        examples=["6f1d1d52-8f6a-4c8e-9a41-0a4f3c2b1e5d"],
    ),
]
PartyName = Annotated[str, _line(140, "Name of a party; screened.", "Acme Ltd")]
PartyAccount = Annotated[
    str, _line(64, "Account of a party at its bank.", "GB33BUKB20201555555555")
]
Purpose = Annotated[str, _line(35, "Code of the purpose (ISO 20022).", "SUPP")]
BankName = Annotated[str, _line(140, "Name of the bank.", "Nord Bank AS")]
Bic = Annotated[str, Meta(max_length=11, description="BIC (ISO 9362).", examples=["NDEAFIHH"])]
Lei = Annotated[
    str, Meta(max_length=20, description="LEI (ISO 17442).", examples=["529900T8BM49AURSDO55"])
]
Country = Annotated[
    str, Meta(pattern=r"^([A-Z]{2})?\Z", description="Country (ISO 3166-1).", examples=["FI"])
]
FundingReference = Annotated[
    str, _spelled("A-Za-z0-9._:@/-", 64, "The bank's reference, used once.", "wire-88231")
]
CycleId = Annotated[
    str,
    _spelled(
        "A-Za-z0-9._:@-", 64, "A netting cycle, and the settlement of it.", "2026-01-30T1600Z"
    ),
]
BatchId = Annotated[
    str,
    _spelled("A-Za-z0-9._:@-", 80, "A batch: its cycle and a number.", "2026-01-30T1600Z.1"),
]
InstructionId = Annotated[
    str,
    _spelled(
        "A-Za-z0-9._:@/-",
        200,
        "A movement on a rail.",
        "2026-01-30T1600Z:NORDBANK:USD",
    ),
]
RailReference = Annotated[
    str,
    Meta(
        pattern=r"^[\x21-\x7e]{1,128}\Z",
        description="What the rail calls it.",
        examples=["FED20260130-1"],
    ),
]

# -- orders ----------------------------------------------------------------------------------------

ClientOrderId = Annotated[
    str,
    _spelled(
        "A-Za-z0-9._:@/-",
        64,
        "The sender's name of the order, unique for the user; the key of the request.",
        "my-order-0001",
    ),
]
OrderId = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,17}\Z", description="Id of an order.", examples=["1042"])
]
Symbol = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,23}[/-][A-Za-z][A-Za-z0-9._-]{0,23}\Z",
        description="Symbol of a market: BTC/USD, or BTC-USD, in any case.",
        examples=["BTC/USD"],
    ),
]
PathSymbol = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,23}[/-][A-Za-z][A-Za-z0-9._-]{0,23}\Z",
        description="Symbol of a market: BTC-USD, or BTC%2FUSD.",
        examples=["BTC-USD"],
    ),
]
ScheduleName = Annotated[
    str, _spelled("A-Za-z0-9._-", 32, "Name of a fee schedule.", "standard", "market-maker")
]
TradingReason = Annotated[str, _line(200, "Why, in words.", "runaway program")]

# -- settlements -----------------------------------------------------------------------------------

SettlementId = Annotated[
    str,
    Meta(pattern=r"^S[1-9][0-9]{0,17}\Z", description="Id of a settlement.", examples=["S1042"]),
]
TradeId = Annotated[
    str,
    _spelled("A-Za-z0-9._:@/-", 64, "Id of the trade, unique for ever.", "trade-2026-0001"),
]
PartyReference = Annotated[
    str,
    _spelled("A-Za-z0-9._:@/-", 64, "The party's own reference, unique for it.", "sell-0001"),
]
PartyId = Annotated[str, _spelled("A-Za-z0-9._@-", 48, "Who delivers, or who pays.", "alice")]
DomainName = Annotated[
    str, _spelled("A-Za-z0-9._@-", 64, "Name of a settlement domain.", "securities")
]
Pair = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z][A-Z0-9._-]{0,23}/[A-Z][A-Z0-9._-]{0,23}\Z",
        description="The security, a slash, and what is paid with.",
        examples=["AAPL/USDC"],
    ),
]
CalendarDay = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z",
        description="A date, YYYY-MM-DD.",
        examples=["2026-02-02"],
    ),
]
SettlementReason = Annotated[str, _line(200, "Why, in words.", "funds have arrived")]
PenaltyClass = Annotated[
    str,
    _spelled("A-Za-z0-9._:-", 32, "A class of securities, or cash: and an asset.", "liquid_shares"),
]
