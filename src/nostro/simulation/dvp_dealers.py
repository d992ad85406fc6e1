"""What do those who settle do all day: instruct, match, hold back, take back, try again?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from random import Random
from typing import Any

import msgspec

from nostro.custody import IssueAsset
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt
from nostro.settlement import (
    CancelSettlement,
    Cycle,
    DomainState,
    HoldSettlement,
    InstructSettlements,
    InstructSide,
    Instrument,
    NewSettlement,
    NewSide,
    Partial,
    Party,
    PlainDays,
    ReleaseSettlement,
    RetrySettlement,
    SetDomainState,
    SetInstrument,
    SetPenaltyRate,
)
from nostro.simulation.clients import Client
from nostro.simulation.loop import START_US, SeededLoop
from nostro.simulation.network import Network

FIRST_DAY = date(2025, 6, 15).toordinal()
DAY_S = 16
"""A settlement day, in virtual seconds."""
SHUT_EVERY = 5
"""Of so many days one is none on which euros settle."""
DAYS = PlainDays(
    {"EUR": frozenset(FIRST_DAY + day for day in range(400) if day % SHUT_EVERY != 3)},
    day_us=DAY_S * 1_000_000,
    first_day=FIRST_DAY,
    first_us=START_US,
)
PARTIES = ("ann", "ben", "cem", "dora")
SEC, BANK, MAIN, CANTON = "sec", "bank", "main", "canton"
LOTS = {"BOND": 10, "SHARE": 1}
PLACES: Mapping[str, Sequence[str]] = {
    "BOND": (SEC, SEC, MAIN),
    "SHARE": (SEC, SEC, MAIN, CANTON),
    "EUR": (BANK, BANK, MAIN, SEC, CANTON),
    "USD": (BANK, BANK, MAIN),
}
"""Where each asset may settle; where it does unless someone says otherwise stands first."""
SCALES = {"BOND": 0, "SHARE": 0, "EUR": 2, "USD": 2}
FUNDS = {"BOND": 400, "SHARE": 90, "EUR": 60_000, "USD": 45_000}
QUANTITY_MAX = {"BOND": 9, "SHARE": 40}
"""In lots."""
PRICES = {"BOND": 97, "SHARE": 310}
CLASSES = {"BOND": "sovereign_debt", "SHARE": "liquid_shares"}
KNOWN_MAX = 40
"""Settlements that a dealer still thinks of."""
_PARTIALS = (Partial.NPAR, Partial.PART, Partial.PART, Partial.PARQ, Partial.PARC)
_CYCLES = (*(Cycle.INSTANT,) * 7, Cycle.T1, Cycle.T2)


class Street(msgspec.Struct):
    """What dealers know of each other's business."""

    loop: SeededLoop
    ledgers: frozenset[str]
    """Where one can settle."""
    known: list[int] = []
    """Numbers of settlements."""

    def places(self, asset: str) -> Sequence[str]:
        """Return where an asset may settle; "" for where it does unless someone says otherwise."""
        return ["", *(place for place in PLACES[asset] if place in self.ledgers)]

    @property
    def today(self) -> int:
        """Return the settlement day."""
        return DAYS.day_of(START_US + round(self.loop.time() * 1_000_000))

    def note(self, answer: Receipt | Rejection) -> None:
        """Remember what was instructed."""
        if isinstance(answer, Rejection) or answer.reply.code:
            return
        body = answer.reply.body
        for told in body.get("results", [body]):
            if "settlement" in told:
                self.known.append(told["settlement"])
        del self.known[:-KNOWN_MAX]


def founding() -> list[tuple[str, Command]]:
    """Return how each asset settles."""
    instruments = [
        Instrument(
            asset,
            places[0],
            lot_minor=LOTS.get(asset, 1),
            calendar="EUR" if asset == "EUR" else "",
            penalty_class=CLASSES.get(asset, "other"),
        )
        for asset, places in PLACES.items()
    ]
    commands: list[Command] = [SetInstrument(instrument=each) for each in instruments]
    commands.append(SetPenaltyRate(penalty_class="cash:USD", valid_from="2024-01-01", rate_ppm=140))
    return [(f"founding-{number}", command) for number, command in enumerate(commands)]


class Issuer(Client):
    """Brings securities and cash into custody at one ledger."""

    def __init__(
        self, domain: str, network: Network, random: Random, ops: int, *, generous: bool
    ) -> None:
        super().__init__(f"issuer-{domain}", network, random, ops)
        self._domain = domain
        self._generous = generous
        self._issues = 0

    async def fund(self) -> None:
        """Give each party something to begin with; some get little."""
        for asset, places in PLACES.items():
            if self._domain in places:
                for party in PARTIES:
                    share = self._random.choice((0.05, 0.3, 1.0, 1.5))
                    await self._issue(party, asset, 1 + int(FUNDS[asset] * share))

    async def _do_something(self) -> None:
        asset = self._random.choice([each for each in PLACES if self._domain in PLACES[each]])
        if self._generous:
            most = FUNDS[asset] // 4
            amount = self._random.randint(-most // 3, most)
            await self._issue(self._random.choice(PARTIES), asset, amount or 1)

    async def _issue(self, party: str, asset: str, amount: int) -> None:
        self._issues += 1
        await self._ask(
            IssueAsset(
                reference=f"{self._domain}-{self._issues}",
                party=party,
                asset=asset,
                scale=SCALES[asset],
                amount_minor=amount,
            )
        )


class Dealer(Client):
    """Instructs settlements of every kind, some that cannot be, and changes his mind."""

    def __init__(
        self, name: str, network: Network, random: Random, ops: int, *, street: Street
    ) -> None:
        super().__init__(f"dealer-{name}", network, random, ops)
        self._party = name
        self._street = street
        self._trades = 0

    async def _do_something(self) -> None:
        dice = self._random.random()
        if dice < 0.42:
            await self._instruct([self._deal() for _ in range(self._random.randint(1, 3))])
        elif dice < 0.58:
            await self._instruct(self._ring(), linked=True)
        elif dice < 0.76:
            await self._match()
        else:
            await self._meddle()

    # -- agreed -----------------------------------------------------------------------------------

    async def _instruct(self, deals: list[NewSettlement], *, linked: bool = False) -> None:
        command = InstructSettlements(settlements=deals, linked=linked)
        self._street.note(await self._ask(command))

    def _next_name(self) -> str:
        self._trades += 1
        return f"{self._party}:{self._trades}"

    def _deal(self, **given: Any) -> NewSettlement:
        pick = self._random
        seller = pick.choice(PARTIES)
        buyer = pick.choice([each for each in PARTIES if each != seller])
        security, cash = pick.choice(("BOND", "SHARE")), pick.choice(("EUR", "USD"))
        lots = pick.randint(1, QUANTITY_MAX[security])
        told: dict[str, Any] = {
            "trade_id": self._next_name(),
            "seller": seller,
            "buyer": buyer,
            "security": security,
            "quantity_minor": lots * LOTS[security],
            "cash": cash,
            "amount_minor": lots * LOTS[security] * PRICES[security] + pick.randint(0, 9),
            "securities_domain": pick.choice(self._street.places(security)),
            "cash_domain": pick.choice(self._street.places(cash)),
            "cycle": pick.choice(_CYCLES),
            "seller_partial": pick.choice(_PARTIALS),
            "buyer_partial": pick.choice(_PARTIALS),
            **given,
        }
        for side in Party:
            least = {Partial.PARQ: 10, Partial.PARC: 1_000}.get(told[f"{side}_partial"], 0)
            told[f"{side}_partial_min_minor"] = least
        if self._chance(0.12):
            told["held"] = (pick.choice(tuple(Party)),)
        if self._chance(0.08):
            told |= pick.choice(_WRONG)
        return NewSettlement(**told)

    def _ring(self) -> list[NewSettlement]:
        """Return deals in which each passes on what he gets, to their end or all around."""
        pick = self._random
        people = pick.sample(PARTIES, pick.randint(2, len(PARTIES)))
        if self._chance(0.4):
            people.append(people[0])
        security, cash = pick.choice(("BOND", "SHARE")), pick.choice(("EUR", "USD"))
        same: dict[str, Any] = {
            "security": security,
            "cash": cash,
            "cycle": pick.choice((Cycle.INSTANT, Cycle.INSTANT, Cycle.T1)),
            "securities_domain": pick.choice(self._street.places(security)),
            "cash_domain": pick.choice(self._street.places(cash)),
        }
        return [
            self._deal(seller=seller, buyer=buyer, **same) for seller, buyer in pairwise(people)
        ]

    # -- side by side -----------------------------------------------------------------------------

    async def _match(self) -> None:
        """Instruct both sides, each in its own words; not always so that they agree."""
        pick, deal = self._random, self._deal(held=(), trade_id="x")
        day = date.fromordinal(self._street.today + pick.choice((0, 0, 0, 1, 2))).isoformat()
        trade_id = self._next_name() if self._chance(0.5) else ""
        for side in pick.sample(tuple(Party), 2):
            parties = (deal.seller, deal.buyer)
            own, other = parties if side is Party.SELLER else parties[::-1]
            near = pick.choice((0, 0, 0, 150, -200, 260)) if side is Party.BUYER else 0
            instruction = NewSide(
                side=side,
                reference=self._next_name(),
                party=own,
                counterparty=other,
                security=deal.security,
                quantity_minor=deal.quantity_minor,
                cash=deal.cash,
                amount_minor=max(1, deal.amount_minor + near),
                trade_date=date.fromordinal(FIRST_DAY - 1).isoformat(),
                settlement_date=day,
                trade_id=trade_id,
                securities_domain=deal.securities_domain,
                cash_domain=deal.cash_domain,
                partial=getattr(deal, f"{side}_partial"),
                partial_min_minor=getattr(deal, f"{side}_partial_min_minor"),
                held=self._chance(0.1),
            )
            self._street.note(await self._ask(InstructSide(instruction=instruction)))
            await asyncio.sleep(pick.expovariate(1 / 4))

    # -- second thoughts --------------------------------------------------------------------------

    async def _meddle(self) -> None:
        if not self._street.known:
            return
        pick = self._random
        number, side = pick.choice(self._street.known), pick.choice(tuple(Party))
        dice = pick.random()
        if dice < 0.25:
            await self._ask(HoldSettlement(settlement=number, side=side))
        elif dice < 0.55:
            quantity = pick.choice((0, 0, 10, 20))
            await self._ask(
                ReleaseSettlement(settlement=number, side=side, quantity_minor=quantity)
            )
        elif dice < 0.8:
            for each in pick.sample(tuple(Party), pick.choice((1, 2))):
                await self._ask(CancelSettlement(settlement=number, side=each, reason="changed"))
        else:
            await self._ask(RetrySettlement(settlement=number, reason="again"))


_WRONG: tuple[dict[str, Any], ...] = (
    {"seller": "ann", "buyer": "ann"},
    {"amount_minor": 0},
    {"security": "BOND", "quantity_minor": 7},
    {"cash_domain": "moon"},
    {"trade_id": "ann:1"},
    {"settlement_date": "2025-06-01"},
    {"buyer": "nobody"},
)
"""What cannot be, or is another's: each replaces what it names. Nobody has an account."""


class DvpOperator(Client):
    """Closes a domain now and then; at last lets everything come to an end."""

    clumsy = 0.0

    async def _do_something(self) -> None:
        domain = self._random.choice((SEC, BANK))
        await self._ask(SetDomainState(domain=domain, state=DomainState.CLOSED, reason="evening"))
        await asyncio.sleep(self._random.uniform(0.5, 6.0))
        await self._ask(SetDomainState(domain=domain, state=DomainState.OPEN))

    async def open(self, domain: str) -> None:
        """Let a domain take part again."""
        await self._ask(SetDomainState(domain=domain, state=DomainState.OPEN, reason="mended"))

    async def let_go(self, held: Sequence[tuple[int, Party]]) -> None:
        """Release what is held back."""
        for number, side in held:
            await self._ask(ReleaseSettlement(settlement=number, side=side))

    async def cancel(self, numbers: Sequence[int]) -> None:
        """Take back what nobody else will ever instruct."""
        for number in numbers:
            await self._ask(CancelSettlement(settlement=number, reason="unmatched"))
