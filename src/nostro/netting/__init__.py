"""What must really move, and what does it cost, when a window's payments are taken together?"""

from nostro.netting.commands import (
    BATCH_MAX,
    Caps,
    CloseCycle,
    CostReport,
    FxTrade,
    Obligation,
    OpenCycle,
    Plan,
    Position,
    Rate,
    RateSet,
    RecordPlan,
)
from nostro.netting.effects import EFFECTS, OptimiseCycle
from nostro.netting.events import (
    BatchCreated,
    BatchItem,
    BatchOptimized,
    CycleClosed,
    CycleOpened,
    PlanRefused,
)

__all__ = [
    "BATCH_MAX",
    "EFFECTS",
    "BatchCreated",
    "BatchItem",
    "BatchOptimized",
    "Caps",
    "CloseCycle",
    "CostReport",
    "CycleClosed",
    "CycleOpened",
    "FxTrade",
    "Obligation",
    "OpenCycle",
    "OptimiseCycle",
    "Plan",
    "PlanRefused",
    "Position",
    "Rate",
    "RateSet",
    "RecordPlan",
]
