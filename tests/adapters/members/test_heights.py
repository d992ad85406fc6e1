"""Does a member lose nothing, and hold back nothing, when one height follows another?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nostro.adapters.members.names import request_items
from nostro.adapters.memory.ordered_log import MemoryOrderedLog, MemoryTape
from nostro.consensus import ProposeBatch, RecordCertificate, decode_lock
from nostro.kernel.codec import content_hash
from tests.adapters.members.town import CYCLE, effect_of, members_on, performer_on

PATIENCE_S = 20


def again(number: int) -> ProposeBatch:
    """Return a batch with the payments of batch 1, which members refuse once that is certified."""
    first = effect_of(1).body.replace(f'"{CYCLE}.1",1,', f'"{CYCLE}.{number}",{number},')
    return ProposeBatch(cycle_id=CYCLE, batch_id=f"{CYCLE}.{number}", body=first)


async def test_after_a_refusal_the_same_height_is_certified_and_shown(tmp_path: Path) -> None:
    log = MemoryOrderedLog(MemoryTape())
    async with members_on(log, tmp_path):
        performer = performer_on(log, tmp_path)
        told: list[RecordCertificate] = []
        for effect in (effect_of(1), again(2), effect_of(3)):
            outcomes = await asyncio.wait_for(performer.perform(effect, "main:1:0"), PATIENCE_S)
            key, command = outcomes[-1]
            assert isinstance(command, RecordCertificate)
            assert key.endswith(content_hash(command).hex()[:32])
            told.append(command)
    assert [(each.height, each.rejected) for each in told] == [(1, False), (2, True), (2, False)]


async def test_what_was_signed_at_a_height_is_out_before_the_lock_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A death between the lock of one height and the signatures of the one before would lose these
    for ever: a lock remembers what was signed at one height only."""
    tape = MemoryTape()
    log = MemoryOrderedLog(tape)
    for number in (1, 2, 3):
        effect = effect_of(number)
        await log.append(request_items(cycle_id=CYCLE, batch_id=effect.batch_id, body=effect.body))
    async with members_on(log, tmp_path, count=1) as members:
        saved: list[int] = []
        home = members._homes[0]
        save = home.lock.save

        def noted(state: bytes) -> None:
            last = decode_lock(state).last
            assert last is not None
            saved.append(last.height)
            for height in range(1, last.height):
                out = [key for key in tape.positions if key.startswith("precommit/")]
                assert any(f"/{height:020}/" in key for key in out), (height, out)
            save(state)

        monkeypatch.setattr(home.lock, "save", noted)
        performer = performer_on(log, tmp_path)
        await asyncio.wait_for(performer.perform(effect_of(3), "main:1:0"), PATIENCE_S)
    assert max(saved) >= 3
