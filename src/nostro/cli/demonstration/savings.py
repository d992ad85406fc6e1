"""What did netting save, who agreed to it, who lied, and how long did it take?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from nostro.cli.demonstration.day import Latency, Savings
from nostro.cli.demonstration.scene import Scene, all_of
from nostro.cli.demonstration.stage import MALICIOUS, MEMBERS
from nostro.cli.demonstration.traffic import RTGS

QUORUM = 2 * MEMBERS // 3 + 1
NETTED = "netted"
STAGES = ("accepted to batched", "batched to certified", "certified to settled")
WHOLE = "accepted to settled"


async def look(scene: Scene) -> None:
    """Look at certificates, evidence, savings and times."""
    await _certificates(scene)
    await _evidence(scene)
    scene.day.savings = savings_of(scene.day.cycles.values())
    scene.day.latencies = latencies_of(scene)


async def _certificates(scene: Scene) -> None:
    """Check that nothing was executed without a certificate of a quorum."""
    day = scene.day
    settled = [name for name, told in day.batches.items() if told["batch"]["state"] == "settled"]
    read = await all_of(settled, lambda name: scene.told(f"/api/v1/batches/{name}/certificate"))
    thin = [
        one
        for one in read
        if one.get("rejected", True) or len(set(one["signers"])) < QUORUM or not one["certificate"]
    ]
    scene.check(f"each batch has a certificate of {QUORUM} of {MEMBERS}", not thin, thin[:1])
    heights = [one["consensus_height"] for one in read]
    scene.check("no two certificates share a height", len(set(heights)) == len(heights), heights)
    day.certificates = len(read) - len(thin)
    scene.say(f"{len(read)} batches settled, {day.certificates} certificates of {QUORUM} or more")


async def _evidence(scene: Scene) -> None:
    told = await scene.told("/api/v1/evidence", at_least=scene.door.tally.height)
    liars = sorted({one["member_id"] for one in told["data"]})
    scene.check(f"{MALICIOUS} member is caught lying", len(liars) == MALICIOUS, liars)
    scene.done["pieces of evidence against a member"] += len(told["data"])
    scene.say(f"{len(told['data'])} contradictions signed by {', '.join(liars)}: all in evidence")


def savings_of(cycles: Iterable[dict[str, Any]]) -> Savings:
    """Add up the reports of the cycles that settled, gross ones included."""
    reports = [
        cycle["report"] for cycle in cycles if cycle["state"] == "settled" and cycle["report"]
    ]

    def cents(name: str) -> int:
        return sum(int(Decimal(report[name]).scaleb(2)) for report in reports)

    return Savings(
        gross=cents("gross_cost"),
        grouped=cents("grouped_cost"),
        bilateral=cents("bilateral_cost"),
        cost=cents("cost"),
        wires_before=sum(report["wires_before"] for report in reports),
        wires_after=sum(report["wires_after"] for report in reports),
    )


def latencies_of(scene: Scene) -> list[Latency]:
    """Measure how long each payment that settled was in each stage, by the platform's times."""
    stages: dict[tuple[str, str], list[float]] = {
        (kind, name): [] for kind in (RTGS, NETTED) for name in (*STAGES, WHOLE)
    }
    for payment in scene.day.ended.values():
        batch = scene.day.batches.get(payment["batch_id"])
        if payment["state"] != "settled" or batch is None:
            continue
        kind = RTGS if payment["settlement_window"] == RTGS else NETTED
        told = batch["batch"]
        times = [payment["accepted_at"], told["created_at"], told["certified_at"]]
        moments = [datetime.fromisoformat(each) for each in (*times, payment["settled_at"])]
        for name, start, end in zip(STAGES, moments, moments[1:], strict=False):
            stages[kind, name].append((end - start).total_seconds() * 1000)
        stages[kind, WHOLE].append((moments[-1] - moments[0]).total_seconds() * 1000)
    return [_latency(kind, name, sorted(times)) for (kind, name), times in stages.items() if times]


def _latency(kind: str, stage: str, times: list[float]) -> Latency:
    return Latency(
        window=kind,
        stage=stage,
        payments=len(times),
        p50_ms=round(times[len(times) // 2]),
        p99_ms=round(times[len(times) * 99 // 100]),
        most_ms=round(times[-1]),
    )
