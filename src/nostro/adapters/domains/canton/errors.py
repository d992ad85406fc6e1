"""What does it mean when a participant does not do what it was asked?

Every error of the JSON Ledger API has a category that says what may be done about it; the HTTP
status only follows from that. What comes of it here:

    category                         raised
    1  transient                     Unclear (it may have been applied); Unserved when it says not
    2  contention                    Unserved: the same again after a pause
       SUBMISSION_ALREADY_IN_FLIGHT  Unclear: an earlier try has not ended
    3  deadline exceeded             Unclear
    4  internal                      Unclear: people must look
    5, 8, 14  never                  Declined
    6, 7  token, rights              NotAdmitted
    9  state of the ledger           Declined
    10 exists                        Duplicate for DUPLICATE_COMMAND, else Declined
    11 missing                       Gone: also what one finds who has done it already
    12 beyond the end                Unserved: the end will come there

Security errors come without their category; then, as for what is no JsCantonError at all (a proxy,
or the plain text that answers a malformed body), the HTTP status decides.
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from nostro.adapters.domains.canton.answers import CantonError
from nostro.runtime.ports import NotDone, OutcomeUnknown

DUPLICATE_COMMAND = "DUPLICATE_COMMAND"
IN_FLIGHT = "SUBMISSION_ALREADY_IN_FLIGHT"
INACTIVE = "LOCAL_VERDICT_INACTIVE_CONTRACTS"
CONTRACT_NOT_FOUND = "CONTRACT_NOT_FOUND"
AFTER_LEDGER_END = "OFFSET_AFTER_LEDGER_END"
PRUNED = "PARTICIPANT_PRUNED_DATA_ACCESSED"
LIST_TOO_LONG = "JSON_API_MAXIMUM_LIST_ELEMENTS_NUMBER_REACHED"
TOKEN_EXPIRED = "ACCESS_TOKEN_EXPIRED"
CAUSE_LENGTH_MAX = 500
"""Characters of a cause that are passed on."""

_TRANSIENT, _CONTENTION, _LATE, _INTERNAL = 1, 2, 3, 4
_UNAUTHENTICATED, _FORBIDDEN, _EXISTS, _MISSING, _AFTER_END = 6, 7, 10, 11, 12
_NEVER = frozenset({5, 8, 9, 13, 14})
_STATUS_UNCLEAR = frozenset({408, 499, 500, 502, 503, 504})
_decoder = msgspec.json.Decoder(CantonError)


class Unserved(NotDone):
    """It was not done; the same may be sent again after a pause."""

    def __init__(self, error: CantonError) -> None:
        super().__init__(_said(error))
        self.error = error


class NotAdmitted(Unserved):
    """The token is not, or no longer, good for this; it is read again, or people must look."""


class TooLong(Unserved):
    """A list has more elements than the participant tells at once: ask for fewer."""


class Unclear(OutcomeUnknown):
    """It may have been done: only a change id finds out."""

    def __init__(self, error: CantonError) -> None:
        super().__init__(_said(error))
        self.error = error


class Declined(Exception):
    """It was not done, and the same would not be either."""

    def __init__(self, error: CantonError) -> None:
        super().__init__(_said(error))
        self.error = error


class Gone(Declined):
    """It names what is not there: it never was, or is archived, perhaps by our own doing."""


class Duplicate(Declined):
    """A command of this change id was there before; `accepted`: it changed the ledger, and its
    completion is at `offset` of this participant."""

    @property
    def accepted(self) -> bool:
        """Tell whether the earlier one was done."""
        return self.error.context.get("accepted", "").lower() == "true"

    @property
    def offset(self) -> int | None:
        """Return where its completion is, None when that is not said."""
        said = self.error.context.get("completion_offset", "")
        return int(said) if said.isascii() and said.isdecimal() else None


Failure = Unserved | Unclear | Declined


def failure_of(status: int, body: bytes) -> Failure:
    """Return what an answer other than success means, to be raised."""
    try:
        error = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body.decode(errors="replace").strip()
        return _by_status(status, CantonError(code=f"HTTP_{status}", cause=text, error_category=-1))
    return _by_category(status, error)


def _by_category(status: int, error: CantonError) -> Failure:
    category = error.error_category
    if error.code == LIST_TOO_LONG or status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLong(error)
    if error.code == TOKEN_EXPIRED or category in (_UNAUTHENTICATED, _FORBIDDEN):
        return NotAdmitted(error)
    if category == _TRANSIENT:
        return Unserved(error) if error.definite_answer else Unclear(error)
    if category == _CONTENTION:
        return Unclear(error) if error.code == IN_FLIGHT else Unserved(error)
    if category in (_LATE, _INTERNAL):
        return Unclear(error)
    if category == _EXISTS:
        return Duplicate(error) if error.code == DUPLICATE_COMMAND else Declined(error)
    if category == _MISSING:
        return Gone(error)
    if category == _AFTER_END:
        return Unserved(error)
    if category in _NEVER:
        return _declined(error)
    return _by_status(status, error)


def _declined(error: CantonError) -> Declined:
    """Return what it is when it is final; a contract lost in a race counts as gone."""
    return Gone(error) if error.code in (INACTIVE, CONTRACT_NOT_FOUND) else Declined(error)


def _by_status(status: int, error: CantonError) -> Failure:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return NotAdmitted(error)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLong(error)
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT):
        return Unserved(error)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and (
        status not in _STATUS_UNCLEAR
    ):
        return Declined(error)
    if status == HTTPStatus.NOT_IMPLEMENTED:
        return Declined(error)
    return Unclear(error)


def _said(error: CantonError) -> str:
    return f"{error.code}: {error.cause[:CAUSE_LENGTH_MAX]}"
