"""What time is it really?"""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The clock of the machine, in UTC."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return time.time_ns() // 1_000

    async def sleep(self, seconds: float) -> None:
        """Return after a while."""
        await asyncio.sleep(seconds)
