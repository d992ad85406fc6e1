"""How much does the caller mean, exactly, and how do we say an amount back?

An amount comes in as a decimal string or as a JSON number whose text is read digit by digit; it
goes out as a decimal string with all the decimals of its asset. No float is made of it on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from nostro.kernel.asset import Asset
from nostro.kernel.messages import Rejection
from nostro.kernel.money import format_amount, parse_amount

Amount = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        title="Amount",
        description="A decimal string, or a JSON number; both are read exactly. At most as many "
        "decimals as the asset has.",
        extra_json_schema={
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,39}(\.[0-9]{0,18})?$"},
                {"type": "number", "minimum": 0},
            ],
            "examples": ["1.50", 1.5],
        },
    ),
]

_SHORT = 20
"""Bytes up to which the quick way is taken: with 18 decimals more they still fit 38 digits."""


def minor_units(said: msgspec.Raw, asset: Asset) -> int:
    """Return the minor units that a JSON string or number means for the asset.

    Raises the Rejections of `parse_amount`: `money.not_a_number`, `money.too_many_decimals`,
    `money.too_large`.
    """
    text = bytes(said)
    if text[:1] == b'"':
        text = text[1:-1]
    if len(text) <= _SHORT:
        whole, _, part = text.partition(b".")
        if whole.isdigit() and len(part) <= asset.scale and (part.isdigit() or not part):
            return int(whole + part) * _TENS[asset.scale - len(part)]
    try:
        return parse_amount(text.decode("ascii"), asset)
    except UnicodeDecodeError:
        raise Rejection("money.not_a_number", amount=text.decode("utf-8", "replace")) from None


_TENS: list[int] = [10**power for power in range(19)]


def told(facts: Mapping[str, Any], assets: Mapping[str, Asset], asset: str = "") -> dict[str, Any]:
    """Return facts as they may leave the house: `balance_minor: 150` of an asset with two decimals
    becomes `balance: "1.50"`, and `differs`, which names fields, names them likewise.

    The asset is the one that the facts name, else `asset`; of an unknown one the minor units are
    kept, as a string of digits.
    """
    known = assets.get(facts.get("asset", asset))
    out: dict[str, Any] = {}
    for name, value in facts.items():
        if name.endswith("_minor") and type(value) is int:
            if known is None:
                out[name] = str(value)
            else:
                out[name.removesuffix("_minor")] = format_amount(value, known.scale)
        elif name == "differs":
            out[name] = [field.removesuffix("_minor") for field in value]
        else:
            out[name] = value
    return out
