"""Random courses of settlements in a journal, and what of them can be said without the views."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing

import msgspec

from nostro.adapters.postgres.follower import PostgresViews
from nostro.kernel.codec import encode_events, encode_reply
from nostro.kernel.messages import Event, Tick
from nostro.kernel.reply import Reply
from nostro.runtime.projector import Projector
from nostro.settlement import (
    Deed,
    InstructedSettlement,
    PenaltiesAccrued,
    RoundsSettled,
    SettlementMatched,
    SettlementsFailed,
    SettlementsInstructed,
    SettlementState,
    Status,
)
from nostro.wiring.rooms import make_house
from tests.adapters.postgres.chronicle import Chronicle, catch_up
from tests.rooms.settlement.told_course import CHAIN, Dealer


class DvpStory(Chronicle):
    """A journal whose rows are those of a random course."""

    def __init__(self, seed: int, steps: int) -> None:
        super().__init__(CHAIN)
        self.dealer = Dealer(seed).run(steps)
        for _, at_us, events in self.dealer.rows:
            self.happen(*events, at_us=at_us)

    def happen(self, *events: Event, at_us: int = 0) -> int:
        """Add a row with these events and return its height."""
        at_us = at_us or self.memory.at_us + 1
        return self.add(Tick(), encode_events(events), encode_reply(Reply()), at_us).height


def follow_story(url: str, *, rows_max: int | None = None, restart_every: int = 0) -> int:
    """Let followers take in what there is, each up to `restart_every` batches; return the
    height."""
    while True:
        house = make_house()
        with closing(PostgresViews(url, CHAIN, rooms=house.rooms)) as store:
            one = Projector(house, store, snapshot_every=50)
            one.open()
            if rows_max is None:
                catch_up(one)
                return one.checkpoint.height
            for _ in range(restart_every or 1_000_000):
                if not one._advance(rows_max=rows_max, up_to=None):
                    return one.checkpoint.height


class Expected(msgspec.Struct):
    """What a settlement comes to, told from terms and outcomes alone. `status`: None for one whose
    round is being given up, which is shown as it stood."""

    terms: InstructedSettlement
    status: Status | None = Status.PENDING
    settled_minor: int = 0
    paid_minor: int = 0
    penalties: int = 0


def expected(story: DvpStory) -> dict[int, Expected]:
    """Return what becomes of each settlement: what is in memory says it itself."""
    found: dict[int, Expected] = {}
    penalties: defaultdict[int, int] = defaultdict(int)
    for _, _, events in story.dealer.rows:
        for event in events:
            match event:
                case SettlementsInstructed(settlements):
                    found |= {new.number: Expected(new) for new in settlements}
                case SettlementMatched():
                    known = found[event.settlement]
                    known.terms = msgspec.structs.replace(
                        known.terms, trade_id=event.trade_id, amount_minor=event.amount_minor
                    )
                case RoundsSettled(rounds):
                    for tranche in (tranche for one in rounds for tranche in one.tranches):
                        found[tranche.settlement].settled_minor += tranche.quantity_minor
                        found[tranche.settlement].paid_minor += tranche.amount_minor
                case SettlementsFailed(failed):
                    for ended in failed:
                        found[ended.settlement].status = Status.FAILED
                case PenaltiesAccrued(accrued):
                    for penalty in accrued:
                        penalties[penalty.settlement] += penalty.amount_minor
    for number, each in found.items():
        each.penalties = penalties[number]
        _set_status(each, story.dealer.state)
    return found


def _set_status(each: Expected, state: SettlementState) -> None:
    live = state.settlements.get(each.terms.number)
    if live is None:
        if each.settled_minor == each.terms.quantity_minor:
            each.status = Status.SETTLED
        return
    round_ = state.bundles[live.terms.bundle].round
    given_up = round_ is not None and round_.deed is Deed.RELEASE
    each.status = None if given_up else state.status_of(live)
