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
from nostro.netting.conversion import REPORT_CURRENCY, ROUNDING, Mid, destination_amount
from nostro.netting.costs import Spread, Tariff
from nostro.netting.effects import EFFECTS, OptimiseCycle
from nostro.netting.events import (
    BatchCreated,
    BatchItem,
    BatchOptimized,
    CycleClosed,
    CycleOpened,
    PlanRefused,
)
from nostro.netting.optimise import plan_cycle
from nostro.netting.positions import fx_positions_of, positions_of
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
    "REPORT_CURRENCY",
    "ROUNDING",
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
    "Mid",
    "Obligation",
    "OpenCycle",
    "OptimiseCycle",
    "Plan",
    "PlanRefused",
    "Position",
    "Rate",
    "RateSet",
    "RecordPlan",
    "Spread",
    "Tariff",
    "destination_amount",
    "fx_positions_of",
    "plan_cycle",
    "positions_of",
]
