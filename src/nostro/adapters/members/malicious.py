"""What does a member do that wants two things certified at one height? (Demonstrations and tests.)

It signs whatever it is asked to, and the contrary as well: every proposal twice with different
entries, every vote for a value and for something else. Its vote lock keeps it from nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.adapters.members.actor import MemberActor
from nostro.consensus import Action, Broadcast, Message, Proposal, Received, Vote


class MaliciousMember(MemberActor):
    """A member that contradicts itself in every step."""

    def _sign(self, action: Broadcast) -> Sequence[Action]:
        contrary = contrary_of(action.message)
        lie = contrary.signed(self._home.key.sign(contrary.sign_bytes(action.lock.chain_id)))
        message = action.message.signed(self._home.key.sign(action.sign_bytes))
        self._send(lie)
        self._send(message)
        return self._voter.step(Received(message))


def contrary_of(message: Message) -> Message:
    """Return what contradicts a message: another entry, or a vote for another value."""
    if isinstance(message, Proposal):
        entry = msgspec.structs.replace(
            message.entry, batch_time_us=message.entry.batch_time_us + 1
        )
        return msgspec.structs.replace(message, entry=entry)
    assert isinstance(message, Vote)
    value = b"" if message.value else bytes(32)
    return msgspec.structs.replace(message, value=value, refused=b"", reason="")
