"""How does an operator start the platform and keep it up?"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nostro.cli import printout
from nostro.cli.printout import Output, OutputOption

if TYPE_CHECKING:
    from nostro.wiring.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `nostro up` to the command line."""

    @app.command()
    def up(
        data_dir: Annotated[
            Path | None, typer.Option(help="Where the embedded PostgreSQL keeps the ledger.")
        ] = None,
        port: Annotated[
            int | None, typer.Option(help="Port of the API; 0 takes any free one.")
        ] = None,
        host: Annotated[str | None, typer.Option(help="Address the API listens on.")] = None,
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Start the platform and stay up."""
        from nostro.wiring.settings import load_settings

        settings = load_settings(data_dir=data_dir, port=port, host=host)
        asyncio.run(_stay_up(settings, output))


async def _stay_up(settings: Settings, output: Output) -> None:
    from nostro.wiring.platform import Platform

    platform = Platform(settings, say=printout.note)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup: a hangup is none
        loop.add_signal_handler(signal.SIGHUP, told.set)
    stopping = asyncio.ensure_future(told.wait())
    starting = asyncio.ensure_future(platform.start())
    try:
        # A long replay must not keep anyone from stopping it.
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            printout.note("stopping, as soon as what has begun is done ...")
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        url = starting.result()
        printout.facts(
            {
                "API": url,
                "documentation": f"{url}/docs",
                "health": f"{url}/readyz",
                "metrics": f"{url}/metrics",
                "data": str(settings.data_dir),
                "processes": platform.pids(),
                "stop": "Ctrl-C (everything acknowledged is kept)",
            },
            output,
        )
        _warn_of_development(settings)
        await stopping
        printout.note("stopping ...")
    finally:
        await platform.stop()


def _warn_of_development(settings: Settings) -> None:
    from nostro.wiring.identity import in_development, open_locally

    if not in_development(settings):
        return
    nobody = "; a request without one is the local operator's" if open_locally(settings) else ""
    printout.note(
        f"DEVELOPMENT: no auth_issuer is set. Tokens are those of `nostro token`{nobody}."
    )
