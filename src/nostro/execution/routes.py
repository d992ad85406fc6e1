"""Over which rails may a movement go, and which of them comes next?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.execution.commands import Direction, NewInstruction, Purpose

Way = tuple[str, str]
"""A rail and the region in which it is reached."""

LIQUIDITY = "liquidity"
CLOSED = "closed"
LIMIT = "limit"
COUNTERPARTY_UNAVAILABLE = "counterparty_unavailable"
COUNTERPARTY_FAILED = "counterparty_failed"
RAIL_DOWN = "rail_down"
ABSENT = "absent"

BARRING = frozenset({CLOSED, LIMIT, COUNTERPARTY_UNAVAILABLE})
"""A rail that refuses with one of these refuses in each of its regions, and would do so again."""
BLAMING = frozenset({LIQUIDITY, COUNTERPARTY_UNAVAILABLE, COUNTERPARTY_FAILED})
"""Refusals for which the participant answers, not the rail."""
SAME_WAY_MAX = 2
"""Attempts in a row over one way when its refusals do not tell whose fault it is."""

INSTANT_MAX_MINOR = 1_000_000
"""Gross payments up to this go over the instant rail: 10,000.00 in most currencies, well below the
100,000.00 at which such schemes stood for years (SCT Inst until 2025)."""


class Tried(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An attempt that certainly moved nothing, and why."""

    rail: str
    region: str
    code: str


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ways` in order of preference, for the movements that fit; empty fits all.
    `amount_max_minor` None: any amount."""

    ways: tuple[Way, ...]
    currencies: tuple[str, ...] = ()
    directions: tuple[Direction, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    amount_max_minor: int | None = None

    def fits(self, instruction: NewInstruction) -> bool:
        """Tell whether the rule is for this movement."""
        if self.currencies and instruction.currency not in self.currencies:
            return False
        if self.directions and instruction.direction not in self.directions:
            return False
        if self.purposes and instruction.purpose not in self.purposes:
            return False
        return self.amount_max_minor is None or instruction.amount_minor <= self.amount_max_minor


class Routes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first rule that fits decides; `otherwise` for all that no rule fits. Plain data, so that
    settings can hold it. Rails are named as the performer's: no colon (they stand in account ids).
    """

    otherwise: tuple[Way, ...]
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        for ways in (self.otherwise, *(rule.ways for rule in self.rules)):
            if not ways or len(set(ways)) < len(ways):
                raise ValueError(f"ways must be there, and each once: {ways}")
            for rail, region in ways:
                if not rail or not region or ":" in rail:
                    raise ValueError(f"not a rail and region: {rail!r}, {region!r}")

    def ways(self, instruction: NewInstruction) -> tuple[Way, ...]:
        """Return all ways of a movement, the preferred one first."""
        for rule in self.rules:
            if rule.fits(instruction):
                return rule.ways
        return self.otherwise

    def known(self, way: Way) -> bool:
        """Tell whether anything may ever go this way."""
        return way in self.otherwise or any(way in rule.ways for rule in self.rules)


def standard_routes() -> Routes:
    """Return the routes of the simulated world: RTGS at either site, the correspondent bank as the
    alternate, and instant for small gross payments."""
    rtgs = (("rtgs", "east"), ("rtgs", "west"))
    other = (("correspondent", "east"),)
    small = Rule(
        ways=(("instant", "east"), *rtgs, *other),
        directions=(Direction.OUT,),
        purposes=(Purpose.GROSS,),
        amount_max_minor=INSTANT_MAX_MINOR,
    )
    return Routes(otherwise=(*rtgs, *other), rules=(small,))


def ways_left(ways: Sequence[Way], tried: Sequence[Tried]) -> list[Way]:
    """Return the ways on which the next attempt may go, the one to prefer first; none when every
    rail has refused for good. Only definite refusals are in `tried`: so changing the rail can never
    make two movements."""
    if not tried:
        return list(ways)
    barred = {each.rail for each in tried if each.code in BARRING}
    start = _start(ways, tried)
    turned = [*ways[start:], *ways[:start]]
    return [way for way in turned if way[0] not in barred]


def _start(ways: Sequence[Way], tried: Sequence[Tried]) -> int:
    last = tried[-1]
    way = (last.rail, last.region)
    if way not in ways:  # the routes were configured anew meanwhile
        return 0
    place = ways.index(way)
    if last.code == LIQUIDITY:
        return place
    if last.code != RAIL_DOWN and last.code not in BARRING:
        latest = [(each.rail, each.region) for each in tried[-SAME_WAY_MAX:]]
        if latest.count(way) < SAME_WAY_MAX:
            return place
    return (place + 1) % len(ways)
