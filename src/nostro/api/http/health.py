"""How does the outside see whether the platform lives, is ready, and what it counts?"""

from __future__ import annotations

import time
from typing import Any, Literal

import msgspec

from nostro.api.exposition import CONTENT_TYPE, exposed
from nostro.api.operations import Call, Operation, Result, answered
from nostro.api.problems import Spoken
from nostro.api.watch import Dependency, Lag, Readiness, readiness


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform can do, and how each dependency is. `degraded`: commands are taken, but
    something that is not required is not well."""

    status: Readiness
    dependencies: dict[str, Dependency]


class EngineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine has done since it started; times in seconds."""

    state: str
    height: int
    queue_depth: int
    commands_total: int
    rejected_total: int
    replayed_total: int
    key_conflicts_total: int
    overloaded_total: int
    commits_total: int
    recoveries_total: int
    recovery_seconds: float


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The platform at a glance."""

    status: Readiness
    version: str
    chain: str
    uptime_seconds: float
    engine: EngineHealth
    views: Lag
    dependencies: dict[str, Dependency]


async def live(call: Call, _: Any) -> Spoken:
    """Say that the process answers; asks nobody."""
    return answered(Alive())


async def ready(call: Call, _: Any) -> Spoken:
    """Say whether commands are taken, and how each dependency is."""
    dependencies = await call.desk.watch.dependencies()
    status = readiness(dependencies)
    told = Ready(status=status, dependencies=dependencies)
    return answered(told, status=503 if status is Readiness.NOT_READY else 200)


async def health(call: Call, _: Any) -> Spoken:
    """Tell of the platform at a glance."""
    platform, watch = call.desk.platform, call.desk.watch
    dependencies = await watch.dependencies()
    engine, stats = platform.engine, platform.engine.stats
    told = Health(
        status=readiness(dependencies),
        version=platform.version,
        chain=platform.chain,
        uptime_seconds=round(time.monotonic() - watch.started, 3),
        engine=EngineHealth(
            state=engine.state.value,
            height=engine.height,
            queue_depth=engine.queued,
            commands_total=stats.commands,
            rejected_total=stats.rejected,
            replayed_total=stats.replayed,
            key_conflicts_total=stats.conflicts,
            overloaded_total=stats.overloaded,
            commits_total=stats.batches,
            recoveries_total=stats.recoveries,
            recovery_seconds=round(stats.recovery_s, 3),
        ),
        views=await watch.lag(),
        dependencies=dependencies,
    )
    return answered(told)


async def metrics(call: Call, _: Any) -> Spoken:
    """Tell every figure to Prometheus."""
    desk = call.desk
    text = exposed(desk.platform, desk.meters, await desk.watch.lag())
    return Spoken(200, [(b"content-type", CONTENT_TYPE.encode())], text)


_TAG = "operations"
_SINCE = "2026-01-31T09:30:00.000000Z"
_WELL = {"ok": True, "required": True, "latency_ms": 0.4, "since": _SINCE, "remedy": ""}
_DEPENDENCIES = {
    "engine": {**_WELL, "detail": "running, height 42, 0 waiting"},
    "views": {**_WELL, "required": False, "detail": "height 42, 0 rows and 0 s behind"},
}
_ENGINE = {
    "state": "running",
    "height": 42,
    "queue_depth": 0,
    "commands_total": 42,
    "rejected_total": 3,
    "replayed_total": 1,
    "key_conflicts_total": 0,
    "overloaded_total": 0,
    "commits_total": 40,
    "recoveries_total": 0,
    "recovery_seconds": 0.012,
}

OPERATIONS = (
    Operation(
        name="livez",
        method="GET",
        path="/livez",
        tag=_TAG,
        summary="Does the process live?",
        description="Asks nobody, so that a slow store never gets a healthy process killed.",
        handler=live,
        results={200: Result(description="It lives.", shape=Alive, example={"status": "alive"})},
    ),
    Operation(
        name="readyz",
        method="GET",
        path="/readyz",
        tag=_TAG,
        summary="Are commands taken?",
        description="Each dependency with its own state, the time it took to answer, and a remedy.",
        handler=ready,
        results={
            200: Result(
                description="Commands are taken.",
                shape=Ready,
                example={"status": "ready", "dependencies": _DEPENDENCIES},
            ),
            503: Result(
                description="A required dependency is not well.",
                shape=Ready,
                example={
                    "status": "not_ready",
                    "dependencies": {
                        "engine": {
                            **_WELL,
                            "ok": False,
                            "detail": "recovering, height 42, 7 waiting",
                            "remedy": "Wait: it replays the journal. If it lasts, see the store.",
                        }
                    },
                },
            ),
        },
    ),
    Operation(
        name="health",
        method="GET",
        path="/api/v1/metrics/health",
        tag=_TAG,
        summary="The platform at a glance",
        description="State, height, queue, counters since the start, lag of the views, and every "
        "dependency.",
        handler=health,
        results={
            200: Result(
                description="The platform at a glance.",
                shape=Health,
                example={
                    "status": "ready",
                    "version": "0.1.0",
                    "chain": "main",
                    "uptime_seconds": 12.5,
                    "engine": _ENGINE,
                    "views": {"height": 42, "rows": 0, "seconds": 0.0},
                    "dependencies": _DEPENDENCIES,
                },
            )
        },
    ),
    Operation(
        name="metrics",
        method="GET",
        path="/metrics",
        tag=_TAG,
        summary="Metrics for Prometheus",
        description="Every name begins with `nostro_`; times are seconds.",
        handler=metrics,
        results={
            200: Result(
                description="The text exposition format.",
                media_type="text/plain",
                example="nostro_journal_height 42\n",
            )
        },
    ),
)
