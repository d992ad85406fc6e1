"""Who freezes the rates of a cycle and makes its plan?"""

from nostro.adapters.netting.performer import OptimiserPerformer
from nostro.adapters.netting.worker import PlanTask, PlanWorker

__all__ = ["OptimiserPerformer", "PlanTask", "PlanWorker"]
