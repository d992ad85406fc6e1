"""Where can a coordinator die between instruction and settlement, and what does its successor do?

Every row of the recovery table of a settlement across two ledgers, crashed exactly there. Both legs
or none, nothing decided twice, nothing left on hold.
"""

from __future__ import annotations

import msgspec
import pytest

from nostro.adapters.domains.port import CLOSED, FENCED, HoldOrder, Refused, RoundOrder
from nostro.adapters.domains.reconcile import Kind, reconcile, repair
from nostro.kernel.movement import Lock, Move
from nostro.ledger import FreezeAccount, UnfreezeAccount
from nostro.runtime.engine import EngineState
from nostro.settlement import (
    DomainState,
    DomainStateSet,
    HoldsPlaced,
    PlainDays,
    RoundsRecycled,
    RoundsSettled,
    SetDomainState,
    SettlementPolicy,
    SettlementsFailed,
    round_id,
)
from nostro.simulation.loop import START_US
from tests.chaos.dvp_world import (
    AMOUNT,
    BUYER,
    CASH,
    EQUITIES,
    MAIN,
    MONEY,
    POLICY,
    QUANTITY,
    SECOND_US,
    SECURITY,
    SELLER,
    Coordinator,
    Trap,
    World,
    in_a_world,
    trade,
)

TIMEOUT_S = POLICY.timeout_us / SECOND_US
RETRY_S = POLICY.retry_delay_us / SECOND_US
FIRST = round_id(MAIN, 1, 1)
SECURITIES_LOCK = Lock(SELLER, SECURITY, QUANTITY)
SECURITIES_MOVE = Move(SELLER, BUYER, SECURITY, QUANTITY)


async def died_at(
    when: str, what: str, *, policy: SettlementPolicy = POLICY, **funds: int
) -> World:
    """Return a world whose first coordinator died on its way with one settlement."""
    world = World(policy)
    coordinator = await world.start(trap=Trap(when, what), **funds)
    await world.instruct(coordinator)
    await world.death(coordinator)
    return world


async def settles(world: World) -> Coordinator:
    """Start a successor, and see it settle."""
    coordinator = await world.boot()
    await world.until(lambda: bool(world.events(RoundsSettled)))
    await world.pass_time(10)
    await world.check_settled()
    return coordinator


def ended(world: World) -> bool:
    """Tell whether the first round ended without effect."""
    return bool(world.events(RoundsRecycled) or world.events(SettlementsFailed))


# -- PENDING stored, no holds ---------------------------------------------------------------------


@in_a_world
async def test_death_before_the_instruction_is_durable_leaves_nothing() -> None:
    world = await died_at("before", "commit settlement.settlements_instructed")
    await world.boot()
    await world.pass_time(60)
    await world.check_untouched()
    assert world.decisions() == []


@pytest.mark.parametrize(
    ("when", "what"),
    [("after", "commit settlement.settlements_instructed"), ("before", "hold equities")],
)
@in_a_world
async def test_death_before_anything_is_held_is_made_good_by_holding(when: str, what: str) -> None:
    world = await died_at(when, what)
    await world.check_sent_nothing()
    await settles(world)
    assert world.decisions() == [(1, 1, True)]


@in_a_world
async def test_death_before_anything_is_held_until_the_deadline_has_passed_aborts() -> None:
    world = await died_at("before", "hold equities")
    await world.pass_time(TIMEOUT_S + 1)
    await world.boot()
    await world.until(lambda: ended(world))
    await world.pass_time(10)
    await world.check_untouched()
    assert world.decisions()[0] == (1, 1, False)


# -- hold S sent, answer lost ---------------------------------------------------------------------


@in_a_world
async def test_death_with_the_answer_to_the_first_hold_under_way_holds_once() -> None:
    world = await died_at("after", "hold equities")
    assert (await world.money())["seller's securities"] == (QUANTITY, 0)
    await settles(world)
    assert world.decisions() == [(1, 1, True)]


@pytest.mark.parametrize("deed", ["hold", "execute"])
@pytest.mark.parametrize("domain", [EQUITIES, CASH])
@in_a_world
async def test_a_lost_answer_without_a_death_is_asked_for_again(deed: str, domain: str) -> None:
    world = World()
    coordinator = await world.start(trap=Trap("unheard", f"{deed} {domain}"))
    await world.instruct(coordinator)
    await world.until(lambda: bool(world.events(RoundsSettled)))
    await world.pass_time(10)
    assert coordinator.trap.sprung
    await world.check_settled()


# -- hold S acknowledged, not recorded ------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
@in_a_world
async def test_death_around_the_record_of_the_first_hold_goes_on_from_it(when: str) -> None:
    world = await died_at(when, "commit settlement.holds_placed")
    assert len(world.events(HoldsPlaced)) == (when == "after")
    await settles(world)
    assert world.decisions() == [(1, 1, True)]


# -- hold C refused (funds) -----------------------------------------------------------------------


@in_a_world
async def test_death_after_cash_was_refused_asks_again_until_there_is_some() -> None:
    world = await died_at("after", "commit settlement.deeds_refused", money=0)
    assert (await world.money())["seller's securities"] == (QUANTITY, 0)
    await world.cash.issue(BUYER, MONEY, AMOUNT)
    await settles(world)
    assert world.decisions() == [(1, 1, True)]


@pytest.mark.parametrize("when", ["before", "after"])
@in_a_world
async def test_death_after_cash_was_refused_for_good_releases_and_closes_both(when: str) -> None:
    world = await died_at(when, "commit settlement.rounds_decided", money=0)
    await world.boot()
    await world.until(lambda: ended(world))
    await world.pass_time(10)
    await world.check_untouched(money=0)
    assert world.decisions()[0] == (1, 1, False)
    # A hold that was under way all the time comes now: the round is closed at both.
    late_cash = HoldOrder(
        FIRST, 9, (Lock(BUYER, MONEY, AMOUNT),), (Move(BUYER, SELLER, MONEY, AMOUNT),)
    )
    late_securities = HoldOrder(FIRST, 9, (SECURITIES_LOCK,), (SECURITIES_MOVE,))
    await world.cash.issue(BUYER, MONEY, AMOUNT)
    assert list(await world.cash.domain.hold([late_cash])) == [Refused(CLOSED)]
    assert list(await world.equities.domain.hold([late_securities])) == [Refused(CLOSED)]


# -- both HELD, no decision -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("before", "hold cash"),
        ("after", "hold cash"),
        ("before", "commit settlement.rounds_decided"),
    ],
)
@in_a_world
async def test_death_with_both_held_and_nothing_decided_commits_in_time(
    when: str, what: str
) -> None:
    world = await died_at(when, what)
    assert world.decisions() == []
    await settles(world)
    assert world.decisions() == [(1, 1, True)]


@pytest.mark.parametrize(
    ("when", "what"),
    [("after", "hold cash"), ("before", "commit settlement.rounds_decided")],
)
@in_a_world
async def test_death_with_both_held_and_nothing_decided_aborts_after_the_deadline(
    when: str, what: str
) -> None:
    world = await died_at(when, what)
    held = await world.money()
    assert (held["seller's securities"], held["buyer's cash"]) == ((QUANTITY, 0), (AMOUNT, 0))
    await world.pass_time(TIMEOUT_S)
    await world.boot()
    await world.until(lambda: ended(world))
    await world.pass_time(10)
    await world.check_untouched()
    assert world.decisions()[0] == (1, 1, False)


@in_a_world
async def test_what_was_aborted_is_tried_again_and_settles_under_a_new_round() -> None:
    day = PlainDays(day_us=1_000 * SECOND_US, first_us=START_US)
    policy = msgspec.structs.replace(POLICY, days=day)
    world = await died_at("after", "hold cash", policy=policy)
    await world.pass_time(TIMEOUT_S)
    await world.boot()
    await world.until(lambda: bool(world.events(RoundsSettled)), seconds=3_000)
    await world.pass_time(10)
    await world.check_settled()
    assert world.decisions() == [(1, 1, False), (1, 2, True)]


# -- decision write, answer lost ------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["unheard", "lost"])
@in_a_world
async def test_a_decision_of_which_nobody_knows_whether_it_is_durable_is_made_once(
    fate: str,
) -> None:
    world = World()
    coordinator = await world.start(trap=Trap(fate, "commit settlement.rounds_decided"))
    await world.instruct(coordinator)
    await world.until(lambda: bool(world.events(RoundsSettled)))
    await world.pass_time(10)
    assert coordinator.engine.stats.recoveries == 1
    await world.check_settled()
    assert world.decisions() == [(1, 1, True)]


# -- COMMIT, before and after execute S -----------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("after", "commit settlement.rounds_decided"),
        ("before", "execute equities"),
        ("after", "execute equities"),
        ("before", "execute cash"),
        ("after", "execute cash"),
        ("before", "commit settlement.deeds_executed"),
        ("after", "commit settlement.deeds_executed"),
    ],
)
@pytest.mark.parametrize("pause_s", [0.0, TIMEOUT_S * 2])
@in_a_world
async def test_death_after_the_decision_only_goes_forward_whatever_the_deadline(
    when: str, what: str, pause_s: float
) -> None:
    world = await died_at(when, what)
    assert world.decisions() == [(1, 1, True)]
    await world.pass_time(pause_s)
    await settles(world)
    assert world.decisions() == [(1, 1, True)]


# -- COMMIT, S executed, C domain down ------------------------------------------------------------


@in_a_world
async def test_a_domain_that_is_down_after_the_decision_is_waited_for_and_nothing_taken_back() -> (
    None
):
    world = World()
    coordinator = await world.start()
    world.cash.cut = {"execute"}
    await world.instruct(coordinator)
    await world.until(lambda: coordinator.lines[EQUITIES].calls.count("execute") > 0)
    world.cash.kill()
    await world.pass_time(TIMEOUT_S * 4)
    assert not coordinator.performer.lanes[CASH].is_there
    assert (await world.equities.holding(BUYER, SECURITY)) == (QUANTITY, QUANTITY)
    assert coordinator.lines[EQUITIES].calls.count("release") == 0
    coordinator.process.kill()
    second = await world.boot()
    await world.pass_time(TIMEOUT_S)
    assert second.lines[EQUITIES].calls.count("release") == 0
    await world.cash.start()
    await world.until(lambda: bool(world.events(RoundsSettled)))
    await world.pass_time(10)
    await world.check_settled()
    assert world.decisions() == [(1, 1, True)]


# -- COMMIT, execute refused (should be impossible) -----------------------------------------------


@in_a_world
async def test_an_execution_that_is_refused_freezes_and_goes_on_once_people_have_looked() -> None:
    world = await died_at("after", "commit settlement.rounds_decided")
    account = f"wallet:{BUYER}:{MONEY}"
    await world.cash.engine.submit(
        key="freeze", command=FreezeAccount(account=account), actor="operator"
    )
    coordinator = await world.boot()
    await world.pass_time(RETRY_S * 20)
    assert coordinator.state.stuck == {1}
    money = await world.money()
    assert money["buyer's cash"] == (AMOUNT, 0), "it is still earmarked"
    coordinator.process.kill()
    await world.boot()
    await world.cash.engine.submit(
        key="unfreeze", command=UnfreezeAccount(account=account), actor="operator"
    )
    await world.until(lambda: bool(world.events(RoundsSettled)))
    await world.pass_time(10)
    await world.check_settled()
    assert world.decisions() == [(1, 1, True)]


# -- ABORT, some releases done --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("before", "release equities"),
        ("after", "release equities"),
        ("before", "release cash"),
        ("after", "release cash"),
        ("before", "commit settlement.holds_released"),
        ("after", "commit settlement.holds_released"),
    ],
)
@in_a_world
async def test_death_among_the_releases_is_made_good_by_releasing(when: str, what: str) -> None:
    world = await died_at("after", "hold cash")
    await world.pass_time(TIMEOUT_S)
    second = await world.boot(Trap(when, what))
    await world.death(second)
    await world.boot()
    await world.until(lambda: ended(world))
    await world.pass_time(10)
    await world.check_untouched()
    assert world.decisions()[0] == (1, 1, False)


# -- both executed, before CONFIRMED --------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
@in_a_world
async def test_death_around_the_record_that_all_is_executed_records_it_once(when: str) -> None:
    world = await died_at(when, "commit settlement.rounds_settled")
    await settles(world)
    assert sum(len(event.rounds) for event in world.events(RoundsSettled)) == 1


# -- domain restored from an old backup -----------------------------------------------------------


@pytest.mark.parametrize("restarted", [False, True])
@in_a_world
async def test_a_domain_restored_from_an_old_backup_is_found_out_repaired_and_opened(
    restarted: bool,
) -> None:
    world = World()
    coordinator = await world.start()
    backup = world.equities.backup()
    await world.instruct(coordinator)
    await world.until(lambda: bool(world.events(RoundsSettled)))
    await world.pass_time(10)

    world.equities.kill()
    await world.pass_time(1)
    world.equities.disk = backup
    await world.equities.start()
    if restarted:
        coordinator.process.kill()
        coordinator = await world.boot()
    assert (await world.money())["seller's securities"] == (QUANTITY, QUANTITY)

    # It hears of the next settlement only once it was reconciled.
    await world.cash.issue(BUYER, MONEY, 1)
    await world.instruct(coordinator, trade(2, quantity_minor=1, amount_minor=1))
    await world.until(lambda: DomainState.QUARANTINED in _states(world))
    await world.pass_time(60)
    assert await world.equities.holding(SELLER, SECURITY) == (QUANTITY, QUANTITY)

    ours = world.our_rounds(EQUITIES)
    report = await reconcile(world.equities.domain, ours)
    assert [(each.round_id, each.kind) for each in report.breaks] == [(FIRST, Kind.LOST)]
    epoch = coordinator.engine.fence
    repaired = await repair(world.equities.domain, ours, report, epoch=epoch)
    assert (repaired.mended, repaired.after.sound) == ([FIRST], True)
    await world.order(coordinator, SetDomainState(domain=EQUITIES, state=DomainState.OPEN))
    await world.pass_time(60)

    # The seller has sold all it had: of the second trade nothing can have been delivered.
    assert await world.equities.holding(BUYER, SECURITY) == (QUANTITY, QUANTITY)
    assert DomainState.QUARANTINED not in _states(world)[1:]
    world.check_decisions()


def _states(world: World) -> list[DomainState]:
    return [event.state for event in world.events(DomainStateSet)]


# -- zombie coordinator wakes ---------------------------------------------------------------------


@in_a_world
async def test_a_zombie_that_wakes_decides_nothing_and_no_domain_listens_to_it() -> None:
    world = World()
    zombie = await world.start()
    zombie.freeze()  # at the very next thing it does
    await world.instruct(zombie)
    await world.pass_time(1)
    successor = await world.boot()
    await world.instruct(successor)
    await world.until(lambda: bool(world.events(RoundsSettled)))
    zombie.wake()
    await world.pass_time(60)
    await world.check_settled()
    assert zombie.engine.state is EngineState.FENCED
    assert world.decisions() == [(1, 1, True)]


@pytest.mark.parametrize("deed", ["hold", "execute"])
@in_a_world
async def test_a_zombie_that_wakes_in_the_middle_of_a_round_changes_nothing(deed: str) -> None:
    world = World()
    zombie = await world.start()
    await world.instruct(zombie)
    await world.until(lambda: deed in zombie.lines[EQUITIES].calls)
    zombie.freeze()
    await world.pass_time(TIMEOUT_S * 2)
    await world.boot()
    await world.pass_time(5)
    zombie.wake()
    await world.pass_time(60)
    assert zombie.engine.state in (EngineState.FENCED, EngineState.RUNNING)
    world.check_decisions()
    money = await world.money()
    assert (money["buyer's securities"][0] > 0) == (money["seller's cash"][0] > 0)
    assert all(owned == available for owned, available in money.values())


@in_a_world
async def test_a_lower_epoch_is_refused_by_a_domain_that_heard_a_higher_one() -> None:
    world = await died_at("after", "hold equities")
    await world.boot(Trap("before", "execute equities"))
    await world.pass_time(1)
    answers = await world.equities.domain.release([RoundOrder(FIRST, 1)])
    assert list(answers) == [Refused(FENCED)]
