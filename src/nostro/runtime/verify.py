"""Is every row of the journal what was written, and do all who tell of it tell the same?

An audit reads the journal once, row by row, and lets every check hear every row. A check that finds
a contradiction is done: what it says is its first bad height.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Protocol

import msgspec

from nostro.kernel.census import Census
from nostro.kernel.messages import Event
from nostro.kernel.room import Position
from nostro.runtime.house import House
from nostro.runtime.ports import GENESIS_HASH, Entry, Snapshot, entry_hash
from nostro.runtime.snapshots import SnapshotDamaged, decode_snapshot, snapshot_header

SETTLE_ROWS = 1_000

Events = Sequence[Event]


class Contradiction(ValueError):
    """Something does not agree. `height`: where, unless it is the row at hand."""

    def __init__(self, detail: str, *, height: int | None = None) -> None:
        super().__init__(detail)
        self.height = height


class Check(Protocol):
    """One question that an audit asks of every row.

    Any exception is a finding; one with a `height` says where. `told` says what was looked at.
    """

    name: str

    def hear(self, entry: Entry, events: Events) -> None:
        """Look at the next row."""
        ...

    def finish(self) -> None:
        """Look at what needs the whole, after the last row."""
        ...

    def told(self) -> str:
        """Say what was looked at, for people."""
        ...


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check came to. `height`: the first bad one; None when all is well, or when it has
    none."""

    check: str
    sound: bool
    told: str
    height: int | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit came to."""

    chain: str
    height: int
    hash: str
    verdicts: list[Verdict]
    seconds: float

    @property
    def sound(self) -> bool:
        """Tell whether nothing contradicts anything."""
        return all(verdict.sound for verdict in self.verdicts)

    @property
    def first_bad_height(self) -> int | None:
        """Return the lowest height that a check complains of."""
        heights = (verdict.height for verdict in self.verdicts)
        return min((height for height in heights if height is not None), default=None)


class End(msgspec.Struct, frozen=True):
    """The end of the chain as it is known beside its rows."""

    height: int
    hash: bytes


class ChainCheck:
    """Are the rows gapless, linked, unchanged, in the order of their times, and each key used
    once?"""

    name = "chain"

    def __init__(self, chain: str, end: End | None) -> None:
        self._chain = chain
        self._end = end
        self._height = 0
        self._hash = GENESIS_HASH
        self._at_us = 0
        self._keys = Census()

    def hear(self, entry: Entry, events: Events) -> None:
        """Check a row against the one before it and against its own hash."""
        expected = self._height + 1
        if entry.height != expected:
            raise Contradiction(f"row {expected} is missing", height=expected)
        if entry.chain != self._chain:
            raise Contradiction(f"it belongs to chain {entry.chain!r}")
        if entry.prev_hash != self._hash:
            raise Contradiction("it is not linked to the row before")
        if entry_hash(entry) != entry.hash:
            raise Contradiction("its content is not what its hash was made of")
        if entry.at_us <= self._at_us:
            raise Contradiction(f"its time {entry.at_us} is not after {self._at_us}")
        self._keys.add(entry.command_id, expected)
        self._height, self._hash, self._at_us = expected, entry.hash, entry.at_us

    def finish(self) -> None:
        """Check that nothing is missing at the end, and no key twice."""
        end = self._end
        if end is not None and self._height != end.height:
            raise Contradiction(
                f"the journal ends at {self._height}, its head at {end.height}",
                height=min(self._height, end.height) + 1,
            )
        if end is not None and self._hash != end.hash:
            raise Contradiction("the head has another hash", height=end.height)
        twice = self._keys.twice()
        if twice is not None:
            raise Contradiction(f"its key was used at height {twice[0]} already", height=twice[1])

    def told(self) -> str:
        """Say how far it goes."""
        return f"{self._height} rows, to hash {self._hash.hex()[:16]}"


class ReplayCheck:
    """Is every snapshot what a replay from the first row comes to?"""

    name = "snapshots"

    def __init__(self, house: House, snapshots: Mapping[int, Callable[[], Snapshot]]) -> None:
        self._house = house
        self._memory = house.new()
        self._snapshots = dict(snapshots)
        self._compared: list[int] = []

    def hear(self, entry: Entry, events: Events) -> None:
        """Evolve the rooms by a row, and compare the snapshot that was taken there."""
        if not self._snapshots:
            return
        memory = self._memory
        self._house.evolve(memory, events, Position(entry.height, entry.at_us))
        memory.height, memory.hash, memory.at_us = entry.height, entry.hash, entry.at_us
        if entry.height % SETTLE_ROWS == 0:
            self._house.settle(memory, entry.height)
        load = self._snapshots.pop(entry.height, None)
        if load is not None:
            self._compare(load())

    def _compare(self, snapshot: Snapshot) -> None:
        try:
            header = snapshot_header(snapshot)
            loaded = decode_snapshot(self._house, snapshot)
        except SnapshotDamaged as damage:
            raise Contradiction(str(damage)) from damage
        memory = self._memory
        if bytes.fromhex(header.hash) != memory.hash or header.at_us != memory.at_us:
            raise Contradiction("the snapshot names another end of the chain")
        if len(loaded.keys) != memory.height:
            raise Contradiction(f"the snapshot knows {len(loaded.keys)} keys")
        replayed = self._house.digests(memory)
        for name, digest in self._house.digests(loaded).items():
            if digest != replayed[name] or header.digests().get(name, digest) != digest:
                raise Contradiction(f"the snapshot has another state of the {name}")
        self._compared.append(memory.height)

    def finish(self) -> None:
        """Check that no snapshot tells of a row that is not there."""
        for height in sorted(self._snapshots):
            raise Contradiction("a snapshot of a row that is not there", height=height)

    def told(self) -> str:
        """Say which snapshots there were."""
        heights = ", ".join(map(str, self._compared)) or "none"
        return f"compared with a replay at height: {heights}"


def audit(
    entries: Iterable[Entry],
    *,
    chain: str,
    decode: Callable[[bytes], Events],
    checks: Sequence[Check],
) -> Report:
    """Read all rows and let every check hear them, in the order given.

    `decode` gives the events of a payload. `entries` may raise Contradiction: then no check that
    still stands is sound.
    """
    started = perf_counter()
    run = _Run(checks, decode)
    try:
        for entry in entries:
            run.hear(entry)
        run.finish()
    except Contradiction as torn:
        run.give_up(torn)
    findings = run.findings
    return Report(
        chain=chain,
        height=run.height,
        hash=run.hash.hex(),
        verdicts=[
            findings.get(check.name) or Verdict(check=check.name, sound=True, told=check.told())
            for check in checks
        ],
        seconds=perf_counter() - started,
    )


class _Run:
    """An audit under way: the checks that stand, and what the others have found."""

    def __init__(self, checks: Sequence[Check], decode: Callable[[bytes], Events]) -> None:
        self._standing = list(checks)
        self._decode = decode
        self.findings: dict[str, Verdict] = {}
        self.height = 0
        self.hash = GENESIS_HASH

    def hear(self, entry: Entry) -> None:
        """Let every check that stands hear a row."""
        self.height, self.hash = entry.height, entry.hash
        try:
            events = self._decode(entry.payload)
        except msgspec.MsgspecError as error:
            events = ()
            self._go_on_without_events(error)
        fallen = False
        for check in self._standing:
            try:
                check.hear(entry, events)
            except Exception as found:
                self.findings[check.name] = _finding(check, found, entry.height)
                fallen = True
        if fallen:
            self._standing = [each for each in self._standing if each.name not in self.findings]

    def _go_on_without_events(self, error: Exception) -> None:
        """Retire the checks that live on events; the chain needs none."""
        for check in self._standing:
            if not isinstance(check, ChainCheck):
                found = Contradiction(f"the events cannot be read: {error}")
                self.findings[check.name] = _finding(check, found, self.height)
        self._standing = [each for each in self._standing if isinstance(each, ChainCheck)]

    def finish(self) -> None:
        """Let every check that stands look at the whole."""
        for check in self._standing:
            try:
                check.finish()
            except Exception as found:
                self.findings[check.name] = _finding(check, found, None)

    def give_up(self, torn: Contradiction) -> None:
        """Note that the journal cannot be read further."""
        for check in self._standing:
            self.findings[check.name] = _finding(check, torn, self.height + 1)


def _finding(check: Check, found: Exception, height: int | None) -> Verdict:
    """Turn an exception into a verdict; one that nobody foresaw names its type."""
    foreseen = isinstance(found, ValueError)
    told = str(found) if foreseen else f"{type(found).__name__}: {found}"
    at = getattr(found, "height", None)
    return Verdict(check=check.name, sound=False, told=told, height=height if at is None else at)
