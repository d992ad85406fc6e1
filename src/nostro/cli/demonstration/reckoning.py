"""Has trading made or lost anything: by what each trader brought, what his trades came to, what the
house earned, and what the provider's own books say?"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from decimal import Decimal

from nostro.adapters.liquidity.reconcile import Reconciled, reconcile, routes_of
from nostro.adapters.liquidity.records import books_in
from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.launcher import running_server
from nostro.cli.demonstration.payday import pages
from nostro.cli.demonstration.scene import Broken, Scene, all_of
from nostro.cli.demonstration.session import ASSETS, QUOTE, ROUTED, TRADERS
from nostro.cli.demonstration.stage import OPERATOR

QUOTE_DECIMALS = 6
PROVIDER = "merchant"
CHAIN = "main"
ZERO = Decimal(0)

Money = dict[tuple[str, str], Decimal]


async def reckon(scene: Scene) -> None:
    """Compare every trader's balances with what he brought and what his fills came to, what orders
    hold with what they say, and add everything up."""
    session = scene.session
    own: Money = defaultdict(Decimal, session.deposits)
    fees = ZERO
    for each in await all_of(TRADERS, lambda user: _fills(scene, user)):
        for owner, asset, amount, fee in each:
            own[owner, asset] += amount
            fees += fee
    held = await _held(scene)
    told, in_orders = await _balances(scene)
    same = scene.check(
        "each trader has what he brought, with what his fills came to",
        {place: amount for place, amount in own.items() if amount} == told,
        [place for place in own if own[place] != told.get(place, ZERO)][:3],
    )
    kept = scene.check(
        "open orders hold what they say, and nothing else does",
        held == in_orders,
        [place for place in {*held, *in_orders} if held[place] != in_orders[place]][:3],
    )
    earned = await _posted(scene, f"earnings:{QUOTE}")
    paid = scene.check("the fees of all fills are what the house earned", fees == earned, fees)
    session.fees_minor = int(earned.scaleb(QUOTE_DECIMALS))
    session.conserved = all((same, kept, paid, await _add_up(scene, told, earned)))
    scene.say(f"{session.trades:,} trades earned {earned:,.2f} {QUOTE} in fees, rebates paid")


async def _fills(scene: Scene, user: str) -> list[tuple[str, str, Decimal, Decimal]]:
    """Return what each fill of a user brought and took: (user, asset, amount, fee)."""
    moved = []
    async for fill in pages(scene, "/trades", user=user, user_id=user):
        base = fill["symbol"].partition("/")[0]
        way = 1 if fill["side"] == "buy" else -1
        fee = Decimal(fill["fee"])
        moved.append((user, base, way * Decimal(fill["quantity"]), ZERO))
        moved.append((user, QUOTE, -way * Decimal(fill["value"]) - fee, fee))
    return moved


async def _held(scene: Scene) -> Money:
    """Return what open orders say they hold, by user and asset."""
    held: Money = defaultdict(Decimal)
    async for order in pages(scene, "/orders", user=OPERATOR, status="live"):
        held[order["user_id"], order["held_asset"]] += Decimal(order["held"])
    return held


async def _balances(scene: Scene) -> tuple[Money, Money]:
    """Return what the platform says that each trader has, and what of it orders hold."""
    height = scene.door.tally.height
    answers = await all_of(
        TRADERS, lambda user: scene.told(f"/balance/{user}", user=user, at_least=height)
    )
    total: Money = {}
    in_orders: Money = defaultdict(Decimal)
    for answer in answers:
        for row in answer["balances"]:
            place = (answer["user_id"], row["currency"])
            if Decimal(row["total"]):
                total[place] = Decimal(row["total"])
            if Decimal(row["in_orders"]):
                in_orders[place] = Decimal(row["in_orders"])
    return total, in_orders


async def _add_up(scene: Scene, told: Money, earned: Decimal) -> bool:
    """Tell whether traders, house and provider together have what was brought in; and whether the
    provider's own books say the same of him."""
    wrong = []
    for asset in ASSETS:
        brought = sum(
            (amount for (_, code), amount in scene.session.deposits.items() if code == asset), ZERO
        )
        have = sum((amount for (_, code), amount in told.items() if code == asset), ZERO)
        if asset == QUOTE:
            have += earned
        if asset in (QUOTE, ROUTED):
            have -= await _posted(scene, f"provider:{PROVIDER}:{asset}")
        if have != brought:
            wrong.append(f"{asset}: {have} of {brought}")
    conserved = scene.check("trading has made and lost nothing", not wrong, wrong)
    return await _provider_agrees(scene) and conserved


async def _posted(scene: Scene, account: str) -> Decimal:
    height = scene.door.tally.height
    told = await scene.door.read("/api/v1/ledger/balances", account=account, at_least=height)
    return Decimal(told.get("posted", "0"))


async def _provider_agrees(scene: Scene) -> bool:
    """Tell whether the provider's own books tell the same trades as the journal."""
    found = await asyncio.to_thread(_reconciled, scene)
    scene.done["trades with a liquidity provider"] += found.deals
    return scene.check(
        f"the provider's own books tell the same {found.deals} deals",
        not found.differences,
        found.differences[:2],
    )


def _reconciled(scene: Scene) -> Reconciled:
    from nostro.wiring.exchange import MERCHANTS_DIR
    from nostro.wiring.rooms import make_house

    server = running_server(scene.stage.data_dir)
    if server is None:
        raise Broken("PostgreSQL is not running at the end of trading")
    decode = make_house().codec.decode_events
    with Evidence(server.url(), CHAIN) as evidence:
        rows = evidence.entries()
        ours = routes_of(event for row in rows for event in decode(row.payload))
    books = books_in(scene.stage.data_dir / MERCHANTS_DIR / f"{PROVIDER}.jsonl")
    return reconcile(ours, {PROVIDER: books}, chain=CHAIN)
