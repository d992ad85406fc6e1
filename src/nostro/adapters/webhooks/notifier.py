"""How are endpoints told of what the journal says, again until they have heard it?

One task follows the journal after its own checkpoint and writes messages; others send them. At
least once: a message has the same webhook-id in each attempt. What cannot be sent is tried for a
day; an endpoint that says 410, or that fails for days, is told nothing more until it is enabled.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog
from standardwebhooks.webhooks import Webhook

from nostro.adapters.moments import rfc3339
from nostro.adapters.settlement_messages import Scales
from nostro.adapters.webhooks import settling, trading
from nostro.adapters.webhooks.addresses import AddressRefused, check_url, resolve
from nostro.adapters.webhooks.looking import TradingViews
from nostro.adapters.webhooks.notices import Notice, body_of, notices_of, tags_of
from nostro.adapters.webhooks.records import EndpointView
from nostro.adapters.webhooks.store import Claimed, Queued, WebhookStore
from nostro.adapters.webhooks.trading import Heard, Known, Needed
from nostro.kernel.messages import Rejection
from nostro.runtime.ports import Clock, NotDone
from nostro.settlement import ToldEvent

log = structlog.get_logger(__name__)

GONE = 410
ROWS_MAX = 1_000
"""Heights looked at in one step; only those that tell something are read."""
BYTES_MAX = 8 * 2**20
"""Payload of the rows that are taken in at a time, but for the last one."""
SENDERS_MAX = 32
SENDERS_PER_ENDPOINT = 4
CLAIM_US = 60_000_000
"""How long a message that is being sent is kept from others; more than an attempt can take."""
KEEP_US = 30 * 24 * 3_600_000_000
"""How long the delivery log goes back."""
FORGET_EVERY_US = 3_600_000_000
NOTHING_KNOWN = Known({}, {}, {})
NOTHING_TOLD: tuple[Mapping[int, Sequence[ToldEvent]], Scales] = ({}, {})
ANSWER_MAX = 1_000
"""Characters of an error that are noted; the body of an answer is never read."""


class NotifierSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses: `retry_first_s` before the second attempt, four times as long before each one after
    it, at most `retry_last_s`: 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 5.7 h, then every 6 h.
    `timeout_s` of an attempt; `disable_after_s` of failing without one good answer."""

    timeout_s: float = 15.0
    retry_first_s: float = 5.0
    retry_last_s: float = 21_600.0
    disable_after_s: float = 3 * 86_400.0
    pause_s: float = 0.25
    outage_pause_s: float = 2.0


class _NotTaken(Exception):
    """An attempt that failed: the status if there was an answer, and why."""

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


class Notifier:
    """Tells the endpoints of one chain; run it in one process, though a second does no harm."""

    def __init__(
        self,
        store: WebhookStore,
        *,
        views: TradingViews,
        chain: str,
        clock: Clock,
        settings: NotifierSettings | None = None,
        seed: int = 0,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        """`seed`: of the jitter. `client`: its redirects are never followed."""
        self._store = store
        self._views = views
        self._chain = chain
        self._clock = clock
        self._settings = settings or NotifierSettings()
        self._jitter = Random(seed)
        self._client = client
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._by_endpoint: Counter[str] = Counter()
        self._forget_at_us = 0
        self._awaited = 0
        """The height of which the views must tell before there is more to do (0: none)."""

    async def run(self) -> None:
        """Tell until cancelled; outages are waited out. Attempts under way end with it, and are
        made again by whoever runs next."""
        owned = self._client is None
        self._client = self._client or httpx.AsyncClient(trust_env=False)
        try:
            while True:
                await self._clock.sleep(await self._step())
        finally:
            sending = list(self._sending.values())
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            if owned:
                await self._client.aclose()
                self._client = None

    async def _step(self) -> float:
        """Do what there is to do now; return how long to pause."""
        try:
            behind = await self.follow()
            started = await self.send_due()
            await self._forget()
        except NotDone as outage:
            log.warning("webhooks_outage", reason=str(outage))
            return self._settings.outage_pause_s
        except Exception:
            log.exception("webhooks_failed")
            return self._settings.outage_pause_s
        return 0.0 if behind or started else self._settings.pause_s

    async def follow(self) -> bool:
        """Write messages for what has happened since the checkpoint; True when there is more."""
        before, head = await self._store.heights()
        if head <= before:
            return False
        endpoints = [each for each in await self._store.endpoints() if each.disabled_at_us is None]
        if not endpoints:
            await self._store.enqueue([], before=before, now=head)
            return False
        now = min(before + ROWS_MAX, head)
        wanted = {kind.value for each in endpoints for kind in each.events}
        settlements = settling.tags_of(wanted)
        looked_up = [*trading.tags_of(wanted), *settlements]
        if looked_up and self._awaited and await self._views.checkpoint() < self._awaited:
            return False
        tags = [*tags_of(wanted), *looked_up]
        rows = await self._store.rows_telling(tags, after=before, up_to=now, bytes_max=BYTES_MAX)
        if sum(len(payload) for _, _, payload in rows) >= BYTES_MAX:
            now = rows[-1][0]
        heard, settled, now = await self._heard(rows, wanted, settlements, now)
        needed = Needed.none()
        for events in heard.values():
            trading.add_needed(needed, events, wanted)
        known = await self._views.known(needed) if heard else NOTHING_KNOWN
        told, scales = NOTHING_TOLD
        if settled:
            types = settling.types_in(wanted)
            told, scales = await self._views.told(types, after=before, up_to=now)
        queued: list[Queued] = []
        for height, at_us, payload in rows:
            if height <= now:
                notices = [*notices_of(payload, wanted)]
                notices += trading.notices_of(heard.get(height, ()), wanted, known)
                notices += settling.notices_of(told.get(height, ()), scales)
                queued += self._queued(endpoints, notices, height, at_us)
            await asyncio.sleep(0)  # whatever else is ready goes first
        await self._store.enqueue(queued, before=before, now=now)
        return before < now < head

    async def _heard(
        self,
        rows: Sequence[tuple[int, int, bytes]],
        wanted: set[str],
        settlements: Sequence[bytes],
        now: int,
    ) -> tuple[dict[int, list[Heard]], bool, int]:
        """Return the exchange's events by height, whether anything is to be told of settlements,
        and how far to go: not beyond the first row that the views do not tell of yet."""
        heard: dict[int, list[Heard]] = {}
        settled = False
        have: int | None = None
        self._awaited = 0
        for height, _, payload in rows:
            events = trading.heard_in(payload, wanted)
            settling_too = any(tag in payload for tag in settlements)
            if not events and not settling_too:
                continue
            have = await self._views.checkpoint() if have is None else have
            if height > have:
                self._awaited = height
                return heard, settled, height - 1
            settled |= settling_too
            if events:
                heard[height] = events
            await asyncio.sleep(0)
        return heard, settled, now

    def _queued(
        self, endpoints: list[EndpointView], notices: Iterable[Notice], height: int, at_us: int
    ) -> list[Queued]:
        timestamp = rfc3339(at_us)
        queued: list[Queued] = []
        for notice in notices:
            body = body_of(notice, chain=self._chain, height=height, timestamp=timestamp)
            for each in endpoints:
                if notice.type in each.events and height > each.from_height:
                    id = f"{height}:{notice.place}:{each.id}"
                    queued.append(Queued(id, each.id, notice.type.value, height, body))
        return queued

    async def send_due(self) -> int:
        """Begin the attempts that are due and for which there is room; return how many."""
        room = SENDERS_MAX - len(self._sending)
        if room <= 0:
            return 0
        busy = [id for id, count in self._by_endpoint.items() if count >= SENDERS_PER_ENDPOINT]
        due = await self._store.claim(
            count=min(room, SENDERS_PER_ENDPOINT), busy=busy, claim_us=CLAIM_US
        )
        for each in due:
            self._by_endpoint[each.endpoint] += 1
            task = asyncio.create_task(self._attempt(each))
            self._sending[each.id] = task
            task.add_done_callback(lambda _, each=each: self._ended(each))  # type: ignore[misc]
        return len(due)

    def _ended(self, claimed: Claimed) -> None:
        self._sending.pop(claimed.id, None)
        self._by_endpoint[claimed.endpoint] -= 1
        if not self._by_endpoint[claimed.endpoint]:
            del self._by_endpoint[claimed.endpoint]

    async def settled(self) -> None:
        """Return once no attempt is under way."""
        while self._sending:
            await asyncio.gather(*self._sending.values())

    async def _attempt(self, claimed: Claimed) -> None:
        """Send a message once and note what came of it."""
        try:
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    status = await self._post(claimed)
            except TimeoutError:
                raise _NotTaken(f"no answer in {self._settings.timeout_s:g} s") from None
            await self._store.delivered(claimed, status)
        except _NotTaken as no:
            await self._not_taken(claimed, no)
        except NotDone as outage:
            # The claim ends by itself, and the message is sent again: at least once.
            log.warning("webhooks_outage", reason=str(outage))
        except Exception:
            log.exception("webhooks_attempt_failed", id=claimed.id)

    async def _post(self, claimed: Claimed) -> int:
        """Return the status of a message that was taken; raises _NotTaken."""
        assert self._client is not None
        loopback = self._store.loopback
        try:
            parts = check_url(claimed.url, loopback=loopback)
            host = parts.hostname or ""
            port = parts.port or (443 if parts.scheme == "https" else 80)
            address = await resolve(host, port, loopback=loopback)
        except (AddressRefused, Rejection) as no:
            raise _NotTaken(str(no)) from None
        where = f"[{address}]" if ":" in address else address
        request = self._client.build_request(
            "POST",
            parts._replace(netloc=f"{where}:{port}").geturl(),
            content=claimed.body,
            headers={**self._headers(claimed), "host": urlsplit(claimed.url).netloc},
            extensions={"sni_hostname": host},
            timeout=self._settings.timeout_s,
        )
        try:
            answer = await self._client.send(request, stream=True, follow_redirects=False)
            await answer.aclose()
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise _NotTaken(f"{type(error).__name__}: {error}"[:ANSWER_MAX]) from None
        if not answer.is_success:
            why = "redirects are not followed" if answer.is_redirect else "refused"
            raise _NotTaken(f"{why}: status {answer.status_code}", answer.status_code)
        return answer.status_code

    def _headers(self, claimed: Claimed) -> dict[str, str]:
        """Return the headers of an attempt; while a secret is being replaced, both sign."""
        at = datetime.fromtimestamp(self._clock.now_us() // 1_000_000, UTC)
        text = claimed.body.decode()
        signatures = [
            Webhook(secret).sign(claimed.id, at, text)
            for secret in (claimed.secret, claimed.old_secret)
            if secret
        ]
        return {
            "content-type": "application/json",
            "user-agent": "nostro-webhooks/1",
            "webhook-id": claimed.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    async def _not_taken(self, claimed: Claimed, no: _NotTaken) -> None:
        """Note a failed attempt; give up an endpoint that is gone, or that has failed for long."""
        settings, now_us = self._settings, self._clock.now_us()
        pause_s = min(settings.retry_first_s * 4 ** (claimed.attempts - 1), settings.retry_last_s)
        pause_s *= 1.0 + 0.1 * self._jitter.random()
        next_at_us: int | None = now_us + int(pause_s * 1_000_000)
        gone = no.status == GONE
        if gone or (next_at_us is not None and next_at_us > claimed.give_up_at_us):
            next_at_us = None
        since_us = claimed.failing_since_us
        failing_for_us = 0 if since_us is None else now_us - since_us
        try:
            await self._store.failed(claimed, status=no.status, error=no.why, next_at_us=next_at_us)
            if gone:
                await self._store.disable(claimed.endpoint, "it said that it is gone (410)")
            elif failing_for_us > settings.disable_after_s * 1_000_000:
                await self._store.disable(claimed.endpoint, "it failed for too long")
        except NotDone as outage:
            log.warning("webhooks_outage", reason=str(outage))
        log.info(
            "webhooks_not_taken",
            id=claimed.id,
            attempt=claimed.attempts,
            status=no.status,
            reason=no.why,
        )

    async def _forget(self) -> None:
        now_us = self._clock.now_us()
        if now_us >= self._forget_at_us:
            self._forget_at_us = now_us + FORGET_EVERY_US
            await self._store.forget(older_than_us=now_us - KEEP_US)
