"""What would a clerk with a sheet of paper for each payment say?

Slow and obvious: every answer is found by looking through all sheets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nostro.payments import NewPayment, Schedule, Window
from nostro.payments.settlement import RETRIES_MAX

UNDER_WAY = ("held", "accepted", "closed", "batched")


@dataclass
class Sheet:
    """One payment that was accepted, and where it is."""

    payment: NewPayment
    payer: str
    state: str
    cycle_id: str
    cut_off_at_us: int
    place: int
    first_height: int
    actor: str
    retries: int = 0
    batch_id: str = ""
    minor: int = 0
    settled: int = 0
    code: str = ""


def content(payment: NewPayment) -> Any:
    """Return what makes a payment this one and no other."""
    return (
        payment.amount_minor,
        payment.source_currency,
        payment.destination_currency,
        payment.source_account,
        payment.destination_account,
        payment.counterparty_id,
        payment.window,
        payment.priority,
        payment.value_date,
        sorted((payment.details or {}).items()),
    )


class Twin:
    """All sheets, in the order in which payments were accepted."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.sheets: dict[str, Sheet] = {}
        self.keys: dict[str, str] = {}
        self.suspended: set[str] = set()
        self.places = 0
        self.settlements = 0

    # -- acceptance --------------------------------------------------------------------------------

    def submit(self, payments: Sequence[NewPayment], *, height: int, at_us: int) -> list[list[Any]]:
        """Accept what can be accepted, and return [index, code] of all else."""
        told: list[list[Any]] = []
        gross = self._gross(at_us) or f"rtgs.{height}"
        for index, payment in enumerate(payments):
            code = self._code(payment)
            if code:
                told.append([index, code])
                continue
            if payment.hits:
                told.append([index, "payments.held_for_review"])
            placed = self.schedule.place(
                payment.window, payment.source_currency, payment.destination_currency, "", at_us
            )
            cut_off = placed.cut_off_at_us
            if not placed.cycle_id and gross in (sheet.cycle_id for sheet in self._in("accepted")):
                cut_off = min(
                    sheet.cut_off_at_us for sheet in self._in("accepted") if sheet.cycle_id == gross
                )
            self.places += 1
            self.sheets[payment.transaction_id] = Sheet(
                payment,
                payment.source_account.split(":")[1],
                "held" if payment.hits else "accepted",
                placed.cycle_id or gross,
                cut_off,
                self.places,
                height,
                "clerk",
            )
            if payment.idempotency_key:
                self.keys[payment.idempotency_key] = payment.transaction_id
        return told

    def _gross(self, at_us: int) -> str:
        """Return the gross cycle that is due at once."""
        ids = {
            sheet.cycle_id: sheet.place
            for sheet in self._in("accepted")
            if sheet.payment.window is Window.RTGS and sheet.cut_off_at_us <= at_us
        }
        return max(ids, key=lambda each: ids[each]) if ids else ""

    def _code(self, payment: NewPayment) -> str:
        parties = {payment.source_account.split(":")[1], payment.counterparty_id}
        away = "payments.participant_suspended" if parties & self.suspended else ""
        owner = self.keys.get(payment.idempotency_key) if payment.idempotency_key else None
        if owner is not None and owner != payment.transaction_id:
            return away or "payments.key_reused"
        sheet = self.sheets.get(payment.transaction_id)
        if sheet is None:
            return away
        if content(sheet.payment) == content(payment):
            return sheet.code if sheet.state == "refused" else "payments.duplicate"
        return away or ("payments.key_reused" if owner else "payments.exists")

    # -- lives -------------------------------------------------------------------------------------

    def _in(self, *states: str) -> list[Sheet]:
        return [sheet for sheet in self.sheets.values() if sheet.state in states]

    def end(self, ids: Iterable[str], state: str, code: str = "") -> None:
        """Write an end on sheets."""
        for each in ids:
            self.sheets[each].state, self.sheets[each].code = state, code

    def cancel(self, transaction_id: str) -> str:
        """Return `cancelled`, or why not."""
        sheet = self.sheets.get(transaction_id)
        if sheet is None:
            return "payments.unknown"
        if sheet.state in ("held", "accepted", "cancelled"):
            sheet.state = "cancelled"
            return "cancelled"
        return "payments.not_cancellable"

    def suspend(self, participant_id: str) -> list[str]:
        """Return what fails."""
        self.suspended.add(participant_id)
        gone = [
            sheet.payment.transaction_id
            for sheet in self._in("held", "accepted")
            if participant_id in (sheet.payer, sheet.payment.counterparty_id)
        ]
        self.end(gone, "failed")
        return gone

    # -- cycles ------------------------------------------------------------------------------------

    def close(self, at_us: int) -> list[tuple[str, list[str]]]:
        """Return the cycles that close, each with its payments in order."""
        ripe = sorted(
            (sheet for sheet in self._in("accepted") if sheet.cut_off_at_us <= at_us),
            key=lambda sheet: (sheet.cut_off_at_us, sheet.cycle_id, sheet.place),
        )
        cycles: dict[str, list[str]] = {}
        for sheet in ripe:
            sheet.state = "closed"
            cycles.setdefault(sheet.cycle_id, []).append(sheet.payment.transaction_id)
        return list(cycles.items())

    def members(self, cycle_id: str, *states: str) -> list[str]:
        """Return the payments of a cycle in these states, in order."""
        inside = [sheet for sheet in self._in(*states) if sheet.cycle_id == cycle_id]
        return [each.payment.transaction_id for each in sorted(inside, key=lambda s: s.place)]

    def cycles(self, *states: str) -> list[str]:
        """Return the cycles that have payments in these states."""
        return sorted({sheet.cycle_id for sheet in self._in(*states)})

    def assign(self, batch_id: str, items: Sequence[tuple[str, int]]) -> None:
        """Put payments into a batch."""
        for each, minor in items:
            sheet = self.sheets[each]
            sheet.state, sheet.batch_id, sheet.minor = "batched", batch_id, minor

    def defer(
        self,
        ids: Sequence[str],
        *,
        height: int,
        at_us: int,
        retries_max: int = RETRIES_MAX,
        taken: dict[str, int] | None = None,
    ) -> tuple[list[str], list[str]]:
        """Return what waits on, and what fails. `taken`: cycles of this row and their cut-offs."""
        taken = {} if taken is None else taken
        waiting, failed = [], []
        for each in ids:
            sheet = self.sheets[each]
            parties = {sheet.payer, sheet.payment.counterparty_id}
            if parties & self.suspended or sheet.retries >= retries_max:
                failed.append(each)
                continue
            after = max(at_us, sheet.cut_off_at_us)
            placed = self.schedule.next_after(
                sheet.payment.window,
                sheet.payment.source_currency,
                sheet.payment.destination_currency,
                after,
            )
            self.places += 1
            sheet.place, sheet.state, sheet.batch_id = self.places, "accepted", ""
            sheet.retries += 1
            sheet.cycle_id = placed.cycle_id or f"rtgs.{height}"
            if taken.setdefault(sheet.cycle_id, placed.cut_off_at_us) != placed.cut_off_at_us:
                sheet.cycle_id += "-2"
            sheet.cut_off_at_us = placed.cut_off_at_us
            waiting.append(each)
        self.end(failed, "failed")
        return waiting, failed

    def settle(self, cycle_id: str, batch_ids: Sequence[str]) -> list[str]:
        """Return what is settled, in order."""
        done: list[str] = []
        for batch_id in batch_ids:
            for each, sheet in self.sheets.items():
                if sheet.cycle_id == cycle_id and sheet.batch_id == batch_id:
                    done.append(each)
        for each in done:
            self.settlements += 1
            self.sheets[each].state, self.sheets[each].settled = "settled", self.settlements
        return done

    def reverse(self, cycle_id: str, wanted: Iterable[str]) -> set[str]:
        """Return which of these are reversed now."""
        gone = {
            each
            for each in wanted
            if each in self.sheets
            and self.sheets[each].cycle_id == cycle_id
            and self.sheets[each].state == "settled"
        }
        self.end(gone, "reversed")
        return gone
