"""A ledger that is slow and obvious: it keeps what happened and adds everything up each time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nostro.ledger import (
    Action,
    Balancing,
    Limit,
    LineKind,
    NewAccount,
    NewTransfer,
)

MAX = 10**38 - 1
EXISTS = "ledger.exists"


@dataclass
class Entry:
    """A line, as the twin remembers it: with all of what was asked."""

    id: str
    kind: LineKind
    debit: str
    credit: str
    amount: int
    refers_to: str
    asked: NewTransfer | None
    expires_at_us: int = 0


@dataclass
class Twin:
    """Accounts, everything that happened, and the ids that were refused for good."""

    accounts: dict[str, NewAccount] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    history: list[Entry] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    # -- looking back

    def resolution_of(self, hold_id: str) -> Entry | None:
        kinds = (LineKind.HOLD_POSTED, LineKind.HOLD_VOIDED, LineKind.HOLD_EXPIRED)
        return self._last(lambda e: e.refers_to == hold_id and e.kind in kinds)

    def entry(self, id: str) -> Entry | None:
        return self._last(lambda e: e.id == id)

    def _last(self, wanted: object) -> Entry | None:
        assert callable(wanted)
        return next((e for e in reversed(self.history) if wanted(e)), None)

    def totals(self, account: str) -> tuple[int, int, int, int]:
        """Debits posted, debits pending, credits posted, credits pending."""
        posted, pending = [0, 0], [0, 0]
        for entry in self.history:
            for side, name in enumerate((entry.debit, entry.credit)):
                if name != account:
                    continue
                if entry.kind in (LineKind.POSTED, LineKind.REVERSAL, LineKind.HOLD_POSTED):
                    posted[side] += entry.amount
                if entry.kind is LineKind.HELD and self.resolution_of(entry.id) is None:
                    pending[side] += entry.amount
        return posted[0], pending[0], posted[1], pending[1]

    def room(self, account: str) -> int | None:
        """How much the limited side may still take; None without a limit."""
        terms = self.accounts[account]
        debits, debits_pending, credits, credits_pending = self.totals(account)
        match terms.limit:
            case Limit.DEBITS_MUST_NOT_EXCEED_CREDITS:
                return credits + terms.overdraft_minor - debits - debits_pending
            case Limit.CREDITS_MUST_NOT_EXCEED_DEBITS:
                return debits + terms.overdraft_minor - credits - credits_pending
            case _:
                return None

    # -- commands

    def each(self, transfers: list[NewTransfer], now: int) -> list[str]:
        """Judge transfers in order, chains as a whole; return a code for each ("" for recorded)."""
        codes: list[str] = []
        while len(codes) < len(transfers):
            rest = transfers[len(codes) :]
            length = next((n for n, t in enumerate(rest, 1) if not t.linked), 0)
            codes += self._chain(rest[:length], now) if length else open_chain(len(rest))
        return codes

    def _chain(self, chain: list[NewTransfer], now: int) -> list[str]:
        failed_at, codes = self.together(chain, now)
        if failed_at is None:
            return codes
        return [
            codes[failed_at] if index == failed_at else "ledger.linked_failed"
            for index in range(len(chain))
        ]

    def together(self, transfers: list[NewTransfer], now: int) -> tuple[int | None, list[str]]:
        """Judge transfers, all or none; return which was refused first and the codes so far."""
        before, codes = list(self.history), []
        for index, transfer in enumerate(transfers):
            code = self._judge(transfer, now)
            codes.append(code)
            if code not in ("", EXISTS):
                self.history = before
                if code in FINAL:
                    self.failed[transfer.id] = code
                return index, codes
        return None, codes

    def tick(self, now: int) -> None:
        """Let holds expire, the earliest first."""
        open_holds = [
            e for e in self.history if e.kind is LineKind.HELD and not self.resolution_of(e.id)
        ]
        for e in sorted(open_holds, key=lambda e: (e.expires_at_us, e.id)):
            if 0 < e.expires_at_us <= now:
                self._add("~" + e.id, LineKind.HOLD_EXPIRED, e, e.amount, e.id, None)

    # -- one transfer

    def _judge(self, t: NewTransfer, now: int) -> str:
        code = self._before(t) or content(t) or self._named(t)
        if code:
            return code
        match t.action:
            case Action.TRANSFER | Action.HOLD:
                return self._move(t, now)
            case Action.POST | Action.VOID:
                return self._resolve(t, now)
            case Action.REVERSE:
                return self._reverse(t)

    def _before(self, t: NewTransfer) -> str:
        if not well_formed(t.id):
            return "ledger.bad_id"
        if t.id in self.failed:
            return "ledger.id_already_failed"
        entry = self.entry(t.id)
        if entry is not None:
            assert entry.asked is not None
            different = difference(self, t, entry)
            return EXISTS + "_with_different_" + different if different else EXISTS
        if self._last(lambda e: e.kind is LineKind.HOLD_CLOSED and e.refers_to == t.id):
            return "ledger.hold_closed"
        return ""

    def _named(self, t: NewTransfer) -> str:
        if t.debit and t.debit not in self.accounts:
            return "ledger.debit_not_found"
        if t.credit and t.credit not in self.accounts:
            return "ledger.credit_not_found"
        return ""

    def _standing(self, t: NewTransfer, debit: str, credit: str) -> str:
        assets = self.accounts[debit].asset, self.accounts[credit].asset
        checks = [
            ("assets_differ", assets[0] != assets[1]),
            ("asset_not_of_accounts", t.asset not in ("", assets[0])),
            ("debit_closed", debit in self.closed),
            ("credit_closed", credit in self.closed),
            ("debit_frozen", debit in self.frozen),
            ("credit_frozen", credit in self.frozen),
        ]
        return next(("ledger." + name for name, broken in checks if broken), "")

    def _fits(self, debit: str, credit: str, amount: int) -> str:
        debits, credits = self.totals(debit), self.totals(credit)
        if debits[0] + debits[1] + amount > MAX:
            return "ledger.debit_would_overflow"
        if credits[2] + credits[3] + amount > MAX:
            return "ledger.credit_would_overflow"
        limit_of_debit, limit_of_credit = self.accounts[debit].limit, self.accounts[credit].limit
        if limit_of_debit is Limit.DEBITS_MUST_NOT_EXCEED_CREDITS:
            room = self.room(debit)
            if room is not None and amount > room:
                return "ledger.exceeds_credits"
        if limit_of_credit is Limit.CREDITS_MUST_NOT_EXCEED_DEBITS:
            room = self.room(credit)
            if room is not None and amount > room:
                return "ledger.exceeds_debits"
        return ""

    def _move(self, t: NewTransfer, now: int) -> str:
        code = self._standing(t, t.debit, t.credit)
        if code:
            return code
        amount = t.amount_minor
        if t.balancing is not Balancing.NONE:
            by_debit = t.balancing is Balancing.DEBIT
            account = t.debit if by_debit else t.credit
            limit = (
                Limit.DEBITS_MUST_NOT_EXCEED_CREDITS
                if by_debit
                else Limit.CREDITS_MUST_NOT_EXCEED_DEBITS
            )
            room = self.room(account)
            if self.accounts[account].limit is not limit or room is None:
                return "ledger.balancing_without_limit"
            amount = max(1, min(MAX if amount is None else amount, room))
        assert amount is not None
        code = self._fits(t.debit, t.credit, amount)
        if code:
            return code
        kind = LineKind.HELD if t.action is Action.HOLD else LineKind.POSTED
        expires_at_us = now + t.timeout_s * 1_000_000 if t.timeout_s else 0
        self.history.append(Entry(t.id, kind, t.debit, t.credit, amount, "", t, expires_at_us))
        return ""

    def _resolve(self, t: NewTransfer, now: int) -> str:
        resolved = self.resolution_of(t.refers_to)
        if resolved is not None:
            names = {
                LineKind.HOLD_POSTED: "ledger.hold_already_posted",
                LineKind.HOLD_VOIDED: "ledger.hold_already_voided",
                LineKind.HOLD_EXPIRED: "ledger.hold_expired",
            }
            return names[resolved.kind]
        if t.refers_to in self.failed:
            return "ledger.hold_refused"
        hold = self.entry(t.refers_to)
        if hold is None:
            closed = self._last(
                lambda e: e.kind is LineKind.HOLD_CLOSED and e.refers_to == t.refers_to
            )
            if closed is not None:
                return "ledger.hold_already_voided"
            if t.action is Action.POST:
                return "ledger.hold_not_found"
            self.history.append(Entry(t.id, LineKind.HOLD_CLOSED, "", "", 0, t.refers_to, t))
            return ""
        if hold.kind is not LineKind.HELD:
            return "ledger.not_a_hold"
        if 0 < hold.expires_at_us <= now:
            return "ledger.hold_expired"
        code = other_sides(t, hold)
        amount = hold.amount if t.amount_minor is None else t.amount_minor
        if not code and amount > hold.amount:
            code = "ledger.exceeds_hold"
        if not code and t.action is Action.POST:
            code = self._standing(t, hold.debit, hold.credit)
        if not code and t.asset not in ("", self.accounts[hold.debit].asset):
            code = "ledger.asset_not_of_accounts"
        if code:
            return code
        kind = LineKind.HOLD_POSTED if t.action is Action.POST else LineKind.HOLD_VOIDED
        self._add(t.id, kind, hold, amount, hold.id, t)
        return ""

    def _reverse(self, t: NewTransfer) -> str:
        if t.refers_to in self.failed:
            return "ledger.original_refused"
        original = self.entry(t.refers_to)
        if original is None:
            closed = self._last(
                lambda e: e.kind is LineKind.HOLD_CLOSED and e.refers_to == t.refers_to
            )
            return "ledger.not_reversible" if closed else "ledger.original_not_found"
        if original.kind not in (LineKind.POSTED, LineKind.HOLD_POSTED):
            return "ledger.not_reversible"
        if self._last(lambda e: e.kind is LineKind.REVERSAL and e.refers_to == t.refers_to):
            return "ledger.already_reversed"
        code = (
            other_sides(t, original)
            or self._standing(t, original.credit, original.debit)
            or self._fits(original.credit, original.debit, original.amount)
        )
        if not code:
            self.history.append(
                Entry(
                    t.id,
                    LineKind.REVERSAL,
                    original.credit,
                    original.debit,
                    original.amount,
                    original.id,
                    t,
                )
            )
        return code

    def _add(
        self,
        id: str,
        kind: LineKind,
        hold: Entry,
        amount: int,
        refers_to: str,
        asked: NewTransfer | None,
    ) -> None:
        self.history.append(Entry(id, kind, hold.debit, hold.credit, amount, refers_to, asked))


FINAL_NAMES = """
    debit_not_found credit_not_found
    hold_refused not_a_hold hold_already_posted hold_already_voided hold_expired
    original_refused not_reversible already_reversed
    debit_not_of_original credit_not_of_original exceeds_hold
    assets_differ asset_not_of_accounts
    debit_closed credit_closed debit_frozen credit_frozen
    balancing_without_limit debit_would_overflow credit_would_overflow
    exceeds_credits exceeds_debits
"""
FINAL = {f"ledger.{name}" for name in FINAL_NAMES.split()}


def open_chain(length: int) -> list[str]:
    return ["ledger.linked_failed"] * (length - 1) + ["ledger.linked_chain_open"]


def well_formed(id: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9._:@/-]{1,128}", id))


def other_sides(t: NewTransfer, original: Entry) -> str:
    if t.debit not in ("", original.debit):
        return "ledger.debit_not_of_original"
    if t.credit not in ("", original.credit):
        return "ledger.credit_not_of_original"
    return ""


def content(t: NewTransfer) -> str:
    """The first rule that a transfer breaks by itself."""
    moves = t.action in (Action.TRANSFER, Action.HOLD)
    amount, balancing = t.amount_minor, t.balancing is not Balancing.NONE
    checks = [
        ("amount_missing", moves and amount is None and not balancing),
        ("amount_needless", t.action in (Action.VOID, Action.REVERSE) and amount is not None),
        ("amount_not_positive", amount is not None and amount < 1),
        ("amount_too_large", amount is not None and amount > MAX),
        ("balancing_needless", balancing and not moves),
        ("refers_to_missing", not moves and not t.refers_to),
        ("refers_to_needless", moves and t.refers_to),
        ("bad_refers_to", not moves and not well_formed(t.refers_to)),
        ("refers_to_itself", not moves and t.refers_to == t.id),
        ("timeout_needless", t.timeout_s and t.action is not Action.HOLD),
        ("timeout_out_of_range", not 0 <= t.timeout_s <= 315_360_000),
        ("code_out_of_range", not 0 <= t.code < 2**31),
        ("bad_reference", "\n" in t.reference),
        ("effective_at_out_of_range", t.effective_at_us is not None and t.effective_at_us < 1),
        ("bad_metadata", "" in (t.metadata or ())),
        ("debit_missing", moves and not t.debit),
        ("credit_missing", moves and not t.credit),
        ("same_account", t.debit and t.debit == t.credit),
    ]
    return next((f"ledger.{name}" for name, broken in checks if broken), "")


def difference(twin: Twin, t: NewTransfer, entry: Entry) -> str:
    """The first field in which a transfer is not the one recorded; accounts and asset that a
    resolution leaves out count as those of the original."""
    asked = entry.asked
    assert asked is not None
    debit, credit = entry.debit, entry.credit
    if entry.kind is LineKind.REVERSAL:
        debit, credit = credit, debit
    unseen = entry.kind is LineKind.HOLD_CLOSED
    moves = asked.action in (Action.TRANSFER, Action.HOLD)
    named = {"debit": (t.debit, debit), "credit": (t.credit, credit)}
    other = {
        name: not unseen and said != kept and (bool(said) or moves)
        for name, (said, kept) in named.items()
    }
    asset = "" if unseen else twin.accounts[debit].asset
    checks = [
        ("action", t.action is not asked.action),
        ("balancing", t.balancing is not asked.balancing),
        ("linked", t.linked != asked.linked),
        ("debit", other["debit"]),
        ("credit", other["credit"]),
        ("asset", bool(t.asset and asset and t.asset != asset)),
        ("amount", t.amount_minor != asked.amount_minor),
        ("refers_to", t.refers_to != asked.refers_to),
        ("timeout", t.timeout_s != asked.timeout_s),
        ("code", t.code != asked.code),
        ("reference", t.reference != asked.reference),
        ("effective_at", (t.effective_at_us or 0) != (asked.effective_at_us or 0)),
        ("metadata", t.metadata != asked.metadata),
    ]
    return next((name for name, differs in checks if differs), "")
