"""Does the API keep what its OpenAPI document promises, whatever is sent?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from psycopg_pool import AsyncConnectionPool

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.own import OwnAdmin
from nostro.adapters.identity import ApiKeyStore
from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.postgres.exchange_queries import ExchangeQueries
from nostro.adapters.postgres.journal import PostgresJournal
from nostro.adapters.postgres.ledger_queries import LedgerQueries
from nostro.adapters.postgres.payment_queries import PaymentQueries
from nostro.adapters.postgres.risk_queries import RiskQueries
from nostro.adapters.postgres.settlement_queries import SettlementQueries
from nostro.adapters.postgres.wallet_queries import WalletQueries
from nostro.api import Bounds, create_app
from nostro.api.auth_signatures import Signatures
from nostro.api.picture import Picture
from nostro.api.reference import openapi_document
from nostro.exchange import CreateMarket, MarketState, SetMarketState
from nostro.runtime.engine import Engine
from nostro.wiring.domains import DomainOffices
from nostro.wiring.http import HttpServer
from nostro.wiring.rooms import make_house
from tests import databases
from tests.api.callers import bearer, closed_gate
from tests.api.door import following, platform_on, started
from tests.serving import InThread

EXAMPLES_MAX = 15


class Served(InThread):
    """A platform on PostgreSQL, served over a socket from a thread of its own."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._database = url

    async def _run(self) -> None:
        picture = Picture()
        engine = Engine(
            house=make_house(),
            journal=PostgresJournal(self._database, "main"),
            clock=SystemClock(),
            on_durable=picture.fold,
        )
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self._database, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}
        )
        async with pool:
            keys = ApiKeyStore(pool, "main", clock=SystemClock())
            platform = platform_on(
                engine,
                ledger=LedgerQueries(pool),
                wallets=WalletQueries(pool),
                payments=PaymentQueries(pool, "main"),
                settlements=SettlementQueries(pool, "main"),
                risk=RiskQueries(pool, "main"),
                exchange=ExchangeQueries(pool, "main"),
                dvp=DvpQueries(pool, "main"),
                domains=DomainOffices({"main": OwnAdmin(engine)}),
                picture=picture,
                api_keys=keys,
                gate=closed_gate(Signatures(keys, clock=SystemClock())),
                bounds=Bounds(at_least_timeout_ms=20),
            )
            await started(platform)
            await _open_market(engine)
            server = HttpServer(create_app(platform), host="127.0.0.1", port=0)
            await server.start()
            self.url = server.url
            with following(self._database):
                self._ready.set()
                await self._stop.wait()
            await server.stop()
            await engine.stop()


async def _open_market(engine: Engine) -> None:
    """Open the market that the examples of the document name."""
    market = "BTC-USD"
    for command in (
        CreateMarket(
            market=market, base="BTC", quote="USD", lot_minor=1_000, tick_units=1, price_scale=2
        ),
        SetMarketState(market=market, state=MarketState.OPEN),
    ):
        await engine.submit(key=type(command).__name__, command=command, actor="operator")


@pytest.fixture(scope="module")
def served(postgres_servers: databases.Servers) -> Iterator[Served]:
    database = postgres_servers.create(databases.NAMES[0])
    with Served(database) as platform:
        yield platform
    postgres_servers.drop(database)


schema = schemathesis.openapi.from_dict(openapi_document("0"))
# Callers show a token; the headers of a signature beside it would be refused everywhere.
schema.config.generation.update(with_security_parameters=False)

# A well-formed request may be refused for what the books say, so success cannot be asked for; and
# 503 is a documented answer (`views.behind`), so only 500 is a failure.
EXCLUDED = [
    schemathesis.checks.positive_data_acceptance,
    schemathesis.checks.not_a_server_error,
]


EVERYBODY = bearer("root", "trader", "operator", "auditor", "admin")
"""The headers of a caller who may do everything."""


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_the_api_keeps_its_promises(case: schemathesis.Case[Any], served: Served) -> None:
    answer = case.call_and_validate(
        base_url=served.url, headers=EVERYBODY, excluded_checks=EXCLUDED
    )
    assert answer.status_code != 500, answer.text
