"""Which names of other settlement coordinators' environments mean one of our settings?

They let a deployment that has its environment already be taken over as it is. Our own name of a
setting wins over them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

ALIASES: Mapping[str, str] = {
    "SETTLEMENT_TIMEOUT_SECONDS": "settlement_timeout_seconds",
    "SETTLEMENT_RETRY_ATTEMPTS": "settlement_retry_attempts",
    "SETTLEMENT_RETRY_DELAY_SECONDS": "settlement_retry_delay_seconds",
    "SETTLEMENT_BATCH_SIZE": "settlement_batch_size",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka_bootstrap_servers",
    "SETTLEMENT_EVENTS_TOPIC": "settlement_events_topic",
    "TRADE_EVENTS_TOPIC": "trade_events_topic",
    "SECURITIES_ISSUER_PARTY": "canton_securities_issuer",
    "CASH_PROVIDER_PARTY": "canton_cash_provider",
}
DATABASE = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")
"""Together the URL of the database; without the host none of them counts."""
LEDGER_API = ("CANTON_LEDGER_API_HOST", "CANTON_LEDGER_API_PORT")
"""Together the address of the participant's JSON Ledger API, without TLS."""
SYNCHRONIZER = ("CANTON_DOMAIN_HOST", "CANTON_DOMAIN_PORT")
"""Where the participant finds its synchronizer: for the participant's settings; we never go there
and only say what we read."""
FOREIGN = frozenset((*ALIASES, *DATABASE, *LEDGER_API, *SYNCHRONIZER))
"""All these names."""
POSTGRES_PORT = "5432"
JSON_API_PORT = "7575"


def aliased() -> dict[str, Any]:
    """Return the settings that the environment gives under other names, by our keys."""
    env = {name: value for name, value in os.environ.items() if value}
    found: dict[str, Any] = {key: env[alias] for alias, key in ALIASES.items() if alias in env}
    if "DB_HOST" in env:
        found["postgres_url"] = _database_url(env)
    if "CANTON_LEDGER_API_HOST" in env:
        port = env.get("CANTON_LEDGER_API_PORT", JSON_API_PORT)
        found["canton_url"] = f"http://{env['CANTON_LEDGER_API_HOST']}:{port}"
    return found


def unused_aliases() -> list[str]:
    """Return what is set under other names and changes nothing here, for whoever asks."""
    return [name for name in SYNCHRONIZER if os.environ.get(name)]


def _database_url(env: Mapping[str, str]) -> str:
    user = quote(env.get("DB_USER", "nostro"), safe="")
    password = env.get("DB_PASSWORD")
    who = user if password is None else f"{user}:{quote(password, safe='')}"
    host, port = env["DB_HOST"], env.get("DB_PORT", POSTGRES_PORT)
    return f"postgresql://{who}@{host}:{port}/{quote(env.get('DB_NAME', 'nostro'), safe='')}"
