"""How does a bank send payments by the thousand, each with its own result?

Two ways at one address: one JSON object with up to 10,000 payments, one command; or a stream of
JSON lines (`application/x-ndjson`) without an end to its length, of which each chunk is a command,
answered line by line while the rest still comes. The payments are decoded once, and a broken one
does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from nostro.api.desk import Desk
from nostro.api.http import payment_examples as examples
from nostro.api.http.payment_bodies import (
    INVALID,
    PaymentBody,
    PaymentLine,
    facts_told,
    invalid,
    new_payment,
)
from nostro.api.http.payments import ACTOR, DUPLICATE, ROOT
from nostro.api.operations import Call, KeyRule, Operation, Result, answered, refused
from nostro.api.problem_table import row_for
from nostro.api.problems import ProblemRaised, Spoken, detail_of
from nostro.api.shapes import Shape
from nostro.api.times import rfc3339
from nostro.kernel.messages import Rejection
from nostro.kernel.reply import Receipt
from nostro.payments import PAYMENTS_MAX, NewPayment, SubmitPayments

PATH = f"{ROOT}/bulk"
HELD = "payments.held_for_review"

_decode_line = msgspec.json.Decoder(PaymentLine).decode
_decode_lines = msgspec.json.Decoder(PaymentLine).decode_lines


_AnyPayment = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        title="Payment of many",
        extra_json_schema={
            "anyOf": [
                {"$ref": f"#/components/schemas/{PaymentBody.__name__}"},
                {"description": "Whatever else stands here is refused in a result of its own."},
            ]
        },
    ),
]


class PaymentsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payments to accept, each with its own result; a broken one does not stop the others."""

    transactions: Annotated[list[_AnyPayment], msgspec.Meta(min_length=1, max_length=PAYMENTS_MAX)]


class PaymentResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one payment of many: `index` is its place, from 0. `code`, `detail` and
    `facts` tell why it was not plainly accepted. `height` stands on the lines of a stream."""

    index: int
    transaction_id: str = ""
    result: Literal["accepted", "held", "duplicate", "refused"] | msgspec.UnsetType = msgspec.UNSET
    code: str = ""
    detail: str = ""
    facts: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    height: int = 0


class PaymentsTold(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each payment, in the order in which they were sent. `accepted` counts those
    accepted now, those held for review among them. `recorded_at` is null when there was nothing to
    record: all were refused at the door."""

    accepted: int
    held: int
    duplicates: int
    refused: int
    height: int
    recorded_at: str | None
    results: list[PaymentResult]


class _Many(msgspec.Struct, forbid_unknown_fields=True):
    """A body in one go: when all of it is of the right types."""

    transactions: list[PaymentLine]


class _ManyRaw(msgspec.Struct, forbid_unknown_fields=True):
    """The same when some payment is not: each is then read alone."""

    transactions: list[msgspec.Raw]


class Broken(NamedTuple):
    """A payment that cannot be read: its id as far as it can be, and why."""

    transaction_id: str
    why: str


Said = PaymentLine | Broken


class PaymentsShape(Shape):
    """Reads a body of many; raises ProblemRaised `payments.invalid` when it is not one at all."""

    def __init__(self) -> None:
        super().__init__(_ManyRaw)
        self._whole = msgspec.json.Decoder(_Many).decode

    def read(self, body: bytes) -> Sequence[Said]:
        """Return the payments, broken ones among them."""
        try:
            return self._whole(body).transactions
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        try:
            raw: _ManyRaw = super().read(body)
        except ProblemRaised as no:
            raise invalid(no.errors) if no.errors else no from None
        return [read_line(each) for each in raw.transactions]


def read_line(line: msgspec.Raw | bytes) -> Said:
    """Return one payment, or why it is none."""
    try:
        return _decode_line(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Broken(_id_in(line), str(error))


def read_lines(lines: Sequence[bytes]) -> Sequence[Said]:
    """Return the payments of JSON lines, none of which is empty."""
    try:
        return _decode_lines(b"\n".join(lines))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [read_line(line) for line in lines]


class _Named(msgspec.Struct):
    transaction_id: str = ""


_decode_id = msgspec.json.Decoder(_Named).decode


def _id_in(line: msgspec.Raw | bytes) -> str:
    try:
        return _decode_id(line).transaction_id[:64]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


class Draft(NamedTuple):
    """Payments that the door lets pass, the place of each among all that were said, and what it
    says of the others by their place."""

    payments: list[NewPayment]
    places: list[int]
    refusals: dict[int, PaymentResult]


async def draft(desk: Desk, said: Sequence[Said]) -> Draft:
    """Sort out what can be submitted."""
    await desk.ask_for(_currencies(said))
    payments: list[NewPayment] = []
    places: list[int] = []
    refusals: dict[int, PaymentResult] = {}
    for index, each in enumerate(said):
        try:
            if type(each) is Broken:
                raise Rejection(INVALID, why=each.why)
            assert type(each) is PaymentLine
            payments.append(new_payment(desk, each, each.idempotency_key or ""))
        except Rejection as no:
            facts = {name: fact for name, fact in no.facts.items() if name != "at"}
            refusals[index] = _refusal(index, each.transaction_id, no.code, facts)
        else:
            places.append(index)
    return Draft(payments, places, refusals)


def _currencies(said: Iterable[Said]) -> set[str]:
    codes: set[str] = set()
    for each in said:
        if type(each) is PaymentLine:
            codes.add(each.source_currency)
            codes.add(each.destination_currency)
    return codes


def _refusal(index: int, id: str, code: str, facts: Mapping[str, Any]) -> PaymentResult:
    result: Literal["held", "duplicate", "refused"] = "refused"
    if code == HELD:
        result = "held"
    elif code == DUPLICATE:
        result = "duplicate"
    return PaymentResult(
        index=index,
        transaction_id=id,
        result=result,
        code=code,
        detail=detail_of(row_for(code).title, facts),
        facts=dict(facts),
    )


def results_of(
    desk: Desk, drafted: Draft, receipt: Receipt | None, *, count: int, first: int = 0
) -> Iterator[PaymentResult]:
    """Yield what became of each of `count` payments; `first` is the index of the first one."""
    said = {} if receipt is None else _said(receipt, drafted.payments)
    refusals, payments = drafted.refusals, drafted.payments
    at = 0
    for place in range(count):
        no = refusals.get(place)
        if no is not None:
            yield no if not first else msgspec.structs.replace(no, index=first + place)
            continue
        payment = payments[at]
        told = said.get(at)
        at += 1
        if told is None:
            yield PaymentResult(
                index=first + place, transaction_id=payment.transaction_id, result="accepted"
            )
        else:
            facts = facts_told(desk, told[1], payment.source_currency)
            yield _refusal(first + place, payment.transaction_id, told[0], facts)


def _said(
    receipt: Receipt, payments: Sequence[NewPayment]
) -> dict[int, tuple[str, Mapping[str, Any]]]:
    """Return what the reply says of payments that are not plainly accepted, by their place in the
    command; one that is refused alone refuses the command."""
    reply = receipt.reply
    if reply.code:
        if len(payments) > 1:
            raise refused(receipt, reply.facts)
        return {0: (reply.code, reply.facts)}
    return {index: (code, facts) for index, code, facts in reply.body["results"]}


async def submit_payments(call: Call, said: Sequence[Said]) -> Spoken:
    """Accept many payments as one command, durable as one."""
    desk = call.desk
    if not 0 < len(said) <= PAYMENTS_MAX:
        facts = {"count": len(said), "count_max": PAYMENTS_MAX}
        raise ProblemRaised("payments.too_many" if said else "payments.none", facts=facts)
    key, by = call.key() or f"payments:{token_hex(16)}", call.actor(ACTOR)
    drafted = await draft(desk, said)
    receipt = None
    if drafted.payments:
        command = SubmitPayments(payments=drafted.payments)
        receipt = await desk.submit(key=key, command=command, actor=by)
    results = list(results_of(desk, drafted, receipt, count=len(said)))
    counts = {"accepted": 0, "held": 0, "duplicate": 0, "refused": 0}
    for each in results:
        counts[each.result] += 1  # type: ignore[index]
    told = PaymentsTold(
        accepted=counts["accepted"] + counts["held"],
        held=counts["held"],
        duplicates=counts["duplicate"],
        refused=counts["refused"],
        height=desk.platform.engine.height if receipt is None else receipt.height,
        recorded_at=rfc3339(receipt.at_us) if receipt else None,
        results=results,
    )
    return answered(told, receipt=receipt)


class BulkOperation(Operation):
    """The submission of many payments."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", PaymentsShape())


OPERATIONS = (
    BulkOperation(
        name="submitPayments",
        method="POST",
        path=PATH,
        tag="payments",
        summary=f"Send up to {PAYMENTS_MAX:,} payments, or a stream of them",
        description="In the order given, each with its own result; a broken one does not stop the "
        "others. One command: what is accepted is durable together. Sent again without a key, "
        "what was accepted is told as a duplicate.\n\nWith `Content-Type: application/x-ndjson` "
        "each line of the body is a payment, and there is no bound on their number: each chunk is "
        "committed as it comes, and each line is answered with a line, in order, with its "
        "`height`. Read the answer while you send. A stream has no key of its own.",
        handler=submit_payments,
        body=PaymentsBody,
        body_example={"transactions": [examples.PAYMENT]},
        key=KeyRule.OPTIONAL,
        actor=ACTOR,
        problems=(
            "payments.invalid",
            "payments.too_many",
            "payments.none",
            "payments.key_on_stream",
            "engine.key_reused",
        ),
        results={
            200: Result(
                description="What became of each.", shape=PaymentsTold, example=examples.BULK_TOLD
            )
        },
    ),
)
