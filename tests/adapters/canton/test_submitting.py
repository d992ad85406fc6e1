"""Is a command done once, and is that found out, in every order of answers?"""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import pytest

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton.errors import Declined, Duplicate, Gone, NotAdmitted
from nostro.adapters.domains.canton.model import DESK, create
from nostro.adapters.domains.canton.reading import Reading
from nostro.adapters.domains.canton.submitting import PAUSES_S, TRYING_S, Submitting
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.runtime.ports import NotDone, OutcomeUnknown
from tests.adapters.canton.scripted import Answer, Scripted, error

TERMS = CantonTerms(
    coordinator="main",
    executor="ex",
    securities_issuer="iss",
    cash_provider="bank",
    is_cash=lambda asset: asset == "EUR",
)
SUBMIT = "/v2/commands/submit-and-wait-for-transaction"
COMPLETIONS = "/v2/commands/completions"
BY_OFFSET = "/v2/updates/update-by-offset"
ACTIVE = "/v2/state/active-contracts-page"
END = "/v2/state/ledger-end"
LOST = httpx.ReadTimeout("lost")
LOCKED = error(409, "LOCAL_VERDICT_LOCKED_CONTRACTS", 2)
IN_FLIGHT = error(409, "SUBMISSION_ALREADY_IN_FLIGHT", 2)
AWAY = error(503, "SERVICE_NOT_RUNNING", 1)
GONE = error(404, "CONTRACT_NOT_FOUND", 11)
REFUSED = error(400, "UNHANDLED_EXCEPTION", 9)


def desk(offset: int) -> dict[str, Any]:
    created = {
        "offset": offset,
        "nodeId": 0,
        "contractId": "00de5c",
        "templateId": "ab:Nostro.Settlement:Desk",
        "createArgument": {"executor": "ex", "coordinator": "main", "epoch": "3"},
    }
    return {
        "updateId": f"u{offset}",
        "offset": offset,
        "synchronizerId": "s",
        "events": [{"CreatedEvent": created}],
    }


DONE = httpx.Response(200, json={"transaction": desk(12)})
AT_12 = httpx.Response(200, json={"update": {"Transaction": {"value": desk(12)}}})
PRUNED = error(404, "UPDATE_NOT_FOUND", 11)


def duplicate(*, accepted: bool) -> httpx.Response:
    context = {"accepted": str(accepted).lower(), "completion_offset": "12"}
    return error(409, "DUPLICATE_COMMAND", 10, context=context)


def completions(*told: tuple[str, str, int]) -> httpx.Response:
    """Return completions (command id, submission id, code) from offset 12 on."""
    return httpx.Response(
        200,
        json=[
            {
                "completionResponse": {
                    "Completion": {
                        "value": {
                            "commandId": command,
                            "submissionId": submission,
                            "offset": 12 + at,
                            "status": {"code": code, "message": ""},
                        }
                    }
                }
            }
            for at, (command, submission, code) in enumerate(told)
        ],
    )


class Clock(SystemClock):
    """Time passes only when somebody waits."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.now = 0

    def now_us(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * 1_000_000)


class Desk:
    """A command that makes a desk, submitted to a participant that answers by a script."""

    def __init__(self, *answers: Answer, told: httpx.Response | None = None) -> None:
        self.clock = Clock()
        self.script = (
            Scripted()
            .to(SUBMIT, *answers)
            .to(COMPLETIONS, told or completions())
            .to(BY_OFFSET, AT_12)
            .to(END, httpx.Response(200, json={"offset": 9}))
            .to("/v2/parties/participant-id", httpx.Response(200, json={"participantId": "p"}))
            .to(ACTIVE, httpx.Response(200, json={"activeContracts": [], "activeAtOffset": 9}))
        )
        client = self.script.client()
        self.reading = Reading(TERMS, client)
        ids = count(1)
        self.submitting = Submitting(
            TERMS, client, self.reading, ids=lambda: f"try-{next(ids)}", clock=self.clock
        )

    async def submit(self) -> None:
        await self.reading.opened()
        command = create(DESK, executor="ex", coordinator="main", epoch="3")
        await self.submitting.submit("desk:main", command, synchronizer="s")

    @property
    def is_known(self) -> bool:
        return self.reading.view.desks == {"00de5c": 3}

    @property
    def tries(self) -> int:
        return len(self.script.bodies(SUBMIT))


@pytest.mark.parametrize(
    "answers",
    [
        (DONE,),
        (LOCKED, DONE),
        (LOST, DONE),
        (AWAY, LOST, LOCKED, DONE),
        (IN_FLIGHT, IN_FLIGHT, duplicate(accepted=True)),
        (LOST, duplicate(accepted=True)),
        (duplicate(accepted=False), DONE),
        (httpx.ConnectError("refused"), DONE),
    ],
)
async def test_what_is_done_in_the_end_is_done_and_known(answers: tuple[Answer, ...]) -> None:
    desk = Desk(*answers)
    await desk.submit()
    assert desk.is_known
    assert desk.tries == len(answers)


async def test_an_accepted_duplicate_whose_update_cannot_be_read_is_found_by_reading_on() -> None:
    desk = Desk(duplicate(accepted=True))
    desk.script.to(BY_OFFSET, PRUNED)
    await desk.submit()
    assert desk.script.bodies(END) == [None, None]


async def test_a_done_deed_that_cannot_be_read_is_not_told_as_not_done() -> None:
    desk = Desk(duplicate(accepted=True))
    desk.script.to(BY_OFFSET, error(503, "SERVICE_NOT_RUNNING", 1))
    with pytest.raises(OutcomeUnknown):
        await desk.submit()


@pytest.mark.parametrize("answer", [REFUSED, GONE])
async def test_a_refusal_at_once_is_final(answer: httpx.Response) -> None:
    desk = Desk(answer)
    with pytest.raises(Declined):
        await desk.submit()
    assert desk.tries == 1


@pytest.mark.parametrize("after", [GONE, REFUSED])
async def test_a_refusal_after_a_lost_answer_may_come_of_our_own_deed(
    after: httpx.Response,
) -> None:
    desk = Desk(LOST, after, told=completions(("desk:main", "try-1", 0)))
    await desk.submit()
    assert desk.is_known


@pytest.mark.parametrize("after", [GONE, REFUSED])
async def test_a_refusal_after_a_lost_answer_of_which_nothing_is_known_is_not_believed(
    after: httpx.Response,
) -> None:
    desk = Desk(LOST, after)
    with pytest.raises(OutcomeUnknown):
        await desk.submit()


async def test_a_refusal_is_believed_once_every_lost_try_is_known_to_have_failed() -> None:
    desk = Desk(LOST, GONE, told=completions(("desk:main", "try-1", 10)))
    with pytest.raises(Gone):
        await desk.submit()


async def test_completions_of_other_commands_tell_nothing() -> None:
    desk = Desk(LOST, GONE, told=completions(("other", "try-1", 0), ("other", "try-2", 10)))
    with pytest.raises(OutcomeUnknown):
        await desk.submit()


async def test_completions_are_asked_from_the_offset_before_the_first_try() -> None:
    desk = Desk(LOST, GONE)
    with pytest.raises(OutcomeUnknown):
        await desk.submit()
    (asked,) = desk.script.bodies(COMPLETIONS)
    assert asked == {"beginExclusive": 9, "parties": ["ex"], "userId": "nostro"}


async def test_what_another_participant_completed_tells_nothing() -> None:
    """Offsets of one participant mean nothing at another."""
    desk = Desk(LOST, GONE, told=completions(("desk:main", "try-1", 0)))

    async def meanwhile(seconds: float) -> None:
        desk.reading.participant = "another"

    desk.clock.sleep = meanwhile  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        await desk.submit()
    assert not desk.script.bodies(COMPLETIONS)


async def test_tries_end_and_leave_the_outcome_open() -> None:
    desk = Desk(LOST)
    with pytest.raises(OutcomeUnknown):
        await desk.submit()
    assert desk.tries == len(PAUSES_S) + 1
    assert desk.clock.slept == list(PAUSES_S)
    ids = [body["commands"]["submissionId"] for body in desk.script.bodies(SUBMIT)]
    assert len(set(ids)) == desk.tries


async def test_tries_end_and_say_that_nothing_was_done() -> None:
    desk = Desk(LOCKED)
    with pytest.raises(NotDone, match="LOCKED"):
        await desk.submit()
    desk = Desk(duplicate(accepted=False))
    with pytest.raises(NotDone) as raised:
        await desk.submit()
    assert isinstance(raised.value.__cause__, Duplicate)


async def test_no_try_begins_when_it_has_taken_too_long() -> None:
    desk = Desk(LOST)

    async def slow(seconds: float) -> None:
        desk.clock.now += round(TRYING_S * 1_000_000)

    desk.clock.sleep = slow  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        await desk.submit()
    assert desk.tries == 2


async def test_a_token_that_is_refused_is_no_reason_to_try_again() -> None:
    desk = Desk(error(403, "NA", -1))
    with pytest.raises(NotAdmitted):
        await desk.submit()
    assert desk.tries == 1
    desk = Desk(LOST, error(403, "NA", -1))
    with pytest.raises(OutcomeUnknown):
        await desk.submit()
