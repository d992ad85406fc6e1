"""Who owes whom how much before finality, under which limits, and what will be needed?"""

from nostro.risk.commands import (
    COMMANDS,
    QuoteCaps,
    Release,
    Reservation,
    Reserve,
    SetLimit,
    SetThreshold,
)
from nostro.risk.events import (
    EVENTS,
    AlertCleared,
    AlertRaised,
    Change,
    ExposureReleased,
    ExposureReserved,
    LimitSet,
    ThresholdSet,
)
from nostro.risk.room import RiskRoom
from nostro.risk.state import RiskState, Scope
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
    "COMMANDS",
    "EVENTS",
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
    "RiskRoom",
    "RiskState",
    "Scope",
    "SetLimit",
    "SetThreshold",
    "ThresholdSet",
    "ThresholdView",
    "WindowFlow",
]
