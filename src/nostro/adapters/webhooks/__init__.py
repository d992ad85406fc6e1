"""Who is told over HTTP of what happens, and what became of each message?

Signed after Standard Webhooks (https://www.standardwebhooks.com), at least once, in no order.
"""

from nostro.adapters.webhooks.addresses import AddressRefused, check_url
from nostro.adapters.webhooks.looking import TradingViews
from nostro.adapters.webhooks.notifier import Notifier, NotifierSettings
from nostro.adapters.webhooks.records import (
    DeliveryState,
    DeliveryView,
    EndpointView,
    EventType,
)
from nostro.adapters.webhooks.store import WebhookStore

__all__ = [
    "AddressRefused",
    "DeliveryState",
    "DeliveryView",
    "EndpointView",
    "EventType",
    "Notifier",
    "NotifierSettings",
    "TradingViews",
    "WebhookStore",
    "check_url",
]
