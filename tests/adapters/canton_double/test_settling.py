"""Do our templates do in the double what their Daml says: all of a round or nothing of it?"""

from __future__ import annotations

from tests.adapters.canton_double.participant import (
    CLOSED_ROUND,
    DESK,
    EFFECTS,
    HOLDING,
    World,
    contract_id,
    created,
    exercise,
    refusal,
)


def test_delivery_and_payment_happen_in_one_transaction() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        assert world.balance(world.seller, "AAPL") == (25, 10)
        assert world.balance(world.buyer, "USD") == (2000, 2000)
        before = await world.end()
        answer = await world.act("SettleDeliveryVsPayment", dvp, desk)
        assert answer.status_code == 200
        assert await world.end() == before + 1
        assert world.balance(world.seller, "AAPL") == (15, 0)
        assert world.balance(world.buyer, "AAPL") == (10, 0)
        assert world.balance(world.buyer, "USD") == (0, 0)
        assert world.balance(world.seller, "USD") == (2000, 0)

    world.run(story())


def test_an_abort_gives_everything_back_and_closes_the_round() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        answer = await world.act("AbortDeliveryVsPayment", dvp, desk)
        assert [each["createArgument"]["round"] for each in created(answer, CLOSED_ROUND)] == [
            "main.S1.1"
        ]
        assert world.balance(world.seller, "AAPL") == (25, 0)
        assert world.balance(world.buyer, "USD") == (2000, 0)
        again = await world.act("SettleDeliveryVsPayment", dvp, desk)
        assert refusal(again) == (404, "CONTRACT_NOT_FOUND")

    world.run(story())


def test_what_is_settled_cannot_be_aborted() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        await world.act("SettleDeliveryVsPayment", dvp, desk)
        answer = await world.act("AbortDeliveryVsPayment", dvp, desk)
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")

    world.run(story())


def test_an_owner_keeps_what_is_locked_and_cannot_spend_it() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        answer = await world.holding(desk)
        locked = next(
            each for each in created(answer, HOLDING) if each["createArgument"]["lock"] is not None
        )
        assert locked["createArgument"]["owner"] == world.seller
        assert set(locked["signatories"]) == {world.seller, world.depository, world.executor}
        again = await world.holding(
            desk,
            round_id="main.S2.1",
            locks=[
                world.lock(world.seller, "AAPL", "10", contract_id(locked)),
                world.lock(world.buyer, "USD", "2000", world.issue(world.buyer, "USD", "2000")),
            ],
        )
        assert refusal(again) == (400, "UNHANDLED_EXCEPTION")
        assert "nostro:locked" in again.json()["cause"]

    world.run(story())


def test_a_failed_step_leaves_nothing_of_its_transaction() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        shares = world.issue(world.seller, "AAPL", "10")
        before = await world.end()
        locks = [
            world.lock(world.seller, "AAPL", "10", shares),
            world.lock(world.buyer, "USD", "2000", "00" + "ab" * 32),
        ]
        mandates = world.mandates(world.seller, world.buyer)
        answer = await world.holding(desk, locks=locks, mandates=mandates)
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")
        assert await world.end() == before + 2  # the two mandates
        assert world.balance(world.seller, "AAPL") == (10, 0)

    world.run(story())


def test_nobody_is_locked_in_without_a_mandate() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        answer = await world.holding(desk, mandates=world.mandates(world.seller))
        assert refusal(answer) == (400, "UNHANDLED_EXCEPTION")
        assert "nostro:content" in answer.json()["cause"]

    world.run(story())


def test_a_mandate_for_somebody_else_is_none() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        stranger = world.double.admin.create_party("Stranger")
        mandates = world.mandates(world.seller)
        mandates.append(world.double.admin.mandate(world.buyer, stranger, "buyer"))
        answer = await world.holding(desk, mandates=mandates)
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")

    world.run(story())


def test_an_older_coordinator_is_fenced() -> None:
    world = World()

    async def story() -> None:
        old = await world.desk()
        dvp = await world.held(old)
        raised = await world.made(
            DESK, exercise(DESK, old, "Desk_Raise", {"epoch": "2"}), command_id="desk:main:2"
        )
        answer = await world.act("SettleDeliveryVsPayment", dvp, old)
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")
        new = contract_id(raised[0])
        answer = await world.act("SettleDeliveryVsPayment", dvp, new, epoch=1, command_id="stale")
        assert "nostro:fenced" in answer.json()["cause"]
        answer = await world.act("SettleDeliveryVsPayment", dvp, new, epoch=2, command_id="new")
        assert answer.status_code == 200

    world.run(story())


def test_an_epoch_never_falls() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk(epoch=3)
        answer = await world.transact(
            exercise(DESK, desk, "Desk_Raise", {"epoch": "3"}), command_id="desk:main:3"
        )
        assert "nostro:fenced" in answer.json()["cause"]

    world.run(story())


def test_a_round_that_was_closed_unheld_leaves_a_tombstone() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        step = exercise(DESK, desk, "Desk_Close", {"round": "main.S1.1", "epoch": "1"})
        answer = await world.transact(step, command_id="main.S1.1:hold")
        assert len(created(answer, CLOSED_ROUND)) == 1
        late = await world.holding(desk)
        assert refusal(late) == (409, "DUPLICATE_COMMAND")

    world.run(story())


def test_one_leg_alone_is_transferred_and_never_settled() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        shares = world.issue(world.seller, "AAPL", "10")
        order = {
            "payments": [],
            "locks": [world.lock(world.seller, "AAPL", "10", shares)],
        }
        dvp = await world.held(desk, **order)
        answer = await world.act("SettleDeliveryVsPayment", dvp, desk)
        assert "nostro:legs" in answer.json()["cause"]
        answer = await world.act("TransferLockedLeg", dvp, desk)
        assert answer.status_code == 200
        assert world.balance(world.buyer, "AAPL") == (10, 0)

    world.run(story())


def test_delivery_against_payment_is_no_single_leg() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        answer = await world.act("TransferLockedLeg", dvp, desk)
        assert "nostro:legs" in answer.json()["cause"]

    world.run(story())


def test_legs_that_net_to_nothing_need_no_lock() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        there = world.leg(world.seller, world.buyer, "AAPL", "10")
        back = world.leg(world.buyer, world.seller, "AAPL", "10")
        dvp = await world.held(desk, deliveries=[there, back], payments=[], locks=[])
        answer = await world.act("TransferLockedLeg", dvp, desk)
        assert answer.status_code == 200

    world.run(story())


def test_what_is_locked_must_cover_the_legs() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        shares = world.issue(world.seller, "AAPL", "9")
        cash = world.issue(world.buyer, "USD", "2000")
        dvp = await world.held(
            desk,
            locks=[
                world.lock(world.seller, "AAPL", "9", shares),
                world.lock(world.buyer, "USD", "2000", cash),
            ],
        )
        answer = await world.act("SettleDeliveryVsPayment", dvp, desk)
        assert "nostro:stuck" in answer.json()["cause"]
        assert world.balance(world.buyer, "USD") == (2000, 2000)

    world.run(story())


def test_what_is_locked_beyond_the_legs_goes_back_to_its_owner() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        shares = world.issue(world.seller, "AAPL", "12")
        cash = world.issue(world.buyer, "USD", "2500")
        dvp = await world.held(
            desk,
            locks=[
                world.lock(world.seller, "AAPL", "12", shares),
                world.lock(world.buyer, "USD", "2500", cash),
            ],
        )
        assert (await world.act("SettleDeliveryVsPayment", dvp, desk)).status_code == 200
        assert world.balance(world.seller, "AAPL") == (2, 0)
        assert world.balance(world.buyer, "USD") == (500, 0)

    world.run(story())


def test_several_holdings_are_merged_into_one_lock() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        shares = [world.issue(world.seller, "AAPL", each) for each in ("4", "3", "5")]
        cash = world.issue(world.buyer, "USD", "2000")
        answer = await world.holding(
            desk,
            locks=[
                world.lock(world.seller, "AAPL", "10", *shares, change=["2"]),
                world.lock(world.buyer, "USD", "2000", cash),
            ],
        )
        held = [each["createArgument"] for each in created(answer, HOLDING)]
        assert sorted(int(each["amount"]) for each in held) == [2, 10, 2000]
        assert world.balance(world.seller, "AAPL") == (12, 10)

    world.run(story())


def test_a_lock_neither_makes_nor_loses_anything() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        for number, change in enumerate((["14"], ["16"], [], ["15", "-1"])):
            shares = world.issue(world.seller, "AAPL", "25")
            cash = world.issue(world.buyer, "USD", "2000")
            answer = await world.holding(
                desk,
                round_id=f"main.S{number}.1",
                locks=[
                    world.lock(world.seller, "AAPL", "10", shares, change=change),
                    world.lock(world.buyer, "USD", "2000", cash),
                ],
            )
            assert refusal(answer) == (400, "UNHANDLED_EXCEPTION")
        assert world.balance(world.seller, "AAPL") == (100, 0)

    world.run(story())


def test_a_ledger_effects_transaction_tells_every_choice() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        settle = exercise(
            "#nostro-dvp:Nostro.Settlement:DeliveryVersusPayment",
            dvp,
            "SettleDeliveryVsPayment",
            {"desk": desk, "epoch": "1"},
        )
        answer = await world.transact(settle, command_id="settle", shape=EFFECTS)
        events = answer.json()["transaction"]["events"]
        first = events[0]["ExercisedEvent"]
        assert first["choice"] == "SettleDeliveryVsPayment"
        assert first["lastDescendantNodeId"] == events[-1]["CreatedEvent"]["nodeId"]
        assert first["exerciseResult"] == events[-1]["CreatedEvent"]["contractId"]

    world.run(story())
