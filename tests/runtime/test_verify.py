"""Does an audit name the first row that is not what it was?"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from nostro.kernel.messages import Tick
from nostro.runtime.ports import Entry, Snapshot, entry_hash
from nostro.runtime.snapshots import encode_snapshot
from nostro.runtime.verify import ChainCheck, Contradiction, End, ReplayCheck, Report, audit
from nostro.wiring.rooms import make_house
from tests.adapters.postgres.chronicle import Chronicle, random_history

ROWS = 20


@pytest.fixture(scope="module")
def chronicle() -> Chronicle:
    """A sound journal of some rows."""
    chronicle = Chronicle()
    random_history(chronicle, random.Random(1), rows=ROWS, per_row=5)
    return chronicle


def audited(entries: Sequence[Entry], end: End | None, *more: Any) -> Report:
    """Audit the chain of these rows."""
    decode = make_house().codec.decode_events
    return audit(entries, chain="main", decode=decode, checks=[ChainCheck("main", end), *more])


def end_of(chronicle: Chronicle) -> End:
    """Return the head beside the rows."""
    return End(chronicle.memory.height, chronicle.memory.hash)


def test_a_sound_journal_is_sound(chronicle: Chronicle) -> None:
    report = audited(chronicle.entries, end_of(chronicle))
    assert report.sound
    assert (report.height, report.hash) == (
        chronicle.memory.height,
        chronicle.memory.hash.hex(),
    )
    assert report.first_bad_height is None
    assert audited([], None).sound
    assert audited([], End(0, bytes(32))).sound


def flip(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place % len(changed)] ^= 1
    return bytes(changed)


CHANGES: dict[str, Callable[[Entry], dict[str, Any]]] = {
    "payload": lambda e: {"payload": flip(e.payload, 40)},
    "reply": lambda e: {"reply": flip(e.reply, 2)},
    "hash": lambda e: {"hash": flip(e.hash, 3)},
    "prev_hash": lambda e: {"prev_hash": flip(e.prev_hash, 31)},
    "command_id": lambda e: {"command_id": e.command_id + "x"},
    "request_hash": lambda e: {"request_hash": flip(e.request_hash, 0)},
    "actor": lambda e: {"actor": "mallory"},
    "room": lambda e: {"room": "wallets"},
    "stream": lambda e: {"stream": "x"},
    "kind": lambda e: {"kind": "x"},
    "at_us": lambda e: {"at_us": e.at_us + 1},
    "chain": lambda e: {"chain": "other"},
    "borders": lambda e: {"payload": e.payload + e.reply[:1], "reply": e.reply[1:]},
}


@pytest.mark.parametrize("height", [1, 7, ROWS])
@pytest.mark.parametrize("field", CHANGES)
def test_a_change_of_any_field_is_found_at_its_row(
    chronicle: Chronicle, field: str, height: int
) -> None:
    entries = list(chronicle.entries)
    entry = entries[height - 1]
    entries[height - 1] = msgspec.structs.replace(entry, **CHANGES[field](entry))
    assert audited(entries, end_of(chronicle)).first_bad_height == height


def test_a_row_changed_together_with_its_hash_is_found_at_the_next_one(
    chronicle: Chronicle,
) -> None:
    entries = list(chronicle.entries)
    changed = msgspec.structs.replace(entries[4], actor="mallory")
    entries[4] = msgspec.structs.replace(changed, hash=entry_hash(changed))
    assert audited(entries, end_of(chronicle)).first_bad_height == 6


def test_a_chain_made_anew_from_some_row_on_is_found_at_the_head(chronicle: Chronicle) -> None:
    entries = list(chronicle.entries)
    previous = entries[-3].hash
    for place in (-2, -1):
        changed = msgspec.structs.replace(entries[place], actor="mallory", prev_hash=previous)
        entries[place] = msgspec.structs.replace(changed, hash=entry_hash(changed))
        previous = entries[place].hash
    report = audited(entries, end_of(chronicle))
    assert report.first_bad_height == chronicle.memory.height
    assert "another hash" in report.verdicts[0].told


def test_a_missing_row_is_found_wherever_it_stood(chronicle: Chronicle) -> None:
    last = chronicle.memory.height
    for height in (1, 7, last - 1, last):
        entries = [entry for entry in chronicle.entries if entry.height != height]
        assert audited(entries, end_of(chronicle)).first_bad_height == height
    assert audited([], end_of(chronicle)).first_bad_height == 1


def test_rows_beyond_the_head_are_found(chronicle: Chronicle) -> None:
    before = chronicle.entries[-2]
    report = audited(chronicle.entries, End(before.height, before.hash))
    assert report.first_bad_height == chronicle.memory.height


def test_rows_that_changed_places_are_found_at_the_first_of_them(chronicle: Chronicle) -> None:
    entries = list(chronicle.entries)
    one, other = entries[6], entries[9]
    entries[6] = msgspec.structs.replace(other, height=one.height)
    entries[9] = msgspec.structs.replace(one, height=other.height)
    assert audited(entries, end_of(chronicle)).first_bad_height == one.height
    entries = list(chronicle.entries)
    entries[6], entries[9] = entries[9], entries[6]
    assert audited(entries, end_of(chronicle)).first_bad_height == one.height


def test_time_that_goes_back_and_a_key_used_twice_are_found() -> None:
    chronicle = Chronicle()
    chronicle.add(Tick(), b"[]", b"[]", 2_000)
    chronicle.add(Tick(), b"[]", b"[]", 2_000)
    assert audited(chronicle.entries, None).first_bad_height == 2
    chronicle = Chronicle()
    chronicle.add(Tick(), b"[]", b"[]", 2_000)
    first = chronicle.entries[0]
    again = msgspec.structs.replace(first, height=2, at_us=2_001, prev_hash=first.hash)
    again = msgspec.structs.replace(again, hash=entry_hash(again))
    report = audited([first, again], None)
    assert report.first_bad_height == 2
    assert "used at height 1" in report.verdicts[0].told


def test_events_that_cannot_be_read_end_every_check_but_that_of_the_chain(
    chronicle: Chronicle,
) -> None:
    entries = list(chronicle.entries)
    entries[4] = msgspec.structs.replace(entries[4], payload=b"[[")
    house = make_house()
    report = audited(entries, end_of(chronicle), ReplayCheck(house, {}))
    assert [verdict.height for verdict in report.verdicts] == [5, 5]
    assert "cannot be read" in report.verdicts[1].told


def test_a_journal_that_breaks_off_leaves_no_check_sound(chronicle: Chronicle) -> None:
    def torn() -> Any:
        yield from chronicle.entries[:4]
        raise Contradiction("torn")

    report = audit(
        torn(),
        chain="main",
        decode=make_house().codec.decode_events,
        checks=[ChainCheck("main", None)],
    )
    assert (report.sound, report.first_bad_height) == (False, 5)


class _Fails:
    name = "fails"

    def hear(self, entry: Entry, events: Any) -> None:
        if entry.height == 3:
            raise KeyError("missing")

    def finish(self) -> None:
        raise AssertionError("a check that has found something is done")

    def told(self) -> str:
        return ""


def test_an_error_that_nobody_foresaw_is_a_finding_too(chronicle: Chronicle) -> None:
    report = audited(chronicle.entries, None, _Fails())
    assert report.verdicts[0].sound
    assert (report.verdicts[1].height, report.verdicts[1].told) == (3, "KeyError: 'missing'")


# -- snapshots ------------------------------------------------------------------------------------


def snapshot_at(chronicle: Chronicle, height: int, **changes: Any) -> Snapshot:
    """Return the snapshot of a replay, with changed totals of an account if asked."""
    house = make_house()
    memory = house.new()
    for entry in chronicle.entries[:height]:
        house.replay(memory, entry)
    for name, value in changes.items():
        setattr(memory.states["ledger"].by_number[1], name, value)
    return encode_snapshot(house, memory)


def with_snapshot(chronicle: Chronicle, snapshot: Snapshot) -> Report:
    check = ReplayCheck(make_house(), {snapshot.height: lambda: snapshot})
    return audited(chronicle.entries, end_of(chronicle), check)


def test_a_snapshot_that_a_replay_comes_to_is_sound(chronicle: Chronicle) -> None:
    report = with_snapshot(chronicle, snapshot_at(chronicle, 9))
    assert report.sound
    assert "height: 9" in report.verdicts[1].told


def test_a_snapshot_with_an_edited_balance_is_found_though_its_hash_is_right(
    chronicle: Chronicle,
) -> None:
    snapshot = snapshot_at(chronicle, 9, credits_posted=10**9)
    report = with_snapshot(chronicle, snapshot)
    assert report.first_bad_height == 9
    assert "another state of the ledger" in report.verdicts[1].told


def test_a_snapshot_with_a_flipped_byte_is_found(chronicle: Chronicle) -> None:
    snapshot = snapshot_at(chronicle, 9)
    for place in (3, 200, len(snapshot.state) - 1):
        damaged = msgspec.structs.replace(snapshot, state=flip(snapshot.state, place))
        report = with_snapshot(chronicle, damaged)
        assert report.first_bad_height == 9
        assert "does not match its hash" in report.verdicts[1].told


def test_a_snapshot_of_a_row_that_is_not_there_is_found(chronicle: Chronicle) -> None:
    snapshot = msgspec.structs.replace(snapshot_at(chronicle, 9), height=10_000)
    assert with_snapshot(chronicle, snapshot).first_bad_height == 10_000
    misplaced = msgspec.structs.replace(snapshot_at(chronicle, 9), height=8)
    assert with_snapshot(chronicle, misplaced).first_bad_height == 8
