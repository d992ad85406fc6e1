"""With which calendars, rates, rails and members does this deployment carry payments?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from nostro.adapters.clock import SystemClock
from nostro.adapters.fx.ecb import EcbHistory
from nostro.adapters.fx.http import HttpRates
from nostro.adapters.fx.port import RateSource
from nostro.adapters.fx.static import FileRates
from nostro.adapters.netting.performer import OptimiserPerformer
from nostro.adapters.netting.worker import PlanWorker
from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.adapters.rails.settlement.clearing import Clearing, Correspondent, Instant, Rtgs
from nostro.adapters.rails.settlement.performer import RailsPerformer
from nostro.adapters.rails.settlement.records import FileBooks
from nostro.adapters.rails.settlement.simulator import SimulatedSettlementRail
from nostro.adapters.rails.settlement.switchboard import FileSwitchboard
from nostro.netting import RatePolicy
from nostro.payments import RollingSchedule, Schedule
from nostro.runtime.ports import Clock, Performer
from nostro.wiring.members import consensus_performer
from nostro.wiring.settings import Settings

ECB = "ecb"
HOUR_US = 3_600_000_000
RAILS_SEED = 1
RAILS_DIR = "simulated-rails"
FAULTS_FILE = "faults.json"
"""In RAILS_DIR: what is wrong with the simulated rails, for demonstrations."""


def schedule_of(settings: Settings | None) -> Schedule:
    """Return when netting windows close; without settings every hour, as nobody waits for one."""
    if settings is None:
        return RollingSchedule(HOUR_US)
    if settings.cycle_seconds:
        return RollingSchedule(settings.cycle_seconds * 1_000_000)
    from nostro.adapters.calendars import business_schedule, years_around  # makes holidays: slow

    return business_schedule(years_around(datetime.now(UTC).date()))


def rate_policy_of(settings: Settings | None) -> RatePolicy:
    """Return how old rates may be: those of the installed history as old as they are."""
    if settings is None or settings.rates == ECB:
        return RatePolicy.off()
    return RatePolicy()


def rates_of(settings: Settings, clock: Clock) -> RateSource:
    """Return where rates come from."""
    told = settings.rates
    if told == ECB:
        return EcbHistory(clock=clock)
    if told.startswith(("http://", "https://")):
        return HttpRates(told, clock=clock)
    return FileRates(Path(told), clock=clock)


def rails_of(data_dir: Path, clock: Clock) -> Mapping[str, SimulatedSettlementRail]:
    """Return the simulated rails, which remember what they moved and obey the file of faults."""
    directory = data_dir / RAILS_DIR
    switchboard = FileSwitchboard(directory / FAULTS_FILE)
    clearings: Mapping[str, Clearing] = {
        "rtgs": Rtgs("rtgs"),
        "correspondent": Correspondent("correspondent", seed=RAILS_SEED),
        "instant": Instant("instant"),
    }
    return {
        name: SimulatedSettlementRail(
            name=name,
            clearing=clearing,
            books=FileBooks(directory / f"{name}.jsonl"),
            clock=clock,
            seed=RAILS_SEED,
            switchboard=switchboard,
        )
        for name, clearing in clearings.items()
    }


class PaymentParts(NamedTuple):
    """What carries payments beside the engine."""

    performers: Sequence[Performer]
    rails: RailsPerformer
    ordered_log: PostgresOrderedLog
    worker: PlanWorker | None

    async def close(self) -> None:
        """Let log and worker go."""
        await self.ordered_log.close()
        if self.worker is not None:
            await self.worker.close()


def payment_parts(settings: Settings, url: str) -> PaymentParts:
    """Return the performers of netting, consensus and execution; `url` is the engine's database,
    in which the members' log stands too."""
    clock = SystemClock()
    worker = PlanWorker(deadline_ms=settings.plan_deadline_ms)
    ordered_log = PostgresOrderedLog(url, settings.chain)
    optimiser = OptimiserPerformer(
        rates=rates_of(settings, clock),
        clock=clock,
        rate_policy=rate_policy_of(settings),
        worker=worker,
    )
    consensus = consensus_performer(ordered_log, settings.data_dir)
    rails = RailsPerformer(rails_of(settings.data_dir, clock), chain=settings.chain)
    return PaymentParts((optimiser, consensus, rails), rails, ordered_log, worker)
