"""How is a settlement domain compared with what was decided, and brought there, by an operator?

To compare, the journals are read where they stand, and everything may run. To repair a domain of
ours, its chain and the coordinator's are opened here: the platform must be stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.own import OwnDomain, domain_house
from nostro.adapters.domains.port import Domain
from nostro.adapters.domains.reconcile import Repaired, Report, reconcile, repair
from nostro.adapters.domains.resting import ReadDomain
from nostro.adapters.domains.rounds import OurRounds, Read
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.kernel.messages import Rejection
from nostro.runtime.engine import Engine
from nostro.runtime.ports import Entry, NotDone
from nostro.settlement import DomainState, SetDomainState
from nostro.wiring.canton import canton_of
from nostro.wiring.rooms import make_house
from nostro.wiring.settings import CANTON, Settings
from nostro.wiring.settlement import domain_names

PAGE_ROWS = 2_000
ACTOR = "reconciliation"


def compare(settings: Settings, database: str, store: str, domain: str) -> Report:
    """Compare a domain with the journal in `database`; `store`: URL of the domain's own one, if it
    is ours. Raises NotDone, OutcomeUnknown, and Rejection `settlement.domain_unknown`."""
    return asyncio.run(_compare(settings, database, store, domain))


async def _compare(settings: Settings, database: str, store: str, domain: str) -> Report:
    _refuse_unknown(settings, domain)
    async with _read_only(database, settings.chain) as journal:
        ours = _our_rounds(journal, domain)
        if domain == CANTON:
            async with _participant(settings) as participant:
                return await reconcile(participant, ours)
        async with _read_only(store, domain) as theirs:
            told = ReadDomain(
                domain,
                coordinator=settings.chain,
                read=_pages(theirs),
                decode=domain_house().codec.decode_events,
            )
            return await reconcile(told, ours)


def mend(settings: Settings, database: str, store: str, domain: str) -> Repaired:
    """Compare, bring the domain to where the decisions are, and open it when it is; the platform
    must be stopped. Raises as `compare`."""
    return asyncio.run(_mend(settings, database, store, domain))


async def _mend(settings: Settings, database: str, store: str, domain: str) -> Repaired:
    _refuse_unknown(settings, domain)
    journal = PostgresJournal(database, settings.chain)
    engine = Engine(house=make_house(settings), journal=journal, clock=SystemClock())
    await engine.start()
    try:
        async with _reached(settings, store, domain) as reached:
            ours = _our_rounds(journal, domain)
            report = await reconcile(reached, ours)
            repaired = await repair(reached, ours, report, epoch=engine.fence)
        if repaired.after.sound:
            await _open(engine, domain)
        return repaired
    finally:
        await engine.stop()


async def _open(engine: Engine, domain: str) -> None:
    command = SetDomainState(domain=domain, state=DomainState.OPEN, reason="reconciled")
    key = f"reconciled:{domain}:{engine.fence}"
    reply = (await engine.submit(key=key, command=command, actor=ACTOR)).reply
    if reply.code:
        raise Rejection(reply.code, **reply.facts)


@asynccontextmanager
async def _read_only(url: str, chain: str) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(url, chain)
    await journal.open_to_read()
    try:
        yield journal
    finally:
        await journal.close()


def _our_rounds(journal: PostgresJournal, domain: str) -> OurRounds:
    return OurRounds(domain, read=_pages(journal), decode=make_house().codec.decode_events)


def _pages(journal: PostgresJournal) -> Read:
    async def read(after: int) -> Sequence[Entry]:
        return await journal.read(after=after, limit=PAGE_ROWS)

    return read


def _refuse_unknown(settings: Settings, domain: str) -> None:
    if domain not in domain_names(settings):
        raise Rejection("settlement.domain_unknown", domain=domain)


@asynccontextmanager
async def _reached(settings: Settings, store: str, domain: str) -> AsyncIterator[Domain]:
    if domain == CANTON:
        async with _participant(settings) as participant:
            yield participant
        return
    engine = Engine(
        house=domain_house(), journal=PostgresJournal(store, domain), clock=SystemClock()
    )
    await engine.start()
    try:
        yield OwnDomain(engine, domain, coordinator=settings.chain)
    finally:
        await engine.stop()


@asynccontextmanager
async def _participant(settings: Settings) -> AsyncIterator[Domain]:
    found = canton_of(settings).get(CANTON)
    if found is None:
        raise NotDone("no participant is configured: set NOSTRO_CANTON_URL")
    try:
        yield found
    finally:
        await found.close()
