"""Which words does a settlement use: where it stands, which side, which cycle, which deed?

A *settlement* is one delivery against one payment. Settlements that are linked form a *bundle* and
settle all or none; one that is not is a bundle of its own. A *round* is one attempt to settle a
bundle, whole or in part, with a decision of its own; a *deed* is what a round asks of one domain.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where a settlement stands.

    PENDING: to be matched, on hold, or waiting for its day or its next round. INITIATED: a round
    has begun. EXECUTING: decided to be done, from here on only forward. CONFIRMED: every domain has
    executed. PARTIALLY_SETTLED: a part is delivered and paid, the rest is open and waits as in
    PENDING. FAILED also when cancelled.
    """

    PENDING = "PENDING"
    INITIATED = "INITIATED"
    SELLER_SECURITIES_LOCKED = "SELLER_SECURITIES_LOCKED"
    BUYER_CASH_LOCKED = "BUYER_CASH_LOCKED"
    EXECUTING = "EXECUTING"
    CONFIRMED = "CONFIRMED"
    SETTLED = "SETTLED"
    PARTIALLY_SETTLED = "PARTIALLY_SETTLED"
    FAILED = "FAILED"


class Party(StrEnum):
    """Which of the two: who delivers the security, or who pays for it."""

    SELLER = "seller"
    BUYER = "buyer"

    @property
    def other(self) -> Party:
        """Return the one it settles with."""
        return Party.BUYER if self is Party.SELLER else Party.SELLER


class Cycle(StrEnum):
    """How long after the trade: at once, or so many days on which both sides are open."""

    INSTANT = "instant"
    T1 = "t1"
    T2 = "t2"


class Partial(StrEnum):
    """Whether a party takes less than the whole, by the codes of ISO 20022: no; yes; yes, from a
    cash amount on; yes, from a quantity on (both in `partial_min_minor`)."""

    NPAR = "NPAR"
    PART = "PART"
    PARC = "PARC"
    PARQ = "PARQ"


class Deed(StrEnum):
    """What a round asks of a domain: to earmark; to execute what is earmarked; to release it, and
    never to earmark it again; or, where everything lies on the coordinator's own ledger, to post
    it all at once."""

    HOLD = "hold"
    EXECUTE = "execute"
    RELEASE = "release"
    POST = "post"


class Outcome(StrEnum):
    """What a domain says of a deed. REFUSED a hold or a post: nothing is earmarked or moved, the
    same may be asked again. REFUSED an execution or a release: what cannot be, people must look;
    it is asked again for ever."""

    HELD = "held"
    EXECUTED = "executed"
    RELEASED = "released"
    REFUSED = "refused"


class DomainState(StrEnum):
    """Whether a domain takes part. QUARANTINED: what it says of itself contradicts what it said
    before (restored from an old backup); nothing goes there until it is reconciled."""

    OPEN = "open"
    CLOSED = "closed"
    QUARANTINED = "quarantined"


class Reason(StrEnum):
    """Why a round or a settlement did not go on."""

    LACK_OF_SECURITIES = "lack_of_securities"
    LACK_OF_CASH = "lack_of_cash"
    ACCOUNT_BLOCKED = "account_blocked"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    DOMAIN_UNAVAILABLE = "domain_unavailable"
    CANCELLED = "cancelled"
    HELD_BACK = "held_back"


LACKING = (Reason.LACK_OF_SECURITIES, Reason.LACK_OF_CASH)
"""Reasons of which a domain may say how much there is."""


class PenaltyKind(StrEnum):
    """Settlement fail penalty (not settled on its day), or late matching fail penalty (matched
    only after it)."""

    SEFP = "SEFP"
    LMFP = "LMFP"


class Instrument(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How an asset settles: at which domain unless an instruction says otherwise, in multiples of
    `lot_minor`, on the days of which calendar ("": every day), with penalties of which class."""

    code: str
    domain: str
    lot_minor: int = 1
    calendar: str = ""
    penalty_class: str = "other"


class Tranche(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How much of a settlement a round settles. The cash of all tranches together is that of the
    whole: the last one takes what rounding left."""

    settlement: int
    quantity_minor: int
    amount_minor: int


SETTLEMENTS_MAX = 1_000
"""Settlements of one command."""
BUNDLE_MAX = 100
"""Settlements that settle together."""
AMOUNT_MINOR_MAX = 10**38 - 1


def settlement_id(number: int) -> str:
    """Return the name by which the outside knows a settlement."""
    return f"S{number}"


def round_id(coordinator: str, bundle: int, number: int) -> str:
    """Return the name by which every domain knows a round; never used for another."""
    return f"{coordinator}.S{bundle}.{number}"


def round_of(id: str) -> tuple[str, int, int]:
    """Return the coordinator, the bundle and the number of a round; raises ValueError for a name
    that `round_id` never gave."""
    coordinator, bundle, number = id.rsplit(".", 2)
    if not coordinator or not bundle.startswith("S"):
        raise ValueError(f"{id!r} names no round")
    return coordinator, int(bundle[1:]), int(number)
