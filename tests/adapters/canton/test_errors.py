"""What does each error of a participant mean?"""

from __future__ import annotations

import httpx
import msgspec
import pytest

from nostro.adapters.domains.canton.errors import (
    Declined,
    Duplicate,
    Gone,
    NotAdmitted,
    TooLong,
    Unclear,
    Unserved,
    failure_of,
)
from nostro.runtime.ports import NotDone, OutcomeUnknown

ROWS = (
    (503, "ABORTED_DUE_TO_SHUTDOWN", 1, Unclear),
    (503, "SERVICE_NOT_RUNNING", 1, Unclear),
    (503, "SYNCHRONIZER_IS_NOT_AVAILABLE", 1, Unclear),
    (409, "SUBMISSION_ALREADY_IN_FLIGHT", 2, Unclear),
    (409, "LOCAL_VERDICT_LOCKED_CONTRACTS", 2, Unserved),
    (409, "LOCAL_VERDICT_TIMEOUT", 2, Unserved),
    (409, "MEDIATOR_SAYS_TX_TIMED_OUT", 2, Unserved),
    (409, "NOT_SEQUENCED_TIMEOUT", 2, Unserved),
    (409, "SEQUENCER_BACKPRESSURE", 2, Unserved),
    (409, "PARTICIPANT_BACKPRESSURE", 2, Unserved),
    (409, "ACCESS_TOKEN_EXPIRED", 2, NotAdmitted),
    (413, "JSON_API_MAXIMUM_LIST_ELEMENTS_NUMBER_REACHED", 2, TooLong),
    (504, "REQUEST_TIME_OUT", 3, Unclear),
    (500, "LEDGER_API_INTERNAL_ERROR", 4, Unclear),
    (400, "SECURITY", 5, Declined),
    (401, "UNAUTHENTICATED", 6, NotAdmitted),
    (403, "PERMISSION_DENIED", 7, NotAdmitted),
    (400, "MISSING_FIELD", 8, Declined),
    (400, "DAML_AUTHORIZATION_ERROR", 8, Declined),
    (400, "UNHANDLED_EXCEPTION", 9, Declined),
    (400, "INVALID_DEDUPLICATION_PERIOD", 9, Declined),
    (400, "PARTICIPANT_PRUNED_DATA_ACCESSED", 9, Declined),
    (400, "NO_SYNCHRONIZER_FOR_SUBMISSION", 9, Declined),
    (409, "DUPLICATE_COMMAND", 10, Duplicate),
    (409, "PARTY_ALREADY_EXISTS", 10, Declined),
    (404, "CONTRACT_NOT_FOUND", 11, Gone),
    (404, "LOCAL_VERDICT_INACTIVE_CONTRACTS", 11, Gone),
    (409, "LOCAL_VERDICT_INACTIVE_CONTRACTS", 9, Gone),
    (404, "UPDATE_NOT_FOUND", 11, Gone),
    (400, "OFFSET_AFTER_LEDGER_END", 12, Unserved),
    (501, "UNSUPPORTED", 14, Declined),
    (401, "NA", -1, NotAdmitted),
    (403, "NA", -1, NotAdmitted),
)


def said(code: str, category: int, **fields: object) -> bytes:
    told = {"code": code, "cause": "because", "errorCategory": category, "context": {}}
    return msgspec.json.encode(told | fields)


@pytest.mark.parametrize(("status", "code", "category", "meaning"), ROWS)
def test_an_error_means_what_its_category_says(
    status: int, code: str, category: int, meaning: type[Exception]
) -> None:
    failure = failure_of(status, said(code, category))
    assert type(failure) is meaning
    assert failure.error.code == code
    assert code in str(failure)


def test_what_a_participant_says_for_certain_not_to_have_done_was_not_done() -> None:
    assert isinstance(
        failure_of(503, said("SERVICE_NOT_RUNNING", 1, definiteAnswer=True)), Unserved
    )


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, Declined),
        (401, NotAdmitted),
        (403, NotAdmitted),
        (404, Declined),
        (408, Unclear),
        (413, TooLong),
        (429, Unserved),
        (499, Unclear),
        (500, Unclear),
        (501, Declined),
        (502, Unclear),
        (503, Unclear),
        (504, Unclear),
    ],
)
@pytest.mark.parametrize("body", [b"Invalid value for: body (missing)", b"", b"\xff<html>", b"[]"])
def test_what_is_no_error_of_canton_goes_by_its_status(
    status: int, meaning: type[Exception], body: bytes
) -> None:
    assert type(failure_of(status, body)) is meaning


def test_the_plain_text_of_a_malformed_body_is_passed_on() -> None:
    text = "Invalid value for: body (Missing required field at 'commands')"
    assert text in str(failure_of(400, text.encode()))


def test_every_failure_is_an_outage_that_says_whether_it_was_done_or_a_refusal() -> None:
    for status, code, category, _ in ROWS:
        failure = failure_of(status, said(code, category))
        assert sum(isinstance(failure, each) for each in (NotDone, OutcomeUnknown, Declined)) == 1


@pytest.mark.parametrize(
    ("context", "accepted", "offset"),
    [
        ({"accepted": "true", "completion_offset": "4711"}, True, 4711),
        ({"accepted": "false", "completion_offset": "12"}, False, 12),
        ({"accepted": "true"}, True, None),
        ({"accepted": "true", "completion_offset": "-1"}, True, None),
        ({}, False, None),
    ],
)
def test_a_duplicate_says_whether_the_first_was_done_and_where(
    context: dict[str, str], accepted: bool, offset: int | None
) -> None:
    duplicate = failure_of(409, said("DUPLICATE_COMMAND", 10, context=context))
    assert isinstance(duplicate, Duplicate)
    assert (duplicate.accepted, duplicate.offset) == (accepted, offset)


def test_an_error_with_fields_that_we_do_not_know_is_understood() -> None:
    body = said("MISSING_FIELD", 8, resources=[["CONTRACT_ID", "00"]], retryInfo="1 second", new=1)
    assert httpx.Response(400, content=body).is_client_error
    assert failure_of(400, body).error.resources == (("CONTRACT_ID", "00"),)
