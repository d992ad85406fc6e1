"""Can a contract be moved between synchronizers, and is it found again when that stops half way?"""

from __future__ import annotations

import asyncio

from nostro.adapters.domains.canton_double import DoubleTerms, Faults
from tests.adapters.canton_double.participant import (
    ACTIVE,
    SUBMIT_FOR_REASSIGNMENT,
    Json,
    World,
    assign,
    refusal,
    unassign,
)


async def cash_on_its_way(world: World) -> tuple[str, str, str, str]:
    """Unassign cash and return (contract, reassignment, source, target)."""
    source, target = (
        world.double.synchronizers["payments"],
        world.double.synchronizers["settlement"],
    )
    cash = world.issue(world.buyer, "USD", "2000", place="payments")
    answer = await world.reassign(
        unassign(cash, source, target), submitter=world.bank, command_id=f"away-{cash}"
    )
    assert answer.status_code == 200, answer.text
    (event,) = answer.json()["reassignment"]["events"]
    left = event["JsUnassignedEvent"]["value"]
    assert (left["contractId"], left["source"], left["target"]) == (cash, source, target)
    return cash, left["reassignmentId"], source, target


async def entries(world: World, *, at: int | None = None) -> list[Json]:
    offset = await world.end() if at is None else at
    asked = {"activeAtOffset": offset, "eventFormat": world.events(world.bank)}
    return [each["contractEntry"] for each in (await world.post(ACTIVE, asked)).json()]


def test_synchronizers_that_are_connected_are_told() -> None:
    world = World()

    async def story() -> None:
        told = (await world.get("/v2/state/connected-synchronizers", party=world.bank)).json()
        assert [each["synchronizerAlias"] for each in told["connectedSynchronizers"]] == [
            "settlement",
            "payments",
        ]
        assert all(
            each["synchronizerId"] == world.double.synchronizers[each["synchronizerAlias"]]
            for each in told["connectedSynchronizers"]
        )
        answer = await world.get("/v2/state/connected-synchronizers", party="Stranger::1220")
        assert answer.status_code == 403

    world.run(story())


def test_a_contract_that_is_moved_settles_where_it_arrived() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        cash, reassignment, source, target = await cash_on_its_way(world)
        answer = await world.reassign(
            assign(reassignment, source, target), submitter=world.bank, command_id="there"
        )
        (event,) = answer.json()["reassignment"]["events"]
        arrived = event["JsAssignmentEvent"]
        assert arrived["createdEvent"]["contractId"] == cash
        assert arrived["reassignmentCounter"] == 1
        shares = world.issue(world.seller, "AAPL", "10")
        locks = [
            world.lock(world.seller, "AAPL", "10", shares),
            world.lock(world.buyer, "USD", "2000", cash),
        ]
        dvp = await world.held(desk, locks=locks)
        answer = await world.act("SettleDeliveryVsPayment", dvp, desk)
        assert answer.json()["transaction"]["synchronizerId"] == target

    world.run(story())


def test_what_was_unassigned_and_not_assigned_is_listed() -> None:
    world = World()

    async def story() -> None:
        before = await world.end()
        cash, reassignment, source, target = await cash_on_its_way(world)
        (entry,) = await entries(world)
        told = entry["JsIncompleteUnassigned"]
        assert told["createdEvent"]["contractId"] == cash
        assert told["unassignedEvent"]["reassignmentId"] == reassignment
        (entry,) = await entries(world, at=before + 1)
        assert entry["JsActiveContract"]["synchronizerId"] == source
        away = await world.end()
        await world.reassign(
            assign(reassignment, source, target), submitter=world.bank, command_id="there"
        )
        (entry,) = await entries(world)
        assert entry["JsActiveContract"]["synchronizerId"] == target
        assert entry["JsActiveContract"]["reassignmentCounter"] == 1
        (entry,) = await entries(world, at=away)
        assert "JsIncompleteUnassigned" in entry

    world.run(story())


def test_a_contract_on_its_way_cannot_be_used() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        cash, *_ = await cash_on_its_way(world)
        shares = world.issue(world.seller, "AAPL", "10")
        locks = [
            world.lock(world.seller, "AAPL", "10", shares),
            world.lock(world.buyer, "USD", "2000", cash),
        ]
        answer = await world.holding(desk, locks=locks)
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")

    world.run(story())


def test_nobody_is_sent_to_where_it_is() -> None:
    world = World()

    async def story() -> None:
        place = world.double.synchronizers["settlement"]
        cash = world.issue(world.buyer, "USD", "2000")
        answer = await world.reassign(
            unassign(cash, place, place), submitter=world.bank, command_id="nowhere"
        )
        assert refusal(answer) == (400, "INVALID_ARGUMENT")
        assert "Cannot unassign contract" in answer.json()["cause"]

    world.run(story())


def test_a_contract_leaves_only_from_where_it_is_and_by_whom_it_concerns() -> None:
    world = World()

    async def story() -> None:
        here, there = world.double.synchronizers.values()
        cash = world.issue(world.buyer, "USD", "2000", place="settlement")
        answer = await world.reassign(
            unassign(cash, there, here), submitter=world.bank, command_id="1"
        )
        assert refusal(answer) == (400, "INVALID_ARGUMENT")
        answer = await world.reassign(
            unassign(cash, here, "elsewhere::1220"), submitter=world.bank, command_id="2"
        )
        assert refusal(answer) == (400, "INVALID_ARGUMENT")
        answer = await world.reassign(
            unassign(cash, here, there), submitter=world.depository, command_id="3"
        )
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")
        answer = await world.reassign(
            unassign(cash, here, there), submitter=world.buyer, command_id="4"
        )
        assert answer.status_code == 403

    world.run(story())


def test_a_reassignment_is_completed_once() -> None:
    world = World()

    async def story() -> None:
        _, reassignment, source, target = await cash_on_its_way(world)
        step = assign(reassignment, source, target)
        assert (await world.reassign(step, submitter=world.bank, command_id="1")).is_success
        again = await world.reassign(step, submitter=world.bank, command_id="1")
        assert refusal(again) == (409, "DUPLICATE_COMMAND")
        again = await world.reassign(step, submitter=world.bank, command_id="2")
        assert refusal(again) == (400, "INVALID_ARGUMENT")
        unknown = assign("00ff", source, target)
        answer = await world.reassign(unknown, submitter=world.bank, command_id="3")
        assert refusal(answer) == (400, "INVALID_ARGUMENT")

    world.run(story())


def test_two_assignments_at_once_are_one() -> None:
    world = World(terms=DoubleTerms(synchronizers=("settlement", "payments"), call_ms=20))

    async def story() -> None:
        _, reassignment, source, target = await cash_on_its_way(world)
        step = assign(reassignment, source, target)
        answers = await asyncio.gather(
            world.reassign(step, submitter=world.bank, command_id="1"),
            world.reassign(step, submitter=world.bank, command_id="2"),
        )
        assert sorted(each.status_code for each in answers) == [200, 409]

    world.run(story())


def test_an_unassignment_whose_answer_was_lost_is_found_by_its_command() -> None:
    world = World()

    async def story() -> None:
        source, target = (
            world.double.synchronizers["payments"],
            world.double.synchronizers["settlement"],
        )
        cash = world.issue(world.buyer, "USD", "2000", place="payments")
        step = unassign(cash, source, target)
        world.double.switch_next(Faults(gone=True), SUBMIT_FOR_REASSIGNMENT)
        lost = await world.reassign(step, submitter=world.bank, command_id="away")
        assert refusal(lost) == (503, "ABORTED_DUE_TO_SHUTDOWN")
        again = await world.reassign(step, submitter=world.bank, command_id="away")
        assert refusal(again) == (409, "DUPLICATE_COMMAND")
        asked = {
            "offset": int(again.json()["context"]["completion_offset"]),
            "updateFormat": world.updates(world.bank),
        }
        told = (await world.post("/v2/updates/update-by-offset", asked)).json()["update"]
        assert told["Reassignment"]["value"]["commandId"] == "away"

    world.run(story())


def test_without_a_format_a_reassignment_tells_no_events() -> None:
    world = World()

    async def story() -> None:
        source, target = (
            world.double.synchronizers["payments"],
            world.double.synchronizers["settlement"],
        )
        cash = world.issue(world.buyer, "USD", "1", place="payments")
        told = {
            "commandId": "1",
            "submitter": world.bank,
            "commands": [{"command": unassign(cash, source, target)}],
        }
        answer = await world.post(SUBMIT_FOR_REASSIGNMENT, {"reassignmentCommands": told})
        assert answer.json()["reassignment"]["events"] == []
        wrongs: list[Json] = [{"commands": []}, {"commandId": ""}, {"commands": [{}]}]
        for wrong in wrongs:
            body = {"reassignmentCommands": {**told, **wrong}}
            assert (await world.post(SUBMIT_FOR_REASSIGNMENT, body)).status_code == 400

    world.run(story())


def test_while_arriving_is_out_of_order_contracts_are_stranded() -> None:
    world = World()

    async def story() -> None:
        _, reassignment, source, target = await cash_on_its_way(world)
        world.double.faults.set(Faults(stranding=True))
        step = assign(reassignment, source, target)
        answer = await world.reassign(step, submitter=world.bank, command_id="there")
        assert refusal(answer) == (503, "SERVICE_NOT_RUNNING")
        assert (await world.get("/v2/state/ledger-end")).is_success
        world.double.faults.set(Faults())
        assert (await world.reassign(step, submitter=world.bank, command_id="there")).is_success

    world.run(story())


def test_a_reassignment_that_is_not_waited_for_is_told_as_a_completion() -> None:
    world = World()

    async def story() -> None:
        source, target = (
            world.double.synchronizers["payments"],
            world.double.synchronizers["settlement"],
        )
        cash = world.issue(world.buyer, "USD", "1", place="payments")
        told = {
            "commandId": "away",
            "submitter": world.bank,
            "commands": [{"command": unassign(cash, source, target)}],
        }
        answer = await world.post(
            "/v2/commands/async/submit-reassignment", {"reassignmentCommands": told}
        )
        assert answer.json() == {}
        await world.clock.sleep(1)  # sleeps: in virtual time
        asked = {"parties": [world.bank], "beginExclusive": 0, "userId": "nostro"}
        found = (await world.post("/v2/commands/completions", asked)).json()
        done = [each["completionResponse"].get("Completion") for each in found]
        assert [each["value"]["commandId"] for each in done if each] == ["away"]

    world.run(story())
