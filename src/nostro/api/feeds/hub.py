"""Who follows what, and when are changes told?

Twenty times a second every topic that is followed tells what became durable since: a change is
never told sooner than it is durable, and nobody is told more often. A topic stays for a while after
its last follower left, so that one who comes back finds what he missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, MutableMapping
from secrets import token_hex
from typing import Any

import structlog

from nostro.api.auth import Caller
from nostro.api.desk import Desk
from nostro.api.feeds.connection import (
    CLOSE_GOING_AWAY,
    CLOSE_IDLE,
    CLOSE_LOGIN_OVER,
    Connection,
    Key,
)
from nostro.api.feeds.ears import Ears
from nostro.api.feeds.lists import TradesTopic
from nostro.api.feeds.markets import BookTopic, TickerTopic
from nostro.api.feeds.reading import PatientReads
from nostro.api.feeds.told import written
from nostro.api.feeds.topic import Gone, Message, Subscription, Topic
from nostro.api.meters import FeedFigures
from nostro.api.picture import Picture
from nostro.api.prices import market_name, symbol_of
from nostro.api.problem_table import row_for
from nostro.api.problems import ProblemRaised, detail_of, raised
from nostro.api.times import rfc3339
from nostro.kernel.messages import Rejection
from nostro.runtime.ports import NotDone

TICK_S = 0.05
"""At most 20 updates a second of each channel."""
HEARTBEAT_S = 15.0
IDLE_S = 60.0
"""How long a reader may be there and follow nothing."""
LINGER_S = 60.0
"""How long a topic is kept that nobody follows."""
CONNECTIONS_MAX = 4_000
ONE_IN = 10
"""Of all connections one caller may have one in so many."""
SUBSCRIPTIONS_MAX = 100
"""Of one connection."""
POSITION_DIGITS_MAX = 18
PUBLIC = ("book", "trades", "ticker")
PRIVATE = {
    "orders": "orders:read",
    "fills": "orders:read",
    "balances": "balances:read",
    "settlements": "orders:read",
}
"""Each private channel, and the scope that it takes."""
CHANNELS = (*PUBLIC, *PRIVATE)

log = structlog.get_logger(__name__)


class Hub:
    """The feeds of one front door. `epoch` names its life: a new one begins with each start."""

    def __init__(self, desk: Desk, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self.desk = desk
        self.epoch = token_hex(8)
        picture = desk.platform.picture
        self._life = 0 if picture is None else picture.life
        self.connections: set[Connection] = set()
        self._connections_max = connections_max
        self._each_max = max(connections_max // ONE_IN, 1)
        self._held: Counter[str] = Counter()
        """Connections by who holds them."""
        self._refused: Counter[str] = Counter({"feeds.full": 0, "feeds.too_many_connections": 0})
        self._lagged = 0
        """Of those who are gone."""
        desk.meters.feeds = self.figures
        self._topics: dict[Key, Topic] = {}
        self._ears: dict[str, Ears] = {}
        self._reads: PatientReads | None = None
        self._running: asyncio.Task[None] | None = None
        self._beat_at = 0.0

    @property
    def picture(self) -> Picture:
        """Return what is told from; raises Rejection `feeds.not_here`."""
        try:
            return self.desk.picture
        except (Rejection, NotDone):
            raise Rejection("feeds.not_here") from None

    # -- coming and going --------------------------------------------------------------------------

    async def admitted(self, scope: MutableMapping[str, Any]) -> Caller:
        """Return who opens a connection, which counts as one request of theirs; raises what they
        are told otherwise."""
        caller = await self.desk.gate.of_socket(scope)
        self.desk.limits.take(caller, scope)
        return caller

    def enter(self, connection: Connection) -> None:
        """Let a reader in, and greet him; raises Rejection `feeds.full`,
        `feeds.too_many_connections` or `feeds.not_here`."""
        height = self.picture.height
        if len(self.connections) >= self._connections_max:
            self._refused["feeds.full"] += 1
            raise Rejection("feeds.full", connections_max=self._connections_max)
        holder = _holder(connection.caller, connection.address)
        self._check_room(holder)
        self._held[holder] += 1
        self.connections.add(connection)
        connection.quiet_since = asyncio.get_running_loop().time()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="feeds")
        hello = {
            "type": "hello",
            "epoch": self.epoch,
            "channels": CHANNELS,
            "heartbeat_s": int(HEARTBEAT_S),
            "height": height,
            "user_id": connection.caller.user_id or None,
        }
        connection.send(Message(written(hello)))

    def leave(self, connection: Connection) -> None:
        """Forget a reader."""
        if connection in self.connections:
            self.connections.remove(connection)
            self._let_off(_holder(connection.caller, connection.address))
            self._lagged += connection.lagged
        for key in list(connection.subscriptions):
            self.unfollow(connection, key)
        connection.let_go(CLOSE_GOING_AWAY)

    def _check_room(self, holder: str) -> None:
        if self._held[holder] >= self._each_max:
            self._refused["feeds.too_many_connections"] += 1
            raise Rejection("feeds.too_many_connections", connections_max=self._each_max)

    def _let_off(self, holder: str) -> None:
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]

    def figures(self) -> FeedFigures:
        """Return what is counted of the feeds."""
        followed = Counter(dict.fromkeys(CHANNELS, 0))
        for (channel, _), topic in self._topics.items():
            followed[channel] += len(topic.subscriptions)
        lagged = self._lagged + sum(connection.lagged for connection in self.connections)
        return FeedFigures(len(self.connections), followed, lagged, self._refused)

    def follow(
        self, connection: Connection, key: Key, after: int | None, name: str | None = None
    ) -> int:
        """Let a reader follow a channel about a market or a user, from where he left off; return
        the position from which he is told.

        Raises Rejection `feeds.too_many_subscriptions`, `feeds.subscribed_already`, or
        `feeds.unknown_market`.
        """
        if key in connection.subscriptions:
            raise Rejection("feeds.subscribed_already", channel=key[0])
        if len(connection.subscriptions) >= SUBSCRIPTIONS_MAX:
            raise Rejection("feeds.too_many_subscriptions", subscriptions_max=SUBSCRIPTIONS_MAX)
        topic = self._topics.get(key) or self._open(key)
        subscription = Subscription(topic, connection, name)
        connection.subscriptions[key] = subscription
        connection.quiet_since = 0.0
        topic.subscriptions.add(subscription)
        connection.resume(subscription, topic.begun(after))
        return topic.position if after is None else after

    def unfollow(self, connection: Connection, key: Key) -> None:
        """Let a reader follow something no more; raises Rejection `feeds.not_subscribed`."""
        subscription = connection.subscriptions.pop(key, None)
        if subscription is None:
            raise Rejection("feeds.not_subscribed", channel=key[0])
        topic = subscription.topic
        topic.subscriptions.discard(subscription)
        subscription.in_step = False
        now_s = asyncio.get_running_loop().time()
        if not topic.subscriptions:
            topic.idle_since = now_s
        if not connection.subscriptions:
            connection.quiet_since = now_s

    def named(self, caller: Caller, channel: str, symbol: str, user_id: str) -> Key:
        """Return what is meant to be followed by this caller.

        Raises Rejection `feeds.unknown_channel`, `feeds.unknown_market`, `feeds.login_needed`, or
        `auth.not_your_account`.
        """
        if channel in PUBLIC:
            return channel, market_name(symbol)
        scope = PRIVATE.get(channel)
        if scope is None:
            raise Rejection("feeds.unknown_channel", channel=channel)
        about = user_id or caller.user_id
        if not caller.user_id or not about:
            raise Rejection("feeds.login_needed", channel=channel)
        if not caller.may(scope, about):
            raise Rejection("auth.not_your_account", user_id=about)
        return channel, about

    def about(self, key: Key) -> dict[str, str]:
        """Name what is followed, as the messages of its channel do."""
        channel, about = key
        market = self.picture.market(about) if channel in PUBLIC else None
        whom = {"user_id": about} if market is None else {"symbol": symbol_of(market.terms)}
        return {"channel": channel, **whom}

    def take_over(self, connection: Connection, caller: Caller) -> None:
        """Let a connection be somebody's from now on; what was another's is followed no more.
        Raises Rejection `feeds.too_many_connections`: it then stays whose it was."""
        if caller.user_id != connection.caller.user_id:
            holder = _holder(caller, connection.address)
            self._check_room(holder)
            self._let_off(_holder(connection.caller, connection.address))
            self._held[holder] += 1
            for key in [key for key in connection.subscriptions if key[0] in PRIVATE]:
                self.unfollow(connection, key)
        connection.caller = caller

    async def keep_in_step(self, connection: Connection) -> None:
        """Bring a reader's subscriptions in step, one after the other, until he is gone."""
        while not connection.gone:
            await connection.to_resume.wait()
            connection.to_resume.clear()
            while connection.resumes:
                subscription, after = connection.resumes.popleft()
                if subscription not in subscription.topic.subscriptions:
                    continue
                try:
                    # One thing at a time: what two of them need might not fit.
                    await connection.drained()
                    await subscription.topic.resume(subscription, after)
                except Gone:
                    return
                except Exception as error:
                    self._give_up(connection, subscription, error)

    def _give_up(
        self, connection: Connection, subscription: Subscription, error: Exception
    ) -> None:
        """End a subscription that could not be brought in step, and say so."""
        topic = subscription.topic
        key = (topic.channel, topic.about)
        if connection.subscriptions.get(key) is subscription:
            self.unfollow(connection, key)
        connection.send(Message(error_told(error, channel=topic.channel, name=subscription.name)))

    # -- topics ------------------------------------------------------------------------------------

    def _open(self, key: Key) -> Topic:
        channel, about = key
        picture = self.picture
        if channel in PRIVATE:
            ears = self._ears.get(about)
            if ears is None:
                ears = Ears(about, picture, self._patient(), self._account_number)
                self._ears[about] = ears
            topic = ears.open(channel)
        else:
            market = picture.market(about)
            if market is None:
                raise Rejection("feeds.unknown_market", symbol=about)
            if channel == "book":
                topic = BookTopic(market)
            elif channel == "trades":
                topic = TradesTopic(market, self._patient(), height=picture.height)
            else:
                topic = TickerTopic(market)
        self._topics[key] = topic
        return topic

    def _account_number(self, account: str) -> int | None:
        known = self.desk.platform.engine.look("ledger").accounts.get(account)
        return None if known is None else int(known.number)

    def _patient(self) -> PatientReads:
        if self._reads is None:
            self._reads = PatientReads(self.desk.platform.exchange)
        return self._reads

    def _shut(self, key: Key) -> None:
        topic = self._topics.pop(key)
        topic.close()
        ears = self._ears.get(key[1]) if key[0] in PRIVATE else None
        if ears is not None and not ears.shut(key[0]):
            del self._ears[key[1]]

    # -- time --------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Tell what changed, tick by tick, while anybody is here or was a moment ago."""
        loop = asyncio.get_running_loop()
        self._beat_at = loop.time() + HEARTBEAT_S
        while self.connections or self._topics:
            await asyncio.sleep(TICK_S)
            try:
                self.tick(loop.time())
            except Exception as error:
                log.error("feeds_failed", error=repr(error), exc_info=error)

    def tick(self, now_s: float) -> None:
        """Tell what changed since the last tick. `now_s`: by the loop's clock."""
        picture = self.desk.platform.picture
        if picture is None:
            return
        if picture.broken or picture.life != self._life:
            self._begin_anew(picture)
            return
        for key, topic in list(self._topics.items()):
            if not topic.subscriptions and now_s - topic.idle_since > LINGER_S:
                self._shut(key)
                continue
            try:
                topic.flush()
            except Exception as error:
                log.error("feed_failed", channel=key[0], about=key[1], error=repr(error))
                self._drop(key, error)
        if now_s >= self._beat_at:
            self._beat_at = now_s + HEARTBEAT_S
            self._beat(picture, now_s)

    def _beat(self, picture: Picture, now_s: float) -> None:
        beat = {"type": "heartbeat", "height": picture.height, "at": rfc3339(picture.at_us)}
        message = Message(written(beat))
        gate = self.desk.gate
        for connection in list(self.connections):
            connection.send(message)
            if connection.quiet_since and now_s - connection.quiet_since > IDLE_S:
                connection.let_go(CLOSE_IDLE)
            if connection.caller.user_id and not gate.holds(connection.caller):
                connection.let_go(CLOSE_LOGIN_OVER)

    def _drop(self, key: Key, error: Exception) -> None:
        for subscription in list(self._topics[key].subscriptions):
            connection = subscription.reader
            assert isinstance(connection, Connection)
            self._give_up(connection, subscription, error)
        self._shut(key)

    def _begin_anew(self, picture: Picture) -> None:
        """Let everybody go who follows what the picture showed; what it shows now, or will when it
        is mended, has an epoch of its own."""
        for key in list(self._topics):
            self._drop(key, Rejection("feeds.not_here"))
        if picture.broken:
            with contextlib.suppress(NotDone):
                picture = self.desk.picture
        if picture.life != self._life:
            self._life = picture.life
            self.epoch = token_hex(8)


def address_in(scope: Mapping[str, Any]) -> str:
    """Return from where a connection comes; "" when the server does not tell."""
    return str((scope.get("client") or ("",))[0])


def _holder(caller: Caller, address: str) -> str:
    """Return for whom a connection is counted: his user, also with keys of his, or, of who shows
    nothing, the address."""
    return f"user:{caller.user_id}" if caller.user_id else f"address:{address}"


def error_told(error: Exception, *, channel: str = "", name: str | None = None) -> str:
    """Return the message of an error, in the words of the problem that HTTP answers with."""
    problem: ProblemRaised = raised(error)
    row = row_for(problem.code)
    message = {
        "type": "error",
        "code": problem.code,
        "title": row.title,
        "detail": problem.detail or detail_of(row.title, problem.facts),
        "remedy": row.remedy,
    }
    if channel:
        message["channel"] = channel
    if name is not None:
        message["id"] = name
    return written(message)


def position_said(after: int | str | None) -> int | None:
    """Return the position that a reader names; raises Rejection `feeds.bad_message`."""
    if after is None:
        return None
    text = str(after)
    if not (text.isascii() and text.isdigit() and len(text) <= POSITION_DIGITS_MAX):
        raise Rejection("feeds.bad_message", why="`after` is no position")
    return int(text)
