"""How many payments a second go all the way, from acceptance to finality?

Everything that `nostro up` runs, runs: the engine with its performers and the simulated rails in
this process, the four members and the follower in processes of their own, and PostgreSQL. The load
comes from this process too, as bulk commands of 1,000, and never runs ahead of finality by more
than BEHIND_MAX payments. Then, at light load, single RTGS payments one after the other.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from benchmarks.payment_load import PaymentTraffic, open_banks
from benchmarks.result import percentile, report
from benchmarks.stand import embedded, tune_garbage_collection, until_followed
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.payments import PaymentsState, SubmitPayments
from nostro.wiring.engine import EngineRoom
from nostro.wiring.platform import CHILD_MODULE
from nostro.wiring.processes import Child
from nostro.wiring.settings import Settings, load_settings

SECONDS = 60.0
TARGET = 15_000
BULK = 1_000
BEHIND_MAX = 60_000
"""Payments that may be under way: some seconds of them."""
CYCLE_SECONDS = 1
SINGLES = 200
RTGS_TARGET_MS = 300
NAIVE = "one SQL transaction for each payment: idempotency row, two balances, two entries, state"


async def main() -> None:
    """Measure with the follower beside, and the latency of RTGS at light load."""
    seconds = 10.0 if "--quick" in sys.argv else SECONDS
    from benchmarks import sql_payments

    with embedded() as postgres:
        baseline = await sql_payments.measure(postgres.url(), seconds=5)
        told = await _measure(postgres, seconds)
    report(
        name="payments_end_to_end",
        value=told["settled_per_s"],
        unit="payments/s",
        target=TARGET,
        baseline=sql_payments.NAME,
        ratio=told["settled_per_s"] / baseline,
        bound_by="the engine's core (deciding, encoding, hashing), shared with PostgreSQL, the "
        "follower and the members on two cores",
        details={"baseline_payments_per_s": round(baseline), **told},
    )


async def _measure(postgres: EmbeddedPostgres, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="nostro-bench-members-") as directory:
        settings = load_settings(
            data_dir=Path(directory), cycle_seconds=CYCLE_SECONDS, log_level="warning"
        )
        room = EngineRoom(settings, postgres.url("nostro_engine"))
        children = [_child(name, postgres, settings) for name in ("members", "follower")]
        await room.start()
        for child in children:
            await child.start()
        tune_garbage_collection()
        try:
            await open_banks(room.engine)
            pids = {child.name: child.pid for child in children if child.pid is not None}
            pids |= {"server_and_load": os.getpid(), "postgres": postgres.pid or 0}
            before = {name: _cpu_s(pid) for name, pid in pids.items()}
            sustained = await _sustain(room, seconds)
            sustained["cpu_us_a_payment"] = {
                name: round((_cpu_s(pid) - before[name]) / sustained["accepted"] * 1e6, 1)
                for name, pid in pids.items()
            }
            height = room.engine.height
            started = perf_counter()
            await until_followed(postgres, height)
            sustained["views_behind_s"] = round(perf_counter() - started, 1)
            return {**sustained, "rtgs_ms": await _singles(room)}
        finally:
            for child in children:
                await child.stop()
            await room.stop()


def _child(name: str, postgres: EmbeddedPostgres, settings: Settings) -> Child:
    roles = ("engine", "follower", "reader", "members")
    order = {
        "stores": {role: postgres.url(f"nostro_{role}") for role in roles},
        "settings": {
            "data_dir": str(settings.data_dir),
            "cycle_seconds": settings.cycle_seconds,
            "log_level": "warning",
        },
    }
    return Child(name=name, module=CHILD_MODULE, order=order)


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process and its children that run now."""
    total = 0
    for task in (pid, *_children_of(pid)):
        fields = Path(f"/proc/{task}/stat").read_text("ascii").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _children_of(pid: int) -> list[int]:
    if pid == os.getpid():
        return []
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in listed.split()]


def _under_way(room: EngineRoom) -> int:
    """Return how many accepted payments are not final."""
    state: PaymentsState = room.engine.look("payments")
    return len(state.payments)


async def _until_final(room: EngineRoom) -> None:
    while _under_way(room):  # noqa: ASYNC110  nothing else tells of finality
        await asyncio.sleep(0.001)


async def _sustain(room: EngineRoom, seconds: float) -> dict[str, Any]:
    traffic, engine = PaymentTraffic("e"), room.engine
    accepted = 0
    marks: list[tuple[float, int]] = []
    started = perf_counter()

    async def client(number: int) -> None:
        nonlocal accepted
        count = 0
        while perf_counter() - started < seconds:
            if _under_way(room) > BEHIND_MAX:
                await asyncio.sleep(0.01)
                continue
            count += 1
            command = SubmitPayments(payments=traffic.take(BULK))
            receipt = await engine.submit(key=f"b{number}:{count}", command=command, actor="bench")
            accepted += receipt.reply.body["accepted"]

    async def watch() -> None:
        while True:
            marks.append((perf_counter() - started, accepted - _under_way(room)))
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(client(number) for number in range(3)))
    settled = accepted - _under_way(room)
    elapsed = perf_counter() - started
    await _until_final(room)
    drained = perf_counter() - started
    watching.cancel()
    stats = engine.stats
    half = next(count for at, count in marks if at >= elapsed / 2)
    return {
        "settled_per_s": round(settled / elapsed),
        "settled_per_s_in_the_second_half": round((settled - half) / (elapsed / 2)),
        "accepted": accepted,
        "seconds": round(elapsed, 1),
        "drained_after_s": round(drained - elapsed, 1),
        "decide_s": round(stats.decide_s, 1),
        "commit_s": round(stats.commit_s, 1),
        "rows": engine.height,
    }


async def _singles(room: EngineRoom) -> dict[str, float]:
    """Return the latencies of RTGS payments from submission to finality, one at a time."""
    traffic = PaymentTraffic("r", seed=2, rtgs_share=1.0)
    latencies: list[float] = []
    for number in range(SINGLES):
        started = perf_counter()
        command = SubmitPayments(payments=traffic.take(1))
        await room.engine.submit(key=f"s{number}", command=command, actor="bench")
        await _until_final(room)
        latencies.append((perf_counter() - started) * 1_000)
        await asyncio.sleep(0.02)
    return {
        "p50": round(percentile(latencies, 0.5), 1),
        "p99": round(percentile(latencies, 0.99), 1),
        "target_p99": RTGS_TARGET_MS,
    }


if __name__ == "__main__":
    uvloop.run(main())
