"""Is everything so that must always be so, when banks pay each other?

Adds to the auditor of the ledger: payments and their holds, cycles and their certificates, and the
rails' own books. It uses none of the code that decides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from nostro.adapters.rails.settlement.records import Entry as RailEntry, Mark
from nostro.execution import BreakNoted
from nostro.kernel.codec import Codec
from nostro.kernel.messages import Event
from nostro.ledger import LineKind, TransfersRecorded, TransfersRefused
from nostro.netting import CycleClosed, PlanRefused
from nostro.payments import (
    ParticipantFunded,
    SubmitPayments,
    TransactionsDeduped,
    TransactionsRefused,
    TransactionsSubmitted,
)
from nostro.risk import AlertCleared, AlertRaised, ExposureReserved
from nostro.runtime.ports import Entry
from nostro.simulation.auditor import Auditor
from nostro.simulation.books import Violation
from nostro.simulation.certificates import Certificates
from nostro.simulation.history import Ask
from nostro.simulation.payment_courses import Courses
from nostro.simulation.settlement_courses import Settlements

MARKS: frozenset[type[Event]] = frozenset(
    {
        TransfersRefused,
        TransactionsSubmitted,
        TransactionsRefused,
        TransactionsDeduped,
        TransfersRecorded,
        ExposureReserved,
        AlertRaised,
        AlertCleared,
        PlanRefused,
        BreakNoted,
    }
)
"""All that a refusal may leave: a payment that is refused is submitted, held and released in one
row, and the courses see to it that nothing of it is left."""


class PaymentAuditor(Auditor):
    """Reads the journal as it grows; every finding is raised as a Violation at once."""

    marks = MARKS

    def __init__(self, codec: Codec, *, chain: str = "main") -> None:
        super().__init__(codec, chain=chain)
        self.payments = Courses()
        self.certificates = Certificates()
        self.settlements = Settlements(self.certificates)
        self._funded: dict[str, int] = {}
        self._trades: list[tuple[str, int]] = []
        """(ledger id, amount) of the trades that this row must book."""

    def _follow(self, entry: Entry, events: Sequence[Event], *, accepted: bool) -> None:
        for event in events:
            self.certificates.read(event)
            self.payments.read(event, entry.height)
            self.settlements.read(event)
            if isinstance(event, ParticipantFunded):
                funded = self._funded.get(event.currency, 0)
                self._funded[event.currency] = funded + event.amount_minor
            elif isinstance(event, CycleClosed):
                self._check_trades(event)
            elif isinstance(event, TransfersRecorded) and not accepted:
                _check_released(event)
        self.payments.end_row(self.books, events)
        self._trades_booked()

    def _check_tick(self, events: Sequence[Event]) -> None:
        """Time closes windows and starts attempts: the courses check what follows."""

    def _check_trades(self, event: CycleClosed) -> None:
        for number, trade in enumerate(event.fx_trades, start=1):
            for leg, amount in (("sold", trade.sell_minor), ("bought", trade.buy_minor)):
                self._trades.append((f"trade.{leg}:{event.cycle_id}:{number}", amount))

    def _trades_booked(self) -> None:
        for name, amount in self._trades:
            _, line = self.books.lines.get(name, (0, None))
            if line is None or line.amount_minor != amount:
                raise Violation(f"{name} of {amount} is not booked")
        self._trades.clear()

    # -- what was asked and answered --------------------------------------------------------------

    def _check_reply(self, ask: Ask, row: Entry) -> None:
        super()._check_reply(ask, row)
        if isinstance(ask.command, SubmitPayments):
            self._check_payments(ask.command, row)

    def _check_payments(self, command: SubmitPayments, row: Entry) -> None:
        """Each payment that was told as accepted was accepted in this very row, each told as a
        duplicate before it, and no other stands."""
        code, _, body = json.loads(row.reply)
        payments = self.payments.payments
        if code:
            for each in command.payments:
                payment = payments.get(each.transaction_id)
                if payment and payment.height == row.height and payment.state != "refused":
                    raise Violation(f"{payment.id} was refused with its command, and stands")
            return
        results = {index: told for index, told, _ in body["results"]}
        accepted = 0
        for index, each in enumerate(command.payments):
            told = results.get(index, "")
            payment = payments.get(each.transaction_id)
            height = payment.height if payment and payment.state != "refused" else 0
            if told in ("", "payments.held_for_review"):
                accepted += 1
                same = payment is not None and payment.amount == each.amount_minor
                stands = height == row.height and same
            elif told == "payments.duplicate":
                stands = True  # under this id or under its key: told by the facts
            elif told == "payments.exists":
                stands = payment is not None and payment.height <= row.height
            else:
                first = results.keys() - {index}
                again = any(
                    command.payments[other].transaction_id == each.transaction_id
                    for other in range(len(command.payments))
                    if other not in first and other != index
                )
                stands = height != row.height or again
            if not stands:
                raise Violation(f"{each.transaction_id} is told as {told!r}, stands at {height}")
        if body["accepted"] != accepted:
            raise Violation(f"{body['accepted']} are told as accepted, {accepted} were")

    # -- the end ----------------------------------------------------------------------------------

    def check_rest(self, *, now_us: int) -> None:
        """When all is calm: nothing is left undone, and the sums are right."""
        self.books.check_sums()
        self.payments.check_rest(self.books)
        unfinished = self.settlements.unfinished()
        if unfinished:
            raise Violation(f"left on their way: {unfinished[:9]}")
        for account in self.books.accounts.values():
            if account.id.startswith("transit:") and account.debits != account.credits:
                raise Violation(f"{account.id} keeps {account.credits - account.debits}")

    def check_members(self, shown: Sequence[bytes], liars: set[str]) -> None:
        """Members certify one entry a height, and nobody honest is proven to have lied."""
        self.certificates.check_log(shown)
        if not self.certificates.evidence <= liars:
            raise Violation(f"{self.certificates.evidence} are called liars, {liars} are")

    def check_rails(self, entries: Sequence[tuple[str, RailEntry]]) -> None:
        """Each instruction moved at most once, over one rail, as ordered; what moved is booked,
        and what is booked moved."""
        moved: dict[str, tuple[str, RailEntry]] = {}
        for rail, entry in entries:
            if entry.mark is not Mark.SETTLED:
                continue
            name = entry.instruction_id.partition(":")[2]
            if name in moved:
                raise Violation(f"{name} moved twice, over {moved[name][0]} and {rail}")
            moved[name] = (rail, entry)
        totals = {f"nostro:rtgs:{currency}": sum_ for currency, sum_ in self._funded.items()}
        for name, movement in self.settlements.movements.items():
            rail, entry_or = moved.pop(name, ("", None))
            if (movement.end == "settled") != (entry_or is not None):
                raise Violation(f"{name} ended as {movement.end!r}, the rails moved {entry_or}")
            if entry_or is None:
                continue
            order, said = movement.order, entry_or.order
            assert said is not None
            ours = (order.participant_id, order.currency, order.direction, order.amount_minor)
            theirs = (said.participant_id, said.currency, said.direction, said.amount_minor)
            if (movement.rail, ours) != (rail, theirs):
                raise Violation(f"{name} moved as {theirs} over {rail}, is booked as {movement}")
            account = f"nostro:{rail}:{order.currency}"
            sign = 1 if order.direction == "in" else -1
            change = sign * order.amount_minor - movement.charges
            totals[account] = totals.get(account, 0) + change
        if moved:
            raise Violation(f"the rails moved what nobody ordered: {sorted(moved)[:9]}")
        self._check_nostros(totals)

    def _check_nostros(self, totals: dict[str, int]) -> None:
        for account in self.books.accounts.values():
            if account.id.startswith("nostro:"):
                booked, ours = account.debits - account.credits, totals.pop(account.id, 0)
                if booked != ours:
                    raise Violation(f"{account.id} has {booked}, the rail moved {ours}")
        if any(totals.values()):
            raise Violation(f"moved, and booked nowhere: {totals}")


def _check_released(event: TransfersRecorded) -> None:
    for line in event.lines:
        if line.kind not in (LineKind.HELD, LineKind.HOLD_VOIDED):
            raise Violation(f"a refusal leaves {line}")
