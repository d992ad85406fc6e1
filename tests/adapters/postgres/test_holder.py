"""Does a data directory belong to one process at a time, and to nobody once that is gone?"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from nostro.adapters.postgres.faults import DataDirectoryHeld
from nostro.adapters.postgres.holder import LOCK_NAME, DirectoryLock, holder_of


def test_a_held_directory_names_its_holder_and_a_released_one_nobody(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    assert holder_of(tmp_path) is None
    lock.acquire()
    lock.acquire()  # taking what one has changes nothing
    holder = holder_of(tmp_path)
    assert holder is not None
    assert holder.pid == os.getpid()
    with pytest.raises(DataDirectoryHeld, match=f"process {os.getpid()}"):
        DirectoryLock(tmp_path).acquire()
    lock.release()
    assert holder_of(tmp_path) is None
    assert not lock.held


def test_a_lock_without_a_name_is_still_a_lock(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    (tmp_path / LOCK_NAME).write_bytes(b"")
    with pytest.raises(DataDirectoryHeld, match="just starting"):
        DirectoryLock(tmp_path).acquire()
    assert holder_of(tmp_path) is not None
    lock.release()


def test_a_forked_child_does_not_keep_the_directory_of_its_parent(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    waiting, told = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads; none matters
        child = os.fork()
    if child == 0:
        os.close(told)
        os.read(waiting, 1)  # until the parent closes its end
        os._exit(0)
    os.close(waiting)
    try:
        assert holder_of(tmp_path) is not None
        lock.release()
        DirectoryLock(tmp_path).acquire()
    finally:
        os.close(told)
        os.waitpid(child, 0)
