"""How does a topic learn what becomes of settlements: all of it, in order, at least once?

From the views, which tell it in the order of the journal and under the same ids however often they
are built. The place of the last message is remembered after it was published, so after a crash some
are published again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from nostro.adapters.postgres.dvp_queries import DvpQueries
from nostro.adapters.settlement_messages import encoded
from nostro.adapters.topics.port import MESSAGES_MAX, Message, Places, Topic
from nostro.runtime.ports import Clock, Outage

READER = "settlement-events"
PAUSE_S = 0.1
"""Between two looks in vain."""
OUTAGE_PAUSE_S = 1.0

log = structlog.get_logger(__name__)


class Telling(msgspec.Struct, frozen=True):
    """A message to publish. `seq`: where it stands in the order of all that is told."""

    seq: int
    message: Message


Source = Callable[[int, int], Awaitable[Sequence[Telling]]]
"""Returns what is told after a `seq`, so many at most, in order; raises an Outage."""


class SettlementEvents:
    """Publishes what is told of settlements. Run it in one process; a second one does no harm."""

    def __init__(self, topic: Topic, *, places: Places, source: Source, clock: Clock) -> None:
        self._topic = topic
        self._places = places
        self._source = source
        self._clock = clock
        self.published = 0

    async def run(self) -> None:
        """Publish until cancelled; outages are waited out."""
        while True:
            pause_s = OUTAGE_PAUSE_S
            try:
                seq = int(await self._places.of(READER) or 0)
                while True:
                    told = await self._source(seq, MESSAGES_MAX)
                    if not told:
                        pause_s = PAUSE_S
                        break
                    await self._topic.publish([each.message for each in told])
                    seq = told[-1].seq
                    await self._places.move(READER, str(seq))
                    self.published += len(told)
            except Outage as outage:
                log.warning("settlement_events_outage", why=str(outage))
            except Exception:
                log.exception("settlement_events_failed")
            await self._clock.sleep(pause_s)


def told_by(views: DvpQueries) -> Source:
    """Return what the views tell, each message with its settlement's id as its key."""

    async def source(seq: int, limit: int) -> Sequence[Telling]:
        told = await views.told_after(seq, limit=limit)
        scales = await views.scales(told) if told else {}
        return [
            Telling(
                each.seq,
                Message(each.event.event_id, each.event.settlement_id, encoded(each, scales)),
            )
            for each in told
        ]

    return source
