"""Does a member hold what it approved?"""

from __future__ import annotations

import hashlib
from pathlib import Path

from nostro.adapters.members.body_store import BodyStore


def named(data: bytes) -> tuple[str, bytes]:
    return hashlib.sha256(b"body of " + data).hexdigest(), data


BODIES = [named(bytes([number]) * 100) for number in range(10)]


def test_a_body_is_held_after_the_process_has_ended(tmp_path: Path) -> None:
    store = BodyStore(tmp_path)
    for name, data in BODIES:
        assert name not in store
        store.put(name, data)
        store.put(name, data)
    store.close()
    again = BodyStore(tmp_path)
    assert [again.get(name) for name, _ in BODIES] == [data for _, data in BODIES]
    assert again.get("00" * 32) is None
    again.close()


def test_a_body_torn_at_any_place_is_not_held_and_the_others_are(tmp_path: Path) -> None:
    store = BodyStore(tmp_path)
    store.put(*BODIES[0])
    (file,) = tmp_path.glob("*.bodies")
    whole = file.stat().st_size
    store.put(*BODIES[1])
    store.close()
    data = file.read_bytes()
    for end in range(whole, len(data)):
        file.write_bytes(data[:end])
        again = BodyStore(tmp_path)
        assert BODIES[0][0] in again
        assert BODIES[1][0] not in again
        again.put(*BODIES[2])
        assert again.get(BODIES[2][0]) == BODIES[2][1]
        again.close()


def test_the_newest_bodies_are_kept_when_a_segment_is_full(tmp_path: Path) -> None:
    store = BodyStore(tmp_path, segment_bytes_max=400)
    for name, data in BODIES:
        store.put(name, data)
    assert len(list(tmp_path.glob("*.bodies"))) == 2
    held = [number for number, (name, _) in enumerate(BODIES) if name in store]
    assert held == list(range(held[0], 10))
    assert len(held) >= 2
    store.close()
    again = BodyStore(tmp_path, segment_bytes_max=400)
    assert [number for number, (name, _) in enumerate(BODIES) if name in again] == held
    again.close()
