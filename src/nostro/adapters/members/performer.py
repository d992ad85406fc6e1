"""How does the engine put a batch to the members, and learn what they said?"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Sequence

from nostro.adapters.members.intake import Batch, Intake
from nostro.adapters.members.names import (
    Shown,
    Unreadable,
    kind_of_key,
    read_evidence,
    request_items,
)
from nostro.consensus import (
    CertificateError,
    CheckedBody,
    Committee,
    CommitteeError,
    EncodingError,
    Entry,
    Epochs,
    EvidenceError,
    ProposeBatch,
    RecordCertificate,
    RecordEvidence,
    RotateKeys,
    Rules,
    Verifier,
    check_evidence,
    committee_after,
    verify_commit_certificate,
    verify_reject_certificate,
)
from nostro.kernel.codec import content_hash
from nostro.kernel.messages import Command, Effect
from nostro.runtime.ordered_log import ITEMS_MAX, LogItem, OrderedLog
from nostro.runtime.ports import NotDone

PATIENCE_S = 5.0
"""How long one call waits for a certificate; then it is called again after a pause."""
KEPT_MAX = 4_096
"""Certificates kept from the log, by body: those of batches that nobody has asked for yet."""

Outcome = tuple[str, Command]


class ConsensusPerformer:
    """Performs `consensus.ProposeBatch`; implements nostro.runtime.ports.Performer.

    A second call finds request and certificate where the first one left them. What stands in the
    log is believed only with a quorum's signatures; the room checks it all again.
    """

    effects: tuple[type[Effect], ...] = (ProposeBatch,)

    def __init__(
        self,
        *,
        ordered_log: OrderedLog,
        committees: Callable[[], Sequence[Committee]],
        verify: Verifier,
    ) -> None:
        """`committees`: those that are known when the first batch comes (none: the batch waits);
        later ones are read from the log."""
        self._log = ordered_log
        self._committees = committees
        self._epochs: Epochs | None = None
        self._verify = verify
        self._rules = Rules(verify)
        self._intake = Intake()
        self._changes: dict[bytes, CheckedBody] = {}
        """Bodies that change the members, by hash."""
        self._verdicts: OrderedDict[str, tuple[Entry, bool, Shown]] = OrderedDict()
        """By hash of the body: entry, whether it was refused, and both as they stood there."""
        self._beside: list[Outcome] = []
        """Commands about something else than batches that nobody has taken along yet."""
        self._read_from: int | None = None
        self._read_to = 0
        self._reading = asyncio.Lock()

    async def perform(self, effect: Effect, effect_id: str) -> Sequence[Outcome]:
        """Put the batch into the log and wait for what a quorum says of it. Raises NotDone or
        OutcomeUnknown, to be called again."""
        assert isinstance(effect, ProposeBatch)
        self._known_epochs()
        items = request_items(cycle_id=effect.cycle_id, batch_id=effect.batch_id, body=effect.body)
        await self._log.append(items)
        (request,) = await self._log.fetch([items[-1][0]])
        self._read_beyond(request.position)
        body_hash = hashlib.sha256(effect.body.encode()).hexdigest()
        if body_hash not in self._verdicts:
            self._read_again_from(request.position)
        entry, rejected, shown = await self._await_verdict(effect.batch_id, body_hash)
        command = RecordCertificate(
            batch_id=effect.batch_id,
            height=entry.height,
            entry=shown.entry,
            certificate=shown.certificate,
            rejected=rejected,
        )
        beside, self._beside = self._beside, []
        kind = "rejection" if rejected else "certificate"
        return [*beside, (_key(kind, effect.batch_id, command), command)]

    def _known_epochs(self) -> Epochs:
        if self._epochs is None:
            committees = self._committees()
            if not committees:
                raise NotDone("there are no members yet")
            self._epochs = Epochs(committees)
        return self._epochs

    # -- reading -----------------------------------------------------------------------------------

    def _read_beyond(self, position: int) -> None:
        """Read from the oldest request that anyone here waits for: what a quorum says of a batch
        stands after it."""
        if self._read_from is None or position < self._read_from:
            self._read_from = self._read_to = position

    def _read_again_from(self, position: int) -> None:
        """Read on from a request, if it was passed: its verdict may have been forgotten since."""
        self._read_to = min(self._read_to, position)

    async def _await_verdict(self, batch_id: str, body_hash: str) -> tuple[Entry, bool, Shown]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while True:
            found = self._verdicts.get(body_hash)
            if found is not None:
                return found
            left = deadline - loop.time()
            if left <= 0:
                raise NotDone(f"the members have not agreed on {batch_id} yet")
            before = self._read_to
            async with self._reading:
                if self._read_to == before:
                    await self._read_on(left)

    async def _read_on(self, timeout_s: float) -> None:
        after = self._read_to
        page = await self._log.read(after=after, limit=ITEMS_MAX)
        if self._read_to != after:
            return  # an older request has come meanwhile
        for item in page:
            self._read_to = item.position
            try:
                self._take(item)
            except (Unreadable, EncodingError, CertificateError, CommitteeError, EvidenceError):
                continue
        if not page:
            await self._log.changed(after=after, timeout_s=timeout_s)

    def _take(self, item: LogItem) -> None:
        """Take in an item; raises when it proves nothing."""
        kind = kind_of_key(item.key, item.value)
        if kind == "chunk":
            self._note_changes(self._intake.take_chunk(item.key.rpartition("/")[2], item.value))
        elif kind == "request":
            self._note_changes(self._intake.take_request(item.value))
        elif kind in ("certificate", "rejection"):
            self._take_verdict(Shown.read(item.value), rejected=kind == "rejection")
        elif kind == "evidence":
            self._take_evidence(item.value)

    def _note_changes(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            if batch.body.startswith('["nostro/config/'):
                checked = self._rules.check(batch.body)
                self._changes[checked.batch_hash] = checked

    def _take_verdict(self, shown: Shown, *, rejected: bool) -> None:
        entry, certificate = shown.decoded()
        body_hash = entry.batch_hash.hex()
        if body_hash in self._verdicts:
            return
        check = verify_reject_certificate if rejected else verify_commit_certificate
        check(certificate, entry, self._known_epochs().at(entry.height), self._verify)
        self._verdicts[body_hash] = (entry, rejected, shown)
        if len(self._verdicts) > KEPT_MAX:
            self._verdicts.popitem(last=False)
        change = self._changes.pop(entry.batch_hash, None)
        if change is not None and change.committee is not None and not rejected:
            self._known_epochs().add(committee_after(entry, change.committee))
            command = RotateKeys(
                height=entry.height,
                entry=shown.entry,
                certificate=shown.certificate,
                body=change.body,
            )
            self._beside.append((_key("rotation", str(entry.height), command), command))

    def _take_evidence(self, value: bytes) -> None:
        first, second = read_evidence(value)
        for committee in self._known_epochs().by_epoch.values():
            try:
                proven = check_evidence(first, second, committee, self._verify)
            except EvidenceError:
                continue
            command = RecordEvidence(
                member_id=proven.member_id,
                first=b64encode(proven.first).decode(),
                second=b64encode(proven.second).decode(),
            )
            place = f"{proven.member_id}:{proven.epoch}:{proven.height}:{proven.round}"
            self._beside.append((_key("evidence", f"{place}:{proven.step}", command), command))


def _key(kind: str, place: str, command: Command) -> str:
    """Return a key that says all that the command says: of one height there are several sound
    certificates, of one lie several proofs, and another engine may have told another one."""
    return f"{kind}:{place}:{content_hash(command).hex()[:32]}"
