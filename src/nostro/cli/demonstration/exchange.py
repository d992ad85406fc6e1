"""How does a customer's money in one currency become money in another?

As two transfers that go together or not at all: the customer pays the house's position in the one
currency, and the house's position in the other pays the customer. No transfer ever crosses
currencies, so each currency balances by itself.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from nostro.cli.demonstration.customers import DECIMALS, FIAT
from nostro.cli.demonstration.door import Order
from nostro.cli.demonstration.ownbooks import wallet
from nostro.cli.demonstration.rates import ROUNDING, ReferenceRates, newest_rates
from nostro.cli.demonstration.scene import Scene
from nostro.cli.demonstration.transfers import BULK, transfer


class Conversion(NamedTuple):
    """What a customer wants to change into what."""

    user: str
    source: str
    target: str
    amount: str


CONVERSIONS = tuple(
    Conversion(*line.split())
    for line in """
    alice EUR USD 12345.67
    alice USD EUR 5000.50
    bob USD GBP 8000.01
    bob GBP USD 777.77
    carla GBP CHF 9999.99
    carla CHF GBP 123.45
    dmitri JPY EUR 1234567
    dmitri EUR JPY 0.01
    emiko JPY USD 250001
    emiko USD JPY 99.99
    farid CHF JPY 4321.09
    farid JPY CHF 33333
    grace GBP EUR 0.03
""".strip().splitlines()
)
BEYOND_MEANS = Conversion("grace", "EUR", "GBP", "500.00")


async def exchange(scene: Scene) -> None:
    """Convert at the reference rates of the European Central Bank."""
    rates = newest_rates(FIAT)
    told = ", ".join(f"{code} {rate}" for code, rate in rates.per_euro.items() if code != "EUR")
    scene.say(f"ECB reference rates of {rates.day}: 1 EUR = {told}")
    for number, conversion in enumerate(CONVERSIONS, 1):
        legs = _legs(f"fx-{number:02d}", conversion, rates)
        await scene.accepted(_order(f"fx-{number:02d}", legs))
        for leg in legs:
            amount = Decimal(leg["amount"])
            scene.books.move(debit=leg["debit"], credit=leg["credit"], amount=amount)
        scene.done["conversions at ECB rates"] += 1
    legs = _legs("fx-beyond", BEYOND_MEANS, rates)
    await scene.refused(_order("fx-beyond", legs), "ledger.exceeds_credits")
    _check_positions(scene, rates)


def _order(key: str, legs: list[dict[str, Any]]) -> Order:
    return Order(BULK, {"transfers": legs, "together": True}, key=key)


def _legs(id: str, wanted: Conversion, rates: ReferenceRates) -> list[dict[str, Any]]:
    user, source, target, amount = wanted
    decimals = DECIMALS[target]
    converted = rates.convert(Decimal(amount), source, target, decimals=decimals)
    terms = {
        "rates": "ECB reference rates",
        "day": rates.day.isoformat(),
        f"{source}_per_EUR": str(rates.per_euro[source]),
        f"{target}_per_EUR": str(rates.per_euro[target]),
        "rounding": ROUNDING,
    }
    paid = transfer(
        f"{id}-paid", wallet(user, source), f"position:{source}", amount, source, metadata=terms
    )
    got = transfer(
        f"{id}-got", f"position:{target}", wallet(user, target), converted, target, metadata=terms
    )
    return [paid, got]


def _check_positions(scene: Scene, rates: ReferenceRates) -> None:
    """Check that the house neither won nor lost, but for half a smallest unit a conversion."""
    worth = sum(
        (rates.in_euro(scene.books.accounts[f"position:{asset}"].posted, asset) for asset in FIAT),
        start=Fraction(0),
    )
    most = sum(
        rates.in_euro(Decimal(5).scaleb(-DECIMALS[one.target] - 1), one.target)
        for one in CONVERSIONS
    )
    scene.check("the fx positions are worth nothing but the rounding", abs(worth) <= most, worth)
    scene.say(f"the house's fx positions are worth {float(worth):+.4f} EUR: the rounding")
