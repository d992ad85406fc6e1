"""How much, of what, exactly?

Money is an integer number of an asset's minor units. No float comes near it: a decimal string or
the exact text of a JSON number goes in, a decimal string comes out.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

import msgspec

from nostro.kernel.asset import Asset
from nostro.kernel.messages import Rejection

AMOUNT_DIGITS_MAX = 38
AMOUNT_MINOR_MAX = 10**AMOUNT_DIGITS_MAX - 1
_TEXT_LENGTH_MAX = 64
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount of one asset: `amount_minor` integer minor units (at most 38 digits) and the
    asset's code."""

    amount_minor: int
    asset: str


def parse_amount(text: str | int | Decimal, asset: Asset) -> int:
    """Return the minor units that a decimal text means for the asset, exactly.

    Raises Rejection `money.not_a_number`, `money.too_many_decimals` (non-zero digits beyond the
    asset's scale) or `money.too_large` (more than 38 digits of minor units).
    """
    said = str(text)
    if len(said) > _TEXT_LENGTH_MAX or not _NUMBER.match(said):
        raise Rejection("money.not_a_number", amount=said[:_TEXT_LENGTH_MAX])
    try:
        sign, digits, exponent = Decimal(said).as_tuple()
    except InvalidOperation:
        raise Rejection("money.not_a_number", amount=said) from None
    if not isinstance(exponent, int):
        raise Rejection("money.not_a_number", amount=said)
    value = int("".join(map(str, digits)))
    minor: int
    shift: int = exponent + asset.scale
    if value and shift > AMOUNT_DIGITS_MAX:
        raise Rejection("money.too_large", amount=said, digits_max=AMOUNT_DIGITS_MAX)
    if shift >= 0:
        minor = value * 10 ** min(shift, AMOUNT_DIGITS_MAX)
    else:
        minor, rest = divmod(value, 10 ** min(-shift, len(digits) + 1))
        if rest:
            raise Rejection(
                "money.too_many_decimals", amount=said, asset=asset.code, decimals_max=asset.scale
            )
    if minor > AMOUNT_MINOR_MAX:
        raise Rejection("money.too_large", amount=said, digits_max=AMOUNT_DIGITS_MAX)
    return -minor if sign else minor


def format_amount(amount_minor: int, scale: int) -> str:
    """Return the decimal string of minor units with exactly `scale` decimals: 150, 2 is `1.50`."""
    if scale == 0:
        return str(amount_minor)
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"
