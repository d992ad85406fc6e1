"""How does a bank have itself told of what happens, and see what it was told?"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from nostro.adapters.webhooks import DeliveryState, DeliveryView, EndpointView, EventType
from nostro.api.http.ledger_reads import Cursor, Limit
from nostro.api.operations import Call, Handler, Operation, Result, answered
from nostro.api.problems import ProblemRaised, Spoken
from nostro.api.times import rfc3339
from nostro.api.webhook_desk import Webhooks

ACTOR = "operator"
ROOT = "/api/v1/webhooks"

WebhookId = Annotated[
    str,
    Meta(
        pattern=r"^wh_[0-9a-f]{24}\Z",
        description="Id of an endpoint.",
        examples=["wh_4f2a4f2a4f2a4f2a4f2a4f2a"],
    ),
]
DeliveryId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,19}:[0-9.]{1,20}:wh_[0-9a-f]{24}\Z",
        description="The webhook-id of a message.",
        examples=["42:0:wh_4f2a4f2a4f2a4f2a4f2a4f2a"],
    ),
]


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to send what: https, or http to this machine where that is allowed."""

    url: Annotated[
        str,
        Meta(max_length=2_048, description="https://", examples=["https://bank.example/hook"]),
    ]
    events: Annotated[
        list[EventType],
        Meta(
            min_length=1,
            max_length=len(EventType),
            description="Of orders, trades, routes, funds and markets there is one message for all "
            "of a kind that a request brought about, with up to 1,000 in it.",
        ),
    ]


class NothingMore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing more is needed."""


class WebhookPath(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint in the path."""

    webhook_id: WebhookId


class DeliveryPath(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint and the message in the path."""

    webhook_id: WebhookId
    delivery_id: DeliveryId


class NoQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing can be asked for."""


class DeliveriesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries."""

    state: DeliveryState | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class WebhookTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint. `secret` is told once, when it is made. With `disabled_reason` it is told
    nothing; `failing_since` is the first failure since its last good answer."""

    id: str
    url: str
    events: list[EventType]
    created_at: str
    created_by: str
    failing_since: str = ""
    disabled_at: str = ""
    disabled_reason: str = ""
    secret: str = ""


class WebhooksTold(msgspec.Struct, frozen=True, kw_only=True):
    """All endpoints, oldest first."""

    data: list[WebhookTold]


class DeliveryTold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message to an endpoint. `id` is its webhook-id; `status` and `error` are of the last
    attempt."""

    id: str
    event_type: EventType
    height: int
    state: DeliveryState
    attempts: int
    created_at: str
    next_attempt_at: str = ""
    attempted_at: str = ""
    delivered_at: str = ""
    status: int | None = None
    error: str = ""


class DeliveriesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries, the newest first."""

    data: list[DeliveryTold]
    next_cursor: str | None
    has_more: bool


def _webhooks(call: Call) -> Webhooks:
    webhooks = call.desk.platform.webhooks
    if webhooks is None:
        raise ProblemRaised("webhooks.not_here")
    return webhooks


def webhook_told(view: EndpointView, secret: str = "") -> WebhookTold:
    """Return an endpoint as it is told."""
    return WebhookTold(
        id=view.id,
        url=view.url,
        events=view.events,
        created_at=rfc3339(view.created_at_us),
        created_by=view.created_by,
        failing_since=_moment(view.failing_since_us),
        disabled_at=_moment(view.disabled_at_us),
        disabled_reason=view.disabled_reason,
        secret=secret,
    )


def delivery_told(view: DeliveryView) -> DeliveryTold:
    """Return a delivery as it is told."""
    return DeliveryTold(
        id=view.id,
        event_type=view.event_type,
        height=view.height,
        state=view.state,
        attempts=view.attempts,
        created_at=rfc3339(view.created_at_us),
        next_attempt_at=_moment(view.next_attempt_at_us),
        attempted_at=_moment(view.attempted_at_us),
        delivered_at=_moment(view.delivered_at_us),
        status=view.status,
        error=view.error,
    )


def _moment(at_us: int | None) -> str:
    return "" if at_us is None else rfc3339(at_us)


async def register_webhook(call: Call, body: WebhookBody) -> Spoken:
    """Add an endpoint."""
    actor = call.actor(ACTOR)
    view, secret = await _webhooks(call).register(body.url, body.events, actor=actor)
    return answered(webhook_told(view, secret), status=201)


async def list_webhooks(call: Call, _: NoQuery) -> Spoken:
    """Tell all endpoints."""
    views = await _webhooks(call).endpoints()
    return answered(WebhooksTold(data=[webhook_told(view) for view in views]))


async def get_webhook(call: Call, _: NoQuery) -> Spoken:
    """Tell one endpoint."""
    id = call.params.webhook_id
    view = await _webhooks(call).endpoint(id)
    if view is None:
        raise ProblemRaised("webhooks.unknown", facts={"id": id})
    return answered(webhook_told(view))


async def remove_webhook(call: Call, _: NoQuery) -> Spoken:
    """Forget an endpoint; tell those that are left."""
    await _webhooks(call).remove(call.params.webhook_id)
    return await list_webhooks(call, _)


async def rotate_webhook(call: Call, _: NothingMore) -> Spoken:
    """Give an endpoint a new secret."""
    view, secret = await _webhooks(call).rotate(call.params.webhook_id)
    return answered(webhook_told(view, secret))


async def enable_webhook(call: Call, _: NothingMore) -> Spoken:
    """Tell a disabled endpoint again."""
    return answered(webhook_told(await _webhooks(call).enable(call.params.webhook_id)))


async def list_deliveries(call: Call, query: DeliveriesQuery) -> Spoken:
    """Tell what an endpoint was sent, page by page."""
    page = await _webhooks(call).deliveries(
        call.params.webhook_id, state=query.state, cursor=query.cursor, limit=query.limit
    )
    told = DeliveriesPage(
        data=[delivery_told(view) for view in page.items],
        next_cursor=page.next_cursor,
        has_more=page.next_cursor is not None,
    )
    return answered(told)


async def retry_delivery(call: Call, _: NothingMore) -> Spoken:
    """Send a message again."""
    params = call.params
    view = await _webhooks(call).retry(params.webhook_id, params.delivery_id)
    return answered(delivery_told(view))


_ID = "wh_4f2a4f2a4f2a4f2a4f2a4f2a"
_WEBHOOK: dict[str, Any] = {
    "id": _ID,
    "url": "https://bank.example/hook",
    "events": ["payment.settled", "payment.failed"],
    "created_at": "2026-01-30T09:30:00.000000Z",
    "created_by": "operator",
}
_WITH_SECRET = {**_WEBHOOK, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDb2F1Y29tZQ=="}
_DELIVERY: dict[str, Any] = {
    "id": f"42:0:{_ID}",
    "event_type": "payment.settled",
    "height": 42,
    "state": "delivered",
    "attempts": 1,
    "created_at": "2026-01-30T09:30:00.000000Z",
    "attempted_at": "2026-01-30T09:30:00.250000Z",
    "delivered_at": "2026-01-30T09:30:00.300000Z",
    "status": 200,
}


def _change(
    *,
    name: str,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    told: Result,
    problem: str = "webhooks.unknown",
    params: type[msgspec.Struct] = WebhookPath,
) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=f"{ROOT}/{{webhook_id}}/{path}",
        tag="webhooks",
        summary=summary,
        description=description,
        handler=handler,
        params=params,
        body=NothingMore,
        body_optional=True,
        body_example={},
        problems=(problem, "webhooks.not_here"),
        results={200: told},
    )


OPERATIONS = (
    Operation(
        name="registerWebhook",
        method="POST",
        path=ROOT,
        tag="webhooks",
        summary="Be told of what happens",
        description="From here on. Messages are signed after Standard Webhooks; `secret` is told "
        "in this answer only.",
        handler=register_webhook,
        body=WebhookBody,
        body_example={name: _WEBHOOK[name] for name in ("url", "events")},
        actor=ACTOR,
        problems=(
            "webhooks.bad_url",
            "webhooks.address_refused",
            "webhooks.exists",
            "webhooks.too_many",
            "webhooks.not_here",
        ),
        results={201: Result(description="It is told.", shape=WebhookTold, example=_WITH_SECRET)},
    ),
    Operation(
        name="listWebhooks",
        method="GET",
        path=ROOT,
        tag="webhooks",
        summary="Endpoints",
        description="Oldest first, without their secrets.",
        handler=list_webhooks,
        query=NoQuery,
        problems=("webhooks.not_here",),
        results={200: Result(description="All.", shape=WebhooksTold, example={"data": [_WEBHOOK]})},
    ),
    Operation(
        name="getWebhook",
        method="GET",
        path=f"{ROOT}/{{webhook_id}}",
        tag="webhooks",
        summary="An endpoint",
        description="Whether it fails, or is disabled.",
        handler=get_webhook,
        query=NoQuery,
        params=WebhookPath,
        problems=("webhooks.unknown", "webhooks.not_here"),
        results={200: Result(description="It.", shape=WebhookTold, example=_WEBHOOK)},
    ),
    Operation(
        name="removeWebhook",
        method="DELETE",
        path=f"{ROOT}/{{webhook_id}}",
        tag="webhooks",
        summary="Be told no more",
        description="With its deliveries. One that is not there stays so.",
        handler=remove_webhook,
        query=NoQuery,
        params=WebhookPath,
        problems=("webhooks.not_here",),
        results={
            200: Result(
                description="Those that are left.", shape=WebhooksTold, example={"data": []}
            )
        },
    ),
    _change(
        name="rotateWebhookSecret",
        path="rotate",
        summary="Replace an endpoint's secret",
        description="The old secret signs beside the new one for a day.",
        handler=rotate_webhook,
        told=Result(description="The new secret.", shape=WebhookTold, example=_WITH_SECRET),
    ),
    _change(
        name="enableWebhook",
        path="enable",
        summary="Tell a disabled endpoint again",
        description="What waited for it less than a day is sent too.",
        handler=enable_webhook,
        told=Result(description="It is told.", shape=WebhookTold, example=_WEBHOOK),
    ),
    Operation(
        name="listWebhookDeliveries",
        method="GET",
        path=f"{ROOT}/{{webhook_id}}/deliveries",
        tag="webhooks",
        summary="What an endpoint was sent",
        description="The newest first; kept for 30 days.",
        handler=list_deliveries,
        query=DeliveriesQuery,
        params=WebhookPath,
        problems=("webhooks.unknown", "request.bad_cursor", "webhooks.not_here"),
        results={
            200: Result(
                description="Deliveries.",
                shape=DeliveriesPage,
                example={"data": [_DELIVERY], "next_cursor": None, "has_more": False},
            )
        },
    ),
    _change(
        name="retryWebhookDelivery",
        path="deliveries/{delivery_id}/retry",
        summary="Send a message again",
        description="At once, with the same webhook-id, whether it was delivered or not.",
        handler=retry_delivery,
        params=DeliveryPath,
        problem="webhooks.delivery_unknown",
        told=Result(
            description="It is sent.", shape=DeliveryTold, example={**_DELIVERY, "state": "pending"}
        ),
    ),
)
