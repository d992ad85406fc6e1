"""How does the state travel into a snapshot and back, and what is its fingerprint?

Settlements stand within their bundles. Whatever follows from these (who waits for the other side,
when something is due) is not written.
"""

from __future__ import annotations

import hashlib

import msgspec

from nostro.kernel.codec import encode
from nostro.settlement.live import Bundle, side_of
from nostro.settlement.names import NAMES_HOT_MAX
from nostro.settlement.numbers import Numbers
from nostro.settlement.state import DomainStanding, SettlementState
from nostro.settlement.terms import Instrument

FORMAT = "nostro-settlement/1"


class _Dump(msgspec.Struct):
    """The end of a dump; the index of names stands before it, always at the same place."""

    format: str
    names_count: int
    names_total: int
    numbers_next: int
    closed_day: int
    accrued: int
    bundles: list[Bundle]
    cancelled: list[int]
    instruments: list[Instrument]
    rates: list[tuple[str, list[tuple[int, int]]]]
    domains: list[tuple[str, DomainStanding]]
    unsettled: bytes = b""


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: SettlementState) -> bytes:
    """Return the state as the bytes of the index of names, and JSON."""
    return state.names.seen.dump() + encode(_told(state))


def digest(state: SettlementState) -> bytes:
    """Return SHA-256 over the state; whether a name is still in memory makes no difference."""
    return hashlib.sha256(encode(_told(state))).digest()


def load(data: bytes, *, names_hot_max: int = NAMES_HOT_MAX) -> SettlementState:
    """Return the state that `dump` wrote; names are no longer in memory. Raises ValueError when
    `dump` did not write it."""
    state = SettlementState(names_hot_max=names_hot_max)
    told = _decoder.decode(state.names.seen.load(data))
    if told.format != FORMAT:
        raise ValueError(f"settlement in the format {told.format!r}, not {FORMAT!r}")
    state.names.count, state.names.total = told.names_count, told.names_total
    state.numbers_next = told.numbers_next
    state.closed_day, state.accrued = told.closed_day, told.accrued
    state.bundles = {each.number: each for each in told.bundles}
    state.cancelled = dict.fromkeys(told.cancelled)
    state.instruments = {each.code: each for each in told.instruments}
    state.rates = {name: dict(rates) for name, rates in told.rates}
    state.domains = dict(told.domains)
    state.unsettled = Numbers(told.unsettled)
    _place(state)
    return state


def _told(state: SettlementState) -> _Dump:
    return _Dump(
        FORMAT,
        state.names.count,
        state.names.total,
        state.numbers_next,
        state.closed_day,
        state.accrued,
        list(state.bundles.values()),
        list(state.cancelled),
        [state.instruments[code] for code in sorted(state.instruments)],
        [(name, sorted(state.rates[name].items())) for name in sorted(state.rates)],
        sorted(state.domains.items(), key=lambda each: each[0]),
        state.unsettled.told,
    )


def _place(state: SettlementState) -> None:
    """Put every settlement where it stands besides its bundle."""
    live = sorted(
        (each for bundle in state.bundles.values() for each in bundle.settlements),
        key=lambda each: each.number,
    )
    state.settlements = {each.number: each for each in live}
    for each in live:
        if not each.matched:
            state.unmatched.add(each.number, side_of(each.terms))
    for name in state.domains:
        state.bar(name)
    state.stuck = {bundle.number for bundle, round_ in state.open_rounds() if round_.stuck}
    state.set_timers()
