"""Is everything so that must always be so, when securities and cash settle across ledgers?

One auditor reads the coordinator's journal, another that of each domain; then what they read is
held against each other: both legs or none, no hold left behind, every reference names what it says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nostro.custody import EVENTS as CUSTODY_EVENTS
from nostro.kernel.codec import Codec
from nostro.kernel.messages import Event
from nostro.runtime.ports import Entry
from nostro.settlement import EVENTS as SETTLEMENT_EVENTS, Deed, DeedsExecuted
from nostro.simulation.auditor import Auditor, _check_tick
from nostro.simulation.books import Violation
from nostro.simulation.dvp_courses import Round, Settling
from nostro.simulation.dvp_ledgers import EXECUTED, HELD, NOTHING, RELEASED, Kept, Ledger
from nostro.simulation.dvp_terms import OWN_LEDGER
from nostro.simulation.history import History


class LedgerAuditor(Auditor):
    """Reads the journal of a ledger that keeps custody."""

    def __init__(self, codec: Codec, *, chain: str) -> None:
        super().__init__(codec, chain=chain)
        self.ledger = Ledger(chain, self.books)

    def _follow(self, entry: Entry, events: Sequence[Event], *, accepted: bool) -> None:
        self.ledger.begin_row(entry.height)
        for event in events:
            self._read_event(event, entry)
        self.ledger.end_row()

    def _read_event(self, event: Event, entry: Entry) -> None:
        self.ledger.read(event)

    def _check_marks(self, entry: Entry, events: Sequence[Event]) -> None:
        """What was refused as a whole left nothing; an issue that the books refused, its mark."""
        if entry.kind != "custody.IssueAsset":
            super()._check_marks(entry, events)


class DomainAuditor(LedgerAuditor):
    """Reads the journal of a domain: coordinators are clients that nobody wrote down."""

    def check_history(self, history: History) -> None:
        """Check what its operator was answered, as of any ledger."""
        rows = self.rows
        self.rows = {key: row for key, row in rows.items() if row.actor != "coordinator"}
        try:
            super().check_history(history)
        finally:
            self.rows = rows


class CoordinatorAuditor(LedgerAuditor):
    """Reads the coordinator's journal: settlements, and its own ledger."""

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec, chain=OWN_LEDGER)
        self.settling = Settling()

    def _read_event(self, event: Event, entry: Entry) -> None:
        super()._read_event(event, entry)
        self.settling.read(event, entry.at_us)
        if isinstance(event, DeedsExecuted) and event.deed is Deed.POST:
            for done in event.rounds:
                net = self.settling.open[done.bundle].net
                for (_, party, asset), amount in net.items():
                    self.ledger.want(party, asset, amount)

    def _check_tick(self, events: Sequence[Event]) -> None:
        """Time begins and ends rounds, and books what that asks of the own ledger: the courses see
        to that."""
        if not any(type(event) in _SETTLING for event in events):
            _check_tick(events)


_SETTLING = frozenset((*SETTLEMENT_EVENTS, *CUSTODY_EVENTS))


def check_together(settling: Settling, ledgers: Mapping[str, Kept]) -> None:
    """Hold what ledgers did against what was decided, while all goes on: each ledger was read
    before the coordinator. Raises Violation."""
    for ledger in ledgers.values():
        for name, kept in ledger.rounds.items():
            round_ = settling.rounds.get(name)
            if round_ is None:
                raise Violation(f"{ledger.name} knows {name}, which nobody began")
            if ledger.name not in round_.asked:
                raise Violation(f"{ledger.name} knows {name}, and was never asked")
            if kept.stands == EXECUTED and round_.commit is not True:
                raise Violation(f"{ledger.name} executed {name}, decided {round_.commit}")
            if kept.stands == RELEASED and round_.commit is not False:
                raise Violation(f"{ledger.name} released {name}, decided {round_.commit}")


def check_ends(settling: Settling, ledgers: Mapping[str, Kept], restored: Collection[str]) -> None:
    """When all is calm: every settlement has ended, each round is done everywhere or nowhere, and
    everybody owns what the settled rounds say. `restored` ledgers have done again what they lost,
    at other heights. Raises Violation."""
    check_together(settling, ledgers)
    waiting = settling.waiting()
    if waiting or settling.open:
        raise Violation(f"not ended: {waiting[:3]}, rounds {list(settling.open.values())[:3]}")
    owned = {name: dict(ledger.issued) for name, ledger in ledgers.items()}
    for round_ in settling.rounds.values():
        if round_.executed if round_.at_once else _done_everywhere(round_, ledgers, restored):
            for (domain, party, asset), amount in round_.net.items():
                key = party, asset
                owned[domain][key] = owned[domain].get(key, 0) + amount
    for name, ledger in ledgers.items():
        ledger.check_rest()
        for key, amount in ledger.owned():
            if owned[name].pop(key, 0) != amount:
                raise Violation(f"{key} has {amount} at {name}, and should have another amount")
        left = {key: amount for key, amount in owned[name].items() if amount}
        if left:
            raise Violation(f"nobody at {name} has {left}")


def _done_everywhere(round_: Round, ledgers: Mapping[str, Kept], restored: Collection[str]) -> bool:
    """Check that all parts of a round were executed, or none; returns whether they were."""
    stands = {name: ledgers[name].rounds.get(round_.id) for name in round_.parts}
    ends = {name: kept.stands if kept else NOTHING for name, kept in stands.items()}
    if round_.commit:
        if set(ends.values()) != {EXECUTED}:
            raise Violation(f"{round_.id} is committed, and stands at {ends}")
        for name in round_.parts:
            own = ledgers[name].reference_of(round_.id)
            if round_.executed[name] != own and name not in restored:
                raise Violation(f"{round_.executed[name]} should be {own}, for {round_.id}")
        return True
    if {EXECUTED, HELD} & set(ends.values()):
        raise Violation(f"{round_.id} is aborted, and stands at {ends}")
    return False
