"""How do the books become bytes and books again, and when are two of them equal?"""

from __future__ import annotations

import hashlib
from heapq import heapify

import msgspec

from nostro.kernel.asset import SEED, Asset
from nostro.kernel.codec import encode
from nostro.kernel.seen import SeenIndex
from nostro.ledger.state import CLOSED, FROZEN, Account, Hold, LedgerState

FORMAT = "nostro-ledger/2"


class _Books(msgspec.Struct):
    """The end of a dump; the index of seen ids stands before it, always at the same place."""

    format: str
    assets: list[Asset]
    accounts: list[Account]
    holds: dict[str, Hold]


_decoder = msgspec.json.Decoder(_Books)


def dump(state: LedgerState) -> bytes:
    """Return the state as the bytes of the index of seen ids, and JSON."""
    books = _Books(FORMAT, _registered(state), state.by_number[1:], state.holds)
    return state.seen.dump() + encode(books)


def load(data: bytes, *, hot_max: int) -> LedgerState:
    """Return the state that `dump` wrote; raises ValueError when it did not."""
    state = LedgerState(seen=SeenIndex(hot_max=hot_max))
    books = _decoder.decode(state.seen.load(data))
    if books.format != FORMAT:
        raise ValueError(f"books in the format {books.format!r}, not {FORMAT!r}")
    state.assets.update((asset.code, asset) for asset in books.assets)
    state.by_number += books.accounts
    state.accounts = {account.id: account for account in books.accounts}
    state.holds = books.holds
    state.due = [
        (hold.expires_at_us, hold_id) for hold_id, hold in books.holds.items() if hold.expires_at_us
    ]
    heapify(state.due)
    return state


def digest(state: LedgerState) -> bytes:
    """Return SHA-256 over assets, accounts and open holds: what the books say, not how."""
    books = (
        _registered(state),
        [_meaning(account) for account in state.by_number[1:]],
        sorted(state.holds.items()),
    )
    return hashlib.sha256(encode(books)).digest()


def _registered(state: LedgerState) -> list[Asset]:
    return [state.assets[code] for code in sorted(state.assets.keys() - SEED.keys())]


def _meaning(account: Account) -> tuple[object, ...]:
    return (
        account.number,
        account.id,
        account.asset,
        account.type,
        account.side,
        account.limit,
        account.overdraft_minor,
        account.owner,
        sorted((account.metadata or {}).items()),
        bool(account.guard & FROZEN),
        bool(account.guard & CLOSED),
        account.debits_posted,
        account.credits_posted,
        account.debits_pending,
        account.credits_pending,
    )
