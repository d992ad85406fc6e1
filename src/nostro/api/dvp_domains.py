"""How does the front door reach the ledgers of our own that take part in settlements?

Wiring chooses what stands behind it: the platform's own engine, another of this process, or one
that is reached over HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """An issue that is durable at its domain. `exists`: it was before."""

    exists: bool
    height: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a party owns of an asset at a domain, and how much of that is earmarked."""

    asset: str
    scale: int
    owned_minor: int
    earmarked_minor: int


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a party owns at a domain, by asset, as of a height of the domain."""

    height: int
    holdings: Sequence[Holding]


class OwnDomains(Protocol):
    """The domains whose books we keep. Every call may raise Rejection `settlement.domain_unknown`,
    or `custody.not_here` of a domain whose books others keep, and NotDone or OutcomeUnknown."""

    def names(self) -> Sequence[str]:
        """Return the names of all domains that take part, ours and others."""
        ...

    async def issue(
        self, domain: str, *, reference: str, party: str, asset: str, scale: int, amount_minor: int
    ) -> Issued:
        """Credit a party with what came into custody, or debit it with what leaves (below 0);
        under one reference once. Raises Rejection as custody.IssueAsset says."""
        ...

    async def holdings(self, domain: str, party: str) -> Holdings:
        """Return what a party owns there."""
        ...
