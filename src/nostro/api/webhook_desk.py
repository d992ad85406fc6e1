"""What does the front door need of those who tell the world of what happens?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nostro.adapters.webhooks import DeliveryState, DeliveryView, EndpointView, EventType
from nostro.ledger import Page


class Webhooks(Protocol):
    """Endpoints and deliveries. Every call may raise NotDone."""

    async def register(
        self, url: str, events: Sequence[EventType], *, actor: str
    ) -> tuple[EndpointView, str]:
        """Add an endpoint and return it with its secret; raises Rejection `webhooks.bad_url`,
        `webhooks.address_refused`, `webhooks.exists` or `webhooks.too_many`."""
        ...

    async def endpoints(self) -> Sequence[EndpointView]:
        """Return all endpoints, oldest first."""
        ...

    async def endpoint(self, id: str) -> EndpointView | None:
        """Return an endpoint."""
        ...

    async def remove(self, id: str) -> None:
        """Forget an endpoint; one that is not there stays so."""
        ...

    async def rotate(self, id: str) -> tuple[EndpointView, str]:
        """Give an endpoint a new secret; raises Rejection `webhooks.unknown`."""
        ...

    async def enable(self, id: str) -> EndpointView:
        """Tell a disabled endpoint again; raises Rejection `webhooks.unknown`."""
        ...

    async def deliveries(
        self,
        id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[DeliveryView]:
        """Return deliveries, the newest first; raises Rejection `webhooks.unknown` or
        `request.bad_cursor`."""
        ...

    async def retry(self, id: str, delivery: str) -> DeliveryView:
        """Send a message again; raises Rejection `webhooks.delivery_unknown`."""
        ...
