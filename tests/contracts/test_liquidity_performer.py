"""What must our side of a liquidity provider do? Numbered.

P1  A repeated effect asks before anything is sent.
P2  Performing again, in this process or the next, executes nothing more, and tells the same under
    the same key.
P3  A lost answer is asked about, never guessed.
P4  What is pending is asked about later, and told when it is final.
P5  A route is told to have ended without fills only when nobody can fill it any more.
P6  A quote beyond the limit is not executed.
P7  All or none: no quote of a part is executed.
P8  The best price wins, among equals the first by name; who is down does not compete.
P9  Another provider gets the order only after the first one has promised not to fill it.
P10 Prices are rounded against the user, and never beyond his limit.
P11 What a provider did is told as it is, even if it cannot be; a part of a lot is told by nobody.
P12 Chains that share a provider never share a reference.

The list for providers is in test_liquidity_provider.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from nostro.adapters.liquidity.bargain import BAD_QUOTE, PROVIDER_DOWN
from nostro.adapters.liquidity.performer import (
    BARGAINS_MAX,
    BEST,
    PARTIALLY_FILLED,
    PROVIDER_UNKNOWN,
    ProviderPerformer,
)
from nostro.adapters.liquidity.port import (
    CLOSED,
    EMPTY,
    PRICE,
    QUANTITY,
    QUOTE_EXPIRED,
    REFUSED,
    Absent,
    Executed,
    Pending,
    Piece,
    Quote,
    Refused,
)
from nostro.adapters.liquidity.units import BadAnswer
from nostro.exchange import EndRoute, RouteFill, Side
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from tests.adapters.liquidity.world import (
    ASK,
    DOWN,
    EFFECT_ID,
    NAME,
    ROUTE,
    SILENT,
    Scripted,
    World,
    always,
    changed,
    command_of,
)

FILLED = EndRoute(
    order=3,
    route=7,
    fills=[RouteFill(2_500, 5_005_000)],
    reference="own-1",
    provider="acme",
)
RIVALS = changed(ROUTE, provider=BEST)


@pytest.fixture(params=["memory", "file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "merchants" if request.param == "file" else None)
    yield world
    world.close()


def unfilled(why: str) -> EndRoute:
    return EndRoute(order=3, route=7, fills=[], reason=why)


def lots(command: EndRoute) -> int:
    return sum(fill.lots for fill in command.fills)


# -- asking first ---------------------------------------------------------------------------------


def test_p1_a_repeated_effect_asks_before_it_sends() -> None:
    world, provider = World(), Scripted()
    assert world.run(world.told(world.performer(provider))) == FILLED
    assert provider.calls == ["status", "quote", "execute"]


def test_p1_an_effect_that_nobody_can_have_begun_is_not_asked_about() -> None:
    world, provider = World(), Scripted()
    assert world.run(world.told(world.performer(provider, fresh=True))) == FILLED
    assert provider.calls == ["quote", "execute"]


def test_p1_a_provider_that_does_not_say_what_it_did_is_sent_nothing() -> None:
    world, provider = World(), Scripted(status=DOWN)
    with pytest.raises(NotDone, match="acme says nothing final"):
        world.run(world.performer(provider).perform(ROUTE, EFFECT_ID))
    assert provider.calls == ["status"]


def test_p2_performing_again_executes_nothing_more_and_tells_the_same(world: World) -> None:
    async def story() -> None:
        performer = world.performer(world.merchant())
        first = await performer.perform(ROUTE, EFFECT_ID)
        assert await performer.perform(ROUTE, EFFECT_ID) == first
        await world.later(60)
        assert await world.performer(world.merchant()).perform(ROUTE, EFFECT_ID) == first
        assert lots(command_of(first)) == ROUTE.lots

    world.run(story())
    assert len(world.deeds()) == 1


def test_p2_death_between_quote_and_execution_leaves_nothing_behind(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        world.switch(down=["acme"])  # between the two: what it quoted is gone with the process
        with pytest.raises(NotDone):
            await world.performer(merchant).perform(ROUTE, EFFECT_ID)
        world.switch()
        command = await world.told(world.performer(world.merchant()))
        assert (lots(command), command.reason) == (ROUTE.lots, "")

    world.run(story())
    assert len(world.deeds()) == 1


def test_p2_death_after_execution_is_made_good_by_asking(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(always("lost_answer_ppm"))
        with pytest.raises(Outage):
            await world.performer(merchant, fresh=True).perform(ROUTE, EFFECT_ID)
        (deed,) = world.deeds()
        command = await world.told(world.performer(world.merchant()))
        assert command.reference == deed.provider_reference
        assert lots(command) == ROUTE.lots

    world.run(story())
    assert len(world.deeds()) == 1


def test_p2_one_key_never_comes_with_two_contents() -> None:
    world = World()

    async def story() -> None:
        told: dict[str, object] = {}
        for price in (ASK, "50060", "50200"):
            for piece in ("2.5", "1", "0"):
                done = Executed((Piece(piece, price),), "own-1")
                performer = world.performer(Scripted(price=price, answers=[done]), fresh=True)
                ((key, command),) = await performer.perform(ROUTE, EFFECT_ID)
                assert told.setdefault(key, command) == command
        assert len(told) == 6  # the quotes of 50200 are refused, each for the same reason

    world.run(story())


# -- lost and late --------------------------------------------------------------------------------


def test_p3_a_lost_answer_is_asked_about_and_not_sent_again() -> None:
    world, provider = World(), Scripted(answers=[SILENT])

    async def story() -> None:
        performer = world.performer(provider, fresh=True)
        with pytest.raises(OutcomeUnknown):
            await performer.perform(ROUTE, EFFECT_ID)
        assert command_of(await performer.perform(ROUTE, EFFECT_ID)) == FILLED

    world.run(story())
    assert provider.calls == ["quote", "execute", "status"]
    assert len(provider.done) == 1


def test_p3_an_answer_that_never_comes_is_lost() -> None:
    world = World()

    class Frozen(Scripted):
        async def quote(self, request: object) -> Quote | Refused:
            await asyncio.Event().wait()
            raise AssertionError

    async def story() -> None:
        performer = ProviderPerformer({"acme": Frozen()}, clock=world.clock)
        performer.took_over(0)
        assert command_of(await performer.perform(ROUTE, EFFECT_ID)) == unfilled(PROVIDER_DOWN)

    world.run(story())


def test_p4_what_is_pending_is_told_when_it_is_final(world: World) -> None:
    async def story() -> None:
        performer = world.performer(world.merchant(always("pending_ppm")))
        for _ in range(3):
            with pytest.raises(NotDone):
                await performer.perform(ROUTE, EFFECT_ID)
        await world.later(3)
        assert lots(command_of(await performer.perform(ROUTE, EFFECT_ID))) == ROUTE.lots

    world.run(story())
    assert len(world.deeds()) == 1


def test_p4_what_was_pending_and_refused_ends_with_the_reason(world: World) -> None:
    async def story() -> None:
        performer = world.performer(world.merchant(always("pending_ppm", "refused_ppm")))
        assert await world.told(performer) == unfilled(REFUSED)
        assert await world.told(world.performer(world.merchant())) == unfilled(REFUSED)

    world.run(story())


# -- no fill --------------------------------------------------------------------------------------


def test_p5_no_fill_is_told_only_after_the_reference_was_closed(world: World) -> None:
    async def story() -> None:
        with pytest.raises(OutcomeUnknown):
            await world.performer(world.merchant(always("late_request_ppm"))).perform(
                ROUTE, EFFECT_ID
            )
        world.switch(stale=["acme"])
        performer = world.performer(world.merchant())
        assert command_of(await performer.perform(ROUTE, EFFECT_ID)) == unfilled(QUOTE_EXPIRED)
        await world.later(60)
        assert await world.merchant().status(NAME) == Absent(CLOSED)

    world.run(story())
    assert world.deeds() == []


def test_p5_what_was_done_before_the_closing_is_told_instead() -> None:
    world = World()
    done = Executed((Piece("2.5", ASK),), "own-1")
    provider = Scripted(answers=[Refused(EMPTY)], closing=done)
    assert world.run(world.told(world.performer(provider))) == FILLED


@pytest.mark.parametrize("closing", [DOWN, SILENT, Pending()])
def test_p5_without_the_promise_nothing_is_told(closing: Outage | Pending) -> None:
    world = World()
    provider = Scripted(answers=[Refused(EMPTY)], closing=closing)
    with pytest.raises(NotDone):
        world.run(world.performer(provider).perform(ROUTE, EFFECT_ID))


def test_p5_who_was_never_sent_anything_need_not_be_closed() -> None:
    world, provider = World(), Scripted(quotes=[DOWN])

    async def story() -> None:
        performer = world.performer(provider, fresh=True)
        assert command_of(await performer.perform(ROUTE, EFFECT_ID)) == unfilled(PROVIDER_DOWN)

    world.run(story())
    assert provider.calls == ["quote"] * BARGAINS_MAX


def test_p5_what_was_told_is_told_again_even_if_it_could_be_filled_now() -> None:
    world = World()

    async def story() -> None:
        performer = world.performer(provider, fresh=True)
        first = await performer.perform(ROUTE, EFFECT_ID)
        assert await performer.perform(ROUTE, EFFECT_ID) == first
        assert command_of(first) == unfilled(EMPTY)

    own = Quote(quote_id="q", price=ASK, quantity="2.5", valid_until_us=2**62)
    provider = Scripted(quotes=[Refused(EMPTY), own])
    world.run(story())
    assert provider.done == []


def test_p5_a_provider_that_nobody_knows_fills_nothing() -> None:
    world = World()

    async def story() -> None:
        route = changed(ROUTE, provider="nobody")
        performer = world.performer(Scripted(), fresh=True)
        told = command_of(await performer.perform(route, EFFECT_ID))
        assert told == unfilled(PROVIDER_UNKNOWN)

    world.run(story())


def test_p5_a_provider_that_is_gone_may_have_filled_it() -> None:
    world = World()

    async def story() -> None:
        for performer in (world.performer(Scripted()), world.performer()):
            with pytest.raises(NotDone, match="no provider"):
                await performer.perform(changed(ROUTE, provider="gone"), EFFECT_ID)

    world.run(story())


# -- which quote ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price"), [(Side.BUY, "50100.000001"), (Side.SELL, "50099.99"), (Side.BUY, "60000")]
)
def test_p6_a_quote_beyond_the_limit_is_not_executed(side: Side, price: str) -> None:
    world, provider = World(), Scripted(price=price)
    told = world.run(world.told(world.performer(provider, fresh=True), changed(ROUTE, side=side)))
    assert told == unfilled(PRICE)
    assert provider.calls == ["quote"]


@pytest.mark.parametrize("price", ["", "1e3", "-50050", "NaN", "50 050", "0", "٣", "1" * 99])
def test_p6_a_quote_that_is_no_price_is_not_executed(price: str) -> None:
    world, provider = World(), Scripted(price=price)
    told = world.run(world.told(world.performer(provider, fresh=True)))
    assert told == unfilled(BAD_QUOTE)


def test_p6_the_limit_goes_with_the_order(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        route = changed(ROUTE, limit=5_005_000)
        assert lots(await world.told(world.performer(merchant), route)) == ROUTE.lots
        (deed,) = world.deeds()
        assert deed.order is not None
        assert (deed.order.limit, deed.order.quantity) == ("50050", "2.5")

    world.run(story())


def test_p7_all_or_none_takes_no_quote_of_a_part() -> None:
    world, provider = World(), Scripted(quantity="2.499")
    told = world.run(
        world.told(world.performer(provider, fresh=True), changed(ROUTE, all_or_none=True))
    )
    assert told == unfilled(QUANTITY)
    assert provider.done == []


def test_p7_without_it_a_part_is_taken_and_told(world: World) -> None:
    async def story() -> None:
        world.switch(partial=["*"])
        told = await world.told(world.performer(world.merchant()))
        assert told.reason == PARTIALLY_FILLED
        assert 0 < lots(told) < ROUTE.lots

    world.run(story())


@pytest.mark.parametrize(
    ("side", "prices", "winner"),
    [
        (Side.BUY, ("50060", "50040", "50050"), "beta"),
        (Side.BUY, ("50050", "50050", "50060"), "acme"),
        (Side.BUY, ("50200", "50300", "50099"), "gamma"),
        (Side.SELL, ("50160", "50140", "50150"), "acme"),
        (Side.SELL, ("50140", "50150", "50150.00"), "beta"),
    ],
)
def test_p8_the_best_price_wins_and_then_the_name(
    side: Side, prices: tuple[str, ...], winner: str
) -> None:
    world = World()
    performer = world.performer(*[Scripted(price=price) for price in prices], fresh=True)
    told = world.run(world.told(performer, changed(RIVALS, side=side)))
    assert told.provider == winner


def test_p8_who_is_down_does_not_compete() -> None:
    world = World()
    performer = world.performer(Scripted(quotes=[DOWN]), Scripted(), fresh=True)
    assert world.run(world.told(performer, RIVALS)).provider == "beta"


def test_p8_the_reason_of_several_is_that_which_says_most() -> None:
    world = World()
    performer = world.performer(
        Scripted(quotes=[DOWN]),
        Scripted(price="99999"),
        Scripted(quotes=[Refused(EMPTY)]),
        fresh=True,
    )
    assert world.run(world.told(performer, RIVALS)) == unfilled(PRICE)


def test_p9_the_second_best_gets_it_once_the_first_has_promised() -> None:
    world = World()
    best = Scripted(price="50000", answers=[Refused(REFUSED)])
    second = Scripted()
    told = world.run(world.told(world.performer(best, second, fresh=True), RIVALS))
    assert (told.provider, lots(told)) == ("beta", ROUTE.lots)
    assert best.calls == ["quote", "execute", "close"]
    assert second.calls == ["quote", "quote", "execute"]


def test_p9_without_the_promise_nobody_else_gets_it() -> None:
    world = World()

    async def story() -> None:
        performer = world.performer(best, second, fresh=True)
        for _ in range(3):
            with pytest.raises(NotDone):
                await performer.perform(RIVALS, EFFECT_ID)

    best, second = Scripted(price="50000", answers=[Refused(REFUSED)], closing=DOWN), Scripted()
    world.run(story())
    assert second.done == []


def test_p9_after_a_restart_all_others_promise_first() -> None:
    world = World()
    first, other = Scripted(), Scripted(price="50060")
    told = world.run(world.told(world.performer(first, other), RIVALS))
    assert told.provider == "acme"
    assert other.calls == ["status", "quote", "close"]


def test_p9_one_who_lets_his_quotes_expire_has_a_second_chance_and_no_third() -> None:
    world = World()
    best = Scripted(price="50000", answers=[Refused(QUOTE_EXPIRED)])
    told = world.run(world.told(world.performer(best, Scripted(), fresh=True), RIVALS))
    assert told.provider == "beta"
    assert best.calls == ["quote", "execute", "quote", "execute", "close"]


# -- telling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "ticks"),
    [
        (Side.BUY, "50050.001", 5_005_001),
        (Side.BUY, "50099.999", 5_010_000),
        (Side.BUY, "50100", 5_010_000),
        (Side.SELL, "50100", 5_010_000),
        (Side.SELL, "50100.009", 5_010_000),
        (Side.SELL, "50150.019", 5_015_001),
    ],
)
def test_p10_prices_are_rounded_against_the_user_and_not_beyond_his_limit(
    side: Side, price: str, ticks: int
) -> None:
    world = World()
    told = world.run(
        world.told(world.performer(Scripted(price=price), fresh=True), changed(ROUTE, side=side))
    )
    assert told.fills == [RouteFill(2_500, ticks)]


@pytest.mark.parametrize(
    ("piece", "fill"),
    [
        (Piece("2.5", "50100.01"), RouteFill(2_500, 5_010_001)),  # worse than the limit
        (Piece("3", ASK), RouteFill(3_000, 5_005_000)),  # more than was asked for
        (Piece("2", ASK), RouteFill(2_000, 5_005_000)),  # a part of all or none
    ],
)
def test_p11_what_cannot_be_is_told_as_it_is(piece: Piece, fill: RouteFill) -> None:
    world = World()
    provider = Scripted(answers=[Executed((piece,), "own-1")])
    told = world.run(
        world.told(world.performer(provider, fresh=True), changed(ROUTE, all_or_none=True))
    )
    assert told.fills == [fill]


@pytest.mark.parametrize("piece", [Piece("2.4995", ASK), Piece("2.5", "5e4"), Piece("?", ASK)])
def test_p11_what_is_not_in_our_terms_is_told_by_nobody(piece: Piece) -> None:
    world = World()
    provider = Scripted(answers=[Executed((piece,), "own-1")])
    with pytest.raises(BadAnswer):
        world.run(world.performer(provider, fresh=True).perform(ROUTE, EFFECT_ID))


def test_p11_two_deeds_under_one_reference_are_told_by_nobody() -> None:
    world = World()
    done = Executed((Piece("2.5", ASK),), "own-1")
    performer = world.performer(Scripted(status=done), Scripted(status=done))
    with pytest.raises(BadAnswer, match="acme, beta"):
        world.run(performer.perform(RIVALS, EFFECT_ID))


def test_p12_two_chains_at_one_provider_are_both_filled(world: World) -> None:
    async def story() -> None:
        for chain in ("main", "side"):
            performer = world.performer(world.merchant(), chain=chain)
            await performer.perform(ROUTE, EFFECT_ID)

    world.run(story())
    assert [deed.reference for deed in world.deeds()] == ["main:7", "side:7"]
