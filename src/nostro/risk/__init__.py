"""Who owes whom how much before finality, under which limits, and what will be needed?"""

from nostro.risk.commands import QuoteCaps, Release, Reservation, Reserve, SetLimit, SetThreshold
from nostro.risk.events import (
    AlertCleared,
    AlertRaised,
    Change,
    ExposureReleased,
    ExposureReserved,
    LimitSet,
    ThresholdSet,
)

__all__ = [
    "AlertCleared",
    "AlertRaised",
    "Change",
    "ExposureReleased",
    "ExposureReserved",
    "LimitSet",
    "QuoteCaps",
    "Release",
    "Reservation",
    "Reserve",
    "SetLimit",
    "SetThreshold",
    "ThresholdSet",
]
