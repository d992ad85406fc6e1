"""How is a payment written, and what is wrong with one that cannot be taken?

`PaymentBody` is what the documentation tells: every word is checked, and every fault is named.
`PaymentLine` has the same fields, for payments that come by the thousand: only types are checked
here, spelling is the first thing that the payments room looks at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from nostro.api.amounts import Amount, minor_units
from nostro.api.desk import Desk
from nostro.api.problem_table import row_for
from nostro.api.problems import Invalid, ProblemRaised, detail_of
from nostro.api.shapes import Shape
from nostro.api.times import rfc3339
from nostro.api.words import (
    AssetCode,
    BodyKey,
    Day,
    EndToEndId,
    ParticipantId,
    PartyAccount,
    PartyName,
    PaymentAccount,
    PaymentId,
    Priority,
    Purpose,
    Remittance,
    SettlementAccount,
    Uetr,
)
from nostro.kernel.asset import SEED, Asset
from nostro.kernel.messages import Rejection
from nostro.payments import NewPayment, Window

INVALID = "payments.invalid"
NOT_POSITIVE = "payments.amount_not_positive"
BAD_IBAN = "payments.bad_iban"
DETAILS = (
    "remittance",
    "end_to_end_id",
    "uetr",
    "debtor_name",
    "debtor_account",
    "creditor_name",
    "purpose",
)
"""Fields that are carried along, never interpreted; names are screened."""
_LIKE_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z", re.ASCII).match
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class PaymentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment to accept. `counterparty_id` is the participant that credits `destination_account`.

    It settles with the cut-off of its `settlement_window`: at once and alone (rtgs), or netted with
    the others of the day (t+0) or of one or two business days from now; not before `value_date`.
    Without `idempotency_key` or the header, the transaction_id is the key.
    """

    transaction_id: PaymentId
    amount: Amount
    source_currency: AssetCode
    destination_currency: AssetCode
    source_account: SettlementAccount
    destination_account: PaymentAccount
    counterparty_id: ParticipantId
    idempotency_key: BodyKey | None = None
    settlement_window: Window = Window.T0
    priority: Priority = 5
    value_date: Day = ""
    remittance: Remittance = ""
    end_to_end_id: EndToEndId = ""
    uetr: Uetr = ""
    debtor_name: PartyName = ""
    debtor_account: PartyAccount = ""
    creditor_name: PartyName = ""
    purpose: Purpose = ""


class PaymentLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A payment of many: as PaymentBody, its words unchecked."""

    transaction_id: str
    amount: msgspec.Raw
    source_currency: str
    destination_currency: str
    source_account: str
    destination_account: str
    counterparty_id: str
    idempotency_key: str | None = None
    settlement_window: Window = Window.T0
    priority: int = 5
    value_date: str = ""
    remittance: str = ""
    end_to_end_id: str = ""
    uetr: str = ""
    debtor_name: str = ""
    debtor_account: str = ""
    creditor_name: str = ""
    purpose: str = ""


def invalid(errors: Sequence[Invalid]) -> ProblemRaised:
    """Return the problem of a payment with these errors, told with status 400."""
    problem = ProblemRaised.invalid(errors)
    problem.code = INVALID
    return problem


class PaymentShape(Shape):
    """Reads one payment; what is wrong with its amount is named together with the rest."""

    def read(self, body: bytes) -> PaymentBody:
        """Return the payment; raises ProblemRaised `payments.invalid`."""
        try:
            read: PaymentBody = super().read(body)
        except ProblemRaised as no:
            if not no.errors:
                raise
            raise invalid([*no.errors, *_amount_too(body, no.errors)]) from None
        return read


def _amount_too(body: bytes, errors: Sequence[Invalid]) -> Iterator[Invalid]:
    """Yield what is wrong with the amount of a body that is wrong elsewhere."""
    members = _members.decode(body) if body.lstrip()[:1] == b"{" else {}
    code = bytes(members.get("source_currency", msgspec.Raw())).decode("utf-8", "replace")
    asset = SEED.get(code.strip('"'))
    named = {error.pointer for error in errors}
    if asset is None or "amount" not in members or "/amount" in named:
        return
    try:
        _minor(members["amount"], asset)
    except Rejection as no:
        yield as_error(no)


def new_payment(desk: Desk, said: PaymentBody | PaymentLine, key: str) -> NewPayment:
    """Return the payment that was said, to be submitted under a key of its own ("": none).

    Raises Rejection for the first thing that is wrong; its facts name the place (`at`). The desk
    must know both currencies, or nobody does.
    """
    source = desk.known(said.source_currency)
    if source is None:
        raise Rejection("asset.unknown", at="source_currency", asset=said.source_currency)
    if desk.known(said.destination_currency) is None:
        raise Rejection("asset.unknown", at="destination_currency", asset=said.destination_currency)
    platform = desk.platform
    account = said.destination_account
    if _LIKE_IBAN(account):
        why = platform.identifiers.iban(account)
        if why:
            raise Rejection(BAD_IBAN, at="destination_account", account=account, why=why)
    hits: list[str] | None = None
    if platform.screening is not None and (said.debtor_name or said.creditor_name):
        names = [name for name in (said.debtor_name, said.creditor_name) if name]
        hits = platform.screening.hits(names) or None
    return NewPayment(
        transaction_id=said.transaction_id,
        amount_minor=_minor(said.amount, source),
        source_currency=said.source_currency,
        destination_currency=said.destination_currency,
        source_account=said.source_account,
        destination_account=account,
        counterparty_id=said.counterparty_id,
        window=said.settlement_window,
        priority=said.priority,
        value_date=said.value_date,
        idempotency_key=key,
        details=_details(said),
        hits=hits,
    )


def _minor(amount: msgspec.Raw, asset: Asset) -> int:
    minor = minor_units(amount, asset)
    if minor <= 0:
        raise Rejection(NOT_POSITIVE, at="amount")
    return minor


def _details(said: PaymentBody | PaymentLine) -> dict[str, str] | None:
    """Return the text that is carried along; written out, for this is asked of every payment."""
    details: dict[str, str] = {}
    if said.remittance:
        details["remittance"] = said.remittance
    if said.end_to_end_id:
        details["end_to_end_id"] = said.end_to_end_id
    if said.uetr:
        details["uetr"] = said.uetr
    if said.debtor_name:
        details["debtor_name"] = said.debtor_name
    if said.debtor_account:
        details["debtor_account"] = said.debtor_account
    if said.creditor_name:
        details["creditor_name"] = said.creditor_name
    if said.purpose:
        details["purpose"] = said.purpose
    return details or None


def faults(desk: Desk, said: PaymentBody) -> list[Invalid]:
    """Return everything that is wrong with a well-spelled payment."""
    found: list[Rejection] = []
    for at in ("source_currency", "destination_currency"):
        code = getattr(said, at)
        if desk.known(code) is None:
            found.append(Rejection("asset.unknown", at=at, asset=code))
    source = desk.known(said.source_currency)
    if source is not None:
        try:
            _minor(said.amount, source)
        except Rejection as no:
            found.append(no)
    account = said.destination_account
    why = desk.platform.identifiers.iban(account) if _LIKE_IBAN(account) else ""
    if why:
        found.append(Rejection(BAD_IBAN, at="destination_account", account=account, why=why))
    return [as_error(no) for no in found]


def facts_told(desk: Desk, facts: Mapping[str, Any], asset: str) -> dict[str, Any]:
    """Return facts with amounts as decimal strings and times in RFC 3339."""
    return {
        name.removesuffix("_us") if name.endswith("_at_us") else name: (
            rfc3339(fact) if name.endswith("_at_us") else fact
        )
        for name, fact in desk.told(facts, asset).items()
    }


def as_error(no: Rejection) -> Invalid:
    """Return a refusal of the door as an error of the body."""
    facts = dict(no.facts)
    at = facts.pop("at", "amount")
    return Invalid(f"/{at}", no.code, detail_of(row_for(no.code).title, facts))
