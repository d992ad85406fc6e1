"""May this member sign at this height?

Its key must be the committee's. If its lock was lost (a database restored from a backup), it might
have signed anything up to now: it stays silent until it has heard a quorum of peers, and then until
the chain is beyond every height that anyone was heard at.
"""

from __future__ import annotations

from nostro.consensus.committee import Committee, Epochs, Verifier
from nostro.consensus.messages import Message

MARGIN_HEIGHTS = 2
"""Whoever was heard at height h proves that h - 1 is certified; we may have signed at h + 1 at
most, when h was certified before our memory was lost. So we sign from h + 2."""
FIRST_SIGNED = 0


class Standing:
    """Who a member is, and from when on it may sign. With neither id nor key: an observer."""

    def __init__(
        self, *, member_id: str = "", public_key: bytes = b"", restored: bool = False
    ) -> None:
        self.member_id = member_id
        self._public_key = public_key
        self._signs_from = FIRST_SIGNED if not restored else None
        self._quorum: int | None = None
        self._heard: dict[str, int] = {}

    def signs(self, height: int, committee: Committee) -> bool:
        """Tell whether it may sign at a height."""
        if not self.member_id or committee.key(self.member_id) != self._public_key:
            return False
        return self._signs_from is not None and height >= self._signs_from

    def catch_up(self, quorum: int) -> None:
        """Learn that everything that stood in the log at our start has been heard."""
        if self._signs_from is None:
            self._quorum = quorum
            self._settle()

    def hear(self, message: Message, epochs: Epochs, verify: Verifier) -> None:
        """Note at which height a member was heard, if it was; only a restored member cares."""
        if self._signs_from is not None:
            return
        committee = epochs.by_epoch.get(message.epoch)
        key = committee.key(message.member_id) if committee else None
        if committee is None or key is None:
            return
        if message.height <= self._heard.get(message.member_id, 0):
            return
        if verify(key, message.sign_bytes(committee.chain_id), message.signature):
            self._heard[message.member_id] = message.height
            self._settle()

    def _settle(self) -> None:
        """Find the height from which it may sign, once enough is known."""
        peers = self._heard.keys() - {self.member_id}
        if self._quorum is not None and len(peers) >= self._quorum:
            self._signs_from = max(self._heard.values()) + MARGIN_HEIGHTS
