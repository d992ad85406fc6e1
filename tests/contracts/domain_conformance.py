"""What must every settlement domain do? Numbered; run by test_domain.py and by whoever adapts
another ledger.

D1  What was never asked is absent; asking changes nothing.
D2  A hold earmarks in place: the owner stays the owner, and may not use it.
D3  Execution moves all of a round, once.
D4  Release lets go all of a round.
D5  A duplicate is answered as before, whoever is faster, and does nothing more.
D6  A round that is held stands for nothing else.
D7  A release of what is not held closes the round: a hold that comes late is refused for ever.
D8  What was released cannot be held or executed.
D9  What was executed cannot be held or released.
D10 An execution that comes before its hold does nothing, and is no obstacle to it.
D11 A lower epoch than was seen is refused, a higher one is taken.
D12 What is lacking is told with what is there, and may be asked for again.
D13 All of a round is earmarked, or nothing.
D14 What is earmarked for one round is not there for another.
D15 Of a batch, each round is answered by itself, in order.
D16 After a lost answer the status tells the truth, and the call may be repeated.
D17 What is held is listed, in pages, in the order of the ids.
D18 What was answered is known after a restart.
D19 Who passes on what he gets needs nothing of his own; every leg moves.
D20 Legs that net to nothing need no lock.
D21 Where nobody has ever had anything, nothing is held.
D22 The height never falls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from nostro.adapters.domains.port import (
    ACCOUNT,
    CLOSED,
    CONTENT_DIFFERS,
    DONE,
    FENCED,
    LACKING,
    UNKNOWN,
    Absent,
    Domain,
    Executed,
    Held,
    HoldAnswer,
    HoldOrder,
    Refused,
    Released,
    RoundOrder,
)
from nostro.kernel.movement import Lacking, Lock, Move
from nostro.runtime.ports import OutcomeUnknown


class World(Protocol):
    """A domain under test, the parties alice, bob and carol, and the assets BOND1 and EUR."""

    domain: Domain

    async def give(self, party: str, asset: str, amount_minor: int) -> None:
        """Let a party have so much more of an asset."""
        ...

    async def owned(self, party: str, asset: str) -> int:
        """Return what a party owns."""
        ...

    async def available(self, party: str, asset: str) -> int:
        """Return what of it is not earmarked."""
        ...

    async def again(self) -> Domain:
        """Return the domain after a restart: the same ledger, all else new."""
        ...

    def losing_answers(self) -> AbstractContextManager[None]:
        """Let calls arrive and be done, and their answers be lost: OutcomeUnknown is raised."""
        ...


R1, R2, R3 = "main.S1.1", "main.S2.1", "main.S3.1"
SALE = Move("alice", "bob", "BOND1", 100)
PAYMENT = Move("bob", "alice", "EUR", 9_950)


def holding(round_id: str, *moves: Move, epoch: int = 1) -> HoldOrder:
    """Return the hold of a round in which nobody passes on what he gets."""
    legs = moves or (SALE,)
    given: dict[tuple[str, str], int] = {}
    for leg in legs:
        given[leg.source, leg.asset] = given.get((leg.source, leg.asset), 0) + leg.amount_minor
    locks = tuple(Lock(party, asset, amount) for (party, asset), amount in given.items())
    return HoldOrder(round_id, epoch, locks, legs)


def order(round_id: str, epoch: int = 1) -> RoundOrder:
    """Return the order to execute or to release a round."""
    return RoundOrder(round_id, epoch)


async def hold(world: World, *orders: HoldOrder) -> HoldAnswer:
    """Hold rounds, and return what is answered to the first."""
    return (await world.domain.hold(orders))[0]


async def held(world: World, *orders: HoldOrder) -> None:
    """Hold rounds that must be held."""
    answers = await world.domain.hold(orders)
    assert all(isinstance(answer, Held) for answer in answers), answers


async def money(world: World, party: str, asset: str) -> tuple[int, int]:
    """Return what a party owns, and what of it is available."""
    return await world.owned(party, asset), await world.available(party, asset)


def refuses(answer: object, *codes: str) -> bool:
    """Tell whether this is a refusal with one of these codes."""
    return isinstance(answer, Refused) and answer.code in codes


def is_closed(answer: object) -> bool:
    """Tell whether a hold heard that its round was released."""
    return refuses(answer, CLOSED) or isinstance(answer, Released)


def is_done(answer: object) -> bool:
    """Tell whether a hold heard that its round was executed."""
    return refuses(answer, DONE) or isinstance(answer, Executed)


async def d1_what_was_never_asked_is_absent(world: World) -> None:
    await world.give("alice", "BOND1", 100)
    for _ in range(3):
        assert await world.domain.status([R1, R2]) == [Absent(), Absent()]
    await held(world, holding(R1))


async def d2_a_hold_earmarks_in_place(world: World) -> None:
    await world.give("alice", "BOND1", 150)
    await held(world, holding(R1))
    assert await money(world, "alice", "BOND1") == (150, 50)
    assert await world.owned("bob", "BOND1") == 0


async def d3_execution_moves_all_of_a_round(world: World) -> None:
    await world.give("alice", "BOND1", 150)
    await world.give("bob", "EUR", 10_000)
    await held(world, holding(R1, SALE, PAYMENT))
    (answer,) = await world.domain.execute([order(R1)])
    assert isinstance(answer, Executed)
    assert answer.reference
    assert await money(world, "alice", "BOND1") == (50, 50)
    assert await money(world, "bob", "BOND1") == (100, 100)
    assert await money(world, "alice", "EUR") == (9_950, 9_950)
    assert await money(world, "bob", "EUR") == (50, 50)


async def d4_release_lets_go_all_of_a_round(world: World) -> None:
    await world.give("alice", "BOND1", 100)
    await world.give("bob", "EUR", 10_000)
    await held(world, holding(R1, SALE, PAYMENT))
    (answer,) = await world.domain.release([order(R1)])
    assert isinstance(answer, Released)
    assert await money(world, "alice", "BOND1") == (100, 100)
    assert await money(world, "bob", "EUR") == (10_000, 10_000)


async def d5_a_duplicate_hold_is_answered_as_before(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    first = await hold(world, holding(R1))
    assert [await hold(world, holding(R1)) for _ in range(3)] == [first] * 3
    assert await world.available("alice", "BOND1") == 200


async def d5_a_duplicate_execution_is_answered_as_before(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1))
    first = await world.domain.execute([order(R1)])
    assert [await world.domain.execute([order(R1)]) for _ in range(3)] == [first] * 3
    assert await money(world, "bob", "BOND1") == (100, 100)


async def d5_a_duplicate_release_is_answered_as_before(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1))
    first = await world.domain.release([order(R1)])
    assert [await world.domain.release([order(R1)]) for _ in range(3)] == [first] * 3
    assert await money(world, "alice", "BOND1") == (300, 300)


async def d6_a_round_that_is_held_stands_for_nothing_else(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1))
    for other in (Move("alice", "bob", "BOND1", 101), Move("alice", "carol", "BOND1", 100)):
        assert refuses(await hold(world, holding(R1, other)), CONTENT_DIFFERS)
    assert await world.available("alice", "BOND1") == 200
    await world.domain.execute([order(R1)])
    assert await world.owned("bob", "BOND1") == 100


async def d7_a_hold_that_comes_after_its_release_is_refused_for_ever(world: World) -> None:
    await world.give("alice", "BOND1", 100)
    (answer,) = await world.domain.release([order(R1)])
    assert isinstance(answer, Released)
    for epoch in (1, 2):
        assert is_closed(await hold(world, holding(R1, epoch=epoch)))
    assert is_closed((await (await world.again()).hold([holding(R1, epoch=2)]))[0])
    assert await world.available("alice", "BOND1") == 100


async def d7_a_round_whose_hold_was_refused_is_closed_too(world: World) -> None:
    await world.give("alice", "BOND1", 99)
    assert refuses(await hold(world, holding(R1)), LACKING)
    (answer,) = await world.domain.release([order(R1)])
    assert isinstance(answer, Released)
    await world.give("alice", "BOND1", 1)
    assert is_closed(await hold(world, holding(R1)))


async def d8_what_was_released_cannot_be_held_or_executed(world: World) -> None:
    await world.give("alice", "BOND1", 100)
    await held(world, holding(R1))
    await world.domain.release([order(R1)])
    assert refuses((await world.domain.execute([order(R1)]))[0], CLOSED)
    assert is_closed(await hold(world, holding(R1)))
    assert await money(world, "alice", "BOND1") == (100, 100)


async def d9_what_was_executed_cannot_be_held_or_released(world: World) -> None:
    await world.give("alice", "BOND1", 200)
    await held(world, holding(R1))
    await world.domain.execute([order(R1)])
    assert refuses((await world.domain.release([order(R1)]))[0], DONE)
    assert is_done(await hold(world, holding(R1)))
    assert await money(world, "alice", "BOND1") == (100, 100)


async def d10_an_execution_before_its_hold_does_nothing(world: World) -> None:
    await world.give("alice", "BOND1", 100)
    assert refuses((await world.domain.execute([order(R1)]))[0], UNKNOWN)
    await held(world, holding(R1))
    assert isinstance((await world.domain.execute([order(R1)]))[0], Executed)


async def d10_an_execution_of_what_was_refused_does_nothing(world: World) -> None:
    await world.give("alice", "BOND1", 99)
    assert refuses(await hold(world, holding(R1)), LACKING)
    assert refuses((await world.domain.execute([order(R1)]))[0], UNKNOWN)
    assert await money(world, "alice", "BOND1") == (99, 99)


async def d11_a_lower_epoch_is_refused(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1, epoch=5))
    assert refuses(await hold(world, holding(R1, epoch=4)), FENCED)
    assert refuses((await world.domain.execute([order(R1, 4)]))[0], FENCED)
    assert refuses((await world.domain.release([order(R1, 4)]))[0], FENCED)
    assert await world.available("alice", "BOND1") == 200
    assert isinstance((await world.domain.execute([order(R1, 5)]))[0], Executed)


async def d11_a_higher_epoch_is_taken(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    first = await hold(world, holding(R1, epoch=5))
    assert await hold(world, holding(R1, epoch=7)) == first
    assert refuses((await world.domain.release([order(R1, 6)]))[0], FENCED)
    domain = await world.again()
    assert refuses((await domain.release([order(R1, 6)]))[0], FENCED)
    assert isinstance((await domain.release([order(R1, 8)]))[0], Released)


async def d12_what_is_lacking_is_told_and_may_be_asked_for_again(world: World) -> None:
    await world.give("alice", "BOND1", 60)
    for _ in range(2):
        answer = await hold(world, holding(R1))
        assert isinstance(answer, Refused)
        assert (answer.code, answer.lacking) == (LACKING, (Lacking("alice", "BOND1", 60),))
    assert await money(world, "alice", "BOND1") == (60, 60)
    await world.give("alice", "BOND1", 40)
    await held(world, holding(R1))
    assert await money(world, "alice", "BOND1") == (100, 0)


async def d13_all_of_a_round_is_earmarked_or_nothing(world: World) -> None:
    await world.give("alice", "BOND1", 100)
    await world.give("bob", "EUR", 9_949)
    answer = await hold(world, holding(R1, SALE, PAYMENT))
    assert isinstance(answer, Refused)
    assert (answer.code, answer.lacking) == (LACKING, (Lacking("bob", "EUR", 9_949),))
    assert await money(world, "alice", "BOND1") == (100, 100)


async def d14_what_is_earmarked_is_not_there_for_another_round(world: World) -> None:
    await world.give("alice", "BOND1", 150)
    await held(world, holding(R1))
    answer = await hold(world, holding(R2))
    assert isinstance(answer, Refused)
    assert (answer.code, answer.lacking) == (LACKING, (Lacking("alice", "BOND1", 50),))
    await world.domain.release([order(R1)])
    await held(world, holding(R2))


async def d15_each_round_of_a_batch_is_answered_by_itself(world: World) -> None:
    await world.give("alice", "BOND1", 200)
    await world.give("bob", "EUR", 9_950)
    late = "main.S9.1"
    await world.domain.release([order(late)])
    big = Move("alice", "carol", "BOND1", 1_000)
    answers = await world.domain.hold(
        [holding(R1), holding(R2, big), holding(late), holding(R3, SALE, PAYMENT)]
    )
    assert isinstance(answers[0], Held)
    assert refuses(answers[1], LACKING)
    assert is_closed(answers[2])
    assert isinstance(answers[3], Held)
    done = await world.domain.execute([order(R1), order(R2), order(late), order(R3)])
    assert isinstance(done[0], Executed)
    assert refuses(done[1], UNKNOWN)
    assert refuses(done[2], CLOSED)
    assert isinstance(done[3], Executed)
    assert await world.owned("bob", "BOND1") == 200
    gone = await world.domain.release([order(R1), order(R2), order(late)])
    assert refuses(gone[0], DONE)
    assert [type(answer) for answer in gone[1:]] == [Released, Released]


async def d16_after_a_lost_answer_to_a_hold_the_status_tells(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    with world.losing_answers(), pytest.raises(OutcomeUnknown):
        await hold(world, holding(R1))
    (status,) = await world.domain.status([R1])
    assert isinstance(status, Held)
    assert await hold(world, holding(R1)) == status
    assert await world.available("alice", "BOND1") == 200


async def d16_after_a_lost_answer_to_an_execution_the_status_tells(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1))
    with world.losing_answers(), pytest.raises(OutcomeUnknown):
        await world.domain.execute([order(R1)])
    (status,) = await world.domain.status([R1])
    assert isinstance(status, Executed)
    assert await world.domain.execute([order(R1)]) == [status]
    assert await world.owned("bob", "BOND1") == 100


async def d16_after_a_lost_answer_to_a_release_the_status_tells(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    await held(world, holding(R1))
    with world.losing_answers(), pytest.raises(OutcomeUnknown):
        await world.domain.release([order(R1), order(R2)])
    assert [type(each) for each in await world.domain.status([R1, R2])] == [Released, Released]
    assert is_closed(await hold(world, holding(R2)))
    assert await world.available("alice", "BOND1") == 300


async def d17_what_is_held_is_listed_in_pages(world: World) -> None:
    await world.give("alice", "BOND1", 1_000)
    await held(world, *(holding(f"main.S{number}.1") for number in (5, 3, 10, 4, 1)))
    await world.domain.release([order("main.S4.1")])
    await world.domain.execute([order("main.S1.1")])
    found: list[str] = []
    after = ""
    while page := await world.domain.rounds(after=after, limit=2):
        found += [each.round_id for each in page if isinstance(each.answer, Held)]
        assert [each.round_id for each in page] == sorted(each.round_id for each in page)
        assert page[0].round_id > after
        after = page[-1].round_id
    assert found == ["main.S10.1", "main.S3.1", "main.S5.1"]


async def d18_what_was_answered_is_known_after_a_restart(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    holds = [holding(R1), holding(R2), holding(R3)]
    before = await world.domain.hold(holds)
    (executed,) = await world.domain.execute([order(R2)])
    (released,) = await world.domain.release([order(R3)])
    domain = await world.again()
    assert await domain.status([R1, R2, R3]) == [before[0], executed, released]
    assert (await domain.hold(holds[:1]))[0] == before[0]
    assert await domain.execute([order(R2)]) == [executed]
    assert await domain.release([order(R3)]) == [released]
    assert isinstance((await domain.execute([order(R1)]))[0], Executed)
    assert await world.owned("bob", "BOND1") == 200


async def d19_who_passes_on_what_he_gets_needs_nothing_of_his_own(world: World) -> None:
    await world.give("alice", "BOND1", 100)
    moves = (Move("bob", "carol", "BOND1", 100), SALE)
    await held(world, HoldOrder(R1, 1, (Lock("alice", "BOND1", 100),), moves))
    assert await world.available("alice", "BOND1") == 0
    (answer,) = await world.domain.execute([order(R1)])
    assert isinstance(answer, Executed)
    owned = [await money(world, party, "BOND1") for party in ("alice", "bob", "carol")]
    assert owned == [(0, 0), (0, 0), (100, 100)]


async def d19_one_lock_covers_several_legs(world: World) -> None:
    await world.give("alice", "BOND1", 150)
    moves = (SALE, Move("alice", "carol", "BOND1", 50))
    await held(world, HoldOrder(R1, 1, (Lock("alice", "BOND1", 150),), moves))
    await world.domain.execute([order(R1)])
    owned = [await money(world, party, "BOND1") for party in ("alice", "bob", "carol")]
    assert owned == [(0, 0), (100, 100), (50, 50)]


async def d20_legs_that_net_to_nothing_need_no_lock(world: World) -> None:
    await world.give("alice", "BOND1", 1)
    await world.give("bob", "BOND1", 1)
    ring = (SALE, Move("bob", "alice", "BOND1", 100))
    await held(world, HoldOrder(R1, 1, (), ring), HoldOrder(R2, 1, (), ring))
    assert isinstance((await world.domain.execute([order(R1)]))[0], Executed)
    assert isinstance((await world.domain.release([order(R2)]))[0], Released)
    assert await money(world, "alice", "BOND1") == (1, 1)


async def d21_who_never_had_anything_can_give_nothing(world: World) -> None:
    await world.give("alice", "BOND1", 1)
    answer = await hold(world, holding(R1, Move("carol", "alice", "BOND1", 1)))
    assert refuses(answer, LACKING, ACCOUNT)
    assert refuses(
        await hold(world, holding(R2, Move("alice", "bob", "NONE1", 1))), LACKING, ACCOUNT
    )


async def d22_the_height_never_falls(world: World) -> None:
    await world.give("alice", "BOND1", 300)
    first = await world.domain.head()
    assert first.name == world.domain.name
    await held(world, holding(R1))
    second = await world.domain.head()
    assert second.height > first.height
    assert (await (await world.again()).head()).height >= second.height


CONFORMANCE: tuple[Callable[[World], Awaitable[None]], ...] = tuple(
    test for name, test in list(globals().items()) if name[0] == "d" and name[1].isdigit()
)
"""All of them, in order."""
