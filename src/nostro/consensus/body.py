"""What exactly do the members certify when they certify a batch, or new members?

A body is JSON without spaces, of arrays, texts and integers only, in a fixed order: one content
has one text. Its SHA-256 is the batch hash.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.consensus.committee import Committee
from nostro.kernel.codec import encode

Item = tuple[str, str, str, int, str, str, int]
"""Transaction id, payer, source currency, amount, payee, destination currency, amount there; in
minor units."""
Rate = tuple[str, str, int, int]
"""One minor unit of base is numerator / denominator minor units of quote."""

BATCH_FORMAT = "nostro/batch/v1"
CONFIG_FORMAT = "nostro/config/v1"


class BatchBody(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The body of a batch of payments. `totals`: (currency, paid in, paid out), sorted."""

    format: str
    cycle_id: str
    batch_id: str
    number: int
    of: int
    value_date: str
    rate_set_id: str
    rates: list[Rate]
    totals: list[tuple[str, int, int]]
    at_us: int
    items: list[Item]


class ConfigBody(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The body that names the members of the next epoch: (member id, key hex, proof hex)."""

    format: str
    chain_id: str
    epoch: int
    ruleset_version: int
    members: list[tuple[str, str, str]]
    at_us: int


def batch_body(
    *,
    cycle_id: str,
    batch_id: str,
    number: int,
    of: int,
    value_date: str,
    rate_set_id: str,
    rates: Sequence[Rate],
    items: Sequence[Item],
    at_us: int,
) -> str:
    """Return the canonical body of a batch of payments, which is `number` of `of` in its cycle.

    `at_us` becomes the batch time of its entry. Of rates of one pair, the first counts.
    """
    return encode(
        (
            BATCH_FORMAT,
            cycle_id,
            batch_id,
            number,
            of,
            value_date,
            rate_set_id,
            _listed(rates),
            totals_of(items),
            at_us,
            items,
        )
    ).decode()


def _listed(rates: Sequence[Rate]) -> list[Rate]:
    """Return the rates sorted, the first of each pair."""
    first: dict[tuple[str, str], Rate] = {}
    for base, quote, numerator, denominator in rates:
        first.setdefault((base, quote), (base, quote, numerator, denominator))
    return sorted(first.values())


def totals_of(items: Sequence[Item]) -> list[tuple[str, int, int]]:
    """Return (currency, paid in, paid out), sorted; where the two differ, FX squares them."""
    paid_in: dict[str, int] = {}
    paid_out: dict[str, int] = {}
    for _, _, source, amount, _, destination, received in items:
        paid_in[source] = paid_in.get(source, 0) + amount
        paid_out[destination] = paid_out.get(destination, 0) + received
    return [
        (currency, paid_in.get(currency, 0), paid_out.get(currency, 0))
        for currency in sorted(paid_in.keys() | paid_out.keys())
    ]


def config_body(committee: Committee, *, at_us: int) -> str:
    """Return the canonical body that makes these the members of the next epoch.

    Its activation height follows from where it is certified (`ACTIVATION_DISTANCE`).
    """
    members = [
        (seat.member_id, seat.public_key.hex(), seat.proof.hex()) for seat in committee.seats
    ]
    return encode(
        (
            CONFIG_FORMAT,
            committee.chain_id,
            committee.epoch,
            committee.ruleset_version,
            members,
            at_us,
        )
    ).decode()
