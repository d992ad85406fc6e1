"""Cycles to try the algorithms on: by hand, drawn, and seeded at the size of a day."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import log
from random import Random

from hypothesis import strategies as st

from nostro.netting import Caps, Mid, Obligation, Plan, Rate, RateSet, Tariff, plan_cycle

PER_USD = {
    "EUR": (10853, 10000),
    "GBP": (12701, 10000),
    "JPY": (66, 100),
    "CHF": (115, 100),
    "KWD": (325, 1000),
    "CAD": (72, 100),
    "AUD": (65, 100),
}
RATES = RateSet(
    rate_set_id="tests",
    provider="tests",
    kind="reference",
    as_of_us=0,
    fetched_at_us=0,
    rates=[Rate(currency, "USD", *rate) for currency, rate in PER_USD.items()],
)
MID = Mid(RATES)
CURRENCIES = ("USD", *PER_USD)
WEIGHTS = (44, 15, 6, 8, 3, 1, 3, 3)
"""How often a currency is traded, roughly (BIS triennial survey 2022)."""


def owes(
    payer: str,
    payee: str,
    amount: int,
    source: str = "USD",
    target: str = "",
    *,
    name: str = "",
    priority: int = 5,
    at: int = 0,
    retries: int = 0,
) -> Obligation:
    """One payment; the currencies are the same unless said."""
    name = name or f"{payer}{payee}{amount}{source}{target}{at}"
    return Obligation(name, payer, source, amount, payee, target or source, priority, at, retries)


def planned(
    obligations: Sequence[Obligation],
    *,
    gross: bool = False,
    caps: Caps | None = None,
    tariff: Tariff | None = None,
    deadline_ms: int | None = None,
) -> Plan:
    """The plan of a cycle at the rates of the tests."""
    return plan_cycle(
        obligations,
        cycle_id="cycle",
        gross=gross,
        rates=RATES,
        caps=caps or Caps(),
        tariff=tariff or Tariff(),
        deadline_ms=deadline_ms,
    )


@st.composite
def obligations(
    draw: st.DrawFn,
    *,
    most: int = 8,
    banks: str = "ABCD",
    currencies: Sequence[str] = CURRENCIES[:4],
    amount_max: int = 10**9,
) -> list[Obligation]:
    """A few payments between a few banks; amounts repeat, so that they cancel now and then. None is
    so small that nothing of it would arrive."""
    few = st.sampled_from([3, 7, 100, 100, 25_000])
    amount = few | st.integers(min_value=3, max_value=amount_max)
    numbers = count()
    one = st.builds(
        lambda payer, payee, source, target, amount, priority, at, retries: Obligation(
            f"t{next(numbers)}", payer, source, amount, payee, target, priority, at, retries
        ),
        st.sampled_from(banks),
        st.sampled_from(banks),
        st.sampled_from(currencies),
        st.sampled_from(currencies),
        amount,
        st.integers(min_value=0, max_value=9),
        st.integers(min_value=0, max_value=5),
        st.integers(min_value=0, max_value=2),
    )
    return draw(st.lists(one, max_size=most))


@st.composite
def caps_for(draw: st.DrawFn, banks: str = "ABCD", currency: str = "USD") -> Caps:
    """Some caps of each kind in one currency."""
    cap = st.sampled_from([-5, 0, 50, 100, 150, 25_000, 10**9])
    bank = st.sampled_from(banks)
    return Caps(
        net_debit=draw(
            st.lists(
                st.tuples(bank, st.just(currency), cap), max_size=4, unique_by=lambda row: row[0]
            )
        ),
        bilateral=draw(
            st.lists(
                st.tuples(bank, bank, st.just(currency), cap),
                max_size=3,
                unique_by=lambda row: row[:2],
            )
        ),
        platform=draw(st.lists(st.tuples(st.just(currency), cap), max_size=1)),
    )


def a_day(
    size: int, *, seed: int, banks: int = 30, median_cents: int = 1_000_000
) -> list[Obligation]:
    """A seeded cycle: few large banks, heavy-tailed amounts, eight currencies."""
    draw = Random(seed)
    names = [f"BANK{number:02}" for number in range(banks)]
    shares = [1 / (number + 1) for number in range(banks)]
    made = []
    for number in range(size):
        payer, payee = draw.choices(names, shares, k=2)
        source, target = draw.choices(CURRENCIES, WEIGHTS, k=2)
        numerator, denominator = PER_USD.get(source, (1, 1))
        cents = max(1, int(draw.lognormvariate(log(median_cents), 1.8)))
        made.append(
            Obligation(
                f"t{number}",
                payer,
                source,
                max(1, cents * denominator // numerator),
                payee,
                target,
                draw.choice([1, 5, 5, 9]),
                number,
            )
        )
    return made
