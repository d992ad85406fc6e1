"""Does the participant fail as it is told to, and remember what it did all the same?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import httpx
import pytest

from nostro.adapters.domains.canton_double import (
    HARSH,
    CantonDouble,
    DoubleTerms,
    Faults,
    Weather,
)
from nostro.adapters.domains.canton_double.double import BOOKS_FILE, FAULTS_FILE
from nostro.adapters.domains.canton_double.faults import FileSwitchboard
from nostro.simulation.loop import Process
from nostro.wiring.processes import Child
from tests.adapters.canton_double.participant import (
    ACTIVE,
    DESK,
    SUBMIT,
    TERMS,
    Json,
    World,
    create,
    refusal,
)


def desk_of(world: World, coordinator: str = "main") -> Json:
    return create(DESK, {"executor": world.executor, "coordinator": coordinator, "epoch": "1"})


# -- one call ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "raised", "done"),
    [
        (Faults(down=True), httpx.ConnectError, False),
        (Faults(silent=True), httpx.ReadError, True),
    ],
)
def test_a_connection_that_breaks_says_nothing_of_the_deed(
    faults: Faults, raised: type[Exception], done: bool
) -> None:
    world = World()

    async def story() -> None:
        before = await world.end()
        world.double.switch_next(faults, SUBMIT)
        with pytest.raises(raised):
            await world.submit(desk_of(world), command_id="one")
        assert await world.end() == before + done
        again = await world.submit(desk_of(world), command_id="one")
        assert again.status_code == (409 if done else 200)

    world.run(story())


@pytest.mark.parametrize(
    ("faults", "status", "code", "done"),
    [
        (Faults(unavailable=True), 503, "SERVICE_NOT_RUNNING", False),
        (Faults(gone=True), 503, "ABORTED_DUE_TO_SHUTDOWN", True),
        (Faults(busy=True), 409, "PARTICIPANT_BACKPRESSURE", False),
        (Faults(late=True), 504, "REQUEST_TIME_OUT", True),
    ],
)
def test_a_refusal_may_or_may_not_have_been_a_deed(
    faults: Faults, status: int, code: str, done: bool
) -> None:
    world = World()

    async def story() -> None:
        before = await world.end()
        world.double.switch_next(faults, SUBMIT)
        answer = await world.submit(desk_of(world), command_id="one")
        assert refusal(answer) == (status, code)
        assert answer.json()["retryInfo"] == "1 second"
        await world.clock.sleep(10)  # sleeps: in virtual time
        assert await world.end() == before + done

    world.run(story())


def test_a_fault_that_is_for_the_next_call_leaves_the_others_alone() -> None:
    world = World()

    async def story() -> None:
        world.double.switch_next(Faults(unavailable=True), ACTIVE)
        assert (await world.submit(desk_of(world), command_id="one")).is_success
        asked = {"activeAtOffset": await world.end(), "eventFormat": world.events()}
        assert (await world.post(ACTIVE, asked)).status_code == 503
        assert (await world.post(ACTIVE, asked)).status_code == 200

    world.run(story())


def test_every_list_may_be_too_long() -> None:
    world = World()

    async def story() -> None:
        world.double.faults.set(Faults(crowded=True))
        parties = {"parties": [world.executor]}
        for path, asked in (
            (ACTIVE, {"activeAtOffset": 0, "eventFormat": world.events()}),
            ("/v2/updates", {"beginExclusive": 0, "updateFormat": world.updates()}),
            ("/v2/commands/completions", parties),
            ("/v2/commands/command-completions", parties),
        ):
            assert refusal(await world.post(path, asked))[0] == 413
        page = {"eventFormat": world.events()}
        assert (await world.post(f"{ACTIVE}-page", page)).is_success

    world.run(story())


def test_while_it_is_paused_nobody_is_answered() -> None:
    world = World()

    async def story() -> None:
        world.double.faults.set(Faults(paused=True))
        asking = asyncio.ensure_future(world.end())
        await world.clock.sleep(4)  # sleeps: in virtual time
        assert not asking.done()
        world.double.faults.set(Faults())
        assert await asking == 5
        world.double.faults.set(Faults(paused=True))
        world.client.timeout = httpx.Timeout(0.5)
        with pytest.raises(httpx.ReadTimeout):
            await world.end()

    world.run(story())


def test_what_has_arrived_is_done_whether_or_not_its_sender_lives() -> None:
    world = World(terms=DoubleTerms(synchronizers=("settlement", "payments"), call_ms=20))
    sender, participant = Process("platform"), Process("participant")

    async def story() -> None:
        transport = world.double.transport(participant.context)
        client = httpx.AsyncClient(
            transport=transport, base_url="http://p", headers=world.client.headers
        )

        async def send() -> None:
            await client.post(SUBMIT, json=world.commands(desk_of(world), command_id="one"))

        before = await world.end()
        world.loop.create_task(send(), context=sender.context())
        await world.clock.sleep(0.01)  # sleeps: in virtual time
        sender.kill()
        await world.clock.sleep(1)  # sleeps: in virtual time
        assert await world.end() == before + 1

    world.run(story())


# -- weather ----------------------------------------------------------------------------------


def course_of(seed: int) -> list[str]:
    """Return what forty commands meet in harsh weather."""
    terms = DoubleTerms(seed=seed, synchronizers=TERMS.synchronizers)
    world = World(terms=terms, weather=HARSH)

    async def story() -> list[str]:
        course = []
        for number in range(40):
            try:
                answer = await world.submit(desk_of(world), command_id=f"{number}")
                course.append(f"{answer.status_code}")
            except httpx.TransportError as error:
                course.append(type(error).__name__)
        return course

    return world.run(story())


def test_weather_is_the_same_for_the_same_seed() -> None:
    first = course_of(1)
    assert first == course_of(1)
    assert first != course_of(2)
    assert len(set(first)) > 3


def test_in_any_weather_a_command_is_done_at_most_once() -> None:
    world = World(weather=HARSH)

    async def story() -> None:
        for number in range(20):
            for _ in range(200):
                with contextlib.suppress(httpx.TransportError):
                    answer = await world.submit(desk_of(world, f"{number}"), command_id=f"{number}")
                    if answer.is_success or answer.json()["code"] == "DUPLICATE_COMMAND":
                        break
                await world.clock.sleep(1)  # sleeps: in virtual time
        opened = [
            life.created.argument["coordinator"]
            for life in world.double.ledger.active_lives("Nostro.Settlement:Desk")
        ]
        assert sorted(opened) == sorted(f"{number}" for number in range(20))

    world.run(story())


def test_an_answer_takes_its_time_and_only_so_many_are_inside() -> None:
    terms = DoubleTerms(synchronizers=("settlement",), call_ms=20, concurrent_max=4)
    world = World(terms=terms)

    async def story() -> None:
        begun = world.loop.time()
        await asyncio.gather(*(world.end() for _ in range(40)))
        assert world.loop.time() - begun == pytest.approx(0.2, abs=0.02)
        assert world.double.gate.concurrent_most == 4

    world.run(story())


# -- memory -----------------------------------------------------------------------------------


def test_what_was_answered_outlives_the_participant(tmp_path: Path) -> None:
    first = World(directory=tmp_path)

    async def before() -> tuple[str, Json]:
        desk = await first.desk()
        dvp = await first.held(desk)
        answer = await first.act("SettleDeliveryVsPayment", dvp, desk, command_id="settle")
        await first.double.close()
        return desk, answer.json()["transaction"]

    desk, settled = first.run(before())
    second = World(directory=tmp_path)

    async def after() -> None:
        assert second.executor == first.executor
        assert second.balance(second.buyer, "AAPL") == (10, 0)
        asked = {
            "offset": settled["offset"],
            "updateFormat": second.updates(second.executor, second.depository, second.bank),
        }
        told = (await second.post("/v2/updates/update-by-offset", asked)).json()["update"]
        assert told["Transaction"]["value"] == settled
        again = await second.act("SettleDeliveryVsPayment", desk, desk, command_id="settle")
        assert refusal(again) == (409, "DUPLICATE_COMMAND")
        await second.double.close()

    second.run(after())


def test_a_line_that_was_torn_never_happened(tmp_path: Path) -> None:
    first = World(directory=tmp_path)

    async def before() -> int:
        await first.desk()
        end = await first.end()
        await first.double.close()
        return end

    end = first.run(before())
    with (tmp_path / BOOKS_FILE).open("ab") as books:
        books.write(b'{"entry":{"type":"transaction","off')
    second = World(directory=tmp_path)

    async def after() -> None:
        assert await second.end() == end
        answer = await second.submit(desk_of(second, "next"), command_id="next")
        assert answer.json()["completionOffset"] == end + 1
        await second.double.close()

    second.run(after())


async def test_a_participant_in_a_process_of_its_own_survives_a_sigkill(tmp_path: Path) -> None:
    order = {"directory": str(tmp_path), "synchronizers": ["settlement", "payments"]}
    child = Child(name="canton", module="nostro.wiring.canton_double", order=order)
    ready = await child.start()
    try:
        async with httpx.AsyncClient(base_url=ready["url"]) as client:
            names = {}
            for hint in ("Coordinator", "Bank", "Buyer"):
                told = (await client.post("/double/parties", json={"hint": hint})).json()
                names[hint] = told["party"]
            rights = {"user": "nostro", "actAs": [names["Coordinator"], names["Bank"]]}
            await client.post("/double/users", json=rights)
            issue = {
                "registrar": names["Bank"],
                "owner": names["Buyer"],
                "asset": "USD",
                "amount": "5",
                "synchronizer": "payments",
            }
            made = await client.post("/double/holdings", json=issue)
            assert made.is_success, made.text
        os.kill(ready["pid"], signal.SIGKILL)
        await child.ended()
        ready = await child.start()
        async with httpx.AsyncClient(base_url=ready["url"]) as client:
            told = (await client.get("/double/balances")).json()
            owned = [{"owner": names["Buyer"], "asset": "USD", "total": "5", "locked": "0"}]
            assert told == owned
            token = (await client.post("/double/tokens", json={"user": "nostro"})).json()["token"]
            client.headers["authorization"] = f"Bearer {token}"
            assert (await client.get("/v2/state/ledger-end")).json()["offset"] == 4
            FileSwitchboard(tmp_path / FAULTS_FILE).set(Faults(down=True))
            with pytest.raises(httpx.TransportError):
                await client.get("/v2/state/ledger-end")
            FileSwitchboard(tmp_path / FAULTS_FILE).set(Faults())
            assert (await client.get("/readyz")).is_success
    finally:
        await child.stop()


def test_a_participant_without_a_directory_makes_its_own_key() -> None:
    world = World()
    one, other = CantonDouble(clock=world.clock), CantonDouble(clock=world.clock)
    assert one.key != other.key
    assert one.fate.of("/x", now_us=1).faults == Faults()
    assert Weather() == Weather(down_ppm=0)


# -- parties and users ------------------------------------------------------------------------


def test_parties_and_users_are_set_up_through_the_api() -> None:
    world = World()

    async def story() -> None:
        world.client = world.client_of("participant_admin")
        party = (await world.post("/v2/parties", {"partyIdHint": "Clearer"})).json()
        party = party["partyDetails"]["party"]
        again = await world.post("/v2/parties", {"partyIdHint": "Clearer"})
        assert refusal(again) == (409, "PARTY_ALREADY_EXISTS")
        known = (await world.get("/v2/parties")).json()["partyDetails"]
        assert party in [each["party"] for each in known]
        acting = {"kind": {"CanActAs": {"value": {"party": party}}}}
        made = await world.post("/v2/users", {"user": {"id": "clerk"}, "rights": [acting]})
        assert made.json()["user"]["id"] == "clerk"
        again = await world.post("/v2/users", {"user": {"id": "clerk"}})
        assert refusal(again) == (409, "USER_ALREADY_EXISTS")
        reading = {"kind": {"CanReadAs": {"value": {"party": world.bank}}}}
        granted = await world.post(
            "/v2/users/clerk/rights", {"userId": "clerk", "rights": [acting, reading]}
        )
        assert granted.json()["newlyGrantedRights"] == [reading]
        rights = (await world.get("/v2/users/clerk/rights")).json()["rights"]
        assert rights == [acting, reading]
        body = {"userId": "clerk", "rights": [reading]}
        revoked = await world.client.patch("/v2/users/clerk/rights", json=body)
        assert revoked.json()["newlyRevokedRights"] == [reading]
        assert refusal(await world.get("/v2/users/nobody")) == (404, "USER_NOT_FOUND")
        world.client = world.client_of("clerk")
        assert (await world.get("/v2/authenticated-user")).json()["user"]["id"] == "clerk"
        assert (await world.post("/v2/parties", {"partyIdHint": "More"})).status_code == 403
        assert (await world.get("/v2/users")).status_code == 403
        assert (await world.get("/v2/users/nostro/rights")).status_code == 403

    world.run(story())


def test_the_participant_says_who_it_is_and_what_it_runs() -> None:
    world = World()

    async def story() -> None:
        told = (await world.get("/v2/parties/participant-id")).json()
        assert told == {"participantId": world.double.participant_id}
        assert len((await world.get("/v2/packages")).json()["packageIds"]) == 1

    world.run(story())
