"""Does a certificate hold, if someone else reads and checks it, from its documented bytes alone?

The auditor's own members: it knows their public keys and how many must agree, and nothing of how
they come to agree.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from nostro.consensus import (
    CommitteeFormed,
    ConsensusAchieved,
    ConsensusRejected,
    ConsensusSubmitted,
    EvidenceRecorded,
)
from nostro.kernel.messages import Event
from nostro.netting import BatchCreated
from nostro.simulation.books import Violation

PRECOMMIT = 3


class Fields:
    """Reads bytes in the documented spelling: texts and bytes after their length in 4 bytes,
    numbers in 8 bytes, big endian."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self) -> int:
        """Take a number."""
        return int.from_bytes(self._take(8), "big")

    def raw(self) -> bytes:
        """Take bytes."""
        return self._take(int.from_bytes(self._take(4), "big"))

    def text(self) -> str:
        """Take a text."""
        return self.raw().decode()

    def end(self) -> None:
        """Check that nothing is left."""
        if self._data:
            raise Violation(f"{len(self._data)} bytes too many in a certificate")

    def _take(self, length: int) -> bytes:
        if length > len(self._data):
            raise Violation("a certificate ends too early")
        taken, self._data = self._data[:length], self._data[length:]
        return taken


def spelled(*fields: str | bytes | int) -> bytes:
    """Return fields in the documented spelling."""
    told = b""
    for field in fields:
        if isinstance(field, int):
            told += field.to_bytes(8, "big")
            continue
        raw = field.encode() if isinstance(field, str) else field
        told += len(raw).to_bytes(4, "big") + raw
    return told


class Certified(msgspec.Struct, frozen=True):
    """A batch with its certificate."""

    batch: str
    height: int
    entry_hash: bytes
    prev_hash: bytes


class Certificates:
    """What the members have certified, as the journal tells."""

    def __init__(self) -> None:
        self.batches: dict[str, Certified] = {}
        self.heights: dict[int, Certified] = {}
        self.rejected: set[str] = set()
        self.evidence: set[str] = set()
        """Members who are proven to have lied."""
        self._bodies: dict[str, str] = {}
        """Batch to the hash of the body that is made from what the journal says of it."""
        self._keys: dict[str, bytes] = {}
        self._chain = ""

    def read(self, event: Event) -> None:
        """Take in one event; raises Violation."""
        match event:
            case CommitteeFormed():
                if self._keys:
                    raise Violation("the members were named twice")
                self._chain = event.chain_id
                self._keys = {name: bytes.fromhex(key) for name, key, _ in event.members}
            case BatchCreated():
                self._bodies[event.batch_id] = body_hash(event)
            case ConsensusSubmitted():
                if event.body_hash != self._bodies.get(event.batch_id):
                    raise Violation(f"the members are asked about another {event.batch_id}")
            case ConsensusAchieved():
                self._achieve(event)
            case ConsensusRejected(batch_id=batch_id):
                if batch_id in self.batches:
                    raise Violation(f"{batch_id} was certified, and is rejected")
                self.rejected.add(batch_id)
            case EvidenceRecorded(member_id=member_id):
                self.evidence.add(member_id)
            case _:
                pass

    def _achieve(self, event: ConsensusAchieved) -> None:
        entry = b64decode(event.entry)
        entry_hash = hashlib.sha256(entry).digest()
        fields = Fields(entry)
        tag, chain, epoch, height = fields.text(), fields.text(), fields.number(), fields.number()
        prev_hash, body = fields.raw(), fields.raw()
        said = (tag, chain, epoch, height, body.hex())
        body_hex = self._bodies.get(event.batch_id)
        ours = ("nostro/consensus/entry/v1", self._chain, 0, event.height, body_hex)
        if said != ours:
            raise Violation(f"the entry of {event.batch_id} is {said}, should be {ours}")
        signers = self._signers(b64decode(event.certificate), entry_hash, height)
        quorum = len(self._keys) * 2 // 3 + 1
        if len(signers) < quorum:
            raise Violation(f"{event.batch_id} has {len(signers)} good signatures, not {quorum}")
        if event.batch_id in self.batches:
            raise Violation(f"{event.batch_id} is certified twice")
        if height in self.heights:
            raise Violation(f"height {height} is certified for two batches")
        certified = Certified(event.batch_id, height, entry_hash, prev_hash)
        self.batches[event.batch_id] = self.heights[height] = certified
        self._check_links(certified)

    def check_log(self, values: Sequence[bytes]) -> None:
        """Check that of all that members ever showed each other as certificates, those that prove
        anything name one entry for each height."""
        proven: dict[int, bytes] = {}
        for value in values:
            shown = json.loads(value)
            entry = b64decode(shown["entry"])
            fields = Fields(entry)
            height = (fields.text(), fields.text(), fields.number(), fields.number())[-1]
            entry_hash = hashlib.sha256(entry).digest()
            try:
                signers = self._signers(b64decode(shown["certificate"]), entry_hash, height)
            except Violation:
                continue
            if len(signers) < len(self._keys) * 2 // 3 + 1:
                continue
            if proven.setdefault(height, entry_hash) != entry_hash:
                raise Violation(f"the members certified two entries of height {height}")
        for height, certified in self.heights.items():
            if proven.get(height, certified.entry_hash) != certified.entry_hash:
                raise Violation(f"height {height} is another one in the journal")

    def _check_links(self, certified: Certified) -> None:
        height = certified.height
        before, after = self.heights.get(height - 1), self.heights.get(height + 1)
        if before is not None and certified.prev_hash != before.entry_hash:
            raise Violation(f"height {height} is not linked to {height - 1}")
        if after is not None and after.prev_hash != certified.entry_hash:
            raise Violation(f"height {height + 1} is not linked to {height}")

    def _signers(self, certificate: bytes, entry_hash: bytes, height: int) -> set[str]:
        """Return who really signed a precommit for this entry."""
        fields = Fields(certificate)
        tag, kind, epoch, told = fields.text(), fields.number(), fields.number(), fields.number()
        round_, value, count = fields.number(), fields.raw(), fields.number()
        said = (tag, kind, epoch, told, value)
        ours = ("nostro/consensus/certificate/v1", 1, 0, height, entry_hash)
        if said != ours:
            raise Violation(f"the certificate of height {height} is about something else")
        signers: set[str] = set()
        for _ in range(count):
            member, signature, reason = fields.text(), fields.raw(), fields.text()
            message = spelled(
                "nostro/consensus/sign/v1",
                self._chain,
                0,
                PRECOMMIT,
                height,
                round_,
                member,
                value,
                b"",
                reason,
            )
            if _is_good(self._keys.get(member), message, signature):
                signers.add(member)
        fields.end()
        return signers


def _is_good(key: bytes | None, message: bytes, signature: bytes) -> bool:
    if key is None or len(signature) != 64:
        return False
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def body_hash(batch: BatchCreated) -> str:
    """Return the SHA-256 (hex) of what the members are to certify of a batch, made from the
    journal by its documented form."""
    sums: dict[str, list[int]] = {}
    items: list[list[Any]] = []
    for each in batch.items:
        sums.setdefault(each.source_currency, [0, 0])[0] += each.amount_minor
        sums.setdefault(each.destination_currency, [0, 0])[1] += each.destination_minor
        items.append(list(_item(each)))
    rates = [(r.base, r.quote, r.numerator, r.denominator) for r in batch.rate_set.rates]
    body = [
        "nostro/batch/v1",
        batch.cycle_id,
        batch.batch_id,
        batch.number,
        batch.of,
        batch.value_date,
        batch.rate_set.rate_set_id,
        sorted(rates),
        [[currency, *sums[currency]] for currency in sorted(sums)],
        batch.at_us,
        items,
    ]
    told = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(told).hexdigest()


def _item(each: Any) -> Sequence[str | int]:
    return (
        each.transaction_id + (f"~{each.retries}" if each.retries else ""),
        each.payer,
        each.source_currency,
        each.amount_minor,
        each.payee,
        each.destination_currency,
        each.destination_minor,
    )
