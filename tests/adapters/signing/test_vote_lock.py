"""Does a member still know what it signed, whatever ended its process?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nostro.adapters.signing.private_file import FileExposed
from nostro.adapters.signing.vote_lock import (
    SLOT_BYTES,
    STATE_BYTES_MAX,
    LockHeld,
    LockUnreadable,
    VoteLockFile,
    make_vote_lock,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_vote_lock(tmp_path / "lock")
    return tmp_path / "lock"


def saved(path: Path, *states: bytes) -> bytes:
    lock = VoteLockFile(path)
    for state in states:
        lock.save(state)
    lock.close()
    again = VoteLockFile(path)
    again.close()
    return again.state


def test_what_was_saved_last_is_known_after_every_save(path: Path) -> None:
    assert saved(path) == b""
    for number in range(5):
        assert saved(path, b"state %d" % number) == b"state %d" % number
    assert saved(path, b"x" * STATE_BYTES_MAX, b"short") == b"short"
    assert path.stat().st_size == 2 * SLOT_BYTES


def test_a_write_torn_at_any_place_leaves_what_was_saved_before(path: Path) -> None:
    saved(path, b"one", b"two")
    before = path.read_bytes()
    saved(path, b"three, which is longer")
    after = path.read_bytes()
    changed = [place for place in range(len(after)) if before[place] != after[place]]
    for place in range(changed[0], changed[-1] + 1):
        path.write_bytes(after[:place] + before[place:])
        assert saved(path) == b"two"
    path.write_bytes(after)
    assert saved(path) == b"three, which is longer"


def test_a_lock_whose_both_slots_are_damaged_is_not_taken_for_an_empty_one(path: Path) -> None:
    saved(path, b"one", b"two")
    path.write_bytes(bytes(2 * SLOT_BYTES))
    with pytest.raises(LockUnreadable, match="rotate"):
        VoteLockFile(path)


def test_a_missing_lock_is_never_made_anew_beside_a_key(tmp_path: Path) -> None:
    with pytest.raises(LockUnreadable, match="missing"):
        VoteLockFile(tmp_path / "lock")
    assert not (tmp_path / "lock").exists()


def test_an_existing_lock_is_never_replaced_by_an_empty_one(path: Path) -> None:
    saved(path, b"one")
    with pytest.raises(FileExistsError):
        make_vote_lock(path)
    assert saved(path) == b"one"


def test_only_one_process_votes_for_a_member(path: Path) -> None:
    lock = VoteLockFile(path)
    with pytest.raises(LockHeld):
        VoteLockFile(path)
    lock.close()
    VoteLockFile(path).close()


def test_a_lock_that_others_can_write_is_refused(path: Path) -> None:
    path.chmod(0o660)
    with pytest.raises(FileExposed):
        VoteLockFile(path)


def test_a_state_beyond_the_slot_is_refused_and_the_last_one_stays(path: Path) -> None:
    lock = VoteLockFile(path)
    lock.save(b"one")
    with pytest.raises(ValueError, match="at most"):
        lock.save(bytes(STATE_BYTES_MAX + 1))
    assert lock.state == b"one"
    lock.close()


WRITER = """
import sys
from pathlib import Path
from nostro.adapters.signing.vote_lock import VoteLockFile
lock = VoteLockFile(Path(sys.argv[1]))
for number in range(int(lock.state or b"0") + 1, 10**9):
    lock.save(b"%d" % number)
    print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_saved(path: Path) -> None:
    last = 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=environment
        )
        assert writer.stdout is not None
        with writer.stdout:
            for _ in range(50):
                last = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            for line in writer.stdout:
                last = int(line) if line.endswith(b"\n") else last
        writer.wait()
        lock = VoteLockFile(path)
        assert int(lock.state) in (last, last + 1)
        lock.close()
