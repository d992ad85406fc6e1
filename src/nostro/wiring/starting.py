"""How is an engine started where a predecessor may still hold its chain?"""

from __future__ import annotations

import asyncio

from nostro.runtime.engine import Engine
from nostro.runtime.ports import Outage

START_PATIENCE_S = 20.0
"""A predecessor whose parent was killed still stops in order, and holds the chain until then."""
START_PAUSE_S = 0.1


async def start_patiently(engine: Engine) -> None:
    """Recover and run; raises an Outage when the journal cannot be opened in good time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_PATIENCE_S
    while True:
        try:
            await engine.start()
            return
        except Outage:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(START_PAUSE_S)
