"""Which old ids does a command need to be told about, and what does a journal row say of them?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nostro.kernel.messages import Event
from nostro.ledger.commands import Action, NewTransfer
from nostro.ledger.events import Line, TransfersRecorded, TransfersRefused
from nostro.ledger.state import RESOLVED, REVERSED, LedgerState, Seen, derived_key


def cold_keys(state: LedgerState, transfers: Sequence[NewTransfer]) -> list[tuple[str, int]]:
    """Return (key, height) of all that these transfers name and that may have left memory."""
    keys = [transfer.id for transfer in transfers]
    transfer_, hold_ = Action.TRANSFER, Action.HOLD
    for transfer in transfers:
        action = transfer.action
        if action is transfer_ or action is hold_:
            continue
        original = transfer.refers_to
        if action is Action.REVERSE:
            keys += (original, REVERSED + original)
        elif original not in state.holds:
            keys += (original, RESOLVED + original)
    return state.seen.candidates(keys)


def recalled(wanted: Sequence[str], events: Iterable[Event]) -> Mapping[str, Seen]:
    """Return what the events of one journal row say of the wanted keys."""
    keys, found = frozenset(wanted), dict[str, Seen]()
    for event in events:
        match event:
            case TransfersRecorded(lines):
                for line in lines:
                    _recall_line(keys, line, found)
            case TransfersRefused(refused):
                found.update((id, code) for id, code in refused if id in keys)
            case _:
                pass
    return found


def _recall_line(keys: frozenset[str], line: Line, found: dict[str, Seen]) -> None:
    if line.id in keys:
        found[line.id] = line
    if line.kind and (key := derived_key(line)) in keys:
        found[key] = line
