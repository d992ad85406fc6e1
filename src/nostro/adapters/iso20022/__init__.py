"""How does ISO 20022 come in and go out, as XML?

The messages are read and written by a library that knows the schemas (pyiso20022). It is imported
when the first message comes: it takes a tenth of a second for each kind of message.
"""

from nostro.adapters.iso20022.camt import notification, statement
from nostro.adapters.iso20022.directory import Directory, Names, directory_of
from nostro.adapters.iso20022.pacs002 import Original, Told, status_report, told_of
from nostro.adapters.iso20022.pacs004 import (
    Returns,
    Reversal,
    payment_return,
    read_returns,
)
from nostro.adapters.iso20022.pacs008 import Transfers, read_pacs008, read_transfers
from nostro.adapters.iso20022.reasons import return_reason, status_reason
from nostro.adapters.iso20022.xml import MessageRefused

__all__ = [
    "Directory",
    "MessageRefused",
    "Names",
    "Original",
    "Returns",
    "Reversal",
    "Told",
    "Transfers",
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
