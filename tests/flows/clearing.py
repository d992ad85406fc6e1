"""All rooms of cross-border payments and the flows under the runtime's own cascade, on nothing but
memory; members sign at once, and a rail says what the test has it say."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable
from typing import Any

from nostro.adapters.signing.ed25519 import verify
from nostro.consensus import ConsensusRoom, Entry, ProposeBatch, RecordCertificate
from nostro.consensus.encoding import sha256
from nostro.execution import (
    AskInstruction,
    ExecutionRoom,
    NewInstruction,
    NoteOutcome,
    OutcomeKind,
    SendInstruction,
)
from nostro.flows import FLOWS
from nostro.kernel.messages import Command, Effect, Event, Tick
from nostro.kernel.reply import Reply
from nostro.kernel.room import Context
from nostro.ledger import FreezeAccount, LedgerRoom, LedgerState
from nostro.netting import (
    NettingRoom,
    OptimiseCycle,
    Rate,
    RatePolicy,
    RecordPlan,
    Tariff,
    freeze,
    plan_cycle,
)
from nostro.payments import (
    FundParticipant,
    NewPayment,
    OpenParticipant,
    PaymentsRoom,
    RollingSchedule,
    SubmitPayments,
    Window,
)
from nostro.risk import RiskRoom
from nostro.runtime.house import House
from tests.rooms.consensus.room.play import FORM, committed, refused

SECOND_US = 1_000_000
CYCLE_US = 60 * SECOND_US
START_US = 1_700_000_040 * SECOND_US
RATES = freeze(
    provider="test",
    kind="reference",
    as_of_us=START_US,
    fetched_at_us=START_US,
    rates=[Rate("EUR", "USD", 11, 10), Rate("JPY", "USD", 2, 3)],
)
FUNDS = 1_000_000

Answer = Callable[[NewInstruction, int], tuple[OutcomeKind, str]]


def moves(_instruction: NewInstruction, _attempt: int) -> tuple[OutcomeKind, str]:
    """A rail that moves everything."""
    return OutcomeKind.SETTLED, ""


class Clearing:
    """Three banks with money in three currencies; every `tell` is a journal row."""

    def __init__(self, *, funds: int = FUNDS, credit_line: int = 0) -> None:
        self.house = House(
            rooms=[
                LedgerRoom(),
                RiskRoom(),
                PaymentsRoom(RollingSchedule(CYCLE_US)),
                NettingRoom(rate_policy=RatePolicy.off()),
                ConsensusRoom(verify=verify),
                ExecutionRoom(),
            ],
            flows=FLOWS,
        )
        self.memory = self.house.new()
        self.height = 0
        self.now_us = START_US
        self.events: list[Event] = []
        self.effects: deque[Effect] = deque()
        self.moved: list[NewInstruction] = []
        self.rail: Answer = moves
        self.members_refuse = False
        self._head = (0, bytes(32))
        self.tell(FORM)
        for name in ("A", "B", "C"):
            lines = dict.fromkeys(("EUR", "USD", "JPY"), credit_line)
            self.tell(
                OpenParticipant(
                    participant_id=name,
                    name=name,
                    currencies=list(lines),
                    credit_lines_minor=lines,
                )
            )
            for currency in lines if funds else ():
                self.tell(
                    FundParticipant(
                        participant_id=name,
                        currency=currency,
                        amount_minor=funds,
                        reference=f"funds-{currency}",
                    )
                )

    @property
    def books(self) -> LedgerState:
        """The ledger's state."""
        state: LedgerState = self.memory.states["ledger"]
        return state

    def tell(self, command: Command, *, actor: str = "clerk") -> Reply:
        """Run one command to its end and return what the caller hears."""
        self.height += 1
        self.now_us += 1
        outcome = self.house.handle(
            self.memory, command, Context(self.height, self.now_us, actor, {})
        )
        self.events.extend(outcome.events)
        self.effects.extend(outcome.effects)
        return outcome.reply

    def pay(self, name: str, payer: str, payee: str, amount: int, **more: Any) -> Reply:
        """Submit one payment; `source` and `destination` are EUR unless named."""
        return self.tell(SubmitPayments(payments=[payment(name, payer, payee, amount, **more)]))

    def close_window(self) -> None:
        """Let a window pass, and do every deed that is asked for."""
        self.now_us += CYCLE_US
        self.tell(Tick(), actor="clock")
        self.work()

    def work(self) -> None:
        """Do what effects ask for until there is nothing more to do, whatever time it takes."""
        for _ in range(1_000):
            while self.effects:
                self._perform(self.effects.popleft())
            due = self.house.rooms["execution"].due(self.memory.states["execution"])
            if due is None:
                return
            self.now_us = max(self.now_us, due)
            self.tell(Tick(), actor="clock")
        raise AssertionError("it does not end")

    def _perform(self, effect: Effect) -> None:
        match effect:
            case OptimiseCycle():
                plan = plan_cycle(
                    effect.obligations,
                    cycle_id=effect.cycle_id,
                    gross=effect.gross,
                    rates=RATES,
                    caps=effect.caps,
                    tariff=Tariff(),
                )
                reply = self.tell(RecordPlan(plan=plan), actor="performer")
                assert reply.accepted, reply
            case ProposeBatch():
                self._vote(effect)
            case SendInstruction():
                kind, code = self.rail(effect.instruction, effect.attempt)
                if kind is OutcomeKind.SETTLED:
                    self.moved.append(effect.instruction)
                self._note(effect.instruction.instruction_id, effect, kind, code)
            case AskInstruction():
                self._note(effect.instruction_id, effect, OutcomeKind.ABSENT, "")
            case _:
                raise AssertionError(effect)

    def _vote(self, effect: ProposeBatch) -> None:
        height, prev_hash = self._head
        body_hash = sha256(effect.body.encode())
        entry = Entry("main", 0, height + 1, prev_hash, body_hash, bytes(32), "member-1", 1)
        certificate = refused(entry) if self.members_refuse else committed(entry)
        if not self.members_refuse:
            self._head = (height + 1, entry.hash())
        command = RecordCertificate(
            batch_id=effect.batch_id,
            height=entry.height,
            entry=b64encode(entry.encode()).decode(),
            certificate=b64encode(certificate.encode()).decode(),
            rejected=certificate.rejected,
        )
        reply = self.tell(command, actor="performer")
        assert reply.accepted, reply

    def _note(
        self,
        instruction_id: str,
        effect: SendInstruction | AskInstruction,
        kind: OutcomeKind,
        code: str,
    ) -> None:
        command = NoteOutcome(
            instruction_id=instruction_id,
            attempt=effect.attempt,
            outcome=kind,
            code=code,
            rail=effect.rail,
            rail_reference="ref" if kind is OutcomeKind.SETTLED else "",
        )
        self.tell(command, actor="performer")

    # -- what there is to see

    def posted(self, account: str) -> int:
        """Credits less debits posted, of one account."""
        found = self.books.accounts[account]
        difference: int = found.credits_posted - found.debits_posted
        return difference

    def held(self, account: str) -> int:
        """Debits pending, of one account."""
        pending: int = self.books.accounts[account].debits_pending
        return pending

    def all_held(self) -> int:
        """Everything that is held anywhere."""
        return sum(hold.amount_minor for hold in self.books.holds.values())

    def freeze(self, account: str) -> None:
        """Stop a ledger account."""
        assert self.tell(FreezeAccount(account=account)).accepted

    def kinds(self) -> list[str]:
        """The classes of all events so far."""
        return [type(event).__name__ for event in self.events]

    def of(self, kind: type[Event]) -> list[Any]:
        """All events of a class so far."""
        return [event for event in self.events if type(event) is kind]

    def exposures(self) -> int:
        """What the risk room counts as open, over all."""
        state = self.memory.states["risk"]
        total: int = sum(each[0] for each in state.open.values())
        return total


def payment(
    name: str,
    payer: str,
    payee: str,
    amount: int,
    *,
    source: str = "EUR",
    destination: str = "EUR",
    window: Window = Window.T0,
    **more: Any,
) -> NewPayment:
    """Return a payment between two of the banks."""
    return NewPayment(
        transaction_id=name,
        amount_minor=amount,
        source_currency=source,
        destination_currency=destination,
        source_account=f"vostro:{payer}:{source}",
        destination_account=f"vostro:{payee}:{destination}",
        counterparty_id=payee,
        window=window,
        **more,
    )
