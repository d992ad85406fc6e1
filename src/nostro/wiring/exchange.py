"""With which liquidity providers does this deployment trade, and who hears what became durable?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nostro.adapters.clock import SystemClock
from nostro.adapters.liquidity import ProviderPerformer, providers_of
from nostro.adapters.liquidity.merchant import SimulatedMerchant
from nostro.adapters.liquidity.records import ProviderBooks, books_in
from nostro.wiring.payments import rates_of
from nostro.wiring.settings import Settings

MERCHANTS_DIR = "simulated-merchants"
MERCHANTS_SEED = 1


def merchants_books(data_dir: Path) -> Mapping[str, ProviderBooks]:
    """Return the simulated providers' own books, as they stand in a data directory."""
    files = sorted((data_dir / MERCHANTS_DIR).glob("*.jsonl"))
    return {file.stem: books_in(file) for file in files}


class ExchangeParts(NamedTuple):
    """What trades beside the engine."""

    performer: ProviderPerformer
    providers: Mapping[str, SimulatedMerchant]

    async def close(self) -> None:
        """Forget what is still on its way to the merchants."""
        for merchant in self.providers.values():
            await merchant.stop()


def exchange_parts(settings: Settings) -> ExchangeParts:
    """Return the providers that fill what books cannot, and who speaks to them."""
    clock = SystemClock()
    providers = providers_of(
        names=[name for name in settings.providers.split(",") if name],
        directory=settings.data_dir / MERCHANTS_DIR,
        clock=clock,
        rates=rates_of(settings, clock),
        seed=MERCHANTS_SEED,
        prices=settings.provider_prices,
    )
    performer = ProviderPerformer(providers, clock=clock, chain=settings.chain)
    return ExchangeParts(performer, providers)
