"""How does the risk room's state travel into a snapshot and back, and what is its fingerprint?"""

from __future__ import annotations

import hashlib

import msgspec

from nostro.kernel.codec import encode
from nostro.risk.events import Change
from nostro.risk.state import Holder, RiskState, Scope

FORMAT = "nostro-risk/1"


class _Dump(msgspec.Struct, array_like=True):
    """All that the state is, in order; what follows from `open` is left out."""

    format: str
    open: list[Change]
    limits: list[tuple[Scope, Holder, int]]
    thresholds: list[tuple[Scope, int]]
    alerts: list[tuple[Scope, Holder]]


_decoder = msgspec.json.Decoder(_Dump)


def dump(state: RiskState) -> bytes:
    """Return the state as JSON; equal states give equal bytes."""
    return encode(
        _Dump(
            FORMAT,
            [Change(*lane, *is_open) for lane, is_open in sorted(state.open.items())],
            [
                (scope, holder, limit_minor)
                for scope in Scope
                for holder, limit_minor in sorted(state.limits[scope].items())
            ],
            sorted(state.thresholds.items()),
            sorted(state.alerts),
        )
    )


def load(data: bytes) -> RiskState:
    """Return the state that `dump` wrote; raises ValueError when it did not."""
    told = _decoder.decode(data)
    if told.format != FORMAT:
        raise ValueError(f"limits and exposures in the format {told.format!r}, not {FORMAT!r}")
    state = RiskState()
    state.count(told.open)
    for scope, holder, limit_minor in told.limits:
        state.limits[scope][holder] = limit_minor
    state.thresholds.update(told.thresholds)
    state.alerts.update(told.alerts)
    return state


def digest(state: RiskState) -> bytes:
    """Return SHA-256 over the state's meaning."""
    return hashlib.sha256(dump(state)).digest()
