"""What must really move, and what does it cost, when a window's payments are taken together?"""

from nostro.netting.commands import (
    BATCH_MAX,
    COMMANDS,
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
    EVENTS,
    BatchCreated,
    BatchItem,
    BatchOptimized,
    CycleClosed,
    CycleOpened,
    PlanRefused,
)
from nostro.netting.fx import cheapest_flow
from nostro.netting.milp import search
from nostro.netting.optimise import plan_cycle
from nostro.netting.positions import fx_positions_of, net, platform_positions, positions_of
from nostro.netting.problem import Problem
from nostro.netting.rate_policy import Freshness, RatePolicy, is_target_day
from nostro.netting.rate_sets import (
    EXECUTABLE,
    INDICATIVE,
    KINDS,
    NO_RATES,
    REFERENCE,
    freeze,
    is_frozen,
    rate_set_id,
)
from nostro.netting.recheck import REPORT_OF_NOTHING
from nostro.netting.room import NettingRoom
from nostro.netting.selection import greedy, rows_of, total_worth, worth_of
from nostro.netting.state import NettingState
from nostro.netting.views import (
    BatchEvent,
    BatchState,
    BatchSummary,
    BatchView,
    CycleState,
    CycleView,
    Edge,
)
from nostro.netting.wires import straight_wires

__all__ = [
    "BATCH_MAX",
    "COMMANDS",
    "EFFECTS",
    "EVENTS",
    "EXECUTABLE",
    "INDICATIVE",
    "KINDS",
    "NO_RATES",
    "REFERENCE",
    "REPORT_CURRENCY",
    "REPORT_OF_NOTHING",
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
    "Freshness",
    "FxTrade",
    "Mid",
    "NettingRoom",
    "NettingState",
    "Obligation",
    "OpenCycle",
    "OptimiseCycle",
    "Plan",
    "PlanRefused",
    "Position",
    "Problem",
    "Rate",
    "RatePolicy",
    "RateSet",
    "RecordPlan",
    "Spread",
    "Tariff",
    "cheapest_flow",
    "destination_amount",
    "freeze",
    "fx_positions_of",
    "greedy",
    "is_frozen",
    "is_target_day",
    "net",
    "plan_cycle",
    "platform_positions",
    "positions_of",
    "rate_set_id",
    "rows_of",
    "search",
    "straight_wires",
    "total_worth",
    "worth_of",
]
