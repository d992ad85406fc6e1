"""What is to be earmarked, and what is to move, when a settlement touches a ledger?

Told in parties and assets: which account, or which contract, that is on a ledger is for the ledger
to say.
"""

from __future__ import annotations

import msgspec


class Lock(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a party may not use from now on, though it stays the owner. `prefunded`: it was set
    aside when the trade was made, and is taken from there."""

    party: str
    asset: str
    amount_minor: int
    prefunded: bool = False


class Move(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What passes from one party to another."""

    source: str
    target: str
    asset: str
    amount_minor: int
    prefunded: bool = False


class Lacking(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a party has of an asset, where a lock asked for more; -1 when that is not known."""

    party: str
    asset: str
    available_minor: int
