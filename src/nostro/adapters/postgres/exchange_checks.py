"""Do the views of the exchange tell what the journal says up to their checkpoint, and do the books
hold what orders reserve?

What is shown is gathered here once more, by the projection, from the events alone; what orders
reserve is counted in another way. Memory: some 800 bytes for each order that lives, 100 for one
that ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.adapters.postgres.copy import plain
from nostro.adapters.postgres.evidence import Evidence
from nostro.adapters.postgres.folded_rows import Folded
from nostro.adapters.postgres.projections.exchange import ExchangeProjection
from nostro.adapters.postgres.projections.exchange_candles import (
    CANDLE_COLUMNS,
    Candle,
    Candles,
    Span,
    follow,
)
from nostro.adapters.postgres.projections.exchange_orders import (
    ORDER_COLUMNS,
    Course,
    OrderRows,
    Placed,
    order_row,
)
from nostro.adapters.postgres.projections.exchange_tables import TRADE_COLUMNS, ExchangeTables
from nostro.exchange import (
    AmendmentPlaced,
    AmendmentRefused,
    ClosedOrder,
    OrderReduced,
    OrderRefused,
    OrderRested,
    OrdersClosed,
    OrdersPlaced,
    RouteEnded,
    Side,
    TradesExecuted,
)
from nostro.flows.books import earnings_account, orders_account
from nostro.kernel.messages import Event, room_of
from nostro.kernel.room import Position
from nostro.ledger import AccountOpened, Line, LineKind, TransfersRecorded
from nostro.runtime.ports import Entry
from nostro.runtime.verify import Contradiction

_ORDERS = f"SELECT {ORDER_COLUMNS} FROM nostro.orders ORDER BY number"
_TRADES = f"COPY (SELECT {TRADE_COLUMNS} FROM nostro.trades ORDER BY trade) TO STDOUT"
_CANDLES = f"SELECT {CANDLE_COLUMNS} FROM nostro.candles ORDER BY market, span_s, start_us"
_WATCHED = (orders_account("", "")[:-1], earnings_account(""))
"""How the ids of the accounts begin that the exchange has."""
_MOVING = frozenset({LineKind.POSTED, LineKind.HOLD_POSTED, LineKind.REVERSAL})


class ExchangeCheck:
    """Are markets, orders, trades, candles and all that belongs to them shown as they came
    about?"""

    name = "exchange"

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._checkpoint = evidence.checkpoint().height
        self._tables = ExchangeTables(_nowhere)
        self._projection = ExchangeProjection(self._tables)
        self._orders = _Orders()
        self._trades = evidence.copied(_TRADES)
        self._trades_count = 0
        self._candles: dict[Span, Candle] = {}
        self._folded = [Folded(rows) for rows in self._tables.few]

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Compare the trades of a row, and remember what else it changes."""
        ours = [event for event in events if room_of(type(event)) == "exchange"]
        if not ours or entry.height > self._checkpoint:
            return
        tables, position = self._tables, Position(entry.height, entry.at_us)
        for event in ours:
            self._projection.after(event, position, 0, None)
        self._compare_trades(tables.trade_lines)
        self._orders.hear(tables.orders)
        self._note_candles(tables.candles)
        tables.add_up()
        for folded in self._folded:
            folded.hear()
        tables.clear()

    def _compare_trades(self, lines: list[str]) -> None:
        for line in lines:
            shown = next(self._trades, b"").decode()
            if shown != line:
                _explain_trade(line, shown)
        self._trades_count += len(lines)

    def _note_candles(self, candles: Candles) -> None:
        for span, candle in candles.spans().items():
            follow(self._candles, span, candle)

    def finish(self) -> None:
        """Compare everything as it stands at the checkpoint."""
        if next(self._trades, None) is not None:
            raise Contradiction("a trade is shown that never was", height=self._checkpoint)
        self._orders.finish(self._evidence, self._checkpoint)
        self._compare_candles()
        for folded in self._folded:
            folded.finish(self._evidence, self._checkpoint)

    def _compare_candles(self) -> None:
        known = dict(self._candles)
        for market, span_s, start_us, *shown in self._evidence.stream(_CANDLES):
            candle = known.pop((market, span_s, start_us), None)
            if candle is None or list(msgspec.structs.astuple(candle)) != shown:
                raise Contradiction(
                    f"the candle of {market} at {start_us} is not as it was traded",
                    height=self._checkpoint,
                )
        if known:
            market, _, start_us = min(known)
            raise Contradiction(
                f"the candle of {market} at {start_us} is not shown", height=self._checkpoint
            )

    def told(self) -> str:
        """Say what was compared."""
        rows = sum(folded.count for folded in self._folded)
        return (
            f"{self._orders.count} orders, {self._trades_count} trades,"
            f" {len(self._candles)} candles, {rows} rows of what belongs to them"
        )


def _nowhere(_statement: str, _data: bytes) -> None:
    """Send rows nowhere."""


def _explain_trade(line: str, shown: str) -> None:
    """Raise Contradiction that says what is wrong."""
    wanted, fields = line.rstrip("\n").split("\t"), shown.rstrip("\n").split("\t")
    if fields[0] != wanted[0]:
        raise Contradiction(f"trade {wanted[0]} is not shown, or a false one before it")
    for name, want, have in zip(TRADE_COLUMNS.split(", "), wanted, fields, strict=True):
        if want != have:
            raise Contradiction(f"trade {wanted[0]} is shown with {name} {have}, it was {want}")


class _Orders:
    """Orders as the journal leaves them; of those that ended, the hash of their row."""

    def __init__(self) -> None:
        self._live: dict[int, tuple[Placed, Course]] = {}
        self._ended: dict[int, int] = {}
        self.count = 0

    def hear(self, rows: OrderRows) -> None:
        """Take in what was gathered of a journal row."""
        for number, course in rows.courses.items():
            placed = rows.placed.get(number)
            if placed is not None:
                told = placed, course
            elif number in self._live:
                told = self._live[number]
                told[1].follow(course)
            else:
                raise Contradiction(f"order {number} changes, and does not live")
            if told[1].closed_height is None:
                self._live[number] = told
            else:
                self._live.pop(number, None)
                self._ended[number] = hash(_content(order_row(number, *told)))
        self.count += len(rows.placed)

    def finish(self, evidence: Evidence, checkpoint: int) -> None:
        """Compare every order as it stands at the checkpoint."""
        live, ended = self._live, self._ended
        for row in evidence.stream(_ORDERS):
            number = row[0]
            if number in ended:
                sound = ended.pop(number) == hash(row)
            elif number in live:
                sound = _content(order_row(number, *live.pop(number))) == row
            else:
                raise Contradiction(f"a false order {number} is shown", height=checkpoint)
            if not sound:
                raise Contradiction(f"order {number} is not shown as it stands", height=row[4])
        if live or ended:
            first = min([*live, *ended])
            raise Contradiction(f"order {first} is not shown", height=checkpoint)


def _content(row: Sequence[Any]) -> tuple[Any, ...]:
    """Return a row of ours such that it equals one that is shown, and has its hash."""
    return tuple(plain(value) if isinstance(value, str) else value for value in row)


class _Reserve(msgspec.Struct, gc=False):
    """What the books must hold for an order, and on which account."""

    account: str
    minor: int
    buys: bool
    extra: int = 0
    """What the amendment at hand is to hold besides."""


class OrderFundsCheck:
    """After every row: do the accounts of orders hold what live orders reserve, and earnings what
    trades cost, but for what people took of them? Needs the journal alone."""

    name = "order funds"

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._balances: dict[str, int] = {}
        self._wanted: dict[str, int] = {}
        self._touched: set[str] = set()
        self._orders: dict[int, _Reserve] = {}
        self._ended_count = 0
        self._fees_count = 0

    def hear(self, entry: Entry, events: Sequence[Event]) -> None:
        """Count both ways, and compare what a row touches."""
        trades = False
        for event in events:
            match event:
                case TransfersRecorded(lines):
                    self._move(lines)
                case AccountOpened() if event.id.startswith(_WATCHED):
                    self._ids[event.number] = event.id
                case _ if room_of(type(event)) == "exchange":
                    self._tell(event)
                    trades = True
        if not trades:
            self._let_be()
        for account in sorted(self._touched):
            held, wanted = self._balances.get(account, 0), self._wanted.get(account, 0)
            if held != wanted:
                what = "trades come to" if account.startswith(_WATCHED[1]) else "its orders need"
                raise Contradiction(f"{account} has {held}; {what} {wanted}")
        self._touched.clear()

    def _let_be(self) -> None:
        """Take what people moved to or from the earnings as right: it is the house's money."""
        for account in self._touched:
            if account.startswith(_WATCHED[1]):
                self._wanted[account] = self._balances.get(account, 0)

    def _move(self, lines: Sequence[Line]) -> None:
        ids = self._ids
        for line in lines:
            debit, credit = ids.get(line.debit), ids.get(line.credit)
            if (debit or credit) and line.kind in _MOVING:
                for account, minor in ((debit, -line.amount_minor), (credit, line.amount_minor)):
                    if account:
                        self._balances[account] = self._balances.get(account, 0) + minor
                        self._touched.add(account)

    def _tell(self, event: Event) -> None:
        match event:
            case OrdersPlaced(user_id, placed):
                for order in placed:
                    account = orders_account(user_id, order.asset)
                    buys = order.side is Side.BUY
                    self._orders[order.number] = _Reserve(account, 0, buys)
                    self._reserve(order.number, order.reserved_minor)
            case TradesExecuted():
                self._trade(event)
            case RouteEnded():
                for fill in event.fills:
                    self._fill(event, event.order, fill.lots, fill.value_minor, fill.fee_minor)
                self._release(event.order, event.released_minor, ended=not event.left)
            case OrderRested() | OrderReduced():
                self._release(event.order, event.released_minor, ended=False)
            case OrdersClosed(_, _, _, closed):
                for each in closed:
                    self._close(each)
            case OrderRefused():
                self._release(event.order, self._orders[event.order].minor, ended=True)
            case AmendmentPlaced():
                self._reserve(event.order, event.extra_minor)
                self._orders[event.order].extra = event.extra_minor
            case AmendmentRefused():
                self._release(event.order, self._orders[event.order].extra, ended=False)

    def _trade(self, event: TradesExecuted) -> None:
        for fill in event.fills:
            maker, taker = fill.maker_fee_minor, fill.taker_fee_minor
            self._fill(event, fill.maker, fill.lots, fill.value_minor, maker)
            self._fill(event, event.order, fill.lots, fill.value_minor, taker)
            self._release(fill.maker, fill.maker_released_minor, ended=not fill.maker_left)
        self._release(event.order, event.released_minor, ended=not event.left)

    def _fill(
        self, event: TradesExecuted | RouteEnded, order: int, lots: int, value: int, fee: int
    ) -> None:
        """Take what a fill costs from its order, and its fee to the earnings."""
        spent = value + fee if self._orders[order].buys else lots * event.lot_minor
        self._reserve(order, -spent)
        earnings = earnings_account(event.quote)
        self._wanted[earnings] = self._wanted.get(earnings, 0) + fee
        self._touched.add(earnings)
        self._fees_count += 1

    def _close(self, closed: ClosedOrder) -> None:
        if closed.order in self._orders:
            self._release(closed.order, closed.released_minor, ended=True)

    def _release(self, order: int, minor: int, *, ended: bool) -> None:
        self._reserve(order, -minor)
        if ended:
            left = self._orders.pop(order).minor
            if left:
                raise Contradiction(f"order {order} ended with {left} still held for it")
            self._ended_count += 1

    def _reserve(self, order: int, minor: int) -> None:
        reserve = self._orders[order]
        reserve.minor += minor
        if reserve.minor < 0:
            raise Contradiction(f"order {order} spends {-reserve.minor} more than is held for it")
        self._wanted[reserve.account] = self._wanted.get(reserve.account, 0) + minor
        self._touched.add(reserve.account)

    def finish(self) -> None:
        """Do nothing: every row was compared."""

    def told(self) -> str:
        """Say what was counted."""
        return (
            f"{len(self._orders)} live orders hold what they reserve, {self._ended_count} ended"
            f" with nothing held, {self._fees_count} fees earned"
        )
