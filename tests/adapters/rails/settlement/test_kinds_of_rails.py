"""How do the central bank, the correspondent and the instant rail differ, and how are their faults
switched?"""

from __future__ import annotations

import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from nostro.adapters.rails.settlement.clearing import (
    OURS,
    Clearing,
    Correspondent,
    CorrespondentTerms,
    Instant,
    InstantTerms,
    Rtgs,
    RtgsTerms,
)
from nostro.adapters.rails.settlement.port import Answer, Pending, RailOrder, Refused, Settled
from nostro.adapters.rails.settlement.records import Entry, FileBooks, Mark, MemoryBooks
from nostro.adapters.rails.settlement.simulator import SettlementWeather, SimulatedSettlementRail
from nostro.adapters.rails.settlement.switchboard import (
    NO_FAULTS,
    Faults,
    FileSwitchboard,
    MemorySwitchboard,
    Outage,
)
from nostro.execution import Direction
from nostro.runtime.ports import NotDone
from nostro.simulation.loop import START_US, LoopClock, seeded_loop

T = TypeVar("T")
NO_WAIT = SettlementWeather(latency_s_max=0)


class Street:
    """One rail in virtual time."""

    def __init__(self, clearing: Clearing, books: MemoryBooks | None = None) -> None:
        self._loop = seeded_loop("street")
        self.clock = LoopClock(self._loop)
        self.switchboard = MemorySwitchboard()
        self.rail = SimulatedSettlementRail(
            name="rail",
            clearing=clearing,
            books=books or MemoryBooks(),
            clock=self.clock,
            seed=1,
            weather=NO_WAIT,
            switchboard=self.switchboard,
        )

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(story)

    async def send(self, name: str, direction: str, amount_minor: int, bank: str = "a") -> Answer:
        order = RailOrder(
            instruction_id=name,
            attempt=1,
            participant_id=bank,
            currency="EUR",
            direction=Direction(direction),
            amount_minor=amount_minor,
        )
        return await self.rail.send(order, region="east")

    async def status(self, name: str) -> Answer:
        return await self.rail.status(name, attempt=1, region="east")


# -- the central bank -----------------------------------------------------------------------------


def test_a_pay_in_waits_for_money_and_settles_when_some_comes() -> None:
    clearing = Rtgs(terms=RtgsTerms(opening_minor={("a", "EUR"): 50}))
    street = Street(clearing)

    async def story() -> None:
        assert await street.send("in", "in", 80) == Pending()
        assert isinstance(await street.send("out", "out", 30), Settled)
        assert isinstance(await street.status("in"), Settled)

    street.run(story())
    assert clearing.balance_minor("a", "EUR") == 0
    assert clearing.balance_minor(OURS, "EUR") == 50


def test_a_pay_in_without_money_is_refused_after_its_time_in_the_queue() -> None:
    street = Street(Rtgs(terms=RtgsTerms(opening_other_minor=0, queue_s_max=2.0)))

    async def story() -> None:
        assert await street.send("in", "in", 80) == Pending()
        await street.clock.sleep(1.9)  # sleeps: virtual time
        assert await street.status("in") == Pending()
        await street.clock.sleep(0.2)  # sleeps: virtual time
        assert await street.status("in") == Refused("liquidity")

    street.run(story())


def test_gridlock_between_a_bank_and_us_is_solved() -> None:
    terms = RtgsTerms(opening_minor={("a", "EUR"): 10}, own_minor=0)
    street = Street(Rtgs(terms=terms))

    async def story() -> None:
        assert await street.send("out", "out", 90) == Pending()
        assert isinstance(await street.send("in", "in", 100), Settled)
        assert isinstance(await street.status("out"), Settled)

    street.run(story())


def test_the_queue_and_the_accounts_are_known_after_the_platform_was_killed() -> None:
    books = MemoryBooks()
    terms = RtgsTerms(opening_minor={("a", "EUR"): 50}, queue_s_max=60)
    before = Street(Rtgs(terms=terms), books)

    async def first() -> None:
        assert await before.send("in", "in", 80) == Pending()

    before.run(first())
    clearing = Rtgs(terms=terms)
    after = Street(clearing, books)

    async def second() -> None:
        assert isinstance(await after.send("out", "out", 30), Settled)
        assert isinstance(await after.status("in"), Settled)

    after.run(second())
    assert clearing.balance_minor("a", "EUR") == 0


def test_after_the_cut_off_it_is_closed() -> None:
    hour = START_US // 3_600_000_000 % 24 * 3_600
    street = Street(Rtgs(terms=RtgsTerms(opens_s=hour + 3_600, cut_off_s=86_400)))
    assert street.run(street.send("in", "in", 80)) == Refused("closed")


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (Faults(failed=frozenset("a")), "counterparty_failed"),
        (Faults(unavailable=frozenset("a")), "counterparty_unavailable"),
    ],
)
@pytest.mark.parametrize("clearing", [Rtgs, Instant])
def test_a_bank_that_is_gone_gets_and_gives_nothing(
    faults: Faults, code: str, clearing: type[Rtgs | Instant]
) -> None:
    street = Street(clearing())
    street.switchboard.set(faults)
    assert street.run(street.send("in", "in", 80)) == Refused(code)


def test_a_bank_that_is_short_pays_in_nothing_but_is_paid() -> None:
    street = Street(Rtgs())
    street.switchboard.set(Faults(short=frozenset("a")))

    async def story() -> None:
        assert await street.send("in", "in", 80) == Pending()
        assert isinstance(await street.send("out", "out", 80), Settled)
        await street.clock.sleep(5)  # sleeps: virtual time
        assert await street.status("in") == Refused("liquidity")

    street.run(story())


# -- the correspondent and instant ----------------------------------------------------------------


def test_the_correspondent_tells_later_and_takes_a_charge() -> None:
    terms = CorrespondentTerms(settle_s_max=10, charge_minor=1_500, charge_ppm=100)
    street = Street(Correspondent(terms=terms))

    async def story() -> None:
        assert await street.send("out", "out", 1_000_001) == Pending()
        assert await street.send("in", "in", 1_000_000) == Pending()
        await street.clock.sleep(10)  # sleeps: virtual time
        out, inward = await street.status("out"), await street.status("in")
        assert isinstance(out, Settled)
        assert isinstance(inward, Settled)
        assert out.charges_minor == 1_500 + 101, "the share is rounded up"
        assert inward.charges_minor == 0

    street.run(story())


def test_the_correspondent_reaches_who_is_unavailable_but_not_who_failed() -> None:
    street = Street(Correspondent(terms=CorrespondentTerms(settle_s_max=0)))
    street.switchboard.set(Faults(unavailable=frozenset("a"), failed=frozenset("b")))

    async def story() -> None:
        assert isinstance(await street.send("one", "out", 5), Settled)
        assert await street.send("two", "out", 5, "b") == Refused("counterparty_failed")

    street.run(story())


def test_some_payments_come_back_from_the_receiver() -> None:
    street = Street(Correspondent(terms=CorrespondentTerms(settle_s_max=0, returned_ppm=1_000_000)))
    assert street.run(street.send("one", "out", 5)) == Refused("returned_by_receiver")


def test_an_instant_payment_is_final_at_once_up_to_its_limit() -> None:
    street = Street(Instant(terms=InstantTerms(amount_max_minor=100)))

    async def story() -> None:
        assert isinstance(await street.send("one", "out", 100), Settled)
        assert await street.send("two", "out", 101) == Refused("limit")

    street.run(story())


# -- faults by switch -----------------------------------------------------------------------------


def test_a_region_is_down_by_schedule() -> None:
    street = Street(Instant())
    outage = Outage("rail", "east", START_US + 10_000_000, START_US + 20_000_000)
    street.switchboard.set(Faults(outages=(outage,)))

    async def story() -> None:
        await street.send("one", "out", 1)
        await street.clock.sleep(10)  # sleeps: virtual time
        with pytest.raises(NotDone):
            await street.send("two", "out", 1)
        await street.clock.sleep(10)  # sleeps: virtual time
        await street.send("two", "out", 1)

    street.run(story())


def test_faults_in_a_file_are_seen_by_a_server_that_runs(tmp_path: Path) -> None:
    path = tmp_path / "world" / "faults.json"
    server, demo = FileSwitchboard(path), FileSwitchboard(path)
    assert server.faults() == NO_FAULTS
    demo.close_region("rtgs", "east")
    demo.close_region("rtgs", "west")
    assert server.faults().down == {("rtgs", "east"), ("rtgs", "west")}
    demo.open_region("rtgs", "east")
    assert server.faults().down == {("rtgs", "west")}
    demo.set(msgspec.structs.replace(demo.faults(), failed=frozenset({"b"})))
    assert server.faults().failed == {"b"}
    path.unlink()
    assert server.faults() == NO_FAULTS


def test_a_file_of_faults_that_cannot_be_read_leaves_the_last_ones_on(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    board = FileSwitchboard(path)
    board.close_region("rtgs", "east")
    assert board.faults().is_down("rtgs", "east", 0)
    path.write_text("{ not yet whole")
    assert board.faults().is_down("rtgs", "east", 0)


# -- the books ------------------------------------------------------------------------------------


def entry(name: str, *, attempt: int = 1, mark: Mark = Mark.BARRED) -> Entry:
    return Entry(instruction_id=name, attempt=attempt, mark=mark, at_us=1)


def test_the_last_entry_counts_in_this_process_and_another(tmp_path: Path) -> None:
    path = tmp_path / "books.jsonl"
    mine, other = FileBooks(path), FileBooks(path)
    mine.add(entry("one"))
    other.add(entry("one", attempt=2))
    assert mine.find("one") == other.find("one") == entry("one", attempt=2)
    assert mine.after(0) == other.after(0) == [entry("one"), entry("one", attempt=2)]
    assert mine.after(2) == []
    mine.close()
    other.close()
    again = FileBooks(path)
    assert again.find("one") == entry("one", attempt=2)
    again.close()


def test_a_full_disk_means_not_done_and_leaves_no_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "books.jsonl"
    books = FileBooks(path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
    with pytest.raises(NotDone):
        books.add(entry("one"))
    monkeypatch.undo()
    assert books.find("one") is None
    books.add(entry("two"))
    assert books.after(0) == [entry("two")]
    books.close()
