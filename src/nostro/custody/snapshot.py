"""How does the state travel into a snapshot and back, and what is its fingerprint?"""

from __future__ import annotations

import hashlib

import msgspec

from nostro.custody.state import CustodyState, Round
from nostro.kernel.codec import encode

FORMAT = "nostro-custody/1"


class _Dump(msgspec.Struct):
    """The end of a dump; the indexes of ended rounds and of references stand before it."""

    format: str
    rounds: list[Round]
    history_sum: int


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: CustodyState) -> bytes:
    """Return the state as the bytes of its two indexes, and JSON."""
    told = _Dump(FORMAT, list(state.rounds.values()), state.history_sum)
    return state.ended.dump() + state.issued.dump() + encode(told)


def load(data: bytes, state: CustodyState) -> CustodyState:
    """Fill a new state with what `dump` wrote; what had ended is no longer in memory. Raises
    ValueError when `dump` did not write it."""
    told = _decoder.decode(state.issued.load(state.ended.load(data)))
    if told.format != FORMAT:
        raise ValueError(f"custody in the format {told.format!r}, not {FORMAT!r}")
    state.rounds = {round_.hold.round_id: round_ for round_ in told.rounds}
    state.history_sum = told.history_sum
    return state


def digest(state: CustodyState) -> bytes:
    """Return SHA-256 over the rounds that have not ended, and the sum of all that has; what of that
    is still in memory makes no difference."""
    told = sorted(state.rounds.values(), key=_id), state.history_sum
    return hashlib.sha256(encode(told)).digest()


def _id(round_: Round) -> str:
    return round_.hold.round_id
