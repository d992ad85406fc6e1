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
from nostro.risk.views import (
    AccountPosition,
    AlertView,
    ExposureView,
    InstructionFlow,
    LimitView,
    LiquidityInputs,
    ThresholdView,
    WindowFlow,
)

__all__ = [
    "AccountPosition",
    "AlertCleared",
    "AlertRaised",
    "AlertView",
    "Change",
    "ExposureReleased",
    "ExposureReserved",
    "ExposureView",
    "InstructionFlow",
    "LimitSet",
    "LimitView",
    "LiquidityInputs",
    "QuoteCaps",
    "Release",
    "Reservation",
    "Reserve",
    "SetLimit",
    "SetThreshold",
    "ThresholdSet",
    "ThresholdView",
    "WindowFlow",
]
