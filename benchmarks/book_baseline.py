"""What does the fastest pure-Python order book that pip installs do with the same messages?

Of those found that work on a Python of today (akhil4n-orderbook, lobby, pyorderbook,
lightmatchingengine), akhil4n-orderbook is the fastest in the worst shape; all but the last make the
same trades as ours. It is no dependency of ours: where it cannot be imported, pip brings it into a
directory that goes when the benchmark ends.
"""

from __future__ import annotations

import atexit
import importlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from benchmarks.book_shapes import BUY, CANCEL, NEW, REDUCE, TAKE, Message

PACKAGES = ("akhil4n-orderbook==0.1.1", "sortedcontainers==2.4.0")
NAME = f"{PACKAGES[0]} (pure Python: sortedcontainers, OrderedDict)"
PIP_TIMEOUT_S = 60


class Theirs:
    """Their book, and their orders by our numbers."""

    def __init__(self, module: ModuleType) -> None:
        self._order: Any = module.Order
        self._sides = module.OrderSide
        self._book: Any = module.OrderBook()
        self._orders: dict[int, Any] = {}

    def play(self, messages: Sequence[Message]) -> int:
        """Take messages, those that it does not know as made of those that it knows; return the
        number of trades."""
        before = len(self._book.trade_log)
        bid, ask, enter, orders = self._sides.BID, self._sides.ASK, self._enter, self._orders
        for kind, number, _, side, price, lots in messages:
            if kind <= TAKE:
                enter(number, bid if side is BUY else ask, price, lots, rests=kind == NEW)
                continue
            order = orders.get(number)
            if order is None or not order.remaining_quantity:
                continue
            left = order.remaining_quantity
            if kind == REDUCE and lots >= left:
                continue
            self._book.cancel_order(order.order_id)
            del orders[number]
            if kind != CANCEL:
                enter(number, order.side, price, lots if kind == REDUCE else left, rests=True)
        return len(self._book.trade_log) - before

    def _enter(self, number: int, side: Any, price: int, lots: int, *, rests: bool) -> None:
        order = self._order(side, price, lots)
        self._book.add_limit_order(order)
        if order.remaining_quantity and rests:
            self._orders[number] = order
        elif order.remaining_quantity:
            self._book.cancel_order(order.order_id)


def fetch() -> Callable[[], Theirs] | None:
    """Return what makes their books; None: pip cannot reach the package."""
    try:
        module = importlib.import_module("orderbook")
    except ImportError:
        directory = tempfile.mkdtemp(prefix="nostro-baseline-")
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        try:
            subprocess.run(
                [*pip, "--disable-pip-version-check", "--target", directory, *PACKAGES],
                check=True,
                timeout=PIP_TIMEOUT_S,
            )
        except (subprocess.SubprocessError, OSError) as error:
            print(f"no baseline: {error}", file=sys.stderr)
            return None
        sys.path.append(directory)
        module = importlib.import_module("orderbook")
    return lambda: Theirs(module)
