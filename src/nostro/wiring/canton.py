"""At which Canton participant does this deployment settle, and as whom?"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton.auth import BearerToken, TokenFile
from nostro.adapters.domains.canton.client import CantonClient
from nostro.adapters.domains.canton.domain import CantonDomain
from nostro.adapters.domains.canton.terms import CantonTerms
from nostro.adapters.domains.port import Domain
from nostro.kernel.asset import SEED
from nostro.runtime.ports import NotDone
from nostro.wiring.settings import CANTON, Settings


def canton_of(settings: Settings) -> Mapping[str, Domain]:
    """Return the domain that a participant keeps, by name, or none. Raises NotDone when a setting
    that it needs is missing."""
    if settings.canton_url is None:
        return {}
    missing = [
        name
        for name in ("canton_executor_party", "canton_securities_issuer", "canton_cash_provider")
        if not getattr(settings, name)
    ]
    if missing:
        raise NotDone(f"a participant needs parties: set {', '.join(missing)}")
    clock = SystemClock()
    file = settings.canton_token_file
    token = None if file is None else BearerToken(TokenFile(file), clock=clock)
    client = CantonClient(settings.canton_url, token=token, calls_max=settings.canton_calls_max)
    terms = CantonTerms(
        name=CANTON,
        coordinator=settings.chain,
        executor=settings.canton_executor_party,
        user=settings.canton_user,
        securities_issuer=settings.canton_securities_issuer,
        cash_provider=settings.canton_cash_provider,
        is_cash=lambda asset: asset in SEED,
        synchronizer=settings.canton_synchronizer,
    )
    return {CANTON: CantonDomain(terms, client, ids=lambda: str(uuid4()), clock=clock)}
