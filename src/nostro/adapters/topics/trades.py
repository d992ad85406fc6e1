"""How do trades of a topic become settlements, each once, whatever a message says?

Exactly once by the trade id: an instruction that comes again changes nothing. A message that cannot
be read, or is refused, goes to another topic with the reason, and blocks no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog

from nostro.adapters.topics.port import MESSAGES_MAX, Message, Places, Received, Topic
from nostro.adapters.topics.trade_event import read_trade
from nostro.kernel.asset import Asset
from nostro.kernel.codec import content_hash
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.runtime.ports import Clock, Outage
from nostro.settlement import InstructSettlements, NewSettlement

READER = "trade-events"
ACTOR = "topic"
LOOK_S = 5.0
PAUSE_S = 1.0
"""Before trying again what an outage stopped."""
LETTER_VALUE_MAX = 65_536
"""Bytes of a message that its dead letter repeats: a letter must not be too large for its topic."""

log = structlog.get_logger(__name__)
Submit = Callable[[str, Command, str], Awaitable[Receipt]]
"""Submits a command: key, command, actor; returns its durable receipt."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was not taken, with the reason: a code, and facts. `value`: as it was read, in
    Base64; of a long one only the beginning, the whole is at its place."""

    event_id: str
    place: str
    code: str
    facts: dict[str, Any]
    value: bytes


class TradeEvents:
    """Takes trades from a topic. Run it in one process; a second one does no harm."""

    def __init__(
        self,
        topic: Topic,
        *,
        dead_letters: Topic,
        places: Places,
        submit: Submit,
        asset: Callable[[str], Awaitable[Asset]],
        clock: Clock,
    ) -> None:
        """`asset` returns an asset by code; raises Rejection `asset.unknown`, or an Outage."""
        self._topic = topic
        self._dead_letters = dead_letters
        self._places = places
        self._submit = submit
        self._asset = asset
        self._clock = clock
        self.taken = 0
        self.refused = 0

    async def run(self) -> None:
        """Take what comes until cancelled; outages are waited out."""
        while True:
            try:
                place = await self._places.of(READER)
                while True:
                    place = await self._take(place)
            except Outage as outage:
                log.warning("trade_events_outage", why=str(outage))
            except Exception:
                log.exception("trade_events_failed")
            await self._clock.sleep(PAUSE_S)

    async def _take(self, place: str) -> str:
        """Take one page, or wait for one; return the place behind it."""
        received = await self._topic.read(after=place, limit=MESSAGES_MAX)
        if not received:
            await self._topic.changed(after=place, timeout_s=LOOK_S)
            return place
        dead: list[DeadLetter] = []
        wanted: list[tuple[Received, NewSettlement]] = []
        for each in received:
            try:
                wanted.append((each, await self._instruction(each.message.value)))
            except Rejection as no:
                dead.append(_dead(each, no.code, dict(no.facts)))
        dead += await self._instruct(wanted)
        if dead:
            await self._dead_letters.publish([_message(each) for each in dead])
            log.warning("trade_events_refused", count=len(dead), first=dead[0].code)
        await self._places.move(READER, received[-1].place)
        self.taken += len(received) - len(dead)
        self.refused += len(dead)
        return received[-1].place

    async def _instruction(self, value: bytes) -> NewSettlement:
        trade = read_trade(value)
        security, cash = trade.assets
        return trade.instruction(await self._asset(security), await self._asset(cash))

    async def _instruct(self, wanted: Sequence[tuple[Received, NewSettlement]]) -> list[DeadLetter]:
        """Instruct all of a page in one row; return what was refused."""
        if not wanted:
            return []
        command = InstructSettlements(settlements=[instruction for _, instruction in wanted])
        # A page that is read again may end elsewhere: the key says what the command says.
        key = f"{READER}:{wanted[0][0].message.id}:{content_hash(command).hex()[:16]}"
        reply = (await self._submit(key, command, ACTOR)).reply
        if reply.code:
            return [_dead(each, reply.code, dict(reply.facts)) for each, _ in wanted]
        return [
            _dead(each, result["code"], result["facts"])
            for (each, _), result in zip(wanted, reply.body["results"], strict=True)
            if "code" in result
        ]


def _dead(received: Received, code: str, facts: dict[str, Any]) -> DeadLetter:
    return DeadLetter(
        event_id=received.message.id,
        place=received.place,
        code=code,
        facts=facts,
        value=received.message.value[:LETTER_VALUE_MAX],
    )


def _message(letter: DeadLetter) -> Message:
    return Message(letter.event_id, letter.event_id, msgspec.json.encode(letter))
