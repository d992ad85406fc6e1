"""How are amounts, moments, agents and accounts written in a message?

`module` is the library's module of the message: each has classes of its own for them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from nostro.adapters.iso20022.xml import MessageRefused
from nostro.kernel.money import format_amount

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\Z", re.ASCII)
_UETR = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)
_NOT_A_LINE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
TEXT_MAX = 105
"""Characters of one line of additional information (Max105Text)."""
LINES_MAX = 5


def decimal_of(minor: int, scale: int) -> Decimal:
    """Return minor units as the decimal that they are."""
    return Decimal(format_amount(minor, scale))


def amount_of(cls: Any, minor: int, *, currency: str, scale: int) -> Any:
    """Return an amount; raises MessageRefused `iso20022.not_a_currency` for an asset that has no
    code of ISO 4217."""
    if not _CURRENCY.match(currency):
        raise MessageRefused("iso20022.not_a_currency", asset=currency)
    return cls(value=decimal_of(minor, scale), ccy=currency)


def moment_of(at_us: int) -> Any:
    """Return microseconds since the epoch as a time in UTC, to the millisecond."""
    from xsdata.models.datatype import XmlDateTime

    at = _EPOCH + timedelta(microseconds=at_us)
    return XmlDateTime(
        at.year,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.microsecond // 1_000 * 1_000_000,
        0,
    )


def day_of(at_us: int) -> Any:
    """Return the day of a moment in UTC."""
    from xsdata.models.datatype import XmlDate

    at = _EPOCH + timedelta(microseconds=at_us)
    return XmlDate(at.year, at.month, at.day)


def agent_of(module: Any, *, bic: str, participant_id: str) -> Any:
    """Return a bank: by its BIC, without one by our id."""
    bank = module.FinancialInstitutionIdentification18
    if _BIC.match(bic):
        inner = bank(bicfi=bic)
    else:
        inner = bank(othr=module.GenericFinancialIdentification1(id=participant_id[:35]))
    return module.BranchAndFinancialInstitutionIdentification6(fin_instn_id=inner)


def line_of(text: str, length: int) -> str | None:
    """Return text as one line of so many characters, None for nothing."""
    return " ".join(_NOT_A_LINE.sub(" ", text).split())[:length].rstrip() or None


def lines_of(text: str) -> list[str]:
    """Return text as lines of additional information, cut where they end."""
    whole = line_of(text, TEXT_MAX * LINES_MAX) or ""
    parts = (whole[at : at + TEXT_MAX].strip() for at in range(0, len(whole), TEXT_MAX))
    return [part for part in parts if part]


def uetr_of(text: str) -> str | None:
    """Return a UETR if that is what the text is."""
    return text if _UETR.match(text) else None


def reference_of(text: str) -> str | None:
    """Return a reference if it fits whole (Max35Text): one that is cut names something else."""
    line = line_of(text, 36)
    return line if line is not None and line == text and len(line) <= 35 else None
