"""Are these really the identifiers of a bank, an account, a legal entity, a currency?

By registry and check digits, where `api.platform.Spelling` looks at the spelling only. What was
looked at is remembered: the same banks come again and again.
"""

from __future__ import annotations

from functools import lru_cache

REMEMBERED = 65_536
"""Answers kept of each kind: some 10 MB when full."""
LENGTH_MAX = 64
"""Nothing longer is looked at, or remembered."""


class Registry:
    """The Identifiers of a platform: each check returns what is wrong, "" for nothing."""

    def bic(self, text: str) -> str:
        """Check a BIC (ISO 9362): spelling and country; banks are not looked up, for no list of
        them is ever whole."""
        return _bic(text) if len(text) <= LENGTH_MAX else _TOO_LONG

    def iban(self, text: str) -> str:
        """Check an IBAN (ISO 13616), without spaces: country, its length and form, check digits."""
        return _iban(text) if len(text) <= LENGTH_MAX else _TOO_LONG

    def lei(self, text: str) -> str:
        """Check a LEI (ISO 17442): spelling and check digits."""
        return _lei(text) if len(text) <= LENGTH_MAX else _TOO_LONG

    def currency(self, text: str) -> str:
        """Check a currency (ISO 4217): one that is in use today."""
        return _currency(text) if len(text) <= LENGTH_MAX else _TOO_LONG


_TOO_LONG = f"is longer than {LENGTH_MAX}"


@lru_cache(REMEMBERED)
def _bic(text: str) -> str:
    from schwifty import BIC
    from schwifty.exceptions import SchwiftyException

    if text != text.upper() or not text.isalnum():
        return "is not spelled like a BIC: 8 or 11 of A-Z 0-9"
    try:
        BIC(text)
    except SchwiftyException as error:
        return f"is no BIC: {_words(error)}"
    return ""


@lru_cache(REMEMBERED)
def _iban(text: str) -> str:
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    if text != text.upper() or not text.isalnum() or not text.isascii():
        return "is not spelled like an IBAN"
    try:
        IBAN(text)
    except SchwiftyException as error:
        return f"is no IBAN: {_words(error)}"
    return ""


@lru_cache(REMEMBERED)
def _lei(text: str) -> str:
    from stdnum import lei
    from stdnum.exceptions import InvalidChecksum, ValidationError

    if len(text) != 20 or not text.isascii() or not text.isalnum() or text != text.upper():
        return "is not spelled like a LEI: 20 of A-Z 0-9"
    try:
        lei.validate(text)
    except InvalidChecksum:
        return "is no LEI: its check digits are wrong"
    except ValidationError as error:
        return f"is no LEI: {_words(error)}"
    return ""


@lru_cache(REMEMBERED)
def _currency(text: str) -> str:
    if len(text) != 3 or not text.isascii() or not text.isalpha() or text != text.upper():
        return "is not spelled like a currency: 3 of A-Z"
    from pycountry import currencies  # schwifty brings it, and goes by it

    return "" if currencies.get(alpha_3=text) is not None else "is no currency of ISO 4217"


def _words(error: Exception) -> str:
    """Return an error in words, on one line, without the text that was sent."""
    return " ".join(str(error).split())[:100].rstrip(".") or type(error).__name__
