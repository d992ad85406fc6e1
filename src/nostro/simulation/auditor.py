"""Is everything so that must always be so?

An independent auditor: it reads the journal's events into books of its own (books.py, courses.py)
and holds them against what was asked and answered, against the rail, and against the platform's
memory. It uses none of the code that decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nostro.adapters.rails.port import Payout
from nostro.kernel.codec import Codec, encode_reply
from nostro.kernel.messages import Event
from nostro.kernel.reply import Receipt
from nostro.ledger import (
    CreateTransfers,
    CreateTransfersTogether,
    LineKind,
    NewTransfer,
    TransfersRecorded,
    TransfersRefused,
)
from nostro.runtime.house import House, Memory
from nostro.runtime.ports import Entry, Snapshot
from nostro.runtime.snapshots import decode_snapshot
from nostro.simulation.books import Books, Violation
from nostro.simulation.courses import Courses
from nostro.simulation.history import Ask, History
from nostro.wallets import (
    DepositConfirmed,
    DepositKeptSuspended,
    DepositReleased,
    DepositReopened,
    DepositSuspended,
    PayoutCleared,
    PayoutKeptSuspended,
    PayoutReopened,
    PayoutSuspended,
    WithdrawalBreakNoted,
    WithdrawalRefused,
    WithdrawalRequested,
    WithdrawalSettled,
)

OWN_ACTORS = frozenset({"clock", "performer"})
"""Who sends commands that no client asked for."""
EXPIRY_SLACK_S = 30
"""How long after its time a hold may still be open when all is calm."""

MARKS: frozenset[type[Event]] = frozenset(
    {
        TransfersRefused,
        WithdrawalRequested,
        WithdrawalRefused,
        DepositConfirmed,
        DepositSuspended,
        DepositReopened,
        DepositReleased,
        DepositKeptSuspended,
        WithdrawalSettled,
        PayoutSuspended,
        PayoutReopened,
        PayoutCleared,
        PayoutKeptSuspended,
        WithdrawalBreakNoted,
    }
)
"""All that a refusal may leave in the journal: together they change no balance and no state."""


class Auditor:
    """Reads the journal as it grows; every finding is raised as a Violation at once."""

    marks: frozenset[type[Event]] = MARKS

    def __init__(self, codec: Codec, *, chain: str = "main") -> None:
        self.books = Books()
        self.courses = Courses()
        self.rows: dict[str, Entry] = {}
        """Idempotency key to its row."""
        self.height = 0
        self._codec = codec
        self._chain = chain
        self._hash = bytes(32)
        self._at_us = 0

    # -- every prefix -----------------------------------------------------------------------------

    def read(self, entries: Iterable[Entry]) -> None:
        """Take in the next rows; raises Violation."""
        for entry in entries:
            try:
                self._read_row(entry)
            except Violation as violation:
                raise Violation(
                    f"at height {entry.height} ({entry.kind}, key {entry.command_id!r}): "
                    f"{violation}"
                ) from None

    def _read_row(self, entry: Entry) -> None:
        self._check_chain(entry)
        if entry.command_id in self.rows:
            at = self.rows[entry.command_id].height
            raise Violation(f"the key stands twice, at {at} too")
        self.rows[entry.command_id] = entry
        events = self._codec.decode_events(entry.payload)
        accepted = not json.loads(entry.reply)[0]
        if not accepted:
            self._check_marks(entry, events)
        if entry.kind == "runtime.Tick":
            self._check_tick(events)
        for event in events:
            self.books.read(event, entry.height, entry.at_us)
        self._follow(entry, events, accepted=accepted)

    def _follow(self, entry: Entry, events: Sequence[Event], *, accepted: bool) -> None:
        """Follow the courses through a row that stands in the books."""
        for event in events:
            self.courses.read(event, entry.height)
        self.courses.end_row(self.books, accepted=accepted)

    def _check_tick(self, events: Sequence[Event]) -> None:
        _check_tick(events)

    def _check_chain(self, entry: Entry) -> None:
        """Recompute the hash from its documented form (runtime.ports.entry_hash)."""
        if (entry.chain, entry.height) != (self._chain, self.height + 1):
            raise Violation(f"row {entry.chain}/{entry.height} follows height {self.height}")
        if entry.prev_hash != self._hash:
            raise Violation("the row is not linked to the one before")
        if entry.at_us <= self._at_us:
            raise Violation(f"time stands still or goes back: {self._at_us} to {entry.at_us}")
        header = [
            entry.chain,
            entry.height,
            entry.command_id,
            entry.request_hash.hex(),
            entry.actor,
            entry.room,
            entry.stream,
            entry.kind,
            entry.at_us,
            len(entry.payload),
        ]
        told = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        digest = hashlib.sha256(entry.prev_hash + told + entry.payload + entry.reply).digest()
        if digest != entry.hash:
            raise Violation("the hash is not that of the row")
        self.height, self._hash, self._at_us = entry.height, entry.hash, entry.at_us

    def _check_marks(self, entry: Entry, events: Sequence[Event]) -> None:
        allowed = {TransfersRefused} if entry.room == "ledger" else self.marks
        for event in events:
            if type(event) not in allowed:
                raise Violation(f"a refusal leaves {event!r:.200}")

    # -- what was asked and answered --------------------------------------------------------------

    def check_history(self, history: History) -> None:
        """Each acknowledged command stands once with its reply, each other at most once; what was
        refused or not done does not stand; nothing stands that nobody asked for."""
        for key, asks in history.asks.items():
            row = self.rows.get(key)
            for ask in asks:
                try:
                    self._check_ask(ask, row)
                except Violation as violation:
                    raise Violation(f"key {key!r}, {ask.command!r:.200}: {violation}") from None
        for key, row in self.rows.items():
            asked = any(ask.hash == row.request_hash for ask in history.asks.get(key, ()))
            if not asked and row.actor not in OWN_ACTORS:
                raise Violation(f"nobody asked for height {row.height}, key {key!r}")

    def _check_ask(self, ask: Ask, row: Entry | None) -> None:
        for said in ask.answers:
            if row is None:
                raise Violation(f"it was answered ({said}) and does not stand")
            if said.receipt is not None:
                _check_receipt(said.receipt, ask, row)
            elif (row.request_hash == ask.hash) or said.key_reused_at_height != row.height:
                raise Violation(f"the key was called reused, but height {row.height} says not")
        first = sum(said.receipt is not None and not said.receipt.replayed for said in ask.answers)
        if first > 1:
            raise Violation("it was answered twice as if for the first time")
        if row is None or row.request_hash != ask.hash:
            return
        if not ask.may_stand_at(row.height):
            raise Violation(f"nothing should have happened, but it stands at {row.height}")
        if row.height <= ask.floor:
            raise Violation(f"{ask.floor} was answered before it was sent, {row.height} is its own")
        self._check_reply(ask, row)

    def _check_reply(self, ask: Ask, row: Entry) -> None:
        """Check what the stored reply tells of the command, against the books."""
        if isinstance(ask.command, CreateTransfers | CreateTransfersTogether):
            self._check_results(ask.command, row)

    def _check_results(self, command: Any, row: Entry) -> None:
        code, _, body = json.loads(row.reply)
        if code:
            self._check_none_recorded(command.transfers, row.height)
            return
        results = {index: code for index, code, _ in body["results"]}
        created: set[str] = set()
        for index, transfer in enumerate(command.transfers):
            height, _ = self.books.lines.get(transfer.id, (0, None))
            told = results.get(index, "")
            if not told:
                stands = height == row.height and transfer.id not in created
                created.add(transfer.id)
            elif told == "ledger.exists":
                stands = 0 < height <= row.height
            else:
                stands = height != row.height or transfer.id in created
            if not stands:
                raise Violation(f"{transfer.id} is told as {told!r}, but stands at {height}")
        if body["created"] != len(created):
            raise Violation(f"{body['created']} are told as created, {len(created)} were")
        _check_chains(command, results)

    def _check_none_recorded(self, transfers: Iterable[NewTransfer], height: int) -> None:
        for transfer in transfers:
            stands_at, _ = self.books.lines.get(transfer.id, (0, None))
            if stands_at == height:
                raise Violation(f"{transfer.id} was refused with its command, and stands")

    # -- the end ----------------------------------------------------------------------------------

    def check_rest(self, *, now_us: int) -> None:
        """When all is calm: nothing is left undone, and the sums are right."""
        self.books.check_sums()
        unfinished = self.courses.unfinished()
        if unfinished:
            raise Violation(f"left on their way: {unfinished}")
        held = {hold for hold in self.books.holds if hold.startswith("withdrawal:")}
        if held != self.courses.holds():
            raise Violation(f"held without cause or not at all: {held ^ self.courses.holds()}")
        overdue_us = now_us - EXPIRY_SLACK_S * 1_000_000
        for name, hold in self.books.holds.items():
            if 0 < hold.expires_at_us < overdue_us:
                raise Violation(f"hold {name} should have expired at {hold.expires_at_us}")

    def check_rail(self, moved: Sequence[Payout]) -> None:
        """One movement for each reference: that of a settled withdrawal, to the last detail."""
        movements = {payout.reference: payout for payout in moved}
        if len(movements) != len(moved):
            raise Violation("the rail moved a reference twice")
        for name, course in self.courses.withdrawals.items():
            payout = movements.pop(f"{self._chain}:{name}", None)
            if (payout is not None) != (course.state == "settled"):
                raise Violation(f"withdrawal {name} is {course.state}, the rail says {payout}")
            if payout is None:
                continue
            user_id, asset = course.wallet.split(":")[1:]
            said = (payout.amount_minor, payout.asset, payout.destination)
            if said != (course.amount, asset, course.destination):
                raise Violation(f"the rail moved {said} for {name} of {user_id}")
        if movements:
            raise Violation(f"the rail moved what nobody ordered: {sorted(movements)}")

    def check_memory(
        self,
        house: House,
        entries: Sequence[Entry],
        snapshots: Mapping[int, Snapshot],
        live: Mapping[str, str],
    ) -> None:
        """Replay from genesis = live = every snapshot, and the ledger's totals are these."""
        memory, resumed = house.new(), None
        for entry in entries:
            house.replay(memory, entry)
            if resumed is not None:
                house.replay(resumed, entry)
            if entry.height in snapshots:
                resumed = decode_snapshot(house, snapshots[entry.height])
                _compare(house, memory, house.digests(resumed), f"snapshot {entry.height}")
        _compare(house, memory, live, "live")
        if resumed is not None:
            _compare(house, memory, house.digests(resumed), "resumed")
        accounts = memory.states["ledger"].accounts
        totals = {
            name: (a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending)
            for name, a in accounts.items()
        }
        for name, ours in self.books.totals():
            if totals.pop(name, None) != ours:
                raise Violation(f"the totals of {name} are not {ours}")
        if totals or set(memory.states["ledger"].holds) != set(self.books.holds):
            raise Violation("the ledger has other accounts or holds than its events say")


def _check_receipt(receipt: Receipt, ask: Ask, row: Entry) -> None:
    if (receipt.height, receipt.at_us) != (row.height, row.at_us):
        raise Violation(f"{receipt} was answered, but it stands at {row.height}")
    if row.request_hash != ask.hash:
        raise Violation(f"it was answered, but height {row.height} is another command")
    if encode_reply(receipt.reply) != row.reply:
        raise Violation(f"{receipt.reply} was answered, but {row.reply!r} is stored")


def _check_tick(events: Sequence[Event]) -> None:
    for event in events:
        lines = event.lines if isinstance(event, TransfersRecorded) else ()
        if not lines or any(line.kind != LineKind.HOLD_EXPIRED for line in lines):
            raise Violation(f"time alone led to {event!r:.200}")


def _check_chains(command: Any, results: Mapping[int, str]) -> None:
    """Linked transfers and the one after them: all recorded (or there before), or none."""
    if isinstance(command, CreateTransfersTogether):
        return
    fates: set[bool] = set()
    for index, transfer in enumerate(command.transfers):
        fates.add(results.get(index, "ledger.exists") == "ledger.exists")
        if len(fates) > 1:
            raise Violation(f"the chain that {transfer.id} belongs to is torn")
        if not transfer.linked:
            fates.clear()


def _compare(house: House, memory: Memory, digests: Mapping[str, str], what: str) -> None:
    replayed = house.digests(memory)
    for room, digest in digests.items():
        if replayed[room] != digest:
            raise Violation(f"{room}: the replay up to height {memory.height} is not {what}")
