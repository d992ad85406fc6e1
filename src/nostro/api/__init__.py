"""How does the world speak to the platform?"""

from nostro.api.app import create_app
from nostro.api.platform import (
    AccessLog,
    Bounds,
    Finding,
    LedgerReads,
    Platform,
    Probe,
    WalletReads,
)

__all__ = [
    "AccessLog",
    "Bounds",
    "Finding",
    "LedgerReads",
    "Platform",
    "Probe",
    "WalletReads",
    "create_app",
]
