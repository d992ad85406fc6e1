"""How do several members run in one process, without sharing what must be their own?

Each has its key, its lock file, its bodies and its state. What they share are pure functions of
what is certified (verdicts on bodies, the transactions of certified heights), one connection to the
log, and one reader: it passes bytes on, and each member checks them itself.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from nostro.adapters.members.actor import MemberActor
from nostro.adapters.members.home import CommitteeFile, MemberHome, read_committee
from nostro.adapters.members.malicious import MaliciousMember
from nostro.adapters.members.reader import LogReader
from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import (
    CertifiedIds,
    Chain,
    Committee,
    Epochs,
    Participant,
    Rules,
    Standing,
    Timeouts,
    committee_of,
    decode_lock,
)
from nostro.runtime.ending import ended
from nostro.runtime.ordered_log import OrderedLog
from nostro.runtime.ports import Clock, Outage

START_PAUSE_S = 0.1


def genesis_of(file: CommitteeFile) -> Committee:
    """Return the committee of the first epoch."""
    return committee_of(
        chain_id=file.chain_id,
        epoch=0,
        members=file.members,
        ruleset_version=file.ruleset_version,
        activation_height=1,
    )


class EmbeddedMembers:
    """All members of a committee that `set_up_members` made, on one log."""

    def __init__(
        self,
        *,
        directory: Path,
        ordered_log: OrderedLog,
        clock: Clock,
        malicious_members: int = 0,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Open every member's home. The last `malicious_members` of them contradict themselves."""
        self._genesis = genesis_of(read_committee(directory))
        self._log = ordered_log
        self._clock = clock
        self._timeouts = timeouts
        self._honest = self._genesis.size - malicious_members
        self._homes: list[MemberHome] = []
        self.actors: list[MemberActor] = []
        try:
            for seat in self._genesis.seats:
                self._homes.append(MemberHome(directory / seat.member_id))
        except BaseException:
            self.close()
            raise

    async def run(self) -> None:
        """Read and vote until cancelled; ends with the failure of the first member that cannot go
        on, because its own disk failed."""
        end = await self._end_of_log()
        reader = LogReader(self._log, clock=self._clock)
        rules, ids = Rules(verify), CertifiedIds()
        for number, home in enumerate(self._homes):
            kind = MemberActor if number < self._honest else MaliciousMember
            actor = kind(
                voter=self._participant(home, rules, ids),
                home=home,
                ordered_log=self._log,
                clock=self._clock,
                backlog_to=end,
            )
            self.actors.append(actor)
            reader.listen(actor.hear)
        tasks = [asyncio.create_task(actor.run(), name=actor.member_id) for actor in self.actors]
        tasks.append(asyncio.create_task(reader.run(), name="log-reader"))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await ended(tasks)

    async def _end_of_log(self) -> int:
        """Return where the log ends now; waits until it can be asked."""
        while True:
            try:
                return await self._log.append([])
            except Outage:
                await self._clock.sleep(START_PAUSE_S)

    def _participant(self, home: MemberHome, rules: Rules, ids: CertifiedIds) -> Participant:
        return Participant(
            chain=Chain(Epochs([self._genesis]), ids=ids),
            rules=rules,
            standing=Standing(member_id=home.member_id, public_key=home.key.public_key),
            lock=decode_lock(home.lock.state) if home.lock.state else None,
            timeouts=self._timeouts,
        )

    def close(self) -> None:
        """Let the homes go; call when `run` has ended."""
        homes, self._homes = self._homes, []
        for home in homes:
            home.close()
