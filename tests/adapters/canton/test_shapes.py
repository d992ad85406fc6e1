"""Is what the client asks, and how it reads answers, as Canton's published description has it?"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest

from nostro.adapters.domains.canton import answers, shapes
from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.model import (
    DESK,
    BadPayload,
    create,
    exercise,
    name_of,
    template_id,
    whole,
)
from nostro.runtime.ports import NotDone
from tests.adapters.canton.scripted import URL
from tests.adapters.canton_double.openapi import (
    CheckedTransport,
    check,
    described,
    needs_description,
    reference,
)

EVENTS = shapes.told_of({"x::12": (template_id(DESK),), "y::12": ()})
TRANSACTIONS = shapes.TransactionFormat(transaction_shape=shapes.ACS_DELTA, event_format=EVENTS)
UPDATES = shapes.UpdateFormat(include_transactions=TRANSACTIONS, include_reassignments=EVENTS)
COMMANDS = shapes.Commands(
    commands=(
        create(DESK, executor="x::12", coordinator="main", epoch="1"),
        exercise(DESK, "00ab", "Desk_Raise", epoch="2"),
    ),
    command_id="main.S1.1:hold",
    act_as=("x::12",),
    read_as=("y::12",),
    user_id="nostro",
    workflow_id="main",
    submission_id="1",
    deduplication_period=shapes.DeduplicationPeriod.of(86_400),
    synchronizer_id="s::12",
)


def reassignment(step: shapes.Unassign | shapes.Assign) -> shapes.SubmitForReassignment:
    return shapes.SubmitForReassignment(
        reassignment_commands=shapes.ReassignmentCommands(
            command_id="c",
            submitter="y::12",
            commands=(shapes.ReassignmentCommand.of(step),),
            user_id="nostro",
            submission_id="2",
        ),
        event_format=EVENTS,
    )


LEAVE = reassignment(shapes.Unassign(contract_id="00ab", source="a::1", target="b::1"))
ARRIVE = reassignment(shapes.Assign(reassignment_id="00", source="a::1", target="b::1"))
COMPLETIONS = shapes.CompletionsRequest(parties=("x::12",), begin_exclusive=3, user_id="nostro")
CALLS: dict[str, Callable[[CantonClient], Awaitable[Any]]] = {
    "submit_and_wait": lambda client: client.submit_and_wait(COMMANDS),
    "submit_for_transaction": lambda client: client.submit_for_transaction(
        shapes.SubmitForTransaction(commands=COMMANDS, transaction_format=TRANSACTIONS)
    ),
    "submit": lambda client: client.submit(COMMANDS),
    "unassign": lambda client: client.submit_for_reassignment(LEAVE),
    "assign": lambda client: client.submit_for_reassignment(ARRIVE),
    "completions": lambda client: client.completions(COMPLETIONS, limit=9),
    "command_completions": lambda client: client.command_completions(COMPLETIONS, limit=9),
    "updates": lambda client: client.updates(
        shapes.UpdatesRequest(begin_exclusive=1, end_inclusive=2, update_format=UPDATES), limit=9
    ),
    "updates_page": lambda client: client.updates_page(
        shapes.UpdatesPageRequest(
            begin_offset_exclusive=1,
            end_offset_inclusive=2,
            update_format=UPDATES,
            max_page_size=9,
            page_token="t",
        )
    ),
    "update_by_offset": lambda client: client.update_by_offset(
        shapes.UpdateByOffset(offset=1, update_format=UPDATES)
    ),
    "update_by_id": lambda client: client.update_by_id(
        shapes.UpdateById(update_id="12", update_format=UPDATES)
    ),
    "events_by_contract": lambda client: client.events_by_contract(
        shapes.EventsByContractId(contract_id="00ab", event_format=EVENTS)
    ),
    "active_contracts": lambda client: client.active_contracts(
        shapes.ActiveContractsRequest(active_at_offset=3, event_format=EVENTS), limit=9
    ),
    "active_contracts_page": lambda client: client.active_contracts_page(
        shapes.ActiveContractsPageRequest(
            event_format=EVENTS, active_at_offset=3, max_page_size=9, page_token="t"
        )
    ),
    "contract": lambda client: client.contract(
        shapes.ContractById(contract_id="00ab", querying_parties=("x::12",))
    ),
    "synchronizers": lambda client: client.synchronizers("x::12"),
    "ledger_end": lambda client: client.ledger_end(),
    "pruned_to": lambda client: client.pruned_to(),
    "participant_id": lambda client: client.participant_id(),
}


class Away(httpx.AsyncBaseTransport):
    """Nobody is there."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)


@needs_description
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_what_is_asked_is_as_the_description_has_it(
    call: Callable[[CantonClient], Awaitable[Any]],
) -> None:
    with pytest.raises(NotDone):
        await call(CantonClient(URL, transport=CheckedTransport(Away())))


RESPONSES: dict[str, type[Any]] = {
    "SubmitAndWaitResponse": answers.Submitted,
    "JsSubmitAndWaitForReassignmentResponse": answers.ReassignmentAnswer,
    "JsGetActiveContractsResponse": answers.ActiveContracts,
    "GetConnectedSynchronizersResponse": answers.Synchronizers,
    "GetLedgerEndResponse": answers.LedgerEnd,
    "JsCantonError": answers.CantonError,
}


@needs_description
def test_examples_of_answers_are_read() -> None:
    path = described()
    assert path is not None
    examples = path.with_name("canton-examples.json")
    if not examples.exists():
        pytest.skip("no examples beside the description")
    read = 0
    for each in json.loads(examples.read_text("utf-8"))["examples"]:
        if "response" in each["kind"]:
            check(reference(each["schema"]), each["body"])
            msgspec.convert(each["body"], RESPONSES[each["schema"]])
            read += 1
    assert read


@pytest.mark.parametrize(
    ("told", "number"),
    [("500", 500), ("500.", 500), ("500.0000000000", 500), ("0", 0), ("9" * 38, 10**38 - 1)],
)
def test_a_number_of_the_ledger_is_read_to_the_last_digit(told: str, number: int) -> None:
    assert whole(told) == number


@pytest.mark.parametrize("told", ["", "x", "0.5", "NaN", "Infinity", "1e999999"])
def test_what_is_no_whole_number_is_not_read(told: str) -> None:
    with pytest.raises(BadPayload):
        whole(told)


def test_a_template_is_named_by_its_package_name_and_known_by_its_module() -> None:
    assert template_id(DESK) == "#nostro-dvp:Nostro.Settlement:Desk"
    assert name_of("1220ab:Nostro.Settlement:Desk") == DESK
