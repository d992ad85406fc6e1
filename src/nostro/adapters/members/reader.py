"""How do several members in one process read the log once?

The reader passes on every item, in order, to everyone who listens; what an item is worth, each
listener finds out by itself: names and signatures are checked by whoever acts on them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import structlog

from nostro.runtime.ordered_log import ITEMS_MAX, LogItem, OrderedLog
from nostro.runtime.ports import Clock, NotDone

WAIT_S = 1.0
"""How long one wait for a wake-up may last; then the log is looked at in any case."""
OUTAGE_PAUSE_S = 0.1

log = structlog.get_logger(__name__)

Listener = Callable[[LogItem], None]


class LogReader:
    """Reads one log from a position on, for ever, for all its listeners."""

    def __init__(self, ordered_log: OrderedLog, *, clock: Clock, after: int = 0) -> None:
        self._log = ordered_log
        self._clock = clock
        self._listeners: list[tuple[int, Listener]] = []
        self.position = after
        """The last position that was passed on."""

    def listen(self, listener: Listener, *, after: int = 0) -> None:
        """Pass on to somebody what stands beyond a position; called before `run`."""
        self._listeners.append((after, listener))

    async def run(self) -> None:
        """Read on until cancelled; an outage is waited out."""
        while True:
            try:
                await self.step()
            except NotDone as outage:
                log.debug("ordered_log_unreadable", why=str(outage))
                await self._clock.sleep(OUTAGE_PAUSE_S)

    async def step(self) -> None:
        """Pass on the next page, or wait for a wake-up when there is none. Raises NotDone."""
        page = await self._log.read(after=self.position, limit=ITEMS_MAX)
        for item in page:
            self.position = item.position
            for after, listener in self._listeners:
                if item.position > after:
                    listener(item)
        if not page:
            with contextlib.suppress(NotDone):
                await self._log.changed(after=self.position, timeout_s=WAIT_S)
