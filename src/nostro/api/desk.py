"""Who takes a caller's command to the engine, and knows how amounts are written?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from nostro.api.amounts import told
from nostro.api.meters import Meters
from nostro.api.patience import Patience
from nostro.api.platform import Platform
from nostro.api.problem_table import row_for
from nostro.api.watch import Watch
from nostro.kernel.asset import SEED, Asset
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import Receipt

ATTEMPTS_MAX = 8
"""How often a command under a derived key is decided anew after `unknown`."""
NOT_FOUND = 404


class Desk:
    """The one place through which commands leave the door."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.watch = Watch(platform)
        self.meters = Meters()
        self.body_bytes_max = platform.bounds.body_bytes_max
        self._engine = platform.engine
        self._patience = Patience(platform.bounds.answer_timeout_s)
        self._assets: dict[str, Asset] = dict(SEED)

    def submit(self, *, key: str, command: Command, actor: str) -> asyncio.Future[Receipt]:
        """Send a command to the engine and return the future of its receipt, which is sure to be
        done in time. Raises and fails like `Engine.submit`."""
        future = self._engine.submit(key=key, command=command, actor=actor)
        self._patience.watch(future)
        return future

    async def submit_derived(self, *, key: str, command: Command, actor: str) -> Receipt:
        """Send a command under a key that was made of the ids it names.

        What such a key was told first, it is told for ever, but for one answer: that something is
        not known (404). It may be known by now, so the command is decided again, under a key that
        follows from the first answer: callers who repeat it at the same time meet again there.
        """
        receipt = await self.submit(key=key, command=command, actor=actor)
        for _ in range(ATTEMPTS_MAX):
            code = receipt.reply.code
            if not receipt.replayed or not code or row_for(code).status != NOT_FOUND:
                break
            again = f"{key}#{receipt.height}"
            receipt = await self.submit(key=again, command=command, actor=actor)
        return receipt

    async def fresh(self, at_least: int | None) -> None:
        """Return once the views tell of a height; raises ViewsBehind when they do not in time."""
        if at_least:
            platform = self.platform
            await platform.ledger.wait_for(at_least, platform.bounds.at_least_timeout_ms)

    async def asset(self, code: str) -> Asset:
        """Return an asset of the registry; raises Rejection `asset.unknown`.

        Assets never change, so one that was seen is remembered; the views are asked for one that
        was not.
        """
        asset = self._assets.get(code)
        if asset is None:
            for each in await self.platform.ledger.assets():
                self.learn(each)
            asset = self._assets.get(code)
        if asset is None:
            raise Rejection("asset.unknown", asset=code)
        return asset

    def learn(self, asset: Asset) -> None:
        """Remember an asset that is registered durably."""
        self._assets[asset.code] = asset

    def known(self, code: str) -> Asset | None:
        """Return an asset without asking anyone."""
        return self._assets.get(code)

    def told(self, facts: Mapping[str, Any], asset: str = "") -> dict[str, Any]:
        """Return facts with their amounts as decimal strings (see `amounts.told`)."""
        return told(facts, self._assets, asset)
