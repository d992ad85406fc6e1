"""Which shapes do single settings have, and how is each read from a word?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, SecretStr
from pydantic_settings import NoDecode


def default_data_dir() -> Path:
    """Return where this machine keeps the state of a service: /var/lib for root, XDG for a user.

    Not the working directory: a platform started from elsewhere would open an empty ledger.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/nostro")
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home).expanduser() / "nostro"


def _absolute(path: object) -> object:
    return Path(path).expanduser().absolute() if isinstance(path, str | Path) else path


def _words(value: object) -> object:
    """Read words with commas between them."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _limits_by_asset(value: object) -> object:
    """Read `EUR=10000,BTC=0.5`, or a table of asset to decimal string, exactly."""
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        if any(not sign for _, sign, _ in pairs):
            raise ValueError("write it as EUR=10000,BTC=0.5")
        value = {asset.strip(): limit.strip() for asset, _, limit in pairs}
    if not isinstance(value, Mapping):
        raise ValueError("write it as EUR=10000,BTC=0.5, or as a table of asset to decimal string")
    return {asset: _limit(asset, limit) for asset, limit in value.items()}


def _limit(asset: str, limit: object) -> Decimal:
    if isinstance(limit, float | bool) or not isinstance(limit, str | int | Decimal):
        raise ValueError(f"{asset}: write the limit as a decimal string, it is read exactly")
    try:
        amount = Decimal(limit)
    except InvalidOperation:
        raise ValueError(f"{asset}: {limit!r} is not a decimal number") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{asset}: a limit is zero or more")
    return amount


def postgres_url_checked(url: SecretStr | None) -> SecretStr | None:
    """Refuse what libpq could not read; its own complaint would repeat the password."""
    if url is not None:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        text = url.get_secret_value()
        try:
            conninfo_to_dict(text)
        except ProgrammingError:
            text = ""
        if not text.startswith(("postgresql://", "postgres://")):
            raise ValueError("write it as postgresql://user:password@host:5432/database")
    return url


AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]
AssetCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,12}$")]
Audience = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[\x21-\x2b\x2d-\x7e]{1,256}$")], ...],
    NoDecode,
    BeforeValidator(_words),
]
ApprovalLimits = Annotated[
    dict[AssetCode, Decimal],
    NoDecode,
    BeforeValidator(_limits_by_asset),
    PlainSerializer(lambda limits: {asset: f"{limit:f}" for asset, limit in limits.items()}),
]


def _minutes_of_day(value: object) -> object:
    """Read `08:00,10:00` as minutes after the start of a day."""
    if not isinstance(value, str):
        return value
    words = [word.strip() for word in value.split(",") if word.strip()]
    parts = [word.partition(":") for word in words]
    if not all(hour.isdigit() and minute.isdigit() for hour, _, minute in parts):
        raise ValueError("write it as 08:00,10:00")
    return tuple(sorted({int(hour) * 60 + int(minute) for hour, _, minute in parts}))


def _clock_words(minutes: tuple[int, ...]) -> str:
    return ",".join(f"{minute // 60:02}:{minute % 60:02}" for minute in minutes)


TimesOfDay = Annotated[
    tuple[Annotated[int, Field(ge=0, lt=1_440)], ...],
    NoDecode,
    BeforeValidator(_minutes_of_day),
    PlainSerializer(_clock_words),
]
Names = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,31}(,[a-z][a-z0-9_]{0,31}){0,7})?$")]
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
