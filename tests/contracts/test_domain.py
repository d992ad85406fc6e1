"""Do domains of ours keep the promises of the port, wherever they live?

The list is in domain_conformance.py. What only a domain of ours promises is tested here too.
"""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from nostro.adapters.domains.http_own import DomainLine, HttpDomain
from nostro.adapters.domains.own import OwnAdmin, OwnDomain
from nostro.adapters.domains.port import (
    ACCOUNT,
    REJECTED,
    STUCK,
    Executed,
    Held,
    HoldOrder,
    Released,
)
from nostro.adapters.domains.served import BODY_BYTES_MAX, domain_app
from nostro.kernel.messages import Rejection
from nostro.kernel.movement import Lock, Move
from nostro.ledger import FreezeAccount, UnfreezeAccount
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from tests.contracts.domain_conformance import (
    CONFORMANCE,
    R1,
    R2,
    SALE,
    World,
    held,
    hold,
    holding,
    order,
    refuses,
)
from tests.contracts.own_domains import NAME, TOKEN, OwnWorld


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return ""
    database: str = request.getfixturevalue("wheel_postgres")
    return database


@pytest.fixture
async def world(request: pytest.FixtureRequest, url: str) -> AsyncIterator[OwnWorld]:
    world = await OwnWorld(http=getattr(request, "param", "") == "http", url=url).start()
    yield world
    await world.stop()


@pytest.mark.parametrize("world", ["here", "http"], indirect=True)
@pytest.mark.parametrize("promise", CONFORMANCE, ids=lambda each: each.__name__)
async def test_a_domain_keeps_its_promise(
    world: World, promise: Callable[[World], Awaitable[None]]
) -> None:
    await promise(world)


@pytest.fixture
async def here() -> AsyncIterator[OwnWorld]:
    world = await OwnWorld(http=False).start()
    yield world
    await world.stop()


async def tell(world: OwnWorld, command: Any) -> None:
    await world.engine.submit(key=repr(command), command=command, actor="operator")


async def test_what_is_held_on_an_account_that_is_frozen_is_stuck_until_it_is_not(
    here: OwnWorld,
) -> None:
    await here.give("alice", "BOND1", 200)
    await held(here, holding(R1), holding(R2))
    await tell(here, FreezeAccount(account="wallet:alice:BOND1"))
    for _ in range(2):
        answers = await here.domain.execute([order(R1)])
        assert refuses(answers[0], STUCK)
        assert [type(each) for each in await here.domain.status([R1])] == [Held]
    assert isinstance((await here.domain.release([order(R2)]))[0], Released)
    await tell(here, UnfreezeAccount(account="wallet:alice:BOND1"))
    assert isinstance((await here.domain.execute([order(R1)]))[0], Executed)
    assert (await here.owned("alice", "BOND1"), await here.owned("bob", "BOND1")) == (100, 100)


async def test_a_blocked_account_can_be_asked_again(here: OwnWorld) -> None:
    await here.give("alice", "BOND1", 200)
    await tell(here, FreezeAccount(account="wallet:alice:BOND1"))
    assert refuses(await hold(here, holding(R1)), ACCOUNT)
    await tell(here, UnfreezeAccount(account="wallet:alice:BOND1"))
    await held(here, holding(R1))


async def test_a_round_twice_in_one_call_is_held_once(here: OwnWorld) -> None:
    await here.give("alice", "BOND1", 200)
    first, second = await here.domain.hold([holding(R1), holding(R1)])
    assert isinstance(first, Held)
    assert refuses(second, REJECTED)
    assert await here.available("alice", "BOND1") == 100


@pytest.mark.parametrize(
    "order_",
    [
        HoldOrder("", 1, (Lock("alice", "BOND1", 100),), (SALE,)),
        HoldOrder("a b", 1, (Lock("alice", "BOND1", 100),), (SALE,)),
        HoldOrder(R1, -1, (Lock("alice", "BOND1", 100),), (SALE,)),
        HoldOrder(R1, 1, (Lock("alice", "BOND1", 99),), (SALE,)),
        HoldOrder(R1, 1, (), (SALE,)),
        HoldOrder(R1, 1, (Lock("alice", "BOND1", 100),), ()),
        HoldOrder(R1, 1, (Lock("carol", "BOND1", 100), Lock("alice", "BOND1", 100)), (SALE,)),
        HoldOrder(R1, 1, (Lock("alice", "BOND1", 0),), (Move("alice", "bob", "BOND1", 0),)),
        HoldOrder(R1, 1, (Lock("al:ce", "BOND1", 1),), (Move("al:ce", "bob", "BOND1", 1),)),
        HoldOrder(R1, 1, (Lock("alice", "BOND1", 1),), (Move("alice", "alice", "BOND1", 1),)),
    ],
)
async def test_what_can_never_be_held_is_rejected(here: OwnWorld, order_: HoldOrder) -> None:
    await here.give("alice", "BOND1", 200)
    assert refuses(await hold(here, order_), REJECTED)
    assert await here.available("alice", "BOND1") == 200


async def test_what_was_prefunded_is_taken_from_where_it_was_set_aside(here: OwnWorld) -> None:
    await here.give("alice", "BOND1", 200)
    move = Move("alice", "bob", "BOND1", 100, prefunded=True)
    lock = Lock("alice", "BOND1", 100, prefunded=True)
    assert refuses(await hold(here, HoldOrder(R1, 1, (lock,), (move,))), "lacking")


# -- the operator ----------------------------------------------------------------------------------


@pytest.fixture(params=["here", "http"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[OwnWorld]:
    world = await OwnWorld(http=request.param == "http").start()
    yield world
    await world.stop()


async def test_an_issue_is_booked_once_for_its_reference(served: OwnWorld) -> None:
    asked: dict[str, Any] = {"reference": "r1", "party": "alice", "asset": "BOND1", "scale": 0}
    first = await served.admin.issue(**asked, amount_minor=5)
    again = await served.admin.issue(**asked, amount_minor=5)
    assert (first.exists, again.exists) == (False, True)
    with pytest.raises(Rejection, match="reference_exists"):
        await served.admin.issue(**asked, amount_minor=6)
    assert await served.owned("alice", "BOND1") == 5


async def test_what_is_not_there_cannot_be_withdrawn_under_that_reference(
    served: OwnWorld,
) -> None:
    await served.give("alice", "BOND1", 5)
    asked: dict[str, Any] = {"reference": "out", "party": "alice", "asset": "BOND1", "scale": 0}
    for _ in range(2):
        with pytest.raises(Rejection, match="lacking"):
            await served.admin.issue(**asked, amount_minor=-6)
    assert await served.owned("alice", "BOND1") == 5
    await served.give("alice", "BOND1", -5)
    assert await served.owned("alice", "BOND1") == 0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"party": "a:b"}, "custody.bad_party"),
        ({"reference": ""}, "custody.bad_reference"),
        ({"amount_minor": 0}, "custody.bad_amount"),
        ({"asset": "bond"}, "custody.bad_asset"),
        ({"scale": 19}, "custody.bad_asset"),
        ({"asset": "EUR", "scale": 3}, "custody.scale_differs"),
    ],
)
async def test_an_issue_that_cannot_be_is_refused(
    served: OwnWorld, wrong: dict[str, Any], code: str
) -> None:
    asked: dict[str, Any] = {
        "reference": "r1",
        "party": "alice",
        "asset": "BOND2",
        "scale": 0,
        "amount_minor": 10**37,
    }
    with pytest.raises(Rejection) as caught:
        await served.admin.issue(**{**asked, **wrong})
    assert caught.value.code == code
    fine = await served.admin.issue(**{**asked, "reference": "r2"})
    assert not fine.exists


async def test_all_balances_of_an_asset_sum_to_nothing(served: OwnWorld) -> None:
    await served.give("alice", "BOND1", 200)
    await served.give("bob", "EUR", 10_000)
    await held(served, holding(R1))
    await served.domain.execute([order(R1)])
    page = await served.admin.balances()
    assert page.next == 0
    told = {each.account: (each.balance_minor, each.available_minor) for each in page.balances}
    assert told["wallet:alice:BOND1"] == (100, 100)
    assert told["wallet:bob:BOND1"] == (100, 100)
    assert told["issuer:BOND1"][0] == 200
    assert (await served.admin.balances(after=len(page.balances))).balances == []


# -- the line --------------------------------------------------------------------------------------


def line_to(world: OwnWorld, *, token: str = TOKEN) -> DomainLine:
    app = domain_app(OwnDomain(world.engine, NAME), OwnAdmin(world.engine), token=token)
    return DomainLine("http://csd", token=TOKEN, transport=httpx.ASGITransport(app))


async def test_who_does_not_know_the_token_does_nothing(here: OwnWorld) -> None:
    await here.give("alice", "BOND1", 200)
    domain = HttpDomain(NAME, line_to(here, token="another"))
    with pytest.raises(NotDone, match="401"):
        await domain.hold([holding(R1)])
    assert await here.available("alice", "BOND1") == 200
    await domain.close()


async def test_a_call_beyond_all_bounds_is_not_taken(here: OwnWorld) -> None:
    line = line_to(here)
    domain = HttpDomain(NAME, line)
    with pytest.raises(NotDone, match="at most 100 rounds"):
        await domain.release([order(f"r{number}") for number in range(101)])
    with pytest.raises(NotDone, match="413"):
        await domain.status(["x" * BODY_BYTES_MAX])
    await domain.close()


async def test_where_nobody_listens_nothing_is_done() -> None:
    line = DomainLine("http://127.0.0.1:9", token=TOKEN)
    domain = HttpDomain(NAME, line)
    with pytest.raises(NotDone):
        await domain.head()
    await domain.close()


async def test_who_is_silent_may_have_done_it() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ReadTimeout("silence", request=request)

    domain = HttpDomain(NAME, DomainLine("http://csd", token=TOKEN, transport=Silent()))
    with pytest.raises(OutcomeUnknown):
        await domain.hold([holding(R1)])
    await domain.close()


async def test_who_speaks_another_language_may_have_done_it() -> None:
    def odd(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"<html>"))

    line = DomainLine("http://csd", token=TOKEN, transport=httpx.MockTransport(odd))
    domain = HttpDomain(NAME, line)
    with pytest.raises(OutcomeUnknown):
        await domain.hold([holding(R1)])
    await domain.close()


async def test_who_never_stops_talking_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1_000

    monkeypatch.setattr("nostro.adapters.domains.http_own.ANSWER_BYTES_MAX", 10_000)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=endless()))
    domain = HttpDomain(NAME, DomainLine("http://csd", token=TOKEN, transport=transport))
    with pytest.raises(OutcomeUnknown, match="more than 10000 bytes"):
        await domain.hold([holding(R1)])
    await domain.close()


async def test_what_is_packed_is_not_unpacked() -> None:
    packed = gzip.compress(b" " * 100_000_000)
    headers = {"content-encoding": "gzip"}
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(packed))
    )
    domain = HttpDomain(NAME, DomainLine("http://csd", token=TOKEN, transport=transport))
    with pytest.raises(OutcomeUnknown, match="another language"):
        await domain.hold([holding(R1)])
    await domain.close()


async def test_another_domain_at_the_same_place_is_not_ours(here: OwnWorld) -> None:
    domain = HttpDomain("cash", line_to(here))
    with pytest.raises(NotDone, match="csd answers"):
        await domain.head()
    await domain.close()


async def test_a_writer_that_was_overtaken_does_not_say_how_far_the_domain_is(
    here: OwnWorld,
) -> None:
    before = here.domain
    engine = here.engine
    await here.start()
    await here.give("alice", "BOND1", 100)
    with pytest.raises(Outage):
        await before.head()
    assert (await here.domain.head()).height > engine.height
    await engine.stop()


async def test_a_domain_that_has_stopped_says_so(here: OwnWorld) -> None:
    domain = HttpDomain(NAME, line_to(here))
    await here.engine.stop()
    with pytest.raises(NotDone):
        await domain.head()
    with pytest.raises(NotDone):
        await domain.hold([holding(R1)])
    await domain.close()
