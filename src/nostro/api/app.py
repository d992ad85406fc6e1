"""How is the front door put together?"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from fastapi import FastAPI
from starlette.convertors import register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import compile_path

from nostro.api import openapi
from nostro.api.desk import Desk
from nostro.api.feeds import sse, ws
from nostro.api.feeds.hub import Hub
from nostro.api.front import FrontDoor
from nostro.api.http import (
    accounts,
    api_keys,
    balances,
    batches,
    dvp,
    dvp_admin,
    dvp_instructing,
    dvp_queries,
    explained,
    health,
    iso20022,
    iso20022_dvp,
    iso20022_statements,
    ledger_reads,
    liquidity,
    market_admin,
    markets,
    order_reads,
    orders,
    orders_bulk,
    participants,
    payments,
    payments_bulk,
    payments_reads,
    risk,
    settlements,
    trading_admin,
    transfers,
    wallet,
    wallet_reads,
    webhooks,
)
from nostro.api.http.payments_stream import Streams, is_stream
from nostro.api.intake import read_headers
from nostro.api.operations import Operation, RequestIds, admitted, perform
from nostro.api.page import page
from nostro.api.platform import Platform
from nostro.api.problems import ProblemRaised, Spoken, spoken

TITLE = "Nostro"

register_url_convertor("symbol", markets.SymbolInPath())
register_url_convertor("order", orders.OrderInPath())
register_url_convertor("dvp", dvp.DvpInPath())

OPERATIONS: tuple[Operation, ...] = (
    *payments.OPERATIONS,
    *payments_bulk.OPERATIONS,
    *iso20022.OPERATIONS,  # before the payment, whose id takes whatever follows it
    *iso20022_statements.OPERATIONS,
    *payments_reads.OPERATIONS,
    *participants.OPERATIONS,
    *settlements.OPERATIONS,
    *batches.OPERATIONS,
    *risk.OPERATIONS,
    *liquidity.OPERATIONS,
    *webhooks.OPERATIONS,
    *api_keys.OPERATIONS,
    *orders.OPERATIONS,
    *orders_bulk.OPERATIONS,
    *order_reads.OPERATIONS,
    *market_admin.OPERATIONS,  # longer paths before the market, whose symbol takes a slash
    *markets.OPERATIONS,
    *trading_admin.OPERATIONS,
    *iso20022_dvp.OPERATIONS,
    *dvp_queries.OPERATIONS,
    *dvp_instructing.OPERATIONS,
    *dvp.OPERATIONS,
    *dvp_admin.OPERATIONS,
    *balances.OPERATIONS,
    *wallet.OPERATIONS,
    *wallet_reads.OPERATIONS,
    *accounts.OPERATIONS,
    *transfers.OPERATIONS,
    *ledger_reads.OPERATIONS,
    *health.OPERATIONS,
    *explained.OPERATIONS,
)


def create_app(platform: Platform) -> FastAPI:
    """Return the HTTP API of a platform, an ASGI application."""
    app = FrontDoor(
        title=TITLE,
        version=platform.version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.desk = Desk(platform)
    app.request_ids = RequestIds()
    app.access_log = platform.access_log
    # Bulk payments go the long way: by what the body says it is, it is a stream.
    app.open_short_ways(
        operation for operation in OPERATIONS if operation.path != payments_bulk.PATH
    )
    hub = Hub(app.desk)
    app.serve_socket = partial(ws.serve, hub)
    app.add_route(sse.PATH, partial(_follow, hub), methods=["GET"], include_in_schema=False)
    streams = Streams(app.desk)
    for operation in OPERATIONS:
        _route(app, operation, streams)
    for path in ("/", "/docs"):
        app.add_api_route(path, _show_page, include_in_schema=False, response_class=Response)
    app.add_exception_handler(HTTPException, _not_here)
    app.add_exception_handler(Exception, _broken)
    app.openapi = cache(lambda: document(app.version))  # type: ignore[method-assign]
    return app


def _route(app: FrontDoor, operation: Operation, streams: Streams | None = None) -> None:
    """Let FastAPI find an operation by its path, and document it."""
    may_stream = streams is not None and operation.path == payments_bulk.PATH

    async def endpoint(request: Request) -> Response:
        if may_stream and is_stream(headers := read_headers(request.scope)):
            assert streams is not None
            try:
                caller = await admitted(app.desk, operation, request.scope, headers)
                return streams.enter(headers, caller)
            except Exception as error:
                return _problem(request, error)
        answer = await perform(
            app.desk,
            operation,
            request.scope,
            request.receive,
            read_headers(request.scope),
            request.scope["nostro.request_id"],
            request.path_params,
        )
        return _response(answer)

    app.add_api_route(
        operation.path,
        endpoint,
        methods=[operation.method],
        name=operation.name,
        operation_id=operation.name,
        summary=operation.summary,
        description=operation.description,
        tags=[operation.tag],
        response_model=None,
        response_class=Response,
        status_code=min(operation.results),
        openapi_extra=openapi.extra_of(operation),
    )


def _response(answer: Spoken) -> Response:
    response = Response(answer.body, answer.status)
    response.raw_headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    return response


def document(version: str) -> dict[str, Any]:
    """Return the OpenAPI document; it is the same for every platform."""
    app = FrontDoor(title=TITLE, version=version, docs_url=None, redoc_url=None, openapi_url=None)
    for operation in OPERATIONS:
        _route(app, operation)
    written: dict[str, Any] = openapi.document(TITLE, version, app.routes, OPERATIONS)
    return written


async def _show_page(request: Request) -> Response:
    return HTMLResponse(page(request.app.openapi()))


async def _follow(hub: Hub, request: Request) -> Response:
    """Answer with the messages of one channel, without an end."""
    try:
        return await sse.entered(hub, request)
    except Exception as error:
        return _problem(request, error)


async def _not_here(request: Request, error: Exception) -> Response:
    """Answer an address or a method that there is not."""
    assert isinstance(error, HTTPException)
    code = "request.method_not_allowed" if error.status_code == 405 else "request.not_found"
    response = _problem(request, ProblemRaised(code))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405 and (methods := _methods_at(request.url.path)):
        response.headers["Allow"] = ", ".join(methods)
    return response


def _methods_at(path: str) -> list[str]:
    """Return every method of an address; the router names only that of the first it meets."""
    return next((methods for address, methods in _METHODS if address.match(path)), [])


_METHODS = [
    (
        compile_path(path)[0],
        sorted(operation.method for operation in OPERATIONS if operation.path == path),
    )
    for path in dict.fromkeys(operation.path for operation in OPERATIONS)
]


async def _broken(request: Request, error: Exception) -> Response:
    return _problem(request, error)


def _problem(request: Request, error: Exception) -> Response:
    request_id = request.scope.get("nostro.request_id", "")
    return _response(spoken(error, instance=request.url.path, request_id=request_id))
