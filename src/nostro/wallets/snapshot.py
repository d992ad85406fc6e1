"""How does the state travel into a snapshot and back, and what is its fingerprint?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import chain

import msgspec

from nostro.kernel.codec import encode
from nostro.wallets.state import ENDED_HOT_MAX, Course, Deposit, WalletsState, Withdrawal

FORMAT = "nostro-wallets/2"


class _Dump(msgspec.Struct):
    """The end of a dump; the index of what ended stands before it, always at the same place."""

    format: str
    assets: dict[str, int]
    customers: dict[str, list[str]]
    deposits: list[Deposit]
    withdrawals: list[Withdrawal]
    leaving: list[tuple[str, int]]
    ended_count: int
    ended_sum: int


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: WalletsState) -> bytes:
    """Return the state as the bytes of the index of what ended, and JSON."""
    return state.ended.dump() + encode(
        _Dump(
            FORMAT,
            state.assets,
            {user: sorted(assets) for user, assets in state.customers.items()},
            list(state.deposits.values()),
            list(state.withdrawals.values()),
            list(state.leaving),
            state.ended_count,
            state.ended_sum,
        )
    )


def load(data: bytes, *, ended_hot_max: int = ENDED_HOT_MAX) -> WalletsState:
    """Return the state that `dump` wrote; what had ended is no longer in memory. Raises ValueError
    when `dump` did not write it."""
    state = WalletsState(ended_hot_max=ended_hot_max)
    told = _decoder.decode(state.ended.load(data))
    if told.format != FORMAT:
        raise ValueError(f"wallets in the format {told.format!r}, not {FORMAT!r}")
    state.assets = told.assets
    state.customers = {user: set(assets) for user, assets in told.customers.items()}
    state.deposits = {deposit.key: deposit for deposit in told.deposits}
    state.withdrawals = {withdrawal.key: withdrawal for withdrawal in told.withdrawals}
    state.leaving.extend(told.leaving)
    state.ended_count = told.ended_count
    state.ended_sum = told.ended_sum
    return state


def digest(state: WalletsState) -> bytes:
    """Return SHA-256 over what is offered, who is a customer, all that is under way, and the sum of
    all that ended; whether something ended is still in memory makes no difference."""
    courses: Iterable[Course] = chain(state.deposits.values(), state.withdrawals.values())
    under_way = sorted((course for course in courses if not course.ended), key=_key)
    customers = [(user, sorted(assets)) for user, assets in sorted(state.customers.items())]
    told = (
        sorted(state.assets.items()),
        customers,
        under_way,
        state.ended_count,
        state.ended_sum,
    )
    return hashlib.sha256(encode(told)).digest()


def _key(course: Course) -> str:
    return course.key
