"""What becomes of a message on the topic of trades: good, bad, twice, or in the middle of a
crash?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg_pool import AsyncConnectionPool

from nostro.adapters import topics
from nostro.adapters.memory.ordered_log import MemoryOrderedLog, MemoryTape
from nostro.adapters.topics.log import LogTopic
from nostro.adapters.topics.places import MemoryPlaces, PostgresPlaces
from nostro.adapters.topics.port import BEGINNING, Message, Places
from nostro.adapters.topics.relay import SettlementEvents, Telling
from nostro.adapters.topics.trade_event import TradeEvent, read_trade
from nostro.adapters.topics.trades import LETTER_VALUE_MAX, DeadLetter, TradeEvents
from nostro.kernel.asset import Asset, seeded
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt, Reply
from nostro.runtime.ending import ended
from nostro.runtime.ports import NotDone, OutcomeUnknown
from nostro.settlement import Cycle, InstructSettlements, NewSettlement
from nostro.simulation.loop import LoopClock, SeededLoop
from tests import databases
from tests.runtime.desk import in_virtual_time

SCHEMA = Path(topics.__file__).parent / "schemas" / "trade-event.v1.json"
TRADE: dict[str, Any] = {
    "schema_version": 1,
    "event_id": "e1",
    "event_type": "trade.executed",
    "trade_id": "T-1",
    "seller_account_id": "ann",
    "buyer_account_id": "bob",
    "symbol": "AAPL/USDC",
    "quantity": "50",
    "amount": "7524.00",
}


def trade(number: int, **change: Any) -> Message:
    told = {**TRADE, "event_id": f"e{number}", "trade_id": f"T-{number}", **change}
    return Message(f"e{number}", f"T-{number}", json.dumps(told).encode())


async def asset(code: str) -> Asset:
    return Asset("AAPL", 0) if code == "AAPL" else seeded(code)


class Stage:
    """A topic, its reader, and an engine of which only the way in is there. `fates`: what the next
    submits raise, before (NotDone) or after (OutcomeUnknown) they are done."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self.clock = LoopClock(loop, 0.0)
        self.topic = LogTopic(MemoryOrderedLog(MemoryTape()))
        self.dead = LogTopic(MemoryOrderedLog(MemoryTape()))
        self.places = MemoryPlaces()
        self.fates: list[Exception] = []
        self.keys: list[str] = []
        self.instructed: dict[str, NewSettlement] = {}

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[TradeEvents]:
        reader = TradeEvents(
            self.topic,
            dead_letters=self.dead,
            places=self.places,
            submit=self._submit,
            asset=asset,
            clock=self.clock,
        )
        task = asyncio.create_task(reader.run())
        yield reader
        await ended([task])

    async def _submit(self, key: str, command: Command, actor: str) -> Receipt:
        assert isinstance(command, InstructSettlements)
        fate = self.fates.pop(0) if self.fates else None
        if isinstance(fate, NotDone):
            raise fate
        self.keys.append(key)
        results = [self._result(each) for each in command.settlements]
        if fate is not None:
            raise fate
        return Receipt(1, 1, False, Reply(body={"results": results}))

    def _result(self, new: NewSettlement) -> dict[str, Any]:
        if new.seller == new.buyer:
            return {"trade_id": new.trade_id, "code": "settlement.same_party", "facts": {}}
        first = self.instructed.setdefault(new.trade_id, new)
        if first != new:
            return {"trade_id": new.trade_id, "code": "settlement.trade_exists", "facts": {}}
        return {"trade_id": new.trade_id, "settlement": len(self.instructed)}

    async def letters(self) -> list[DeadLetter]:
        return [
            msgspec.json.decode(each.message.value, type=DeadLetter)
            for each in await self.dead.read(after=BEGINNING)
        ]


async def pass_time(seconds: float = 1.0) -> None:
    await asyncio.sleep(seconds)  # sleeps: in virtual time


@in_virtual_time
async def test_trades_are_instructed_together_in_minor_units() -> None:
    stage = Stage()
    await stage.topic.publish([trade(1), trade(2, settlement_cycle="t2", amount="0.000001")])
    async with stage.reading() as reader:
        await pass_time()
        first, second = stage.instructed.values()
        assert (first.quantity_minor, first.amount_minor) == (50, 7_524_000_000)
        assert (first.origin, first.cycle) == ("topic", Cycle.INSTANT)
        assert (second.amount_minor, second.cycle) == (1, Cycle.T2)
        assert len(stage.keys) == 1
        assert (reader.taken, reader.refused) == (2, 0)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"not json", "topic.not_a_trade"),
        (b"\xff\xfe", "topic.not_a_trade"),
        (b'{"x":' + b"[" * 10_000, "topic.not_a_trade"),
        (json.dumps({**TRADE, "schema_version": 2}).encode(), "topic.not_a_trade"),
        (json.dumps({**TRADE, "quantity": 50}).encode(), "topic.not_a_trade"),
        (json.dumps({**TRADE, "symbol": "AAPL"}).encode(), "topic.not_a_trade"),
        (json.dumps({**TRADE, "amount": "0.0000001"}).encode(), "money.too_many_decimals"),
        (json.dumps({**TRADE, "symbol": "AAPL/NOPE"}).encode(), "asset.unknown"),
        (json.dumps({**TRADE, "buyer_account_id": "ann"}).encode(), "settlement.same_party"),
    ],
)
@in_virtual_time
async def test_a_bad_message_is_put_aside_with_the_reason_and_blocks_no_other(
    value: bytes, code: str
) -> None:
    stage = Stage()
    await stage.topic.publish([trade(7), Message("bad", "bad", value), trade(8)])
    async with stage.reading():
        await pass_time()
    assert set(stage.instructed) == {"T-7", "T-8"}
    (letter,) = await stage.letters()
    assert (letter.event_id, letter.code, letter.value) == ("bad", code, value)


@in_virtual_time
async def test_a_bad_message_of_any_size_is_put_aside_with_its_beginning() -> None:
    stage = Stage()
    padded = {**TRADE, "quantity": 50, "settlement_cycle": "x" * 500_000, "venue": "x" * 500_000}
    for name, told in (("long", padded), ("wordy", {**padded, "quantity": "50"})):
        await stage.topic.publish([Message(name, name, json.dumps(told).encode())])
    await stage.topic.publish([trade(8)])
    async with stage.reading():
        await pass_time()
    assert set(stage.instructed) == {"T-8"}
    letters = await stage.letters()
    assert [each.event_id for each in letters] == ["long", "wordy"]
    assert {len(each.value) for each in letters} == {LETTER_VALUE_MAX}


@in_virtual_time
async def test_a_trade_that_comes_again_with_other_content_is_put_aside() -> None:
    stage = Stage()
    again = msgspec.structs.replace(trade(1), id="e1-again")
    other = msgspec.structs.replace(trade(1, quantity="51"), id="e1-other")
    await stage.topic.publish([trade(1), again, other])
    async with stage.reading():
        await pass_time()
    assert [each.event_id for each in await stage.letters()] == ["e1-other"]
    assert len(stage.instructed) == 1


@pytest.mark.parametrize("fate", [NotDone("down"), OutcomeUnknown("no answer")])
@in_virtual_time
async def test_an_engine_that_does_not_answer_is_asked_again(fate: Exception) -> None:
    stage = Stage()
    stage.fates = [fate, fate, fate]
    await stage.topic.publish([trade(1)])
    async with stage.reading() as reader:
        await pass_time(30)
        assert reader.taken == 1
    assert set(stage.instructed) == {"T-1"}
    assert len(set(stage.keys)) == 1


@in_virtual_time
async def test_a_reader_goes_on_where_its_predecessor_was_and_repeats_do_no_harm() -> None:
    stage = Stage()
    await stage.topic.publish([trade(number) for number in range(100)])
    await stage.topic.publish([trade(number) for number in range(100, 150)])
    async with stage.reading():
        await pass_time()
    async with stage.reading() as second:
        await stage.topic.publish([trade(900)])
        await pass_time()
        assert second.taken == 1
    stage.places.places.clear()  # its place was lost: everything comes again
    async with stage.reading() as third:
        await pass_time()
        assert third.taken == 151
    assert len(stage.instructed) == 151
    assert await stage.letters() == []


def test_the_schema_that_is_checked_in_is_what_is_read() -> None:
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    assert json.loads(SCHEMA.read_text()) == {**told, **msgspec.json.schema(TradeEvent)}


def test_a_field_that_is_not_known_is_not_looked_at() -> None:
    assert read_trade(json.dumps({**TRADE, "venue": "X"}).encode()).trade_id == "T-1"


# -- the relay ------------------------------------------------------------------------------------


class Told:
    """What was told so far; `outages`: how many of the next questions fail."""

    def __init__(self) -> None:
        self.told: list[Telling] = []
        self.outages = 0

    def tell(self, settlement: int) -> None:
        seq = (len(self.told) + 1) << 20
        value = b"%d" % len(self.told)
        self.told.append(Telling(seq, Message(f"main.{seq}.0", f"S{settlement}", value)))

    async def after(self, seq: int, limit: int) -> list[Telling]:
        if self.outages:
            self.outages -= 1
            raise NotDone("scripted: away")
        return [each for each in self.told if each.seq > seq][:limit]


@in_virtual_time
async def test_everything_that_is_told_is_published_in_order_through_outages_and_restarts() -> None:
    stage, told = Stage(), Told()
    for number in range(250):
        told.tell(number % 7)

    async def relay_for(seconds: float) -> None:
        relay = SettlementEvents(
            stage.topic, places=stage.places, source=told.after, clock=stage.clock
        )
        task = asyncio.create_task(relay.run())
        await pass_time(seconds)
        await ended([task])

    told.outages = 3
    await relay_for(10)
    told.tell(3)
    await relay_for(1)
    stage.places.places.clear()
    await relay_for(1)
    published: list[Message] = []
    place = BEGINNING
    while page := await stage.topic.read(after=place):
        published += [each.message for each in page]
        place = page[-1].place
    assert published == [each.message for each in told.told]


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", *databases.NAMES])
async def test_a_place_is_remembered_for_each_reader(
    kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "memory":
        await _remembers(MemoryPlaces())
        return
    fresh_database: Callable[[str], str] = request.getfixturevalue("fresh_database")
    url = databases.as_role(fresh_database(kind), "nostro_engine")
    async with AsyncConnectionPool(url, min_size=1, open=False) as pool:
        await _remembers(PostgresPlaces(pool, "main"))
        assert await PostgresPlaces(pool, "other").of("a") == BEGINNING


async def _remembers(places: Places) -> None:
    assert await places.of("a") == BEGINNING
    await places.move("a", "1")
    await places.move("b", "7")
    await places.move("a", "2")
    assert (await places.of("a"), await places.of("b")) == ("2", "7")


async def test_a_database_that_is_not_there_is_an_outage() -> None:
    url = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"
    async with AsyncConnectionPool(url, min_size=0, max_size=1, open=False, timeout=0.2) as pool:
        with pytest.raises(NotDone):
            await PostgresPlaces(pool).of("a")
        with pytest.raises(NotDone):
            await PostgresPlaces(pool).move("a", "1")


def test_a_rejection_of_the_topic_says_what_was_wrong() -> None:
    with pytest.raises(Rejection, match=r"topic\.not_a_trade"):
        read_trade(b"{}")
