"""How does an operator serve some routes of a running platform on a port of their own?"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from nostro.cli import printout
from nostro.cli.printout import Output, OutputOption

if TYPE_CHECKING:
    from nostro.wiring.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `nostro serve` to the command line."""

    @app.command()
    def serve(
        routes: Annotated[
            str,
            typer.Option(
                help="With commas: orders, balances, matching, settlements, payments, ledger."
            ),
        ],
        port: Annotated[
            int | None, typer.Option(help="Port to serve them on; 0 takes any free one.")
        ] = None,
        host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
        upstream: Annotated[
            str, typer.Option(help="URL of the platform that is running.")
        ] = "http://127.0.0.1:8000",
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Serve some routes of a running platform on a port of their own.

        What comes in is passed on to the platform, and its answers back. Start as many as you need.
        """
        from nostro.wiring.gateway import ROUTES
        from nostro.wiring.settings import load_settings

        groups = [name.strip() for name in routes.split(",") if name.strip()]
        unknown = [name for name in groups if name not in ROUTES]
        if unknown or not groups:
            what = f"no such routes: {', '.join(unknown)}" if unknown else "no routes named"
            raise typer.BadParameter(f"{what}; there are {', '.join(ROUTES)}")
        settings = load_settings(port=port, host=host)
        asyncio.run(_serve(settings, groups, upstream, output))


async def _serve(settings: Settings, groups: list[str], upstream: str, output: Output) -> None:
    from nostro.wiring.gateway import Gateway
    from nostro.wiring.http import HttpServer

    gateway = Gateway(upstream, groups)
    server = HttpServer(gateway, host=settings.host, port=settings.port)
    try:
        await server.start()
        facts = {
            "routes": ", ".join(groups),
            "at": server.url,
            "platform": upstream,
            "process": os.getpid(),
            "stop": "Ctrl-C",
        }
        printout.facts(facts, output)
        await _told_to_stop()
    finally:
        await server.stop()
        await gateway.close()


async def _told_to_stop() -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
