"""Does a comparison with a domain find what it lost or never should have, and mend it?"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from nostro.adapters.domains.port import (
    LACKING,
    DomainHead,
    Executed,
    HoldOrder,
    Refused,
    Released,
    RoundOrder,
)
from nostro.adapters.domains.reconcile import Kind, Remedy, reconcile, repair
from nostro.adapters.domains.rounds import OurRounds
from nostro.kernel.codec import Codec, encode_events
from nostro.kernel.messages import Event
from nostro.kernel.movement import Lock, Move
from nostro.runtime.ports import GENESIS_HASH, Entry, NotDone, sealed
from nostro.settlement import (
    EVENTS,
    DecidedRound,
    Deed,
    DeedOrder,
    DeedsExecuted,
    DeedsOrdered,
    DomainState,
    DomainStateSet,
    DoneDeed,
    HoldsPlaced,
    HoldsReleased,
    RoundsDecided,
    round_id,
)
from tests.adapters.domains.scripted import ScriptedDomain

EPOCH = 3


def name(bundle: int) -> str:
    return round_id("main", bundle, 1)


class Story:
    """A coordinator's journal and a domain that both went through the same rounds."""

    def __init__(self) -> None:
        self.domain = ScriptedDomain()
        self.entries: list[Entry] = []
        codec = Codec(EVENTS)

        async def read(after: int) -> Sequence[Entry]:
            return self.entries[after : after + 3]

        self.ours = OurRounds("equities", read=read, decode=codec.decode_events)

    def row(self, *events: Event) -> None:
        height = len(self.entries) + 1
        self.entries.append(
            sealed(
                chain="main",
                height=height,
                command_id=f"k{height}",
                request_hash=b"",
                actor="a",
                room="settlement",
                stream="",
                kind="settlement.NoteDeeds",
                at_us=height,
                payload=encode_events(events),
                reply=b"",
                prev_hash=GENESIS_HASH,
            )
        )

    async def ask(self, *bundles: int) -> None:
        """Ask for holds; nobody has answered."""
        self.row(DeedsOrdered("equities", False, Deed.HOLD, [order(each) for each in bundles]))

    async def hold(self, *bundles: int) -> None:
        await self.ask(*bundles)
        answers = await self.domain.hold([held(each) for each in bundles])
        self.row(HoldsPlaced("equities", done(bundles, answers), self.domain.height))

    async def execute(self, *bundles: int) -> None:
        self.decide(*bundles, commit=True)
        answers = await self.domain.execute([RoundOrder(name(each), EPOCH) for each in bundles])
        events = DeedsExecuted("equities", Deed.EXECUTE, done(bundles, answers), self.domain.height)
        self.row(events)

    async def release(self, *bundles: int) -> None:
        self.decide(*bundles, commit=False)
        answers = await self.domain.release([RoundOrder(name(each), EPOCH) for each in bundles])
        self.row(HoldsReleased("equities", done(bundles, answers), self.domain.height))

    def decide(self, *bundles: int, commit: bool) -> None:
        self.row(RoundsDecided([DecidedRound(each, 1, commit) for each in bundles]))

    def backup(self) -> tuple[Any, ...]:
        return copy.deepcopy((self.domain.stands, self.domain.epochs, self.domain.height))

    def restore(self, backup: tuple[Any, ...]) -> None:
        self.domain.stands, self.domain.epochs, self.domain.height = backup

    async def breaks(self) -> dict[int, tuple[Kind, Remedy]]:
        report = await reconcile(self.domain, self.ours)
        return {int(b.round_id.split(".S")[1][:-2]): (b.kind, b.remedy) for b in report.breaks}


def order(bundle: int) -> DeedOrder:
    locks, moves = [Lock("ann", "ACME", bundle)], [Move("ann", "bob", "ACME", bundle)]
    return DeedOrder(bundle, 1, name(bundle), locks, moves)


def held(bundle: int) -> HoldOrder:
    told = order(bundle)
    return HoldOrder(told.round_id, EPOCH, tuple(told.locks), tuple(told.moves))


def done(bundles: Sequence[int], answers: Sequence[Any]) -> list[DoneDeed]:
    return [
        DoneDeed(each, 1, answer.reference) for each, answer in zip(bundles, answers, strict=True)
    ]


async def lived() -> tuple[Story, tuple[Any, ...]]:
    """A story with a backup in the middle: 1 executed, 2 released, 3 to 6 held; then 3 executed, 4
    released, 7 held, 8 executed, 9 released."""
    story = Story()
    await story.hold(1, 2, 3, 4, 5, 6)
    await story.execute(1)
    await story.release(2)
    backup = story.backup()
    await story.execute(3)
    await story.release(4)
    await story.hold(7, 8, 9)
    await story.execute(8)
    await story.release(9)
    return story, backup


async def test_a_domain_that_did_what_was_decided_has_no_breaks() -> None:
    story, _ = await lived()
    story.decide(5, commit=True)
    story.decide(6, commit=False)
    await story.ask(10)
    report = await reconcile(story.domain, story.ours)
    assert (report.sound, report.behind, report.rounds) == (True, False, 10)


async def test_a_domain_restored_from_an_old_backup_is_behind_and_has_lost_what_came_since() -> (
    None
):
    story, backup = await lived()
    story.restore(backup)
    report = await reconcile(story.domain, story.ours)
    assert report.behind
    assert await story.breaks() == {
        3: (Kind.UNDONE, Remedy.EXECUTE),
        4: (Kind.ORPHAN, Remedy.RELEASE),
        7: (Kind.LOST, Remedy.HOLD),
        8: (Kind.LOST, Remedy.HOLD_AND_EXECUTE),
        9: (Kind.FORGOTTEN, Remedy.RELEASE),
    }


async def test_a_repair_brings_a_restored_domain_to_where_the_decisions_are() -> None:
    story, backup = await lived()
    before = {id_: type(answer) for id_, answer in story.domain.stands.items()}
    story.restore(backup)
    report = await reconcile(story.domain, story.ours)
    repaired = await repair(story.domain, story.ours, report, epoch=EPOCH)
    assert repaired.after.sound
    assert repaired.refused == []
    assert repaired.mended == [name(each) for each in (3, 4, 7, 8, 9)]
    assert {id_: type(answer) for id_, answer in story.domain.stands.items()} == before


async def test_a_committed_round_whose_hold_is_lost_is_held_and_executed() -> None:
    story = Story()
    backup = story.backup()
    await story.hold(1)
    story.decide(1, commit=True)
    story.restore(backup)
    assert await story.breaks() == {1: (Kind.LOST, Remedy.HOLD_AND_EXECUTE)}
    report = await reconcile(story.domain, story.ours)
    assert (await repair(story.domain, story.ours, report, epoch=EPOCH)).after.sound
    assert isinstance(story.domain.stands[name(1)], Executed)


async def test_what_the_domain_holds_for_nobody_is_released() -> None:
    story = Story()
    await story.domain.hold([held(1)])
    assert await story.breaks() == {1: (Kind.UNKNOWN, Remedy.RELEASE)}
    report = await reconcile(story.domain, story.ours)
    assert (await repair(story.domain, story.ours, report, epoch=EPOCH)).after.sound
    assert isinstance(story.domain.stands[name(1)], Released)


@pytest.mark.parametrize("decided", ["held", "released", "nothing"])
async def test_what_the_domain_did_against_a_decision_is_for_people(decided: str) -> None:
    story = Story()
    if decided != "nothing":
        await story.hold(1)
    if decided == "released":
        await story.release(1)
    story.domain.stands[name(1)] = Executed("equities:9")
    assert await story.breaks() == {1: (Kind.CONTRADICTION, Remedy.PEOPLE)}
    report = await reconcile(story.domain, story.ours)
    repaired = await repair(story.domain, story.ours, report, epoch=EPOCH)
    assert (repaired.mended, repaired.after.sound) == ([], False)
    assert isinstance(story.domain.stands[name(1)], Executed)


async def test_a_round_that_goes_on_while_it_is_compared_is_no_break() -> None:
    story = Story()
    await story.hold(1, 2)

    class Meanwhile(ScriptedDomain):
        async def status(self, round_ids: Sequence[str]) -> Sequence[Any]:
            # Between the first look at the journal and the answer.
            await story.execute(1)
            await story.release(2)
            await story.hold(3)
            return await super().status(round_ids)

        async def head(self) -> DomainHead:
            return DomainHead(self.name, 100)

    domain = Meanwhile()
    domain.stands, domain.epochs = story.domain.stands, story.domain.epochs
    story.domain = domain
    assert (await reconcile(domain, story.ours)).sound


async def test_what_one_lost_round_delivers_the_next_may_pass_on() -> None:
    story = Story()
    await story.hold(1)
    await story.execute(1)
    await story.hold(2)
    await story.execute(2)

    class Poor(ScriptedDomain):
        """Holds 1 only once 2 was executed."""

        async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[Any]:
            has = isinstance(self.stands.get(name(2)), Executed)
            self.refuses = {} if has else {name(1): Refused(LACKING)}
            return await super().hold(orders)

    story.domain = Poor()
    report = await reconcile(story.domain, story.ours)
    repaired = await repair(story.domain, story.ours, report, epoch=EPOCH)
    assert (repaired.after.sound, repaired.refused) == (True, [])


async def test_what_is_held_for_an_aborted_round_is_released_before_others_need_it() -> None:
    story = Story()
    await story.hold(1)
    await story.execute(1)
    story.domain = ScriptedDomain()
    await story.hold(2)  # it was under way when the domain was found out
    story.decide(2, commit=False)

    class Poor(ScriptedDomain):
        """Holds 1 only once 2 was released."""

        async def hold(self, orders: Sequence[HoldOrder]) -> Sequence[Any]:
            has = isinstance(self.stands.get(name(2)), Released)
            self.refuses = {} if has else {name(1): Refused(LACKING)}
            return await super().hold(orders)

    poor = Poor()
    poor.stands, poor.epochs = story.domain.stands, story.domain.epochs
    report = await reconcile(poor, story.ours)
    repaired = await repair(poor, story.ours, report, epoch=EPOCH)
    assert (repaired.after.sound, repaired.refused) == (True, [])


async def test_what_cannot_be_held_again_is_told() -> None:
    story = Story()
    await story.hold(1)
    await story.execute(1)
    story.domain = ScriptedDomain()
    story.domain.refuses[name(1)] = Refused(LACKING)
    report = await reconcile(story.domain, story.ours)
    repaired = await repair(story.domain, story.ours, report, epoch=EPOCH)
    assert repaired.refused == [(name(1), LACKING)]
    assert [each.kind for each in repaired.after.breaks] == [Kind.LOST]


async def test_a_round_of_which_the_domain_says_nothing_ends_the_comparison() -> None:
    story = Story()
    await story.hold(1)
    story.domain.silent = {name(1)}
    with pytest.raises(NotDone, match="does not say"):
        await reconcile(story.domain, story.ours)


async def test_a_domain_that_was_opened_again_is_no_longer_behind() -> None:
    story, backup = await lived()
    story.restore(backup)
    story.row(DomainStateSet("equities", DomainState.QUARANTINED, "behind", "performer"))
    assert (await reconcile(story.domain, story.ours)).behind
    story.row(DomainStateSet("equities", DomainState.OPEN, "", "operator"))
    assert not (await reconcile(story.domain, story.ours)).behind


async def test_other_domains_rounds_are_none_of_its_business() -> None:
    story = Story()
    story.row(DeedsOrdered("cash", False, Deed.HOLD, [order(1)]))
    story.row(HoldsPlaced("cash", [DoneDeed(1, 1, "cash:1")]))
    story.decide(1, commit=True)
    assert await story.breaks() == {}
