"""What does the participant know, after all that stands in its books?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nostro.adapters.domains.canton_double.books import (
    Assigned,
    Booked,
    Completed,
    Created,
    Entry,
    Exercised,
    Line,
    PartyHosted,
    Pruned,
    Rejected,
    Transaction,
    Unassigned,
    UserChanged,
)
from nostro.adapters.json_lines import JsonLines

ChangeId = tuple[str, frozenset[str], str]


@dataclass
class Stay:
    """How long a contract was on a synchronizer: from an offset (created or assigned there) until
    one (archived, or unassigned); None: it is there."""

    synchronizer: str
    counter: int
    since: int
    until: int | None = None


@dataclass
class Life:
    """What became of a contract."""

    created: Created
    transaction: Transaction
    stays: list[Stay]
    archived: tuple[Transaction, Exercised] | None = None
    away: Unassigned | None = None
    """Set while it is unassigned, and not yet assigned."""

    def stay_at(self, offset: int) -> Stay | None:
        """Return where it was at an offset; None: not yet, no more, or nowhere."""
        for stay in reversed(self.stays):
            if stay.since <= offset:
                return stay if stay.until is None or offset < stay.until else None
        return None

    @property
    def created_at(self) -> int:
        """Return the offset at which it was created."""
        return self.transaction.offset

    @property
    def stay(self) -> Stay | None:
        """Return where it is."""
        last = self.stays[-1]
        return last if last.until is None else None


@dataclass
class Ledger:
    """Contracts, updates, completions, parties and users. `path`: where the books are kept; without
    one they live as long as this object."""

    path: Path | None = None
    entries: list[Entry] = field(default_factory=list)
    """Entry n has offset n + 1."""
    lives: dict[str, Life] = field(default_factory=dict)
    by_update: dict[str, Entry] = field(default_factory=dict)
    away: dict[str, tuple[str, Unassigned]] = field(default_factory=dict)
    """By reassignment id: (contract id, how it left)."""
    accepted: dict[ChangeId, Completed] = field(default_factory=dict)
    """The last acceptance of each change id."""
    parties: dict[str, PartyHosted] = field(default_factory=dict)
    users: dict[str, UserChanged] = field(default_factory=dict)
    pruned_to: int = 0

    def __post_init__(self) -> None:
        self._active: dict[str, dict[str, Life]] = {}
        self._lines: JsonLines[Line] | None = None
        if self.path is not None:
            self._lines = JsonLines(
                self.path,
                Line,
                lambda line: self._hear(line.entry),
                whose="the participant's books",
            )

    @property
    def end(self) -> int:
        """Return the offset of the last entry."""
        return len(self.entries)

    @property
    def last_record_us(self) -> int:
        """Return the record time of the last entry."""
        return self.entries[-1].record_us if self.entries else 0

    def write(self, entry: Booked) -> None:
        """Write an entry, and know it; raises NotDone when the disk does not take it."""
        if self._lines is not None:
            self._lines.append(Line(entry))
        else:
            self._hear(entry)

    def close(self) -> None:
        """Let the books go."""
        if self._lines is not None:
            self._lines.close()

    # -- contracts ----------------------------------------------------------------------------

    def active(self, contract_id: str) -> Created | None:
        """Return a contract that is active on some synchronizer now."""
        life = self.lives.get(contract_id)
        return life.created if life is not None and life.stay is not None else None

    def active_lives(self, template: str) -> Iterator[Life]:
        """Return the contracts of a template (Module:Entity) that are active now, oldest first."""
        return iter(self._active.get(template, {}).values())

    def lives_at(self, offset: int) -> Iterator[Life]:
        """Return the contracts that existed at an offset, oldest first; of the present, only those
        that are active or on their way."""
        if offset < self.end:
            yield from (each for each in self.lives.values() if each.created_at <= offset)
            return
        found = deque(life for of in self._active.values() for life in of.values())
        found.extend(self.lives[contract_id] for contract_id, _ in self.away.values())
        yield from sorted(found, key=lambda life: (life.created_at, life.created.node_id))

    # -- hearing ------------------------------------------------------------------------------

    def _hear(self, entry: Booked) -> None:
        if isinstance(entry, UserChanged):
            self.users[entry.user] = entry
            return
        if isinstance(entry, Pruned):
            self.pruned_to = max(self.pruned_to, entry.up_to)
            return
        self.entries.append(entry)
        match entry:
            case Transaction():
                self._hear_transaction(entry)
            case Unassigned():
                self._hear_unassigned(entry)
            case Assigned():
                self._hear_assigned(entry)
            case PartyHosted():
                self.parties[entry.party] = entry
            case Rejected():
                return
        self.by_update[entry.update_id] = entry
        if not isinstance(entry, PartyHosted):
            self.accepted[entry.submission.change_id] = entry

    def _hear_transaction(self, transaction: Transaction) -> None:
        for node in transaction.nodes:
            if isinstance(node, Created):
                stay = Stay(transaction.synchronizer, 0, transaction.offset)
                life = Life(node, transaction, [stay])
                self.lives[node.contract_id] = life
                self._active.setdefault(node.template, {})[node.contract_id] = life
        for node in transaction.nodes:
            if isinstance(node, Exercised) and node.consuming:
                life = self.lives[node.contract_id]
                life.archived = (transaction, node)
                life.stays[-1].until = transaction.offset
                del self._active[node.template][node.contract_id]

    def _hear_unassigned(self, entry: Unassigned) -> None:
        for reassignment_id, contract_id, _ in entry.reassignments:
            life = self.lives[contract_id]
            life.stays[-1].until = entry.offset
            life.away = entry
            self.away[reassignment_id] = (contract_id, entry)
            del self._active[life.created.template][contract_id]

    def _hear_assigned(self, entry: Assigned) -> None:
        for reassignment_id, contract_id, counter in entry.reassignments:
            life = self.lives[contract_id]
            life.stays.append(Stay(entry.synchronizer, counter, entry.offset))
            life.away = None
            self.away.pop(reassignment_id, None)
            self._active.setdefault(life.created.template, {})[contract_id] = life
