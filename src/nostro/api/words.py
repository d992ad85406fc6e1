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
