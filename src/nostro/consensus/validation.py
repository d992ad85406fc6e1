"""Is a body right, by rules that every member applies alike?

Pure: the same verdict everywhere and for ever, whatever the clock says and whoever asks. Business
consent is an instruction inside the batch, never a private reason to vote no.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from nostro.consensus.body import (
    BATCH_FORMAT,
    CONFIG_FORMAT,
    BatchBody,
    ConfigBody,
    Item,
    Rate,
    totals_of,
)
from nostro.consensus.committee import (
    Committee,
    CommitteeError,
    Verifier,
    check_committee,
    committee_of,
)
from nostro.consensus.encoding import sha256
from nostro.kernel.codec import encode

RULESET_VERSION = 1
"""Rises when a verdict could change. It is part of every state root, so members with different
rules never certify together by accident: they halt or reject."""

ITEMS_MAX = 1_000
TEXT_MAX = 256
NUMBER_MAX = 2**63 - 1
"""Of times and epochs, which entries carry in 8 bytes."""
AMOUNT_MAX = 10**38 - 1
RATE_MAX = 10**100
"""No honest fraction is as long; longer ones would only cost time."""
PIVOT_CURRENCY = "USD"
"""A pair without a rate of its own, or an inverse one, goes through this currency."""
MEMO_MAX = 512
"""Verdicts that are kept for the other members of this process."""

_batches = msgspec.json.Decoder(BatchBody)
_configs = msgspec.json.Decoder(ConfigBody)
T = TypeVar("T")


class CheckedBody(msgspec.Struct, frozen=True):
    """A body with its verdict. `fault`: why it is refused for ever, "" when it is right; then the
    other fields say what it holds. `committee`: of a change of members (activation height 0)."""

    body: str
    batch_hash: bytes
    fault: str = ""
    batch_id: str = ""
    at_us: int = 0
    transaction_ids: tuple[str, ...] = ()
    committee: Committee | None = None


class RulesetUnknown(Exception):
    """The committee's rules are not the ones of this program: it must not vote."""


class _Fault(Exception):
    """Carries the reason code out of the checks."""


class Rules:
    """Checks bodies; members of one process may share one, for what one found holds for all."""

    def __init__(self, verify: Verifier, *, version: int = RULESET_VERSION) -> None:
        self.verify = verify
        self.version = version
        self._memo: OrderedDict[str, CheckedBody] = OrderedDict()

    def check(self, body: str) -> CheckedBody:
        """Return the verdict on a body. Never raises."""
        known = self._memo.get(body)
        if known is None:
            known = self._memo[body] = self._checked(body)
            if len(self._memo) > MEMO_MAX:
                self._memo.popitem(last=False)
        return known

    def require(self, version: int) -> None:
        """Raise RulesetUnknown unless these are the rules that the committee has agreed on."""
        if version != self.version:
            raise RulesetUnknown(f"ruleset {version} is wanted, this is {self.version}")

    def _checked(self, body: str) -> CheckedBody:
        raw = body.encode("utf-8", "surrogatepass")
        batch_hash = sha256(raw)
        try:
            if body.startswith(f'["{CONFIG_FORMAT}",'):
                return self._config(body, raw, batch_hash)
            return _batch(body, raw, batch_hash)
        except _Fault as fault:
            return CheckedBody(body, batch_hash, str(fault))

    def _config(self, body: str, raw: bytes, batch_hash: bytes) -> CheckedBody:
        told: ConfigBody = _decoded(raw, _configs)
        if not all(
            0 <= number <= NUMBER_MAX for number in (told.at_us, told.epoch, told.ruleset_version)
        ):
            raise _Fault("malformed")
        try:
            committee = committee_of(
                chain_id=told.chain_id,
                epoch=told.epoch,
                members=told.members,
                ruleset_version=told.ruleset_version,
                activation_height=0,
            )
            check_committee(committee, self.verify)
        except CommitteeError:
            raise _Fault("members") from None
        return CheckedBody(
            body, batch_hash, "", f"config.{told.epoch}", told.at_us, committee=committee
        )


def _decoded(raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return what a body says; its bytes must be the only ones that say it."""
    try:
        told = decoder.decode(raw)
    except msgspec.MsgspecError:
        raise _Fault("malformed") from None
    if encode(told) != raw:
        raise _Fault("not_canonical")
    return told


def _batch(body: str, raw: bytes, batch_hash: bytes) -> CheckedBody:
    told: BatchBody = _decoded(raw, _batches)
    if told.format != BATCH_FORMAT or not 0 <= told.at_us <= NUMBER_MAX:
        raise _Fault("malformed")
    if not 1 <= told.number <= told.of or told.batch_id != f"{told.cycle_id}.{told.number}":
        raise _Fault("batch_id")
    if not 1 <= len(told.items) <= ITEMS_MAX:
        raise _Fault("items")
    ids = tuple([item[0] for item in told.items])
    if len(set(ids)) != len(ids):
        raise _Fault("transaction_twice")
    _check_items(told.items, _Rates(told.rates))
    if told.totals != totals_of(told.items):
        raise _Fault("totals")
    return CheckedBody(body, batch_hash, "", told.batch_id, told.at_us, ids)


def _check_items(items: Sequence[Item], rates: _Rates) -> None:
    """Raise unless names are there, amounts positive, and arrivals what the rates make of them."""
    fractions: dict[tuple[str, str], tuple[int, int]] = {}
    for transaction_id, payer, source, amount, payee, destination, received in items:
        if not 0 < amount <= AMOUNT_MAX:
            raise _Fault("amount")
        if not transaction_id or not payer or not payee or not source or not destination:
            raise _Fault("malformed")
        if len(transaction_id) > TEXT_MAX:
            raise _Fault("malformed")
        if source == destination:
            if received != amount:
                raise _Fault("destination_amount")
            continue
        pair = (source, destination)
        fraction = fractions.get(pair)
        if fraction is None:
            fraction = fractions[pair] = rates.fraction(*pair)
        if received != amount * fraction[0] // fraction[1]:
            raise _Fault("destination_amount")


class _Rates:
    """The rates of a body, and those that follow from them."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._listed = {(base, quote): (above, below) for base, quote, above, below in rates}
        if len(self._listed) != len(rates) or list(rates) != sorted(rates):
            raise _Fault("rates")
        for base, quote, above, below in rates:
            if not base or not quote or not (0 < above <= RATE_MAX and 0 < below <= RATE_MAX):
                raise _Fault("rates")

    def fraction(self, base: str, quote: str) -> tuple[int, int]:
        """Return the rate of a pair: listed, else the inverse of the opposite one, else through
        PIVOT_CURRENCY."""
        direct = self._direct(base, quote)
        if direct is not None:
            return direct
        first, second = self._direct(base, PIVOT_CURRENCY), self._direct(PIVOT_CURRENCY, quote)
        if first is None or second is None:
            raise _Fault("rate_missing")
        return first[0] * second[0], first[1] * second[1]

    def _direct(self, base: str, quote: str) -> tuple[int, int] | None:
        listed = self._listed.get((base, quote))
        if listed is not None:
            return listed
        inverse = self._listed.get((quote, base))
        return (inverse[1], inverse[0]) if inverse is not None else None
