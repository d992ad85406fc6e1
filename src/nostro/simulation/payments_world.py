"""What happens in one run when banks pay each other: intake, netting, members, rails, and then the
audit?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date

from nostro import consensus, execution, netting
from nostro.adapters.members.performer import ConsensusPerformer
from nostro.adapters.netting.performer import OptimiserPerformer
from nostro.adapters.rails.settlement.performer import RailsPerformer
from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import Committee, ConsensusRoom
from nostro.execution import ExecutionPolicy, ExecutionRoom
from nostro.flows import FLOWS
from nostro.ledger import LedgerRoom
from nostro.netting import REFERENCE, NettingRoom, Rate, RatePolicy, RateSet, freeze
from nostro.payments import NewPayment, PaymentsRoom, RollingSchedule
from nostro.risk import RiskRoom
from nostro.runtime.house import House
from nostro.runtime.ports import NotDone
from nostro.simulation.banks import BANKS, Bank, Desk, RiskOfficer, admissions, fundings
from nostro.simulation.loop import START_US, LoopClock
from nostro.simulation.members import MemberParts, Members
from nostro.simulation.payment_auditor import PaymentAuditor
from nostro.simulation.platform import HOT_MAX, Crew, Parts
from nostro.simulation.settlement_rails import NAMES, RailsLine
from nostro.simulation.weather import Sky, Weather
from nostro.simulation.world import Run, World, run_world, told_weather
from nostro.wallets import WalletsRoom

PAYMENTS = "payments"
"""The story of banks that pay each other."""
CYCLE_US = 5_000_000
"""How long a netting window is open."""
POLICY = ExecutionPolicy(backoff_s=(0, 1, 2, 4), circuit_failures=4, circuit_open_s=5)
EFFECTS = (*netting.EFFECTS, *consensus.EFFECTS, *execution.EFFECTS)
BANK_OPS = 16
OFFICER_OPS = 14
DESK_OPS = 20
RATES_MOVE_S = 4.0
"""How long the market stands still."""
MID_PPM = {"EUR": 1_082_300, "JPY": 667_100, "GBP": 1_271_900}
"""Millionths of a cent for one minor unit."""


def build_payments_house() -> House:
    """Return the rooms and flows that carry payments, with little memory."""
    return payments_house()


def payments_house(
    *,
    payments: Callable[..., PaymentsRoom] = PaymentsRoom,
    netting: Callable[..., NettingRoom] = NettingRoom,
    execution: Callable[..., ExecutionRoom] = ExecutionRoom,
    consensus: Callable[..., ConsensusRoom] = ConsensusRoom,
    flows: object = FLOWS,
) -> House:
    """Return the same house; tests put a room with a planted bug in place of a sound one."""
    return House(
        rooms=[
            LedgerRoom(seen_hot_max=HOT_MAX),
            WalletsRoom(ended_hot_max=HOT_MAX),
            RiskRoom(),
            payments(
                RollingSchedule(CYCLE_US),
                seen_hot_max=HOT_MAX,
                ended_hot_max=HOT_MAX,
                settled_hot_max=HOT_MAX,
            ),
            netting(rate_policy=RatePolicy.off(), closed_hot_max=HOT_MAX // 4),
            consensus(verify=verify, ended_hot_max=HOT_MAX // 4),
            execution(POLICY, ended_hot_max=HOT_MAX),
        ],
        flows=flows,  # type: ignore[arg-type]
        effects=EFFECTS,
        keys_hot_max=HOT_MAX,
    )


class PaymentParts(Parts, frozen=True):
    """What a platform that carries payments is built of; tests put a part with a planted bug in
    place of the real one."""

    house: Callable[[], House] = build_payments_house
    rails: Callable[..., RailsPerformer] = RailsPerformer
    members: MemberParts = MemberParts()


class MovingRates:
    """A market whose rates move, and which does not always answer; implements RateSource."""

    def __init__(self, clock: LoopClock, sky: Sky) -> None:
        self._clock = clock
        self._sky = sky

    async def rates(self, currencies: Sequence[str], at: date | None = None) -> RateSet:
        """Return the rates of this moment."""
        await self._sky.disk()
        if self._sky.chance(self._sky.weather.read_failed):
            raise NotDone("the market does not answer")
        now_us = self._clock.now_us()
        turn = int((now_us - START_US) // (RATES_MOVE_S * 1_000_000))
        rates = [
            Rate(currency, "USD", MID_PPM[currency] + turn * 37 % 1_000, 1_000_000)
            for currency in sorted(set(currencies) - {"USD"})
        ]
        return freeze(
            provider="simulation",
            kind=REFERENCE,
            as_of_us=now_us,
            fetched_at_us=now_us,
            rates=rates,
        )


def run_payments_seed(seed: int, weather: Weather | str, parts: PaymentParts | None = None) -> Run:
    """Run one seed of the story of payments."""
    return run_world(PaymentsWorld(seed, told_weather(weather), parts or PaymentParts()))


class PaymentsWorld(World):
    """A platform that carries payments, its members, its rails and its banks on one loop."""

    story = PAYMENTS
    parts: PaymentParts
    auditor: PaymentAuditor

    def _prepare(self) -> None:
        self.auditor = PaymentAuditor(self.house.codec)
        self.members = Members(
            seed=self.seed, loop=self.loop, sky=self.sky, parts=self.parts.members
        )
        self.rails = RailsLine(seed=self.seed, loop=self.loop, sky=self.sky, participants=BANKS)

    def _crew(self, clock: LoopClock) -> Crew:
        rails = self.parts.rails({name: self.rails.line(name) for name in NAMES})
        optimiser = OptimiserPerformer(
            rates=MovingRates(clock, self.sky), clock=clock, rate_policy=RatePolicy.off()
        )
        members = ConsensusPerformer(
            ordered_log=self.members.log(), committees=self._committees, verify=verify
        )
        return Crew([rails, optimiser, members], rails.took_over)

    def _committees(self) -> list[Committee]:
        return [self.members.committee]

    async def live(self) -> None:
        """Let banks pay through the storm, then mend what is broken and wait for every end."""
        self._start_platform()
        for always in (self.members.watch(), self.rails.suffer(), self.rails.restart()):
            self.loop.create_task(always)
        await self._finish(self._work())
        await self._finish(self._mend(), rest=self._all_ended)

    async def _work(self) -> None:
        ask = self.network.ask
        await ask("committee", self.members.command, "operator")
        for commands in (admissions(), fundings()):
            await asyncio.gather(*(ask(key, command, "operator") for key, command in commands))
        sent: list[NewPayment] = []
        clients = [
            Bank(name, self.network, self._chance(name), BANK_OPS, sent=sent) for name in BANKS
        ]
        self._officer = RiskOfficer("risk", self.network, self._chance("risk"), OFFICER_OPS)
        self._desk = Desk(
            "desk",
            self.network,
            self._chance("desk"),
            DESK_OPS,
            courses=self.auditor.payments,
            settlements=self.auditor.settlements,
            rails=self.rails,
        )
        await asyncio.gather(*(each.work() for each in (*clients, self._officer, self._desk)))

    async def _mend(self) -> None:
        await self._desk.mend()
        await self._officer.lift()

    def _clear_up(self) -> None:
        super()._clear_up()
        self.members.clear()

    def _clear_rails(self) -> None:
        self.rails.clear()

    # -- the audit --------------------------------------------------------------------------------

    def _all_ended(self) -> bool:
        """Tell whether the storm is over and nothing is on its way to anywhere."""
        self._read()
        over = self.loop.time() > self.weather.storm_s and not self.disk.outbox
        return (
            over
            and not self.auditor.payments.open()
            and not (self.auditor.settlements.unfinished())
        )

    def _rest(self) -> str:
        auditor = self.auditor
        left = [
            (name, auditor.payments.payments[name].state, auditor.payments.payments[name].cycle)
            for name in auditor.payments.open()[:5]
        ]
        return f"{super()._rest()}, {left}, {auditor.settlements.unfinished()[:5]}"

    def _check_world(self) -> None:
        self.auditor.check_rails(self.rails.entries())
        self.auditor.check_members(self.members.shown(), self.members.liars)

    def _payouts(self) -> int:
        return 0

    def _counts(self) -> dict[str, int]:
        payments = self.auditor.payments.payments.values()
        states = [payment.state for payment in payments]
        told = {state: states.count(state) for state in ("settled", "failed", "reversed")}
        return {
            **super()._counts(),
            "payments": len(states),
            **told,
            "deferred": sum(payment.deferrals > 0 for payment in payments),
            "cycles": len(self.auditor.settlements.cycles),
            "certificates": len(self.auditor.certificates.batches),
            "rejections": len(self.auditor.certificates.rejected),
            "movements": len(self.auditor.settlements.movements),
            "member_restarts": self.members.restarts,
            "liars": len(self.members.liars),
        }
