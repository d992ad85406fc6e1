"""Which assets are there, and how many decimals does each have?

Scales of currencies are those of ISO 4217 (list one, minor units); of crypto assets those of their
ledgers.
"""

from __future__ import annotations

import re

import msgspec

from nostro.kernel.messages import Rejection

SCALE_MAX = 18
_CODE = re.compile(r"[A-Z][A-Z0-9._-]{0,23}\Z", re.ASCII)


class Asset(msgspec.Struct, frozen=True):
    """A thing that can be owned: `code`, and `scale`, the number of decimals of its minor unit (0
    to 18)."""

    code: str
    scale: int
    name: str = ""


_BY_SCALE: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP "
        "GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT "
        "LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN "
        "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE "
        "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES "
        "WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_CRYPTO: dict[str, int] = {
    "BTC": 8,
    "ETH": 18,
    "USDT": 6,
    "USDC": 6,
    "ADA": 6,
    "SOL": 9,
    "XRP": 6,
    "BNB": 18,
    "DOGE": 8,
    "DOT": 10,
    "LTC": 8,
    "BCH": 8,
    "XLM": 7,
    "TRX": 6,
    "AVAX": 18,
    "LINK": 18,
    "ATOM": 6,
    "DAI": 18,
    "NEAR": 18,
    "ALGO": 6,
}


def _seed() -> dict[str, Asset]:
    assets = {
        code: Asset(code, scale) for scale, codes in _BY_SCALE.items() for code in codes.split()
    }
    assets.update({code: Asset(code, scale) for code, scale in _CRYPTO.items()})
    return assets


SEED: dict[str, Asset] = _seed()


def seeded(code: str) -> Asset:
    """Return the asset of the seed registry; raises Rejection `asset.unknown`."""
    asset = SEED.get(code)
    if asset is None:
        raise Rejection("asset.unknown", asset=code)
    return asset


def checked(code: str, scale: int, name: str = "") -> Asset:
    """Return a new asset, or raise Rejection `asset.bad_code` or `asset.bad_scale` (0 to 18
    decimals)."""
    if not _CODE.match(code):
        raise Rejection("asset.bad_code", asset=code)
    if not 0 <= scale <= SCALE_MAX:
        raise Rejection("asset.bad_scale", asset=code, scale=scale, scale_max=SCALE_MAX)
    return Asset(code, scale, name)
