"""How is a participant in another process set up? Beside the ledger API, without a token, so it is
served on loopback only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nostro.adapters.domains.canton_double.administration import Administration
from nostro.adapters.domains.canton_double.app import Asked, Route
from nostro.adapters.domains.canton_double.errors import Refusal
from nostro.adapters.domains.canton_double.ledger import Ledger
from nostro.adapters.domains.canton_double.shapes import Shape
from nostro.adapters.domains.canton_double.telling import Json


class NewParty(Shape, frozen=True):
    """To host a party."""

    hint: str


class NewUser(Shape, frozen=True):
    """To let a user have these rights."""

    user: str
    act_as: list[str] = msgspec.field(default_factory=list)
    read_as: list[str] = msgspec.field(default_factory=list)


class NewToken(Shape, frozen=True):
    """To make a token."""

    user: str
    life_s: int = 900


class NewMandate(Shape, frozen=True):
    """To let an executor act for an owner."""

    owner: str
    executor: str
    account: str


class NewHolding(Shape, frozen=True):
    """To issue something to an owner. `synchronizer`: its alias."""

    registrar: str
    owner: str
    asset: str
    amount: int | str
    synchronizer: str = ""


class Pruning(Shape, frozen=True):
    """To forget updates."""

    up_to: int


class Desk:
    """What only whoever runs the double may ask: POST /double/..., GET /double/balances."""

    def __init__(
        self, admin: Administration, ledger: Ledger, synchronizers: Mapping[str, str]
    ) -> None:
        self._admin = admin
        self._ledger = ledger
        self._synchronizers = synchronizers

    @property
    def routes(self) -> Mapping[tuple[str, str], Route]:
        """Return the operations."""
        return {
            ("POST", "/double/parties"): Route(self._party, open_=True),
            ("POST", "/double/users"): Route(self._user, open_=True),
            ("POST", "/double/tokens"): Route(self._token, open_=True),
            ("POST", "/double/mandates"): Route(self._mandate, open_=True),
            ("POST", "/double/holdings"): Route(self._holding, open_=True),
            ("POST", "/double/prune"): Route(self._prune, open_=True),
            ("GET", "/double/balances"): Route(self._balances, open_=True),
            ("GET", "/double/synchronizers"): Route(self._places, open_=True),
        }

    async def _party(self, asked: Asked) -> Json:
        return {"party": self._admin.create_party(asked.as_a(NewParty).hint)}

    async def _user(self, asked: Asked) -> Json:
        told = asked.as_a(NewUser)
        self._admin.create_user(told.user, act_as=tuple(told.act_as), read_as=tuple(told.read_as))
        return {"user": told.user}

    async def _token(self, asked: Asked) -> Json:
        told = asked.as_a(NewToken)
        return {"token": self._admin.token(told.user, life_s=told.life_s)}

    async def _mandate(self, asked: Asked) -> Json:
        told = asked.as_a(NewMandate)
        return {"contractId": self._admin.mandate(told.owner, told.executor, told.account)}

    async def _holding(self, asked: Asked) -> Json:
        told = asked.as_a(NewHolding)
        place = self._synchronizers.get(told.synchronizer, told.synchronizer)
        made = self._admin.issue(
            registrar=told.registrar,
            owner=told.owner,
            asset=told.asset,
            amount=told.amount,
            synchronizer=place,
        )
        return {"contractId": made}

    async def _prune(self, asked: Asked) -> Json:
        up_to = asked.as_a(Pruning).up_to
        if not 0 <= up_to <= self._ledger.end:
            raise Refusal("OFFSET_AFTER_LEDGER_END", f"{up_to} is after {self._ledger.end}")
        self._admin.prune(up_to)
        return {"prunedTo": self._ledger.pruned_to}

    async def _balances(self, asked: Asked) -> list[dict[str, Any]]:
        sums = self._admin.balances(asked.query.get("owner", ""))
        return [
            {"owner": owner, "asset": asset, "total": str(total), "locked": str(locked)}
            for (owner, asset), (total, locked) in sums.items()
        ]

    async def _places(self, _asked: Asked) -> Json:
        return dict(self._synchronizers)
