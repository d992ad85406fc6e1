"""How are many seeds run at once?"""

from __future__ import annotations

import gc
import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import structlog

from nostro.simulation.dvp_world import SETTLEMENT, run_settlement_seed
from nostro.simulation.exchange_world import EXCHANGE, run_exchange_seed
from nostro.simulation.payments_world import PAYMENTS, run_payments_seed
from nostro.simulation.world import LEDGER, Run, run_seed

SEEDS_A_PARCEL = 8
"""Seeds a worker takes at a time: few enough that all workers end at about the same time."""

STORIES: dict[str, Callable[[int, str], Run]] = {
    LEDGER: run_seed,
    PAYMENTS: run_payments_seed,
    EXCHANGE: run_exchange_seed,
    SETTLEMENT: run_settlement_seed,
}
"""Which worlds there are."""


def run_seeds(
    seeds: Sequence[int], weather: str, *, jobs: int, story: str = LEDGER
) -> Iterator[Run]:
    """Yield what each seed came to, in order, `jobs` processes working at it."""
    if jobs <= 1:
        with quiet():
            yield from (STORIES[story](seed, weather) for seed in seeds)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_work) as pool:
        parcels = [
            seeds[start : start + SEEDS_A_PARCEL] for start in range(0, len(seeds), SEEDS_A_PARCEL)
        ]
        count = len(parcels)
        for runs in pool.map(_run_parcel, parcels, [weather] * count, [story] * count):
            yield from runs


def replay_command(run: Run) -> str:
    """Return the command that runs the very same again."""
    seeds = f"{run.seed}..{run.seed}"
    return f"nostro simulate --story {run.story} --seeds {seeds} --weather {run.weather}"


def _begin_work() -> None:
    """Prepare a process that does nothing else: what is loaded by now stays, and need not be
    looked through again and again for garbage."""
    _be_quiet()
    gc.freeze()


def _be_quiet() -> None:
    """Log nothing: what a simulated platform complains of is what the weather did."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@contextmanager
def quiet() -> Iterator[None]:
    """Log nothing for a while."""
    before = structlog.get_config() if structlog.is_configured() else None
    _be_quiet()
    try:
        yield
    finally:
        structlog.reset_defaults() if before is None else structlog.configure(**before)


def _run_parcel(seeds: Sequence[int], weather: str, story: str) -> list[Run]:
    return [STORIES[story](seed, weather) for seed in seeds]
