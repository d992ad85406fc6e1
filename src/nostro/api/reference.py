"""What do the pages of reference say that are written from the code?

`python -m nostro.api.reference DIRECTORY` writes errors.md, access.md and openapi.json;
tests compare them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nostro.api.app import OPERATIONS, document
from nostro.api.auth import OWN, SCOPES, WIDE, Role
from nostro.api.auth_problems import AUTH
from nostro.api.dvp_problems import CUSTODY, SETTLEMENT
from nostro.api.exchange_problems import EXCHANGE
from nostro.api.feeds_problems import FEEDS
from nostro.api.message_problems import ISO20022, WEBHOOKS
from nostro.api.payment_problems import CONSENSUS, EXECUTION, NETTING, PAYMENTS, RISK
from nostro.api.problem_row import Row
from nostro.api.problem_table import ENGINE, LEDGER, MONEY, REQUEST, VIEWS, WALLETS

_SECTIONS: tuple[tuple[str, str, Mapping[str, Row]], ...] = (
    ("The request", "What was sent cannot be read. Nothing was decided, no key was used.", REQUEST),
    (
        "Callers",
        "Who sends it is not known, or may not. Nothing was decided, no key was used.",
        AUTH,
    ),
    (
        "The engine",
        "All but the first two may be sent again with the same key; a deed is done at most once.",
        ENGINE,
    ),
    ("The views", "Reads come from views that follow the journal.", VIEWS),
    ("Money and assets", "", MONEY),
    (
        "The ledger",
        "A transfer of many is told its code in its own result, with status 200 for the whole.",
        LEDGER,
    ),
    ("The wallets", "", WALLETS),
    (
        "Payments",
        "A payment of many is told its code in its own result, with status 200 for the whole. One "
        "that the ledger has no funds for, or that is over a limit, has their code.",
        PAYMENTS,
    ),
    ("Netting", "", NETTING),
    ("The settlement members", "", CONSENSUS),
    ("Settlements", "", EXECUTION),
    ("Limits and forecasts", "", RISK),
    (
        "The exchange",
        "An order of a batch is told its code in its own result, with status 200 for the whole.",
        EXCHANGE,
    ),
    (
        "Settlements of trades",
        "A settlement of many is told its code in its own result, with status 200 for the whole.",
        SETTLEMENT,
    ),
    ("Custody at the domains", "", CUSTODY),
    ("The feeds", "", FEEDS),
    (
        "Messages of ISO 20022",
        "A message that is refused as a whole is a problem; a transaction of it has its code, with "
        "that of ISO 20022, in its own status.",
        ISO20022,
    ),
    ("Webhooks", "", WEBHOOKS),
)
_HEAD = """# Errors

Every refusal is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem
(`application/problem+json`):

```json
{
  "type": "/problems/money.too_many_decimals",
  "title": "The amount has more decimals than the asset",
  "status": 422,
  "detail": "/amount: The amount has more decimals than the asset: amount 1.505, asset EUR",
  "instance": "/wallet/deposit",
  "code": "money.too_many_decimals",
  "request_id": "5f3a9c1e-17",
  "retryable": false,
  "remedy": "Round it yourself, and say how; we never round silently. See decimals_max.",
  "errors": [{"pointer": "/amount", "code": "money.too_many_decimals", "message": "..."}]
}
```

`code` is stable: branch on it. `facts` carries what a decision rested on, amounts as decimal
strings. `errors` names every fault of a request at once, each with a JSON pointer into the body or
the name of a parameter; `code` is theirs when they all have the same one, else `request.invalid`.
`retryable` says that the same request may be sent again **with the same key**; then `retry_after`
and the `Retry-After` header say when. `height` is the journal row in which the refusal is kept, if
it is kept.

This page is written from the code (`python -m nostro.api.reference`), and a test keeps both
together. `GET /problems/{code}` tells one row.
"""


def errors_page() -> str:
    """Return docs/reference/errors.md."""
    parts = [_HEAD]
    for title, text, rows in _SECTIONS:
        parts.append(f"\n## {title}\n\n" + (f"{text}\n\n" if text else ""))
        parts.append("| code | status | means | remedy | retryable |\n|---|---|---|---|---|\n")
        parts += [
            f"| `{code}` | {row.status} | {row.title} | {row.remedy} "
            f"| {'yes' if row.retryable else 'no'} |\n"
            for code, row in rows.items()
        ]
    return "".join(parts)


_ACCESS_HEAD = """# Who may do what

Each operation needs one scope. A role gives scopes, for the caller's own accounts or for
everybody's; a token or an API key may narrow them. See [authentication](../authentication.md).

This page is written from the code (`python -m nostro.api.reference`), and a test keeps both
together.

## Scopes
"""
_ACCESS_RULES = """
## Operations

*always*: needs a token or a signature on a platform in development too.

| operation | address | scope | |
|---|---|---|---|
"""


def access_page() -> str:
    """Return docs/reference/access.md."""
    roles = list(Role)
    parts = [_ACCESS_HEAD, "\n| scope | opens | ", " | ".join(roles), " |\n"]
    parts.append("|---" * (2 + len(roles)) + "|\n")
    for scope, opens in SCOPES.items():
        has = ["all" if scope in WIDE[r] else "own" if scope in OWN[r] else "" for r in roles]
        parts.append(f"| `{scope}` | {opens} | {' | '.join(has)} |\n")
    parts.append(_ACCESS_RULES)
    for each in OPERATIONS:
        path = each.address
        scope = f"`{each.rule.scope}`" if each.rule.scope else "public"
        note = "always" if each.rule.private else ""
        parts.append(f"| `{each.name}` | `{each.method} {path}` | {scope} | {note} |\n")
    return "".join(parts)


def openapi_document(version: str) -> dict[str, Any]:
    """Return the OpenAPI document of the API."""
    return document(version)


def main() -> None:
    """Write the pages into the directory that the first argument names."""
    directory = Path(sys.argv[1])
    (directory / "errors.md").write_text(errors_page(), "utf-8")
    (directory / "access.md").write_text(access_page(), "utf-8")
    told = json.dumps(openapi_document("0"), indent=2, ensure_ascii=False)
    (directory / "openapi.json").write_text(told + "\n", "utf-8")


if __name__ == "__main__":
    main()
