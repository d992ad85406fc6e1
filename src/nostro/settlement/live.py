"""What is a settlement while it lives, and the round that it is in?"""

from __future__ import annotations

from copy import copy
from enum import StrEnum
from typing import Any

import msgspec

from nostro.kernel.movement import Lacking
from nostro.settlement.events import (
    DoneDeed,
    InstructedSettlement,
    RoundPart,
    SettlementMatched,
)
from nostro.settlement.matching import OneSide
from nostro.settlement.partials import Done
from nostro.settlement.terms import Deed, Party, Reason, Tranche


class PartStage(StrEnum):
    """How far a part of a round is at its domain, as far as it has said. ASKED and REFUSED: to
    hold, or to post."""

    FRESH = "fresh"
    ASKED = "asked"
    REFUSED = "refused"
    HELD = "held"
    EXECUTED = "executed"
    RELEASED = "released"


class Decided(StrEnum):
    """What was decided of a round."""

    NOT_YET = "not_yet"
    COMMIT = "commit"
    ABORT = "abort"


class Part(msgspec.Struct, array_like=True, gc=False):
    """A part of a round. `asked`: how often for the deed that it is at; `again_at_us`: when again,
    after a refusal. `held`, `executed`: what the domain said."""

    terms: RoundPart
    stage: PartStage = PartStage.FRESH
    asked: int = 0
    again_at_us: int = 0
    held: DoneDeed | None = None
    executed: DoneDeed | None = None


class Round(msgspec.Struct, array_like=True, gc=False):
    """One attempt of a bundle. `reason` and `code` of the last refusal, and of an abort."""

    number: int
    settle_before_us: int
    tranches: list[Tranche]
    parts: list[Part]
    at_once: bool
    decided: Decided = Decided.NOT_YET
    reason: Reason | None = None
    code: str = ""

    def part_at(self, domain: str) -> Part | None:
        """Return what is done at a domain."""
        for part in self.parts:
            if part.terms.domain == domain:
                return part
        return None

    @property
    def stuck(self) -> bool:
        """Tell whether a domain refuses to carry out what was decided."""
        done = (PartStage.FRESH, PartStage.EXECUTED, PartStage.RELEASED)
        return self.decided is not Decided.NOT_YET and any(
            part.stage not in done and (part.again_at_us or part.asked > 1) for part in self.parts
        )

    @property
    def deed(self) -> Deed:
        """Return what is asked of domains now."""
        match self.decided:
            case Decided.NOT_YET:
                return Deed.POST if self.at_once else Deed.HOLD
            case Decided.COMMIT:
                return Deed.EXECUTE
            case Decided.ABORT:
                return Deed.RELEASE


class Live(msgspec.Struct, array_like=True, gc=False):
    """A settlement that has not ended. `settled_minor` of its quantity is delivered, for
    `paid_minor`. `held`: sides that keep it back, all but what they let go of it
    (`seller_free_minor`, `buyer_free_minor`); `let_go`: sides that did keep it back.
    `offered_minor`: its round settles only so much (0: all). `retries`: how often someone asked for
    another round; `matched_at_us`: when both sides had instructed."""

    terms: InstructedSettlement
    held: tuple[Party, ...]
    settled_minor: int = 0
    paid_minor: int = 0
    seller_free_minor: int = 0
    buyer_free_minor: int = 0
    let_go: tuple[Party, ...] = ()
    cancel_asked: tuple[Party, ...] = ()
    offered_minor: int = 0
    retries: int = 0
    matched_at_us: int = 0

    @property
    def number(self) -> int:
        """Return its number."""
        return self.terms.number

    @property
    def matched(self) -> bool:
        """Tell whether both sides have instructed."""
        return bool(self.terms.seller_reference and self.terms.buyer_reference)

    @property
    def open_minor(self) -> int:
        """Return how much is still to be delivered."""
        return self.terms.quantity_minor - self.settled_minor

    @property
    def done(self) -> Done:
        """Return what earlier tranches settled."""
        return Done(self.settled_minor, self.paid_minor)

    @property
    def cancelled(self) -> bool:
        """Tell whether all who instructed want it cancelled."""
        return len(self.cancel_asked) == 2 or bool(self.cancel_asked and not self.matched)

    def instructed_by(self, side: Party) -> bool:
        """Tell whether a side has instructed."""
        terms = self.terms
        return bool(terms.seller_reference if side is Party.SELLER else terms.buyer_reference)

    def free_minor(self, side: Party) -> int:
        """Return how much a side that keeps it back lets go."""
        return self.seller_free_minor if side is Party.SELLER else self.buyer_free_minor

    @property
    def held_back(self) -> bool:
        """Tell whether a side lets go nothing of it."""
        return any(not self.free_minor(side) for side in self.held)

    def hold(self, side: Party) -> None:
        """Let a side keep it back."""
        self._free(side, 0)
        if side not in self.held:
            self.held = (*self.held, side)

    def release(self, side: Party, quantity_minor: int) -> None:
        """Let a side let go so much more of it, or all (0)."""
        if quantity_minor:
            self._free(side, self.free_minor(side) + quantity_minor)
            return
        self._free(side, 0)
        self.held = tuple(each for each in self.held if each is not side)
        if side not in self.let_go:
            self.let_go = (*self.let_go, side)

    def ask_cancel(self, side: Party | None) -> None:
        """Let a side, or both, want it cancelled."""
        asking = Party if side is None else (side,)
        self.cancel_asked = tuple(each for each in Party if each in (*self.cancel_asked, *asking))

    def match(self, event: SettlementMatched, at_us: int) -> None:
        """Take in what the other side says."""
        side = event.side
        told: dict[str, Any] = {
            "trade_id": event.trade_id,
            "amount_minor": event.amount_minor,
            "starts_at_us": event.starts_at_us,
            f"{side}_reference": event.reference,
            f"{side}_partial": event.partial,
            f"{side}_partial_min_minor": event.partial_min_minor,
        }
        self.terms = msgspec.structs.replace(self.terms, **told)
        self.matched_at_us = at_us
        if event.held:
            self.held = (*self.held, side)

    def deliver(self, tranche: Tranche) -> None:
        """Take in that a part, or the rest, is settled."""
        self.settled_minor += tranche.quantity_minor
        self.paid_minor += tranche.amount_minor
        for side in self.held:
            self._free(side, self.free_minor(side) - tranche.quantity_minor)

    def _free(self, side: Party, quantity_minor: int) -> None:
        if side is Party.SELLER:
            self.seller_free_minor = quantity_minor
        else:
            self.buyer_free_minor = quantity_minor


class Bundle(msgspec.Struct, array_like=True, gc=False):
    """Settlements that settle together, and the round that is under way. `rounds`: how many there
    were; `due_at_us`: when a Tick has something to do (0: it has not). `reason`, `code` and
    `lacking` of the last refusal or end of a round that came to nothing; `part_next`: that round
    ended for what is lacking, and the next is in the same cycle, so a part of what is there may be
    offered. `recycled_to_us`: the start of the last day that was counted in `recycled`;
    `failed_at_us`: when it failed last."""

    number: int
    settlements: list[Live]
    starts_at_us: int
    rounds: int = 0
    recycled: int = 0
    round: Round | None = None
    due_at_us: int = 0
    failed: bool = False
    reason: Reason | None = None
    code: str = ""
    lacking: list[Lacking] = []
    part_next: bool = False
    recycled_to_us: int = 0
    failed_at_us: int = 0

    def retry(self, starts_at_us: int) -> None:
        """Let the next round begin at a time, whatever became of those before."""
        self.failed = False
        self.starts_at_us = starts_at_us
        self.lacking, self.part_next = [], False

    @property
    def cancelled(self) -> bool:
        """Tell whether all who instructed any of it want it cancelled."""
        return all(each.cancelled for each in self.settlements)

    @property
    def on_hold(self) -> bool:
        """Tell whether a side keeps it back."""
        return any(each.held_back for each in self.settlements)

    @property
    def only(self) -> Live | None:
        """Return the settlement that is a bundle of its own."""
        return self.settlements[0] if len(self.settlements) == 1 else None


def copied(bundle: Bundle) -> Bundle:
    """Return a bundle on which to try what an event that is being decided will do."""
    settlements = [copy(live) for live in bundle.settlements]
    return msgspec.structs.replace(bundle, settlements=settlements)


def side_of(instructed: InstructedSettlement) -> OneSide:
    """Return what the only side that has instructed says."""
    return OneSide(
        Party.SELLER if instructed.seller_reference else Party.BUYER,
        instructed.seller,
        instructed.buyer,
        instructed.security,
        instructed.quantity_minor,
        instructed.cash,
        instructed.amount_minor,
        instructed.securities_domain,
        instructed.cash_domain,
        instructed.trade_day,
        instructed.settlement_day,
        instructed.trade_id,
    )
