"""Which banks take part in the day of payments, and with how much money?"""

from __future__ import annotations

from nostro.cli.demonstration.door import Order
from nostro.cli.demonstration.ownbooks import Normal, OwnBooks
from nostro.cli.demonstration.rates import newest_rates
from nostro.cli.demonstration.scene import Scene, all_of
from nostro.cli.demonstration.traffic import BANKS, CURRENCIES, vostro, worth

ROOT = "/api/v1/participants"
FUNDS_USD = 500_000_000
"""What each bank brings in each currency, in US dollars: several times what it sends in a day."""
FUNDING_RAIL = "rtgs"


async def open_banks(scene: Scene) -> None:
    """Admit the banks, each with an account in every currency, and take their money in."""
    day = scene.day
    day.open(newest_rates(list(CURRENCIES)))
    told = ", ".join(f"{code} {rate}" for code, rate in day.rates.per_euro.items() if code != "EUR")
    scene.say(f"ECB reference rates of {day.rates.day}: 1 EUR = {told}")
    await all_of(BANKS, lambda bank: _open(scene, bank))
    places = [(bank, currency) for bank in BANKS for currency in CURRENCIES]
    with scene.progress("accounts funded", len(places)) as advance:
        await all_of(places, lambda place: _fund(scene, *place), advance=advance)
    scene.done["banks admitted"] += len(BANKS)
    scene.done["settlement accounts funded"] += len(places)


def rail_account(rail: str, currency: str) -> str:
    """Return the account of the platform's own money that a rail moves."""
    return f"nostro:{rail}:{currency}"


def open_rail(books: OwnBooks, rail: str, currency: str) -> str:
    """Open the account of what a rail moves, and return its id."""
    account = rail_account(rail, currency)
    books.open(account, currency, Normal.DEBIT)
    return account


async def _open(scene: Scene, bank: str) -> None:
    body = {
        "participant_id": bank,
        "name": f"The {bank.removeprefix('BANK')}th Bank",
        "currencies": list(CURRENCIES),
    }
    await scene.accepted(Order(ROOT, body, key=f"open-{bank}"))
    for currency in CURRENCIES:
        open_rail(scene.books, FUNDING_RAIL, currency)
        scene.books.open(f"suspense:{currency}", currency)
        scene.books.open(f"fx:{currency}", currency)
        scene.books.open(f"desk:{currency}", currency, Normal.DEBIT)
        scene.books.open(f"transit:{currency}", currency)
        scene.books.open(f"fees:{currency}", currency, Normal.DEBIT)
        scene.books.open(f"claims:{currency}", currency, Normal.DEBIT)
        scene.books.open(vostro(bank, currency), currency)


async def _fund(scene: Scene, bank: str, currency: str) -> None:
    amount = worth(scene.day.rates, FUNDS_USD, currency)
    body = {"currency": currency, "amount": f"{amount:f}", "reference": f"funds-{currency}"}
    await scene.accepted(Order(f"{ROOT}/{bank}/funding", body))
    rail = rail_account(FUNDING_RAIL, currency)
    scene.books.move(debit=rail, credit=vostro(bank, currency), amount=amount)
