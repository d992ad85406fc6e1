"""What does the participant write down, so that it is still true after a SIGKILL?

Each entry takes an offset of its own, except what administrators do to users. A transaction, or
half a reassignment, is one entry: it is written whole or not at all.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Submission(msgspec.Struct, frozen=True, gc=False):
    """Who asked for what: the change id is (user, act_as, command_id)."""

    user: str
    act_as: tuple[str, ...]
    command_id: str
    submission_id: str = ""
    workflow_id: str = ""
    period_us: int = 0
    trace: str = ""
    note: str = ""
    """What an administrator wrote to it; told to nobody."""

    @property
    def change_id(self) -> tuple[str, frozenset[str], str]:
        """Return under what it is done at most once."""
        return self.user, frozenset(self.act_as), self.command_id


class Created(msgspec.Struct, frozen=True, tag="created"):
    """A contract began. `template`: Module:Entity."""

    node_id: int
    contract_id: str
    template: str
    argument: Any
    signatories: tuple[str, ...]
    observers: tuple[str, ...]
    witnesses: tuple[str, ...]

    @property
    def stakeholders(self) -> frozenset[str]:
        """Return who sees it."""
        return frozenset(self.signatories + self.observers)


class Exercised(msgspec.Struct, frozen=True, tag="exercised"):
    """A choice was exercised; `stakeholders` are those of the contract."""

    node_id: int
    contract_id: str
    template: str
    choice: str
    argument: Any
    result: Any
    acting: tuple[str, ...]
    consuming: bool
    stakeholders: tuple[str, ...]
    witnesses: tuple[str, ...]
    last_descendant: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What all entries of the ledger say. Times are in microseconds since the epoch."""

    offset: int
    update_id: str
    synchronizer: str
    record_us: int


class Transaction(Entry, frozen=True, tag="transaction"):
    """A transaction was made."""

    submission: Submission
    nodes: tuple[Created | Exercised, ...]


class Unassigned(Entry, frozen=True, tag="unassigned"):
    """Contracts left `synchronizer` for `target`; until they are assigned, they are nowhere."""

    submission: Submission
    target: str
    reassignments: tuple[tuple[str, str, int], ...]
    """(reassignment id, contract id, counter)"""


class Assigned(Entry, frozen=True, tag="assigned"):
    """Contracts arrived at `synchronizer` from `source`."""

    submission: Submission
    source: str
    reassignments: tuple[tuple[str, str, int], ...]


class Rejected(Entry, frozen=True, tag="rejected"):
    """A command was refused after it had been sent."""

    submission: Submission
    code: str
    cause: str


class PartyHosted(Entry, frozen=True, tag="party"):
    """A party is hosted here."""

    party: str


class UserChanged(msgspec.Struct, frozen=True, tag="user"):
    """A user has these rights now, and no others."""

    user: str
    act_as: tuple[str, ...]
    read_as: tuple[str, ...]
    read_any: bool = False
    admin: bool = False
    deactivated: bool = False
    primary_party: str = ""


class Pruned(msgspec.Struct, frozen=True, tag="pruned"):
    """What happened up to an offset, included, can be asked for no more."""

    up_to: int


Update = Transaction | Unassigned | Assigned | PartyHosted
"""What is told as an update."""
Completed = Transaction | Unassigned | Assigned | Rejected
"""What is told as a completion."""
Booked = Transaction | Unassigned | Assigned | Rejected | PartyHosted | UserChanged | Pruned


class Line(msgspec.Struct, frozen=True):
    """A line of the books."""

    entry: Booked
