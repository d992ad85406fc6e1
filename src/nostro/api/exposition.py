"""What does Prometheus read? Base units, few labels, names that begin with `nostro_`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from nostro.api.meters import Meters
from nostro.api.picture import Picture
from nostro.api.platform import Platform
from nostro.api.watch import Lag
from nostro.exchange import ExchangeState, MarketState
from nostro.runtime.engine import COMMIT_BOUNDS_S, EngineState
from nostro.settlement import SettlementState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposed(platform: Platform, meters: Meters, lag: Lag) -> bytes:
    """Return every metric in the text exposition format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(_all(platform, meters, lag)))
    ProcessCollector(namespace="nostro", registry=registry)
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _all(platform: Platform, meters: Meters, lag: Lag) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "nostro_build", "What runs.", {"version": platform.version, "chain": platform.chain}
    )
    yield from _engine(platform)
    yield from _views(lag)
    yield from _effects(platform)
    if platform.picture is not None:
        yield from _markets(platform.picture)
        yield from _outside(platform.engine.look("exchange"))
        yield from _feeds(meters)
    if platform.domains is not None:
        yield from _settlements(platform.engine.look("settlement"))
    yield from _requests(meters)


def _engine(platform: Platform) -> Iterator[Metric]:
    engine, stats = platform.engine, platform.engine.stats
    yield from (
        CounterMetricFamily(name, text, value)
        for name, text, value in (
            ("nostro_commands", "Commands decided.", stats.commands),
            ("nostro_rejections", "Commands refused by business.", stats.rejected),
            ("nostro_replays", "Answers told again under their key.", stats.replayed),
            ("nostro_key_conflicts", "Keys used again for something else.", stats.conflicts),
            ("nostro_overloads", "Commands turned away, the queue being full.", stats.overloaded),
            ("nostro_recoveries", "Times the state was dropped and replayed.", stats.recoveries),
            ("nostro_decide_seconds", "Time spent deciding.", stats.decide_s),
        )
    )
    yield from (
        GaugeMetricFamily(name, text, value)
        for name, text, value in (
            ("nostro_queue_depth", "Commands that wait to be decided.", engine.queued),
            ("nostro_journal_height", "Height of the journal, durable.", engine.height),
            ("nostro_recovery_seconds", "What the last recovery took.", stats.recovery_s),
        )
    )
    state = GaugeMetricFamily(
        "nostro_engine_state", "1 for the state the engine is in.", labels=["state"]
    )
    for each in EngineState:
        state.add_metric([each.value], float(engine.state is each))
    yield state
    rows, total = [], 0
    bounds = (*map(str, COMMIT_BOUNDS_S), "+Inf")
    for bound, count in zip(bounds, stats.commit_counts, strict=True):
        total += count
        rows.append((bound, float(total)))
    yield HistogramMetricFamily(
        "nostro_commit_seconds", "What a commit took.", buckets=rows, sum_value=stats.commit_s
    )


def _views(lag: Lag) -> Iterator[Metric]:
    for name, text, value in (
        ("nostro_view_height", "Height that the views have reached.", lag.height),
        ("nostro_view_lag_rows", "Journal rows the views are behind.", lag.rows),
        ("nostro_view_lag_seconds", "Age of the oldest row not in the views.", lag.seconds),
    ):
        if value is not None:
            yield GaugeMetricFamily(name, text, value)


def _effects(platform: Platform) -> Iterator[Metric]:
    performing = platform.performing
    if performing is not None:
        yield GaugeMetricFamily(
            "nostro_effects_under_way", "Deeds being done in the world.", performing.under_way
        )
        yield GaugeMetricFamily(
            "nostro_effects_parked", "Deeds given up until the next start.", len(performing.parked)
        )


def _markets(picture: Picture) -> Iterator[Metric]:
    """Tell of the markets as they are shown; of none while the picture is broken."""
    yield GaugeMetricFamily(
        "nostro_picture_broken",
        "1 while the markets cannot be shown: it is made anew when the engine is idle.",
        float(bool(picture.broken)),
    )
    placed = CounterMetricFamily("nostro_orders_placed", "Orders placed.", labels=["market"])
    trades = CounterMetricFamily("nostro_trades", "Trades.", labels=["market"])
    live = GaugeMetricFamily("nostro_orders_live", "Orders not closed.", labels=["market"])
    state = GaugeMetricFamily(
        "nostro_market_state", "1 for the state a market is in.", labels=["market", "state"]
    )
    for market in picture.markets():
        placed.add_metric([market.name], market.placed)
        trades.add_metric([market.name], market.trades)
        live.add_metric([market.name], market.live)
        for each in MarketState:
            state.add_metric([market.name, each.value], float(market.state is each))
    yield from (placed, trades, live, state)


def _outside(state: ExchangeState) -> Iterator[Metric]:
    """Tell what waits for a provider, and for people. Counted as it is decided on now."""
    broken = sum(route.broken for route in state.routes.values())
    ended = sum(route.broken for route in state.routes_ended.values())
    for name, text, value in (
        (
            "nostro_routes_awaited",
            "Orders that a liquidity provider has.",
            len(state.routes) - broken,
        ),
        (
            "nostro_routes_broken",
            "Routes of which a provider said what cannot be; people must look.",
            broken + ended,
        ),
        (
            "nostro_suspended_funds",
            "Sums that a wallet would not take, not released yet.",
            len(state.suspensions),
        ),
    ):
        yield GaugeMetricFamily(name, text, value)


def _settlements(state: SettlementState) -> Iterator[Metric]:
    """Tell what is to be settled, and what of it waits for people. Counted as it is decided on
    now."""
    for name, text, value in (
        (
            "nostro_settlements_live",
            "Settlements that have not ended, and those that failed.",
            len(state.settlements),
        ),
        (
            "nostro_settlements_stuck",
            "Bundles of which a domain refuses what was decided; people must look.",
            len(state.stuck),
        ),
        (
            "nostro_settlement_domains_shut",
            "Settlement domains that are closed or quarantined.",
            len(state.shut),
        ),
    ):
        yield GaugeMetricFamily(name, text, value)


def _feeds(meters: Meters) -> Iterator[Metric]:
    if meters.feeds is None:
        return
    figures = meters.feeds()
    yield GaugeMetricFamily("nostro_feed_connections", "Readers of the feeds.", figures.connections)
    followed = GaugeMetricFamily(
        "nostro_feed_subscriptions", "Subscriptions to the feeds.", labels=["channel"]
    )
    for channel, number in figures.subscriptions.items():
        followed.add_metric([channel], number)
    yield followed
    yield CounterMetricFamily(
        "nostro_feed_lagged", "Times that what waited for a reader was dropped.", figures.lagged
    )
    refused = CounterMetricFamily(
        "nostro_feed_refused", "Connections that were too many.", labels=["code"]
    )
    for code, number in figures.refused.items():
        refused.add_metric([code], number)
    yield refused


def _requests(meters: Meters) -> Iterator[Metric]:
    counted = CounterMetricFamily(
        "nostro_http_requests", "Requests answered.", labels=["method", "route", "status"]
    )
    for (method, route, status), count in sorted(meters.requests.items()):
        counted.add_metric([method, route, str(status)], count)
    yield counted
    took = HistogramMetricFamily(
        "nostro_http_request_seconds", "What an answer took.", labels=["method", "route"]
    )
    for (method, route), histogram in sorted(meters.durations.items()):
        took.add_metric([method, route], buckets=histogram.buckets(), sum_value=histogram.sum)
    yield took
