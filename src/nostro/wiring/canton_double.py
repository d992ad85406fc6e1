"""How is a double of a Canton participant run in a process of its own?

`Child(name=..., module="nostro.wiring.canton_double", order=...)`; it says `url` when it is ready.
A call whose answer is lost ends with a broken connection, as from a real participant.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from nostro.adapters.clock import SystemClock
from nostro.adapters.domains.canton_double import CantonDouble, DoubleTerms
from nostro.adapters.domains.canton_double.gate import Dropped, NoConnection
from nostro.adapters.domains.canton_double.keeping import Keeping
from nostro.adapters.domains.served import office_app
from nostro.wiring.http import HttpServer
from nostro.wiring.processes import read_order, say_ready, until_told_to_stop

PROMISED_BYTES = 64
"""Of an answer that never comes whole."""
TOKEN_FILE = "token"
TOKEN_LIFE_S = 10 * 365 * 86_400
TOKEN_BYTES = 32
OFFICE = frozenset(("/issue", "/holdings", "/balances"))


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """How the participant is to be; `directory` as in CantonDouble, "" for none. With a `user`, it
    is set up for a coordinator of that user: its parties are there, its token stands in the
    directory, and what the operator of a domain may do is served to who knows `token`."""

    directory: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    name: str = "participant"
    synchronizers: tuple[str, ...] = ("settlement",)
    call_ms: int = 0
    concurrent_max: int = 1_000
    user: str = ""
    token: str = ""
    parent_pid: int = 0


def double_order(directory: Path, *, user: str) -> dict[str, Any]:
    """Return the order of a participant that is set up for a coordinator."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return {"directory": str(directory), "user": user, "token": token, "port": 0}


class Breaking:
    """An ASGI application whose answer breaks off where another would give none. `office`: what
    answers the operator, if he is served."""

    def __init__(self, app: ASGIApp, office: ASGIApp | None = None) -> None:
        self._app = app
        self._office = office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._office is not None and scope.get("path") in OFFICE:
            await self._office(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except (Dropped, NoConnection):
            length = (b"content-length", str(PROMISED_BYTES).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            await send({"type": "http.response.body", "body": b" ", "more_body": True})


async def serve(order: Order) -> None:
    """Serve until told to stop."""
    directory = Path(order.directory) if order.directory else None
    double = CantonDouble(
        clock=SystemClock(),
        terms=DoubleTerms(
            seed=order.seed,
            name=order.name,
            synchronizers=order.synchronizers,
            call_ms=order.call_ms,
            concurrent_max=order.concurrent_max,
        ),
        directory=directory,
    )
    office, facts = None, {}
    if order.user and directory is not None:
        keeping = Keeping(double.ledger, double.admin)
        facts = _set_up(double, keeping, directory, user=order.user)
        office = office_app(keeping, token=order.token)
    server = HttpServer(Breaking(double.app, office), host=order.host, port=order.port)
    try:
        await server.start()
        settings = {**facts, "canton_url": server.url}
        say_ready(
            name=order.name, pid=os.getpid(), url=server.url, port=server.port, settings=settings
        )
        await until_told_to_stop()
    finally:
        await server.stop()
        await double.close()


def _set_up(
    double: CantonDouble, keeping: Keeping, directory: Path, *, user: str
) -> dict[str, str]:
    """Let a coordinator in, and return the settings by which it finds its way."""
    keeping.admit(user)
    file = directory / TOKEN_FILE
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(double.admin.token(user, life_s=TOKEN_LIFE_S), "ascii")
    new.replace(file)
    return {
        "canton_token_file": str(file),
        "canton_user": user,
        "canton_executor_party": keeping.parties.executor,
        "canton_securities_issuer": keeping.parties.securities_issuer,
        "canton_cash_provider": keeping.parties.cash_provider,
    }


def main() -> None:
    """Run what the parent ordered."""
    asyncio.run(serve(msgspec.convert(read_order(), Order)))


if __name__ == "__main__":
    main()
