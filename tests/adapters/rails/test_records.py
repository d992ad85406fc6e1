"""Does the simulated rail know its payouts, whoever else writes in its books and whatever fails?"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nostro.adapters.rails.port import Payout
from nostro.adapters.rails.records import FileRecords, Record
from nostro.runtime.ports import NotDone


def record(reference: str, destination: str = "bank") -> Record:
    payout = Payout(reference=reference, asset="EUR", amount_minor=1, destination=destination)
    return Record(payout, 1)


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_what_a_predecessor_wrote_after_the_books_were_opened_is_known(tmp_path: Path) -> None:
    leaving, new = (FileRecords(tmp_path / "rail") for _ in range(2))
    leaving.add(record("a"))
    assert new.find("a") == record("a")
    new.add(record("b"))
    assert leaving.find("b") == record("b")
    assert leaving.find("c") is None
    leaving.close()
    new.close()


def test_a_record_that_does_not_fit_on_the_disk_was_never_taken(tmp_path: Path) -> None:
    path = tmp_path / "rail"
    records = FileRecords(path)
    records.add(record("a"))
    size = path.stat().st_size
    with files_end_at(size + 10), pytest.raises(NotDone):
        records.add(record("b"))
    assert records.find("b") is None
    assert path.stat().st_size == size
    with files_end_at(size), pytest.raises(NotDone):
        records.add(record("b"))
    records.add(record("c"))
    records.close()
    again = FileRecords(path)
    assert [again.find(name) is not None for name in "abc"] == [True, False, True]
    again.close()


def test_a_torn_last_line_is_cut_off_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "rail"
    records = FileRecords(path)
    records.add(record("a"))
    os.write(records._file, b'{"payout":')
    records.close()
    again = FileRecords(path)
    again.add(record("b"))
    again.close()
    last = FileRecords(path)
    assert [last.find(name) is not None for name in "ab"] == [True, True]
    last.close()
