"""Does the participant tell what happened, from any offset on, and no more than may be told?"""

from __future__ import annotations

from typing import Any

from tests.adapters.canton_double.participant import (
    ACTIVE,
    DESK,
    DVP,
    EFFECTS,
    HOLDING,
    Json,
    World,
    create,
    exercise,
    refusal,
)

PAGE = "/v2/updates/get-updates-page"
ACTIVE_PAGE = f"{ACTIVE}-page"


async def active(world: World, *parties: str, at: int | None = None, **query: int) -> list[Json]:
    """Return the contracts that are active at an offset, as these parties see them."""
    offset = await world.end() if at is None else at
    asked = {"activeAtOffset": offset, "eventFormat": world.events(*parties)}
    answer = await world.post(ACTIVE, asked, **query)
    assert answer.is_success, answer.text
    return [each["contractEntry"] for each in answer.json()]


def of_template(template: str) -> Json:
    return {"identifierFilter": {"TemplateFilter": {"value": {"templateId": template}}}}


async def desks(world: World, count: int) -> None:
    """Open many desks in one transaction."""
    steps = [
        create(DESK, {"executor": world.executor, "coordinator": f"{number}", "epoch": "1"})
        for number in range(count)
    ]
    assert (await world.submit(*steps, command_id=f"many-{count}")).is_success


# -- active contracts -------------------------------------------------------------------------


def test_contracts_are_told_as_they_were_at_an_offset() -> None:
    world = World()

    async def story() -> None:
        start = await world.end()
        desk = await world.desk()
        opened = await world.end()
        await world.submit(exercise(DESK, desk, "Archive", {}), command_id="close")
        for at, told in ((start, []), (opened, [desk]), (await world.end(), [])):
            found = await active(world, at=at)
            contracts = [each["JsActiveContract"]["createdEvent"]["contractId"] for each in found]
            assert contracts == told
        assert await active(world, at=0) == []

    world.run(story())


def test_only_stakeholders_see_a_contract() -> None:
    world = World()

    async def story() -> None:
        world.issue(world.seller, "AAPL", "5")
        assert len(await active(world, world.seller)) == 1
        assert len(await active(world, world.depository)) == 1
        assert await active(world, world.executor, world.buyer) == []

    world.run(story())


def test_a_filter_by_template_leaves_the_others_out() -> None:
    world = World()

    async def story() -> None:
        await world.held(await world.desk())
        by_party = {
            world.executor: {"cumulative": [of_template(DVP), of_template(DESK)]},
            world.bank: {"cumulative": [of_template(HOLDING)]},
        }
        asked = {
            "activeAtOffset": await world.end(),
            "eventFormat": {"filtersByParty": by_party},
        }
        found = (await world.post(ACTIVE, asked)).json()
        told = [each["contractEntry"]["JsActiveContract"]["createdEvent"] for each in found]
        names = sorted(each["templateId"].rpartition(":")[2] for each in told)
        assert names == ["DeliveryVersusPayment", "Desk", "Holding"]
        cash = next(each for each in told if each["templateId"].endswith("Holding"))
        assert cash["witnessParties"] == [world.bank]

    world.run(story())


def test_a_list_that_is_too_long_is_refused_unless_it_is_limited() -> None:
    world = World()

    async def story() -> None:
        await desks(world, 200)
        assert len(await active(world)) == 200
        await desks(world, 1)
        asked = {"activeAtOffset": await world.end(), "eventFormat": world.events()}
        answer = await world.post(ACTIVE, asked)
        assert refusal(answer) == (413, "JSON_API_MAXIMUM_LIST_ELEMENTS_NUMBER_REACHED")
        assert answer.json()["errorCategory"] == 2
        assert len(await active(world, limit=200)) == 200
        assert refusal(await world.post(ACTIVE, asked, limit=500))[0] == 413

    world.run(story())


def test_pages_of_contracts_are_of_one_moment() -> None:
    world = World()

    async def story() -> None:
        await desks(world, 25)
        asked: Json = {"eventFormat": world.events(), "maxPageSize": 10}
        found: list[Json] = []
        sizes = []
        for _ in range(9):
            page = (await world.post(ACTIVE_PAGE, asked)).json()
            found += page["activeContracts"]
            sizes.append(len(page["activeContracts"]))
            await world.submit(
                create(DESK, {"executor": world.executor, "coordinator": "x", "epoch": "1"}),
                command_id=f"beside-{len(sizes)}",
            )
            if "nextPageToken" not in page:
                break
            asked["pageToken"] = page["nextPageToken"]
        assert sizes == [10, 10, 5]
        contracts = {
            each["contractEntry"]["JsActiveContract"]["createdEvent"]["contractId"]
            for each in found
        }
        assert len(contracts) == 25

    world.run(story())


# -- one contract -----------------------------------------------------------------------------


def test_how_a_contract_began_and_ended_is_told_by_its_id() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        asked = {"contractId": desk, "eventFormat": world.events()}
        told = (await world.post("/v2/events/events-by-contract-id", asked)).json()
        assert told["created"]["createdEvent"]["contractId"] == desk
        assert "archived" not in told
        await world.submit(exercise(DESK, desk, "Archive", {}), command_id="close")
        told = (await world.post("/v2/events/events-by-contract-id", asked)).json()
        assert told["archived"]["archivedEvent"]["offset"] == await world.end()
        asked = {"contractId": desk, "eventFormat": world.events(world.bank)}
        answer = await world.post("/v2/events/events-by-contract-id", asked)
        assert refusal(answer) == (404, "CONTRACT_EVENTS_NOT_FOUND")

    world.run(story())


def test_a_contract_is_told_by_its_id_to_those_who_see_it() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        path = "/v2/contracts/contract-by-id"
        told = await world.post(path, {"contractId": desk, "queryingParties": [world.executor]})
        assert told.json()["createdEvent"]["createArgument"]["coordinator"] == "main"
        answer = await world.post(path, {"contractId": desk, "queryingParties": [world.bank]})
        assert refusal(answer) == (404, "CONTRACT_NOT_FOUND")
        answer = await world.post(path, {"contractId": "00" * 33, "queryingParties": []})
        assert answer.status_code == 403

    world.run(story())


# -- updates ----------------------------------------------------------------------------------


def test_updates_are_told_in_order_from_an_offset_on() -> None:
    world = World()

    async def story() -> None:
        begin = await world.end()
        desk = await world.desk()
        dvp = await world.held(desk)
        await world.act("SettleDeliveryVsPayment", dvp, desk)
        end = await world.end()
        asked = {"beginExclusive": begin, "endInclusive": end, "updateFormat": world.updates()}
        told = [each["update"] for each in (await world.post("/v2/updates", asked)).json()]
        assert told[-1]["OffsetCheckpoint"]["value"]["offset"] == end
        offsets = [each["Transaction"]["value"]["offset"] for each in told[:-1]]
        assert offsets == sorted(offsets)
        ids = [each["Transaction"]["value"]["commandId"] for each in told[:-1]]
        assert ids[0] == "desk:main"
        assert "main.S1.1:hold" in ids
        rest = {**asked, "beginExclusive": offsets[0]}
        told = [each["update"] for each in (await world.post("/v2/updates", rest)).json()]
        assert [each["Transaction"]["value"]["offset"] for each in told[:-1]] == offsets[1:]
        turned = {**asked, "descendingOrder": True}
        told = [each["update"] for each in (await world.post("/v2/updates", turned)).json()]
        assert [each["Transaction"]["value"]["offset"] for each in told] == offsets[::-1]

    world.run(story())


def test_a_transaction_tells_what_became_of_contracts_that_outlive_it() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        dvp = await world.held(desk)
        answer = await world.act("SettleDeliveryVsPayment", dvp, desk)
        offset = answer.json()["transaction"]["offset"]
        for shape, kinds in (
            ("TRANSACTION_SHAPE_ACS_DELTA", {"ArchivedEvent", "CreatedEvent"}),
            (EFFECTS, {"ExercisedEvent", "CreatedEvent"}),
        ):
            asked = {"offset": offset, "updateFormat": world.updates(shape=shape)}
            update = (await world.post("/v2/updates/update-by-offset", asked)).json()["update"]
            told = update["Transaction"]["value"]["events"]
            assert {kind for each in told for kind in each} == kinds
        archived = [each["contractId"] for each in _archived(answer.json()["transaction"])]
        assert dvp in archived
        assert len(archived) == 3  # and the two locked holdings

    world.run(story())


def _archived(transaction: Json) -> list[Json]:
    events = transaction["events"]
    return [each["ArchivedEvent"] for each in events if "ArchivedEvent" in each]


def test_what_was_made_and_ended_in_one_transaction_is_no_change_of_contracts() -> None:
    world = World()

    async def story() -> None:
        told = {
            "templateId": DESK,
            "createArguments": {
                "executor": world.executor,
                "coordinator": "main",
                "epoch": "1",
            },
            "choice": "Archive",
            "choiceArgument": {},
        }
        step = {"CreateAndExerciseCommand": told}
        delta = await world.transact(step, command_id="one")
        assert delta.json()["transaction"]["events"] == []
        effects = await world.transact(step, command_id="two", shape=EFFECTS)
        assert len(effects.json()["transaction"]["events"]) == 2
        assert await active(world) == []

    world.run(story())


def test_an_update_is_told_by_its_id_and_by_its_offset() -> None:
    world = World()

    async def story() -> None:
        step = create(DESK, {"executor": world.executor, "coordinator": "main", "epoch": "1"})
        done = (await world.submit(step, command_id="one")).json()
        by_id = {"updateId": done["updateId"], "updateFormat": world.updates()}
        by_offset = {"offset": done["completionOffset"], "updateFormat": world.updates()}
        one = await world.post("/v2/updates/update-by-id", by_id)
        assert one.is_success
        assert one.json() == (await world.post("/v2/updates/update-by-offset", by_offset)).json()
        for path, asked in (
            ("update-by-id", {**by_id, "updateId": "1220"}),
            ("update-by-offset", {**by_offset, "offset": 1_000}),
            ("update-by-offset", {**by_offset, "updateFormat": world.updates(world.bank)}),
        ):
            answer = await world.post(f"/v2/updates/{path}", asked)
            assert refusal(answer) == (404, "UPDATE_NOT_FOUND")
        answer = await world.post("/v2/updates/update-by-offset", {**by_offset, "offset": 0})
        assert refusal(answer) == (400, "INVALID_FIELD")

    world.run(story())


def test_pages_of_updates_can_be_followed_for_ever() -> None:
    world = World()

    async def story() -> None:
        seen: list[int] = []
        asked: dict[str, Any] = {"updateFormat": world.updates(), "maxPageSize": 2}

        async def read() -> None:
            for _ in range(20):
                page = (await world.post(PAGE, asked)).json()
                told = [each["update"]["Transaction"]["value"] for each in page["updates"]]
                seen.extend(each["offset"] for each in told)
                asked["pageToken"] = page["nextPageToken"]
                if not told:
                    return
            raise AssertionError("no end")

        for number in range(3):
            for _ in range(3):
                await desks_named(world, f"{number}-{len(seen)}-{_}")
            await read()
        assert len(seen) == len(set(seen)) == 9
        assert seen == sorted(seen)

    world.run(story())


async def desks_named(world: World, name: str) -> None:
    step = create(DESK, {"executor": world.executor, "coordinator": name, "epoch": "1"})
    assert (await world.submit(step, command_id=name)).is_success


def test_pages_between_two_offsets_end() -> None:
    world = World()

    async def story() -> None:
        for number in range(5):
            await desks_named(world, f"{number}")
        for descending in (False, True):
            asked: dict[str, Any] = {
                "updateFormat": world.updates(),
                "maxPageSize": 2,
                "beginOffsetExclusive": 0,
                "endOffsetInclusive": await world.end(),
                "descendingOrder": descending,
            }
            seen, pages = [], 0
            while True:
                page = (await world.post(PAGE, asked)).json()
                seen += [
                    each["update"]["Transaction"]["value"]["offset"] for each in page["updates"]
                ]
                pages += 1
                if "nextPageToken" not in page:
                    break
                asked["pageToken"] = page["nextPageToken"]
            assert len(seen) == 5
            assert seen == sorted(seen, reverse=descending)
            assert pages == 3

    world.run(story())


def test_parties_that_are_hosted_are_told_to_those_who_ask() -> None:
    world = World()

    async def story() -> None:
        wanted = {"includeParticipantAuthorizationEvents": {"parties": [world.bank]}}
        asked = {"beginExclusive": 0, "updateFormat": {"includeTopologyEvents": wanted}}
        told = [each["update"] for each in (await world.post("/v2/updates", asked)).json()]
        event = told[0]["TopologyTransaction"]["value"]["events"][0]["event"]
        assert event["ParticipantAuthorizationAdded"]["value"]["partyId"] == world.bank
        assert len(told) == 2

    world.run(story())


# -- offsets ----------------------------------------------------------------------------------


def test_nothing_is_told_from_beyond_the_end() -> None:
    world = World()

    async def story() -> None:
        beyond = await world.end() + 1
        events, updates = world.events(), world.updates()
        for path, asked in (
            (ACTIVE, {"activeAtOffset": beyond, "eventFormat": events}),
            (ACTIVE_PAGE, {"activeAtOffset": beyond, "eventFormat": events}),
            ("/v2/updates", {"beginExclusive": beyond, "updateFormat": updates}),
            (
                "/v2/updates",
                {"beginExclusive": 0, "endInclusive": beyond, "updateFormat": updates},
            ),
            (PAGE, {"beginOffsetExclusive": beyond, "updateFormat": updates}),
            (
                "/v2/commands/completions",
                {"parties": [world.executor], "beginExclusive": beyond},
            ),
        ):
            answer = await world.post(path, asked)
            assert refusal(answer) == (400, "OFFSET_AFTER_LEDGER_END"), path
            assert (answer.json()["errorCategory"], answer.json()["grpcCodeValue"]) == (12, 11)
        asked = {"activeAtOffset": -1, "eventFormat": events}
        assert refusal(await world.post(ACTIVE, asked)) == (400, "INVALID_FIELD")

    world.run(story())


def test_nothing_is_told_of_what_was_pruned() -> None:
    world = World()

    async def story() -> None:
        desk = await world.desk()
        made = await world.end()
        await desks_named(world, "later")
        world.double.admin.prune(made)
        told = (await world.get("/v2/state/latest-pruned-offsets")).json()
        assert told["participantPrunedUpToInclusive"] == made
        events, updates = world.events(), world.updates()
        for path, asked in (
            (ACTIVE, {"activeAtOffset": made - 1, "eventFormat": events}),
            ("/v2/updates", {"beginExclusive": 0, "updateFormat": updates}),
            ("/v2/commands/completions", {"parties": [world.executor], "beginExclusive": 0}),
        ):
            answer = await world.post(path, asked)
            assert refusal(answer) == (400, "PARTICIPANT_PRUNED_DATA_ACCESSED"), path
            assert answer.json()["context"]["earliest_offset"] == str(made)
        found = await active(world)
        assert found[0]["JsActiveContract"]["createdEvent"]["contractId"] == desk
        page = (await world.post(PAGE, {"updateFormat": updates})).json()
        assert [each["update"]["Transaction"]["value"]["offset"] for each in page["updates"]] == [
            made + 1
        ]

    world.run(story())


def test_page_tokens_and_sizes_that_are_none_are_refused() -> None:
    world = World()

    async def story() -> None:
        for more in ({"pageToken": "?"}, {"maxPageSize": 100_000}, {"maxPageSize": -1}):
            for path, asked in (
                (PAGE, {"updateFormat": world.updates()}),
                (ACTIVE_PAGE, {"eventFormat": world.events()}),
            ):
                answer = await world.post(path, {**asked, **more})
                assert refusal(answer) == (400, "INVALID_ARGUMENT"), (path, more)

    world.run(story())
