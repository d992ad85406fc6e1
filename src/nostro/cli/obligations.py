"""Which obligations, caps and rates does a file hold, and in which line is it wrong?

Obligations are CSV with a header or JSON lines; caps and rates are CSV. Amounts and rates are read
as decimals, digit by digit.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from nostro.cli.exits import Exit, Failure
from nostro.kernel.asset import seeded
from nostro.kernel.messages import Rejection
from nostro.kernel.money import parse_amount
from nostro.netting import REPORT_CURRENCY, Caps, Obligation, Rate, RateSet, freeze

WRONG_LINES_MAX = 20
"""Of how many lines a complaint tells; the rest is counted."""

STALE_DAYS_MAX = 5
"""Days between two publications of the ECB at most, measured since 1999; a currency whose last rate
is older has been discontinued."""

OBLIGATION = ("transaction_id", "payer", "source_currency", "amount", "payee")
CAP = ("kind", "currency", "amount")
RATE = ("base", "quote", "rate")
CAP_KINDS = ("net_debit", "bilateral", "platform")

Line = Mapping[str, Any]
T = TypeVar("T")


class _Wrong(Exception):
    """What is wrong with a line."""


def obligations_in(file: Path) -> list[Obligation]:
    """Return the obligations of a file, or fail with what is wrong in which line."""
    seen: dict[str, int] = {}

    def one(number: int, line: Line) -> Obligation:
        obligation = _obligation(line)
        first = seen.setdefault(obligation.transaction_id, number)
        if first != number:
            raise _Wrong(f"transaction_id {obligation.transaction_id} stands in line {first} too")
        return obligation

    return _all(file, OBLIGATION, one)


def caps_in(file: Path) -> Caps:
    """Return the caps of a file: kind, participant, counterparty, currency, amount."""
    found = _all(file, CAP, lambda _, line: _cap(line))
    return Caps(
        net_debit=[(who, what, cap) for kind, who, _, what, cap in found if kind == "net_debit"],
        bilateral=[(a, b, what, cap) for kind, a, b, what, cap in found if kind == "bilateral"],
        platform=[(what, cap) for kind, _, _, what, cap in found if kind == "platform"],
    )


def rates_in(file: Path) -> RateSet:
    """Return the rates of a file: one `base` is worth `rate` of `quote`."""
    rates = _all(file, RATE, lambda _, line: _rate(line))
    if len({(rate.base, rate.quote) for rate in rates}) < len(rates):
        raise _failure(file, ["a pair stands twice"])
    return freeze(provider=file.name, kind="reference", as_of_us=0, fetched_at_us=0, rates=rates)


def rates_of_the_ecb(currencies: Iterable[str]) -> RateSet:
    """Return the newest reference rates of the European Central Bank for these currencies."""
    from nostro.cli.demonstration.rates import newest_rates

    wanted = sorted({*currencies, REPORT_CURRENCY, "EUR"})
    try:
        newest = newest_rates([REPORT_CURRENCY]).day
        days = {currency: newest_rates([currency]).day for currency in wanted if currency != "EUR"}
        rates = newest_rates(wanted)
    except KeyError as unknown:
        raise Failure(
            f"the ECB has no rate for {unknown.args[0]}",
            remedy="name a file of rates: --rates FILE",
            status=Exit.USAGE,
        ) from unknown
    for currency, day in days.items():
        if (newest - day).days > STALE_DAYS_MAX:
            raise Failure(
                f"the ECB has had no rate for {currency} since {day}",
                remedy="name a file of rates: --rates FILE",
                status=Exit.USAGE,
            )
    made = [
        _minor(currency, REPORT_CURRENCY, rates.cross(currency, REPORT_CURRENCY))
        for currency in wanted
        if currency != REPORT_CURRENCY
    ]
    provider = f"ECB {rates.day.isoformat()}"
    return freeze(provider=provider, kind="reference", as_of_us=0, fetched_at_us=0, rates=made)


def _all(file: Path, fields: tuple[str, ...], one: Callable[[int, Line], T]) -> list[T]:
    """Return what each line says, or fail with every line that is wrong."""
    found: list[T] = []
    wrong: list[str] = []
    try:
        for number, line in _lines(file, fields):
            try:
                if isinstance(line, str):
                    raise _Wrong(line)
                found.append(one(number, line))
            except _Wrong as error:
                wrong.append(f"line {number}: {error}")
            except Rejection as error:
                wrong.append(f"line {number}: {error}")
    except OSError as error:
        raise Failure(
            f"{file} cannot be read: {error.strerror}",
            remedy="name a file that is there and may be read",
            status=Exit.USAGE,
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise _failure(file, [str(error)]) from error
    if wrong:
        raise _failure(file, wrong)
    return found


def _failure(file: Path, wrong: list[str]) -> Failure:
    told = wrong[:WRONG_LINES_MAX]
    more = [f"and {len(wrong) - len(told)} more"] if len(wrong) > len(told) else []
    return Failure(
        "\n  ".join([f"{file} says what cannot be taken:", *told, *more]),
        remedy="correct these lines; `nostro net --help` tells the form",
        status=Exit.USAGE,
    )


def _lines(file: Path, fields: tuple[str, ...]) -> Iterator[tuple[int, Line | str]]:
    """Yield each line with its number: its fields, or what is wrong with it."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        if file.suffix in (".jsonl", ".ndjson", ".json"):
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield number, _document(line)
            return
        reader = csv.DictReader(text, skipinitialspace=True)
        missing = [name for name in fields if name not in (reader.fieldnames or ())]
        if missing:
            yield 1, f"the header has no {', '.join(missing)}"
            return
        for row in reader:
            if None in row:
                yield reader.line_num, "more fields than the header"
            else:
                yield reader.line_num, row


def _document(line: str) -> Line | str:
    try:
        document = json.loads(line, parse_float=Decimal)
    except json.JSONDecodeError as error:
        return f"no JSON: {error.msg} at column {error.colno}"
    return document if isinstance(document, dict) else "no JSON object"


def _obligation(line: Line) -> Obligation:
    source = _text(line, "source_currency")
    target = str(line.get("destination_currency") or source)
    seeded(target)
    return Obligation(
        transaction_id=_text(line, "transaction_id"),
        payer=_text(line, "payer"),
        source_currency=source,
        amount_minor=_amount(line, source),
        payee=_text(line, "payee"),
        destination_currency=target,
        priority=_whole(line, "priority", default=5, largest=9),
        accepted_at_us=_whole(line, "accepted_at_us", default=0, largest=2**63 - 1),
        retries=_whole(line, "retries", default=0, largest=10**6),
    )


def _cap(line: Line) -> tuple[str, str, str, str, int]:
    kind, currency = _text(line, "kind"), _text(line, "currency")
    if kind not in CAP_KINDS:
        raise _Wrong(f"kind is {kind!r}, not one of {', '.join(CAP_KINDS)}")
    participant = "" if kind == "platform" else _text(line, "participant")
    counterparty = _text(line, "counterparty") if kind == "bilateral" else ""
    amount = parse_amount(_text(line, "amount"), seeded(currency))
    return kind, participant, counterparty, currency, amount


def _rate(line: Line) -> Rate:
    try:
        exact = Fraction(Decimal(_text(line, "rate")))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise _Wrong(f"rate {line['rate']!r} is no number") from error
    if exact <= 0:
        raise _Wrong(f"rate {line['rate']} is not positive")
    return _minor(_text(line, "base"), _text(line, "quote"), exact)


def _minor(base: str, quote: str, units: Fraction) -> Rate:
    """Return the rate between minor units, of one between units."""
    exact = units * Fraction(10 ** seeded(quote).scale, 10 ** seeded(base).scale)
    return Rate(base, quote, exact.numerator, exact.denominator)


def _amount(line: Line, currency: str) -> int:
    amount = parse_amount(_text(line, "amount"), seeded(currency))
    if amount <= 0:
        raise _Wrong(f"amount {line['amount']} is not positive")
    return amount


def _text(line: Line, name: str) -> str:
    found = line.get(name)
    if isinstance(found, bool) or not isinstance(found, str | int | Decimal) or found == "":
        raise _Wrong(f"{name} is missing" if found in (None, "") else f"{name} is no text")
    return str(found)


def _whole(line: Line, name: str, *, default: int, largest: int) -> int:
    said = line.get(name)
    if said is None or said == "":
        return default
    text = str(said)
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= largest):
        raise _Wrong(f"{name} is {text!r}, not a whole number up to {largest}")
    return int(text)
