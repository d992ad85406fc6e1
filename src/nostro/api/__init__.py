"""How does the world speak to the platform?"""

from nostro.api.app import create_app
from nostro.api.platform import (
    AccessLog,
    Bounds,
    Finding,
    Identifiers,
    LedgerReads,
    Platform,
    Probe,
    Screening,
    Spelling,
    WalletReads,
)

__all__ = [
    "AccessLog",
    "Bounds",
    "Finding",
    "Identifiers",
    "LedgerReads",
    "Platform",
    "Probe",
    "Screening",
    "Spelling",
    "WalletReads",
    "create_app",
]
