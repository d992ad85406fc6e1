"""How does an engine take a chain over from a predecessor that is still leaving?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nostro.adapters.postgres.journal import PostgresJournal
from nostro.runtime.engine import EngineState
from nostro.runtime.ports import NotDone
from nostro.wiring import engine as wiring, starting as patience
from nostro.wiring.settings import load_settings


async def test_an_engine_waits_for_the_lease_of_one_that_is_leaving(
    wheel_postgres: str, tmp_path: Path
) -> None:
    leaving = PostgresJournal(wheel_postgres)
    await leaving.open()
    room = wiring.EngineRoom(load_settings(data_dir=tmp_path), wheel_postgres)
    starting = asyncio.create_task(room.start())
    await asyncio.sleep(0.3)  # sleeps: it must still be waiting by then
    assert not starting.done()
    await leaving.close()
    await asyncio.wait_for(starting, 10)
    assert room.engine.state is EngineState.RUNNING
    await room.stop()


async def test_an_engine_does_not_wait_for_ever(
    wheel_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "START_PATIENCE_S", 0.2)
    staying = PostgresJournal(wheel_postgres)
    await staying.open()
    room = wiring.EngineRoom(load_settings(data_dir=tmp_path), wheel_postgres)
    with pytest.raises(NotDone, match="another process is the writer"):
        await asyncio.wait_for(room.start(), 10)
    await staying.close()
