"""Which members does this process run, on which log, with which keys?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from nostro.adapters.clock import SystemClock
from nostro.adapters.members.committee import EmbeddedMembers, genesis_of
from nostro.adapters.members.home import CommitteeFile, read_committee, set_up_members
from nostro.adapters.members.performer import ConsensusPerformer
from nostro.adapters.postgres.ordered_log import PostgresOrderedLog
from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import Committee, Timeouts
from nostro.runtime.ordered_log import OrderedLog

MEMBERS_DIR = "members"
TIMEOUTS = Timeouts(first_ms=400, growth_ms=400)
"""Members on one machine agree in some 25 ms; a proposer that lies costs a round of this."""


def set_up(data_dir: Path, *, chain: str, count: int) -> CommitteeFile:
    """Make the members' keys, unless they are made; return what is public of them.

    Called by the parent before the server and the members start: both need it. Raises ValueError
    when the number of members was changed by setting, which only a certified rotation may.
    """
    return set_up_members(data_dir / MEMBERS_DIR, chain_id=chain, count=count)


def consensus_performer(ordered_log: OrderedLog, data_dir: Path) -> ConsensusPerformer:
    """Return who puts batches to the members that were set up; without members they wait."""

    def committees() -> list[Committee]:
        try:
            return [genesis_of(read_committee(data_dir / MEMBERS_DIR))]
        except FileNotFoundError:
            return []

    return ConsensusPerformer(ordered_log=ordered_log, committees=committees, verify=verify)


async def run_members(
    *,
    data_dir: Path,
    url: str,
    chain: str,
    malicious_members: int = 0,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Run all members of a committee that was set up, until cancelled.

    `malicious_members`: how many of them, the last ones, sign contradicting votes and proposals.
    For demonstrations: up to f = (N - 1) // 3 of them change nothing but the time it takes.
    """
    ordered_log = PostgresOrderedLog(url, chain)
    members = EmbeddedMembers(
        directory=data_dir / MEMBERS_DIR,
        ordered_log=ordered_log,
        clock=SystemClock(),
        malicious_members=malicious_members,
        timeouts=TIMEOUTS,
    )
    try:
        if on_ready is not None:
            on_ready()
        await members.run()
    finally:
        members.close()
        await asyncio.shield(ordered_log.close())
