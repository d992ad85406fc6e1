"""How do two thousand settlements go: at once, days later, in part, late, or not at all?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from nostro.cli.demonstration.door import Order
from nostro.cli.demonstration.dvp_book import (
    ABROAD,
    BONDS,
    DOMAINS,
    HOME,
    PARTIES,
    SCALES,
    SECURITIES,
    Deal,
    Ending,
    Pair,
)
from nostro.cli.demonstration.payday import pages
from nostro.cli.demonstration.scene import Broken, Scene, all_of

AT_ONCE_HOME, AT_ONCE_ABROAD, AFTER_TWO_DAYS = 700, 700, 200
RINGS, RING = 10, 5
SHORT, EMPTY, LATE, SINGLY = 40, 30, 40, 30
WANT, HAVE = Decimal(10), Decimal(6)
"""What each of those who are short has sold, and has at first."""
A_LIST = 100
FUNDS = Decimal(1_000_000)
MIX_SEED = 29
END_PATIENCE_S = 90.0
LOOK_S = 0.1
DAYS_AHEAD = 4
"""Until the day for which both sides instruct by themselves."""
CANCELLED_EVERY = 3
"""Of those instructed side by side, how many one of each is cancelled."""


async def issue(scene: Scene) -> None:
    """Register what is traded, say how it settles, and give every dealer some of it."""
    for asset, scale in SCALES.items():
        body = {"code": asset, "scale": scale, "name": f"{asset} of the demo"}
        await scene.accepted(Order("/api/v1/ledger/assets", body, key=f"asset-{asset}"))
    calendars = {BONDS.security: "T2S", BONDS.cash: "EUR"}
    for pair in (HOME, ABROAD, BONDS):
        for asset, domain in (
            (pair.security, pair.securities_domain),
            (pair.cash, pair.cash_domain),
        ):
            said = {"domain": domain, "calendar": calendars.get(asset, "")}
            await scene.accepted(
                Order(f"/settlement/instruments/{asset}", said, method="PUT", key=f"i-{asset}")
            )
            for party in PARTIES:
                await give(scene, domain, party, asset, FUNDS)
    scene.say(f"{len(PARTIES)} dealers own securities and cash at three ledgers")


async def give(scene: Scene, domain: str, party: str, asset: str, amount: Decimal) -> None:
    """Issue an asset to a party at a domain."""
    said = {
        "reference": f"{party}-{asset}-{amount}",
        "account_id": party,
        "asset": asset,
        "amount": f"{amount:f}",
    }
    await scene.accepted(Order(f"/settlement/domains/{domain}/issues", said))
    scene.dvp.issue(domain, party, asset, amount)
    scene.done["issues of securities and cash"] += 1


async def settle(scene: Scene) -> None:
    """Instruct what settles at once, on two days later, all or none, in part, late, and never."""
    deals = _Deals()
    empty = deals.between("empty", EMPTY, ABROAD, seller="has-nothing")
    late = deals.between("late", LATE, ABROAD, seller="comes-late")
    short = deals.short("short", SHORT, ABROAD)
    await _give_each(scene, short, HAVE)
    await instruct(scene, empty, Ending.FAILED)
    await instruct(scene, late)
    await instruct(scene, short, seller_partial="PART", buyer_partial="PART")
    await instruct(scene, deals.mixed("bond", AFTER_TWO_DAYS, BONDS), cycle="t2")
    await instruct(scene, deals.mixed("home", AT_ONCE_HOME, HOME))
    await instruct(scene, deals.mixed("abroad", AT_ONCE_ABROAD, ABROAD))
    for number in range(RINGS):
        await instruct(scene, deals.chain(f"chain-{number}", RING), linked=True)
    await _side_by_side(scene, deals)
    await until_recycled(scene, late)
    lacking = sum((deal.quantity for deal in late), Decimal(0))
    await give(scene, SECURITIES, "comes-late", ABROAD.security, lacking)
    await _give_each(scene, short, WANT - HAVE)


async def _give_each(scene: Scene, deals: Sequence[Deal], amount: Decimal) -> None:
    await all_of(deals, lambda deal: give(scene, SECURITIES, deal.seller, ABROAD.security, amount))


async def instruct(
    scene: Scene,
    deals: Sequence[Deal],
    ending: Ending = Ending.SETTLED,
    *,
    linked: bool = False,
    **more: Any,
) -> None:
    """Instruct what both sides agree on, in lists."""
    scene.dvp.take_in(list(deals), ending)
    lists = [deals[start : start + A_LIST] for start in range(0, len(deals), A_LIST)]

    async def one(each: Sequence[Deal]) -> None:
        said = {"settlements": [deal.said(**more) for deal in each], "linked": linked}
        answer = await scene.accepted(Order("/settlements", said, key=f"dvp-{each[0].trade_id}"))
        for told in answer.body["results"]:
            if "settlement_id" not in told:
                raise Broken(f"a settlement was refused: {told}")
            scene.dvp.names[told["trade_id"]] = told["settlement_id"]

    await all_of(lists, one)
    scene.done["settlements instructed"] += len(deals)


async def until_recycled(scene: Scene, deals: Iterable[Deal]) -> None:
    """Wait until one of these has gone to another settlement day."""
    watched = scene.dvp.names[next(iter(deals)).trade_id]
    until = time.monotonic() + END_PATIENCE_S
    while time.monotonic() < until:
        told = await scene.told(f"/settlements/{watched}")
        if told["recycled_count"]:
            return
        await asyncio.sleep(LOOK_S)
    raise Broken(f"{watched} was not recycled in {END_PATIENCE_S:.0f} s")


async def reach_the_end(scene: Scene) -> None:
    """Wait until every settlement has ended, and say how."""
    until = time.monotonic() + END_PATIENCE_S
    open_ones = len(scene.dvp.deals)
    while open_ones and time.monotonic() < until:
        await asyncio.sleep(LOOK_S)
        # Only ends are counted: what is open may go from one state to another between two looks.
        ended = [await count(scene, ending.value) for ending in Ending]
        open_ones = len(scene.dvp.deals) - sum(ended)
    scene.check("every settlement has come to its end", not open_ones, open_ones)
    for ending in Ending:
        expected, found = scene.dvp.expected(ending), await count(scene, ending.value)
        what = f"{expected:,} settlements are {ending.value}"
        scene.check(what, found == expected, found)
        scene.say(f"{found:,} settlements are {ending.value}")


async def count(scene: Scene, status: str) -> int:
    """Return how many settlements stand so."""
    told = await scene.told("/settlements", status=status, limit=1)
    return int(told["total"])


async def _side_by_side(scene: Scene, deals: _Deals) -> None:
    """Let both sides instruct by themselves; one of some pairs holds back and releases, and both
    sides of others cancel."""
    newest = (await scene.told("/settlements", limit=1))["data"][0]
    trade_date = date.fromisoformat(newest["trade_date"])
    settlement_date = trade_date + timedelta(days=DAYS_AHEAD)
    pairs = deals.mixed("match", SINGLY, HOME)
    cancelled = pairs[::CANCELLED_EVERY]
    kept = [deal for deal in pairs if deal not in cancelled]
    scene.dvp.take_in(cancelled, Ending.FAILED)
    scene.dvp.take_in(kept)

    async def one(deal: Deal) -> None:
        holds = deal in cancelled or deal is kept[0]
        for side, party in (("seller", deal.seller), ("buyer", deal.buyer)):
            said = {
                **deal.said(),
                "side": side,
                "reference": f"{side}-{deal.trade_id}",
                "trade_date": trade_date.isoformat(),
                "settlement_date": settlement_date.isoformat(),
                "hold": ["seller"] if holds and side == "seller" else [],
            }
            answer = await scene.accepted(Order("/settlements", said, user=party))
            scene.dvp.names[deal.trade_id] = answer.body["settlement_id"]

    await all_of(pairs, one)
    path = f"/settlements/{scene.dvp.names[kept[0].trade_id]}/release"
    await scene.accepted(Order(path, {}, user=kept[0].seller, key="release"))
    scene.done["settlements instructed"] += len(pairs)
    await _cancel(scene, cancelled)


async def look_back(scene: Scene) -> None:
    """Count what was settled in part and what was recycled, and compare what every party has at
    every ledger with the demo's own books."""
    book = scene.dvp
    book.told["settled"] = await count(scene, Ending.SETTLED.value)
    book.told["failed"] = await count(scene, Ending.FAILED.value)
    in_part = set()
    async for told in pages(scene, "/settlements"):
        book.told["recycled"] += bool(told["recycled_count"])
        if told["trade_id"].startswith("short-"):
            in_part.add(told["settlement_id"])
    events = await all_of(sorted(in_part), lambda name: scene.told(f"/settlements/{name}/events"))
    book.told["partial"] = sum(
        any(each["event_type"] == "settlement.partially_settled" for each in told["data"])
        for told in events
    )
    scene.check("some settlements were settled in part first", book.told["partial"] > 0)
    scene.check("some settlements were recycled", book.told["recycled"] > 0)
    book.conserved = await _compare(scene)


async def _compare(scene: Scene) -> bool:
    """Tell whether each party has at each ledger what the demo's own books say, nothing of it
    earmarked any more."""
    owned = scene.dvp.owned
    places = sorted({(domain, party) for domain, party, _ in owned})
    found: dict[tuple[str, str, str], Decimal] = {}
    earmarked: list[str] = []

    async def one(place: tuple[str, str]) -> None:
        domain, party = place
        told = await scene.told(f"/settlement/domains/{domain}/balances/{party}")
        for row in told["data"]:
            found[domain, party, row["asset"]] = Decimal(row["owned"])
            if Decimal(row["earmarked"]):
                earmarked.append(f"{party} at {domain}: {row['earmarked']} {row['asset']}")

    await all_of(places, one)
    wrong = [place for place in owned if owned[place] != found.get(place, Decimal(0))]
    same = scene.check(
        f"{len(owned):,} holdings at {len(DOMAINS)} ledgers are those of the demo's own books",
        not wrong,
        [f"{place}: {found.get(place)} instead of {owned[place]}" for place in wrong[:3]],
    )
    free = scene.check("no earmark is left behind", not earmarked, earmarked[:3])
    return same and free


async def _cancel(scene: Scene, deals: Sequence[Deal]) -> None:
    for deal in deals:
        path = f"/settlements/{scene.dvp.names[deal.trade_id]}/cancel"
        for party in (deal.seller, deal.buyer):
            await scene.accepted(
                Order(path, {"reason": "agreed"}, user=party, key=f"c-{party}-{deal.trade_id}")
            )


def make_deals(name: str, number: int, pair: Pair) -> list[Deal]:
    """Return deals between dealers."""
    return _Deals().mixed(name, number, pair)


class _Deals:
    """Makes deals, the same each time."""

    def __init__(self) -> None:
        self._chance = Random(MIX_SEED)

    def mixed(self, name: str, number: int, pair: Pair) -> list[Deal]:
        """Return deals between dealers."""
        return [self._deal(f"{name}-{n:04d}", "", pair, None) for n in range(number)]

    def between(self, name: str, number: int, pair: Pair, *, seller: str) -> list[Deal]:
        """Return deals of one seller with dealers."""
        return [self._deal(f"{name}-{n:04d}", seller, pair, None) for n in range(number)]

    def short(self, name: str, number: int, pair: Pair) -> list[Deal]:
        """Return deals of many sellers with dealers, each for what nobody of them has whole."""
        return [self._deal(f"{name}-{n:04d}", f"{name}-{n}", pair, WANT) for n in range(number)]

    def chain(self, name: str, number: int) -> list[Deal]:
        """Return deals of which each passes on what the one before brought: nobody in between
        needs to have anything."""
        parties = [PARTIES[0], *(f"{name}-{n}" for n in range(1, number)), PARTIES[1]]
        return [
            Deal(f"{name}.{n}", parties[n], parties[n + 1], ABROAD, Decimal(7), Decimal("91.35"))
            for n in range(number)
        ]

    def _deal(self, trade_id: str, seller: str, pair: Pair, quantity: Decimal | None) -> Deal:
        buyer, other = self._chance.sample(PARTIES, 2)
        much = quantity or Decimal(self._chance.randint(1, 9_999)).scaleb(-2)
        price = Decimal(self._chance.randint(900, 1_100)).scaleb(-1)
        amount = (much * price).quantize(Decimal("0.01"))
        return Deal(trade_id, seller or other, buyer, pair, much, amount)
