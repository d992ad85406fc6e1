"""How long do four members take to certify a batch of 1,000, and how fast is one checked?"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from benchmarks.result import percentile, report
from benchmarks.stand import embedded, tune_garbage_collection
from nostro.adapters.members.committee import genesis_of
from nostro.adapters.members.performer import ConsensusPerformer
from nostro.adapters.postgres.launcher import EmbeddedPostgres
from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import (
    Committee,
    ProposeBatch,
    RecordCertificate,
    batch_body,
    decode_certificate,
    decode_entry,
    verify_commit_certificate,
)
from nostro.wiring.members import consensus_performer, run_members, set_up

MEMBERS = 4
PAYMENTS = 1_000
BATCHES = 300
WARM_UP = 20
AT_ONCE = 8
TARGET_MS = 50.0
CHECK_SECONDS = 2.0


def main() -> None:
    """Certify batches one after the other, then several at once; then check certificates."""
    details = uvloop.run(_measure())
    report(
        name="consensus",
        value=details["one at a time"]["p99_ms"],
        unit=f"ms p99 per batch of {PAYMENTS:,} with {MEMBERS} members",
        target=TARGET_MS,
        baseline="the same commits to the log without members: request, proposal, two votes",
        ratio=details["commits alone"]["p99_ms"] / details["one at a time"]["p99_ms"],
        bound_by="four flushed commits and three flushed locks in a row, and one core of Python",
        details=details,
    )


async def _measure() -> dict[str, Any]:
    with embedded() as postgres, tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        committee = genesis_of(set_up(data_dir, chain="main", count=MEMBERS))
        log = PostgresOrderedLog(postgres.url("nostro_engine"))
        members = await _start_members(postgres, data_dir)
        tune_garbage_collection()
        performer = consensus_performer(log, data_dir)
        numbers = iter(range(1, 1_000_000))
        try:
            for _ in range(WARM_UP):
                await _certify(performer, next(numbers))
            single, command = await _one_at_a_time(performer, numbers)
            together = await _at_once(performer, numbers)
            alone = await _commits_alone(log)
        finally:
            members.terminate()
            await members.wait()
            await log.close()
    return {
        "one at a time": single,
        f"{AT_ONCE} at once": together,
        "commits alone": alone,
        "certificates checked per second": _checked_per_second(command, committee),
    }


async def _start_members(postgres: EmbeddedPostgres, data_dir: Path) -> asyncio.subprocess.Process:
    """Run the members in a process of their own, as `nostro up` does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.consensus",
        postgres.url("nostro_members"),
        str(data_dir),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return process


def _vote(url: str, data_dir: Path) -> None:
    tune_garbage_collection()
    uvloop.run(
        run_members(
            data_dir=data_dir, url=url, chain="main", on_ready=lambda: print("ready", flush=True)
        )
    )


def _effect(number: int) -> ProposeBatch:
    body = batch_body(
        cycle_id="2026-11-20T1500Z",
        batch_id=f"2026-11-20T1500Z.{number}",
        number=number,
        of=1_000_000,
        value_date="2026-11-20",
        rate_set_id="rates",
        rates=[],
        items=[
            (f"tx-{number:06}-{item:04}", "BANKDEFF", "EUR", item, "BANKFRPP", "EUR", item)
            for item in range(1, PAYMENTS + 1)
        ],
        at_us=1_763_650_800_000_000 + number,
    )
    return ProposeBatch(
        cycle_id="2026-11-20T1500Z", batch_id=f"2026-11-20T1500Z.{number}", body=body
    )


async def _certify(performer: ConsensusPerformer, number: int) -> tuple[float, RecordCertificate]:
    effect = _effect(number)
    started = perf_counter()
    outcomes = await performer.perform(effect, f"bench:{number}")
    seconds = perf_counter() - started
    command = outcomes[-1][1]
    assert isinstance(command, RecordCertificate)
    return seconds, command


async def _one_at_a_time(
    performer: ConsensusPerformer, numbers: Iterator[int]
) -> tuple[dict[str, float], RecordCertificate]:
    taken = [await _certify(performer, next(numbers)) for _ in range(BATCHES)]
    return _told([seconds for seconds, _ in taken]), taken[-1][1]


async def _at_once(performer: ConsensusPerformer, numbers: Iterator[int]) -> dict[str, float]:
    started = perf_counter()
    times: list[float] = []

    async def client() -> None:
        while len(times) < BATCHES:
            times.append((await _certify(performer, next(numbers)))[0])

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return {**_told(times), "batches_per_s": round(len(times) / (perf_counter() - started), 1)}


async def _commits_alone(log: PostgresOrderedLog) -> dict[str, float]:
    """Measure what the log costs by itself: four appends in a row for each batch."""
    times = []
    for number in range(BATCHES):
        started = perf_counter()
        for step in range(4):
            await log.append([(f"bench/{number}/{step}", bytes(400))])
        times.append(perf_counter() - started)
    return _told(times)


def _told(times: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(percentile(times, 0.5) * 1_000, 2),
        "p99_ms": round(percentile(times, 0.99) * 1_000, 2),
        "max_ms": round(max(times) * 1_000, 2),
    }


def _checked_per_second(command: RecordCertificate, committee: Committee) -> int:
    entry = decode_entry(b64decode(command.entry))
    raw = b64decode(command.certificate)
    count, started = 0, perf_counter()
    while (seconds := perf_counter() - started) < CHECK_SECONDS:
        verify_commit_certificate(decode_certificate(raw), entry, committee, verify)
        count += 1
    return int(count / seconds)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _vote(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
