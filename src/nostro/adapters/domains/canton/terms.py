"""As whom, for whom and where does the coordinator act on a Canton ledger?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

DEDUPLICATION_S = 86_400
"""For how long back an accepted command refuses another of its change id. A participant takes up
to 7 days by default; a try of ours is under way for minutes at most."""


class CantonTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`coordinator`: begins the ids of its rounds. `executor`: the party that acts for it. `user`:
    of the token. `securities_issuer`, `cash_provider`: the parties that keep the registers;
    `is_cash` says whose an asset is. `synchronizer`: id or alias of the one on which rounds settle,
    "" for the first to which the executor is connected."""

    coordinator: str
    executor: str
    securities_issuer: str
    cash_provider: str
    is_cash: Callable[[str], bool]
    name: str = "canton"
    user: str = "nostro"
    synchronizer: str = ""
    deduplication_s: int = DEDUPLICATION_S

    @property
    def registrars(self) -> tuple[str, ...]:
        """Return who keeps a register, each once."""
        return tuple(dict.fromkeys((self.securities_issuer, self.cash_provider)))

    def registrar(self, asset: str) -> str:
        """Return who keeps the register of an asset."""
        return self.cash_provider if self.is_cash(asset) else self.securities_issuer
