"""What must every liquidity provider do, and our side of it? Numbered.

L1  What never arrived is an unknown reference; asking changes nothing.
L2  A quote is firm: what is executed has its price or a better one, and is no more than it says.
L3  A quote that has expired, or was never given, is refused, and nothing is done.
L4  The same order again, at any quote, is answered as before, and nothing more is done.
L5  A reference never stands for two orders.
L6  Nothing is executed beyond the limit of the order.
L7  All or none: the whole is executed, or nothing.
L8  What cannot be filled wholly is filled in part, in whole steps, and told so.
L9  NotDone means that this request was not taken.
L10 After a lost answer the status tells the truth.
L11 What is pending is executed or absent in the end, and stays so.
L12 Absent is a promise: a request under a closed reference does nothing, however late.
L13 What was done cannot be closed; closing tells what was done.
L14 A request that arrives late or twice does nothing more.
L15 What was done is known after the platform was killed; a torn record never happened.
L16 One who is empty refuses, and never gives what he has not got.
L17 The same seed makes the same day.

The list for our side is in test_liquidity_performer.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from nostro.adapters.liquidity.faults import FAIR, HARSH, MerchantWeather
from nostro.adapters.liquidity.merchant import SimulatedMerchant
from nostro.adapters.liquidity.port import (
    CLOSED,
    CONTENT_DIFFERS,
    EMPTY,
    PRICE,
    QUANTITY,
    QUOTE_EXPIRED,
    REFUSED,
    UNKNOWN_PAIR,
    Absent,
    Executed,
    Pending,
    ProviderOrder,
    Quote,
    Refused,
    UnknownReference,
)
from nostro.adapters.liquidity.stock import MerchantTerms
from nostro.exchange import Side
from nostro.runtime.ports import NotDone, Outage, OutcomeUnknown
from tests.adapters.liquidity.world import ASK, BID, NAME, ORDER, World, always, asking, executed

SELL = replace(ORDER, side=Side.SELL, limit="49900")
POOR = MerchantTerms(opening={"BTC": "1", "USD": "50000"})
"""Has 1 BTC, and room for one more."""
LONG_S = 60.0


@pytest.fixture(params=["memory", "file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "merchants" if request.param == "file" else None)
    yield world
    world.close()


async def quoted(merchant: SimulatedMerchant, order: ProviderOrder = ORDER) -> Quote:
    quote = await merchant.quote(asking(order))
    assert isinstance(quote, Quote)
    return quote


def total(done: Executed) -> Fraction:
    return sum((Fraction(piece.quantity) for piece in done.pieces), Fraction(0))


def test_l1_what_never_arrived_is_unknown_however_often_it_is_asked(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        assert [await merchant.status(NAME) for _ in range(3)] == [UnknownReference()] * 3
        assert isinstance(await merchant.execute(ORDER, await quoted(merchant)), Executed)

    world.run(story())


@pytest.mark.parametrize(("order", "price"), [(ORDER, ASK), (SELL, BID)])
def test_l2_a_quote_is_firm(world: World, order: ProviderOrder, price: str) -> None:
    async def story() -> None:
        merchant = world.merchant()
        quote = await quoted(merchant, order)
        assert (quote.price, quote.quantity) == (price, "2.5")
        done = await merchant.execute(order, quote)
        assert isinstance(done, Executed)
        assert {piece.price for piece in done.pieces} == {price}
        assert total(done) == Fraction("2.5")

    world.run(story())


def test_l3_a_quote_that_has_expired_is_refused(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        quote = await quoted(merchant)
        await world.later(3)
        assert await merchant.execute(ORDER, quote) == Refused(QUOTE_EXPIRED)
        assert await merchant.status(NAME) == UnknownReference()
        assert isinstance(await merchant.execute(ORDER, await quoted(merchant)), Executed)

    world.run(story())


def test_l3_a_quote_of_another_life_or_of_nobody_is_refused(world: World) -> None:
    async def story() -> None:
        quote = await quoted(world.merchant())
        after = world.merchant()
        invented = replace(quote, quote_id="acme-1", price="1")
        assert await after.execute(ORDER, quote) == Refused(QUOTE_EXPIRED)
        assert await after.execute(ORDER, invented) == Refused(QUOTE_EXPIRED)

    world.run(story())
    assert world.deeds() == []


def test_l3_a_quote_that_was_altered_is_refused(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        quote = await quoted(merchant)
        for altered in (replace(quote, price="1"), replace(quote, quantity="99")):
            assert await merchant.execute(ORDER, altered) == Refused(CONTENT_DIFFERS)
        assert await merchant.execute(SELL, quote) == Refused(CONTENT_DIFFERS)

    world.run(story())
    assert world.deeds() == []


def test_l4_the_same_order_again_is_answered_as_before(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        quote = await quoted(merchant)
        first = await merchant.execute(ORDER, quote)
        assert await merchant.execute(ORDER, quote) == first
        assert await merchant.execute(ORDER, await quoted(merchant)) == first
        await world.later(LONG_S)
        assert await merchant.execute(ORDER, quote) == first
        assert await merchant.status(NAME) == first

    world.run(story())
    assert len(world.deeds()) == 1


def test_l5_a_reference_never_stands_for_two_orders(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        await merchant.execute(ORDER, await quoted(merchant))
        for other in (SELL, replace(ORDER, quantity="2.4"), replace(ORDER, limit="50101")):
            answer = await merchant.execute(other, await quoted(merchant, other))
            assert answer == Refused(CONTENT_DIFFERS)

    world.run(story())
    assert [each.order for each in world.deeds()] == [ORDER]


@pytest.mark.parametrize(
    "order", [replace(ORDER, limit="50049.99"), replace(SELL, limit="49950.01")]
)
def test_l6_nothing_is_executed_beyond_the_limit(world: World, order: ProviderOrder) -> None:
    async def story() -> None:
        merchant = world.merchant()
        assert await merchant.execute(order, await quoted(merchant, order)) == Refused(PRICE)

    world.run(story())
    assert world.deeds() == []


def test_l7_all_or_none_is_not_quoted_in_part(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(terms=POOR)
        order = replace(ORDER, all_or_none=True)
        assert await merchant.quote(asking(order)) == Refused(QUANTITY)

    world.run(story())


def test_l7_all_or_none_is_not_executed_in_part(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(always("partial_ppm"), terms=POOR)
        half = replace(ORDER, quantity="0.6", all_or_none=True)
        first, second = await quoted(merchant, half), await quoted(merchant, half)
        done = await merchant.execute(half, first)
        assert isinstance(done, Executed)
        assert total(done) == Fraction("0.6")
        other = replace(half, reference="main:8")
        assert await merchant.execute(other, second) == Refused(QUANTITY)

    world.run(story())


def test_l8_what_cannot_be_filled_wholly_is_filled_in_part(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(terms=POOR)
        order = replace(ORDER, quantity_step="0.3")
        quote = await quoted(merchant, order)
        # By his stock 1, by his room for dollars 50000 / 50050: that many whole steps.
        assert quote.quantity == "0.9"
        done = await merchant.execute(order, quote)
        assert isinstance(done, Executed)
        assert total(done) == Fraction("0.9")
        assert all(Fraction(each.quantity) % Fraction("0.3") == 0 for each in done.pieces)

    world.run(story())


def test_l8_a_part_may_be_executed_of_what_was_quoted(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(always("partial_ppm"))
        done = await merchant.execute(ORDER, await quoted(merchant))
        assert isinstance(done, Executed)
        assert 0 < total(done) < Fraction("2.5")

    world.run(story())


def test_l9_not_done_means_not_taken(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        quote = await quoted(merchant)
        world.switch(down=["acme"])
        for call in (
            merchant.quote(asking()),
            merchant.execute(ORDER, quote),
            merchant.status(NAME),
            merchant.close(NAME),
        ):
            with pytest.raises(NotDone):
                await call
        world.switch()
        assert await merchant.status(NAME) == UnknownReference()

    world.run(story())


@pytest.mark.parametrize(("weather", "taken"), [("lost_answer_ppm", 1), ("lost_request_ppm", 0)])
def test_l10_after_a_lost_answer_the_status_tells_the_truth(
    world: World, weather: str, taken: int
) -> None:
    async def story() -> None:
        merchant = world.merchant(always(weather))
        with pytest.raises(OutcomeUnknown):
            await merchant.execute(ORDER, await quoted(merchant))
        told = await world.merchant().status(NAME)
        known = [executed(each) for each in world.deeds()]
        assert told == (known[0] if known else UnknownReference())

    world.run(story())
    assert len(world.deeds()) == taken


@pytest.mark.parametrize("weather", ["partial_ppm", "refused_ppm"])
def test_l11_what_is_pending_comes_to_an_end_and_stays_there(world: World, weather: str) -> None:
    async def story() -> None:
        merchant = world.merchant(always("pending_ppm", weather))
        quote = await quoted(merchant)
        for _ in range(2):
            assert await merchant.execute(ORDER, quote) == Pending()
        assert await merchant.status(NAME) == Pending()
        assert await merchant.close(NAME) == Pending()
        await world.later(3)
        end = await merchant.status(NAME)
        assert isinstance(end, Executed) if weather == "partial_ppm" else end == Absent(REFUSED)
        for _ in range(3):
            assert await merchant.status(NAME) == end
            assert await merchant.close(NAME) == end

    world.run(story())


def test_l11_what_was_pending_and_refused_is_not_executed_at_a_better_quote(world: World) -> None:
    async def story() -> None:
        bad = world.merchant(always("pending_ppm", "refused_ppm"))
        assert await bad.execute(ORDER, await quoted(bad)) == Pending()
        await world.later(3)
        good = world.merchant()
        assert await good.execute(ORDER, await quoted(good)) == Refused(REFUSED)

    world.run(story())
    assert world.deeds() == []


def test_l12_a_closed_reference_stays_closed(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        quote = await quoted(merchant)
        for _ in range(2):
            assert await merchant.close(NAME) == Absent(CLOSED)
        assert await merchant.execute(ORDER, quote) == Refused(CLOSED)
        after = world.merchant()
        assert await after.status(NAME) == Absent(CLOSED)
        assert await after.execute(ORDER, await quoted(after)) == Refused(CLOSED)

    world.run(story())
    assert world.deeds() == []


def test_l12_a_request_that_arrives_after_the_closing_does_nothing(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(always("late_request_ppm"))
        quote = await quoted(merchant)
        for _ in range(3):
            with pytest.raises(OutcomeUnknown):
                await merchant.execute(ORDER, quote)
        assert await merchant.close(NAME) == Absent(CLOSED)
        await world.later(LONG_S)
        assert await merchant.status(NAME) == Absent(CLOSED)

    world.run(story())
    assert world.deeds() == []


def test_l13_what_was_done_cannot_be_closed(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        done = await merchant.execute(ORDER, await quoted(merchant))
        assert [await merchant.close(NAME), await merchant.status(NAME)] == [done, done]

    world.run(story())
    assert len(world.deeds()) == 1


@pytest.mark.parametrize("weather", ["late_request_ppm", "twice_ppm"])
def test_l14_a_request_that_arrives_late_or_twice_does_nothing_more(
    world: World, weather: str
) -> None:
    async def story() -> None:
        stormy, fair = world.merchant(always(weather)), world.merchant()
        try:
            await stormy.execute(ORDER, await quoted(stormy))
        except OutcomeUnknown:
            await fair.execute(ORDER, await quoted(fair))
        (deed,) = world.deeds()
        await world.later(LONG_S)
        assert await fair.status(NAME) == executed(deed)

    world.run(story())
    assert len(world.deeds()) == 1


def test_l15_what_was_done_is_known_after_the_platform_was_killed(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        done = await merchant.execute(ORDER, await quoted(merchant))
        after = world.merchant()
        assert await after.status(NAME) == done
        assert await after.execute(ORDER, await quoted(after)) == done
        assert after.stock("BTC") == merchant.stock("BTC") == Fraction("97.5")
        assert after.stock("USD") == 5_000_000 + Fraction("2.5") * Fraction(ASK)

    world.run(story())


def test_l15_a_record_torn_by_the_kill_never_happened(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def story() -> None:
        merchant = world.merchant()
        await merchant.execute(ORDER, await quoted(merchant))
        with (tmp_path / "acme.jsonl").open("ab") as file:
            file.write(b'{"reference":"main:8","at_us":1,"kno')
        after = world.merchant()
        assert await after.status("main:8") == UnknownReference()
        await after.execute(replace(ORDER, reference="main:8"), await quoted(after))
        assert isinstance(await world.merchant().status("main:8"), Executed)
        assert isinstance(await world.merchant().status(NAME), Executed)

    world.run(story())
    world.close()


def test_l16_one_who_is_empty_refuses(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(terms=POOR)
        order = replace(ORDER, quantity="0.999", quantity_step="0.001")
        await merchant.execute(order, await quoted(merchant, order))
        assert await merchant.quote(asking()) == Refused(EMPTY)
        assert isinstance(await merchant.quote(asking(SELL)), Quote)

    world.run(story())


def test_l16_he_never_gives_what_he_has_not_got_nor_takes_what_has_no_room(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant(terms=POOR)
        for order in (ORDER, SELL):
            order = replace(order, quantity="0.4")
            quotes = [await quoted(merchant, order) for _ in range(9)]
            for number, quote in enumerate(quotes):
                await merchant.execute(replace(order, reference=f"{order.side}:{number}"), quote)
                assert 0 <= merchant.stock("BTC") <= 2
                assert 0 <= merchant.stock("USD") <= 100_000

    world.run(story())
    assert len(world.deeds()) > 6


def test_l16_his_prices_follow_what_he_has(world: World) -> None:
    async def story() -> None:
        merchant = world.merchant()
        before = await quoted(merchant)
        much = replace(ORDER, quantity="50")
        await merchant.execute(much, await quoted(merchant, much))
        after, back = await quoted(merchant), await quoted(merchant, SELL)
        assert (before.price, after.price, back.price) == (ASK, "50075", "49975")

    world.run(story())


def test_an_asset_without_a_price_is_not_traded(world: World) -> None:
    request = replace(asking(), base="XYZ")
    assert world.run(world.merchant().quote(request)) == Refused(UNKNOWN_PAIR)


@pytest.mark.parametrize("weather", [FAIR, HARSH])
def test_l17_the_same_seed_makes_the_same_day(weather: MerchantWeather) -> None:
    async def day(world: World) -> list[object]:
        merchant = world.merchant(weather, seed=5)
        told: list[object] = []
        for number in range(60):
            try:
                quote = await quoted(merchant)
                order = replace(ORDER, reference=f"main:{number}", quantity="0.5")
                told.append(await merchant.execute(order, quote))
            except Outage as outage:
                told.append(repr(outage))
        await merchant.stop()
        return told

    one, other = World(), World()
    assert one.run(day(one)) == other.run(day(other))
    assert one.deeds() == other.deeds()
