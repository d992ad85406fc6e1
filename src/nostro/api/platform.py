"""What does the front door need of the platform behind it?

Commands go to the engine. Reads come from the views, never from the engine's memory, which is
speculative. Views and probes are ports: wiring chooses what stands behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from nostro.kernel.asset import Asset
from nostro.runtime.engine import Engine
from nostro.runtime.performers import Performing


class LedgerReads(Protocol):
    """The views of the ledger."""

    async def checkpoint(self) -> int:
        """Return the height that the views have reached."""
        ...

    async def assets(self) -> Sequence[Asset]:
        """Return the assets registered beyond the seed registry, or all."""
        ...


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe found. `remedy`: what to do when it is not ok; measured, never guessed."""

    ok: bool
    detail: str = ""
    remedy: str = ""


class Probe(Protocol):
    """Asks one dependency whether it does its work."""

    name: str

    async def check(self) -> Finding:
        """Return what was found; whatever it raises is told as not ok."""
        ...


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the door: bytes of a body (10,000 transfers of 400 bytes, twice over), seconds
    until a command must be answered, milliseconds that a read waits for its `at_least`, and seconds
    that a probe may take."""

    body_bytes_max: int = 8_000_000
    answer_timeout_s: float = 15.0
    at_least_timeout_ms: int = 2_000
    probe_timeout_s: float = 2.0


class AccessLog(Protocol):
    """Writes one line for each request."""

    def __call__(
        self, *, method: str, path: str, status: int, duration_s: float, request_id: str
    ) -> None:
        """Note that a request was answered."""
        ...


def _silent(*, method: str, path: str, status: int, duration_s: float, request_id: str) -> None:
    """Write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The parts that the API speaks to; `version` and `chain` are what it tells of itself."""

    engine: Engine
    ledger: LedgerReads
    performing: Performing | None = None
    probes: Sequence[Probe] = ()
    bounds: Bounds = field(default_factory=Bounds)
    access_log: AccessLog = _silent
    version: str = "0"
    chain: str = "main"
