"""How many requests, how long did they take, and what does the engine say of itself?

Counted in plain dictionaries, which is an order of magnitude cheaper than a metric object for each
request, and turned into Prometheus families only when asked. Everything runs on one event loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
)
OTHER = "other"
"""What every other method is counted as: callers may make up as many as they like."""
REQUEST_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """Counts of values by upper bound (seconds), and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper bound, count up to it), the last one `+Inf`."""
        rows, total = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            rows.append((bound, float(total)))
        return rows


class FeedFigures(NamedTuple):
    """What the feeds count. `subscriptions`: by channel; `lagged`: how often what waited for a slow
    reader was dropped; `refused`: connections that were too many, by the code of the refusal."""

    connections: int
    subscriptions: Mapping[str, int]
    lagged: int
    refused: Mapping[str, int]


class Meters:
    """What the front door counts since the start. `feeds` tells what the feeds count, where there
    are any."""

    def __init__(self) -> None:
        self.feeds: Callable[[], FeedFigures] | None = None
        self.requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self.durations: dict[tuple[str, str], Histogram] = {}

    def request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count one answered request; `route` is the pattern, so that labels stay few."""
        if method not in METHODS:
            method = OTHER
        self.requests[method, route, status] += 1
        histogram = self.durations.get((method, route))
        if histogram is None:
            histogram = self.durations[method, route] = Histogram(REQUEST_BOUNDS_S)
        histogram.add(took_s)
