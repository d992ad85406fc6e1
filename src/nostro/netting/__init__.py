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
from nostro.netting.views import (
    BatchEvent,
    BatchState,
    BatchSummary,
    BatchView,
    CycleState,
    CycleView,
    Edge,
)

__all__ = [
    "BATCH_MAX",
    "EFFECTS",
    "BatchCreated",
    "BatchEvent",
    "BatchItem",
    "BatchOptimized",
    "BatchState",
    "BatchSummary",
    "BatchView",
    "Caps",
    "CloseCycle",
    "CostReport",
    "CycleClosed",
    "CycleOpened",
    "CycleState",
    "CycleView",
    "Edge",
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
