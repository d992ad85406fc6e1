"""Is a command done once, and refused as Canton refuses it?"""

from __future__ import annotations

import asyncio

import pytest

from nostro.adapters.domains.canton_double import DoubleTerms, Faults
from tests.adapters.canton_double.participant import (
    DESK,
    DVP,
    HOLDING,
    SUBMIT,
    Json,
    World,
    contract_id,
    create,
    exercise,
    refusal,
)

DAY_S = 86_400
SLOW = DoubleTerms(synchronizers=("settlement", "payments"), call_ms=20)


def desk_of(world: World, coordinator: str = "main") -> Json:
    return create(DESK, {"executor": world.executor, "coordinator": coordinator, "epoch": "1"})


def within(seconds: int) -> Json:
    return {"DeduplicationDuration": {"value": {"seconds": seconds, "nanos": 0}}}


# -- once -------------------------------------------------------------------------------------


def test_a_command_that_was_accepted_is_refused_with_where_it_is() -> None:
    world = World()

    async def story() -> None:
        first = await world.submit(desk_of(world), command_id="one", submissionId="try-1")
        again = await world.submit(desk_of(world), command_id="one", submissionId="try-2")
        assert refusal(again) == (409, "DUPLICATE_COMMAND")
        told = again.json()
        assert told["context"]["completion_offset"] == str(first.json()["completionOffset"])
        assert told["context"]["accepted"] == "true"
        assert told["context"]["existing_submission_id"] == "try-1"
        assert (told["errorCategory"], told["grpcCodeValue"]) == (10, 6)
        assert told["definiteAnswer"] is True

    world.run(story())


def test_other_content_under_the_same_id_is_a_duplicate_too() -> None:
    world = World()

    async def story() -> None:
        await world.submit(desk_of(world), command_id="one")
        again = await world.submit(desk_of(world, "other"), command_id="one")
        assert refusal(again) == (409, "DUPLICATE_COMMAND")

    world.run(story())


def test_the_change_id_has_its_parties_and_its_user() -> None:
    world = World()

    async def story() -> None:
        both = [world.executor, world.bank]
        assert (await world.submit(desk_of(world), command_id="one")).is_success
        assert (await world.submit(desk_of(world), command_id="one", actAs=both)).is_success
        turned = await world.submit(desk_of(world), command_id="one", actAs=both[::-1])
        assert refusal(turned) == (409, "DUPLICATE_COMMAND")
        world.double.admin.create_user("another", act_as=(world.executor,))
        world.client = world.client_of("another")
        assert (await world.submit(desk_of(world), command_id="one", readAs=[])).is_success

    world.run(story())


def test_after_its_period_a_command_may_be_given_again() -> None:
    world = World()

    async def story() -> None:
        await world.submit(desk_of(world), command_id="one")
        await world.clock.sleep(11)  # sleeps: in virtual time
        world.client = world.client_of("nostro")
        again = await world.submit(desk_of(world), command_id="one", deduplicationPeriod=within(60))
        assert refusal(again) == (409, "DUPLICATE_COMMAND")
        again = await world.submit(desk_of(world), command_id="one", deduplicationPeriod=within(10))
        assert again.is_success

    world.run(story())


def test_a_period_may_be_told_as_an_offset() -> None:
    world = World()

    async def story() -> None:
        first = await world.submit(desk_of(world), command_id="one")
        at = first.json()["completionOffset"]
        for offset, status in ((at - 1, 409), (at, 200)):
            await world.clock.sleep(1)  # sleeps: in virtual time
            period = {"DeduplicationOffset": {"value": offset}}
            answer = await world.submit(
                desk_of(world), command_id="one", deduplicationPeriod=period
            )
            assert answer.status_code == status, (offset, answer.text)

    world.run(story())


def test_a_period_beyond_the_longest_is_refused() -> None:
    world = World()

    async def story() -> None:
        answer = await world.submit(
            desk_of(world), command_id="one", deduplicationPeriod=within(8 * DAY_S)
        )
        assert refusal(answer) == (400, "INVALID_DEDUPLICATION_PERIOD")

    world.run(story())


def test_a_refused_command_may_be_given_again() -> None:
    world = World()

    async def story() -> None:
        world.double.switch_next(Faults(locked=True), SUBMIT)
        answer = await world.submit(desk_of(world), command_id="one")
        assert refusal(answer) == (409, "LOCAL_VERDICT_LOCKED_CONTRACTS")
        assert (await world.submit(desk_of(world), command_id="one")).is_success

    world.run(story())


# -- in flight --------------------------------------------------------------------------------


def test_a_command_under_way_is_not_begun_again() -> None:
    world = World(terms=SLOW)

    async def story() -> None:
        answers = await asyncio.gather(
            world.submit(desk_of(world), command_id="one"),
            world.submit(desk_of(world), command_id="one"),
        )
        assert sorted(each.status_code for each in answers) == [200, 409]
        (lost,) = (each for each in answers if not each.is_success)
        assert refusal(lost) == (409, "SUBMISSION_ALREADY_IN_FLIGHT")
        assert lost.json()["errorCategory"] == 2

    world.run(story())


def test_contracts_that_a_command_under_way_consumes_are_locked() -> None:
    world = World(terms=SLOW)

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        answers = await asyncio.gather(
            world.act("SettleDeliveryVsPayment", dvp, desk),
            world.act("AbortDeliveryVsPayment", dvp, desk),
        )
        assert sorted(each.status_code for each in answers) == [200, 409]
        (lost,) = (each for each in answers if not each.is_success)
        assert refusal(lost) == (409, "LOCAL_VERDICT_LOCKED_CONTRACTS")
        assert ["CONTRACT_ID", dvp] in lost.json()["resources"]

    world.run(story())


def test_a_contract_that_goes_while_a_command_looks_at_it_is_inactive() -> None:
    world = World(terms=SLOW)

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        settling = asyncio.ensure_future(world.act("SettleDeliveryVsPayment", dvp, desk))
        await world.clock.sleep(0.01)  # sleeps: in virtual time
        world.double.admin.exercise(
            "Nostro.Settlement:Desk", desk, "Desk_Raise", {"epoch": "2"}, act_as=(world.executor,)
        )
        answer = await settling
        assert refusal(answer) == (404, "LOCAL_VERDICT_INACTIVE_CONTRACTS")
        assert world.balance(world.buyer, "USD") == (2000, 2000)

    world.run(story())


# -- refused ----------------------------------------------------------------------------------


def test_a_command_without_authority_is_refused() -> None:
    world = World()

    async def story() -> None:
        shares = world.issue(world.seller, "AAPL", "5")
        lock = {
            "executor": world.executor,
            "round": "r",
            "amount": "5",
            "more": [],
            "change": [],
        }
        step = exercise(HOLDING, shares, "Holding_Lock", lock)
        answer = await world.submit(step, command_id="one")
        assert refusal(answer) == (400, "DAML_AUTHORIZATION_ERROR")
        told = {"executor": world.seller, "coordinator": "main", "epoch": "1"}
        answer = await world.submit(create(DESK, told), command_id="two")
        assert refusal(answer) == (400, "DAML_AUTHORIZATION_ERROR")

    world.run(story())


def test_a_contract_that_the_submitters_do_not_see_does_not_exist() -> None:
    world = World()

    async def story() -> None:
        shares = world.issue(world.seller, "AAPL", "5")
        step = exercise(HOLDING, shares, "Holding_Unlock", {})
        answer = await world.submit(step, command_id="one", readAs=[])
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")
        answer = await world.submit(step, command_id="two")
        assert answer.json()["code"] != "CONTRACT_NOT_FOUND"

    world.run(story())


def test_a_contract_that_was_shown_is_seen() -> None:
    world = World()

    async def story() -> None:
        shares = world.issue(world.seller, "AAPL", "5")
        wildcard = {"WildcardFilter": {"value": {"includeCreatedEventBlob": True}}}
        by_party = {world.depository: {"cumulative": [{"identifierFilter": wildcard}]}}
        told = await world.post(
            "/v2/events/events-by-contract-id",
            {"contractId": shares, "eventFormat": {"filtersByParty": by_party}},
        )
        blob = told.json()["created"]["createdEvent"]["createdEventBlob"]
        step = exercise(HOLDING, shares, "Holding_Unlock", {})
        answer = await world.submit(
            step,
            command_id="one",
            readAs=[],
            disclosedContracts=[{"createdEventBlob": blob, "contractId": shares}],
        )
        assert answer.json()["code"] == "DAML_AUTHORIZATION_ERROR"
        answer = await world.submit(
            step, command_id="two", disclosedContracts=[{"createdEventBlob": "eHg="}]
        )
        assert refusal(answer) == (400, "INVALID_ARGUMENT")

    world.run(story())


def test_an_archived_contract_is_not_found_even_by_its_creator() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        assert (await world.submit(exercise(DESK, desk, "Archive", {}), command_id="1")).is_success
        answer = await world.submit(exercise(DESK, desk, "Archive", {}), command_id="2")
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")
        assert answer.json()["resources"] == [["CONTRACT_ID", desk]]

    world.run(story())


def test_a_contract_is_of_the_template_that_is_named() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        told = {"desk": desk, "epoch": "1"}
        answer = await world.submit(
            exercise(DVP, desk, "SettleDeliveryVsPayment", told), command_id="one"
        )
        assert refusal(answer) == (400, "WRONGLY_TYPED_CONTRACT")

    world.run(story())


@pytest.mark.parametrize(
    ("template", "status", "code"),
    [
        ("#nostro-dvp:Nostro.Settlement:Nothing", 404, "TEMPLATES_OR_INTERFACES_NOT_FOUND"),
        ("#nowhere:Nostro.Settlement:Desk", 404, "PACKAGE_NAMES_NOT_FOUND"),
        ("f" * 64 + ":Nostro.Settlement:Desk", 404, "TEMPLATES_OR_INTERFACES_NOT_FOUND"),
        ("#nostro-dvp:Nostro Settlement:Desk", 400, "INVALID_FIELD"),
        ("#nostro-dvp:1:Desk", 400, "INVALID_FIELD"),
    ],
)
def test_templates_that_are_not_there_are_named_in_the_refusal(
    template: str, status: int, code: str
) -> None:
    world = World()

    async def story() -> None:
        answer = await world.submit(create(template, {}), command_id="one")
        assert refusal(answer) == (status, code)
        category = {404: 11, 400: 8}[status]
        assert answer.json()["errorCategory"] == category

    world.run(story())


@pytest.mark.parametrize(
    "change",
    [
        {"coordinator": None},
        {"coordinator": 3},
        {"epoch": "one"},
        {"epoch": str(2**63)},
        {"epoch": 1.5},
        {"colour": "red"},
        {"executor": "no party!"},
    ],
)
def test_an_argument_that_is_not_of_its_type_is_refused(change: Json) -> None:
    world = World()

    async def story() -> None:
        told: Json = {"executor": world.executor, "coordinator": "main", "epoch": "1", **change}
        told = {name: each for name, each in told.items() if each is not None}
        answer = await world.submit(create(DESK, told), command_id="one")
        assert refusal(answer) == (400, "COMMAND_PREPROCESSING_FAILED")

    world.run(story())


def test_a_choice_that_a_template_lacks_is_refused() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        answer = await world.submit(exercise(DESK, desk, "Desk_Burn", {}), command_id="one")
        assert refusal(answer) == (400, "COMMAND_PREPROCESSING_FAILED")

    world.run(story())


def test_no_template_has_a_key() -> None:
    world = World()

    async def story() -> None:
        told = {
            "templateId": DESK,
            "contractKey": "main",
            "choice": "Archive",
            "choiceArgument": {},
        }
        answer = await world.submit({"ExerciseByKeyCommand": told}, command_id="one")
        assert refusal(answer) == (400, "COMMAND_PREPROCESSING_FAILED")

    world.run(story())


def test_a_contract_may_be_created_and_exercised_in_one_step() -> None:
    world = World()

    async def story() -> None:
        told = {
            "templateId": DESK,
            "createArguments": {
                "executor": world.executor,
                "coordinator": "main",
                "epoch": "1",
            },
            "choice": "Desk_Raise",
            "choiceArgument": {"epoch": "4"},
        }
        made = await world.made(DESK, {"CreateAndExerciseCommand": told}, command_id="one")
        assert [each["createArgument"]["epoch"] for each in made] == ["4"]

    world.run(story())


def test_contracts_on_two_synchronizers_do_not_meet() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        cash = world.issue(world.buyer, "USD", "2000", place="payments")
        shares = world.issue(world.seller, "AAPL", "10")
        locks = [
            world.lock(world.seller, "AAPL", "10", shares),
            world.lock(world.buyer, "USD", "2000", cash),
        ]
        answer = await world.holding(desk, locks=locks)
        assert refusal(answer) == (400, "AUTOMATIC_REASSIGNMENT_FOR_TRANSACTION_FAILED")

    world.run(story())


def test_a_synchronizer_that_is_not_connected_cannot_be_prescribed() -> None:
    world = World()

    async def story() -> None:
        answer = await world.submit(
            desk_of(world), command_id="one", synchronizerId="elsewhere::1220"
        )
        assert refusal(answer) == (400, "INVALID_PRESCRIBED_SYNCHRONIZER_ID")
        place = world.double.synchronizers["payments"]
        assert (
            await world.submit(desk_of(world), command_id="one", synchronizerId=place)
        ).is_success

    world.run(story())


def test_contract_ids_are_new_each_time_and_the_same_for_the_same_seed() -> None:
    def ids(seed: int) -> list[str]:
        world = World(seed=seed, terms=DoubleTerms(seed=seed, synchronizers=("settlement",)))

        async def story() -> list[str]:
            made = [
                await world.made(DESK, desk_of(world), command_id=f"{number}")
                for number in range(3)
            ]
            return [contract_id(each) for each, *_ in made]

        return world.run(story())

    assert ids(1) == ids(1)
    assert len({*ids(1), *ids(2)}) == 6
