"""How does one member come to agree with the others?

Tendermint (Buchman, Kwon, Milosevic, arXiv:1807.04938, algorithm 1; the letters below name its
rules in their order there). A member hears something and says what it wants done; it waits for
nothing, reads no clock and signs nothing. Its driver keeps the lock, then signs, then publishes.

What we do differently: a proposal of an older value carries the prevotes that justify it; a prevote
for NIL may refuse, and a quorum of refusals bars a batch for ever; without work nobody times out.
"""

from __future__ import annotations

from collections.abc import Iterator

from nostro.consensus.actions import (
    Action,
    Broadcast,
    CaughtUp,
    CertificateSeen,
    Decide,
    FetchBody,
    Halt,
    Heard,
    NewBatch,
    Received,
    Refuse,
    Repeat,
    ReportEvidence,
    ScheduleTimeout,
    StoreBody,
    TimedOut,
    Timeouts,
)
from nostro.consensus.certificate import Certificate, certificate_of
from nostro.consensus.chain import Chain
from nostro.consensus.evidence import evidence_of
from nostro.consensus.genuine import is_genuine
from nostro.consensus.lock import VoteLock
from nostro.consensus.messages import NIL, NO_ROUND, Entry, Message, Proposal, Step, Vote
from nostro.consensus.quorum import Ballot
from nostro.consensus.requests import Requests
from nostro.consensus.shown import Shown
from nostro.consensus.standing import Standing
from nostro.consensus.validation import CheckedBody, Rules, RulesetUnknown

LATER_HEIGHTS_MAX = 2
LATER_MESSAGES_MAX = 1_024


class Participant:
    """One member of the committee, or an observer of it. See the module."""

    def __init__(
        self,
        *,
        chain: Chain,
        rules: Rules,
        standing: Standing,
        lock: VoteLock | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Begin with what is certified, and with the lock as it was kept (None: never signed)."""
        self.chain = chain
        self._rules = rules
        self._standing = standing
        self._timeouts = timeouts or Timeouts()
        self._lock = lock or VoteLock(chain.committee.chain_id)
        self._requests = Requests()
        self._shown = Shown(rules.verify)
        self._later: list[Message] = []
        self._actions: list[Action] = []
        self._past: Ballot | None = None
        self._committee = chain.committee
        self.halted = ""
        self._clear()

    # -- what one may ask ----------------------------------------------------------------------

    @property
    def lock(self) -> VoteLock:
        """Return the lock as of the last message that was to be signed."""
        return self._lock

    @property
    def waiting(self) -> int:
        """Return how many batches wait here for the members."""
        return len(self._requests)

    # -- what one may tell ---------------------------------------------------------------------

    def start(self) -> list[Action]:
        """Begin, or go on after a death: what was locked and perhaps never sent is sent again."""
        self._enter_height()
        return self._finish()

    def step(self, heard: Heard) -> list[Action]:
        """Hear something, and return what is to be done, in this order."""
        if self.halted:
            return []
        if isinstance(heard, NewBatch):
            self._take_batch(heard.body)
        elif isinstance(heard, Received):
            self._take(heard.message)
        elif isinstance(heard, TimedOut):
            self._time_out(heard)
        elif isinstance(heard, CertificateSeen):
            self._take_certificate(heard.certificate, heard.entry)
        elif isinstance(heard, CaughtUp):
            self._standing.catch_up(self.chain.committee.quorum)
        return self._finish()

    def _finish(self) -> list[Action]:
        while not self.halted and self._advance():
            pass
        actions, self._actions = self._actions, []
        return actions

    # -- a height begins -----------------------------------------------------------------------

    def _clear(self) -> None:
        self.round = 0
        self.stage = Step.PROPOSAL
        self._proposed = NO_ROUND
        self._ballot = Ballot()
        self._entries: dict[bytes, Entry] = {}
        self._locked: Entry | None = None
        self._locked_round = NO_ROUND
        self._valid: Entry | None = None
        self._valid_round = NO_ROUND
        self._justification: tuple[tuple[str, bytes], ...] = ()
        self._timers: set[tuple[int, Step]] = set()
        self._fetched: set[bytes] = set()
        self._stored: set[bytes] = set()
        self._refused: set[bytes] = set()

    def _enter_height(self) -> None:
        self._clear()
        self._requests.sweep()
        self._committee = self.chain.committee
        try:
            self._rules.require(self._committee.ruleset_version)
        except RulesetUnknown as unknown:
            self._halt(str(unknown))
            return
        last = self._lock.last
        if last is not None and last.height == self._height:
            self._resume(last)
        self._shown.begin(self._height, self._committee)
        later, self._later = self._later, []
        for message in later:
            self._take(message)

    def _resume(self, last: Message) -> None:
        """Stand where the lock says; its messages may never have left."""
        lock = self._lock
        self.round, self.stage = last.round, last.step
        self._locked, self._locked_round = lock.locked, lock.locked_round
        self._valid, self._valid_round = lock.valid, lock.valid_round
        self._justification = lock.justification
        for entry in (lock.locked, lock.valid):
            if entry is not None:
                self._entries[entry.hash()] = entry
        if self._signs:
            self._actions += [Broadcast(message, lock) for message in lock.messages]
            self._remind()

    @property
    def _height(self) -> int:
        return self.chain.height

    @property
    def _signs(self) -> bool:
        return self._standing.signs(self._height, self._committee)

    def _halt(self, reason: str) -> None:
        self.halted = reason
        self._actions.append(Halt(reason))

    # -- batches -------------------------------------------------------------------------------

    def _take_batch(self, body: str) -> None:
        checked = self._rules.check(body)
        wanted = checked.batch_hash in self._fetched or not self._requests.barred(
            checked.batch_hash
        )
        if wanted and not self.chain.certified(checked.batch_hash):
            self._requests.add(checked)

    def _fetch(self, batch_hash: bytes) -> None:
        if batch_hash not in self._fetched:
            self._fetched.add(batch_hash)
            self._actions.append(FetchBody(batch_hash))

    # -- messages ------------------------------------------------------------------------------

    def _take(self, message: Message) -> None:
        if message.height > self._height:
            self._standing.hear(message, self.chain.epochs, self._rules.verify)
            near = message.height <= self._height + LATER_HEIGHTS_MAX
            if near and len(self._later) < LATER_MESSAGES_MAX:
                self._later.append(message)
            return
        past = message.height < self._height
        if past and (self._past is None or message.height != self._height - 1):
            return
        ballot = self._past if past and self._past is not None else self._ballot
        committee = self.chain.epochs.at(message.height)
        if ballot.knows(message) or not is_genuine(message, committee, self._rules.verify):
            return
        self._standing.hear(message, self.chain.epochs, self._rules.verify)
        contradicted = ballot.add(message, current=self.round)
        if contradicted is not None:
            self._actions.append(ReportEvidence(evidence_of(contradicted, message)))
        if isinstance(message, Proposal) and not past and ballot.knows(message):
            self._entries.setdefault(message.value, message.entry)

    def _take_certificate(self, certificate: Certificate, entry: Entry) -> None:
        epochs = self.chain.epochs
        if not certificate.rejected:
            self._shown.add(certificate, entry, height=self._height, epochs=epochs)
        elif not self.chain.certified(entry.batch_hash) and self._shown.refuses(
            certificate, entry, epochs
        ):
            self._refused.add(entry.hash())
            self._requests.bar(entry.batch_hash)

    # -- rounds --------------------------------------------------------------------------------

    def _time_out(self, told: TimedOut) -> None:
        if (told.height, told.round) != (self._height, self.round):
            return
        if told.step is Step.PRECOMMIT:
            self._begin_round(self.round + 1)
        elif told.step is Step.PROPOSAL and self.stage is not Step.PROPOSAL:
            self._repeat()
        elif told.step is self.stage is Step.PROPOSAL:
            self._prevote(NIL)
            self._remind()
        elif told.step is self.stage is Step.PREVOTE:
            self._precommit(NIL)

    def _repeat(self) -> None:
        """Say again what we said in the last two rounds: whoever waits for it may have lost it."""
        for round_ in (self.round - 1, self.round):
            said = self._ballot.said_by(self._standing.member_id, round_)
            self._actions += [Repeat(message) for message in said]
        self._remind()

    def _remind(self) -> None:
        """Hear of this round again when it has not ended by then."""
        self._timers.discard((self.round, Step.PROPOSAL))
        self._schedule(Step.PROPOSAL)

    def _begin_round(self, round_: int) -> None:
        self.round, self.stage = round_, Step.PROPOSAL

    def _schedule(self, step: Step) -> bool:
        if (self.round, step) in self._timers:
            return False
        self._timers.add((self.round, step))
        after_ms = self._timeouts.of(self.round)
        self._actions.append(ScheduleTimeout(self._height, self.round, step, after_ms))
        return True

    def _advance(self) -> bool:
        """Apply the first rule that applies; tell whether there was one."""
        return (
            self._decide()
            or self._refuse()
            or self._jump()
            or self._lock_value()
            or self._nothing_agreed()
            or self._votes_are_in()
            or self._work()
            or self._judge()
        )

    def _decide(self) -> bool:
        """A quorum of precommits for one value, in whatever round: decide (G)."""
        for certificate, entry in self._decided():
            checked = self._body_of(entry)
            if checked is None:
                continue
            if not self.chain.fits(entry, checked) or self.chain.fault_of(checked):
                self._halt(f"height {entry.height} is certified against the rules of this member")
                return False
            self._apply(certificate, entry, checked)
            return True
        return False

    def _decided(self) -> Iterator[tuple[Certificate, Entry]]:
        yield from self._shown.at(self._height)
        for _, votes in self._ballot.all_votes(Step.PRECOMMIT):
            for value in votes.agreed(self._committee.quorum):
                if value in self._entries:
                    yield certificate_of(votes.votes(value), value), self._entries[value]

    def _apply(self, certificate: Certificate, entry: Entry, checked: CheckedBody) -> None:
        self._keep_body(checked)
        self._requests.drop(entry.batch_hash)
        self._past = self._ballot
        self.chain.advance(entry, checked)
        self._actions.append(Decide(certificate, entry, checked.body))
        self._enter_height()

    def _body_of(self, entry: Entry) -> CheckedBody | None:
        """Return an entry's body; ask for it when it is not here."""
        checked = self._requests.get(entry.batch_hash)
        if checked is None:
            self._fetch(entry.batch_hash)
        return checked

    def _keep_body(self, checked: CheckedBody) -> None:
        if checked.batch_hash not in self._stored:
            self._stored.add(checked.batch_hash)
            self._actions.append(StoreBody(checked.batch_hash, checked.body))

    def _refuse(self) -> bool:
        """A quorum refuses an entry: its batch is barred for ever."""
        for _, votes in self._ballot.all_votes(Step.PREVOTE):
            for value, refusals in votes.refused(self._committee.quorum):
                entry = self._entries.get(value)
                if entry is None or value in self._refused:
                    continue
                self._refused.add(value)
                self._requests.bar(entry.batch_hash)
                self._actions.append(Refuse(certificate_of(refusals, value), entry))
                return True
        return False

    def _jump(self) -> bool:
        """More than f members are in a later round: go there (H)."""
        later = self._ballot.later_round(self.round, self._committee.faulty_max + 1)
        if later is not None:
            self._begin_round(later)
        return later is not None

    def _lock_value(self) -> bool:
        """A quorum prevotes for a value: it is valid; lock it and precommit it, if in time (D)."""
        votes = self._ballot.votes(self.round, Step.PREVOTE)
        for value in votes.agreed(self._committee.quorum):
            entry = self._entries.get(value)
            fresh = self._valid_round < self.round or self.stage is Step.PREVOTE
            if entry is None or self.stage is Step.PROPOSAL or not fresh:
                continue
            checked = self._body_of(entry)
            if checked is None or self._fault_in(entry, checked) is not None:
                continue
            self._valid, self._valid_round = entry, self.round
            self._justification = tuple(
                (vote.member_id, vote.signature) for vote in votes.votes(value)
            )
            if self.stage is Step.PREVOTE:
                self._locked, self._locked_round = entry, self.round
                self._keep_body(checked)
                self._precommit(value)
            return True
        return False

    def _nothing_agreed(self) -> bool:
        """A quorum prevotes for nothing: precommit nothing (E)."""
        votes = self._ballot.votes(self.round, Step.PREVOTE)
        if self.stage is not Step.PREVOTE or votes.count(NIL) < self._committee.quorum:
            return False
        self._precommit(NIL)
        return True

    def _votes_are_in(self) -> bool:
        """A quorum has voted, for whatever: wait for the others only so long (C, F)."""
        quorum = self._committee.quorum
        if self._ballot.votes(self.round, Step.PRECOMMIT).members >= quorum:
            return self._schedule(Step.PRECOMMIT)
        if self.stage is not Step.PREVOTE:
            return False
        prevotes = self._ballot.votes(self.round, Step.PREVOTE)
        return prevotes.members >= quorum and self._schedule(Step.PREVOTE)

    def _work(self) -> bool:
        """There is something to agree on: propose it, if it is our turn, and begin to wait."""
        if self.stage is not Step.PROPOSAL:
            return False
        checked = self._requests.oldest(self.chain)
        stirred = self._ballot.heard(self.round) > self._committee.faulty_max
        if checked is None and self._valid is None and not stirred:
            return False
        proposer = self._committee.proposer(self._height, self.round)
        if proposer == self._standing.member_id and self._proposed < self.round:
            self._propose(proposer, checked)
        return self._schedule(Step.PROPOSAL)

    def _judge(self) -> bool:
        """The proposal of this round is here: prevote (A, B)."""
        if self.stage is not Step.PROPOSAL:
            return False
        for proposal in self._ballot.proposals(self.round)[:1]:
            entry = proposal.entry
            batch_hash = entry.batch_hash
            known = self.chain.certified(batch_hash) or self._requests.barred(batch_hash)
            checked = None if known else self._body_of(entry)
            if checked is None and not known:
                return self._schedule(Step.PROPOSAL)
            fault = "" if checked is None else self._fault_in(entry, checked)
            if fault is not None:
                self._prevote(NIL, refused=proposal.value if fault else NIL, reason=fault)
            elif checked is not None and self._may_prevote(proposal):
                self._keep_body(checked)
                self._prevote(proposal.value)
            else:
                self._prevote(NIL)
            return True
        return False

    def _fault_in(self, entry: Entry, checked: CheckedBody) -> str | None:
        """Return None for a right entry, why its batch can never be certified, or "" when the
        proposer alone is wrong."""
        if not self.chain.fits(entry, checked):
            return ""
        return self.chain.fault_of(checked) or None

    def _may_prevote(self, proposal: Proposal) -> bool:
        """Tell whether the lock lets us: none, the same value, or one that a quorum has prevoted
        since."""
        if self._locked is None or self._locked == proposal.entry:
            return True
        return self._locked_round <= proposal.valid_round

    # -- what is signed ------------------------------------------------------------------------

    def _propose(self, proposer: str, checked: CheckedBody | None) -> None:
        entry = self._valid
        if entry is None and checked is not None:
            entry = self.chain.entry_for(checked, proposer)
        if entry is not None:
            self._proposed = self.round
            epoch, valid_round = self._committee.epoch, self._valid_round
            self._sign(
                Proposal(
                    epoch,
                    self._height,
                    self.round,
                    proposer,
                    entry,
                    valid_round,
                    self._justification,
                )
            )

    def _prevote(self, value: bytes, *, refused: bytes = NIL, reason: str = "") -> None:
        self.stage = Step.PREVOTE
        self._sign(self._vote(value, refused, reason))

    def _precommit(self, value: bytes) -> None:
        self.stage = Step.PRECOMMIT
        self._sign(self._vote(value, NIL, ""))

    def _vote(self, value: bytes, refused: bytes, reason: str) -> Vote:
        member_id, epoch = self._standing.member_id, self._committee.epoch
        return Vote(self.stage, epoch, self._height, self.round, member_id, value, refused, reason)

    def _sign(self, message: Message) -> None:
        """Have a message signed, unless something later, or something else, has been."""
        if not self._signs or not self._lock.admits(message):
            return
        self._lock = VoteLock(
            self._lock.chain_id,
            message,
            self._locked_round,
            self._locked,
            self._valid_round,
            self._valid,
            self._justification,
            self._lock.said_before(message),
        )
        self._actions.append(Broadcast(message, self._lock))
