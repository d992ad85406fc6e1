"""Does a Canton ledger keep the promises of the port?

The list is in domain_conformance.py. It runs on the double of a participant, and on a real one when
CANTON_JSON_API_URL names its JSON Ledger API (CANTON_TOKEN: a token of an administrator,
CANTON_USER: its user). Daml's package must have been uploaded there: see docs/canton.md.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import httpx
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton_double import CantonDouble, DoubleTerms
from tests.adapters.canton_double.openapi import CheckedTransport
from tests.contracts.canton_domains import CantonWorld
from tests.contracts.domain_conformance import CONFORMANCE, World

ADMINISTRATOR = "participant_admin"
_runs = count(1)


def on_the_double(double: CantonDouble) -> CantonWorld:
    """Return a world on a double; what is said is held against Canton's description."""
    return CantonWorld(
        "http://participant",
        user=ADMINISTRATOR,
        run=f"t{next(_runs)}",
        transport=CheckedTransport(double.transport()),
        token=double.admin.token(ADMINISTRATOR),
        synchronizer=double.synchronizers["settlement"],
    )


def on_a_participant() -> CantonWorld:
    """Return a world on a real participant."""
    url = os.environ.get("CANTON_JSON_API_URL", "")
    if not url:
        pytest.skip("CANTON_JSON_API_URL names no participant")
    return CantonWorld(
        url,
        user=os.environ.get("CANTON_USER", ADMINISTRATOR),
        run=f"{os.getpid()}-{SystemClock().now_us()}",
        transport=httpx.AsyncHTTPTransport(),
        token=os.environ.get("CANTON_TOKEN", ""),
    )


@pytest.fixture(params=["double", "participant"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[CantonWorld]:
    double = CantonDouble(
        clock=SystemClock(), terms=DoubleTerms(synchronizers=("settlement", "csd"))
    )
    world = on_the_double(double) if request.param == "double" else on_a_participant()
    yield await world.start()
    await world.stop()
    await double.close()


@pytest.mark.parametrize("promise", CONFORMANCE, ids=lambda each: each.__name__)
async def test_a_canton_ledger_keeps_its_promise(
    world: World, promise: Callable[[World], Awaitable[None]]
) -> None:
    await promise(world)
