"""Who takes a caller's command to the engine, and knows how amounts are written?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from secrets import token_hex
from typing import Any

from nostro.api.amounts import told
from nostro.api.intake import Intake
from nostro.api.meters import Meters
from nostro.api.patience import Patience
from nostro.api.picture import Picture
from nostro.api.platform import Platform
from nostro.api.problem_table import leaves_no_mark, may_change
from nostro.api.watch import Watch
from nostro.kernel.asset import SEED, Asset
from nostro.kernel.messages import Command, Rejection
from nostro.kernel.reply import KeyReused, Receipt, Reply
from nostro.runtime.ports import NotDone

ATTEMPTS_MAX = 8
"""Answers under a derived key that are followed to the next one; after them each request is decided
anew, under a key that nobody meets again."""


class Desk:
    """The one place through which commands leave the door."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.watch = Watch(platform)
        self.meters = Meters()
        self.gate = platform.gate
        self.limits = platform.limits
        self.intake = Intake(platform.engine, bytes_max=platform.bounds.body_bytes_max)
        self._engine = platform.engine
        self._patience = Patience(platform.bounds.answer_timeout_s)
        self._assets: dict[str, Asset] = dict(SEED)

    @property
    def picture(self) -> Picture:
        """Return how the markets durably stand. Raises Rejection `exchange.not_here`, and NotDone
        while a picture that could not be kept up is not begun anew: that takes a moment in which
        the engine's memory is all durable."""
        picture = self.platform.picture
        if picture is None:
            raise Rejection("exchange.not_here")
        if picture.broken:
            engine = self._engine
            if not engine.idle:
                raise NotDone("what the markets show is made anew")
            picture.begin(engine.look("exchange"), height=engine.height, at_us=engine.at_us)
        return picture

    def submit(self, *, key: str, command: Command, actor: str) -> asyncio.Future[Receipt]:
        """Send a command to the engine and return the future of its receipt, which is sure to be
        done in time. Raises and fails like `Engine.submit`."""
        future = self._engine.submit(key=key, command=command, actor=actor)
        self._patience.watch(future)
        return future

    async def submit_derived(
        self,
        *,
        key: str,
        command: Command,
        actor: str,
        code_of: Callable[[Reply], str] = lambda reply: reply.code,
    ) -> Receipt:
        """Send a command under a key that was made of the ids it names.

        What such a key was told first, it is told for ever, but for two kinds of refusal. What is
        not known (yet) may be known by now, and a request that was refused for its own content
        left no mark under its ids, so it may be mended. Then the command is decided again, under a
        key that follows from the first answer: callers who repeat it meet again there. The ids
        themselves see to it that a deed is done once. `code_of`: the code a reply comes to. Fails
        like `submit`.
        """
        under = key
        for _ in range(ATTEMPTS_MAX):
            try:
                first = await self.submit(key=under, command=command, actor=actor)
                if not (first.replayed and may_change(code_of(first.reply))):
                    return first
            except KeyReused as reused:
                first = reused.first
                if not leaves_no_mark(code_of(first.reply)):
                    raise
            under = f"{key}#{first.height}"
        return await self.submit(key=f"{key}#{token_hex(8)}", command=command, actor=actor)

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
        await self.ask_for((code,))
        asset = self._assets.get(code)
        if asset is None:
            raise Rejection("asset.unknown", asset=code)
        return asset

    async def ask_for(self, codes: Iterable[str]) -> None:
        """Learn of these assets what there is to learn; the views are asked once at most."""
        if all(code in self._assets for code in codes):
            return
        for each in await self.platform.ledger.assets():
            self.learn(each)

    def learn(self, asset: Asset) -> None:
        """Remember an asset that is registered durably."""
        self._assets[asset.code] = asset

    def known(self, code: str) -> Asset | None:
        """Return an asset without asking anyone."""
        return self._assets.get(code)

    def told(self, facts: Mapping[str, Any], asset: str = "") -> dict[str, Any]:
        """Return facts with their amounts as decimal strings (see `amounts.told`)."""
        return told(facts, self._assets, asset)
