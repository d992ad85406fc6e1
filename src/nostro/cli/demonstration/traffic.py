"""Which payments does the day bring? Thirty banks, eight currencies, heavy-tailed amounts.

Banks are drawn with weights 1/rank (Zipf), amounts from a lognormal distribution with a median of
10,000 US dollars and sigma 1.8, the mix of small and medium firms; currencies with the weights of
the BIS survey of 2022. Drawn from a seed: the same day each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from nostro.cli.demonstration.rates import ReferenceRates

BANKS = tuple(f"BANK{number:02}" for number in range(1, 31))
FAILING = BANKS[-1]
"""The bank that fails in the middle of the day."""
MEDIAN_USD = 10_000
SIGMA = 1.8
AMOUNT_USD_MAX = 50_000_000
SEED = 20

CURRENCIES: Mapping[str, tuple[int, int]] = {
    # code: (decimals, weight in the survey)
    "USD": (2, 885),
    "EUR": (2, 305),
    "JPY": (0, 167),
    "GBP": (2, 129),
    "CNY": (2, 70),
    "AUD": (2, 64),
    "CAD": (2, 62),
    "CHF": (2, 52),
}
_RANKS = [1 / number for number in range(1, len(BANKS) + 1)]
_WEIGHTS = [weight for _, weight in CURRENCIES.values()]

RTGS, T0, T1, T2 = "rtgs", "t+0", "t+1", "t+2"


class Payment(NamedTuple):
    """A payment as its bank sends it."""

    id: str
    payer: str
    payee: str
    source: str
    target: str
    amount: Decimal
    window: str

    def body(self) -> dict[str, Any]:
        """Return it as the API reads it."""
        return {
            "transaction_id": self.id,
            "amount": f"{self.amount:f}",
            "source_currency": self.source,
            "destination_currency": self.target,
            "source_account": vostro(self.payer, self.source),
            "destination_account": vostro(self.payee, self.target),
            "counterparty_id": self.payee,
            "settlement_window": self.window,
        }


class Traffic:
    """An endless stream of payments, with amounts at the rates of one day."""

    def __init__(self, rates: ReferenceRates, *, seed: int = SEED) -> None:
        self._rates = rates
        self._chance = Random(seed)
        self._count = 0

    def take(
        self, count: int, windows: Mapping[str, int], *, failing_pays: bool = False
    ) -> list[Payment]:
        """Return the next payments, their windows by weight. The bank that is to fail pays with
        t+0 at most, so that nothing of its own waits when it does, or not at all."""
        names, weights = list(windows), list(windows.values())
        drawn = self._chance.choices(names, weights, k=count)
        return [self._next(window, failing_pays and window == T0) for window in drawn]

    def to(self, payee: str, count: int, window: str) -> list[Payment]:
        """Return the next payments, all of them to one bank."""
        return [self._next(window, False)._replace(payee=payee) for _ in range(count)]

    def _next(self, window: str, failing_pays: bool) -> Payment:
        chance = self._chance
        self._count += 1
        payer, payee = chance.choices(BANKS, _RANKS, k=2)
        if payer == FAILING and not failing_pays:
            payer = BANKS[0]
        if payer == payee:
            payee = BANKS[1] if payer == BANKS[0] else BANKS[0]
        source, target = chance.choices(list(CURRENCIES), _WEIGHTS, k=2)
        usd = min(round(MEDIAN_USD * chance.lognormvariate(0, SIGMA)), AMOUNT_USD_MAX)
        return Payment(
            id=f"pay-{self._count:05}",
            payer=payer,
            payee=payee,
            source=source,
            target=target,
            amount=worth(self._rates, max(usd, 1), source),
            window=window,
        )


def worth(rates: ReferenceRates, usd: int, currency: str) -> Decimal:
    """Return an amount of US dollars in a currency, to its decimals."""
    return rates.convert(Decimal(usd), "USD", currency, decimals=CURRENCIES[currency][0])


def vostro(bank: str, currency: str) -> str:
    """Return the account of what the platform owes a bank."""
    return f"vostro:{bank}:{currency}"
