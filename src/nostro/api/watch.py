"""How is each dependency, since when, and how far behind are the views?"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from enum import StrEnum

import msgspec

from nostro.api.platform import Finding, Platform, Probe
from nostro.api.times import rfc3339
from nostro.runtime.deadline import within
from nostro.runtime.engine import Engine, EngineState
from nostro.runtime.performers import Performing
from nostro.settlement import DomainState, SettlementState

SAMPLE_S = 0.5
SAMPLES_MAX = 7_200
"""An hour of heights, in samples of half a second."""
LAG_S_MAX = 30.0
"""Views further behind are told as not ok."""
OPTIONAL = frozenset({"views", "effects", "settlements", "settlement_domains"})
"""Dependencies without which commands are taken all the same."""


class Readiness(StrEnum):
    """What the platform can do: all of it, only commands or only reads, or no command."""

    READY = "ready"
    DEGRADED = "degraded"
    NOT_READY = "not_ready"


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """How a dependency is. `required`: without it the platform is not ready. `since`: when it
    became so, as far as anyone has looked."""

    ok: bool
    required: bool
    latency_ms: float
    since: str
    detail: str = ""
    remedy: str = ""


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far the views are behind the journal; None where they cannot be asked."""

    height: int | None
    rows: int | None
    seconds: float | None


class Watch:
    """Asks the engine, the views, the performers and the probes of a platform how they are."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._seen: dict[str, tuple[bool, str]] = {}
        self._trail: deque[tuple[float, int]] = deque(maxlen=SAMPLES_MAX)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.started = time.monotonic()

    async def dependencies(self) -> dict[str, Dependency]:
        """Return how each dependency is, all asked at once, each within its bound."""
        platform = self._platform
        probes: dict[str, Probe] = {"engine": EngineProbe(platform.engine)}
        probes.update((probe.name, probe) for probe in platform.probes)
        probes.setdefault("views", ViewsProbe(self))
        if platform.performing is not None:
            probes.setdefault("effects", EffectsProbe(platform.performing))
        if platform.domains is not None:
            probes.setdefault("settlements", SettlementsProbe(platform.engine))
        told = await asyncio.gather(*(self._ask(probe) for probe in probes.values()))
        return {
            name: self._noted(name, finding, took_s)
            for name, (finding, took_s) in zip(probes, told, strict=True)
        }

    async def _ask(self, probe: Probe) -> tuple[Finding, float]:
        bound = self._platform.bounds.probe_timeout_s
        started = time.perf_counter()
        try:
            finding = await within(bound, probe.check())
        except TimeoutError:
            finding = Finding(ok=False, detail=f"no answer within {bound:g} s")
        except Exception as error:
            finding = Finding(ok=False, detail=f"{type(error).__name__}: {error}")
        return finding, time.perf_counter() - started

    def _noted(self, name: str, finding: Finding, took_s: float) -> Dependency:
        was = self._seen.get(name)
        if was is None or was[0] != finding.ok:
            was = self._seen[name] = (finding.ok, rfc3339(time.time_ns() // 1000))
        return Dependency(
            ok=finding.ok,
            required=name not in OPTIONAL,
            latency_ms=round(took_s * 1000, 3),
            since=was[1],
            detail=finding.detail,
            remedy=finding.remedy,
        )

    async def lag(self) -> Lag:
        """Return how far the views are behind."""
        self._keep_trail()
        platform = self._platform
        try:
            height = await within(platform.bounds.probe_timeout_s, platform.ledger.checkpoint())
        except Exception:
            return Lag(height=None, rows=None, seconds=None)
        head = platform.engine.height
        seconds = 0.0 if height >= head else self._age_above(height)
        return Lag(height=height, rows=max(0, head - height), seconds=round(seconds, 3))

    def _age_above(self, height: int) -> float:
        """Return how long ago a row above a height was first seen in the journal."""
        now = time.monotonic()
        return next((now - at for at, head in self._trail if head > height), 0.0)

    def _keep_trail(self) -> None:
        """Note from now on which height the journal has when; timers end with their loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._trail.clear()
            self._sample(loop)

    def _sample(self, loop: asyncio.AbstractEventLoop) -> None:
        height = self._platform.engine.height
        if not self._trail or self._trail[-1][1] != height:
            self._trail.append((time.monotonic(), height))
        loop.call_later(SAMPLE_S, self._sample, loop)


def readiness(dependencies: dict[str, Dependency]) -> Readiness:
    """Return what the platform can do with its dependencies as they are."""
    if not all(each.ok for each in dependencies.values() if each.required):
        return Readiness.NOT_READY
    if not all(each.ok for each in dependencies.values()):
        return Readiness.DEGRADED
    return Readiness.READY


_ENGINE_REMEDIES = {
    EngineState.RECOVERING: "Wait: it replays the journal. If it lasts, see the store.",
    EngineState.FENCED: "Another process writes this chain: stop one of the two, then restart.",
    EngineState.STOPPED: "Start it: nostro up.",
    EngineState.RUNNING: "",
}


class EngineProbe:
    """Is the single writer running?"""

    name = "engine"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def check(self) -> Finding:
        """Return the engine's state, and why it is not running."""
        engine = self._engine
        detail = f"{engine.state.value}, height {engine.height}, {engine.queued} waiting"
        if engine.state_reason:
            detail += f": {engine.state_reason}"
        ok = engine.state is EngineState.RUNNING
        return Finding(ok=ok, detail=detail, remedy=_ENGINE_REMEDIES[engine.state])


class ViewsProbe:
    """Do the views keep up with the journal?"""

    name = "views"

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def check(self) -> Finding:
        """Return how far they are behind."""
        lag = await self._watch.lag()
        if lag.rows is None or lag.seconds is None:
            return Finding(ok=False, detail="they cannot be read", remedy="See the database.")
        detail = f"height {lag.height}, {lag.rows} rows and {lag.seconds:g} s behind"
        if lag.seconds <= LAG_S_MAX:
            return Finding(ok=True, detail=detail)
        remedy = "See whether the follower runs: nostro doctor. Commands are not affected."
        return Finding(ok=False, detail=detail, remedy=remedy)


class EffectsProbe:
    """Are the deeds being done that were asked for?"""

    name = "effects"

    def __init__(self, performing: Performing) -> None:
        self._performing = performing

    async def check(self) -> Finding:
        """Count what is under way and what was given up for now."""
        parked = len(self._performing.parked)
        detail = f"{self._performing.under_way} under way, {parked} parked"
        remedy = "The world refused them too often: see the log. A restart tries them again."
        return Finding(ok=not parked, detail=detail, remedy=remedy if parked else "")


class SettlementsProbe:
    """Does every settlement domain do what was decided, and say what it said before?"""

    name = "settlements"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def check(self) -> Finding:
        """Count what is stuck, and name the domains that are quarantined."""
        state: SettlementState = self._engine.look("settlement")
        away = [
            name
            for name, each in sorted(state.domains.items())
            if each.state is DomainState.QUARANTINED
        ]
        detail = f"{len(state.stuck)} stuck, quarantined: {', '.join(away) or 'no domain'}"
        if away:
            remedy = f"nostro settle reconcile --domain {away[0]} tells what it lost."
            return Finding(ok=False, detail=detail, remedy=remedy)
        if state.stuck:
            remedy = "A domain refuses what was decided: GET /settlements/{id}/events tells why."
            return Finding(ok=False, detail=detail, remedy=remedy)
        return Finding(ok=True, detail=detail)
