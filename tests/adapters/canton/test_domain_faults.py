"""Does each deed happen once, and is it found out, whatever the participant does to its answers?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton_double import CantonDouble, DoubleTerms, Faults, Weather
from nostro.adapters.domains.port import (
    ACCOUNT,
    CLOSED,
    FENCED,
    REJECTED,
    Absent,
    Executed,
    Held,
    HoldOrder,
    Refused,
    Released,
    Silent,
)
from nostro.kernel.movement import Lacking, Lock, Move
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from tests.adapters.canton_double.openapi import CheckedTransport
from tests.contracts.canton_domains import CantonWorld
from tests.contracts.domain_conformance import (
    PAYMENT,
    R1,
    R2,
    SALE,
    held,
    hold,
    holding,
    is_closed,
    money,
    order,
    refuses,
)
from tests.contracts.test_domain_canton import on_the_double

SUBMIT = "/submit-and-wait-for-transaction"
REASSIGN = "/submit-and-wait-for-reassignment"
SOON = Weather(late_s_max=0.02)
"""What comes late comes soon."""
WILD = Weather(
    unavailable_ppm=80_000,
    lost_request_ppm=80_000,
    lost_answer_ppm=120_000,
    gone_ppm=60_000,
    late_ppm=60_000,
    locked_ppm=100_000,
    busy_ppm=80_000,
    crowded_ppm=20_000,
    down_ppm=50_000,
    late_s_max=0.02,
)


@pytest.fixture
async def double() -> AsyncIterator[CantonDouble]:
    terms = DoubleTerms(synchronizers=("settlement", "csd", "bank"))
    double = CantonDouble(clock=SystemClock(), terms=terms, weather=SOON)
    yield double
    await double.close()


@pytest.fixture
async def world(double: CantonDouble) -> AsyncIterator[CantonWorld]:
    world = await on_the_double(double).start()
    yield world
    await world.stop()


@pytest.mark.parametrize(
    "fault",
    [
        Faults(silent=True),
        Faults(gone=True),
        Faults(late=True),
        Faults(locked=True),
        Faults(busy=True),
        Faults(unavailable=True),
        Faults(down=True),
    ],
    ids=str,
)
async def test_a_deed_is_done_once_whatever_became_of_its_answer(
    world: CantonWorld, double: CantonDouble, fault: Faults
) -> None:
    await world.give("alice", "BOND1", 300)
    double.switch_next(fault, SUBMIT)
    answer = await hold(world, holding(R1))
    assert isinstance(answer, Held)
    assert await money(world, "alice", "BOND1") == (300, 200)
    double.switch_next(fault, SUBMIT)
    (executed,) = await world.domain.execute([order(R1)])
    assert isinstance(executed, Executed)
    assert executed.contract_id == answer.contract_id
    assert await money(world, "bob", "BOND1") == (100, 100)
    double.switch_next(fault, SUBMIT)
    assert isinstance((await world.domain.release([order(R2)]))[0], Released)


async def test_where_no_try_is_answered_the_completions_tell(
    world: CantonWorld, double: CantonDouble
) -> None:
    await world.give("alice", "BOND1", 300)
    double.switch_next(Faults(silent=True), SUBMIT)
    for _ in range(20):
        double.switch_next(Faults(unavailable=True), SUBMIT)
    assert isinstance(await hold(world, holding(R1)), Held)
    assert "/v2/commands/completions" in world.transport.asked


async def test_what_was_never_done_is_not_told_as_done(
    world: CantonWorld, double: CantonDouble
) -> None:
    await world.give("alice", "BOND1", 300)
    for _ in range(20):
        double.switch_next(Faults(unavailable=True), SUBMIT)
    with pytest.raises(OutcomeUnknown):
        await hold(world, holding(R1))
    assert await world.domain.status([R1]) == [Absent()]


async def test_a_participant_that_is_away_did_nothing(
    world: CantonWorld, double: CantonDouble
) -> None:
    double.faults.set(Faults(down=True))
    with pytest.raises(NotDone):
        await hold(world, holding(R1))
    with pytest.raises(NotDone):
        await world.domain.head()


async def test_each_try_has_a_submission_id_of_its_own_and_the_same_command_id(
    world: CantonWorld, double: CantonDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    carry = world.transport.handle_async_request

    async def watched(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(SUBMIT):
            sent.append(httpx.Response(200, content=request.content).json()["commands"])
        return await carry(request)

    monkeypatch.setattr(world.transport, "handle_async_request", watched)
    await world.give("alice", "BOND1", 300)
    double.switch_next(Faults(gone=True), SUBMIT)
    double.switch_next(Faults(busy=True), SUBMIT)
    await held(world, holding(R1))
    assert [each["commandId"] for each in sent] == [f"{R1}:hold"] * 3
    assert len({each["submissionId"] for each in sent}) == 3
    for each in sent:
        assert each["deduplicationPeriod"]["DeduplicationDuration"]["value"]["seconds"] == 86_400
        assert each["actAs"] == [world.party["executor"]]


async def test_a_hold_and_a_release_that_meet_end_with_one_of_them(world: CantonWorld) -> None:
    await world.give("alice", "BOND1", 300)
    held_or_not, released = await asyncio.gather(
        world.domain.hold([holding(R1)]), world.domain.release([order(R1)])
    )
    assert isinstance(released[0], Released)
    assert isinstance(held_or_not[0], Held) or is_closed(held_or_not[0])
    assert is_closed(await hold(world, holding(R1)))
    assert await money(world, "alice", "BOND1") == (300, 300)


async def test_a_hold_that_arrives_after_its_round_was_closed_does_nothing(
    world: CantonWorld, double: CantonDouble
) -> None:
    """The request travels for long; the coordinator has given up meanwhile."""
    await world.give("alice", "BOND1", 300)
    double.switch_next(Faults(late=True), SUBMIT)
    late = asyncio.create_task(world.domain.hold([holding(R1)]))
    other = world.another()
    (released,) = await other.release([order(R1)])
    assert isinstance(released, Released)
    await asyncio.gather(late, return_exceptions=True)
    assert is_closed(await hold(world, holding(R1)))
    assert await money(world, "alice", "BOND1") == (300, 300)
    await other.close()


async def test_a_coordinator_that_was_replaced_does_nothing_more(world: CantonWorld) -> None:
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1))
    newer = world.another()
    assert isinstance((await newer.hold([holding(R2, epoch=2)]))[0], Held)
    assert refuses(await hold(world, holding("main.S7.1")), FENCED)
    assert refuses((await world.domain.execute([order(R1)]))[0], FENCED)
    assert refuses((await world.domain.release([order("main.S8.1")]))[0], FENCED)
    assert isinstance((await newer.execute([order(R1, 2)]))[0], Executed)
    assert await money(world, "alice", "BOND1") == (200, 100)
    await newer.close()


async def test_of_two_that_take_over_at_once_the_later_epoch_stays(world: CantonWorld) -> None:
    await world.give("alice", "BOND1", 300)
    first, second = world.another(), world.another()
    answers = await asyncio.gather(
        first.hold([holding(R1, epoch=2)]), second.hold([holding(R2, epoch=3)])
    )
    assert isinstance(answers[1][0], Held)
    assert refuses((await first.release([order(R1, 2)]))[0], FENCED)
    await first.close()
    await second.close()


async def test_who_loses_the_desk_while_taking_it_is_told_that_another_is_in_charge(
    world: CantonWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And reads so by chance before the refusal is there."""
    first, second = world.another(), world.another()
    await first.status([R1])
    carry = world.transport.handle_async_request

    async def overtaken(request: httpx.Request) -> httpx.Response:
        if b"desk:main:2" not in request.content:
            return await carry(request)
        await second.hold([holding(R2, epoch=3)])
        answer = await carry(request)
        await first.status([R1])
        return answer

    monkeypatch.setattr(world.transport, "handle_async_request", overtaken)
    assert refuses((await first.hold([holding(R1, epoch=2)]))[0], FENCED)
    await first.close()
    await second.close()


async def test_who_has_no_mandate_has_no_account(world: CantonWorld) -> None:
    await world.give("alice", "BOND1", 300)
    answer = await hold(world, holding(R1, Move("alice", "dave", "BOND1", 1)))
    assert refuses(answer, ACCOUNT)
    await world.mandate("dave", world.party["bob"])
    await held(world, holding(R1, Move("alice", "dave", "BOND1", 1)))


async def test_two_accounts_of_one_owner_give_from_one_holding(world: CantonWorld) -> None:
    await world.mandate("ann", world.party["alice"])
    await world.give("alice", "BOND1", 300)
    moves = (SALE, Move("ann", "bob", "BOND1", 50))
    await held(world, holding(R1, *moves))
    assert await money(world, "alice", "BOND1") == (300, 150)
    answer = await hold(world, holding(R2, *moves, SALE))
    assert isinstance(answer, Refused)
    assert answer.lacking == (Lacking("alice", "BOND1", 150),)
    await world.domain.execute([order(R1)])
    assert await money(world, "bob", "BOND1") == (150, 150)


async def test_what_the_ledger_could_never_take_is_rejected(world: CantonWorld) -> None:
    lock = Lock("alice", "BOND1", 1)
    for locks, moves in (
        ((), ()),
        ((lock,), (Move("alice", "bob", "BOND1", 2),)),
        ((Lock("alice", "BOND1", 1, True),), (Move("alice", "bob", "BOND1", 1),)),
        ((Lock("alice", "BOND1", 10**38),), ()),
    ):
        assert refuses(await hold(world, HoldOrder(R1, 1, locks, moves)), REJECTED)


async def test_many_rounds_share_one_holding_without_a_conflict(world: CantonWorld) -> None:
    await world.give("alice", "BOND1", 4_000)
    rounds = [f"main.S{number}.1" for number in range(40)]
    answers = await world.domain.hold([holding(each) for each in rounds])
    assert all(isinstance(each, Held) for each in answers)
    assert await money(world, "alice", "BOND1") == (4_000, 0)
    executed = await world.domain.execute([order(each) for each in rounds])
    assert all(isinstance(each, Executed) for each in executed)
    assert await money(world, "bob", "BOND1") == (4_000, 4_000)
    # What came in many pieces goes out in one.
    await held(world, holding(R1 + "0", Move("bob", "carol", "BOND1", 4_000)))


async def test_a_holding_that_others_took_is_replaced_by_another(world: CantonWorld) -> None:
    await world.give("alice", "BOND1", 100)
    await world.domain.status([R1])
    other = world.another()
    assert isinstance((await other.hold([holding(R2)]))[0], Held)
    await world.give("alice", "BOND1", 100)
    await held(world, holding(R1))
    await other.close()


async def test_legs_of_two_synchronizers_are_brought_to_one_before_they_settle(
    world: CantonWorld, double: CantonDouble
) -> None:
    await world.issue("alice", "BOND1", 100, double.synchronizers["csd"])
    await world.issue("bob", "EUR", 10_000, double.synchronizers["bank"])
    await held(world, holding(R1, SALE, PAYMENT))
    assert world.transport.asked.count("/v2/commands" + REASSIGN) == 4
    assert isinstance((await world.domain.execute([order(R1)]))[0], Executed)
    assert await world.owned("bob", "BOND1") == 100
    assert await world.owned("alice", "EUR") == 9_950


@pytest.mark.parametrize(
    "fault", [Faults(silent=True), Faults(gone=True), Faults(unavailable=True)], ids=str
)
async def test_a_reassignment_is_done_once_whatever_became_of_its_answers(
    world: CantonWorld, double: CantonDouble, fault: Faults
) -> None:
    await world.issue("alice", "BOND1", 100, double.synchronizers["csd"])
    double.switch_next(fault, REASSIGN)
    await held(world, holding(R1))
    assert await money(world, "alice", "BOND1") == (100, 0)


async def test_what_was_unassigned_and_not_assigned_is_brought_to_its_end(
    world: CantonWorld, double: CantonDouble
) -> None:
    await world.issue("alice", "BOND1", 100, double.synchronizers["csd"])
    double.faults.set(Faults(stranding=True))
    with pytest.raises(NotDone):
        await hold(world, holding(R1))
    double.faults.set(Faults())
    domain = world.another()
    assert await domain.finish_reassignments() == 1
    assert await domain.finish_reassignments() == 0
    assert isinstance((await domain.hold([holding(R1)]))[0], Held)
    assert await money(world, "alice", "BOND1") == (100, 0)
    await domain.close()


async def test_a_hold_by_itself_finishes_what_was_stranded(
    world: CantonWorld, double: CantonDouble
) -> None:
    await world.issue("alice", "BOND1", 100, double.synchronizers["csd"])
    double.faults.set(Faults(stranding=True))
    with pytest.raises(NotDone):
        await hold(world, holding(R1))
    double.faults.set(Faults())
    await world.again()
    await held(world, holding(R1))


async def test_a_list_that_is_too_long_is_read_in_smaller_pages(
    world: CantonWorld, double: CantonDouble
) -> None:
    await world.give("alice", "BOND1", 300)
    await held(
        world,
        *(holding(f"main.S{number}.1", Move("alice", "bob", "BOND1", 1)) for number in range(20)),
    )
    for _ in range(5):
        double.switch_next(Faults(crowded=True), "/active-contracts-page")
    domain = await world.again()
    assert len(await domain.rounds(after="")) == 20
    for _ in range(5):
        double.switch_next(Faults(crowded=True), "/get-updates-page")
    await world.give("alice", "BOND1", 300)
    assert len(await domain.rounds(after="")) == 20


async def test_a_ledger_that_fell_back_is_read_anew(double: CantonDouble) -> None:
    """It was restored from an old backup; what it forgot was never there."""
    world = await on_the_double(double).start()
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1))
    before = await world.domain.head()
    old = CantonDouble(clock=SystemClock(), terms=double.terms, key=double.key)
    world.transport.inner = CheckedTransport(old.transport())
    assert (await world.domain.head()).height < before.height
    assert await world.domain.status([R1]) == [Absent()]
    await world.stop()
    await old.close()


async def test_in_a_batch_whoever_has_no_answer_is_silent_and_the_others_are_told(
    world: CantonWorld, double: CantonDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.give("alice", "BOND1", 300)
    carry = world.transport.handle_async_request

    async def watched(request: httpx.Request) -> httpx.Response:
        if R2.encode() in request.content:
            raise httpx.ReadTimeout("lost", request=request)
        return await carry(request)

    monkeypatch.setattr(world.transport, "handle_async_request", watched)
    answers = await world.domain.hold([holding(R1), holding(R2)])
    assert isinstance(answers[0], Held)
    assert isinstance(answers[1], Silent)


async def insist(call: Any) -> Any:
    """Ask until there is an answer."""
    for _ in range(200):
        try:
            (answer,) = await call()
        except Outage:
            continue
        if not isinstance(answer, Silent):
            return answer
    raise AssertionError("never answered")


@pytest.mark.parametrize("seed", range(4))
async def test_in_wild_weather_every_round_moves_once_or_not_at_all(
    seed: int, tmp_path: Path
) -> None:
    terms = DoubleTerms(seed=seed, synchronizers=("settlement", "csd"))
    double = CantonDouble(clock=SystemClock(), terms=terms, directory=tmp_path)
    world = await on_the_double(double).start()
    await world.issue("alice", "BOND1", 1_500, double.synchronizers["csd"])
    await world.give("alice", "BOND1", 1_500)
    await world.give("bob", "EUR", 300_000)
    await double.close()
    double = CantonDouble(clock=SystemClock(), terms=terms, directory=tmp_path, weather=WILD)
    world.transport.inner = CheckedTransport(double.transport())

    async def life(number: int) -> None:
        name = f"main.S{number}.1"
        domain = world.domain
        asked = holding(name, SALE, PAYMENT)
        answer = await insist(lambda: domain.hold([asked]))
        assert isinstance(answer, Held)
        if number % 3 == 0:
            assert isinstance(await insist(lambda: domain.release([order(name)])), Released)
            assert refuses(await insist(lambda: domain.hold([asked])), CLOSED)
        else:
            assert isinstance(await insist(lambda: domain.execute([order(name)])), Executed)

    await asyncio.gather(*(life(number) for number in range(15)))
    await double.close()
    double = CantonDouble(clock=SystemClock(), terms=terms, directory=tmp_path)
    world.transport.inner = CheckedTransport(double.transport())
    assert await money(world, "bob", "BOND1") == (1_000, 1_000)
    assert await money(world, "alice", "BOND1") == (2_000, 2_000)
    assert await money(world, "alice", "EUR") == (99_500, 99_500)
    await world.stop()
    await double.close()
