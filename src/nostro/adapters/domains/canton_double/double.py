"""A Canton participant that is none: how is it put together, and how is it reached?"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path

import httpx

from nostro.adapters.domains.canton_double.administration import Administration
from nostro.adapters.domains.canton_double.app import Participant
from nostro.adapters.domains.canton_double.deeds import Deeds, digest
from nostro.adapters.domains.canton_double.desk import Desk
from nostro.adapters.domains.canton_double.faults import (
    FAIR,
    Fate,
    Faults,
    FileSwitchboard,
    MemorySwitchboard,
    Switchboard,
    Weather,
)
from nostro.adapters.domains.canton_double.gate import Dropped, Gate, NoConnection
from nostro.adapters.domains.canton_double.holdings import TEMPLATE
from nostro.adapters.domains.canton_double.hosting import Hosting
from nostro.adapters.domains.canton_double.identity import Identity
from nostro.adapters.domains.canton_double.interpreter import Package
from nostro.adapters.domains.canton_double.ledger import Ledger
from nostro.adapters.domains.canton_double.preparing import Preparing
from nostro.adapters.domains.canton_double.reading import Reading
from nostro.adapters.domains.canton_double.rounds import TEMPLATES
from nostro.adapters.domains.canton_double.telling import Teller
from nostro.runtime.ports import Clock

PACKAGE_NAME = "nostro-dvp"
PACKAGE = Package(
    PACKAGE_NAME,
    digest("package", PACKAGE_NAME, "1.0.0"),
    {each.name: each for each in (TEMPLATE, *TEMPLATES)},
)
BOOKS_FILE = "participant.jsonl"
FAULTS_FILE = "faults.json"
KEY_FILE = "key"
KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class DoubleTerms:
    """How a participant is. `synchronizers`: aliases, the first is where contracts begin unless
    their command says otherwise. `call_ms`: how long a call takes, `concurrent_max` at once."""

    seed: int = 1
    name: str = "participant"
    synchronizers: tuple[str, ...] = ("settlement",)
    call_ms: int = 0
    concurrent_max: int = 1_000


class CantonDouble:
    """A participant in this process. `directory`: where it keeps its books, and is told its faults;
    without one it forgets everything. `key` signs its tokens; it is made, and kept there, when
    there is none."""

    def __init__(
        self,
        *,
        clock: Clock,
        terms: DoubleTerms | None = None,
        directory: Path | None = None,
        key: bytes | None = None,
        weather: Weather = FAIR,
    ) -> None:
        self.terms = terms = terms or DoubleTerms()
        self.participant_id = f"{terms.name}::1220{digest(terms.seed, 'participant')}"
        self.synchronizers = {
            alias: f"{alias}::1220{digest(terms.seed, 'synchronizer', alias)}"
            for alias in terms.synchronizers
        }
        """The ids of the synchronizers, by alias."""
        self.ledger = Ledger(None if directory is None else directory / BOOKS_FILE)
        self.key = key or _key_in(directory)
        board: Switchboard = MemorySwitchboard()
        if directory is not None:
            board = FileSwitchboard(directory / FAULTS_FILE)
        self.fate = Fate(seed=terms.seed, weather=weather, switchboard=board)
        self._assemble(clock, terms)

    def _assemble(self, clock: Clock, terms: DoubleTerms) -> None:
        ledger, call_s = self.ledger, terms.call_ms / 1_000
        self._deeds = deeds = Deeds(
            ledger,
            clock=clock,
            seed=terms.seed,
            call_s=call_s,
            synchronizers=self.synchronizers.values(),
        )
        preparing = Preparing(ledger, deeds, package=PACKAGE, clock=clock, seed=terms.seed)
        teller = Teller(ledger, PACKAGE)
        reading = Reading(ledger, teller, preparing, participant_id=self.participant_id)
        identity = Identity(ledger, key=self.key, participant_id=self.participant_id, clock=clock)
        self.gate = Gate(self.fate, clock=clock, call_s=call_s, concurrent_max=terms.concurrent_max)
        self.admin = Administration(
            ledger, deeds, preparing, identity, package=PACKAGE, seed=terms.seed
        )
        self.app = Participant(
            ledger=ledger,
            deeds=deeds,
            preparing=preparing,
            reading=reading,
            teller=teller,
            identity=identity,
            gate=self.gate,
            participant_id=self.participant_id,
        )
        hosting = Hosting(ledger, deeds, self.admin, self.participant_id, PACKAGE)
        self.app.add(hosting.routes)
        self.app.add(Desk(self.admin, ledger, self.synchronizers).routes)

    @property
    def faults(self) -> Switchboard:
        """Return where faults are switched."""
        return self.fate.switchboard

    def switch_next(self, faults: Faults, path: str = "") -> None:
        """Let these faults befall the next call whose path ends so, and no other."""
        self.fate.switch_next(faults, path)

    def transport(self, context: Callable[[], Context] | None = None) -> DoubleTransport:
        """Return how a client in this process reaches it. `context`: of what runs on its side, for
        a simulation in which the client dies, and the participant does not."""
        return DoubleTransport(self.app, context=context)

    async def close(self) -> None:
        """Stop, and let the books go."""
        await self._deeds.stop()
        self.ledger.close()


class DoubleTransport(httpx.AsyncBaseTransport):
    """Carries requests to a participant in this process, and breaks as a network does. What has
    arrived is done whether or not its client waits."""

    def __init__(self, app: Participant, *, context: Callable[[], Context] | None = None) -> None:
        self._inner = httpx.ASGITransport(app)
        self._context = context
        self._tasks: set[asyncio.Task[httpx.Response]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer; raises httpx.ConnectError, ReadError or ReadTimeout."""
        context = None if self._context is None else self._context()
        task = asyncio.get_running_loop().create_task(
            self._inner.handle_async_request(request),
            name=f"participant-{request.url.path}",
            context=context,
        )
        self._tasks.add(task)
        task.add_done_callback(self._done, context=context)  # heard there: the client may be dead
        patience_s = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(patience_s):
                return await asyncio.shield(task)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time", request=request) from None
        except NoConnection:
            raise httpx.ConnectError("connection refused", request=request) from None
        except Dropped:
            raise httpx.ReadError("connection lost", request=request) from None

    def _done(self, task: asyncio.Task[httpx.Response]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited was told; if nobody did, nobody needs to be

    async def aclose(self) -> None:
        """Forget what nobody waits for any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _key_in(directory: Path | None) -> bytes:
    if directory is None:
        return secrets.token_bytes(KEY_BYTES)
    file = directory / KEY_FILE
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.touch(0o600)
        new.write_bytes(secrets.token_bytes(KEY_BYTES))
        new.replace(file)
    return file.read_bytes()
