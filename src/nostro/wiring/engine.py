"""Which engine serves this deployment, on which journal, with which performers?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.lane import LaneTerms
from nostro.adapters.domains.performer import DomainPerformer
from nostro.adapters.domains.port import Domain
from nostro.adapters.domains.standing import RoomHints
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.rails.payout import PayoutPerformer
from nostro.adapters.rails.records import FileRecords
from nostro.adapters.rails.simulator import SimulatedRail
from nostro.api.picture import Picture
from nostro.runtime.engine import Engine, EngineSettings
from nostro.runtime.performers import Performing
from nostro.runtime.ports import Clock
from nostro.wiring.exchange import exchange_parts
from nostro.wiring.members import set_up
from nostro.wiring.payments import payment_parts
from nostro.wiring.rooms import make_house
from nostro.wiring.settings import Settings
from nostro.wiring.starting import start_patiently

RAIL_SEED = 1
COMMITTEE_KEY = "committee:1"
TICK_S = 0.01
"""Between two looks at what is due: an RTGS payment waits no longer for its turn."""


class EngineRoom:
    """An engine with the performers that serve it, started and stopped together."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        *,
        picture: Picture | None = None,
        domains: Mapping[str, Domain] | None = None,
    ) -> None:
        """`picture`: kept in step with what is durable, from the start on. `domains`: where
        settlements have their legs besides our own ledger, by name."""
        house = make_house(settings)
        clock = SystemClock()
        rail = SimulatedRail(
            seed=RAIL_SEED, clock=clock, records=FileRecords(_rail_file(settings.data_dir))
        )
        payouts = PayoutPerformer(rail=rail, sleep=asyncio.sleep, chain=settings.chain)
        self._members = set_up(settings.data_dir, chain=settings.chain, count=settings.members)
        self._parts = payment_parts(settings, url)
        self._exchange = exchange_parts(settings)
        self._picture = picture
        domain_performer = self._domain_performer(settings, domains or {}, clock)
        self.lanes = domain_performer.lanes
        self.performing = Performing(
            house=house,
            clock=clock,
            chain=settings.chain,
            performers=(payouts, self._exchange.performer, *self._parts.performers),
            patient=(domain_performer,),
        )
        self.engine = Engine(
            house=house,
            journal=PostgresJournal(url, settings.chain),
            clock=clock,
            settings=EngineSettings(
                queue_max=settings.queue_max, batch_rows_max=settings.batch_max, tick_s=TICK_S
            ),
            on_effects=self.performing.start,
            on_durable=None if picture is None else picture.fold,
        )
        self.performing.attach(self.engine)

    def _domain_performer(
        self, settings: Settings, domains: Mapping[str, Domain], clock: Clock
    ) -> DomainPerformer:
        return DomainPerformer(
            domains,
            clock=clock,
            epoch=lambda: self.engine.fence,
            hints=RoomHints(lambda: self.engine.look("settlement"), settings.chain),
            terms=LaneTerms(batch_size=settings.settlement_batch_size),
        )

    async def start(self) -> None:
        """Recover and run; raises an Outage when the journal cannot be opened in good time."""
        await start_patiently(self.engine)
        # Before anything else runs: what is remembered now is what is durable.
        if self._picture is not None:
            state, engine = self.engine.look("exchange"), self.engine
            self._picture.begin(state, height=engine.height, at_us=engine.at_us)
        # What stands above this height, no predecessor has begun.
        self._exchange.performer.took_over(self.engine.height)
        self._parts.rails.took_over(self.engine.height)
        await self._form_committee()

    async def _form_committee(self) -> None:
        """Name the members to the chain, once; the same command again changes nothing."""
        await self.engine.submit(
            key=COMMITTEE_KEY, command=self._members.command(), actor="operator"
        )

    async def stop(self) -> None:
        """Stop the performers first: what they have not told the engine stays in the outbox."""
        await self.performing.stop()
        await self.engine.stop()
        await self._parts.close()
        await self._exchange.close()


def _rail_file(data_dir: Path) -> Path:
    return data_dir / "simulated-rail.jsonl"
