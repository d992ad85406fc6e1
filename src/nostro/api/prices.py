"""Which ticks, lots and minor units does a caller mean, exactly, and how are they said back?

A price, a quantity or an amount comes in as a decimal string or as a JSON number whose text is read
digit by digit. One that is no whole number of ticks, lots or minor units is refused with the
nearest ones that are; nothing is rounded for anybody.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from nostro.exchange import LOTS_MAX, TICKS_MAX, MarketTerms
from nostro.kernel.messages import Rejection
from nostro.kernel.money import AMOUNT_MINOR_MAX, format_amount

TEXT_LENGTH_MAX = 64
PRICE_SCALE_MAX = 18
BPS_SCALE = 2
PPM_MAX = 1_000_000
"""All of a value."""
_SHORT = 20
"""Characters up to which the quick way is taken."""
_TENS: list[int] = [10**power for power in range(64)]
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_BELOW_ZERO = re.compile(r"-(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_EXPONENT_MAX = 80
"""Beyond this many digits before or after the point nothing can be priced."""


def _number_said(title: str, description: str, *examples: Any) -> msgspec.Meta:
    return msgspec.Meta(
        title=title,
        description=f"{description} A decimal string, or a JSON number; both are read exactly.",
        extra_json_schema={
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,39}(\.[0-9]{0,18})?$"},
                {"type": "number", "minimum": 0},
                {"type": "null"},
            ],
            "examples": list(examples),
        },
    )


Price = Annotated[
    msgspec.Raw,
    _number_said("Price", "In the quote asset, for one whole unit of the base.", "65000.00"),
]
Quantity = Annotated[msgspec.Raw, _number_said("Quantity", "Of the base asset.", "0.25", 0.25)]
QuoteAmount = Annotated[msgspec.Raw, _number_said("Amount", "Of the quote asset.", "500.00", 500)]
Bps = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        title="Basis points",
        description="Hundredths of a percent, at most two decimals. A decimal string, or a JSON "
        "number; both are read exactly.",
        extra_json_schema={
            "anyOf": [
                {"type": "string", "pattern": r"^-?[0-9]{1,5}(\.[0-9]{0,2})?$"},
                {"type": "number", "minimum": -10_000, "maximum": 10_000},
                {"type": "null"},
            ],
            "examples": ["2.5", -0.5],
        },
    ),
]


def is_said(said: msgspec.Raw) -> bool:
    """Tell whether a member of a body is there, and not null."""
    text = bytes(said)
    return text != b"" and text != b"null"


def is_zero(said: msgspec.Raw) -> bool:
    """Tell whether a number says zero."""
    value = _decimal(_text(said))
    return value is not None and not value


def ticks(said: msgspec.Raw, terms: MarketTerms) -> int:
    """Return the ticks of a price. Raises Rejection `exchange.price_not_a_number`,
    `exchange.price_not_positive`, `exchange.price_too_large`, or `exchange.price_off_tick` with the
    nearest prices that are allowed."""
    text = _text(said)
    unit, scale = terms.tick_units, terms.price_scale
    units = _quick(text, scale)
    if units is not None and units > 0 and units % unit == 0:
        count = units // unit
        if count <= TICKS_MAX:
            return count
    value = _parsed(text, "price", price=text[:TEXT_LENGTH_MAX])
    count, off = _counted(value, unit, scale)
    if count >= TICKS_MAX and (off or count > TICKS_MAX):
        raise Rejection(
            "exchange.price_too_large",
            price=text[:TEXT_LENGTH_MAX],
            price_max=price_told(terms, TICKS_MAX),
        )
    if off:
        facts = {"price": text, "tick": price_told(terms, 1), "symbol": symbol_of(terms)}
        below = {"nearest_below": price_told(terms, count)} if count else {}
        above = {"nearest_above": price_told(terms, count + 1)}
        raise Rejection("exchange.price_off_tick", **facts, **below, **above)
    return count


def lots(said: msgspec.Raw, terms: MarketTerms) -> int:
    """Return the lots of a quantity. Raises Rejection `exchange.quantity_not_a_number`,
    `exchange.quantity_not_positive`, `exchange.quantity_too_large`, or `exchange.quantity_off_lot`
    with the nearest quantities that are allowed."""
    text = _text(said)
    unit, scale = terms.lot_minor, terms.base_scale
    minor = _quick(text, scale)
    if minor is not None and minor > 0 and minor % unit == 0:
        count = minor // unit
        if count <= LOTS_MAX:
            return count
    value = _parsed(text, "quantity", quantity=text[:TEXT_LENGTH_MAX])
    count, off = _counted(value, unit, scale)
    if count >= LOTS_MAX and (off or count > LOTS_MAX):
        raise Rejection(
            "exchange.quantity_too_large",
            quantity=text[:TEXT_LENGTH_MAX],
            quantity_max=quantity_told(terms, LOTS_MAX),
        )
    if off:
        facts = {"quantity": text, "lot": quantity_told(terms, 1), "symbol": symbol_of(terms)}
        below = {"nearest_below": quantity_told(terms, count)} if count else {}
        above = {"nearest_above": quantity_told(terms, count + 1)}
        raise Rejection("exchange.quantity_off_lot", **facts, **below, **above)
    return count


def value_minor(said: msgspec.Raw, terms: MarketTerms) -> int:
    """Return the minor units of an amount of the quote asset. Raises Rejection
    `exchange.amount_not_a_number`, `exchange.amount_not_positive`, `money.too_large`, or
    `money.too_many_decimals`."""
    text = _text(said)
    minor = _quick(text, terms.quote_scale)
    if minor is not None and minor > 0:
        return minor
    value = _parsed(text, "amount", amount=text[:TEXT_LENGTH_MAX])
    count, off = _counted(value, 1, terms.quote_scale)
    if count > AMOUNT_MINOR_MAX:
        raise Rejection("money.too_large", amount=text, digits_max=len(str(AMOUNT_MINOR_MAX)))
    if off:
        raise Rejection(
            "money.too_many_decimals",
            amount=text,
            asset=terms.quote,
            decimals_max=terms.quote_scale,
        )
    return count


def tick(said: msgspec.Raw) -> tuple[int, int]:
    """Return the `tick_units` and `price_scale` that a tick size means: "0.05" is (5, 2). Raises
    Rejection like `ticks`."""
    text = _text(said)
    _, digits, exponent = _parsed(text, "price", price=text[:TEXT_LENGTH_MAX]).as_tuple()
    assert isinstance(exponent, int), "only numbers come here"
    if exponent < -PRICE_SCALE_MAX or len(digits) + exponent > _SHORT:
        raise Rejection("exchange.bad_terms", field="tick", what="it is too fine, or too coarse")
    units = int("".join(map(str, digits)))
    return (units * _TENS[exponent], 0) if exponent >= 0 else (units, -exponent)


def ppm(said: msgspec.Raw) -> int:
    """Return the parts per million that basis points mean, of either sign. Raises Rejection
    `exchange.bps_not_a_number` or `exchange.bps_out_of_range`."""
    text = _text(said)
    plain = text.removeprefix("-")
    value = _decimal(plain)
    if value is None:
        raise Rejection("exchange.bps_not_a_number", bps=text[:TEXT_LENGTH_MAX])
    whole, off = _counted(value, 1, BPS_SCALE)
    if off or whole > PPM_MAX:
        raise Rejection("exchange.bps_out_of_range", bps=text)
    return -whole if plain != text else whole


def _text(said: msgspec.Raw) -> str:
    """Return what a JSON string says, or a JSON number's own text."""
    text = bytes(said)
    if text[:1] == b'"':
        text = text[1:-1]
    return text.decode("utf-8", "replace")


def _quick(text: str, scale: int) -> int | None:
    """Return a plain number in units of 10**-scale, None for one that is not so plain."""
    if len(text) > _SHORT or not text.isascii():
        return None
    whole, _, part = text.partition(".")
    spare = scale - len(part)
    if spare < 0 or not whole.isdigit() or not (part.isdigit() or not part):
        return None
    return int(whole + part) * _TENS[spare]


def _decimal(text: str) -> Decimal | None:
    """Return a number without a sign, None for what is none or has digits without end."""
    if len(text) > TEXT_LENGTH_MAX or not _NUMBER.match(text):
        return None
    return Decimal(text)


def _parsed(text: str, what: str, **facts: Any) -> Decimal:
    """Return a number above zero; raises Rejection of what it is instead."""
    value = _decimal(text)
    if value is None:
        below = len(text) <= TEXT_LENGTH_MAX and _BELOW_ZERO.match(text)
        said = "not_positive" if below else "not_a_number"
        raise Rejection(f"exchange.{what}_{said}", **facts)
    if not value:
        raise Rejection(f"exchange.{what}_not_positive", **facts)
    return value


def _counted(value: Decimal, unit: int, scale: int) -> tuple[int, bool]:
    """Return how many whole units of `unit` * 10**-scale a number has, and whether more is left."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), "only numbers come here"
    whole = int("".join(map(str, digits)))
    shift = exponent + scale
    if shift >= 0:
        count, rest = divmod(whole * 10 ** min(shift, _EXPONENT_MAX), unit)
        return count, rest > 0
    count, rest = divmod(whole, unit * 10 ** min(-shift, _EXPONENT_MAX))
    return count, rest > 0


# -- saying back -----------------------------------------------------------------------------------


def price_told(terms: MarketTerms, price: int) -> str:
    """Return a price in ticks as a decimal string."""
    return format_amount(price * terms.tick_units, terms.price_scale)


def quantity_told(terms: MarketTerms, count: int) -> str:
    """Return a quantity in lots as a decimal string."""
    return format_amount(count * terms.lot_minor, terms.base_scale)


def value_told(terms: MarketTerms, minor: int) -> str:
    """Return an amount of the quote asset as a decimal string."""
    return format_amount(minor, terms.quote_scale)


def average_told(terms: MarketTerms, notional: int, count: int) -> str:
    """Return the average price of `count` lots that came to `notional` ticks times lots, rounded
    half up to the decimals of a price and four more, the zeros among these left out."""
    units = notional * terms.tick_units * _TENS[_MORE]
    average, rest = divmod(units, count)
    average += 2 * rest >= count
    text = format_amount(average, terms.price_scale + _MORE)
    kept = len(text) - _MORE
    plain, more = text[:kept], text[kept:].rstrip("0")
    if not terms.price_scale:
        return f"{plain}{more}".rstrip(".")
    return f"{plain}{more}"


_MORE = 4


def symbol_of(terms: MarketTerms) -> str:
    """Return a market's symbol, such as `BTC/USD`."""
    return f"{terms.base}/{terms.quote}"


def market_name(symbol: str) -> str:
    """Return the name of the market with a symbol: `BTC-USD` for `BTC/USD`, in any case."""
    return symbol.replace("/", "-").upper()
