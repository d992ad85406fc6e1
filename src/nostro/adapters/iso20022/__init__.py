"""How does ISO 20022 come in and go out, as XML?

The messages are read and written by libraries that know the schemas: pyiso20022, and for
securities python-iso20022. They are imported when the first message comes: that takes a tenth of a
second for each kind of message.
"""

from nostro.adapters.iso20022.camt import ENTRIES_MAX, Period, notification, statement
from nostro.adapters.iso20022.cash_leg import cash_notification
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
from nostro.adapters.iso20022.securities import OneSide
from nostro.adapters.iso20022.sese020 import (
    Cancellation,
    cancellation_advice,
    read_cancellation,
)
from nostro.adapters.iso20022.sese023 import Instruction, read_instruction
from nostro.adapters.iso20022.sese024 import rejection_advice, status_advice
from nostro.adapters.iso20022.sese025 import confirmation
from nostro.adapters.iso20022.xml import MessageRefused

__all__ = [
    "ACCEPTED",
    "ENTRIES_MAX",
    "PENDING",
    "REJECTED",
    "Cancellation",
    "Directory",
    "Instruction",
    "MessageRefused",
    "Names",
    "OneSide",
    "Original",
    "Period",
    "References",
    "Returns",
    "Reversal",
    "Told",
    "Transfer",
    "Transfers",
    "cancellation_advice",
    "cash_notification",
    "check_whole",
    "confirmation",
    "directory_of",
    "notification",
    "payment_return",
    "read_cancellation",
    "read_instruction",
    "read_pacs008",
    "read_returns",
    "read_transfers",
    "rejection_advice",
    "return_reason",
    "statement",
    "status_advice",
    "status_reason",
    "status_report",
    "told_of",
]
