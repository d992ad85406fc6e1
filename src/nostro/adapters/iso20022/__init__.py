"""How does ISO 20022 come in and go out, as XML?

The messages are read and written by a library that knows the schemas (pyiso20022). It is imported
when the first message comes: it takes a tenth of a second for each kind of message.
"""

from nostro.adapters.iso20022.camt import ENTRIES_MAX, Period, notification, statement
from nostro.adapters.iso20022.directory import Directory, Names, directory_of
from nostro.adapters.iso20022.pacs002 import Original, References, Told, status_report, told_of
from nostro.adapters.iso20022.pacs004 import (
    Returns,
    Reversal,
    check_whole,
    payment_return,
    read_returns,
)
from nostro.adapters.iso20022.pacs008 import Transfer, Transfers, read_pacs008, read_transfers
from nostro.adapters.iso20022.reasons import (
    ACCEPTED,
    PENDING,
    REJECTED,
    return_reason,
    status_reason,
)
from nostro.adapters.iso20022.xml import MessageRefused

__all__ = [
    "ACCEPTED",
    "ENTRIES_MAX",
    "PENDING",
    "REJECTED",
    "Directory",
    "MessageRefused",
    "Names",
    "Original",
    "Period",
    "References",
    "Returns",
    "Reversal",
    "Told",
    "Transfer",
    "Transfers",
    "check_whole",
    "directory_of",
    "notification",
    "payment_return",
    "read_pacs008",
    "read_returns",
    "read_transfers",
    "return_reason",
    "statement",
    "status_reason",
    "status_report",
    "told_of",
]
