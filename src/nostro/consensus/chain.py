"""Where does the members' chain stand, and does a certified chain hold together?

Everything here is a function of the certified entries and their bodies, so all who have read them
agree on it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from nostro.consensus.certificate import Certificate, CertificateError, verify_commit_certificate
from nostro.consensus.committee import (
    ACTIVATION_DISTANCE,
    Committee,
    Epochs,
)
from nostro.consensus.encoding import canonical, sha256
from nostro.consensus.messages import HASH_BYTES, Entry
from nostro.consensus.validation import CheckedBody, Rules

STATE_TAG = "nostro/consensus/state/v1"
FIRST_EPOCH = 0
FIRST_HEIGHT = 1
GENESIS_HASH = bytes(HASH_BYTES)
REMEMBERED_HEIGHTS = 1_024
"""A transaction that was certified in one of so many heights before makes a batch wrong. At full
load that is a million transactions; the payments room refuses a repeat for ever."""


class CertifiedIds:
    """In which height each of the newest certified transactions stands.

    Members of one process may share one: a height has one certified batch only.
    """

    def __init__(self) -> None:
        self._height_of: dict[str, int] = {}
        self._by_height: OrderedDict[int, tuple[str, ...]] = OrderedDict()

    def add(self, height: int, transaction_ids: tuple[str, ...]) -> None:
        """Remember the transactions of a height, and forget those far below; again is no change."""
        if height in self._by_height:
            return
        self._by_height[height] = transaction_ids
        self._height_of.update(dict.fromkeys(transaction_ids, height))
        while len(self._by_height) > 2 * REMEMBERED_HEIGHTS:
            gone, ids = self._by_height.popitem(last=False)
            for each in ids:
                if self._height_of.get(each) == gone:
                    del self._height_of[each]

    def any_below(self, height: int, transaction_ids: tuple[str, ...]) -> bool:
        """Tell whether one of them is certified in the REMEMBERED_HEIGHTS before a height."""
        known = self._height_of
        if known.keys().isdisjoint(transaction_ids):
            return False
        first = height - REMEMBERED_HEIGHTS
        return any(first <= known.get(each, height) < height for each in transaction_ids)


class Head(msgspec.Struct, frozen=True):
    """The last certified entry: its height, its hash, and the root of all that is certified."""

    height: int = FIRST_HEIGHT - 1
    entry_hash: bytes = GENESIS_HASH
    state_root: bytes = GENESIS_HASH


def next_root(*, state_root: bytes, batch_hash: bytes, ruleset_version: int) -> bytes:
    """Return the root after one more certified body: a running hash, rules included."""
    return sha256(canonical(STATE_TAG, ruleset_version, state_root, batch_hash))


def head_after(entry: Entry) -> Head:
    """Return the head that a certified entry makes."""
    return Head(entry.height, entry.hash(), entry.state_root)


class Chain:
    """A member's knowledge of what is certified: the head, the epochs, the recent transactions."""

    def __init__(
        self, epochs: Epochs, head: Head | None = None, ids: CertifiedIds | None = None
    ) -> None:
        self.epochs = epochs
        self.head = head or Head()
        self._ids = ids or CertifiedIds()
        self._batches: OrderedDict[bytes, int] = OrderedDict()

    @property
    def height(self) -> int:
        """Return the height that is to be decided next."""
        return self.head.height + 1

    @property
    def committee(self) -> Committee:
        """Return the committee of the next height."""
        return self.epochs.at(self.height)

    def certified(self, batch_hash: bytes) -> bool:
        """Tell whether this very body is certified already."""
        return batch_hash in self._batches

    def entry_for(self, checked: CheckedBody, proposer: str) -> Entry:
        """Return the entry that puts a body next into the chain."""
        committee = self.committee
        return Entry(
            committee.chain_id,
            committee.epoch,
            self.height,
            self.head.entry_hash,
            checked.batch_hash,
            next_root(
                state_root=self.head.state_root,
                batch_hash=checked.batch_hash,
                ruleset_version=committee.ruleset_version,
            ),
            proposer,
            checked.at_us,
        )

    def fault_of(self, checked: CheckedBody) -> str:
        """Return why a body can never be certified any more, or ""."""
        if checked.fault:
            return checked.fault
        if self._ids.any_below(self.height, checked.transaction_ids):
            return "transaction_known"
        if checked.committee is not None and not self._may_follow(checked.committee):
            return "epoch"
        return ""

    def waits(self, checked: CheckedBody) -> bool:
        """Tell whether a body has to wait: a change of members while another one is on its way."""
        return checked.committee is not None and (self.epochs.last.activation_height > self.height)

    def fits(self, entry: Entry, checked: CheckedBody) -> bool:
        """Tell whether an entry says of a right body what the chain makes of it. If not, that is
        the proposer's fault and not the batch's."""
        if self.certified(entry.batch_hash) or self.waits(checked):
            return False
        if self.committee.key(entry.proposer) is None:
            return False
        return entry == self.entry_for(checked, entry.proposer)

    def advance(self, entry: Entry, checked: CheckedBody) -> None:
        """Take in the next certified entry with its body; the caller has verified both."""
        if checked.committee is not None:
            self.epochs.add(committee_after(entry, checked.committee))
        self.head = head_after(entry)
        self._ids.add(entry.height, checked.transaction_ids)
        self._batches[entry.batch_hash] = entry.height
        if len(self._batches) > REMEMBERED_HEIGHTS:
            self._batches.popitem(last=False)

    def _may_follow(self, committee: Committee) -> bool:
        last = self.epochs.last
        return committee.chain_id == last.chain_id and committee.epoch == last.epoch + 1


def committee_after(entry: Entry, told: Committee) -> Committee:
    """Return the committee that a certified change of members makes, with its first height."""
    return msgspec.structs.replace(told, activation_height=entry.height + ACTIVATION_DISTANCE)


def verify_chain(
    certified: Iterable[tuple[Entry, Certificate, str | None]],
    committee: Committee,
    rules: Rules,
    *,
    after: Head | None = None,
) -> Head:
    """Check a chain offline, with public keys only, and return its head.

    `certified`: entries in order, each with its certificate and its body; the body may be None
    except where the members change. It begins at genesis, or `after` a head that one remembers (and
    so refuses any other history below it); `committee` is the one in force there. Raises
    CertificateError, CommitteeError.
    """
    epochs, head = Epochs([committee]), after or Head()
    for entry, certificate, body in certified:
        current = epochs.at(head.height + 1)
        if entry.height != head.height + 1:
            raise CertificateError("height", f"height {entry.height} after {head.height}")
        if entry.prev_hash != head.entry_hash:
            raise CertificateError("chain", f"height {entry.height} does not follow the one before")
        verify_commit_certificate(certificate, entry, current, rules.verify)
        root = next_root(
            state_root=head.state_root,
            batch_hash=entry.batch_hash,
            ruleset_version=current.ruleset_version,
        )
        if entry.state_root != root:
            raise CertificateError("state_root", f"height {entry.height} has another root")
        if body is not None:
            checked = rules.check(body)
            if checked.batch_hash != entry.batch_hash:
                raise CertificateError("body", f"height {entry.height} is of another body")
            if checked.fault:
                raise CertificateError("body", f"height {entry.height}: {checked.fault}")
            if checked.committee is not None:
                epochs.add(committee_after(entry, checked.committee))
        head = head_after(entry)
    return head
