"""Which payments do the benchmarks send? 30 banks, 8 currencies, heavy-tailed amounts.

Banks are drawn with weights 1/rank (Zipf) and amounts from a lognormal distribution with a median
of 10,000 US dollars and sigma 1.8, the mix of small and medium firms; currencies with the weights
that the BIS survey of 2022 gives.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from nostro.kernel.messages import Command
from nostro.payments import FundParticipant, NewPayment, OpenParticipant, Window
from nostro.runtime.engine import Engine

BANKS = 30
MEDIAN_USD = 10_000
SIGMA = 1.8
AMOUNT_USD_MAX = 50_000_000
FUNDS_USD = 10**13
"""So much that no payment of a benchmark is refused for want of money."""
DRAWN = 50_021

CURRENCIES: dict[str, tuple[int, int, float]] = {
    # code: (decimals, weight in the survey, rough units for one US dollar)
    "USD": (2, 885, 1.0),
    "EUR": (2, 305, 0.9),
    "JPY": (0, 167, 150.0),
    "GBP": (2, 129, 0.78),
    "CNY": (2, 70, 7.2),
    "AUD": (2, 64, 1.5),
    "CAD": (2, 62, 1.36),
    "CHF": (2, 52, 0.88),
}


def bank(number: int) -> str:
    """Return the id of the n-th bank, from 1."""
    return f"BANK{number:02}"


def minor(usd: float, currency: str) -> int:
    """Return an amount of US dollars in minor units of a currency, roughly."""
    decimals, _, units = CURRENCIES[currency]
    return max(1, int(usd * units * 10**decimals))


def setup() -> Sequence[tuple[str, Command]]:
    """Return the commands, with keys, that open and fund the banks."""
    commands: list[tuple[str, Command]] = []
    for number in range(1, BANKS + 1):
        name = bank(number)
        command = OpenParticipant(
            participant_id=name, name=f"Bank {number}", currencies=list(CURRENCIES)
        )
        commands.append((f"open:{name}", command))
        for currency in CURRENCIES:
            fund = FundParticipant(
                participant_id=name,
                currency=currency,
                amount_minor=minor(FUNDS_USD, currency),
                reference=f"funds-{currency}",
            )
            commands.append((f"fund:{name}:{currency}", fund))
    return commands


async def open_banks(engine: Engine) -> None:
    """Open and fund the banks on an engine."""
    for key, command in setup():
        receipt = await engine.submit(key=key, command=command, actor="bench")
        assert receipt.reply.accepted, receipt


class PaymentTraffic:
    """An endless stream of payments, `rtgs_share` (0 to 1) of them gross and at once."""

    def __init__(self, run: str, *, seed: int = 1, rtgs_share: float = 0.0) -> None:
        chance = random.Random(seed)
        self._run = run
        self._count = 0
        codes = list(CURRENCIES)
        weights = [weight for _, weight, _ in CURRENCIES.values()]
        ranks = [1 / number for number in range(1, BANKS + 1)]
        self._drawn: list[tuple[str, str, str, str, int, Window]] = []
        for _ in range(DRAWN):
            payer, payee = chance.choices(range(1, BANKS + 1), ranks, k=2)
            if payer == payee:
                payee = payer % BANKS + 1
            source, destination = chance.choices(codes, weights, k=2)
            usd = min(MEDIAN_USD * chance.lognormvariate(0, SIGMA), AMOUNT_USD_MAX)
            window = Window.RTGS if chance.random() < rtgs_share else Window.T0
            self._drawn.append(
                (bank(payer), bank(payee), source, destination, minor(usd, source), window)
            )

    def take(self, count: int) -> list[NewPayment]:
        """Return the next payments."""
        first = self._count
        self._count += count
        return [self._payment(number) for number in range(first, first + count)]

    def _payment(self, number: int) -> NewPayment:
        payer, payee, source, destination, amount_minor, window = self._drawn[number % DRAWN]
        return NewPayment(
            transaction_id=f"{self._run}-{number:09x}",
            amount_minor=amount_minor,
            source_currency=source,
            destination_currency=destination,
            source_account=f"vostro:{payer}:{source}",
            destination_account=f"vostro:{payee}:{destination}",
            counterparty_id=payee,
            window=window,
        )

    def bodies(self, count: int) -> list[dict[str, str]]:
        """Return the next payments as the API takes them."""
        return [_body(payment) for payment in self.take(count)]


def _body(payment: NewPayment) -> dict[str, str]:
    decimals = CURRENCIES[payment.source_currency][0]
    digits = str(payment.amount_minor).rjust(decimals + 1, "0")
    amount = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return {
        "transaction_id": payment.transaction_id,
        "amount": amount,
        "source_currency": payment.source_currency,
        "destination_currency": payment.destination_currency,
        "source_account": payment.source_account,
        "destination_account": payment.destination_account,
        "counterparty_id": payment.counterparty_id,
        "settlement_window": str(payment.window),
    }
