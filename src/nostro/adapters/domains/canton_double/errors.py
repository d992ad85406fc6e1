"""In which words does the participant refuse?

Every refusal has a code and one of Canton's error categories, which decides its gRPC status and
so its HTTP status; what is told to a bearer whom the participant does not know is redacted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any


class Category(IntEnum):
    """Canton's error categories."""

    TRANSIENT = 1
    CONTENTION = 2
    OUTCOME_UNKNOWN = 3
    INTERNAL = 4
    SECURITY_ALERT = 5
    UNAUTHENTICATED = 6
    PERMISSION_DENIED = 7
    BAD_REQUEST = 8
    STATE = 9
    EXISTS = 10
    MISSING = 11
    AFTER_END = 12
    UNSUPPORTED = 14


GRPC = {
    Category.TRANSIENT: 14,
    Category.CONTENTION: 10,
    Category.OUTCOME_UNKNOWN: 4,
    Category.INTERNAL: 13,
    Category.SECURITY_ALERT: 3,
    Category.UNAUTHENTICATED: 16,
    Category.PERMISSION_DENIED: 7,
    Category.BAD_REQUEST: 3,
    Category.STATE: 9,
    Category.EXISTS: 6,
    Category.MISSING: 5,
    Category.AFTER_END: 11,
    Category.UNSUPPORTED: 12,
}
"""The gRPC status of a category."""

HTTP = {1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400}
HTTP |= {12: 501, 13: 500, 14: 503, 16: 401}
"""The HTTP status of a gRPC status."""

CATEGORIES = {
    "ABORTED_DUE_TO_SHUTDOWN": Category.TRANSIENT,
    "AUTOMATIC_REASSIGNMENT_FOR_TRANSACTION_FAILED": Category.STATE,
    "COMMAND_PREPROCESSING_FAILED": Category.BAD_REQUEST,
    "CONTRACT_EVENTS_NOT_FOUND": Category.MISSING,
    "CONTRACT_NOT_ACTIVE": Category.MISSING,
    "CONTRACT_NOT_FOUND": Category.MISSING,
    "CONTRACT_PAYLOAD_NOT_FOUND": Category.MISSING,
    "DAML_AUTHORIZATION_ERROR": Category.BAD_REQUEST,
    "DUPLICATE_COMMAND": Category.EXISTS,
    "INVALID_ARGUMENT": Category.BAD_REQUEST,
    "INVALID_DEDUPLICATION_PERIOD": Category.STATE,
    "INVALID_FIELD": Category.BAD_REQUEST,
    "INVALID_PRESCRIBED_SYNCHRONIZER_ID": Category.STATE,
    "JSON_API_MAXIMUM_LIST_ELEMENTS_NUMBER_REACHED": Category.CONTENTION,
    "LEDGER_API_INTERNAL_ERROR": Category.INTERNAL,
    "LOCAL_VERDICT_INACTIVE_CONTRACTS": Category.MISSING,
    "LOCAL_VERDICT_LOCKED_CONTRACTS": Category.CONTENTION,
    "LOCAL_VERDICT_TIMEOUT": Category.CONTENTION,
    "MISSING_FIELD": Category.BAD_REQUEST,
    "NO_SYNCHRONIZER_FOR_SUBMISSION": Category.STATE,
    "OFFSET_AFTER_LEDGER_END": Category.AFTER_END,
    "PACKAGE_NAMES_NOT_FOUND": Category.MISSING,
    "PARTICIPANT_BACKPRESSURE": Category.CONTENTION,
    "PARTICIPANT_PRUNED_DATA_ACCESSED": Category.STATE,
    "PARTY_ALREADY_EXISTS": Category.EXISTS,
    "REQUEST_TIME_OUT": Category.OUTCOME_UNKNOWN,
    "SERVICE_NOT_RUNNING": Category.TRANSIENT,
    "SUBMISSION_ALREADY_IN_FLIGHT": Category.CONTENTION,
    "TEMPLATES_OR_INTERFACES_NOT_FOUND": Category.MISSING,
    "UNHANDLED_EXCEPTION": Category.STATE,
    "UNSUPPORTED_OPERATION": Category.UNSUPPORTED,
    "UPDATE_NOT_FOUND": Category.MISSING,
    "USER_ALREADY_EXISTS": Category.EXISTS,
    "USER_NOT_FOUND": Category.MISSING,
    "WRONGLY_TYPED_CONTRACT": Category.STATE,
}
"""The category of each code that this participant knows."""

REDACTED = "NA"
REDACTED_CATEGORY = -1
LIST_STATUS = 413
_RETRIED = frozenset((Category.TRANSIENT, Category.CONTENTION, Category.OUTCOME_UNKNOWN))
_LIST = "JSON_API_MAXIMUM_LIST_ELEMENTS_NUMBER_REACHED"


class Refusal(Exception):
    """The participant will not, and says why in its own form."""

    def __init__(
        self,
        code: str,
        cause: str,
        *,
        context: Mapping[str, str] | None = None,
        resources: Sequence[tuple[str, str]] = (),
        definite: bool | None = None,
    ) -> None:
        super().__init__(f"{code}: {cause}")
        self.code = code
        self.cause = cause
        self.category = CATEGORIES[code]
        self.context = dict(context or {})
        self.resources = tuple(resources)
        self.definite = definite

    @property
    def grpc(self) -> int:
        """Return the gRPC status."""
        return GRPC[self.category]

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return LIST_STATUS if self.code == _LIST else HTTP[self.grpc]

    def body(self, *, correlation_id: str, trace_id: str) -> dict[str, Any]:
        """Return it as a JsCantonError."""
        told: dict[str, Any] = {
            "code": self.code,
            "cause": self.cause,
            "context": {**self.context, "category": str(int(self.category))},
            "resources": [list(each) for each in self.resources],
            "errorCategory": int(self.category),
            "grpcCodeValue": self.grpc,
        }
        if correlation_id:
            told["correlationId"] = correlation_id
        if trace_id:
            told["traceId"] = trace_id
        if self.category in _RETRIED:
            told["retryInfo"] = "1 second"
        if self.definite is not None:
            told["definiteAnswer"] = self.definite
        return told


class Unwelcome(Exception):
    """The bearer may not: `grpc` is 16 (who is it?) or 7 (not this). Details are redacted."""

    def __init__(self, grpc: int, why: str) -> None:
        super().__init__(why)
        self.grpc = grpc

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return HTTP[self.grpc]

    def body(self, *, trace_id: str) -> dict[str, Any]:
        """Return it as a JsCantonError that says nothing."""
        told: dict[str, Any] = {
            "code": REDACTED,
            "cause": "A security-sensitive error has been received",
            "context": {},
            "resources": [],
            "errorCategory": REDACTED_CATEGORY,
            "grpcCodeValue": self.grpc,
        }
        return {**told, "traceId": trace_id} if trace_id else told


class Malformed(Exception):
    """The body or a parameter cannot be read at all; refused in plain text."""


def unauthenticated(why: str) -> Unwelcome:
    """Return the refusal of a token."""
    return Unwelcome(GRPC[Category.UNAUTHENTICATED], why)


def denied(why: str) -> Unwelcome:
    """Return the refusal of a right."""
    return Unwelcome(GRPC[Category.PERMISSION_DENIED], why)
