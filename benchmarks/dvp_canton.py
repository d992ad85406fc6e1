"""Is the pipe to a Canton participant kept full?

The double of a participant, in a process of its own, takes 20 ms for each call and a bounded number
of calls at once, so it allows so many calls a second and no more. Both legs of each settlement lie
there; the coordinator keeps enough of them open. Told is which part of what the double allows the
adapter uses, a call counting from its first byte to the last of its answer.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from uuid import uuid4

import httpx
import uvloop

from benchmarks import sql_dvp
from benchmarks.dvp_load import CASH, FUNDS_MINOR, PARTIES, SECURITY, DvpTraffic
from benchmarks.dvp_stand import coordinator_on, flat_out
from benchmarks.result import report
from benchmarks.stand import embedded
from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton.auth import BearerToken
from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.domain import CantonDomain
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.wiring.processes import Child
from nostro.wiring.settings import CANTON

SECONDS = 15.0
TARGET = 0.8
CALL_MS, CALLS_MAX = 20, 4
USER = "nostro"
TOKEN_LIFE_S = 3_600
HOLDINGS_EACH = 20
"""Of each party and asset: rounds under way never share one."""
BULK, OPEN_MAX = 50, 400


class Counting(httpx.AsyncHTTPTransport):
    """A transport that counts calls."""

    calls = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Count a call."""
        self.calls += 1
        return await super().handle_async_request(request)


async def main() -> None:
    """Measure the baseline on our own database, then settle on the double."""
    seconds = 4.0 if "--quick" in sys.argv else SECONDS
    with embedded() as postgres:
        baseline = await sql_dvp.measure_one(postgres.url(), seconds=5)
    with embedded() as postgres:
        transport = Counting()
        async with (
            participant(transport) as domain,
            coordinator_on(postgres, {CANTON: domain}) as coordinator,
        ):
            traffic = DvpTraffic(securities_domain=CANTON, cash_domain=CANTON)
            await flat_out(coordinator, traffic, a_command=BULK, open_max=OPEN_MAX, seconds=1)
            calls, started = transport.calls, perf_counter()
            run = await flat_out(
                coordinator, traffic, a_command=BULK, open_max=OPEN_MAX, seconds=seconds
            )
            calls_per_s = (transport.calls - calls) / (perf_counter() - started)
    allowed_per_s = CALLS_MAX * 1_000 / CALL_MS
    report(
        name="dvp_canton",
        value=calls_per_s / allowed_per_s,
        unit="of the calls that the double allows",
        target=TARGET,
        baseline=sql_dvp.ONE_NAME,
        ratio=run["per_s"] / baseline,
        bound_by=f"the double: {CALLS_MAX} calls at once, {CALL_MS} ms each",
        details={
            "calls_per_s": round(calls_per_s),
            "allowed_calls_per_s": round(allowed_per_s),
            "calls_a_settlement": round((transport.calls - calls) / run["settled"], 2),
            "settlements": run,
            "baseline_settlements_per_s": round(baseline),
        },
    )


@asynccontextmanager
async def participant(transport: Counting) -> AsyncIterator[CantonDomain]:
    """Run a double, fund every party there, and yield the way to it."""
    order = {"call_ms": CALL_MS, "concurrent_max": CALLS_MAX}
    child = Child(name="canton", module="nostro.wiring.canton_double", order=order)
    facts = await child.start()
    try:
        async with httpx.AsyncClient(base_url=facts["url"], timeout=30, trust_env=False) as admin:
            terms, token = await _furnish(admin)
        clock = SystemClock()
        client = CantonClient(
            facts["url"],
            token=BearerToken(lambda: token, clock=clock),
            calls_max=2 * CALLS_MAX,  # or a place would be empty while an answer is read
            transport=transport,
        )
        domain = CantonDomain(terms, client, ids=lambda: str(uuid4()), clock=clock)
        yield domain
        await domain.close()
    finally:
        await child.stop()


async def _furnish(admin: httpx.AsyncClient) -> tuple[CantonTerms, str]:
    async def told(path: str, **said: object) -> dict[str, str]:
        answer = await admin.post(f"/double/{path}", json=said)
        assert answer.is_success, answer.text
        body: dict[str, str] = answer.json()
        return body

    executor, issuer, bank = [
        (await told("parties", hint=hint))["party"] for hint in ("executor", "issuer", "bank")
    ]

    async def own(name: str) -> None:
        owner = (await told("parties", hint=name))["party"]
        await told("mandates", owner=owner, executor=executor, account=name)
        for registrar, asset in ((issuer, SECURITY), (bank, CASH)) * HOLDINGS_EACH:
            amount = str(FUNDS_MINOR // HOLDINGS_EACH)
            holding = {"registrar": registrar, "owner": owner, "asset": asset}
            await told("holdings", **holding, amount=amount, synchronizer="settlement")

    await asyncio.gather(*map(own, PARTIES))
    await told("users", user=USER, actAs=[executor, issuer, bank], readAs=[issuer, bank])
    token = (await told("tokens", user=USER, lifeS=TOKEN_LIFE_S))["token"]
    terms = CantonTerms(
        coordinator="main",
        executor=executor,
        user=USER,
        securities_issuer=issuer,
        cash_provider=bank,
        is_cash=lambda asset: asset == CASH,
    )
    return terms, token


if __name__ == "__main__":
    uvloop.run(main())
