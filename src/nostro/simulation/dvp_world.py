"""What happens in one run when securities and cash settle across ledgers: a coordinator, domains
that fail by themselves, dealers, a storm, and then the audit?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import msgspec

from nostro.adapters.domains.lane import LaneTerms
from nostro.adapters.domains.performer import DomainPerformer
from nostro.adapters.domains.port import Domain
from nostro.adapters.domains.reconcile import reconcile, repair
from nostro.adapters.domains.rounds import OurRounds
from nostro.adapters.domains.standing import RoomHints
from nostro.custody import CustodyRoom
from nostro.exchange import ExchangeRoom
from nostro.flows import FLOWS
from nostro.ledger import LedgerRoom
from nostro.runtime.engine import Engine
from nostro.runtime.house import House
from nostro.runtime.ports import Entry, Outage, PatientPerformer
from nostro.settlement import (
    EFFECTS,
    SECOND_US,
    SettlementPolicy,
    SettlementRoom,
)
from nostro.simulation.books import Violation
from nostro.simulation.dvp_auditor import CoordinatorAuditor, check_ends, check_together
from nostro.simulation.dvp_canton import CantonSite
from nostro.simulation.dvp_dealers import (
    BANK,
    CANTON,
    DAYS,
    MAIN,
    PARTIES,
    SEC,
    Dealer,
    DvpOperator,
    Issuer,
    Street,
    founding,
)
from nostro.simulation.dvp_domains import DomainSite, DvpSite, domain_house
from nostro.simulation.dvp_ledgers import Kept
from nostro.simulation.dvp_terms import OWN_LEDGER
from nostro.simulation.loop import LoopClock
from nostro.simulation.platform import HOT_MAX, LIMITS, Crew, Parts
from nostro.simulation.weather import Weather
from nostro.simulation.world import Run, World, run_world, told_weather
from nostro.wallets import WalletsRoom

SETTLEMENT = "settlement"
"""The story of dealers, whose securities and cash lie on several ledgers."""
DOMAINS = (SEC, BANK)
"""The domains that are ours."""
POLICY = SettlementPolicy(
    coordinator=OWN_LEDGER,
    domains=(*DOMAINS, CANTON),
    days=DAYS,
    timeout_us=7 * SECOND_US,
    retry_attempts=2,
    retry_delay_us=SECOND_US,
    batch_size=4,
    recycles_max=2,
    partial_windows=(480, 960),
)
TERMS = LaneTerms(batch_size=6, calls_max=3, answer_s_max=4.0)
DEALER_OPS = 22
ISSUER_OPS = 8
OPERATOR_OPS = 2
PAGE = 50
TURNS_MAX = 60
"""How often the operator looks again whether all has come to an end."""


def coordinator_house(
    *,
    settlement: Callable[..., SettlementRoom] = SettlementRoom,
    custody: Callable[..., CustodyRoom] = CustodyRoom,
    flows: Any = FLOWS,
    policy: SettlementPolicy = POLICY,
) -> House:
    """Return the rooms and flows of a coordinator, with little memory; tests put a room with a
    planted bug in place of a sound one."""
    return House(
        rooms=[
            LedgerRoom(seen_hot_max=HOT_MAX),
            WalletsRoom(limits=LIMITS, ended_hot_max=HOT_MAX),
            ExchangeRoom(),
            custody(ended_hot_max=HOT_MAX, issued_hot_max=HOT_MAX),
            settlement(policy, names_hot_max=HOT_MAX),
        ],
        flows=flows,
        effects=EFFECTS,
        keys_hot_max=HOT_MAX,
    )


class DvpFaults(msgspec.Struct, frozen=True):
    """Which bad days there are besides the weather. `restored`: how likely a domain is brought
    back from an old backup; `canton`: how likely a Canton ledger takes part."""

    dark: bool = True
    restored: float = 0.35
    canton: float = 0.3


class DvpParts(Parts, frozen=True):
    """What a coordinator and its domains are built of; tests put a part with a planted bug in place
    of the real one."""

    house: Callable[[], House] = coordinator_house
    domain: Callable[[], House] = domain_house
    deeds: Callable[..., PatientPerformer] = DomainPerformer
    faults: DvpFaults = DvpFaults()


def run_settlement_seed(seed: int, weather: Weather | str, parts: DvpParts | None = None) -> Run:
    """Run one seed of the story of dealers."""
    return run_world(DvpWorld(seed, told_weather(weather), parts or DvpParts()))


class DvpWorld(World):
    """A coordinator, two domains and their operators, and dealers, on one loop."""

    story = SETTLEMENT
    parts: DvpParts
    auditor: CoordinatorAuditor

    def _prepare(self) -> None:
        self.auditor = CoordinatorAuditor(self.house.codec)
        self.own_sites: Mapping[str, DomainSite] = {
            name: DomainSite(
                name,
                parts=Parts(house=self.parts.domain),
                loop=self.loop,
                sky=self.sky,
                chance=self._chance(f"site {name}"),
            )
            for name in DOMAINS
        }
        fate = self._chance("fate")
        self._restores = self._storms and fate.random() < self.parts.faults.restored
        self._loser = fate.choice(DOMAINS)
        self.sites: dict[str, DvpSite] = {**self.own_sites}
        if fate.random() < self.parts.faults.canton:
            chance = self._chance("participant")
            canton = CantonSite(seed=self.seed, loop=self.loop, sky=self.sky, chance=chance)
            self.sites[CANTON] = canton
        self.street = Street(self.loop, frozenset((MAIN, *self.sites)))
        self._processes = count(1)

    @property
    def _storms(self) -> bool:
        return bool(self.weather.crash_steps_mean)

    def _crew(self, clock: LoopClock) -> Crew:
        def patient(engine: Engine) -> list[PatientPerformer]:
            performer = self.parts.deeds(
                self._lines(),
                clock=clock,
                epoch=lambda: engine.fence,
                hints=RoomHints(lambda: engine.look("settlement"), OWN_LEDGER),
                terms=TERMS,
            )
            return [performer]

        return Crew([], lambda height: None, patient)

    def _lines(self) -> dict[str, Domain]:
        """Return the ways to all domains of one more process."""
        process = next(self._processes)
        return {name: site.line(process) for name, site in self.sites.items()}

    # -- the course of a run ----------------------------------------------------------------------

    async def live(self) -> None:
        """Let everybody settle through the storm, mend what an old backup has lost, and let go what
        is kept back: then everything must come to an end."""
        self._start_platform()
        for site in self.sites.values():
            site.start()
        await self._finish(self._work(), rest=self._is_over)
        await self._finish(self._mend(), rest=self._is_calm)

    async def _work(self) -> None:
        for key, command in founding():
            await self.network.ask(key, command, "operator")
        issuers = [self._issuer(name) for name in (*DOMAINS, MAIN)]
        await asyncio.gather(*(issuer.fund() for issuer in issuers))
        for site in self.sites.values():
            if self.parts.faults.dark and self._storms:
                self.loop.create_task(site.go_dark())
        if self._restores:
            self.loop.create_task(self.own_sites[self._loser].lose_the_newest())
        dealers = [
            Dealer(name, self.network, self._chance(name), DEALER_OPS, street=self.street)
            for name in PARTIES
        ]
        self._desk = DvpOperator("desk", self.network, self._chance("desk"), OPERATOR_OPS)
        await asyncio.gather(*(each.work() for each in (*dealers, *issuers, self._desk)))

    def _issuer(self, name: str) -> Issuer:
        site = self.own_sites.get(name)
        network = self.network if site is None else site.network
        # What is issued after a backup was taken is not there when that is brought back.
        generous = not (self._restores and name == self._loser)
        return Issuer(name, network, self._chance(f"issuer {name}"), ISSUER_OPS, generous=generous)

    async def _mend(self) -> None:
        """Bring domains in order, and let settlements end that wait for people."""
        settling = self.auditor.settling
        for _ in range(TURNS_MAX):
            self._read()
            for name in [name for name, why in settling.barred.items() if why != "closed"]:
                if await self._reconcile(name):
                    await self._desk.open(name)
            waiting = settling.waiting()
            if not waiting:
                return
            held = [(deal.number, side) for deal in waiting for side in deal.held]
            await self._desk.let_go(held)
            await self._desk.cancel([deal.number for deal in waiting if not deal.matched])
            await asyncio.sleep(5.0)

    async def _reconcile(self, name: str) -> bool:
        """Do what the operator does with a domain that was restored; returns whether it answered
        long enough."""
        ours = OurRounds(name, read=self._rows, decode=self.house.codec.decode_events)
        line = self._lines()[name]
        newest = self.platform.newest
        if newest is None:
            return False
        try:
            report = await reconcile(line, ours)
            repaired = await repair(line, ours, report, epoch=newest.engine.fence)
        except Outage:
            return False
        if repaired.refused or not repaired.after.sound:
            raise Violation(f"{name} is not mended: {repaired}")
        return True

    async def _rows(self, after: int) -> list[Entry]:
        return self.disk.entries[after : after + PAGE]

    def _clear_rails(self) -> None:
        for site in self.sites.values():
            site.clear()

    # -- the audit --------------------------------------------------------------------------------

    @property
    def ledgers(self) -> dict[str, Kept]:
        """Return what each ledger's auditor knows."""
        domains = {name: site.ledger for name, site in self.sites.items()}
        return {OWN_LEDGER: self.auditor.ledger, **domains}

    def _read(self) -> None:
        for name, site in self.sites.items():
            try:
                site.read()
            except Violation as violation:
                raise Violation(f"{name}: {violation}") from None
            for bug in site.bugs:
                raise Violation(f"{name} met a bug: {bug}")
        super()._read()
        check_together(self.auditor.settling, self.ledgers)

    def _is_over(self) -> bool:
        """Tell whether the storm is over."""
        self._read()
        lost = not self._restores or self.own_sites[self._loser].restored
        return self.loop.time() > self.weather.storm_s and lost

    def _is_calm(self) -> bool:
        """Tell whether no settlement and no deed waits for anything."""
        self._read()
        settling = self.auditor.settling
        return not (settling.waiting() or settling.open or self.disk.outbox)

    def _rest(self) -> str:
        settling = self.auditor.settling
        return f"{super()._rest()}, {settling.waiting()[:3]}, {list(settling.open.values())[:3]}"

    def _check_world(self) -> None:
        restored = {name for name, site in self.sites.items() if site.restored}
        sound = set(self.auditor.settling.quarantined) - restored
        if sound:
            raise Violation(f"quarantined, and had forgotten nothing: {sound}")
        check_ends(self.auditor.settling, self.ledgers, restored)
        for site in self.sites.values():
            site.audit()

    def _payouts(self) -> int:
        return 0

    def _counts(self) -> dict[str, int]:
        settling = self.auditor.settling
        states = [deal.state for deal in settling.deals.values()]
        counts = super()._counts()
        for site in self.sites.values():
            for what, how_many in site.counts().items():
                counts[what] += how_many
        return {
            **counts,
            "settlements": len(states),
            "settled": states.count("settled"),
            "failed": sum(state in ("failed", "cancelled") for state in states),
            "deferred": sum(settling.recycled.values()),
            "rounds": len(settling.rounds),
            "partials": settling.partials,
            "restored": sum(site.restored for site in self.sites.values()),
            "quarantines": len(settling.quarantined),
        }
