"""Does one process of the platform keep another running, and never leave it behind?"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from nostro.runtime.ports import NotDone
from nostro.wiring.processes import Child, keep_alive

STRANGE = "tests.wiring.strange_child"
PATIENCE_S = 30


def strange(name: str, **order: Any) -> Child:
    return Child(name=name, module=STRANGE, order=order)


async def test_a_child_that_says_something_else_when_ready_is_ended_and_told() -> None:
    child = strange("babbler")
    with pytest.raises(NotDone, match="babbler"):
        await child.start()
    assert await asyncio.wait_for(child.ended(), PATIENCE_S) != 0


async def test_a_child_that_cannot_be_started_at_all_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(NotDone, match="mayfly"):
        await strange("mayfly").start()


async def test_a_child_is_started_again_even_after_a_start_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child = strange("mayfly")
    await child.start()
    real, again = sys.executable, asyncio.Event()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    watching = asyncio.create_task(keep_alive(child, on_restart=lambda _: again.set()))
    await asyncio.sleep(0.5)  # sleeps: it fails to start meanwhile
    assert not watching.done()
    monkeypatch.setattr(sys, "executable", real)
    await asyncio.wait_for(again.wait(), PATIENCE_S)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await child.stop()


async def test_a_child_that_talks_on_is_not_held_up() -> None:
    child = strange("talker", lines=10_000)  # ten megabytes: more than any pipe takes
    assert (await child.start())["name"] == "talker"
    assert await asyncio.wait_for(child.ended(), PATIENCE_S) == 0


def test_a_follower_whose_parent_was_gone_before_it_looked_ends_by_itself() -> None:
    order = {
        "stores": {"engine": "", "follower": "postgresql://nowhere", "reader": ""},
        "settings": {"log_level": "error"},
        "parent_pid": os.getppid(),  # somebody, but not its parent
    }
    ended = subprocess.run(
        [sys.executable, "-m", "nostro.wiring.children", "follower"],
        input=json.dumps(order) + "\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
