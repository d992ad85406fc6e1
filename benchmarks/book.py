"""How many messages a CPU second does the order book take, in the worst of five market shapes?

python -m benchmarks.book [--quick]

The book alone, in pure Python: no funds, fees, events, journal or network. A message is a new
order, a cancel, a reduction or a replacement. A new order is made (`LiveOrder`), matched, its fills
are applied one by one, and what is left comes to rest: the calls, and the look-ups by number, that
the room makes to decide and to evolve. Nothing is left out for speed. A sweep counts as one
message, however many orders it meets.

The shapes (`book_shapes.py`, drawn from seeds):
steady: 1,000 orders around the touch; adds, cancels, amendments, one message in twelve crosses;
deep: 120,000 orders on 4,000 levels; half of the messages at the touch, half in the depth;
slow swing, fast swing: the price moves by 1,000 ticks and back, followed by sweeps of some 10 and
of some 120 orders;
flash crash: sweeps of some 1,600 orders empty 500 levels, which then fill again.

Rates are of CPU time (`process_time`), the best of five rounds of all shapes, with the garbage
collector as in the server (100,000 young objects, what is there frozen). Messages are decoded in
batches of 1,000, as an engine takes them, while the clock stands. Latencies are of wall time in a
run of their own, one call for each message, the clock's own 65 ns or so included. The baseline
takes the same streams in the same process; it knows no amendments: it cancels and enters again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from time import perf_counter_ns, process_time
from typing import Any

from benchmarks import book_baseline
from benchmarks.book_shapes import CANCEL, REDUCE, TAKE, Message, Orders, Shape, decode, shapes
from benchmarks.result import percentile, report
from benchmarks.stand import tune_garbage_collection
from nostro.exchange import Book, LiveOrder

MESSAGES = 200_000
ROUNDS = 5
TARGET = 600_000
P99_TARGET_US = 10


def main() -> None:
    """Measure every shape, ours and the baseline's, and report the worst; `--quick`: briefly."""
    quick = "--quick" in sys.argv[1:]
    drawn = shapes(play, messages=20_000 if quick else MESSAGES)
    baseline = book_baseline.fetch()
    rounds = [[_run(shape) for shape in drawn] for _ in range(1 if quick else ROUNDS)]
    told = {
        shape.name: {**_told(max(runs)), **_latencies(shape), **_theirs(shape, baseline)}
        for shape, runs in zip(drawn, zip(*rounds, strict=True), strict=True)
    }
    if quick:
        print(told)
        return
    rates = [figures["messages_per_cpu_s"] for figures in told.values()]
    theirs = [figures.get("baseline_messages_per_cpu_s", 0) for figures in told.values()]
    p99 = max(figures["p99_us"] for figures in told.values())
    report(
        name="book",
        value=min(rates),
        unit="messages/CPU s in the worst shape",
        target=TARGET,
        baseline=book_baseline.NAME if baseline else f"not reachable: {book_baseline.NAME}",
        ratio=min(rates) / min(theirs) if baseline else 0,
        bound_by="one core of Python: in the swings and the crash, making, matching and dropping "
        "an order object for each trade; in the deep book, memory that no cache holds",
        details={
            **told,
            "worst_over_best_shape": round(min(rates) / max(rates), 2),
            "worst_p99_us": p99,
            "p99_target_us": P99_TARGET_US,
        },
    )


def play(book: Book, orders: Orders, messages: Sequence[Message]) -> int:
    """Take messages as the room does; return the number of trades."""
    match, add, fill, remove, reduce = book.match, book.add, book.fill, book.remove, book.reduce
    trades = 0
    for kind, number, user, side, price, lots in messages:
        if kind <= TAKE:
            taker = LiveOrder(number, user, side, price, lots)
        else:
            order = orders.get(number)
            if order is None:
                continue  # too late
            if kind == REDUCE:
                if lots < order.lots_left:
                    reduce(order, order.lots_left - lots)
                continue
            remove(order)
            del orders[number]
            if kind == CANCEL:
                continue
            order.price = price
            taker = order
        matched = match(taker)
        for maker, filled in matched.fills:
            fill(maker, filled)
            if not maker.lots_left:
                del orders[maker.number]
            trades += 1
        left = matched.left
        if left and kind != TAKE:
            taker.lots_left = left
            orders[number] = taker
            add(taker)
    return trades


def _told(run: tuple[float, int, int]) -> dict[str, Any]:
    rate, trades, resting = run
    return {
        "messages_per_cpu_s": round(rate),
        "trades": trades,
        "resting_at_the_end": resting,
    }


def _run(shape: Shape) -> tuple[float, int, int]:
    """Return messages per CPU second, trades, and orders that rest at the end."""
    book = Book()
    orders: Orders = {}
    _timed(shape.before, lambda messages: play(book, orders, messages))
    rate, trades = _timed(shape.timed, lambda messages: play(book, orders, messages))
    book.check()
    return rate, trades, len(book)


def _timed(batches: Sequence[bytes], take: Callable[[Sequence[Message]], int]) -> tuple[float, int]:
    """Return messages per CPU second, and trades."""
    tune_garbage_collection()
    took, size, trades = 0.0, 0, 0
    for batch in batches:
        messages = decode(batch)
        started = process_time()
        trades += take(messages)
        took += process_time() - started
        size += len(messages)
    return size / took, trades


def _theirs(shape: Shape, baseline: Callable[[], book_baseline.Theirs] | None) -> dict[str, Any]:
    if baseline is None:
        return {}
    book = baseline()
    _timed(shape.before, book.play)
    rate, trades = _timed(shape.timed, book.play)
    return {"baseline_messages_per_cpu_s": round(rate), "baseline_trades": trades}


def _latencies(shape: Shape) -> dict[str, Any]:
    """Tell what single messages take."""
    book = Book()
    orders: Orders = {}
    for batch in shape.before:
        play(book, orders, decode(batch))
    tune_garbage_collection()
    took = []
    for batch in shape.timed:
        for message in decode(batch):
            single = (message,)
            started = perf_counter_ns()
            play(book, orders, single)
            took.append(perf_counter_ns() - started)
    return {
        "p50_us": round(percentile(took, 0.5) / 1e3, 2),
        "p99_us": round(percentile(took, 0.99) / 1e3, 2),
        "p99.9_us": round(percentile(took, 0.999) / 1e3, 2),
        "longest_us": round(max(took) / 1e3),
    }


if __name__ == "__main__":
    main()
